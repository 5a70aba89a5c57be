"""Thirty days of thirty metrics at 1 Hz: bytes on disk, graphs, and what recording costs.

`python -m tests.benchmarks.bench_metrics [--days N] [--metrics N] [--rounds N] [--json]`. Samples of the last 48 h are
real rows, in the recorder's own form; minutes and hours are inserted as the recorder does, five minutes of every
series at a time, so that the pages are as full as in life. The peer holds the same samples of a day as narrow rows
(series, t, value) with an index, the schema one writes first. Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import statistics
import sys
import time
from array import array
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from opsconsole.clock import Clock
from opsconsole.storage.metrics import MetricsStore, file, rows
from opsconsole.storage.metrics.rollup import pack, pack_ids
from tests.benchmarks.rounds import folder

DAY_S = 86_400
RAW_S = 2 * DAY_S
BEGIN_S = 1_790_000_000 // DAY_S * DAY_S
SECOND = 1_000_000

SIZE_MB, DAY_MS, MONTH_MS, RECORD_US = 150.0, 5.0, 25.0, 30.0
RECORDED = 40


class Then(Clock):
    """The end of what is recorded."""

    def __init__(self, now_s: int) -> None:
        self._now_us = now_s * SECOND

    def now(self) -> int:
        return self._now_us


def fill(path: Path, days: int, metrics: int) -> int:
    """Returns the end, in seconds since the epoch."""
    luck, end = random.Random(1), BEGIN_S + days * DAY_S
    with closing(file.open_for_writing(path, print)) as c:
        c.execute("PRAGMA synchronous = OFF")
        c.execute("BEGIN IMMEDIATE")
        ids = list(range(1, metrics + 1))
        c.executemany("INSERT INTO series VALUES (?, ?)", [(id, f"metric:{id}") for id in ids])
        c.execute("INSERT INTO layout VALUES (1, ?, ?)", (pack_ids(ids), end * SECOND))
        for five in range(BEGIN_S, end, 300):
            for id in ids:
                c.executemany("INSERT INTO rollup VALUES (?, 60, ?, 60, ?, ?, ?)", _minutes(luck, id, five, 60, 5))
            if five % 3600 == 3300:
                for id in ids:
                    c.executemany("INSERT INTO rollup VALUES (?, 3600, ?, 3600, ?, ?, ?)",
                                  _minutes(luck, id, five // 3600 * 3600, 3600, 1))  # fmt: skip
        values = array("f", [luck.uniform(0, 100) for _ in range(metrics)])
        for second in range(end - min(RAW_S, days * DAY_S), end):
            values[second % metrics] = luck.uniform(0, 100)
            c.execute("INSERT INTO raw VALUES (?, 1, ?)", (second * SECOND + 137, pack(values)))
        rows.set_mark(c, "minutes", end - 240)  # the last minutes are summed up while reading, as in life
        rows.set_mark(c, "hours", end // 3600 * 3600)
        c.execute("DELETE FROM rollup WHERE res = 60 AND t >= ?", (end - 240,))
        c.execute("COMMIT")
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return end


def _minutes(luck: random.Random, id: int, begin: int, res: int, count: int) -> list[tuple[float, ...]]:
    return [(id, begin + n * res, low := luck.uniform(0, 50), low + 30.1, (low + 15.3) * res) for n in range(count)]


def fill_peer(path: Path, end: int, metrics: int) -> None:
    """The same day in narrow rows."""
    luck = random.Random(1)
    with closing(sqlite3.connect(path, isolation_level=None)) as c:
        c.execute("PRAGMA journal_mode = WAL")
        c.execute("PRAGMA synchronous = OFF")
        c.execute("CREATE TABLE sample (series INTEGER, t INTEGER, value REAL)")
        c.execute("CREATE INDEX sample_series ON sample (series, t)")
        c.execute("BEGIN")
        for second in range(end - DAY_S, end):
            c.executemany(
                "INSERT INTO sample VALUES (?, ?, ?)",
                [(id, second, luck.uniform(0, 100)) for id in range(1, metrics + 1)],
            )
        c.execute("COMMIT")


def best(query: Callable[[], object], rounds: int) -> dict[str, float]:
    query()
    taken, worked = [], []
    for _ in range(rounds):
        begin, busy = time.perf_counter(), time.thread_time()
        query()
        worked.append((time.thread_time() - busy) * 1000)
        taken.append((time.perf_counter() - begin) * 1000)
    return {"median_ms": statistics.median(taken), "cpu_ms": statistics.median(worked), "best_ms": min(taken)}


def recording(path: Path) -> float:
    """CPU time of `record` in the calling thread, µs a sample of 40 series."""
    store = MetricsStore(path, commit_s=3600.0)
    values = {f"metric:{n}": float(n) * 1.1 for n in range(RECORDED)}
    busy = time.thread_time()
    for second in range(3000):
        store.record(BEGIN_S * SECOND + second * SECOND, values)
    taken = (time.thread_time() - busy) / 3000 * 1e6
    store.close()
    return taken


def measure(days: int, metrics: int, rounds: int) -> dict[str, dict[str, float]]:
    place = folder()
    try:
        end = fill(place / "metrics.db", days, metrics)
        fill_peer(place / "peer.db", end, metrics)
        store = MetricsStore(place / "metrics.db", clock=Then(end), read_only=True)
        now = end * SECOND
        with closing(sqlite3.connect(place / "peer.db")) as c:
            narrow = (
                "SELECT t / 180, count(*), min(value), max(value), avg(value) FROM sample "
                "WHERE series = 7 AND t >= ? GROUP BY 1"
            )
            peer = best(lambda: c.execute(narrow, (end - DAY_S,)).fetchall(), max(3, rounds // 5))
        figures: dict[str, dict[str, float]] = {"peer: 24 h from narrow rows": peer}
        for name, hours, target in (("24 h graph", 24, DAY_MS), ("30 d graph", 24 * days, MONTH_MS),
                                    ("7 d graph", 168, MONTH_MS), ("1 h graph", 1, MONTH_MS)):  # fmt: skip
            since = now - hours * 3600 * SECOND
            assert None not in store.graph("metric:7", since, now)
            found = best(lambda since=since: store.graph("metric:7", since, now), rounds)  # type: ignore[misc]
            figures[name] = {**found, "target_ms": target, "ratio": found["cpu_ms"] / peer["cpu_ms"]}
        store.close()
        with closing(sqlite3.connect(place / "metrics.db")) as c:
            raw = c.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'raw'").fetchone()[0] / 1e6
        size, narrow_size = (place / "metrics.db").stat().st_size, (place / "peer.db").stat().st_size
        figures["size"] = {
            "MB": size / 1e6, "target_MB": SIZE_MB, "raw_MB": raw, "peer_MB_a_day": narrow_size / 1e6,
            "ratio": size / (narrow_size * days),
        }  # fmt: skip
        figures["record, 40 series"] = {
            "us": min(recording(place / f"r{n}.db") for n in range(3)),
            "target_us": RECORD_US,
        }
        return figures
    finally:
        shutil.rmtree(place)


def missed(figures: dict[str, float]) -> bool:
    return any(
        figures.get(is_, 0) > figures.get(target, float("inf"))
        for is_, target in (("cpu_ms", "target_ms"), ("MB", "target_MB"), ("us", "target_us"))
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--metrics", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.days, options.metrics, options.rounds)
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{options.metrics} metrics at 1 Hz, {options.days} days, SQLite {sqlite3.sqlite_version}")
        for name, found in figures.items():
            words = ", ".join(f"{key} {value:.4g}" for key, value in found.items())
            print(f"{name:30}{words}{'  MISSED' if missed(found) else ''}")
    return int(any(map(missed, figures.values())))


if __name__ == "__main__":
    sys.exit(main())
