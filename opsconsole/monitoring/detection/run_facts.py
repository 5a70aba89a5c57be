"""What the record says of runs: how the last ones ended, what runs now, and how long that usually takes.

Every question walks one index, a bounded part of it, so that it costs the same at 100,000 tasks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from opsconsole.models import Status
from opsconsole.paths import StatePaths

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LAST = 5
"""Ends of a script that are known one by one, when there were fewer in an hour."""
MOST_ENDS = 5000
MOST_ACTIVE = 256
MOST_SCRIPTS = 64
MOST_HISTORY = 200
"""Earlier tasks of a script that are looked at for those that succeeded."""
LEAST_HISTORY = 5
"""Successes before anything is unusual."""
LONG_S = 30.0
"""What is shorter is never unusually long, and its history is not asked for."""
JUST_ENDED_US = 90_000_000

_FAILED = (Status.FAILED.value, Status.TIMED_OUT.value, Status.ABANDONED.value)

ENDS = """
    SELECT id, script_id, status, finished_at FROM task INDEXED BY task_finished
    WHERE finished_at > ? AND status IN ('completed', 'failed', 'timed_out', 'abandoned')
    ORDER BY finished_at DESC LIMIT ?
"""
ENDED = """
    SELECT id, script_id, name, duration_s, finished_at FROM task INDEXED BY task_finished
    WHERE finished_at > ? AND status = 'completed' AND duration_s IS NOT NULL ORDER BY finished_at DESC LIMIT ?
"""
ACTIVE = """
    SELECT e.id, e.task_id, e.status, e.started_at, t.script_id, t.name
    FROM execution e INDEXED BY execution_open JOIN task t ON t.id = e.task_id
    WHERE e.status IN ('preparing', 'running', 'paused') LIMIT ?
"""
HISTORY = """
    SELECT duration_s FROM (
        SELECT duration_s, status FROM task INDEXED BY task_script
        WHERE script_id = ? AND id < ? ORDER BY id DESC LIMIT ?
    ) WHERE status = 'completed' AND duration_s IS NOT NULL
"""


@dataclass(slots=True)
class ScriptEnds:
    """How the last runs of all scripts of one name ended; cancelled and refused ones do not count."""

    name: str
    ran: int = 0
    """In the last hour."""
    failed: int = 0
    last: list[bool] = field(default_factory=list)
    """Whether they failed: the last ones of a day, the newest first, 5 at the most."""
    last_failed: int | None = None
    """The newest failed task's id."""


class ActiveRun(NamedTuple):
    """A run that is under way. Times in µs."""

    execution_id: str
    task_id: int
    script_id: int
    name: str
    status: str
    started_at: int | None
    written_at: int | None = None
    """When it last wrote: output, or a report of its own."""
    written_bytes: int = 0


class EndedRun(NamedTuple):
    """A run that succeeded a moment ago."""

    task_id: int
    script_id: int
    name: str
    duration_s: float
    finished_at: int


class Usual(NamedTuple):
    """How long a script takes when it succeeds, of the newest earlier runs; `mad_s`: median absolute deviation."""

    of: int
    median_s: float
    mad_s: float
    least_s: float


@dataclass(frozen=True, slots=True)
class RunFacts:
    """At `time_us`. `usual` by task id, for those active or just ended that can be unusual."""

    time_us: int
    ends: tuple[ScriptEnds, ...] = ()
    active: tuple[ActiveRun, ...] = ()
    ended: tuple[EndedRun, ...] = ()
    usual: Mapping[int, Usual] = field(default_factory=dict)


def facts(c: sqlite3.Connection, paths: StatePaths, now_us: int) -> RunFacts:
    """All of it, some milliseconds. Only reads. Raises sqlite3.Error."""
    active = tuple(_active(c, paths))
    ended = tuple(_ended(c, now_us))
    running = [
        run for run in active
        if run.started_at is not None and not 0 <= now_us - run.started_at < LONG_S / 2 * 1e6  # < 0: a clock set back
    ]  # fmt: skip
    usual: dict[int, Usual] = {}
    asked = [(run.script_id, run.task_id) for run in running] + [(run.script_id, run.task_id) for run in ended]
    for script_id, task_id in asked[:MOST_SCRIPTS]:
        if (found := _usual(c, script_id, task_id)) is not None:
            usual[task_id] = found
    return RunFacts(now_us, tuple(_ends(c, now_us)), active, ended, usual)


def _ends(c: sqlite3.Connection, now_us: int) -> Iterable[ScriptEnds]:
    names: dict[int, str] = {}
    found: dict[str, ScriptEnds] = {}
    for task_id, script_id, status, finished_at in c.execute(ENDS, (now_us - DAY_US, MOST_ENDS)):
        name = names.get(script_id)
        if name is None:
            name = names[script_id] = c.execute("SELECT name FROM script WHERE id = ?", (script_id,)).fetchone()[0]
        ends = found.get(name)
        if ends is None:
            ends = found[name] = ScriptEnds(name)
        failed = status in _FAILED
        if failed and ends.last_failed is None:
            ends.last_failed = task_id
        if finished_at > now_us - HOUR_US:
            ends.ran += 1
            ends.failed += failed
        if len(ends.last) < LAST:
            ends.last.append(failed)
    return found.values()


def _active(c: sqlite3.Connection, paths: StatePaths) -> Iterable[ActiveRun]:
    for execution_id, task_id, status, started_at, script_id, name in c.execute(ACTIVE, (MOST_ACTIVE,)).fetchall():
        at, size = _written(paths, execution_id)
        yield ActiveRun(execution_id, task_id, script_id, name, status, started_at, at, size)


def _written(paths: StatePaths, execution_id: str) -> tuple[int | None, int]:
    """When the run's streams or reports of its own were written last (µs), and their size together."""
    newest, size = None, 0
    with suppress(OSError), os.scandir(paths.run_folder(execution_id)) as entries:
        for entry in entries:
            if entry.name in ("stdout", "stderr") or entry.name.startswith("report"):
                info = entry.stat(follow_symlinks=False)
                size += info.st_size
                newest = max(newest or 0, info.st_mtime_ns // 1000)
    return newest, size


def _ended(c: sqlite3.Connection, now_us: int) -> Iterable[EndedRun]:
    """The newest of each script."""
    found: dict[int, EndedRun] = {}
    for row in c.execute(ENDED, (now_us - JUST_ENDED_US, MOST_SCRIPTS)):
        found.setdefault(row[1], EndedRun(*row))
    return found.values()


def _usual(c: sqlite3.Connection, script_id: int, before: int) -> Usual | None:
    """None: it has not succeeded often enough to know."""
    took = [row[0] for row in c.execute(HISTORY, (script_id, before, MOST_HISTORY))]
    if len(took) < LEAST_HISTORY:
        return None
    middle = median(took)
    return Usual(len(took), middle, median([abs(each - middle) for each in took]), min(took))
