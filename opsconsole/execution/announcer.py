"""What changed in the database, told to those who listen or wait, whichever console changed it."""

from __future__ import annotations

import asyncio

from opsconsole.events import EventBus, ExecutionFinished, TaskChanged
from opsconsole.models import Status, Task
from opsconsole.storage.reader import Reader


class Announcer:
    """Remembers how far it has read; each change is told once. All calls on the loop's thread."""

    def __init__(self, reader: Reader, bus: EventBus) -> None:
        self._reader = reader
        self._bus = bus
        self._told = self._woken = reader.newest_rev()
        self._seen: dict[int, tuple[Status, int]] = {}
        self._waiters: dict[int, list[asyncio.Future[None]]] = {}

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
        while self._bus.heard and (changed := self._reader.changed_since(self._told)):
            for task in changed:
                self._told = max(self._told, task.rev)
                self._tell(task)

    def _tell(self, task: Task) -> None:
        previous, attempt = self._seen.get(task.id, (None, task.attempt))
        if task.status.is_open:
            self._seen[task.id] = (task.status, task.attempt)
        else:
            self._seen.pop(task.id, None)
        self._bus.publish(TaskChanged(task, previous))
        if task.attempt > attempt:
            self._bus.publish(ExecutionFinished(self._reader.result(f"{task.id}.{attempt}")))
        if not task.status.is_open and (previous is not None or task.started_at is not None):
            self._bus.publish(ExecutionFinished(self._reader.result(task.id)))

    def close(self) -> None:
        """Nobody waits any longer."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.cancel()
        self._waiters.clear()
