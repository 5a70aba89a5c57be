"""MetricsStore: damage, locks and full disks are said and lose nothing that was committed; old things are forgotten."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from opsconsole.errors import DatabaseNewer, StorageError
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


class TwoClocks(HandClock):
    """The monotonic one by hand, too."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s = 1000.0

    def monotonic(self) -> float:
        return self.at_s

    def goes_to(self, now_us: int) -> None:
        """Steadily, as retention wants it."""
        self.at_s += (now_us - self.now_us) / SECOND
        self.now_us = now_us


@pytest.fixture
def clock() -> TwoClocks:
    return TwoClocks()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metrics.db"


@pytest.fixture
def make(file: Path, clock: TwoClocks, told: list[str]) -> Iterator[Make]:
    made: list[MetricsStore] = []
    clock.now_us = T0 + HOUR

    def store(settings: MonitorSettings | None = None, *, read_only: bool = False) -> MetricsStore:
        made.append(MetricsStore(file, settings, clock, read_only=read_only, tell=told.append, commit_s=NEVER_S))
        return made[-1]

    yield store
    for each in made:
        each.close()


def bare(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


# -- accidents


def test_a_file_that_cannot_be_read_is_moved_aside_and_said(make: Make, file: Path, told: list[str]) -> None:
    file.write_bytes(b"this is no database" * 500)
    store = make()
    store.record(T0, {"cpu": 1.0})
    assert store.flush()
    [aside] = file.parent.glob("metrics.db.unreadable-*")
    assert aside.read_bytes() == b"this is no database" * 500
    assert len(told) == 1 and str(aside) in told[0]
    assert store.stats("cpu", T0, T0 + MINUTE) == Point(T0, 1, 1.0, 1.0, 1.0)


def test_damage_found_while_writing_moves_it_aside_and_loses_nothing_that_waits(
    make: Make, file: Path, told: list[str]
) -> None:
    store = make()
    for second in range(3000):
        store.record(T0 + second * SECOND, {"cpu": 1.0, "memory": 2.0})
    store.flush()
    store.close()
    with open(file, "r+b") as damaged:
        damaged.seek(4096)
        damaged.write(random.Random(3).randbytes(file.stat().st_size - 4096))
    store = make()
    store.record(T0 + HOUR, {"cpu": 1.0})
    assert store.flush() or store.flush()
    assert len(list(file.parent.glob("metrics.db.unreadable-*"))) == 1
    assert len(told) == 1
    assert store.stats("cpu", T0, T0 + 2 * HOUR) == Point(T0, 1, 1.0, 1.0, 1.0)


def test_a_file_of_a_newer_version_is_refused_and_not_touched(make: Make, file: Path, told: list[str]) -> None:
    with closing(bare(file)) as c:
        c.execute("PRAGMA user_version = 99")
        c.execute("CREATE TABLE future (x)")
    before = file.read_bytes()
    store = make()
    for second in range(5):
        store.record(T0 + second * SECOND, {"cpu": 1.0})
        assert not store.flush()
    with pytest.raises(DatabaseNewer):
        store.graph("cpu", T0, T0 + MINUTE)
    with pytest.raises(DatabaseNewer):
        make(read_only=True).names()
    store.close()
    assert file.read_bytes() == before
    assert len(told) == 1 and "newer" in told[0]


def test_a_locked_file_is_waited_out_in_memory(file: Path, clock: HandClock) -> None:
    told: list[str] = []
    store = MetricsStore(file, None, clock, tell=told.append, commit_s=NEVER_S)
    assert store._recorder is not None
    store._recorder._busy_s = 0.01
    store.record(T0, {"cpu": 1.0})
    store.flush()
    with closing(bare(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.record(T0 + SECOND, {"cpu": 2.0})
        store._recorder._disconnect()  # the next connection waits no longer than set here
        assert not store.flush()
        store.record(T0 + 2 * SECOND, {"cpu": 3.0})
        assert not store.flush()
        assert store.stats("cpu", T0, T0 + MINUTE) == Point(T0, 3, 1.0, 3.0, 2.0)
        other.execute("ROLLBACK")
    assert store.flush()
    assert len(told) == 2 and "locked" in told[0] and "again" in told[1]
    store.close()
    with closing(bare(file)) as c:
        assert c.execute("SELECT count(*) FROM raw").fetchone()[0] == 3


def test_a_place_that_cannot_be_written_keeps_a_bounded_tail(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "WAITING", 50)
    told: list[str] = []
    file = tmp_path / "missing" / "metrics.db"
    store = MetricsStore(file, None, clock, tell=told.append, commit_s=NEVER_S)
    for second in range(80):
        store.record(T0 + second * SECOND, {"cpu": 1.0})
        assert not store.flush()
    file.parent.mkdir()
    assert store.flush()
    kept = store.stats("cpu", T0, T0 + HOUR)
    store.close()
    assert kept is not None and kept.n == 50
    assert len(told) == 3 and "30 samples are missing" in told[1]


def test_a_full_disk_stops_nothing_and_is_said_once(make: Make, told: list[str]) -> None:
    store = make()
    store.record(T0, {"cpu": 1.0})
    store.flush()
    assert store._recorder is not None and store._recorder._connection is not None
    connection = store._recorder._connection
    connection.execute("PRAGMA max_page_count = 1")  # SQLite's own way to a full disk
    for second in range(1, 3000):
        store.record(T0 + second * SECOND, {"cpu": 1.0})
    assert not store.flush()
    assert len(told) == 1 and "no space" in told[0]
    assert store.flush(), "there is space again for a new connection"
    found = store.stats("cpu", T0, T0 + HOUR)
    assert found is not None and found.n == 3000


def test_a_reader_sees_a_missing_file_as_empty_and_one_that_appears(make: Make, file: Path) -> None:
    other = make(read_only=True)
    assert other.graph("cpu", T0, T0 + MINUTE, 6) == [None] * 6
    assert (other.names(), other.stats("cpu", T0, T0 + MINUTE), other.load_states()) == ([], None, {})
    assert other.same_hour("cpu", T0, 2) == [None, None]
    assert not file.exists()
    store = make()
    store.record(T0, {"cpu": 1.0})
    store.flush()
    assert other.names() == ["cpu"]
    with pytest.raises(RuntimeError):
        other.record(T0, {"cpu": 1.0})


def test_a_reader_follows_to_the_file_that_was_begun_anew(make: Make, file: Path) -> None:
    store, other = make(), make(read_only=True)
    store.record(T0, {"cpu": 1.0})
    store.flush()
    assert other.names() == ["cpu"]
    store.close()
    for each in file.parent.glob("metrics.db*"):
        each.rename(each.with_name("old-" + each.name))
    store = make()
    store.record(T0, {"memory": 1.0})
    store.flush()
    assert other.names() == ["memory"]


def test_a_damaged_file_is_said_to_a_reader_and_left_alone(make: Make, file: Path) -> None:
    file.write_bytes(b"this is no database" * 500)
    with pytest.raises(StorageError, match="damaged"):
        make(read_only=True).names()
    assert file.exists()


# -- names and times that nobody thought of


def test_a_name_that_is_no_text_is_spelt_out_and_stops_nothing(make: Make, told: list[str]) -> None:
    store = make()
    assert store.save_states({"disk:/mnt/caf\udce9": b"x"})
    store.record(T0, {"cpu": 1.0, "disk:/mnt/caf\udce9": 2.0})
    for at in (T0 + SECOND, T0 + 2 * SECOND):
        for name in ("disk:/mnt/caf\udce9", "disk:/mnt/caf\\udce9"):
            found = store.stats(name, T0, T0 + MINUTE)
            assert found is not None and (found.n, found.max) == ((at - T0) // SECOND, 2.0)
        assert store.names() == ["cpu", "disk:/mnt/caf\\udce9"]
        assert store.flush()
        store.record(at, {"cpu": 1.0, "disk:/mnt/caf\udce9": 2.0})
    assert store.load_states() == {"disk:/mnt/caf\\udce9": b"x"}
    assert told == []


def test_samples_that_cannot_be_stored_are_said_and_the_next_are_recorded(make: Make, told: list[str]) -> None:
    store = make()
    store.record(1 << 80, {"cpu": 1.0})
    assert not store.flush()
    assert len(told) == 1 and "1 samples cannot be put" in told[0]
    store.record(T0, {"cpu": 2.0})
    assert store.flush()
    found = store.stats("cpu", T0, T0 + MINUTE)
    assert found is not None and found.n == 1


@pytest.mark.parametrize("points", [1, 2, 600])
@pytest.mark.parametrize(("since", "until"), [(-(2**70), 2**70), (-(2**62), 2**62), (-(2**70), T0 + 5 * SECOND)])
def test_a_span_beyond_all_time_is_what_there_is(make: Make, since: int, until: int, points: int) -> None:
    store = make()
    for second in range(5):
        store.record(T0 + second * SECOND, {"cpu": float(second)})
    store.flush()
    for name, n in (("cpu", 5), ("none", 0)):
        graph = store.graph(name, since, until, points)
        assert len(graph) <= points + 1
        assert sum(point.n for point in graph if point) == n
        whole = store.stats(name, since, until)
        assert (whole.n if whole else 0) == n
    assert set(store.graph("cpu", 2**70, 2**71, points)) <= {None}
    assert store.same_hour("cpu", 2**70, 2) == [None, None]


@pytest.mark.parametrize("points", [1, 0, -3])
def test_one_bucket_is_the_span_itself(make: Make, points: int) -> None:
    store = make()
    for second in range(120):
        store.record(T0 + second * SECOND, {"cpu": float(second)})
    graph = store.graph("cpu", T0 + 50 * SECOND, T0 + 70 * SECOND, points)
    assert (graph.begin_us, graph.step_us) == (T0 + 50 * SECOND, 20 * SECOND)
    assert graph == [Point(T0 + 50 * SECOND, 20, 50.0, 69.0, 59.5)]
    assert list(store.graph("cpu", T0, T0, points)) == []


# -- forgetting


def test_what_is_too_old_goes_in_steps_and_the_rest_stays(make: Make, file: Path, clock: TwoClocks) -> None:
    settings = MonitorSettings(keep_raw_h=2, keep_minutes_d=0.5, keep_hours_d=1)
    store = make(settings)
    for minute in range(48 * 60):
        store.record(T0 + minute * MINUTE, {"cpu": 1.0} if minute > 60 else {"cpu": 1.0, "usb": 1.0})
    store.flush()
    now = T0 + 2 * DAY
    clock.goes_to(now)
    steps = 1
    while store.trim():
        steps += 1
    assert steps > 1, "the work of a step is bounded"
    with closing(bare(file)) as c:
        for table, begin in (
            ("SELECT min(t) FROM raw", now - 2 * HOUR),
            ("SELECT min(t) * 1000000 FROM rollup WHERE res = 60", now - DAY // 2),
            ("SELECT min(t) * 1000000 FROM rollup WHERE res = 3600", now - DAY),
        ):
            assert c.execute(table).fetchone()[0] == begin, table
        assert c.execute("SELECT count(*) FROM layout").fetchone()[0] == 1
        assert c.execute("PRAGMA freelist_count").fetchone()[0] == 0
    assert store.names() == ["cpu"]
    whole = store.graph("cpu", T0, T0 + 2 * DAY, 48)
    assert [point.n if point else 0 for point in whole] == [0] * 24 + [60] * 24
    by_minute = store.graph("cpu", now - 3 * HOUR, now, 600)  # samples are kept for two hours only
    assert (len(by_minute), by_minute.step_us, None in by_minute) == (180, MINUTE, False)
    store.record(now, {"cpu": 2.0})
    assert store.flush(), "the layout that was in use is still usable"
    assert store.stats("cpu", now, now + SECOND) == Point(now, 1, 2.0, 2.0, 2.0)


def test_what_is_not_summed_up_yet_is_not_forgotten(make: Make, clock: TwoClocks) -> None:
    store = make(MonitorSettings(keep_raw_h=0))
    store.record(T0 + SECOND, {"cpu": 1.0})
    store.flush()
    clock.goes_to(T0 + DAY)
    store.trim()
    store.record(T0 + DAY, {"cpu": 3.0})
    store.flush()
    assert store.stats("cpu", T0, T0 + DAY + MINUTE) == Point(T0, 2, 1.0, 3.0, 2.0)


def test_clear_leaves_nothing_and_recording_goes_on(make: Make, file: Path) -> None:
    store = make()
    store.save_states({"cpu": b"x"})
    for second in range(3000):
        store.record(T0 + second * SECOND, {"cpu": 1.0, "memory": 1.0})
    store.flush()
    before = store.size()
    store.record(T0 + HOUR, {"cpu": 1.0})
    assert store.clear()
    assert (store.names(), store.load_states(), store.begins()) == ([], {}, None)
    assert store.size() < before / 2
    store.record(T0 + 2 * HOUR, {"cpu": 4.0})
    store.flush()
    assert store.stats("cpu", T0, T0 + DAY) == Point(T0, 1, 4.0, 4.0, 4.0)
    assert store.begins() == T0 + 2 * HOUR


def test_a_day_of_thirty_metrics_takes_what_it_may(make: Make, file: Path) -> None:
    store = make()
    luck = random.Random(1)
    for second in range(3600):  # an hour, times 24
        store.record(T0 + second * SECOND, {f"series:{n}": luck.uniform(0, 100) for n in range(30)})
        if second % 600 == 599:
            store.flush()
    store.close()
    with closing(bare(file)) as c:
        pages = c.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'raw'").fetchone()[0]
    assert pages * 24 <= 13e6
