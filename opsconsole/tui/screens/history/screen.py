"""Mode 6, history: everything that has ended, to search, to compare, to look at as a picture, to report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer

from opsconsole.errors import OpsError
from opsconsole.events import Event, TaskChanged, TasksRemoved
from opsconsole.models import Task
from opsconsole.tui.actions import BY_ID, mode_bindings
from opsconsole.tui.filters import FilterError
from opsconsole.tui.glyphs import glyphs_of
from opsconsole.tui.keys import keys_of
from opsconsole.tui.screens.history import kin_rows, run_rows
from opsconsole.tui.screens.history.latest import Latest
from opsconsole.tui.screens.history.lines import HistoryFilterLine
from opsconsole.tui.screens.history.listing import PAGE, Listing
from opsconsole.tui.screens.history.pages import HistoryPages
from opsconsole.tui.screens.history.query import Query, parse, try_instead
from opsconsole.tui.screens.history.reading import Ahead, Detail, Found, Reading, Wanted
from opsconsole.tui.screens.history.sheet import Sheet
from opsconsole.tui.screens.history.table import HistoryTable
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.fact_line import FactLine
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.key_line import Key
from opsconsole.tui.wording import count_of, size

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.tui.app import ConsoleApp

_TYPED_S = 0.015
_MOVED_S = 0.08
_CHANGED_S = 1.0
_OF_A_RUN = ("compare_runs", "rerun", "pin_run", "edit_script", "go_to_task")


class HistoryScreen(HistoryPages):
    """The list is an array of ids; its rows, the selected run and all pictures are read in threads."""

    CSS_PATH = "screen.tcss"
    MODE = "history"
    KEYS = (
        "back", "open_run", "filter", "mark_run", "compare_runs", "statistics", "statistics_span", "statistics_group",
        "export_report", "next_place", "rerun", "pin_run", "edit_script", "go_to_task",
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("history")
    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self._title = FactLine(id="history-title")
        self._table = HistoryTable(self.clock, id="history-table")
        self._filter = HistoryFilterLine(id="history-filter")
        self._detail = Sheet(id="history-detail")
        self._query: Query | None = None
        self._found: Found | None = None
        self._shown: Detail | None = None
        self._wanted: Wanted | None = None
        self._words: tuple[str, ...] = ()
        self._problem: OpsError | None = None
        self._wrong = self._due = self._stale = self._moved = False
        self._settling: Timer | None = None
        self._go_to: int | None = None
        self._ahead: Ahead | None = None
        self._lists: Latest[Query, Found]
        self._totals: Latest[object, int]
        self._rows: Latest[list[int], dict[int, list[Task]]]
        self._details: Latest[Wanted, Detail]

    def compose_body(self) -> ComposeResult:
        with Container(id="history-body"):
            with Vertical(id="history-list"):
                yield self._title
                yield self._table
                yield self._filter
            yield self._detail
        with Vertical(id="history-paper"):
            yield self.sheet
            yield self.find_line

    def on_mount(self) -> None:
        self._table.say_empty("Reading the record …")
        super().on_mount()  # what was read ahead is shown by it, and says what there is
        self.set_focus(self._table)

    # -- what it has

    @property
    def selected_id(self) -> int | None:
        return self._table.selected_id

    @property
    def selected_task(self) -> Task | None:
        return self._table.selected

    @property
    def listing(self) -> Listing:
        return self._table.listing

    @property
    def asked(self) -> Query:
        return self._query or parse("", self.clock())

    def go_to(self, task_id: int) -> None:
        """Select a run, as soon as the list has it; a filter that hides it is dropped. For other modes."""
        self.leave_page()
        if not self._table.select(task_id):
            self._go_to = task_id
            self._filter.clear()
            self._stale = True

    # -- facts come up

    def attach(self, engine: Engine) -> None:
        """What it shows first is read while its widgets are made."""
        self.reading = Reading(engine)
        if not self._composed:
            self._ahead = self.reading.ahead(parse("", self.clock()))
        super().attach(engine)

    def begin(self) -> None:
        self.begin_pages()
        reading = self.reading
        self._lists = Latest(
            self, "history-list", reading.find, self._take, self._list_failed, reading.search.interrupt,
            self._begin_list, self._table.when_drawn,
        )  # fmt: skip
        self._totals = Latest(
            self, "history-total", lambda _: reading.count(), self._take_total, self._list_failed,
            reading.figures.interrupt,
        )  # fmt: skip
        self._rows = Latest(self, "history-rows", self._read_rows, self._take_rows, self._list_failed)
        self._details = Latest(self, "history-detail", reading.detail, self._take_detail, self._fail_detail)
        self.set_interval(_CHANGED_S, self._tick)
        self._ask()

    def look(self) -> None:
        if self._stale:
            self._ask()

    def hear(self, event: Event) -> None:
        """Something ended, or was removed: read soon. A row that changed otherwise is shown at once."""
        if isinstance(event, TasksRemoved):
            self._stale = True
        elif isinstance(event, TaskChanged):
            ended_now = not event.task.status.is_open and (event.previous is None or event.previous.is_open)
            self._stale = self._stale or ended_now
            self.took(event.task)

    def took(self, task: Task) -> None:
        if self.listing.take(task):
            self._table.rows_came()
            if task.id == self.selected_id:
                self.show_keys()
                self._wanted = None  # what is said of it beside the list is read again
                self._select()

    def _tick(self) -> None:
        if not self.looks:
            return
        self._table.tick()
        if self._stale or self._problem is not None:
            self._ask()

    # -- the list

    def _ask(self) -> None:
        """Read the list anew, with the filter as it is; times in it are from now on."""
        if not self.begun or not self.is_attached:
            return
        if self._stale:
            self.reading.recount()
            self._totals.forget()
        self._due = self._stale = False
        ahead, self._ahead = self._ahead, None  # it is asked for once: what failed or is old is read again
        if ahead is not None and not self._filter.text and self._go_to is None:
            self._query = ahead.query
            self._lists.ask(ahead.query, ahead.known())
            return
        try:
            self._query = parse(self._filter.text, self.clock())
        except FilterError as error:
            self._wrong = True
            self._filter.note(self.harmless(str(error), 200), wrong=True)
            return
        self._wrong = False
        self._lists.ask(self._query)

    def _begin_list(self, query: Query) -> Found | None:
        """In a thread: the first lines of another list; one that is read again stays until all of it is here."""
        known = self._found
        if self._go_to is not None or (known is not None and known.query.text == query.text):
            return None
        return self.reading.begin(query, self.selected_id, self._table.line)

    def _take(self, query: Query, found: Found) -> None:
        if found is self._found:
            return
        self._problem = None
        self.works()
        self._found = found
        listing = Listing(found.ids, whole=found.whole)
        if found.rows:
            listing.keep(0, found.rows)
        selected = self.selected_id
        listing.take_over(self.listing, (None if selected is None else listing.line_of(selected)) or 0)
        anew = self._shown is None or query.words != self._words
        self._say_empty()
        self._words = query.words
        self._table.show(listing)
        if self._go_to is not None and self._table.select(self._go_to):
            self._go_to = None
        if anew:
            self._select()
        self._show_count()
        self.show_keys()
        if found.total is None:
            self._totals.ask(object())
        else:
            self.reading.total = found.total

    def _take_total(self, _: object, total: int) -> None:
        if self.reading.total is None:
            self.reading.total = total
        if self._found is not None and self._found.total is None:
            self._found = replace(self._found, total=total)
            self._show_count()

    def _show_count(self) -> None:
        self._show_title()
        if self._found is not None:
            searched = f" · {self._searched}" if self._found.query.words else ""
            self._filter.note(_count(self._found) + searched if self._found.query.text else "")

    def _list_failed(self, error: OpsError) -> None:
        """Told once, until it works again; said where the list would be. It is tried again every second."""
        self.fail(error)
        self._problem = error
        self._say_empty()
        self._show_title()

    def _say_empty(self) -> None:
        if self._problem is not None:
            said = self.harmless(self._problem.message), self.harmless(self._problem.hint or "")
            self._table.say_empty("The record cannot be read.", *said, "It is tried again every second.")
        elif self._query is not None and self._query.text:
            hint = self.harmless(try_instead(self._query), 200)
            todo = f"{hint[:1].upper()}{hint[1:]}, or press esc to see all." if hint else "Press esc to see all."
            where = self._where_words_are() if self._query.words else []
            self._table.say_empty("Nothing that has ended passes this filter.", *where, "", todo)
        elif self.begun and (unread := self.engine.unread) is not None:
            self._table.say_empty("The record cannot be read.", self.harmless(unread.message))
        else:
            key = keys_of(self.app).get("tasks", ("2",))[0]
            self._table.say_empty("Nothing has ended yet.", "", f"Press {key} to see the queue.")

    @property
    def _searched(self) -> str:
        """How much of an output words are looked for in."""
        last = self.engine.settings.history.index_output
        return f"of outputs the last {size(last)}" if last else "of outputs nothing"

    def _where_words_are(self) -> list[str]:
        key = keys_of(self.app).get("find_output", ("s",))[0]
        return [
            f"Words are looked for in names, in scripts, and {self._searched}.",
            f"All that a run printed is searched in the tasks' mode, with {key}.",
        ]

    def _show_title(self) -> None:
        phrases = [[Cell("History", "strong")]]
        if self._found is not None:
            phrases.append([Cell(_count(self._found), "plain")])
            if self._found.ids:
                phrases.append([Cell(f"row {self._table.line + 1:,}", "muted")])
        if self._problem is not None:
            phrases.append([Cell(f"✗ {self.harmless(self._problem.message, 60)}", "bad")])
        if self.marked is not None:
            phrases.append([Cell("◆", "accent"), Cell("1 marked: run", "muted"), Cell(str(self.marked), "accent")])
            key = keys_of(self.app).get("compare_runs", ("c",))[0]
            here = self.marked == self.selected_id
            todo = "now go to another row" if here else f"{key} compares it with this row"
            phrases.append([Cell(todo, "muted")])
        self._title.show(phrases)

    def show_mark(self) -> None:
        self._table.mark(self.marked)
        self._show_title()

    # -- its rows

    def on_history_table_looked(self, event: HistoryTable.Looked) -> None:
        self._want_rows(event.first, event.last)

    def _want_rows(self, first: int, last: int) -> None:
        if self.begun and (pages := self.listing.missing(first, last)):
            self._rows.ask(pages)

    def _read_rows(self, pages: list[int]) -> dict[int, list[Task]]:
        listing = self.listing
        return {page: self.reading.page(list(listing.ids_of(page))[:PAGE]) for page in pages}

    def _take_rows(self, pages: list[int], found: dict[int, list[Task]]) -> None:
        listing = self.listing
        for page, rows in found.items():
            known = set(listing.ids_of(page))
            if all(task.id in known for task in rows):  # else the list was read again meanwhile
                listing.keep(page, rows)
            else:
                self._table.look()
        self._table.rows_came()
        self.show_keys()

    # -- the selected run

    def on_history_table_moved(self) -> None:
        self._show_title()
        self._moved = True
        if self._settling is not None:
            self._settling.stop()  # who runs down the list looks at none of them
        self._settling = self.set_timer(_MOVED_S, self._select)

    def _select(self) -> None:
        self._moved = False
        task_id = self.selected_id
        self.show_keys()
        if not self.begun or not self.is_attached or not self._detail.display:
            return
        if task_id is None:
            self._details.forget()
            self._shown = self._wanted = None
            self._detail.show([])
        elif (wanted := Wanted(task_id, self._words)) != self._wanted:
            self._wanted = wanted
            self._details.ask(wanted)

    def _take_detail(self, wanted: Wanted, detail: Detail) -> None:
        self._shown = detail
        self._draw_detail(again=False)

    def _draw_detail(self, *, again: bool = True) -> None:
        if (shown := self._shown) is not None:
            width, _ = self._detail.room
            rows = run_rows.brief(shown.run, shown.snippets, self._words, width, self.clock())
            rows += kin_rows.rows_of(shown.kin, shown.run.task.id, width, self.clock(), glyphs_of(self.app))
            self._detail.show(rows, again=again)

    def _fail_detail(self, error: OpsError) -> None:
        self._shown = self._wanted = None
        self._detail.show([[], [Cell(self.harmless(error.message), "bad")]])

    def on_sheet_resized(self, event: Sheet.Resized) -> None:
        """After that of the pages, which Textual calls by itself."""
        if event.sheet is self._detail and event.sheet.size.width:
            self.call_after_refresh(self._detail_came)

    def _detail_came(self) -> None:
        """There is room for it, or another width; meanwhile the cursor may have gone elsewhere."""
        self._select()
        if self._shown is not None and self._shown.run.task.id == self.selected_id:
            self._draw_detail()

    # -- keys

    def label_of(self, action_id: str) -> str | None:
        page = self.page
        if action_id == "back":
            return "back" if page else None
        if action_id == "statistics":
            return "list" if page == "statistics" else BY_ID[action_id].label
        if action_id in ("statistics_span", "statistics_group"):
            return BY_ID[action_id].label if page == "statistics" else None
        if action_id == "next_place":
            return "next match" if page and self.sheet.matches else None
        if action_id == "filter":
            return "search" if page else "filter"
        if action_id in ("open_run", "mark_run"):
            if page or self.selected_id is None:
                return None
            return "unmark" if action_id == "mark_run" and self.marked == self.selected_id else BY_ID[action_id].label
        if action_id in _OF_A_RUN:
            return self._label_of_run(action_id)
        return BY_ID[action_id].label

    def _label_of_run(self, action_id: str) -> str | None:
        if self.page in ("comparison", "statistics") or self.selected_id is None:
            return None
        if action_id == "compare_runs" and self.marked in (None, self.selected_id):
            return None
        return BY_ID[action_id].label_for(self.selected_task)

    def typing_keys(self) -> list[Key]:
        if self.page:
            return [Key("enter", "to the matches"), Key("esc", "drop it")]
        return [Key("enter", "keep the filter"), Key("esc", "drop it")]

    def focus_list(self) -> None:
        self.set_focus(self._table)

    def action_back(self) -> None:
        """One step: what is searched for, the page, the filter."""
        if self.page and self.find_line.text:
            self.find_line.clear()
        elif self.leave_page():
            return
        elif self._filter.text:
            self._filter.clear()
        else:
            self.focus_list()

    def action_filter(self) -> None:
        if self.page:
            self.begin_finding()
        else:
            self._filter.begin(self._table)
            self.show_keys()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        if self.page:
            self._find(event.text)
        elif not self._due:
            self._due = True
            self.set_timer(_TYPED_S, self._ask)

    def on_filter_line_left(self) -> None:
        self.set_focus(self.sheet if self.page else self._table)
        self.show_keys()


def _count(found: Found) -> str:
    """A plus: there are more, which are being counted."""
    if not found.query.text and found.total is not None:
        return count_of(found.total, "run")
    known = f"{len(found.ids):,}{'' if found.whole else '+'}"
    return f"{known} runs" if not found.query.text else known if found.total is None else f"{known} of {found.total:,}"
