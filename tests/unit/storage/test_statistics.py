"""The record in numbers: counts, rates, percentiles, waits; and the same cut by name, host, door, actor."""

from __future__ import annotations

import random
import shutil
import sqlite3
import statistics as reference
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.models import ACTIVE, OPEN, Origin, Priority, Status
from opsconsole.settings import QueueSettings
from opsconsole.storage import statistics, tasks
from opsconsole.storage.database import open_database
from opsconsole.storage.history import Filter
from opsconsole.storage.statistics import DAY_US, Statistics
from opsconsole.storage.tasks import NewTask

NOW = 1_750_000_000_000_000
SECOND = 1_000_000


def never(message: str) -> None:
    raise AssertionError(message)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database; a copy costs less than each test making its own."""
    path = tmp_path_factory.mktemp("template") / "opsconsole.db"
    open_database(path, never).close()
    return path


@pytest.fixture
def c(tmp_path: Path, template: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(Path(shutil.copy(template, tmp_path)), never)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def add(
    c: sqlite3.Connection,
    status: Status = Status.COMPLETED,
    *,
    name: str = "job",
    body: bytes = b"echo",
    host: str = "web",
    door: str = "tui",
    actor: str = "root",
    **columns: float | None,
) -> int:
    origin = Origin(host, door, actor)
    new = NewTask(name, status, None, Priority.NORMAL, "safe", "bash", body, {}, None, 1, origin)
    (task_id,) = tasks.insert(c, [new], NOW, QueueSettings())
    for column, value in columns.items():
        c.execute(f"UPDATE task SET {column} = ? WHERE id = ?", (value, task_id))  # noqa: S608
    return task_id


def summary(c: sqlite3.Connection, now: int = NOW) -> Statistics:
    return statistics.summary(c, Filter(), now)


def test_of_nothing_there_are_no_numbers_and_no_error(c: sqlite3.Connection) -> None:
    found = summary(c)
    assert (found.total, found.by_status, found.queue_depth, found.running) == (0, {}, 0, 0)
    assert found.success_rate is found.mean_s is found.p50_s is found.p95_s is None
    assert found.wait_mean_s is found.wait_p95_s is found.last_24h.success_rate is None
    assert statistics.by_name(c, Filter(), NOW) == {}


def test_cancelled_refused_and_open_tasks_are_neither_success_nor_failure(c: sqlite3.Connection) -> None:
    for status in Status:
        add(c, status)
    add(c, Status.COMPLETED)
    assert summary(c).success_rate == 2 / 5


def test_queue_depth_is_what_waits_and_running_is_what_may_be_alive(c: sqlite3.Connection) -> None:
    for status in Status:
        add(c, status)
    found = summary(c)
    assert found.queue_depth == len(OPEN - ACTIVE)
    assert found.running == len(ACTIVE)
    assert found.by_status == dict.fromkeys(Status, 1)


def test_percentiles_are_durations_that_occurred(c: sqlite3.Connection) -> None:
    for duration in (*range(1, 20), 1000):
        add(c, duration_s=float(duration))
    found = summary(c)
    assert (found.p50_s, found.p95_s) == (10, 19)
    assert found.mean_s == pytest.approx((190 + 1000) / 20)


def test_one_duration_is_every_percentile(c: sqlite3.Connection) -> None:
    add(c, duration_s=0.25)
    add(c, Status.REFUSED)
    found = summary(c)
    assert (found.mean_s, found.p50_s, found.p95_s) == (0.25, 0.25, 0.25)


def test_a_wait_is_from_queued_to_started(c: sqlite3.Connection) -> None:
    add(c, started_at=NOW + 2 * SECOND)
    add(c, started_at=NOW + 4 * SECOND)
    add(c, Status.QUEUED)
    found = summary(c)
    assert (found.wait_mean_s, found.wait_p95_s) == (3, 4)


def test_a_clock_that_was_set_back_gives_no_negative_wait(c: sqlite3.Connection) -> None:
    add(c, started_at=NOW - 3600 * SECOND)
    found = summary(c)
    assert (found.wait_mean_s, found.wait_p95_s) == (0, 0)


def test_a_retry_that_waited_on_purpose_is_no_wait(c: sqlite3.Connection) -> None:
    add(c, started_at=NOW + 1 * SECOND)
    add(c, started_at=NOW + 900 * SECOND, attempt=2)
    assert summary(c).wait_p95_s == 1


def test_the_last_day_counts_what_ended_in_it(c: sqlite3.Connection) -> None:
    add(c, finished_at=NOW - DAY_US)
    add(c, finished_at=NOW - DAY_US + 1)
    add(c, Status.FAILED, finished_at=NOW)
    add(c, Status.RUNNING)
    found = summary(c).last_24h
    assert (found.total, found.by_status) == (2, {Status.COMPLETED: 1, Status.FAILED: 1})
    assert found.success_rate == 0.5


def test_the_filter_narrows_and_its_page_does_not_matter(c: sqlite3.Connection) -> None:
    add(c, host="db")
    add(c, Status.FAILED, host="web")
    assert statistics.summary(c, Filter(host="db"), NOW).by_status == {Status.COMPLETED: 1}
    assert statistics.summary(c, Filter(limit=1, before=1), NOW).total == 2


def test_scripts_of_one_name_are_one_line(c: sqlite3.Connection) -> None:
    for body in (b"one", b"two", b"three"):
        add(c, name="backup", body=body)
    add(c, Status.FAILED, name="deploy")
    found = statistics.by_name(c, Filter(), NOW)
    assert [(name, cut.total, cut.success_rate) for name, cut in found.items()] == [
        ("backup", 3, 1.0),
        ("deploy", 1, 0.0),
    ]


def test_the_most_frequent_come_first_and_no_more_than_asked(c: sqlite3.Connection) -> None:
    for number in range(5):
        for _ in range(number + 1):
            add(c, name=f"job-{number}")
    assert list(statistics.by_name(c, Filter(), NOW, limit=2)) == ["job-4", "job-3"]
    assert statistics.by_name(c, Filter(), NOW, limit=0) == {}


@pytest.mark.parametrize("key", ["host", "door", "actor"])
def test_it_is_cut_by_origin_too(c: sqlite3.Connection, key: str) -> None:
    add(c)
    add(c, **{key: "other"})  # type: ignore[arg-type]
    add(c, **{key: "other"})  # type: ignore[arg-type]
    found = statistics.by(c, key, Filter(), NOW)  # type: ignore[arg-type]
    assert [cut.total for cut in found.values()] == [2, 1]
    assert next(iter(found)) == "other"


rows = st.lists(
    st.tuples(
        st.sampled_from(list(Status)),
        st.none() | st.floats(0, 3600),
        st.none() | st.integers(-DAY_US, DAY_US),
        st.none() | st.integers(-2 * DAY_US, DAY_US),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path_factory.mktemp("empty") / "opsconsole.db", never)) as c:
        c.execute("PRAGMA synchronous = OFF")
        yield c


@settings(deadline=None, max_examples=80)
@given(rows=rows)
def test_numbers_agree_with_a_plain_calculation(
    empty: sqlite3.Connection,
    rows: list[tuple[Status, float | None, int | None, int | None, str]],
) -> None:
    c = empty
    c.execute("BEGIN")
    for status, duration, wait, ended, name in rows:
        started = None if wait is None else NOW + wait
        finished = None if ended is None else NOW + ended
        add(c, status, name=name, duration_s=duration, started_at=started, finished_at=finished)
    found, cuts = summary(c), statistics.by_name(c, Filter(), NOW)
    c.execute("ROLLBACK")

    durations = sorted(duration for _, duration, *_ in rows if duration is not None)
    waits = [max(wait, 0) / SECOND for _, _, wait, *_ in rows if wait is not None]
    recent = [status for status, _, _, ended, _ in rows if ended is not None and ended > -DAY_US]
    assert found.total == len(rows)
    assert found.by_status == Counter(status for status, *_ in rows)
    assert found.last_24h.by_status == Counter(recent)
    assert found.last_24h.total == len(recent)
    assert (found.mean_s is None) == (not durations)
    if durations:
        assert found.mean_s == pytest.approx(reference.fmean(durations), abs=1e-6)
        assert found.p50_s == pytest.approx(reference.median_low(durations), abs=1e-6)
        assert sum(duration <= (found.p95_s or 0) + 1e-6 for duration in durations) >= 0.95 * len(durations)
    if waits:
        assert found.wait_mean_s == pytest.approx(reference.fmean(waits), abs=1e-6)
        assert min(found.wait_mean_s or 0, found.wait_p95_s or 0) >= 0
    assert {name: cut.total for name, cut in cuts.items()} == Counter(name for *_, name in rows)


def test_a_cut_of_one_task_is_the_summary_of_it(c: sqlite3.Connection) -> None:
    add(c, duration_s=random.Random(1).random(), started_at=NOW + 5)
    assert statistics.by_name(c, Filter(), NOW) == {"job": summary(c)}
