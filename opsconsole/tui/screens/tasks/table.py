"""Queue and history in one table: the cursor is on a task, not on a line, and only what changed is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.models import Task
from opsconsole.samples import RunUsage
from opsconsole.storage.costs import Cost
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.tasks.rows import ABSENT, COLUMNS, Column, cells
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import Toned

_TAG = Cell("●", "accent")


class TaskTable(Toned, CursorList, can_focus=True):
    """Shows `Task`s in the order given. Line 0 is the heading; `selected` is where the cursor is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Moved(Message):
        """The cursor is on another task (None: there is none)."""

        task: Task | None

    def __init__(self, clock: Callable[[], int], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._tasks: list[Task] = []
        self._index: dict[int, int] = {}
        self._cursor = 0
        self._empty: tuple[str, ...] = ()
        self._drawn: dict[int, tuple[dict[str, Cell] | None, bool]] = {}
        self.usage: dict[str, RunUsage] = {}
        """What running executions use, as last heard."""
        self.costs: dict[int, Cost] = {}
        """What ended tasks have used."""
        self.tagged: set[int] = set()

    # -- what it shows

    @property
    def selected(self) -> Task | None:
        """The task under the cursor."""
        return self._tasks[self._cursor] if self._tasks else None

    @property
    def tasks(self) -> Sequence[Task]:
        return self._tasks

    def show(self, tasks: list[Task]) -> None:
        """Take these tasks; the cursor stays on its task, or on its line when the task is gone."""
        before = self.selected
        if bool(tasks) != bool(self._tasks):
            self.refresh()
        self._tasks = tasks
        self._index = {task.id: line for line, task in enumerate(tasks)}
        was = self._cursor
        self._cursor = max(0, min(was, len(tasks) - 1))
        if before is not None:
            self._cursor = self._index.get(before.id, self._cursor)
        self.set_extent(1, len(tasks) + 1)
        if self._cursor != was:
            self._reveal()
        self._draw_changes()
        now_on = self.selected
        if (before and before.id) != (now_on and now_on.id):
            self.post_message(self.Moved(now_on))

    def say_empty(self, *lines: str) -> None:
        """What stands in the middle while there is no task."""
        if lines != self._empty:
            self._empty = lines
            if not self._tasks:
                self.refresh()

    def tick(self) -> None:
        """Time has passed, or something was measured or tagged: draw what reads differently now."""
        self._draw_changes()

    def select(self, task_id: int) -> None:
        """Put the cursor on a task, if it is shown."""
        if task_id in self._index:
            self._go(self._index[task_id])

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._tasks)

    def _moved_to(self) -> Message:
        return self.Moved(self.selected)

    # -- drawing

    def _draw_changes(self) -> None:
        if not self._tasks:
            return
        spans = self._spans()
        for y in range(1, self.size.height):
            content, cursor = self._line(y)
            drawn = self._drawn.get(y)
            if drawn == (content, cursor):
                continue
            before = drawn[0] if drawn is not None and drawn[1] == cursor else None
            if before is None or content is None or any(before[key] != content[key] for key in ("id", "tag")):
                self.refresh(Region(0, y, self.size.width, 1))
                continue
            for column, x, width in spans:
                if before[column.key] != content[column.key]:
                    self.refresh(Region(x, y, width, 1))

    def _line(self, y: int) -> tuple[dict[str, Cell] | None, bool]:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < len(self._tasks):
            return None, False
        task = self._tasks[line]
        content = cells(task, self._clock(), self.usage.get(task.execution_id), self.costs.get(task.id))
        content["tag"] = _TAG if task.id in self.tagged else ABSENT
        return content, line == self._cursor

    def _spans(self) -> list[tuple[Column, int, int]]:
        """The columns that fit: with where they begin and how wide they are."""
        total = self.size.width - 1  # a column for the scrollbar, whether it is there or not
        shown = [column for column in COLUMNS if total >= column.from_width]
        left = max(4, total - 2 - sum(column.width + 1 for column in shown))
        spans, x = [], 1
        for column in shown:
            width = column.width or left
            spans.append((column, x, width))
            x += width + 1
        return spans

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if not self._tasks:
            line = y - (self.size.height - len(self._empty)) // 2
            text = self._empty[line] if 0 <= line < len(self._empty) else ""
            tone = self.tone("muted" if line else "plain")
            return Strip([Segment(text.center(width), base + tone)]).adjust_cell_length(width, base)
        if y == 0:
            heading = self.get_component_rich_style("table--heading")
            return self._strip({c.key: Cell(c.title, "") for c in COLUMNS}, " ", heading, heading, width)
        content, cursor = self._drawn[y] = self._line(y)
        if content is None:
            return Strip.blank(width, base)
        tag = content["tag"].text
        if not cursor:
            return self._strip(content, tag or " ", base, base + self.tone("accent"), width)
        style = self.get_component_rich_style("table--cursor")
        mark = tag or ("▌" if self.has_focus else " ")
        return self._strip(content, mark, style, style + self.tone("accent"), width)

    def _strip(self, content: dict[str, Cell], mark: str, base: Style, marked: Style, width: int) -> Strip:
        segments = [Segment(mark, marked)]
        for column, _, cell_width in self._spans():
            text, tone = content[column.key]
            fitted = fit(text, cell_width, right=column.right)
            segments.append(Segment(fitted + " ", base + self.tone(tone) if tone else base))
        return Strip(segments).adjust_cell_length(width, base)
