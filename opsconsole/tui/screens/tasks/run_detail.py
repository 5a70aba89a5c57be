"""One run: what is known of it on a few lines, and a page of it: output, review, usage, events or info."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.errors import OpsError
from opsconsole.execution.showing import Hiding
from opsconsole.models import ExecutionResult, Task
from opsconsole.tui.facts import Fact, facts
from opsconsole.tui.screens.tasks.find_line import FindLine
from opsconsole.tui.screens.tasks.page_view import Lines, PageView
from opsconsole.tui.screens.tasks.titles import TitleLine, tabs_cells
from opsconsole.tui.screens.tasks.unanswered import Unanswered
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.output_view import OutputView
from opsconsole.tui.widgets.tones import Toned
from opsconsole.tui.wording import FACES, count_of, duration, name_of, running_for

PAGES = (
    ("show_output", "output"), ("show_review", "review"), ("show_usage", "usage"), ("show_events", "events"),
    ("show_info", "info"),
)  # fmt: skip
"""Action and word of each page."""

_LABEL = 9
_TIME = 20  # cells at the end of the title that tick


class FactSheet(Toned, Widget):
    """A title, and a line for each fact; `brief` puts the facts that matter most on one line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"facts--title"}

    def __init__(self) -> None:
        super().__init__()
        self._title: list[Cell] = []
        self._known: list[Fact] = []
        self._aside: Sequence[Cell] = []
        self.brief = False

    def show(self, title: list[Cell], known: list[Fact]) -> None:
        """Draw what changed; the layout is done again only when the number of lines changed."""
        if self.brief:
            known = _in_brief(known)
        if (title, known) == (self._title, self._known):
            return
        longer = len(known) != len(self._known)
        only_time = known == self._known and title[:-1] == self._title[:-1]
        self._title, self._known = title, known
        if only_time:
            self.refresh(Region(self.size.width - _TIME, 0, _TIME, 1))
        else:
            self.refresh(layout=longer)

    def aside(self, cells: Sequence[Cell]) -> None:
        """What finds no room below stands in the title, before its end."""
        if cells != self._aside:
            self._aside = cells
            self.refresh(Region(0, 0, self.size.width, 1))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + len(self._known)

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y == 0:
            return self._title_line(width)
        if y > len(self._known):
            return Strip.blank(width, base)
        fact = self._known[y - 1]
        label = "" if self.brief else fact.label
        indent = 1 if self.brief else _LABEL + 1
        return Strip(
            [
                Segment(fit(f" {label}", indent), base + self.tone("faint")),
                Segment(fit(fact.text, max(1, width - indent - 1)), base + self.tone(fact.tone)),
            ]
        ).adjust_cell_length(width, base)

    def _title_line(self, width: int) -> Strip:
        base = self.get_component_rich_style("facts--title")
        if not self._title:
            return Strip.blank(width, base)
        *left, right = self._title
        room = width - sum(cell_len(cell.text) for cell in left[:-1]) - cell_len(right.text) - 3
        name, aside = left[-1], self._aside
        beside = sum(cell_len(cell.text) for cell in aside) + 1
        if aside and cell_len(name.text) + beside > room:
            aside = ()
        room -= beside if aside else 0
        cells = [
            *left[:-1], Cell(fit(name.text, max(1, room)), name.tone), *aside, *([Cell(" ", "")] if aside else []),
            Cell(" " + right.text + " ", right.tone),
        ]  # fmt: skip
        segments = [Segment(cell.text, base + self.tone(cell.tone)) for cell in cells]
        return Strip([Segment(" ", base), *segments]).adjust_cell_length(width, base)


def _in_brief(known: list[Fact]) -> list[Fact]:
    """The state, what is alarming, and what of the output is lost, on lines of their own; the rest on one."""
    lost = ("output", "warning")
    loud = [
        fact
        for fact in known
        if fact.label in ("asked", "state") or fact.tone == "bad" or (fact.label, fact.tone) == lost
    ]
    quiet = " · ".join(f"{fact.label} {fact.text}" for fact in known if fact not in loud)
    return [*loud[:2], Fact("", quiet, "faint")] if known else []


@dataclass(frozen=True, slots=True)
class Shown:
    """A task and the attempt of it that is looked at. `folder` holds its output, None before it has begun;
    `waiting`: why it does not run yet; `hiding`: what of the output is not shown.
    """

    task: Task
    result: ExecutionResult
    waiting: str | None = None
    folder: Path | None = None
    hiding: Callable[[], Hiding] = field(default=Hiding, compare=False)


class RunDetail(Vertical):
    """The detail pane. `show` is cheap when nothing changed; output is read only when the run is another one."""

    def __init__(self, clock: Callable[[], int], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._sheet = FactSheet()
        self.tabs = TitleLine(id="tabs", keep_right=40)
        self.output = OutputView(id="output")
        self.page_view = PageView(id="page")
        self.find = FindLine(id="find")
        self.page = "show_output"
        self.unanswered: Unanswered | None = None
        self.keys: dict[str, str] = {}
        """Action → key, of the pages, as they are bound now."""
        self._shown: Shown | None = None
        self._followed: tuple[str, Path | None] | None = None
        self._unread = False
        """Its output could not be read the last time."""

    def compose(self) -> ComposeResult:
        yield self._sheet
        yield self.tabs
        yield self.output
        yield self.page_view
        yield self.find

    def on_mount(self) -> None:
        self.turn_to(self.page)

    def on_resize(self) -> None:
        self._show_tabs()

    @property
    def focus_target(self) -> Widget:
        """What takes the keys of the page."""
        return self.output if self.page == "show_output" else self.page_view

    def turn_to(self, page: str) -> None:
        """Show another page of it; its lines come with `fill`."""
        self.page = page
        self.output.display = page == "show_output"
        self.page_view.display = page != "show_output"
        self._show_tabs()

    def show(self, shown: Shown | None) -> None:
        """Show this run. Raises OpsErrors: its output cannot be read, which is tried again the next time."""
        self._shown = shown
        folder = shown.folder if shown else None
        followed = (shown.result.execution_id, folder) if shown else None
        if followed != self._followed:
            self._followed, self._unread = None, True
            try:
                hiding = shown.hiding() if shown is not None and folder is not None else None
            except OpsError:
                self.output.follow_run(None, self._silence(), None, None)  # not that of the run before
                self.tick()
                raise
            self._followed, self._unread = followed, False
            began = shown.result.started_at if shown else None
            self.output.follow_run(folder, self._silence(), hiding, began)
        self.tick()

    def fill(self, lines: Lines) -> None:
        """What the page says, for a run and a page; drawn again where it differs."""
        shown = self._shown
        self.page_view.show((self.page, shown.result.execution_id if shown else None), lines)

    def set_brief(self, brief: bool) -> None:
        """Whether there is room for one line of facts only."""
        self._sheet.brief = brief
        self.tick()

    def tick(self) -> None:
        """Time has passed, or something was learnt."""
        shown = self._shown
        self.output.say_empty(self._silence())
        self._show_tabs()
        if shown is None:
            self._sheet.show([], [])
            return
        task, now, face = shown.task, self._clock(), FACES[shown.result.status]
        time = duration(self._ran_for(shown, now), ticking=shown.result.status.is_active)
        name = name_of(task) + (" ★" if task.pinned else "")
        title = [
            Cell(f"{face.glyph} ", face.tone), Cell(f"{task.id} ", "muted"), Cell(name, "strong"),
            Cell(f"{face.word} {time}".strip(), face.tone),
        ]  # fmt: skip
        asked = self.unanswered.sentence(task.id) if self.unanswered is not None else ""
        known = facts(task, shown.result, shown.waiting, now)
        self._sheet.show(title, [Fact("asked", asked, "warning"), *known] if asked else known)

    @staticmethod
    def _ran_for(shown: Shown, now: int) -> float | None:
        if shown.result.attempt == shown.task.attempt:
            return running_for(shown.task, now)
        return shown.result.duration_s

    def on_descendant_focus(self) -> None:
        self.tabs.mark(self.focus_target.has_focus)

    def on_descendant_blur(self) -> None:
        self.tabs.mark(self.focus_target.has_focus)

    def on_output_view_changed(self) -> None:
        self._show_tabs()

    def _show_tabs(self) -> None:
        attempt, amount, tabs = self._attempt(), self._amount(), tabs_cells(PAGES, self.page, self.keys)
        state = self._output_state() if self.page == "show_output" else []
        if state and not self.tabs.has_room(tabs, state):
            state = self._output_state(brief=True)
        loud = [cell for cell in attempt if cell.tone == "warning"]
        beside = self.tabs.has_room(tabs, [*state, *loud, *amount])
        self._sheet.aside([] if beside else amount)
        rest = [] if loud else [Cell(f" {cell.text}", cell.tone) for cell in attempt]  # it is among the facts, too
        self.tabs.show(tabs, [*state, *loud, *(amount if beside else []), *rest])

    def _attempt(self) -> list[Cell]:
        """Which of several is shown."""
        shown = self._shown
        if shown is None or max(shown.task.attempts, shown.result.attempts) <= 1:
            return []
        older = shown.result.attempt != shown.task.attempt
        said = f" attempt {shown.result.attempt}/{shown.task.attempts} "
        return [Cell(said, "warning" if older else "muted")]

    def _output_state(self, *, brief: bool = False) -> list[Cell]:
        """What matters most comes first: there may not be room for all."""
        output, found = self.output, []
        if output.needle is not None:
            share = output.seeking
            hits = f" {count_of(output.hits, 'hit')} in {self._searched(brief)} "
            found.append(Cell(hits if share is None else f" searching {share * 100:.0f} %, esc stops ", "accent"))
        if output.only:
            found.append(Cell(" stderr only ", "warning"))
        if not output.line_count:
            return found
        if output.reading and self._is_lost():
            return [*found, Cell(" what comes may be lost ", "warning")]
        if output.following:
            return [*found, Cell(" following ", "muted")] if output.reading else found
        where = "further up" if output.paging else "stopped here"
        return [*found, Cell(f" {where}, {self._key('follow')} follows ", "warning")]

    def _is_lost(self) -> bool:
        """Where this console can write nothing any more, neither can the run."""
        unwritable = getattr(self.app, "unwritable", None)
        return unwritable is not None and unwritable.stalled

    def _searched(self, brief: bool) -> str:
        """What the hits are counted in: a long output is never here as a whole."""
        held, total = self.output.line_count, self.output.total
        if total.exact and held == total.lines:
            return "all"
        return "part" if brief else count_of(held, "line")

    def _amount(self) -> list[Cell]:
        """All lines of the run, however few of them are held here."""
        if self.page != "show_output" or not self.output.line_count:
            return []
        total = self.output.total
        return [Cell(f" {'' if total.exact else '≥ '}{count_of(total.lines, 'line')}", "muted")]

    def _key(self, action: str) -> str:
        return self.keys.get(action, "end")

    @property
    def unbegun(self) -> str:
        """That it did not run; empty for one that does or did."""
        shown = self._shown
        if shown is None or shown.result.status.is_active or shown.result.started_at is not None:
            return ""
        return "It has not run yet." if shown.task.status.is_open else "It never ran."

    def _silence(self) -> str:
        shown = self._shown
        if shown is None:
            return ""
        if self._unread:
            return "Its output cannot be read."
        active = shown.result.status.is_active
        return "Nothing printed yet." if active else self.unbegun or "It printed nothing."
