"""Long reads: the whole list as ids, its rows by pages, snippets, and what it says in figures."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.errors import DatabaseLocked
from opsconsole.models import ENDED, Status
from opsconsole.paths import StatePaths
from opsconsole.storage import archive as module
from opsconsole.storage.archive import PAGE, Archive, InterruptedReadError
from opsconsole.storage.history import Filter
from tests.benchmarks.bench_history import BEGIN_US, STEP_US, fill

COUNT = 3000
ALL = Filter(statuses=ENDED)
END = BEGIN_US + (COUNT + 10) * STEP_US


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    fill(folder / "opsconsole.db", COUNT, scripts=40)
    return folder


@pytest.fixture
def archive(folder: Path) -> Iterator[Archive]:
    found = Archive(StatePaths(folder))
    yield found
    found.close()


def test_the_last_to_end_comes_first(archive: Archive) -> None:
    ids = archive.index(ALL)
    assert len(ids) == COUNT == archive.count(ALL)
    ended = [task.finished_at for start in range(0, COUNT, PAGE) for task in archive.rows(ids[start : start + PAGE])]
    assert ended == sorted(ended, key=lambda moment: -(moment or 0))


def test_a_page_reads_no_more_rows_than_it_shows(archive: Archive) -> None:
    ids = archive.index(ALL)
    read: list[int] = []
    found = module.rows.task
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.rows, "task", lambda row: read.append(row["id"]) or found(row))
        assert [task.id for task in archive.rows(ids)] == list(ids[:PAGE])
        assert archive.rows([*ids[:3], 99_999_999]) == archive.rows(ids[:3])
    assert len(read) == PAGE + 3 + 3


@pytest.mark.parametrize(
    ("narrowed", "holds"),
    [
        (Filter(longer_s=20.0), lambda task: (task.duration_s or 0) >= 20),
        (Filter(shorter_s=1.0), lambda task: task.duration_s is not None and task.duration_s < 1),
        (Filter(host_part="DB-"), lambda task: task.host == "db-07"),
        (Filter(actor_part="lic"), lambda task: task.actor == "alice"),
        (Filter(policies=frozenset({"safe"})), lambda task: task.policy == "safe"),
        (Filter(ended_since_us=END - 500 * STEP_US), lambda task: task.finished_at >= END - 500 * STEP_US),
        (Filter(ended_until_us=BEGIN_US + 99 * STEP_US), lambda task: task.finished_at < BEGIN_US + 99 * STEP_US),
        (Filter(pinned=True), lambda task: False),
        (Filter(task_id=17), lambda task: task.id == 17),
    ],
)
def test_what_it_can_be_narrowed_by(archive: Archive, narrowed: Filter, holds) -> None:  # type: ignore[no-untyped-def]
    ids = archive.index(ALL)
    tasks = [task for start in range(0, COUNT, PAGE) for task in archive.rows(ids[start : start + PAGE])]
    assert list(archive.index(replace(narrowed, statuses=ENDED))) == [task.id for task in tasks if holds(task)]


@pytest.mark.parametrize(
    "narrowed",
    [
        ALL, replace(ALL, text="job7"), replace(ALL, text="pipefail"), replace(ALL, text="nothing-like-it"),
        replace(ALL, longer_s=20.0), replace(ALL, policies=frozenset({"safe"})),
        Filter(statuses=frozenset({Status.FAILED})),
    ],
)  # fmt: skip
@pytest.mark.parametrize("near", [50, 1000, COUNT, 8000])
def test_a_list_begins_as_it_goes_on(
    archive: Archive, narrowed: Filter, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NEAR", near)
    whole = archive.index(narrowed)
    found = archive.beginning(narrowed, 100)
    assert found is not None
    assert found.ids == whole[: len(found.ids)]
    assert len(found.ids) <= 100
    assert found.whole == (near >= COUNT and len(whole) <= 100)
    if near > COUNT:
        assert len(found.ids) == min(100, len(whole))


def test_what_is_open_has_no_end_to_begin_from(archive: Archive) -> None:
    assert archive.beginning(Filter(), 100) is None
    assert archive.beginning(Filter(statuses=ENDED | {Status.RUNNING}), 100) is None


def test_whether_one_task_passes(archive: Archive) -> None:
    failed = Filter(statuses=frozenset({Status.FAILED}))
    ids = set(archive.index(failed))
    assert {one for one in archive.index(ALL)[:200] if archive.passes(failed, one)} == ids & {*archive.index(ALL)[:200]}
    assert not archive.passes(ALL, 99_999_999)


def test_the_lines_that_have_a_word(archive: Archive) -> None:
    task_id = archive.index(replace(ALL, text="job7"))[0]
    found = archive.snippets(task_id, ["job7"])
    assert [(one.where, one.number, one.text) for one in found] == [("script", 3, "# job7")]
    assert archive.snippets(task_id, []) == archive.snippets(99_999_999, ["job7"]) == []


def test_figures_add_up(archive: Archive) -> None:
    found = archive.trends(ALL, None, END, 20, "name")
    assert found.whole.total == COUNT == sum(tally.total for tally in found.buckets)
    assert sum(tally.total for tally in found.groups.values()) == COUNT
    assert found.whole.failed == sum(
        archive.count(Filter(statuses=frozenset({status})))
        for status in (Status.FAILED, Status.TIMED_OUT, Status.ABANDONED)
    )
    slowest = [tally.p95_s or 0 for _, tally in found.slowest(5)]
    assert len(slowest) == 5
    assert slowest == sorted(slowest, reverse=True)
    assert {key for key, _ in archive.trends(ALL, None, END, 4, "host").groups.items()} == {"web-01", "db-07"}


def test_figures_of_a_span_are_of_what_ended_in_it(archive: Archive) -> None:
    since = END - 100 * STEP_US
    found = archive.trends(ALL, since, END, 10, "policy")
    assert found.whole.total == archive.count(replace(ALL, ended_since_us=since))
    nothing = archive.trends(ALL, END, END + 1, 10, "policy")
    assert (nothing.whole.total, nothing.whole.success_rate, len(nothing.buckets)) == (0, None, 10)


def test_a_long_read_can_be_ended(archive: Archive) -> None:
    begun, interrupted = threading.Event(), threading.Event()

    def step() -> int:
        begun.set()
        interrupted.wait(30)
        return 0

    with archive._reading() as c:
        c.execute("SELECT id FROM task LIMIT 1").fetchone()  # it knows the schema: what runs is the statement itself
        c.set_progress_handler(step, 100)
        ended: list[BaseException] = []

        def read() -> None:
            try:
                c.execute("SELECT count(*) FROM task a, task b").fetchone()
            except sqlite3.OperationalError as error:
                ended.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        assert begun.wait(30)
        archive.interrupt()
        interrupted.set()
        thread.join(30)
        c.set_progress_handler(None, 0)
    assert "interrupted" in str(ended[0])


def test_a_closed_one_reads_no_more(folder: Path) -> None:
    one = Archive(StatePaths(folder))
    assert one.count(ALL) == COUNT
    one.close()
    with pytest.raises(InterruptedReadError):
        one.count(ALL)


def test_a_locked_database_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "opsconsole.db", 10, scripts=2)
    monkeypatch.setattr(module, "BUSY_S", 0.0)
    with sqlite3.connect(tmp_path / "opsconsole.db") as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseLocked):
            Archive(StatePaths(tmp_path)).index(ALL)
        other.execute("ROLLBACK")
    other.close()
