"""Reading metrics.db: one moment of it at a time, by a connection of its own, beside the recorder's commits."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from opsconsole.errors import StorageError
from opsconsole.storage.database import translate
from opsconsole.storage.frozen import outdated
from opsconsole.storage.metrics import file, rows
from opsconsole.storage.metrics.rollup import HOUR_S, MINUTE_S, SECOND_US, Figures, unpack
from opsconsole.storage.rows import storable

Value = tuple[int, float]
"""Time in microseconds, value."""


class Moment:
    """The file as it is during one `Reader.moment`. Spans are microseconds, until is outside."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._c = connection
        self.minutes = rows.mark(connection, "minutes") or 0
        self.hours = rows.mark(connection, "hours") or 0

    def committed(self, recorder: str) -> int:
        """Number of that recorder's last sample in here."""
        found = self._c.execute("SELECT value FROM mark WHERE name = 'tail'").fetchone()
        token, _, number = (found[0] if found else "").partition(":")
        return int(number) if token == recorder else 0

    def names(self) -> list[str]:
        return [name for (name,) in self._c.execute("SELECT name FROM series")]

    def series(self, name: str) -> int | None:
        found = self._c.execute("SELECT id FROM series WHERE name = ?", (storable(name),)).fetchone()
        return None if found is None else int(found[0])

    def raw(self, series: int, since_us: int, until_us: int) -> list[Value]:
        """By time; a sample without the series is left out, one whose value is NaN is not."""
        places = {id: ids.index(series) for id, ids in rows.layouts(self._c).items() if series in ids}
        widths = {id: len(ids) for id, ids in rows.layouts(self._c).items()}
        found: list[Value] = []
        samples = self._c.execute(
            "SELECT t, layout, data FROM raw WHERE t >= ? AND t < ? ORDER BY t", (since_us, until_us)
        ).fetchall()
        for layout, some in groupby(samples, itemgetter(1)):
            if layout in places:
                times, _, data = zip(*some, strict=True)
                found += zip(times, unpack(data)[places[layout] :: widths[layout]], strict=True)
        return found

    def buckets(self, series: int, res: int, since_s: int, until_s: int, step_s: int) -> list[tuple[int, Figures]]:
        """(number, figures) of buckets of `step_s` seconds, from the roll-ups of `res` seconds."""
        if step_s == res:
            found = self._c.execute(
                "SELECT t, n, min, max, sum FROM rollup WHERE series = ? AND res = ? AND t >= ? AND t < ?",
                (series, res, since_s, until_s),
            )
            return [(t // step_s, (n, low, high, total)) for t, n, low, high, total in found]
        found = self._c.execute(
            "SELECT t / ? AS bucket, sum(n), min(min), max(max), sum(sum) FROM rollup "
            "WHERE series = ? AND res = ? AND t >= ? AND t < ? GROUP BY bucket",
            (step_s, series, res, since_s, until_s),
        )
        return [(bucket, (n, low, high, total)) for bucket, n, low, high, total in found]

    def states(self) -> dict[str, bytes]:
        return dict(self._c.execute("SELECT series, state FROM detector"))

    def begins(self) -> int | None:
        """Time of the oldest figure, in microseconds."""
        found = [t for (t,) in self._c.execute("SELECT min(t) FROM raw") if t is not None]
        for (series,) in self._c.execute("SELECT id FROM series").fetchall():
            for res in (MINUTE_S, HOUR_S):
                (oldest,) = self._c.execute(
                    "SELECT min(t) FROM rollup WHERE series = ? AND res = ?", (series, res)
                ).fetchone()
                if oldest is not None:
                    found.append(oldest * SECOND_US)
        return min(found, default=None)


class Reader:
    """May be used by several threads; they take turns. `tell` hears once why the file cannot be read, and it is then as
    if there were none; without it, that is raised."""

    def __init__(self, path: Path, *, busy_s: float = file.BUSY_S, tell: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._tell = tell
        self._busy_s = busy_s
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._which: tuple[int, int] | None = None
        self._unreadable = False

    @contextmanager
    def moment(self) -> Iterator[Moment | None]:
        """None: there is no history yet. Raises DatabaseNewer, DatabaseLocked, StorageError."""
        with self._turn:
            try:
                connection = self._opened()
                if connection is None:
                    yield None
                    return
                connection.execute("BEGIN")
                try:
                    yield Moment(connection)
                finally:
                    connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._disconnect()
                raise translate(error, self._path) from error

    def _opened(self) -> sqlite3.Connection | None:
        if self._tell is None:
            return self._current()
        if self._unreadable:
            return None
        try:
            return self._current()
        except (StorageError, sqlite3.Error) as error:
            self._unreadable = True
            self._tell(f"the history of metrics cannot be read: {error}")
            return None

    def close(self) -> None:
        with self._turn:
            self._disconnect()

    def _current(self) -> sqlite3.Connection | None:
        """A connection to the file that has the name now: it may have been moved aside, and a new one begun."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._disconnect()
            return None
        except OSError as error:
            raise StorageError(f"{self._path} cannot be used: {error.strerror}") from error
        which = (found.st_dev, found.st_ino)
        if self._connection is None or which != self._which or outdated(self._connection):
            self._disconnect()
            self._connection = file.open_for_reading(self._path, busy_s=self._busy_s)
            self._which = which
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
