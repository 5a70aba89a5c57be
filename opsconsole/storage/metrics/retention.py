"""Forgetting by key range, in bounded steps, so that no commit waits for it.

Ages are taken by the wall clock, which the recorder asks only while it is steady (`storage.steadiness`), and by the
newest sample. So a clock that is wrong by years for a while costs nothing, and one that stays wrong, at each step, at
most `RAW_STEP` samples, `ROLLUP_STEP` rows of each series and `STATES_STEP` states of detectors.
"""

from __future__ import annotations

import sqlite3

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.storage.metrics.rollup import DAY_US, HOUR_S, HOUR_US, MINUTE_S, SECOND_US, unpack_ids
from opsconsole.storage.metrics.rows import mark
from opsconsole.storage.steadiness import horizon

RAW_STEP = 5000
ROLLUP_STEP = 200
STATES_STEP = 20
PAGES_STEP = 500

_TABLES = ("raw", "rollup", "layout", "series", "detector", "mark")


def trim(c: sqlite3.Connection, settings: MonitorSettings, now_us: int) -> bool:
    """One step, within a transaction; True: there is more to forget."""
    minutes = mark(c, "minutes")
    if minutes is None:
        return False
    now_us = horizon(now_us, c.execute("SELECT max(t) FROM raw").fetchone()[0], 0)
    # what is not summed up yet is not forgotten
    raw_us = min(now_us - int(settings.keep_raw_h * HOUR_US), minutes * SECOND_US)
    more = _trim_raw(c, raw_us)
    hours = mark(c, "hours") or 0
    kept = {
        MINUTE_S: min((now_us - int(settings.keep_minutes_d * DAY_US)) // SECOND_US, hours),
        HOUR_S: (now_us - int(settings.keep_hours_d * DAY_US)) // SECOND_US,
    }
    for (series,) in c.execute("SELECT id FROM series").fetchall():
        for res, before in kept.items():
            more |= _trim_rollups(c, series, res, before)
    _prune(c)
    return _trim_states(c, now_us, int(settings.keep_minutes_d * DAY_US)) or more


def clear(c: sqlite3.Connection) -> None:
    """Everything, within a transaction."""
    for table in _TABLES:
        c.execute(f"DELETE FROM {table}")


def give_back(c: sqlite3.Connection, *, everything: bool = False) -> None:
    """Free pages go back to the file system, outside a transaction."""
    # executescript, since execute stops at the first page: the statement has rows, but no columns
    c.executescript(f"PRAGMA incremental_vacuum({0 if everything else PAGES_STEP})")
    if everything:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _trim_raw(c: sqlite3.Connection, before_us: int) -> bool:
    last = c.execute("SELECT t FROM raw WHERE t < ? ORDER BY t LIMIT 1 OFFSET ?", (before_us, RAW_STEP)).fetchone()
    c.execute("DELETE FROM raw WHERE t < ?", (before_us if last is None else last[0],))
    return last is not None


def _trim_rollups(c: sqlite3.Connection, series: int, res: int, before: int) -> bool:
    last = c.execute(
        "SELECT t FROM rollup WHERE series = ? AND res = ? AND t < ? ORDER BY t LIMIT 1 OFFSET ?",
        (series, res, before, ROLLUP_STEP),
    ).fetchone()
    until = before if last is None else last[0]
    c.execute("DELETE FROM rollup WHERE series = ? AND res = ? AND t < ?", (series, res, until))
    return last is not None


def _trim_states(c: sqlite3.Connection, now_us: int, keep_us: int) -> bool:
    """What nobody has saved again for long, seen from the newest: all of them are never forgotten."""
    newest = c.execute("SELECT max(saved_at) FROM detector").fetchone()[0]
    gone = c.execute(
        """DELETE FROM detector WHERE series IN (
               SELECT series FROM detector WHERE saved_at < ? ORDER BY saved_at LIMIT ?)""",
        (horizon(now_us, newest, keep_us), STATES_STEP),
    )
    return gone.rowcount == STATES_STEP


def _prune(c: sqlite3.Connection) -> None:
    """Layouts that no sample has any more, series without a figure."""
    oldest = c.execute("SELECT min(t) FROM raw").fetchone()[0]
    if oldest is not None:
        c.execute("DELETE FROM layout WHERE used_at + ? < ?", (HOUR_US, oldest))
    used = {series for (data,) in c.execute("SELECT series FROM layout") for series in unpack_ids(data)}
    for (series,) in c.execute("SELECT id FROM series").fetchall():
        if series not in used and not c.execute("SELECT 1 FROM rollup WHERE series = ? LIMIT 1", (series,)).fetchone():
            c.execute("DELETE FROM series WHERE id = ?", (series,))
