"""Rows of metrics.db: samples, the minutes and hours derived from them, and the marks of how far that has come.

Called within a transaction of the one recorder. Before the mark `minutes` every minute is written, before `hours` every
hour; what is later is summed up from the next finer rows by whoever asks. So a crash between two commits leaves nothing
half done, and an hour that a restart interrupted comes out whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from opsconsole.storage.metrics.rollup import (
    HOUR_S,
    MINUTE_S,
    MINUTE_US,
    SECOND_US,
    Raw,
    by_bucket,
    unpack_ids,
)

ROLL_US = 5 * MINUTE_US
"""Minutes are written some at a time: each touches a page for every series, and the raw rows are there meanwhile."""

_MERGE = """
    INSERT INTO rollup (series, res, t, n, min, max, sum) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (series, res, t) DO UPDATE SET
        n = n + excluded.n, min = min(min, excluded.min), max = max(max, excluded.max), sum = sum + excluded.sum
"""
_REPLACE = "INSERT OR REPLACE INTO rollup (series, res, t, n, min, max, sum) VALUES (?, ?, ?, ?, ?, ?, ?)"
_HOURS = f"""
    INSERT OR REPLACE INTO rollup (series, res, t, n, min, max, sum)
    SELECT series, {HOUR_S}, t / {HOUR_S} * {HOUR_S} AS hour, sum(n), min(min), max(max), sum(sum) FROM rollup
    WHERE series = ? AND res = {MINUTE_S} AND t >= ? AND t < ? GROUP BY hour
"""


def write(c: sqlite3.Connection, samples: list[Raw]) -> None:
    """Add samples, and write the minutes and hours that are over."""
    samples = _insert(c, samples)
    minutes = mark(c, "minutes")
    if minutes is None:
        minutes = min(samples)[0] // MINUTE_US * MINUTE_S
        set_mark(c, "minutes", minutes)
        set_mark(c, "hours", minutes // HOUR_S * HOUR_S)
    late = [sample for sample in samples if sample[0] < minutes * SECOND_US]
    if late:
        _merge_late(c, late)
    newest = max(samples)[0] // MINUTE_US * MINUTE_S
    if (newest - minutes) * SECOND_US >= ROLL_US:
        _roll(c, minutes, newest)


def mark(c: sqlite3.Connection, name: str) -> int | None:
    """Seconds since the epoch before which all of these are written: `minutes` or `hours`; None: nothing is."""
    found = c.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def set_mark(c: sqlite3.Connection, name: str, value: int | str) -> None:
    c.execute("INSERT OR REPLACE INTO mark (name, value) VALUES (?, ?)", (name, value))


def layouts(c: sqlite3.Connection) -> dict[int, tuple[int, ...]]:
    """Layout → its series."""
    return {id: unpack_ids(data) for id, data in c.execute("SELECT id, series FROM layout")}


def _insert(c: sqlite3.Connection, samples: list[Raw]) -> list[Raw]:
    c.execute("SAVEPOINT samples")
    try:
        c.executemany("INSERT INTO raw (t, layout, data) VALUES (?, ?, ?)", samples)
    except sqlite3.IntegrityError:  # the clock was set back, onto the microsecond
        c.execute("ROLLBACK TO samples")
        samples = [_insert_where_free(c, sample) for sample in samples]
    c.execute("RELEASE samples")
    return samples


def _insert_where_free(c: sqlite3.Connection, sample: Raw) -> Raw:
    time_us, layout, data = sample
    while (
        c.execute("INSERT OR IGNORE INTO raw (t, layout, data) VALUES (?, ?, ?)", (time_us, layout, data)).rowcount < 1
    ):
        time_us += 1
    return time_us, layout, data


def _merge_late(c: sqlite3.Connection, samples: list[Raw]) -> None:
    """Into minutes that are written, and into hours that are: their own raw rows may be gone."""
    known = layouts(c)
    c.executemany(_MERGE, _rollups(samples, known, MINUTE_S))
    until_us = (mark(c, "hours") or 0) * SECOND_US
    c.executemany(_MERGE, _rollups([one for one in samples if one[0] < until_us], known, HOUR_S))


def _roll(c: sqlite3.Connection, begin: int, end: int) -> None:
    """Minutes of [begin, end), then the hours that are whole with them."""
    found = c.execute(
        "SELECT t, layout, data FROM raw WHERE t >= ? AND t < ? ORDER BY t", (begin * SECOND_US, end * SECOND_US)
    )
    c.executemany(_REPLACE, list(_rollups(found, layouts(c), MINUTE_S)))
    set_mark(c, "minutes", end)
    hours, until = mark(c, "hours") or 0, end // HOUR_S * HOUR_S
    if until > hours:
        for (series,) in c.execute("SELECT id FROM series").fetchall():
            c.execute(_HOURS, (series, hours, until))
        set_mark(c, "hours", until)


def _rollups(samples: Iterable[Raw], known: dict[int, tuple[int, ...]], res: int) -> Iterator[tuple[float, ...]]:
    for (series, bucket), (n, low, high, total) in by_bucket(samples, known, res * SECOND_US).items():
        yield series, res, bucket * res, n, low, high, total
