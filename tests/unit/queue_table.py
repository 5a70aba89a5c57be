"""The queue's table with a hand on every lever: `storage.tasks` without an engine, a process or a wait."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsconsole.models import Origin, Priority, Status, Task
from opsconsole.settings import QueueSettings, RetrySettings
from opsconsole.storage import consoles, database, endings, tasks
from opsconsole.storage.endings import Outcome
from opsconsole.storage.tasks import Claimed, NewTask

ORIGIN = Origin(host="here", door="api", actor="tester")
BOOT = "this-boot"
STEADY = RetrySettings(base_s=1.0, max_s=60.0, jitter=0.0)


def new_task(name: str = "job", **given: Any) -> NewTask:
    """A task that may run; what is only in the stored specification (`idempotent`, `retry_exit_codes`) goes there."""
    in_spec = {"idempotent": False, "retry_exit_codes": None, "timeout_s": 300.0, "output_limit": 0}
    spec = {key: given.pop(key, default) for key, default in in_spec.items()}
    retries = given.pop("retries", 0)
    values: dict[str, Any] = {
        "status": Status.QUEUED, "reason": None, "priority": Priority.NORMAL, "policy": "standard",
        "interpreter": "bash", "body": b"true", "environment": "some-key", "origin": ORIGIN,
    }  # fmt: skip
    return NewTask(name=name, spec=spec, attempts=retries + 1, **{**values, **given})


def outcome(execution_id: str, status: Status, now: int, *, code: int | None = None, started: bool = True) -> Outcome:
    if code is None and status in (Status.COMPLETED, Status.FAILED):
        code = 0 if status is Status.COMPLETED else 1
    reason = None if status is Status.COMPLETED else f"exit code {code}" if code is not None else str(status)
    return Outcome(execution_id, status, reason, code, None, now if started else None, now, 0.5, {"kill": "none"})


@dataclass
class QueueTable:
    """One connection, one console with the id `me`, and a time that only moves by hand."""

    c: sqlite3.Connection
    now: int
    concurrency: int = 8
    queue: QueueSettings = field(default_factory=QueueSettings)
    retry: RetrySettings = STEADY
    luck: random.Random = field(default_factory=lambda: random.Random(7))
    me: int = 1

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.c.execute("BEGIN IMMEDIATE")
        try:
            yield self.c
        except BaseException:
            self.c.execute("ROLLBACK")
            raise
        self.c.execute("COMMIT")

    def submit(self, *new: NewTask) -> list[int]:
        with self.transaction() as c:
            return tasks.insert(c, new, self.now, self.queue)

    def add(self, name: str = "job", **given: Any) -> int:
        return self.submit(new_task(name, **given))[0]

    def claim(self, want: int = 100, *, console: int | None = None, own_only: bool = False) -> list[Claimed]:
        with self.transaction() as c:
            return tasks.claim(c, console or self.me, want, self.concurrency, self.now, BOOT, own_only=own_only)

    def claim_names(self, want: int = 100) -> list[str]:
        return [claimed.name for claimed in self.claim(want)]

    def start(self, execution_id: str) -> bool:
        with self.transaction() as c:
            report = {"leader": 11, "leader_start": 12, "started_at": self.now}
            return tasks.mark_supervised(c, execution_id, (9, 10), report)

    def finish(self, execution_id: str, status: Status, **given: Any) -> list[int]:
        with self.transaction() as c:
            result = outcome(execution_id, status, self.now, **given)
            return endings.finish(c, [result], self.now, self.retry, self.luck)

    def run_to(self, status: Status, **given: Any) -> Task:
        """Claim the next task and let it end so; the task as it is then."""
        (claimed,) = self.claim(1)
        self.start(claimed.execution_id)
        self.finish(claimed.execution_id, status, **given)
        return self.task(claimed.task_id)

    def cancel(self, task_id: int) -> Task:
        with self.transaction() as c:
            return tasks.cancel(c, task_id, "tester", self.now)

    def hold(self, task_id: int) -> Task:
        with self.transaction() as c:
            return tasks.hold(c, task_id, "tester", self.now)

    def release(self, task_id: int) -> Task:
        with self.transaction() as c:
            return tasks.release(c, task_id, "tester", self.now)

    def queue_due(self) -> int:
        with self.transaction() as c:
            return tasks.queue_due(c, self.now, self.retry.max_s * (1 + self.retry.jitter))

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)

    def task(self, task_id: int) -> Task:
        return tasks.get(self.c, task_id)

    def status(self, task_id: int) -> Status:
        return self.task(task_id).status

    def count(self, table: str = "task") -> int:
        return int(self.c.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names


def in_memory() -> sqlite3.Connection:
    """The real schema, without a disk."""
    c = sqlite3.connect(":memory:", isolation_level=None)
    c.row_factory = sqlite3.Row
    c.execute("PRAGMA foreign_keys = ON")
    database.migrate(c)
    return c


def living_console(c: sqlite3.Connection, paths: Any, claims: str, now: int) -> consoles.Registration:
    return consoles.register(c, paths, ORIGIN, claims, pid=1, started=1, boot=BOOT, now=now)


def on_disk(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    return database.open_database(folder / "opsconsole.db", lambda notice: None)
