"""Reads of one console, on a connection of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.models import ENDED, OPEN, ExecutionResult, Status, Task
from opsconsole.paths import StatePaths
from opsconsole.storage import consoles, frozen, history, tasks
from opsconsole.storage.consoles import ConsoleInfo
from opsconsole.storage.history import Filter
from opsconsole.storage.revision import next_rev

if TYPE_CHECKING:
    from opsconsole.storage.statistics import Statistics

_DAY_US = 24 * 3600 * 1_000_000
_ENDED = frozenset(status.value for status in ENDED)


class Reader:
    """What the doors ask: tasks, results, history, statistics. Quick, synchronous, never writing."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        paths: StatePaths,
        *,
        renew: Callable[[], sqlite3.Connection] | None = None,
    ) -> None:
        """`renew` opens a connection in place of one that shows files which others have changed."""
        self.connection = connection
        self._paths = paths
        self._renew = renew
        self._version = -1

    def _reopen(self, renew: Callable[[], sqlite3.Connection]) -> None:
        """Raises OpsErrors; the old connection then stays."""
        old, self.connection = self.connection, renew()
        self._version = -1
        old.close()

    def moved_on(self) -> bool:
        """Whether any connection committed since the last call."""
        if self._renew is not None and frozen.outdated(self.connection):
            self._reopen(self._renew)
            return True
        version = self.connection.execute("PRAGMA data_version").fetchone()[0]
        changed = version != self._version
        self._version = version
        return bool(changed)

    def task(self, task_id: int) -> Task:
        """Raises TaskNotFound."""
        return tasks.get(self.connection, task_id)

    def status(self, task_id: int) -> Status:
        """Raises TaskNotFound."""
        row = self.connection.execute("SELECT status FROM task WHERE id = ?", (task_id,)).fetchone()
        return Status(row[0]) if row else self.task(task_id).status

    def standing(self) -> tuple[int, int, dict[int, tuple[Status, int]]]:
        """At one moment: the newest rev, the newest task's id, and status and attempt of every open task."""
        marks = ", ".join("?" * len(OPEN))
        self.connection.execute("BEGIN")
        try:
            rev = self.newest_rev()
            newest = self.connection.execute("SELECT coalesce(max(id), 0) FROM task").fetchone()[0]
            found = self.connection.execute(
                f"SELECT id, status, attempt FROM task WHERE status IN ({marks})", [*map(str, OPEN)]
            ).fetchall()
        finally:
            self.connection.execute("COMMIT")
        return rev, newest, {row["id"]: (Status(row["status"]), row["attempt"]) for row in found}

    def ended_since(self, rev: int) -> tuple[list[int], int]:
        """Tasks that changed after `rev` and have ended, and the newest rev."""
        ended, newest = [], rev
        for task_id, status, changed in self.connection.execute(
            "SELECT id, status, rev FROM task WHERE rev > ?", (rev,)
        ):
            newest = max(newest, changed)
            if status in _ENDED:
                ended.append(task_id)
        return ended, newest

    def tasks(self, filter: Filter | None = None) -> list[Task]:
        """Newest first."""
        return history.page(self.connection, filter or Filter())

    def counts(self, now: int) -> dict[Status, int]:
        """Open tasks by status, and those that ended in the 24 hours before `now`."""
        return {
            **history.open_counts(self.connection),
            **history.ended_counts(self.connection, now - _DAY_US),
        }

    def result(self, id: int | str) -> ExecutionResult:
        """Of a task's newest attempt, or of the execution "17.2". Raises TaskNotFound."""
        return history.result(self.connection, self._paths, id)

    def attempts(self, task_id: int) -> list[ExecutionResult]:
        """Every attempt, the first one first. Raises TaskNotFound."""
        return history.attempts(self.connection, self._paths, task_id)

    def script(self, task_id: int) -> bytes:
        """The exact bytes, secrets too. Raises TaskNotFound, ConsoleError."""
        return history.script(self.connection, self._paths, task_id)

    def shown_script(self, task_id: int) -> bytes:
        """Without its secrets, for a screen. Raises TaskNotFound."""
        return history.shown_script(self.connection, task_id)

    def statistics(self, filter: Filter | None, now: int) -> Statistics:
        from opsconsole.storage import statistics

        return statistics.summary(self.connection, filter or Filter(), now)

    def changed_since(self, rev: int) -> list[Task]:
        return history.changed_since(self.connection, rev)

    def newest_rev(self) -> int:
        return next_rev(self.connection) - 1

    def consoles(self) -> list[ConsoleInfo]:
        """The living ones."""
        return consoles.living(self.connection, self._paths)

    def close(self) -> None:
        self.connection.close()
