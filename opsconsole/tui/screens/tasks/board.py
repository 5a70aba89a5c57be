"""The tasks on the screen: read once, kept up to date by events, in the order an operator looks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.errors import TaskNotFound
from opsconsole.events import Event, TaskChanged, TasksRemoved
from opsconsole.models import ACTIVE, ENDED, OPEN, Status, Task
from opsconsole.tui.filters import EVERYTHING, TaskFilter

if TYPE_CHECKING:
    from opsconsole.engine import Engine

PAGE = 500


class TaskBoard:
    """At most `PAGE` tasks that pass the filter: active ones, then queued in the order of their turn, then ended."""

    def __init__(self) -> None:
        self.filter: TaskFilter = EVERYTHING
        self.more = False
        self._tasks: dict[int, Task] = {}
        self._stale = True
        self._floor = 0  # so many left of a cut page: it is time to read again

    def rows(self, engine: Engine) -> list[Task]:
        """The tasks to show, in order; reads the record only where events do not tell enough."""
        if self._stale or (self.more and len(self._tasks) < self._floor):
            self._read(engine)
        ordered = sorted(self._tasks.values(), key=_place)
        if len(ordered) > PAGE:
            self.more = True
            ordered = _cut(ordered)
            self._tasks = {task.id: task for task in ordered}
        return ordered

    def narrow(self, task_filter: TaskFilter) -> None:
        """Show what passes this filter."""
        self.filter = task_filter
        self._stale = True

    def hear(self, event: Event) -> bool:
        """Take an event in; whether the list may look different now."""
        if isinstance(event, TasksRemoved):
            self._stale = True
            return True
        if not isinstance(event, TaskChanged):
            return False
        task = event.task
        known = self._tasks.get(task.id)
        if known is not None and known.rev > task.rev:
            return False
        if self.filter.text and known is None:
            self._stale = True  # what is in it, only the record knows
            return True
        if self.filter.matches(task):
            self._tasks[task.id] = task
            return True
        return self._tasks.pop(task.id, None) is not None

    def get(self, task_id: int) -> Task | None:
        """The task as last heard of, if it is shown."""
        return self._tasks.get(task_id)

    def has_no_room_for(self, task: Task) -> bool:
        """Whether it comes after all that are shown, and will not be among them."""
        return self.more and not task.status.is_open and all(_place(one) < _place(task) for one in self._tasks.values())

    def _read(self, engine: Engine) -> None:
        if self.filter.task_id is not None:
            found = _one(engine, self.filter.task_id)
        else:
            # as a task goes: one that is claimed, or ends, between two reads is in the later one and not in neither
            pages = [self._page(engine, statuses) for statuses in (OPEN - ACTIVE, ACTIVE, ENDED)]
            self.more = any(len(page) >= PAGE for page in pages)
            found = sorted((task for page in pages for task in page), key=lambda task: task.rev)
        self._tasks = {task.id: task for task in found if self.filter.matches(task)}
        self._floor = len(self._tasks) // 2
        self._stale = False

    def _page(self, engine: Engine, among: frozenset[Status]) -> list[Task]:
        from opsconsole.storage.history import Filter

        wanted = self.filter
        statuses = among & wanted.statuses if wanted.statuses else among
        if not statuses:
            return []
        longest = max(wanted.words, key=len, default=None)
        return engine.tasks(
            Filter(
                statuses=statuses,
                name=None if longest is None or set(longest) & set("*?[") else longest,
                name_or_status=wanted.either,
                exit_code=wanted.exit_code,
                text=" ".join(wanted.text) or None,
                limit=PAGE,
            )
        )


def _one(engine: Engine, task_id: int) -> list[Task]:
    try:
        return [engine.task(task_id)]
    except TaskNotFound:
        return []


def _cut(ordered: list[Task]) -> list[Task]:
    """A page of them. A long queue does not push what has ended off it: it gets half at the most."""
    queue = [task for task in ordered if task.status in OPEN - ACTIVE]
    spared = {task.id for task in queue[PAGE // 2 :]} if len(queue) > PAGE // 2 else set()
    return [task for task in ordered if task.id not in spared][:PAGE]


def _place(task: Task) -> tuple[int, float, int]:
    if task.status.is_active:
        return 0, 0, -task.id
    if task.status is Status.QUEUED:
        return 1, -task.priority, task.id
    if task.status is Status.WAITING:
        return 2, task.due_at or float("inf"), task.id
    return 3, -(task.finished_at or task.queued_at), -task.id
