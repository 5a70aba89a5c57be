"""What ended tasks have used, for a list of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """Of a task's newest attempt; None: nobody measured it."""

    cpu_s: float | None
    rss_bytes: int | None
    """The peak: of the tree where there was a cgroup, else of the largest process."""
    rss_is_upper_bound: bool = False
    """It may be that of the process that started it."""


def costs(c: sqlite3.Connection, task_ids: Sequence[int]) -> dict[int, Cost]:
    """Of those that have ended and ran."""
    marks = ", ".join("?" * len(task_ids))
    found = c.execute(
        f"""SELECT e.task_id, e.result FROM execution e JOIN task t ON t.id = e.task_id AND t.attempt = e.attempt
            WHERE e.task_id IN ({marks}) AND e.result IS NOT NULL""",
        tuple(task_ids),
    )
    return {row[0]: _cost(json.loads(row[1]).get("metrics") or {}) for row in found}


def _cost(metrics: dict[str, float | None]) -> Cost:
    user, system = metrics.get("user_cpu_s"), metrics.get("system_cpu_s")
    tree = metrics.get("memory_peak_bytes")
    peak = tree or metrics.get("max_rss_bytes")
    return Cost(
        None if user is None and system is None else (user or 0) + (system or 0),
        None if peak is None else int(peak),
        not tree and bool(metrics.get("max_rss_is_upper_bound")),
    )
