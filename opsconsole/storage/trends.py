"""How it went over time, and what went worst: counts and run times by span of time, and by name, policy or host.

One walk over `task_facts`; the columns leave SQLite as JSON arrays of integers, as in `statistics`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

from opsconsole.models import ENDED, Status
from opsconsole.storage.history import FACTS, Filter, conditions, where_all

GroupBy = Literal["name", "policy", "host"]

FAILED = frozenset({Status.FAILED, Status.TIMED_OUT, Status.ABANDONED})
_STATUSES = tuple(sorted(ENDED))
_CASES = " ".join(f"WHEN '{status}' THEN {index}" for index, status in enumerate(_STATUSES))
_MICROSECONDS = "CAST(duration_s * 1000000 + 0.5 AS INTEGER)"
_HOUR_US = 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """What ended in a span of time, or under a key. Seconds; None: nothing ran. Percentiles of nearest rank."""

    counts: Mapping[Status, int]
    p50_s: float | None
    p95_s: float | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        return sum(self.counts.get(status, 0) for status in FAILED)

    @property
    def success_rate(self) -> float | None:
        """completed / (completed + failed), as `statistics.Counts`; None when there are none."""
        completed = self.counts.get(Status.COMPLETED, 0)
        return completed / (completed + self.failed) if completed + self.failed else None


@dataclass(frozen=True, slots=True)
class Trends:
    """[since_us, until_us) in `buckets` of equal width, oldest first; `groups` by key, with what they are keys of."""

    since_us: int
    until_us: int
    by: GroupBy
    whole: Tally
    buckets: Sequence[Tally]
    groups: Mapping[str, Tally]

    @property
    def width_us(self) -> int:
        return max(1, (self.until_us - self.since_us) // max(1, len(self.buckets)))

    def slowest(self, most: int) -> list[tuple[str, Tally]]:
        """Those whose 95th percentile is the longest."""
        ran = [(key, tally) for key, tally in self.groups.items() if tally.p95_s is not None]
        return sorted(ran, key=lambda one: (-(one[1].p95_s or 0.0), one[0]))[:most]

    def most_failing(self, most: int) -> list[tuple[str, Tally]]:
        """Those that failed most often; of equals, those that seldom did anything else."""
        failed = [(key, tally) for key, tally in self.groups.items() if tally.failed]
        return sorted(failed, key=lambda one: (-one[1].failed, one[1].total, one[0]))[:most]


def trends(
    c: sqlite3.Connection, filter: Filter, since_us: int | None, until_us: int, buckets: int, by: GroupBy
) -> Trends:
    """Of the tasks that the filter lets through and that ended in the span; `since_us` None: from the very first."""
    if not filter.statuses:
        filter = replace(filter, statuses=ENDED)
    where, values = where_all([*conditions(filter), ("finished_at < ?", (until_us,))])
    if since_us is None:
        first = c.execute("SELECT min(finished_at) FROM task WHERE finished_at IS NOT NULL").fetchone()[0]
        since_us = min(first if first is not None else until_us, until_us - _HOUR_US)
    key = "script_id" if by == "name" else by
    columns = ("(finished_at - ?) * ? / ?", f"CASE status {_CASES} END", _MICROSECONDS, key)
    arrays = ", ".join(f"json_group_array({column})" for column in columns)
    place = (since_us, buckets, max(1, until_us - since_us))
    row = c.execute(f"SELECT {arrays} FROM {FACTS} WHERE {where} AND finished_at >= ?", (*place, *values, since_us))
    places, codes, durations, keys = (json.loads(column) for column in row.fetchone())
    if by == "name":
        names: dict[int, str] = dict(c.execute("SELECT id, name FROM script").fetchall())
        keys = [names[script] for script in keys]
    tallies = _tallies(places, codes, durations)
    empty = Tally({}, None, None)
    whole = {_STATUSES[code]: count for code, count in Counter(codes).items() if code is not None}
    return Trends(
        since_us, until_us, by, _tally(whole, durations),
        [tallies.get(number, empty) for number in range(buckets)], _tallies(keys, codes, durations),
    )  # fmt: skip


def extent(c: sqlite3.Connection, filter: Filter) -> tuple[int, int] | None:
    """When the first and the last that the filter lets through ended, in microseconds; None: there are none."""
    where, values = where_all([*conditions(filter), ("finished_at IS NOT NULL", ())])
    first, last = c.execute(f"SELECT min(finished_at), max(finished_at) FROM {FACTS} WHERE {where}", values).fetchone()
    return None if first is None else (first, last)


def _tallies(keys: Sequence[Any], codes: Sequence[int | None], durations: Sequence[int | None]) -> dict[Any, Tally]:
    counts: defaultdict[Any, dict[Status, int]] = defaultdict(dict)
    for (key, code), count in Counter(zip(keys, codes, strict=True)).items():
        if code is not None:  # a status that is open
            counts[key][_STATUSES[code]] = count
    times: defaultdict[Any, list[int | None]] = defaultdict(list)
    for key, duration in zip(keys, durations, strict=True):
        times[key].append(duration)
    return {key: _tally(found, times[key]) for key, found in counts.items()}


def _tally(counts: Mapping[Status, int], durations: Sequence[int | None]) -> Tally:
    ran = sorted([duration for duration in durations if duration is not None])
    return Tally(counts, _percentile(ran, 0.50), _percentile(ran, 0.95))


def _percentile(ascending: Sequence[int], share: float) -> float | None:
    return ascending[max(ceil(share * len(ascending)), 1) - 1] / 1_000_000 if ascending else None
