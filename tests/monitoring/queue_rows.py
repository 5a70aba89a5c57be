"""The queue's database and run folders as the executor would leave them, by the clock of the test."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path
from typing import Any

from opsconsole.monitoring.detection.run_facts import RunFacts, facts
from opsconsole.paths import StatePaths
from tests.monitoring.watched import Hand
from tests.unit.queue_table import in_memory


class Queue:
    """Rows of the real schema, as the executor would leave them, by the clock of the test."""

    def __init__(self, folder: Path, c: sqlite3.Connection | None = None) -> None:
        self.c = in_memory() if c is None else c
        self.paths = StatePaths(folder)
        self.clock = Hand()
        self.asked = 0

    def script(self, name: str, body: str = "true") -> int:
        self.c.execute("INSERT OR IGNORE INTO script (name, sha256, body) VALUES (?, ?, x'')", (name, body))
        found = self.c.execute("SELECT id FROM script WHERE name = ? AND sha256 = ?", (name, body)).fetchone()
        return int(found[0])

    def task(self, name: str, status: str, **given: Any) -> int:
        values: dict[str, Any] = {
            "rev": 1, "status": status, "name": name, "priority": 1, "rank": 1, "policy": "standard",
            "interpreter": "bash", "script_id": self.script(name, given.pop("body", "true")), "spec": "{}",
            "queued_at": self.clock.now_us, "host": "here", "door": "api", "actor": "tester", **given,
        }  # fmt: skip
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO task ({', '.join(values)}) VALUES ({marks})"  # noqa: S608 - our own names
        row = self.c.execute(sql, tuple(values.values()))
        assert row.lastrowid is not None
        return row.lastrowid

    def ended(self, name: str, status: str = "completed", took_s: float = 1.0, ago_s: float = 0.0, **given: Any) -> int:
        at = self.clock.now_us - int(ago_s * 1e6)
        return self.task(name, status, duration_s=took_s, started_at=at, finished_at=at, **given)

    def begin(self, name: str, **given: Any) -> str:
        """A run that is under way from now on, with its folder."""
        task_id = self.task(name, "running", started_at=self.clock.now_us, **given)
        execution_id = f"{task_id}.1"
        self.c.execute(
            "INSERT INTO execution (id, task_id, attempt, launch, status, boot_id, claimed_at, started_at, console_id) "
            "VALUES (?, ?, 1, 0, 'running', 'boot', ?, ?, 1)",
            (execution_id, task_id, self.clock.now_us, self.clock.now_us),
        )
        self.paths.run_folder(execution_id).mkdir(parents=True)
        for stream in ("stdout", "stderr"):
            self.write(execution_id, stream, b"")
        return execution_id

    def write(self, execution_id: str, file: str, data: bytes) -> None:
        path = self.paths.run_folder(execution_id) / file
        with path.open("ab") as out:
            out.write(data)
        os.utime(path, ns=(self.clock.now_us * 1000, self.clock.now_us * 1000))

    def end(self, execution_id: str, status: str = "completed") -> None:
        c, now = self.c, self.clock.now_us
        c.execute("UPDATE execution SET status = ?, finished_at = ? WHERE id = ?", (status, now, execution_id))
        c.execute(
            "UPDATE task SET status = ?, finished_at = ?, duration_s = (? - started_at) / 1e6 WHERE id = ?",
            (status, now, now, execution_id.split(".")[0]),
        )

    def facts(self) -> RunFacts:
        self.asked += 1
        return facts(self.c, self.paths, self.clock.now_us)


def fill(queue: Queue, count: int) -> None:
    """So many ended tasks of 20 scripts, 3,000 a day."""
    luck = random.Random(2)
    scripts = [queue.script(f"script {n}") for n in range(20)]
    statuses = ("completed", "completed", "completed", "failed", "cancelled")
    now = queue.clock.now_us
    queue.c.execute("BEGIN")
    queue.c.executemany(
        "INSERT INTO task (rev, status, name, priority, rank, policy, interpreter, script_id, spec, queued_at, host, "
        "door, actor, started_at, finished_at, duration_s) "
        "VALUES (1, ?, 'n', 1, 1, 'standard', 'bash', ?, '{}', ?, 'h', 'api', 'a', ?, ?, 5.0)",
        (
            (luck.choice(statuses), luck.choice(scripts), *[now - int(n / 3000 * 86_400e6)] * 3)
            for n in range(count, 0, -1)
        ),
    )
    queue.c.execute("COMMIT")
