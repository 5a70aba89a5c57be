"""History at 100,000 ended tasks: every query against its target, beside a plain SELECT on a bare connection.

`python -m tests.benchmarks.bench_history [--tasks N] [--rounds N] [--json]`. Everything is in memory after the first
round, so the processor time is what a query costs on an idle machine; exits 1 when that (median) misses a target.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from opsconsole.models import OPEN, Status
from opsconsole.paths import StatePaths
from opsconsole.storage import history, statistics
from opsconsole.storage.database import connect, open_database
from opsconsole.storage.history import Filter
from opsconsole.storage.tasks import indexed_text

TASKS = 100_000
SCRIPTS = 2_000
BEGIN_US = 1_750_000_000_000_000
STEP_US = 60_000_000

PAGE_MS = 20.0
TEXT_MS = 100.0
STATISTICS_MS = 150.0
ONE_MS = 5.0

Query = Callable[[], object]

_KINDS = ("backup", "deploy", "cleanup", "rotate", "check", "report")
_WORDS = ("disk", "mount", "journal", "socket", "kernel", "tar", "rsync", "awk", "nginx", "certificate")
_STATUSES = ("completed", "failed", "cancelled", "timed_out", "refused", "abandoned")
_WEIGHTS = (94.0, 1.0, 2.0, 1.0, 1.9, 0.1)
_SPEC = json.dumps(
    {
        "argv": ["/usr/bin/bash", "{script}"], "cwd": "/home/operator/work", "timeout_s": 300.0,
        "grace_s": 5.0, "output_limit": 67_108_864, "umask": 18, "stdin": None, "idempotent": False,
        "kill_leftovers": False, "retry_exit_codes": None, "limits": {}, "verdict": None, "findings": [],
    }
)  # fmt: skip
_REPORT = json.dumps(
    {
        "op": "result", "status": "completed", "degraded": [], "leftovers": [], "survivors": [],
        "paused_s": 0.0, "pause": None, "kill": "cgroup", "supervisor": 4711,
        "metrics": {
            "user_cpu_s": 0.012345, "system_cpu_s": 0.006789, "max_rss_bytes": 9_437_184, "read_bytes": 0,
            "write_bytes": 4096, "processes": 3,
        },
        "output": {
            "stdout_bytes": 12_345, "stderr_bytes": 0, "truncated": False, "stdout_gap": None,
            "stderr_gap": None,
        },
    }
)  # fmt: skip


def fill(path: Path, count: int, *, scripts: int = SCRIPTS, seed: int = 1) -> None:
    """A database at `path` with `count` ended tasks of one attempt, a minute apart; one seed, one content."""
    luck = random.Random(seed)
    with closing(open_database(path, tell=print)) as c:
        c.execute("PRAGMA synchronous = OFF")
        c.execute("BEGIN IMMEDIATE")
        names = _fill_scripts(c, max(1, min(scripts, count)), luck)
        c.executemany(
            """INSERT INTO task (id, rev, status, name, priority, rank, policy, interpreter, script_id, spec,
                   queued_at, started_at, finished_at, duration_s, exit_code, host, door, actor, parent_id,
                   labels)
               VALUES (?, ?, ?, ?, 1, ?, ?, 'bash', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            _tasks(count, names, luck),
        )
        c.execute(
            """INSERT INTO execution (id, task_id, attempt, launch, status, boot_id, claimed_at, started_at,
                   finished_at, duration_s, exit_code, result, bytes)
               SELECT id || '.1', id, 1, 1, status, 'boot', queued_at, started_at, finished_at, duration_s,
                   exit_code, ?, 12345 FROM task ORDER BY id""",
            (_REPORT,),
        )
        c.execute("COMMIT")
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_scripts(c: sqlite3.Connection, count: int, luck: random.Random) -> list[str]:
    names = []
    for number in range(1, count + 1):
        name = f"{luck.choice(_KINDS)}-{number:04d}"
        lines = [" ".join(luck.choices(_WORDS, k=6)) for _ in range(20)]
        body = "\n".join(["#!/bin/bash", "set -euo pipefail", f"# job{number}", *lines, ""]).encode()
        sha = hashlib.sha256(body).hexdigest()
        names.append(name)
        c.execute("INSERT INTO script (id, name, sha256, body) VALUES (?, ?, ?, ?)", (number, name, sha, body))
        c.execute("INSERT INTO script_text (rowid, name, body) VALUES (?, ?, ?)", (number, name, indexed_text(body)))
    return names


def _tasks(count: int, names: list[str], luck: random.Random) -> Iterator[tuple[Any, ...]]:
    for number in range(1, count + 1):
        queued = BEGIN_US + number * STEP_US
        script = luck.randrange(len(names))
        status = luck.choices(_STATUSES, _WEIGHTS)[0]
        started = None if status in ("cancelled", "refused") else queued + luck.randrange(50_000)
        duration = None if started is None else luck.expovariate(0.2)
        finished = queued if started is None or duration is None else started + int(duration * 1e6)
        code = {"completed": 0, "failed": 3 if luck.random() < 0.02 else 1}.get(status)
        yield (
            number, number, status, names[script], queued, "safe" if luck.random() < 0.0005 else "standard",
            script + 1, _SPEC, queued, started, finished, duration, code,
            "db-07" if luck.random() < 0.3 else "web-01", luck.choice(("tui", "headless", "api")),
            luck.choice(("root", "alice")),
            number - 1 if luck.random() < 0.001 else None,
            json.dumps({"ticket": f"OPS-{number % 997}", "team": "db"}) if luck.random() < 0.3 else "{}",
        )  # fmt: skip


# -- what is measured


def queries(c: sqlite3.Connection, paths: StatePaths, count: int) -> dict[str, tuple[float, Query]]:
    """Name → (target of the median in ms, the query)."""
    now = BEGIN_US + (count + 1) * STEP_US
    middle, deep = BEGIN_US + count // 2 * STEP_US, max(2, count // 20)
    failed = frozenset({Status.FAILED})
    completed = frozenset({Status.COMPLETED})
    common = Filter(statuses=completed, host="web-01", door="tui", actor="alice", since_us=middle)
    filters = {
        "page: newest": Filter(),
        "page: deep in the past": Filter(before=deep),
        "page: completed": Filter(statuses=completed),
        "page: failed": Filter(statuses=failed),
        "page: the queue (none)": Filter(statuses=OPEN),
        "page: no such status": Filter(statuses=frozenset({Status.RUNNING, Status.PAUSED})),
        "page: failed, deep": Filter(statuses=failed, before=deep),
        "page: rare policy": Filter(policy="safe"),
        "page: policy without a task": Filter(policy="elevated"),
        "page: rare exit code": Filter(exit_code=3),
        "page: name glob": Filter(name="back*"),
        "page: name contains": Filter(name="0042"),
        "page: name of none": Filter(name="nothing-like-it"),
        "page: last hour": Filter(since_us=now - 60 * STEP_US),
        "page: the first hour": Filter(until_us=BEGIN_US + 60 * STEP_US),
        "page: host of none": Filter(host="nowhere"),
        "page: label": Filter(label=("ticket", "OPS-13")),
        "page: label of none": Filter(label=("ticket", "OPS-none")),
        "page: children": Filter(parent_id=7),
        "page: failed, rare policy, name": Filter(statuses=failed, policy="safe", name="back*"),
        "page: five common, one of none": replace(common, name="nothing-like-it"),
        "page: five common, rare exit code": replace(common, exit_code=3),
        "text: a word of every script": Filter(text="pipefail"),
        "text: beginning of a word": Filter(text="kern"),
        "text: one script": Filter(text="job1777"),
        "text: nothing": Filter(text="zzzzz"),
        "text: every script, none failed so": Filter(text="pipefail", exit_code=77),
    }
    measured: dict[str, tuple[float, Query]] = {
        name: (TEXT_MS if name.startswith("text") else PAGE_MS, partial(history.page, c, filter))
        for name, filter in filters.items()
    }
    measured |= {
        "result": (ONE_MS, lambda: history.result(c, paths, count // 2)),
        "open counts": (ONE_MS, lambda: history.open_counts(c)),
        "changed since: nothing": (ONE_MS, lambda: history.changed_since(c, count)),
        "statistics: all": (STATISTICS_MS, lambda: statistics.summary(c, Filter(), now)),
        "statistics: failed": (STATISTICS_MS, lambda: statistics.summary(c, Filter(statuses=failed), now)),
        "statistics: by name": (STATISTICS_MS, lambda: statistics.by_name(c, Filter(), now)),
        "statistics: by host": (STATISTICS_MS, lambda: statistics.by(c, "host", Filter(), now)),
    }
    return measured


def measure(path: Path | None = None, count: int = TASKS, rounds: int = 15) -> dict[str, dict[str, float]]:
    """Name → median, p95, processor time (median) and target in ms, `ratio` to the peer measured in the same run.

    `path` None: a database that is filled now and removed again.
    """
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / "opsconsole.db"
            fill(fresh, count)
            return measure(fresh, count, rounds)
    with closing(sqlite3.connect(path)) as bare, closing(connect(path, read_only=True)) as c:
        peer = _timed(lambda: bare.execute("SELECT * FROM task ORDER BY id DESC LIMIT 50").fetchall(), rounds)
        figures = {"peer: plain SELECT of 50": {**peer, "target_ms": PAGE_MS, "ratio": 1.0}}
        for name, (target, query) in queries(c, StatePaths(path.parent), count).items():
            timed = _timed(query, rounds)
            ratio = timed["cpu_ms"] / peer["cpu_ms"]
            figures[name] = {**timed, "target_ms": target, "ratio": ratio}
    return figures


def _timed(query: Query, rounds: int) -> dict[str, float]:
    query()
    taken, worked = [], []
    for _ in range(rounds):
        begin, busy = time.perf_counter(), time.thread_time()
        query()
        worked.append((time.thread_time() - busy) * 1000)
        taken.append((time.perf_counter() - begin) * 1000)
    taken.sort()
    p95 = taken[min(rounds - 1, int(rounds * 0.95))]
    return {"median_ms": taken[rounds // 2], "p95_ms": p95, "cpu_ms": sorted(worked)[rounds // 2]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(None, options.tasks, options.rounds)
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{options.tasks} ended tasks, SQLite {sqlite3.sqlite_version}, {options.rounds} rounds")
        columns = ("median_ms", "p95_ms", "cpu_ms", "target_ms")
        print(f"{'ms':36}" + "".join(f"{column[:-3]:>9}" for column in columns) + f"{'x peer':>9}")
        for name, f in figures.items():
            numbers = "".join(f"{f[column]:9.2f}" for column in columns)
            print(f"{name:36}{numbers}{f['ratio']:9.1f}{'  MISSED' if missed(f) else ''}")
    return int(any(missed(f) for f in figures.values()))


def missed(figures: dict[str, float]) -> bool:
    return figures["cpu_ms"] > figures["target_ms"]


if __name__ == "__main__":
    sys.exit(main())
