"""The pages of the history's mode: a run, two runs beside each other, statistics; and reports of them."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from opsconsole.errors import OpsError
from opsconsole.models import Task
from opsconsole.reporting.comparison import Comparison, compare
from opsconsole.reporting.document import Document, Harmless
from opsconsole.tui.glyphs import glyphs_of
from opsconsole.tui.screens.history import comparison_rows, run_rows, statistics_rows
from opsconsole.tui.screens.history.commands import HistoryCommands
from opsconsole.tui.screens.history.latest import Latest
from opsconsole.tui.screens.history.lines import FindLine
from opsconsole.tui.screens.history.listing import Listing
from opsconsole.tui.screens.history.query import Query
from opsconsole.tui.screens.history.reading import Detail, Figures, Pictured, Reading, Wanted
from opsconsole.tui.screens.history.sheet import Row, Sheet
from opsconsole.tui.screens.history.spans import SPANS
from opsconsole.tui.widgets.cells import Cell

if TYPE_CHECKING:
    from pathlib import Path

    from opsconsole.reporting.runs import Run
    from opsconsole.storage.trends import GroupBy, Trends
    from opsconsole.tui.screens.history.export import Order, Subject

Page = Literal["", "run", "comparison", "statistics"]
_GROUPS: tuple[GroupBy, ...] = ("name", "policy", "host")
_MOST_EXPORTED = 20_000
"""Rows of a list in one report; the report says how many there are."""


class HistoryPages(HistoryCommands):
    """What takes the whole screen. `page` says which one does; the list lies under it."""

    def __init__(self) -> None:
        super().__init__()
        self.sheet = Sheet(id="history-page")
        self.find_line = FindLine(id="history-find")
        self.page: Page = ""
        self.reading: Reading
        self._pictures: Latest[Figures, Pictured]
        self._pages: Latest[Wanted, Detail]
        self._pairs: Latest[tuple[int, int], Comparison]
        self._run: Run | None = None
        self._comparison: Comparison | None = None
        self._trends: Trends | None = None
        self._span: int | None = None
        self._by = 0
        self._chosen_span = False
        self.marked: int | None = None

    # -- what the list is

    @property
    @abstractmethod
    def listing(self) -> Listing: ...

    @property
    @abstractmethod
    def asked(self) -> Query:
        """What the list is narrowed to."""

    @abstractmethod
    def show_mark(self) -> None:
        """Another run is marked."""

    @abstractmethod
    def focus_list(self) -> None: ...

    def begin_pages(self) -> None:
        """The engine is there."""
        reading = self.reading
        self._pages = Latest(self, "history-page", reading.detail, self._take_run, self._fail_page)
        self._pairs = Latest(self, "history-compare", self._compare, self._take_comparison, self._fail_page)
        self._pictures = Latest(
            self, "history-figures", reading.trends, self._take_trends, self._fail_page, reading.figures.interrupt
        )

    def on_unmount(self) -> None:
        if self.begun:
            self.reading.close()

    # -- going there and back

    def _turn_to(self, page: Page, saying: str) -> None:
        """What was read for the page before is not for this one."""
        for one in (self._pages, self._pairs, self._pictures):
            one.forget()
        self.page = page
        self.set_class(bool(page), "-paged")
        self.find_line.clear()
        self.find_line.note("")
        if page:
            self.sheet.show([[], [Cell(f"  {saying}", "muted")]])
            self.set_focus(self.sheet)
        else:
            self.focus_list()
        self.show_keys()

    def _fail_page(self, error: OpsError) -> None:
        """Said where the page would be."""
        words = [error.message, error.hint or ""]
        self.sheet.show([[], *([Cell(f"  {self.harmless(one)}", "bad" if not at else "muted")]
                               for at, one in enumerate(words) if one)])  # fmt: skip

    def leave_page(self) -> bool:
        """Back to the list; whether there was a page."""
        if not self.page:
            return False
        self._turn_to("", "")
        self._run = self._comparison = self._trends = None
        self.sheet.show([])  # a long output is thousands of lines
        return True

    def on_sheet_resized(self, event: Sheet.Resized) -> None:
        if event.sheet is self.sheet and self.page:
            self.call_after_refresh(self._draw_page)

    def _draw_page(self) -> None:
        """The page again, for the width there is now."""
        width, height = self.sheet.room
        if self.page == "run" and self._run is not None:
            self.sheet.show(run_rows.whole(self._run, width, self.clock()), again=True)
        elif self.page == "comparison" and self._comparison is not None:
            self.sheet.show(comparison_rows.rows_of(self._comparison, width), again=True)
        elif self.page == "statistics" and self._trends is not None:
            if len(self._trends.buckets) != statistics_rows.buckets_for(width):
                self._ask_trends()
            else:
                self.sheet.show(self._picture(self._trends, width, height), again=True)

    # -- a run

    def action_open_run(self) -> None:
        if self.selected_id is None or self.page or not self.begun:
            return
        task = self.selected_task
        if task is not None and task.status.is_open:
            self.action_go_to_task()
            return
        self._run = None
        self._turn_to("run", "Reading the run …")
        self._pages.ask(Wanted(self.selected_id, self.asked.words, whole=True))

    @property
    @abstractmethod
    def selected_task(self) -> Task | None:
        """As far as it has been read."""

    def _take_run(self, wanted: Wanted, detail: Detail) -> None:
        if self.page == "run":
            self._run = detail.run
            width, _ = self.sheet.room
            self.sheet.show(run_rows.whole(detail.run, width, self.clock()))
            if wanted.words:
                self._find(wanted.words[0])

    # -- two of them

    def action_mark_run(self) -> None:
        if self.selected_id is not None and not self.page:
            self.marked = None if self.marked == self.selected_id else self.selected_id
            self.show_mark()
            self.show_keys()

    def action_compare_runs(self) -> None:
        one, other = self.marked, self.selected_id
        if not self.begun or self.page in ("comparison", "statistics"):
            return
        if one is None or other is None:
            self.app.tell("Mark one run with space, then go to another one and compare.")
            return
        if one == other:
            self.app.tell(f"Run {one} is the marked one itself: go to another one to compare it with.")
            return
        self._comparison = None
        self._turn_to("comparison", "Comparing …")
        self._pairs.ask((one, other))

    def _compare(self, ids: tuple[int, int]) -> Comparison:
        one, other = (self.reading.detail(Wanted(task_id, whole=True)).run for task_id in ids)
        return compare(one, other)

    def _take_comparison(self, ids: tuple[int, int], found: Comparison) -> None:
        if self.page == "comparison":
            self._comparison = found
            self.sheet.show(comparison_rows.rows_of(found, self.sheet.room[0]))

    # -- statistics

    def show_statistics(self) -> None:
        """Also for other modes."""
        if self.begun and self.page != "statistics":
            self._trends = None
            self._span = self._span if self._chosen_span else None
            self._turn_to("statistics", "Reading the record …")
            self.call_after_refresh(self._ask_trends)

    def action_statistics(self) -> None:
        if self.page == "statistics":
            self.leave_page()
        else:
            self.show_statistics()

    def action_statistics_span(self) -> None:
        if self._span is not None:
            self._span, self._chosen_span = (self._span + 1) % len(SPANS), True
        self._change_statistics()

    def action_statistics_group(self) -> None:
        self._by = (self._by + 1) % len(_GROUPS)
        self._change_statistics()

    def _change_statistics(self) -> None:
        if self.page == "statistics":
            self._ask_trends()
        else:
            self.show_statistics()

    def _ask_trends(self) -> None:
        if self.page != "statistics":
            return
        buckets = statistics_rows.buckets_for(self.sheet.room[0])
        self._pictures.ask(Figures(self.asked.filter, self._span, buckets, _GROUPS[self._by], self.clock()))

    def _take_trends(self, asked: Figures, found: Pictured) -> None:
        if self.page == "statistics":
            again, self._trends = self._trends is not None, found.trends
            self._span = found.span
            self.sheet.show(self._picture(found.trends, *self.sheet.room), again=again)

    def _picture(self, found: Trends, width: int, height: int) -> list[Row]:
        span, _ = SPANS[self._span or 0]
        return statistics_rows.rows_of(
            found, span, self.asked.text, Harmless(self.engine.redaction_of()), width, height, glyphs_of(self.app)
        )

    # -- searching on a page

    def begin_finding(self) -> None:
        self.find_line.begin()
        self.show_keys()

    def _find(self, text: str) -> None:
        self.sheet.find(text)
        self._note_matches()

    def _note_matches(self) -> None:
        sheet = self.sheet
        if not self.find_line.text:
            self.find_line.note("")
        elif not sheet.matches:
            self.find_line.note(f"nowhere{self._unsearched}", wrong=True)
        else:
            self.find_line.note(f"{sheet.match:,} of {sheet.matches:,}{self._unsearched}")

    @property
    def _unsearched(self) -> str:
        """What is not on the page cannot be found there."""
        left = self._run.left_out if self.page == "run" and self._run is not None else None
        return " here · what is left out is not searched" if left is not None and (left.kept or left.not_kept) else ""

    def action_next_place(self) -> None:
        self._step(1)

    def action_previous_place(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        if self.page:
            self.sheet.step(by)
            self._note_matches()

    # -- reports

    def action_export_report(self) -> None:
        if not self.begun:
            return
        subjects = self._subjects()
        if not subjects:
            self.app.tell("There is nothing to report yet.")
            return
        from opsconsole.tui.screens.history.export import ExportScreen

        named = self.marked, self.selected_id  # the list goes on beneath the dialog

        def ordered(order: Order | None) -> None:
            if order is not None:
                self.run_worker(self._export(order, *named), group="history-export")

        self.app.push_screen(ExportScreen(subjects, self._reports_folder, self.clock()), ordered)

    @property
    def _reports_folder(self) -> Path:
        return self.app.state_folder / self.engine.paths.reports.name

    def _subjects(self) -> list[Subject]:
        """What there can be a report of; what is seen comes first."""
        from opsconsole.tui.screens.history.export import Subject

        found: list[Subject] = []
        if self.page == "comparison" and self._comparison is not None:
            two = self._comparison
            found.append(Subject("comparison", "these two", f"compare-{two.before.task.id}-{two.after.task.id}"))
        if self.page == "statistics" and self._trends is not None:
            found.append(Subject("statistics", "statistics", "statistics"))
        if self.selected_id is not None:
            found.append(Subject("run", f"run {self.selected_id}", f"run-{self.selected_id}"))
        if self.marked is not None and self.selected_id not in (None, self.marked) and self.page != "comparison":
            found.append(
                Subject(
                    "comparison", f"{self.marked} and {self.selected_id}", f"compare-{self.marked}-{self.selected_id}"
                )
            )
        if len(self.listing) and self.listing.whole:
            found.append(Subject("list", f"the list ({len(self.listing):,})", "runs"))
        if self.page != "statistics" and len(self.listing):
            found.append(Subject("statistics", "statistics", "statistics"))
        return found

    async def _export(self, order: Order, marked: int | None, selected: int | None) -> None:
        """Of these runs, which the dialog named."""
        from opsconsole.reporting import formats

        make = self._document(order, marked, selected)

        def write() -> str:
            text = formats.render(make(), order.format)
            return str(formats.save(self._reports_folder, order.file, text))

        try:
            path = await asyncio.to_thread(write)
        except OpsError as error:
            self.app.report(error)
            return
        self.app.tell(f"Written: {path}")

    def _document(self, order: Order, marked: int | None, selected: int | None) -> Callable[[], Document]:
        """What makes it, in a thread; what is on the screen now goes into it."""
        from opsconsole.reporting import documents

        now, reading, query, ids = self.clock(), self.reading, self.asked, self.listing.ids
        harmless = Harmless(self.engine.redaction_of())
        if order.kind == "run":
            wanted = Wanted(selected or 0, whole=True)
            return lambda: documents.of_run(reading.detail(wanted).run, now)
        if order.kind == "comparison":
            pair, shown = (marked or 0, selected or 0), self._comparison
            known = shown if self.page == "comparison" else None
            return lambda: documents.of_comparison(known or self._compare(pair), now)
        if order.kind == "list":
            return lambda: documents.of_list(reading.rows_of(ids, _MOST_EXPORTED), len(ids), query.text, harmless, now)
        figures = Figures(query.filter, self._span, 48, _GROUPS[self._by], now)

        def statistics() -> Document:
            found = reading.trends(figures)
            return documents.of_statistics(found.trends, SPANS[found.span][0], query.text, harmless, now)

        return statistics
