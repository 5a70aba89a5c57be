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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from opsconsole.models import ENDED, Task
from opsconsole.paths import StatePaths
from opsconsole.storage import database, frozen, rows
from opsconsole.storage.history import FACTS, Filter, Reach, conditions, looks_for_words, reach, where_all

if TYPE_CHECKING:
    from opsconsole.storage.trends import GroupBy, Trends

PAGE = 200
"""Rows that are read at once, at the most."""
BUSY_S = 0.4
"""A locked database is said after this time; no interrupt ends this wait, and a console that leaves has to."""
_SNIPPET = 200
_LEAD = 40
_NEAR = 8000
"""Of those that ended last, so many are looked at for what comes first: some milliseconds, whatever the filter."""
_FINISHED = "task INDEXED BY task_finished"


class InterruptedReadError(Exception):
    """Somebody asked for something else meanwhile."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A line that has the words that were looked for. `where`: `script` or `output`; `number` counts from 1, and is
    None where only the end is known: of an output."""

    where: str
    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first ids of a list; `whole`: there are no more."""

    ids: array[int]
    whole: bool


class Archive:
    """One reading thread at a time (others wait); `interrupt` and `close` from any."""

    def __init__(self, paths: StatePaths, connect: Callable[[], sqlite3.Connection] | None = None) -> None:
        """`connect` opens it in another way than usual. Raises OpsErrors."""
        self._paths = paths
        self._connect = connect or partial(database.connect, paths.database, read_only=True, busy_s=BUSY_S)
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._closed = False

    def index(self, filter: Filter) -> array[int]:
        """Ids of all tasks the filter lets through: what is open first, then the one that ended last. `before` and
        `limit` do not count. Raises OpsErrors, InterruptedReadError.
        """
        where, values = where_all(list(conditions(filter)))
        source = FACTS
        if _of_the_ended(filter) and _only_statuses(filter):  # an index that is nearly in this order
            source, where = _FINISHED, f"finished_at IS NOT NULL AND {where}"
        # json_group_array takes the rows as they come; SQLite keeps the order of a subquery for such an aggregate.
        sql = f"""SELECT json_group_array(id) FROM (
                      SELECT id FROM {source} WHERE {where} ORDER BY finished_at DESC NULLS FIRST, id DESC)"""
        with self._reading() as c:
            return array("q", json.loads(c.execute(sql, values).fetchone()[0]))

    def beginning(self, filter: Filter, most: int) -> Beginning | None:
        """At most so many of the first ids of `index`, in a few milliseconds: what ended long ago is not looked at.
        None: the filter is also about what is open. Raises OpsErrors, InterruptedReadError.
        """
        if not _of_the_ended(filter):
            return None
        with self._reading() as c:
            row = c.execute(
                f"""SELECT finished_at FROM {_FINISHED} WHERE finished_at IS NOT NULL
                    ORDER BY finished_at DESC LIMIT 1 OFFSET {_NEAR}"""
            ).fetchone()
            since = None if row is None else row[0]
            where, values = where_all(list(conditions(filter, _reach(c, filter, since))))
            sql = f"""SELECT id FROM {_FINISHED} WHERE finished_at >= ? AND {where}
                      ORDER BY finished_at DESC, id DESC LIMIT ?"""
            found = array("q", (row[0] for row in c.execute(sql, (since or 0, *values, most + 1))))
        return Beginning(found[:most], whole=since is None and len(found) <= most)

    def passes(self, filter: Filter, task_id: int) -> bool:
        """Whether the filter lets this task through. Raises OpsErrors, InterruptedReadError."""
        where, values = where_all([("id = ?", (task_id,)), *conditions(filter)])
        with self._reading() as c:
            return c.execute(f"SELECT 1 FROM {FACTS} WHERE {where}", values).fetchone() is not None

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
        source = "task INDEXED BY task_status" if _only_statuses(filter) else FACTS
        with self._reading() as c:
            return int(c.execute(f"SELECT count(*) FROM {source} WHERE {where}", values).fetchone()[0])

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

    def extent(self, filter: Filter) -> tuple[int, int] | None:
        """See `storage.trends`. Raises OpsErrors, InterruptedReadError."""
        from opsconsole.storage import trends

        with self._reading() as c:
            return trends.extent(c, filter)

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
                if self._connection is not None and frozen.outdated(self._connection):
                    self._connection.close()
                    self._connection = None
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise InterruptedReadError from error
            raise database.translate(error, path, reading=True) from error


def _reach(c: sqlite3.Connection, filter: Filter, since_us: int | None) -> Reach | None:
    """Of the tasks that ended since; None: it makes no difference."""
    if since_us is None or not looks_for_words(filter):
        return None
    first = c.execute(f"SELECT min(id) FROM {_FINISHED} WHERE finished_at >= ?", (since_us,)).fetchone()[0]
    return reach(c, first or 0)


def _of_the_ended(filter: Filter) -> bool:
    """What is open cannot pass it."""
    return bool(filter.statuses) and filter.statuses <= ENDED


def _only_statuses(filter: Filter) -> bool:
    """It looks at nothing else."""
    return bool(filter.statuses) and filter == replace(Filter(), statuses=filter.statuses)


def _lines_with(where: str, text: str, words: Sequence[str], most: int) -> list[Snippet]:
    if not words:
        return []
    begins = re.compile("|".join(rf"(?<!\w){re.escape(word)}" for word in words), re.IGNORECASE)
    found: list[Snippet] = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := begins.search(line):
            start = max(0, match.start() - _LEAD) if len(line) > _SNIPPET else 0
            cut = ("…" if start else "") + line[start : start + _SNIPPET].strip()
            found.append(Snippet(where, number if where == "script" else None, cut))
            if len(found) == most:
                break
    return found
