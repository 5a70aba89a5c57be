"""What an operator may do to a task, as jobs for the writer; any console can do it to any task. A `reason` is in their
words, and fit to be shown.

What concerns a run reaches its supervisor from inside the job: a command that was recorded was also sent.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from pathlib import Path

from opsconsole import host
from opsconsole.clock import Clock
from opsconsole.errors import IllegalTransition, SpecError, StateDirError
from opsconsole.execution import interpreters, runfolder
from opsconsole.models import ExecutionPolicy, Origin, Priority, ResourceLimits, Status, Task, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.settings import QueueSettings
from opsconsole.storage import history, tasks
from opsconsole.storage.rows import TASK
from opsconsole.storage.task_events import What
from opsconsole.storage.writer import Job


class Commands:
    """Jobs that return the task as it is after the command. Each may raise TaskNotFound or IllegalTransition."""

    def __init__(self, paths: StatePaths, queue: QueueSettings, origin: Origin, clock: Clock) -> None:
        self._paths = paths
        self._queue = queue
        self._by = f"{origin.actor} ({origin.door})"
        self._clock = clock

    def cancel(self, task_id: int, reason: str | None = None) -> Job[Task]:
        """At any moment of its life: what waits ends now, what runs gets TERM, then KILL."""

        def job(c: sqlite3.Connection) -> Task:
            task = tasks.cancel(c, task_id, self._by, self._clock.now(), reason)
            if task.status.is_active:
                self._send(c, task, "cancel")
            return task

        return job

    def pause(self, task_id: int, reason: str | None = None) -> Job[Task]:
        """Freeze a running tree."""
        otherwise = "only a running one can be paused; use hold for a queued one"
        return self._to_a_run(task_id, "pause", otherwise, reason)

    def resume(self, task_id: int, reason: str | None = None) -> Job[Task]:
        otherwise = "only a paused one can be resumed; use release for a held one"
        return self._to_a_run(task_id, "resume", otherwise, reason)

    def hold(self, task_id: int, reason: str | None = None) -> Job[Task]:
        return lambda c: tasks.hold(c, task_id, self._by, self._clock.now(), reason)

    def release(self, task_id: int, reason: str | None = None) -> Job[Task]:
        return lambda c: tasks.release(c, task_id, self._by, self._clock.now(), reason)

    def set_priority(self, task_id: int, priority: Priority, reason: str | None = None) -> Job[Task]:
        return lambda c: tasks.set_priority(c, task_id, priority, self._queue, self._by, self._clock.now(), reason)

    def pin(self, task_id: int, pinned: bool = True, reason: str | None = None) -> Job[Task]:
        return lambda c: tasks.pin(c, task_id, pinned, self._by, self._clock.now(), reason)

    def named(
        self, name: str, task_id: int, value: Priority | bool | None = None, reason: str | None = None
    ) -> Job[Task]:
        """The job of a command by its name; `value` is for `priority` and `pin`."""
        if name == "priority":
            return self.set_priority(task_id, Priority(value or 0), reason)
        if name == "pin":
            return self.pin(task_id, value is not False, reason)
        plain = {
            "cancel": self.cancel, "pause": self.pause, "resume": self.resume, "hold": self.hold,
            "release": self.release,
        }  # fmt: skip
        return plain[name](task_id, reason)

    def _to_a_run(self, task_id: int, op: str, otherwise: str, reason: str | None) -> Job[Task]:
        def job(c: sqlite3.Connection) -> Task:
            task = tasks.get(c, task_id)
            if not task.status.is_active:
                raise IllegalTransition(f"task {task_id} is {task.status}: {otherwise}")
            tasks.asked_of_run(c, task_id, What(f"{op}_asked"), self._by, self._clock.now(), reason)
            self._send(c, task, op)
            return tasks.get(c, task_id)

        return job

    def _send(self, c: sqlite3.Connection, task: Task, op: str) -> None:
        folder = self._paths.run_folder(task.execution_id)
        try:
            runfolder.command(folder, tasks.launch_of(c, task.execution_id), op, self._by)
        except OSError as error:
            raise StateDirError(f"the command cannot be written to {folder}: {error.strerror}") from error


def spec_of(c: sqlite3.Connection, paths: StatePaths, task_id: int) -> TaskSpec:
    """What to submit to run an ended task once more. Raises TaskNotFound, IllegalTransition, SpecError."""
    import json

    task = tasks.get(c, task_id)
    if task.status.is_open:
        raise IllegalTransition(f"task {task_id} is {task.status}: only an ended one can be run again")
    row = c.execute("SELECT spec FROM task WHERE id = ?", (task_id,)).fetchone()
    body = history.script(c, paths, task_id)
    stored = json.loads(row["spec"])
    gone = [name for name in stored["environment_names"] if name not in os.environ]
    if gone:
        raise SpecError(
            f"task {task_id} was given {', '.join(gone)}, whose values are not kept",
            hint="set them in your environment, or submit the script again with --env",
        )
    if stored.get("private"):
        raise SpecError(
            f"the {', '.join(stored['private'])} of task {task_id} held a secret, which is not kept after its end",
            hint="submit the script again",
        )
    if stored["stdin_descriptor"]:
        raise SpecError(
            f"task {task_id} read the standard input of its console, which is not kept",
            hint="submit the script again with --stdin",
        )
    command = task.interpreter == interpreters.EXEC
    by_shebang = stored["program"] is not None or task.interpreter == interpreters.UNKNOWN
    return TaskSpec(
        script=None if command else body,
        argv=tuple(shlex.split(body.decode("utf-8", "surrogateescape"))) if command else None,
        name=task.name,
        args=tuple(stored["args"]),
        interpreter=None if by_shebang or command else task.interpreter,
        policy=ExecutionPolicy(task.policy),
        priority=task.priority,
        timeout_s=stored["timeout_s"],
        retries=min(3, task.attempts - 1),
        retry_exit_codes=None if stored["retry_exit_codes"] is None else tuple(stored["retry_exit_codes"]),
        cwd=stored["cwd"],
        env={name: os.environ[name] for name in stored["environment_names"]},
        limits=ResourceLimits(output=stored["output_limit"]),
        stdin=stored["stdin"],
        labels=task.labels,
        idempotent=stored["idempotent"],
        kill_leftovers=stored["kill_leftovers"],
        confirmed=stored["confirmed"],
        reason=stored["reason"],
        allow=tuple(stored["allow"]),
        parent_id=task_id,
        parent_kind="retry",
    )


def why_waiting(c: sqlite3.Connection, task_id: int, concurrency: int, min_free: int, runs: Path) -> str | None:
    """Why an open task does not run yet, in words; None when it runs, has ended, or is next."""
    row = c.execute(f"{TASK} WHERE t.id = ?", (task_id,)).fetchone()
    if row is None:
        return None
    status = Status(row["status"])
    if status is Status.WAITING:
        return _waiting_for(row)
    if status is not Status.QUEUED:
        return None
    active = c.execute("SELECT count(*) FROM execution WHERE status IN ('preparing', 'running', 'paused')").fetchone()[
        0
    ]
    if active >= concurrency:
        return f"{active} of {concurrency} runs are active (setting execution.concurrency)"
    if host.free_bytes(runs) < min_free:
        return "the disk of the state directory is nearly full (setting execution.min_free)"
    return None


def _waiting_for(row: sqlite3.Row) -> str:
    if row["held"]:
        return "it is held: release it"
    if row["due_at"] is not None:
        return f"the next attempt is due later ({row['reason']})"
    return f"task {row['after_id']} must succeed first"
