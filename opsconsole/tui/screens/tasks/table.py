"""Queue and history in one table: the cursor is on a task, not on a line, and only what changed is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from opsconsole.models import Task
from opsconsole.samples import RunUsage
from opsconsole.storage.costs import Cost
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.tasks.rows import ABSENT, COLUMNS, cells
from opsconsole.tui.screens.tasks.unanswered import Unanswered
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.column_list import Column, ColumnList, Content

_TAG = Cell("●", "accent")
_IN_SHORT = {"policy": "rule", "result": "ended"}
"""Columns in full, and those that say it in short."""


class TaskTable(ColumnList, can_focus=True):
    """Shows `Task`s in the order given. Line 0 is the heading; `selected` is where the cursor is."""

    COLUMNS = COLUMNS
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
        self._drawn = {}
        self.usage: dict[str, RunUsage] = {}
        """What running executions use, as last heard."""
        self.costs: dict[int, Cost] = {}
        """What ended tasks have used."""
        self.unanswered: Unanswered | None = None
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
        self._stay(before and before.id, self._index.get)
        self.set_extent(1, len(tasks) + 1)
        if self._cursor != was:
            self._reveal()
        self._draw_changes()
        now_on = self.selected
        if (before and before.id) != (now_on and now_on.id):
            self.post_message(self.Moved(now_on))

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

    @property
    def _whose(self) -> int | None:
        return None if self.selected is None else self.selected.id

    def _moved_to(self) -> Message:
        return self.Moved(self.selected)

    def _shown(self, total: int) -> list[Column]:
        """The policy and what came of it are there once, in full or in short."""
        shown = super()._shown(total)
        in_full = {_IN_SHORT.get(column.key) for column in shown}
        return [column for column in shown if column.key not in in_full]

    def _content(self, line: int) -> Content:
        task = self._tasks[line]
        content = cells(task, self._clock(), self.usage.get(task.execution_id), self.costs.get(task.id))
        if self.unanswered is not None and (asked := self.unanswered.cell(task.id)) is not None:
            content |= {"result": asked, "ended": asked}
        return {**content, "tag": _TAG if task.id in self.tagged else ABSENT}

    def _tag(self, content: Content) -> str:
        return content["tag"].text
