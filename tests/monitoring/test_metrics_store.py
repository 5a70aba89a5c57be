"""MetricsStore: what is recorded is found again, at every width, from memory and from the file."""

from __future__ import annotations

import random
import sqlite3
import stat
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.storage.metrics import MetricsStore, Point
from opsconsole.storage.metrics import recorder as recording
from tests.conftest import START_US, HandClock

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T0 = START_US // DAY * DAY

NEVER_S = 3600.0
"""The thread does not commit while a test looks."""

Make = Callable[..., MetricsStore]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metrics.db"


@pytest.fixture
def make(file: Path, clock: HandClock, told: list[str]) -> Iterator[Make]:
    made: list[MetricsStore] = []
    clock.now_us = T0 + HOUR

    def store(settings: MonitorSettings | None = None, *, read_only: bool = False) -> MetricsStore:
        made.append(MetricsStore(file, settings, clock, read_only=read_only, tell=told.append, commit_s=NEVER_S))
        return made[-1]

    yield store
    for each in made:
        each.close()


def abandon(store: MetricsStore) -> None:
    """What kill -9 leaves: nothing is flushed, the connection is just gone."""
    assert store._recorder is not None
    store._recorder._waiting.clear()
    store.close()


def bare(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


def single(value: float) -> float:
    return array("f", [value])[0]


# -- recording and finding again


def test_the_file_is_private_in_wal_mode_and_gives_pages_back(make: Make, file: Path) -> None:
    store = make()
    store.record(T0, {"cpu": 1.0})
    assert not file.exists(), "a tick never opens a file"
    assert store.flush()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with closing(bare(file)) as c:
        assert c.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert c.execute("PRAGMA auto_vacuum").fetchone()[0] == 2
        assert c.execute("PRAGMA user_version").fetchone()[0] == 1
    assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.glob("metrics.db*")} == {0o600}


def test_every_sample_is_a_point_where_the_span_is_short(make: Make) -> None:
    store = make()
    for second in range(60):
        store.record(T0 + second * SECOND, {"cpu": float(second), "disk:/": 50.0})
        if second == 30:
            store.flush()  # one half from the file, the other from memory
    graph = store.graph("cpu", T0, T0 + MINUTE, 60)
    assert graph == [Point(T0 + n * SECOND, 1, n, n, n) for n in range(60)]
    assert (graph.begin_us, graph.step_us) == (T0, SECOND)
    assert store.names() == ["cpu", "disk:/"]
    assert store.graph("nonsense", T0, T0 + MINUTE, 60) == [None] * 60


def test_minutes_have_n_min_max_and_mean_of_their_samples(make: Make) -> None:
    store = make()
    luck = random.Random(4)
    values = [luck.uniform(0, 100) for _ in range(3600)]
    for second, value in enumerate(values):
        store.record(T0 + second * SECOND, {"cpu": value})
        if second % 10 == 9:
            store.flush()
    graph = store.graph("cpu", T0, T0 + HOUR, 60)
    assert len(graph) == 60
    for minute, point in enumerate(graph):
        part = [single(value) for value in values[minute * 60 : minute * 60 + 60]]
        assert point == Point(T0 + minute * MINUTE, 60, min(part), max(part), pytest.approx(sum(part) / 60))


def test_the_unfinished_minute_and_what_no_commit_has_are_in_the_graph(make: Make, file: Path) -> None:
    store = make()
    for second in range(0, 630, 10):
        store.record(T0 + second * SECOND, {"cpu": 5.0})
        if second == 600:
            store.flush()
    graph = store.graph("cpu", T0, T0 + 11 * MINUTE, 11)
    assert [point.n for point in graph if point] == [6] * 10 + [3]
    with closing(bare(file)) as c:  # the last minute is only in `raw` and in memory
        assert c.execute("SELECT count(*) FROM rollup WHERE t >= ?", (T0 // SECOND + 600,)).fetchone()[0] == 0
    other = make(read_only=True)
    assert [point.n for point in other.graph("cpu", T0, T0 + 11 * MINUTE, 11) if point] == [6] * 10 + [1]


def test_no_sample_counts_twice_while_commits_go_on(make: Make) -> None:
    store = make()
    done = threading.Event()

    def commit() -> None:
        while not done.is_set():
            store.flush()

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        for second in range(400):
            store.record(T0 + second * SECOND, {"cpu": 1.0})
            seen = store.stats("cpu", T0, T0 + HOUR)
            assert seen is not None and seen.n == second + 1
            per_minute = store.graph("cpu", T0, T0 + HOUR, 60)
            assert sum(point.n for point in per_minute if point) == second + 1
    finally:
        done.set()
        thread.join()


def test_gaps_stay_gaps(make: Make) -> None:
    store = make()
    for minute in (0, 1, 2, 7, 8):
        store.record(T0 + minute * MINUTE, {"cpu": 1.0})
    store.record(T0 + 20 * MINUTE, {"memory": 1.0})
    store.flush()
    graph = store.graph("cpu", T0, T0 + 20 * MINUTE, 20)
    assert [minute for minute, point in enumerate(graph) if point] == [0, 1, 2, 7, 8]


def test_nan_and_infinity_are_no_values(make: Make) -> None:
    store = make()
    for second, value in enumerate([1.0, float("nan"), float("inf"), 3.0, -float("inf"), 1e300]):
        store.record(T0 + second * SECOND, {"cpu": value})
    assert store.stats("cpu", T0, T0 + MINUTE) == Point(T0, 2, 1.0, 3.0, 2.0)
    store.record(T0 + 10 * MINUTE, {"cpu": float("nan")})
    store.flush()
    assert store.graph("cpu", T0, T0 + 11 * MINUTE, 11)[0] == Point(T0, 2, 1.0, 3.0, 2.0)
    assert store.graph("cpu", T0, T0 + 11 * MINUTE, 11)[10] is None


def test_a_series_that_comes_and_goes_makes_no_layout_each_time(make: Make, file: Path) -> None:
    store = make()
    for second in range(200):
        values = {"cpu": 1.0, "drive_latency:sda": 2.0} if second % 3 else {"cpu": 1.0}
        store.record(T0 + second * SECOND, values)
    store.flush()
    with closing(bare(file)) as c:
        assert c.execute("SELECT count(*) FROM layout").fetchone()[0] == 2
    latency = store.stats("drive_latency:sda", T0, T0 + HOUR)
    assert latency is not None and latency.n == sum(1 for second in range(200) if second % 3)


def test_the_number_of_series_is_bounded_and_that_is_said_once(make: Make, told: list[str]) -> None:
    store = make()
    many = {f"disk:/mnt/{number}": 1.0 for number in range(recording.MOST_SERIES + 50)}
    store.record(T0, {"cpu": 7.0})
    store.record(T0 + SECOND, {"cpu": 7.0, **many})
    store.record(T0 + 2 * SECOND, {"cpu": 7.0, **many})
    assert len(store.names()) == recording.MOST_SERIES
    found = store.stats("cpu", T0, T0 + MINUTE)
    assert found is not None and found.n == 3
    assert len([line for line in told if "metrics" in line]) == 1


def test_thirty_seconds_between_samples_make_no_holes(make: Make) -> None:
    store = make()
    for number in range(120):
        store.record(T0 + number * 30 * SECOND + number % 2 * 400_000, {"cpu": 1.0})
    graph = store.graph("cpu", T0, T0 + HOUR, 600)
    assert None not in graph
    assert sum(point.n for point in graph if point) == 120


def test_a_gap_among_samples_of_a_second_stays_one_beside_slow_settings(make: Make) -> None:
    store = make()
    for second in [*range(60), *range(100, 160)]:
        store.record(T0 + second * SECOND, {"cpu": 1.0})
    graph = store.graph("cpu", T0, T0 + 160 * SECOND, 160)
    assert [second for second, point in enumerate(graph) if point is None] == list(range(60, 100))


# -- the clock


def test_a_clock_set_back_loses_nothing_and_raises_nothing(make: Make) -> None:
    store = make()
    for second in range(1200):
        store.record(T0 + second * SECOND, {"cpu": 1.0})
        if second % 10 == 9:
            store.flush()
    for second in range(600, 700):  # ten minutes back, onto the same microseconds
        store.record(T0 + second * SECOND, {"cpu": 100.0})
        if second % 10 == 9:
            store.flush()
    whole = store.stats("cpu", T0, T0 + HOUR)
    assert whole is not None and (whole.n, whole.max) == (1300, 100.0)
    minutes = store.graph("cpu", T0, T0 + HOUR, 60)
    assert [point.n for point in minutes if point] == [60] * 10 + [120, 100] + [60] * 8
    assert minutes[9] == Point(T0 + 9 * MINUTE, 60, 1.0, 1.0, 1.0)
    assert minutes[10] is not None and minutes[10].mean == 50.5


def test_late_samples_of_an_hour_that_is_over_are_merged_into_it(make: Make, clock: HandClock) -> None:
    store = make()
    for minute in range(200):
        store.record(T0 + minute * MINUTE, {"cpu": 1.0})
    store.flush()
    store.record(T0 + 5 * MINUTE + 1, {"cpu": 9.0})
    store.flush()
    clock.now_us = T0 + 4 * HOUR
    hours = store.graph("cpu", T0, T0 + 4 * HOUR, 4)
    assert hours[0] == Point(T0, 61, 1.0, 9.0, pytest.approx(69 / 61))


def test_the_same_microsecond_twice_is_two_samples(make: Make) -> None:
    store = make()
    store.record(T0, {"cpu": 1.0})
    store.record(T0, {"cpu": 3.0})
    store.flush()
    store.record(T0, {"cpu": 5.0})
    store.flush()
    assert store.stats("cpu", T0, T0 + MINUTE) == Point(T0, 3, 1.0, 5.0, 3.0)


def test_a_clock_far_ahead_for_a_while_leaves_the_rest_right(make: Make) -> None:
    store = make()
    store.record(T0, {"cpu": 1.0})
    store.flush()
    store.record(T0 + 20 * 365 * DAY, {"cpu": 1.0})
    store.flush()
    for minute in range(1, 30):
        store.record(T0 + minute * MINUTE, {"cpu": 1.0})
        store.flush()
    assert [point.n if point else 0 for point in store.graph("cpu", T0, T0 + 30 * MINUTE, 30)] == [1] * 30


# -- restarts


def test_an_hour_interrupted_by_kill_comes_out_whole(make: Make, file: Path, clock: HandClock) -> None:
    luck = random.Random(11)
    expected: list[float] = []
    store = make()
    for second in range(0, 7200, 5):
        value = luck.uniform(0, 100)
        store.record(T0 + second * SECOND, {"cpu": value, "memory": 1.0})
        expected.append(value)
        if second in (25, 755, 1800, 3590, 3605, 5000):  # in the middle of minutes, too
            store.flush()
            abandon(store)
            store = make()
    store.record(T0 + 2 * HOUR + 10 * MINUTE, {"cpu": 0.0})
    store.close()
    with closing(bare(file)) as c:
        series = c.execute("SELECT id FROM series WHERE name = 'cpu'").fetchone()[0]
        rows = c.execute("SELECT n, min, max, sum FROM rollup WHERE res = 3600 AND series = ? ORDER BY t", (series,))
        for hour, found in enumerate(rows.fetchall()):
            part = [single(value) for value in expected[hour * 720 : hour * 720 + 720]]
            assert found == (720, min(part), max(part), pytest.approx(sum(part)))
        assert hour == 1


def test_an_hour_over_several_days_back_is_found_by_hour_of_day(make: Make, clock: HandClock) -> None:
    store = make()
    for hour in range(3 * 24 + 1):
        for minute in (10, 40):
            store.record(T0 + hour * HOUR + minute * MINUTE, {"cpu": float(hour)})
    store.flush()
    clock.now_us = now = T0 + 3 * DAY + 45 * MINUTE
    days = store.same_hour("cpu", now, 5)
    assert days == [
        Point(T0 + 2 * DAY, 2, 48.0, 48.0, 48.0), Point(T0 + DAY, 2, 24.0, 24.0, 24.0), Point(T0, 2, 0.0, 0.0, 0.0),
        None, None,
    ]  # fmt: skip


def test_what_detectors_learned_survives(make: Make) -> None:
    store = make()
    assert store.load_states() == {}
    assert store.save_states({"cpu": b"\x00\x01", "disk:/": b"x"})
    assert store.save_states({"cpu": b"new"})
    store.close()
    assert make().load_states() == {"cpu": b"new", "disk:/": b"x"}


def test_a_thread_commits_without_being_asked(file: Path, clock: HandClock) -> None:
    told: list[str] = []
    store = MetricsStore(file, None, clock, tell=told.append, commit_s=0.01)
    store.record(T0, {"cpu": 1.0})
    other = MetricsStore(file, None, clock, read_only=True)
    while other.stats("cpu", T0, T0 + MINUTE) is None:
        pass  # the suite's time limit ends it
    store.close()
    other.close()
    assert told == []
