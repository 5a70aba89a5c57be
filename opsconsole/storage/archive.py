"""Long reads of what has ended, on a connection of their own: in a thread, interruptible, a page of rows at a time.

A list of any length is an array of ids, 8 bytes each and read off one narrow index; its rows are read where somebody
looks. The place of a row is then known without counting, and no page costs more for being deep.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsconsole.models import Task
from opsconsole.paths import StatePaths
from opsconsole.storage import database, rows
from opsconsole.storage.history import FACTS, Filter, conditions, where_all

if TYPE_CHECKING:
    from opsconsole.storage.trends import GroupBy, Trends

PAGE = 200
"""Rows that are read at once, at the most."""
BUSY_S = 0.4
"""A locked database is said after this time; no interrupt ends this wait, and a console that leaves has to."""
_SNIPPET = 200
_LEAD = 40


class InterruptedReadError(Exception):
    """Somebody asked for something else meanwhile."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A line that has the words that were looked for. `where`: `script` or `output`; `number` counts from 1."""

    where: str
    number: int
    text: str


class Archive:
    """One reading thread at a time (others wait); `interrupt` and `close` from any."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._closed = False

    def index(self, filter: Filter) -> array[int]:
        """Ids of all tasks the filter lets through: what is open first, then the one that ended last. `before` and
        `limit` do not count. Raises OpsErrors, InterruptedReadError.
        """
        where, values = where_all(list(conditions(filter)))
        # json_group_array takes the rows as they come; SQLite keeps the order of a subquery for such an aggregate.
        sql = f"""SELECT json_group_array(id) FROM (
                      SELECT id FROM {FACTS} WHERE {where} ORDER BY finished_at DESC NULLS FIRST, id DESC)"""
        with self._reading() as c:
            return array("q", json.loads(c.execute(sql, values).fetchone()[0]))

    def rows(self, ids: Sequence[int]) -> list[Task]:
        """In the order of `ids`, at most `PAGE` of them; those that are gone are left out. Raises OpsErrors."""
        wanted = ids[:PAGE]
        sql = f"{rows.TASK} WHERE t.id IN ({', '.join('?' * len(wanted))})"
        with self._reading() as c:
            found = {row["id"]: rows.task(row) for row in c.execute(sql, tuple(wanted))}
        return [found[one] for one in wanted if one in found]

    def count(self, filter: Filter) -> int:
        """How many tasks the filter lets through. Raises OpsErrors, InterruptedReadError."""
        where, values = where_all(list(conditions(filter)))
        with self._reading() as c:
            return int(c.execute(f"SELECT count(*) FROM {FACTS} WHERE {where}", values).fetchone()[0])

    def snippets(self, task_id: int, words: Sequence[str], most: int = 3) -> list[Snippet]:
        """The first lines of the script, then of the kept end of the output, that have one of the words. Neither has
        secrets; the script is not sanitised. Raises OpsErrors.
        """
        with self._reading() as c:
            script = c.execute(
                "SELECT s.body FROM task t JOIN script s ON s.id = t.script_id WHERE t.id = ?", (task_id,)
            ).fetchone()
            output = c.execute(
                "SELECT body FROM output WHERE task_id = ? ORDER BY id DESC LIMIT 1", (task_id,)
            ).fetchone()
        texts = [("script", bytes(script[0]))] if script is not None else []
        texts += [("output", zlib.decompress(output[0]))] if output is not None else []
        found: list[Snippet] = []
        for where, body in texts:
            found += _lines_with(where, body.decode("utf-8", "replace"), words, most)
        return found

    def trends(self, filter: Filter, since_us: int | None, until_us: int, buckets: int, by: GroupBy) -> Trends:
        """See `storage.trends`. Raises OpsErrors, InterruptedReadError."""
        from opsconsole.storage import trends

        with self._reading() as c:
            return trends.trends(c, filter, since_us, until_us, buckets, by)

    def interrupt(self) -> None:
        """End what is being read now, with InterruptedReadError there."""
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """Ends what is being read; whoever reads afterwards gets InterruptedReadError."""
        self._closed = True
        self.interrupt()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        path = self._paths.database
        try:
            with self._lock:
                if self._closed:
                    raise InterruptedReadError
                if self._connection is None:
                    self._connection = database.connect(path, read_only=True, busy_s=BUSY_S)
                yield self._connection
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise InterruptedReadError from error
            raise database.translate(error, path) from error


def _lines_with(where: str, text: str, words: Sequence[str], most: int) -> list[Snippet]:
    if not words:
        return []
    begins = re.compile("|".join(rf"(?<!\w){re.escape(word)}" for word in words), re.IGNORECASE)
    found: list[Snippet] = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := begins.search(line):
            start = max(0, match.start() - _LEAD) if len(line) > _SNIPPET else 0
            cut = ("…" if start else "") + line[start : start + _SNIPPET].strip()
            found.append(Snippet(where, number, cut))
            if len(found) == most:
                break
    return found
