"""What changed in the database, told to those who listen or wait, whichever console changed it."""

from __future__ import annotations

import asyncio

from opsconsole.events import EventBus, ExecutionFinished, TaskChanged
from opsconsole.models import Task
from opsconsole.storage.reader import Reader


class Announcer:
    """Remembers how far it has read; each change is told once. All calls on the loop's thread."""

    def __init__(self, reader: Reader, bus: EventBus) -> None:
        self._reader = reader
        self._bus = bus
        self.begin()
        self._woken = self._told
        self._waiters: dict[int, list[asyncio.Future[None]]] = {}

    def begin(self) -> None:
        """What happened up to now is not told to anybody."""
        self._told, self._newest, self._seen = self._reader.standing()

    async def ended(self, task_id: int) -> None:
        """Return when the task has ended. Raises TaskNotFound."""
        if self._reader.status(task_id).is_open:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.setdefault(task_id, []).append(waiter)
            await waiter

    def look(self) -> None:
        """Wake whoever waits for a task that has ended, and tell listeners of every change since the last look."""
        ended, self._woken = self._reader.ended_since(self._woken)
        for task_id in ended:
            for waiter in self._waiters.pop(task_id, ()):
                if not waiter.done():
                    waiter.set_result(None)
        newest = self._newest
        while self._bus.heard and (changed := self._reader.changed_since(self._told)):
            for task in changed:
                self._told = max(self._told, task.rev)
                newest = max(newest, task.id)
                self._tell(task)
        self._newest = newest

    def _tell(self, task: Task) -> None:
        known = self._seen.pop(task.id, None)
        if known is None and task.id <= self._newest:  # it had ended before, and was pinned, say
            self._bus.publish(TaskChanged(task, task.status))
            return
        previous, attempt = known or (None, 1)
        if task.status.is_open:
            self._seen[task.id] = (task.status, task.attempt)
        self._bus.publish(TaskChanged(task, previous))
        for number in range(attempt, task.attempt):
            self._bus.publish(ExecutionFinished(self._reader.result(f"{task.id}.{number}")))
        if not task.status.is_open and (previous is not None or task.started_at is not None):
            result = self._reader.result(task.id)
            if result.attempt == task.attempt:  # not so when it was cancelled before its next attempt
                self._bus.publish(ExecutionFinished(result))

    def close(self) -> None:
        """Nobody waits any longer."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.cancel()
        self._waiters.clear()
