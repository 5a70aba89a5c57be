"""One run: what is known of it, and its output as it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.execution.showing import Hiding
from opsconsole.models import ExecutionResult, Task
from opsconsole.tui.facts import Fact, facts
from opsconsole.tui.widgets.output_view import OutputView
from opsconsole.tui.widgets.task_table import Cell, fit
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned
from opsconsole.tui.wording import FACES, count_of, duration, name_of, running_for

_LABEL = 9
_TIME = 20  # cells at the end of the title that tick


class FactSheet(Toned, Widget):
    """A title, and a line for each fact; `brief` puts the facts that matter most on one line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES | {"facts--title"}

    def __init__(self) -> None:
        super().__init__()
        self._title: list[Cell] = []
        self._known: list[Fact] = []
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
        name = left[-1]
        cells = [*left[:-1], Cell(fit(name.text, max(1, room)), name.tone), Cell(" " + right.text + " ", right.tone)]
        segments = [Segment(cell.text, base + self.tone(cell.tone)) for cell in cells]
        return Strip([Segment(" ", base), *segments]).adjust_cell_length(width, base)


def _in_brief(known: list[Fact]) -> list[Fact]:
    """The state, and what is alarming, on lines of their own; the rest on one."""
    loud = [fact for fact in known if fact.label == "state" or fact.tone == "bad"]
    quiet = " · ".join(f"{fact.label} {fact.text}" for fact in known if fact not in loud)
    return [*loud[:2], Fact("", quiet, "faint")] if known else []


class OutputBar(Toned, Widget):
    """The line above the output: whether it is followed, and how much of it is here."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES

    def __init__(self) -> None:
        super().__init__()
        self._state = Cell("", "muted")

    def show(self, state: Cell) -> None:
        if state != self._state:
            self._state = state
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        rule = base + self.tone("faint")
        left, right = "─ output ", f" {self._state.text} ─" if self._state.text else "─"
        middle = "─" * max(0, width - len(left) - cell_len(right))
        return Strip(
            [Segment(left + middle, rule), Segment(right[:-1], base + self.tone(self._state.tone)), Segment("─", rule)]
        ).adjust_cell_length(width, base)


class RunDetail(Vertical):
    """The detail pane. `show` is cheap when nothing changed; output is read only when the run is another one."""

    def __init__(self, clock: Callable[[], int], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._sheet = FactSheet()
        self._bar = OutputBar()
        self.output = OutputView(id="output")
        self._shown: Task | None = None
        self._result: ExecutionResult | None = None
        self._waiting: str | None = None
        self._followed: Path | None = None

    def compose(self) -> ComposeResult:
        yield self._sheet
        yield self._bar
        yield self.output

    def show(
        self,
        task: Task | None,
        result: ExecutionResult | None,
        waiting: str | None,
        folder: Path | None,
        hiding: Callable[[], Hiding] = Hiding,
    ) -> None:
        """Show this run; `folder` holds its output, None before it has begun. `hiding`: what of it is not shown."""
        self._shown, self._result, self._waiting = task, result, waiting
        if folder != self._followed:
            self._followed = folder
            self.output.follow_run(folder, self._silence(), None if folder is None else hiding())
        self.tick()

    def set_brief(self, brief: bool) -> None:
        """Whether there is room for one line of facts only."""
        self._sheet.brief = brief
        self.tick()

    def tick(self) -> None:
        """Time has passed, or something was learnt."""
        task = self._shown
        self.output.say_empty(self._silence())
        self._bar.show(self._output_state())
        if task is None:
            self._sheet.show([], [])
            return
        now, face = self._clock(), FACES[task.status]
        time = duration(running_for(task, now), ticking=task.status.is_active)
        name = name_of(task) + (" ★" if task.pinned else "")
        title = [
            Cell(f"{face.glyph} ", face.tone), Cell(f"{task.id} ", "muted"), Cell(name, "strong"),
            Cell(f"{face.word} {time}".strip(), face.tone),
        ]  # fmt: skip
        self._sheet.show(title, facts(task, self._result, self._waiting, now))

    def on_output_view_changed(self) -> None:
        self._bar.show(self._output_state())

    def _output_state(self) -> Cell:
        output = self.output
        if not output.line_count:
            return Cell("", "muted")
        lines = count_of(output.line_count, "line")
        if not output.following:
            return Cell(f"stopped here, f follows · {lines}", "warning")
        return Cell(f"following · {lines}" if output.reading else lines, "muted")

    def _silence(self) -> str:
        task = self._shown
        if task is None:
            return ""
        if task.status.is_active:
            return "Nothing printed yet."
        if task.started_at is None:
            return "It has not run yet." if task.status.is_open else "It never ran."
        return "It printed nothing."
