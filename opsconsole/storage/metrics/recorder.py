"""The one that writes metrics.db: takes samples in a moment, commits them from a thread of its own.

A tick only rounds its values and puts them into a queue in memory, so that a slow, full or locked disk never holds one
up. Every commit holds the samples and whatever of minutes and hours is derived from them, so that after a crash the
file is as if the lost seconds had never been: what is not summed up yet is summed up from the raw rows.

Samples keep the time they were given. When the clock was set back they lie among older ones: their minutes and hours
are over, so they are merged into these; one at a time that is taken moves on by a microsecond.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from opsconsole.clock import Clock
from opsconsole.errors import DatabaseNewer, OpsError
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.storage.database import translate
from opsconsole.storage.metrics import file, retention, rows
from opsconsole.storage.metrics.rollup import HOUR_US, pack, pack_ids
from opsconsole.storage.rows import storable
from opsconsole.storage.steadiness import Steadiness

T = TypeVar("T")

COMMIT_S = 9.0
"""A sample is committed at most this long after it was taken, plus what the commit takes: 10 s in all."""
TRIM_S = 300.0
WAITING = 3600
"""Samples kept in memory while the file cannot be written; then the oldest go."""
MOST_SERIES = 1000
"""Mounts and interfaces of a host with very many containers must not fill memory and disk."""

_NAN = float("nan")


class Layout:
    """The series of a row, in order; those that are missing in a sample are NaN. `id` is known from the commit on.

    `places` is the column of each by the name it is stored under: a mount's name may be no UTF-8.
    """

    __slots__ = ("id", "known", "names", "places")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.known = frozenset(names)
        self.places = {storable(name): at for at, name in reversed(list(enumerate(self.names)))}
        self.id: int | None = None


class Waiting(NamedTuple):
    """A sample that is not committed yet; `number` counts this recorder's samples."""

    number: int
    time_us: int
    layout: Layout
    values: array[float]


class Recorder:
    """Everything but `record` takes its time. Only `close` raises, and only what nobody can do anything about."""

    def __init__(
        self,
        path: Path,
        settings: MonitorSettings,
        clock: Clock,
        tell: Callable[[str], None],
        *,
        commit_s: float = COMMIT_S,
        busy_s: float = file.BUSY_S,
    ) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._commit_s = commit_s
        self._busy_s = busy_s
        self.token = secrets.token_hex(6)
        self._lock = threading.Lock()  # of what waits
        self._waiting: deque[Waiting] = deque(maxlen=WAITING)
        self._layout = Layout(())
        self._hour = -1
        self._last_us = -1
        self._number = 0
        self._committed = 0
        self._writing = threading.RLock()  # of the connection and what belongs to it
        self._connection: sqlite3.Connection | None = None
        self._ids: dict[str, int] = {}
        self._used: dict[int, int] = {}
        self._failing = False
        self._refused = False
        self._too_many = False
        self._steadiness = Steadiness(clock)
        self._trimmed_s = clock.monotonic()
        self._something = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    # -- the tick's side

    def record(self, time_us: int, values: Mapping[str, float]) -> None:
        """Take a sample: some microseconds, no I/O, never raises."""
        layout = self._layout
        if not (values.keys() <= layout.known and time_us // HOUR_US == self._hour):
            layout = self._new_layout(time_us // HOUR_US, values)
        get = values.get
        rounded = array("f", [get(name, _NAN) for name in layout.names])
        with self._lock:
            if time_us == self._last_us:
                time_us += 1
            self._last_us = time_us
            self._number += 1
            self._waiting.append(Waiting(self._number, time_us, layout, rounded))
        if not self._something.is_set():
            self._something.set()
            if self._thread is None and not self._end.is_set():
                self._start()

    def _new_layout(self, hour: int, values: Mapping[str, float]) -> Layout:
        """Within an hour series are only added, so that one that comes and goes makes no layout each time."""
        names = set(values) | (self._layout.known if hour == self._hour else frozenset())
        if len(names) > MOST_SERIES:
            if not self._too_many:
                self._too_many = True
                self._tell(f"there are {len(names)} metrics: the history keeps the first {MOST_SERIES} of them")
            kept = sorted(names & self._layout.known)
            names = {*kept, *sorted(names - self._layout.known)[: max(0, MOST_SERIES - len(kept))]}
        self._hour = hour
        if names != self._layout.known:
            self._layout = Layout(sorted(names))
        return self._layout

    def waiting(self) -> list[Waiting]:
        """What no commit has taken yet, or what one is just taking."""
        with self._lock:
            return list(self._waiting)

    # -- the thread's side

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="opsconsole-metrics", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._end.is_set():
            self._something.wait()
            self._end.wait(self._commit_s)
            self.flush()

    def flush(self) -> bool:
        """Commit what waits; False: it goes on waiting, and somebody was told why."""
        with self._writing:
            self._something.clear()
            waiting = self.waiting()
            if not waiting:
                return True
            try:
                done = self._attempt(lambda c: self._commit(c, waiting))
            except Exception as error:  # noqa: BLE001 - the samples' own fault: others must still be recorded
                self._tell(f"{len(waiting)} samples cannot be put into the history of metrics: {error!r}")
                self._forget(waiting[-1].number)
                return False
            if done:
                self._forget(waiting[-1].number)
                now_us = self._steadiness.trusted_now()
                if now_us is not None and self._clock.monotonic() - self._trimmed_s >= TRIM_S:
                    self._trimmed_s = self._clock.monotonic()
                    self._attempt(lambda c: self._trim(c, now_us))
            elif not self._end.is_set():
                self._something.set()  # try again
            return done

    def attempt(self, job: Callable[[sqlite3.Connection], object]) -> bool:
        """Run `job` on the writing connection in a transaction; False: it failed, and somebody was told why."""
        with self._writing:
            return self._attempt(lambda c: _in_transaction(c, lambda: job(c)))

    def trim(self) -> bool:
        """A bounded step of forgetting; True: there is more to forget. None is taken while the clock is not steady."""
        more, now_us = False, self._steadiness.trusted_now()
        if now_us is None:
            return False

        def job(c: sqlite3.Connection) -> None:
            nonlocal more
            more = self._trim(c, now_us)

        with self._writing:
            self._attempt(job)
        return more

    def clear(self) -> bool:
        """Forget everything recorded, and what waits; the detectors' states too."""
        with self._writing:
            self._forget(self._number)
            return self._attempt(self._clear)

    def close(self) -> None:
        """Commit what waits and end the thread. Can be called twice."""
        self._end.set()
        self._something.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._writing:
            self.flush()
            self._disconnect()

    # -- the file's side

    def _attempt(self, job: Callable[[sqlite3.Connection], object]) -> bool:
        if self._refused:
            return False
        try:
            if self._connection is None:
                self._connect()
            assert self._connection is not None  # noqa: S101
            job(self._connection)
        except DatabaseNewer as error:
            self._refused = True
            self._say(error)
        except OpsError as error:
            self._say(error)
            self._disconnect()
        except sqlite3.Error as error:
            self._disconnect()
            if file.is_damage(error):
                self._replace(str(error))
            else:
                self._say(translate(error, self._path))
        else:
            if self._failing:
                self._failing = False
                self._tell("the history of metrics is written again")
            return True
        return False

    def _say(self, error: OpsError) -> None:
        if not self._failing:
            self._failing = True
            self._tell(f"the history of metrics cannot be written, the last {WAITING} samples are kept: {error}")

    def _replace(self, why: str) -> None:
        try:
            file.begin_anew(self._path, self._tell, why)
        except OpsError as error:
            self._say(error)

    def _connect(self) -> None:
        self._connection = file.open_for_writing(self._path, self._tell, busy_s=self._busy_s)
        self._read_ids(self._connection)  # it may be another file than before

    def _read_ids(self, c: sqlite3.Connection) -> None:
        self._ids = dict(c.execute("SELECT name, id FROM series"))
        self._used.clear()
        for sample in self.waiting():
            sample.layout.id = None
        self._layout.id = None

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _forget(self, number: int) -> None:
        with self._lock:
            while self._waiting and self._waiting[0].number <= number:
                self._waiting.popleft()
        self._committed = max(self._committed, number)

    def _trim(self, c: sqlite3.Connection, now_us: int) -> bool:
        more = _in_transaction(c, lambda: retention.trim(c, self._settings, now_us))
        self._read_ids(c)
        retention.give_back(c)
        return more

    def _clear(self, c: sqlite3.Connection) -> None:
        _in_transaction(c, lambda: retention.clear(c))
        self._read_ids(c)
        retention.give_back(c, everything=True)

    def _commit(self, c: sqlite3.Connection, waiting: list[Waiting]) -> None:
        lost = waiting[0].number - self._committed - 1

        def job() -> None:
            rows.write(c, [(one.time_us, self._layout_id(c, one), pack(one.values)) for one in waiting])
            rows.set_mark(c, "tail", f"{self.token}:{waiting[-1].number}")

        try:
            _in_transaction(c, job)
        except BaseException:
            self._disconnect()  # ids that were given in it are void
            raise
        if lost > 0:
            self._tell(f"{lost} samples are missing from the history of metrics: it could not be written for too long")

    def _layout_id(self, c: sqlite3.Connection, sample: Waiting) -> int:
        layout, now = sample.layout, sample.time_us
        if layout.id is None:
            stored = [storable(name) for name in layout.names]
            for name in stored:
                if name not in self._ids:
                    c.execute("INSERT INTO series (name) VALUES (?)", (name,))
                    self._ids[name] = int(c.execute("SELECT last_insert_rowid()").fetchone()[0])
            data = pack_ids([self._ids[name] for name in stored])
            c.execute("INSERT OR IGNORE INTO layout (series, used_at) VALUES (?, ?)", (data, now))
            layout.id = int(c.execute("SELECT id FROM layout WHERE series = ?", (data,)).fetchone()[0])
        if abs(now - self._used.get(layout.id, -HOUR_US)) >= HOUR_US:
            self._used[layout.id] = now
            c.execute("UPDATE layout SET used_at = max(used_at, ?) WHERE id = ?", (now, layout.id))
        return layout.id


def _in_transaction(c: sqlite3.Connection, job: Callable[[], T]) -> T:
    c.execute("BEGIN IMMEDIATE")
    try:
        done = job()
        c.execute("COMMIT")
    except BaseException:
        if c.in_transaction:
            c.execute("ROLLBACK")
        raise
    return done
