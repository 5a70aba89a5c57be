"""What can be done to a task that is there: the commands every door shares."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from opsconsole.execution.commands import Commands, spec_of
from opsconsole.execution.questions import Questions
from opsconsole.execution.submission import Submission
from opsconsole.models import Priority, Task, TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.storage.writer import Job

_LONGEST_REASON = 500


class Verbs(Questions):
    """The part of the Engine that changes tasks; the Engine provides `submit`, `add_detached` and `_job`.

    A `reason` is kept with what was done, on one line and without secrets.
    """

    _commands: Commands
    _to_tidy: bool

    def submit(self, spec: TaskSpec, *, stdin_fd: int | None = None) -> Submission:
        raise NotImplementedError

    def add_detached(self, spec: TaskSpec) -> Task:
        raise NotImplementedError

    def _job(self, job: Job[Any]) -> Future[Any]:
        raise NotImplementedError

    def _on_submitted(self) -> None:
        raise NotImplementedError

    async def submitted(self, spec: TaskSpec) -> Task:
        """`submit`, read and judged in a thread, and stored. Whoever cancels it takes the task back; once that is too
        late, the task is returned all the same. Raises what `submit` and the Submission raise.
        """
        making = asyncio.ensure_future(asyncio.to_thread(self.submit, spec))
        taken_back = False
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            taken_back = True  # it may be on its way already: to be withdrawn, it must be known
        submission = await making
        try:
            if taken_back:
                raise asyncio.CancelledError
            return await submission
        except asyncio.CancelledError:
            if submission.withdraw():
                raise
            return self.task(await asyncio.to_thread(lambda: submission.task_id))

    async def cancel(self, task_id: int, reason: str | None = None) -> Task:
        """At any moment of its life; returns at once, the end comes as an event."""
        return await self._command(self._commands.cancel(task_id, self._kept(reason, task_id)))

    async def pause(self, task_id: int, reason: str | None = None) -> Task:
        return await self._command(self._commands.pause(task_id, self._kept(reason, task_id)))

    async def resume(self, task_id: int, reason: str | None = None) -> Task:
        return await self._command(self._commands.resume(task_id, self._kept(reason, task_id)))

    async def hold(self, task_id: int, reason: str | None = None) -> Task:
        return await self._command(self._commands.hold(task_id, self._kept(reason, task_id)))

    async def release(self, task_id: int, reason: str | None = None) -> Task:
        return await self._command(self._commands.release(task_id, self._kept(reason, task_id)))

    async def set_priority(self, task_id: int, priority: Priority, reason: str | None = None) -> Task:
        return await self._command(self._commands.set_priority(task_id, priority, self._kept(reason, task_id)))

    async def pin(self, task_id: int, pinned: bool = True, reason: str | None = None) -> Task:
        return await self._command(self._commands.pin(task_id, pinned, self._kept(reason, task_id)))

    async def retry(self, task_id: int) -> Task:
        """Run an ended task once more, as a new task whose parent is the old one."""
        return await self.submitted(spec_of(self._reads.connection, self.paths, task_id))

    def command(self, name: str, task_id: int, value: Priority | bool | None = None, reason: str | None = None) -> Task:
        """`cancel pause resume hold release retry priority pin` without a loop. The reason of a retry is why the new
        task runs.
        """
        if name == "retry":
            spec = spec_of(self._reads.connection, self.paths, task_id)
            return self.add_detached(replace(spec, reason=reason) if reason else spec)
        job = self._commands.named(name, task_id, value, self._kept(reason, task_id))
        self._to_tidy = True
        found: Task = self._job(job).result()
        return found

    def _kept(self, reason: str | None, task_id: int) -> str | None:
        if not (reason := " ".join((reason or "").split())):
            return None
        return sanitise_name(self.redaction_of(task_id).text(reason), limit=_LONGEST_REASON)

    async def _command(self, job: Job[Task]) -> Task:
        task: Task = await asyncio.wrap_future(self._job(job))
        self._to_tidy = True
        self._on_submitted()
        return task
