"""MetricsStore: what is recorded of a host's metrics, and what can be asked about them."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from opsconsole.clock import SYSTEM, Clock
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.storage.metrics import graphs
from opsconsole.storage.metrics.graphs import Graph
from opsconsole.storage.metrics.reader import Moment, Reader, Value
from opsconsole.storage.metrics.recorder import COMMIT_S, Recorder
from opsconsole.storage.metrics.remembering import RememberingRecorder
from opsconsole.storage.metrics.rollup import (
    DAY_US,
    HOUR_S,
    HOUR_US,
    MINUTE_S,
    Figures,
    Point,
    figures_of,
    merged,
    point,
)
from opsconsole.storage.rows import storable

NEAR_US = 2 * HOUR_US
"""Spans up to this are counted by samples where these are still kept."""

FAR_US = 1 << 60
"""Of either side of the epoch: 36 000 years. Nothing is kept beyond it, and SQLite's integers end soon after."""

_log = logging.getLogger("opsconsole.metrics")


class MetricsStore:
    """The history of metrics at `path`; opened on first use. One store records for a state directory (the monitor's),
    others are `read_only`: they see what is committed, and an empty history where there is no file. One that
    `remembers` writes nothing: it has the last hour or so in memory, and what can be read of the file before that.

    `tell` hears, once each, that a file was moved aside, that the history cannot be written, that it is again. A span
    is [since, until) in microseconds. Questions raise DatabaseNewer, DatabaseLocked and StorageError; `record` never
    raises. Any thread may call anything.
    """

    def __init__(
        self,
        path: Path,
        settings: MonitorSettings | None = None,
        clock: Clock = SYSTEM,
        *,
        read_only: bool = False,
        remembers: bool = False,
        tell: Callable[[str], None] = _log.warning,
        commit_s: float = COMMIT_S,
    ) -> None:
        self.path = path
        self._settings = settings or MonitorSettings()
        self._clock = clock
        self._reader = Reader(path, tell=tell if remembers else None)
        kind = RememberingRecorder if remembers else Recorder
        self._recorder = None if read_only else kind(path, self._settings, clock, tell, commit_s=commit_s)

    # -- recording

    def record(self, time_us: int, values: Mapping[str, float]) -> None:
        """Take a sample: microseconds of work in memory. It is on disk at most 10 s later."""
        self._own().record(time_us, values)

    def flush(self) -> bool:
        """Commit what waits; False: it goes on waiting, `tell` has heard why."""
        return self._own().flush()

    def trim(self) -> bool:
        """A bounded step of forgetting what is older than the settings keep; True: there is more.

        The recording thread does so by itself, every five minutes. Nothing is forgotten before the wall clock has gone
        with the monotonic one for an hour."""
        return self._own().trim()

    def clear(self) -> bool:
        """Forget everything, and give the space back; False: the file cannot be written."""
        return self._own().clear()

    def save_states(self, states: Mapping[str, bytes]) -> bool:
        """Keep what detectors have learned, by series; others stay as they are. False: it could not be written."""
        saved_at = self._clock.now()

        def job(c: sqlite3.Connection) -> None:
            c.executemany(
                "INSERT OR REPLACE INTO detector (series, state, saved_at) VALUES (?, ?, ?)",
                [(storable(series), state, saved_at) for series, state in states.items()],
            )

        return self._own().attempt(job)

    def close(self) -> None:
        """Commit what waits and close the file. Can be called twice."""
        if self._recorder is not None:
            self._recorder.close()
        self._reader.close()

    # -- questions

    def graph(self, series: str, since_us: int, until_us: int, points: int = 600) -> Graph:
        """The span in at most `points` + 1 buckets of equal width, on whole multiples of it; None where nothing was
        recorded, never a guess. The first one may begin before `since_us`; a single one is the span itself.

        Buckets of an hour and more are made of hours, of a minute and more of minutes, narrower ones of samples; of
        the next coarser ones where the finer are not kept for so long. No bucket is narrower than the samples' own
        interval: a sample each 30 s makes no graph full of holes.
        """
        since_us, until_us = _bounded(since_us), _bounded(until_us)
        if points <= 1 and since_us < until_us:
            return Graph(since_us, until_us - since_us, [self.stats(series, since_us, until_us)])
        step = graphs.step_of(until_us - since_us, points)
        res = self._resolution(since_us, HOUR_S if step >= HOUR_US else MINUTE_S if step >= MINUTE_S * 1_000_000 else 0)
        unit = max(res * 1_000_000, 1)
        step = -(-step // unit) * unit
        waiting = self._waiting(series)
        with self._reader.moment() as moment:
            known = None if moment is None else moment.series(series)
            begin, end = since_us // step * step, -(-until_us // step) * step
            tail = self._tail(moment, waiting, begin, end)
            if res or moment is None or known is None:
                found = {} if moment is None or known is None else graphs.bucketed(moment, known, res, begin, end, step)
            else:
                tail = sorted(moment.raw(known, begin, end) + tail)
                found = {}
            if res == 0:
                step = graphs.fitting_step([time_us for time_us, _ in tail], step, self._near_us())
        return graphs.graph(graphs.add(found, tail, step), since_us, until_us, step)

    def stats(self, series: str, since_us: int, until_us: int) -> Point | None:
        """The whole span as one point; None: nothing was recorded. Exact to the sample for spans of up to two hours
        that samples are kept of, else the minutes (beyond a week, hours) that the span touches."""
        since_us, until_us = _bounded(since_us), _bounded(until_us)
        span = until_us - since_us
        res = self._resolution(since_us, 0 if span <= NEAR_US else MINUTE_S if span <= 7 * DAY_US else HOUR_S)
        waiting = self._waiting(series)
        with self._reader.moment() as moment:
            known = None if moment is None else moment.series(series)
            found = graphs.span_figures(moment, known, res, since_us, until_us)
            rest = figures_of([value for _, value in self._tail(moment, waiting, since_us, until_us)])
        whole = found if rest is None else merged(found, rest)
        return None if whole is None else point(since_us, whole)

    def same_hour(self, series: str, time_us: int, days: int = 7) -> list[Point | None]:
        """The hour (UTC) around `time_us` on each of the `days` before, the last one first; days are 24 hours."""
        hour = _bounded(time_us) // HOUR_US * HOUR_US
        with self._reader.moment() as moment:
            known = None if moment is None else moment.series(series)
            if moment is None or known is None:
                return [None] * days
            found: list[Point | None] = []
            for day in range(1, days + 1):
                begin = hour - day * DAY_US
                figures: Figures | None = graphs.span_figures(moment, known, HOUR_S, begin, begin + HOUR_US)
                found.append(None if figures is None else point(begin, figures))
            return found

    def names(self) -> list[str]:
        """Every series that anything is kept of, sorted."""
        with self._reader.moment() as moment:
            found = set() if moment is None else set(moment.names())
        if self._recorder is not None:
            found.update(*{frozenset(sample.layout.places) for sample in self._recorder.waiting()})
        return sorted(found)

    def load_states(self) -> dict[str, bytes]:
        """What detectors have learned, by series."""
        with self._reader.moment() as moment:
            return {} if moment is None else moment.states()

    def begins(self) -> int | None:
        """Time of the oldest figure that is on disk; None: there is none."""
        with self._reader.moment() as moment:
            return None if moment is None else moment.begins()

    def size(self) -> int:
        """Bytes on disk, the log included."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if os.path.exists(file))

    # -- within

    def _own(self) -> Recorder:
        if self._recorder is None:
            raise RuntimeError("this store only reads")
        return self._recorder

    def _resolution(self, since_us: int, wanted: int) -> int:
        """`wanted` (seconds; 0: samples), or the finest one that is still kept of that time."""
        age = self._clock.now() - since_us
        if wanted == 0 and age > self._settings.keep_raw_h * HOUR_US:
            wanted = MINUTE_S
        if wanted == MINUTE_S and age > self._settings.keep_minutes_d * DAY_US:
            wanted = HOUR_S
        return wanted

    def _near_us(self) -> int:
        return int(2.1e6 * max(self._settings.interval_s, self._settings.idle_interval_s))

    def _waiting(self, series: str) -> list[tuple[int, Value]]:
        """Of the recording store: what is perhaps not committed, with its number. Asked before the file is."""
        if self._recorder is None:
            return []
        series = storable(series)
        return [
            (sample.number, (sample.time_us, sample.values[sample.layout.places[series]]))
            for sample in self._recorder.waiting()
            if series in sample.layout.places
        ]

    def _tail(
        self, moment: Moment | None, waiting: list[tuple[int, Value]], since_us: int, until_us: int
    ) -> list[Value]:
        """Of what waits, the part that is not in the file and within the span."""
        if not waiting or self._recorder is None:
            return []
        committed = 0 if moment is None else moment.committed(self._recorder.token)
        return [value for number, value in waiting if number > committed and since_us <= value[0] < until_us]


def _bounded(time_us: int) -> int:
    return max(-FAR_US, min(FAR_US, time_us))
