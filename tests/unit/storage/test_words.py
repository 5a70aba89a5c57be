"""Words that many runs have: they are found where they stand, and what is far is not looked up for the first lines."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.models import ENDED, Status
from opsconsole.paths import StatePaths
from opsconsole.storage import archive as archives
from opsconsole.storage import history, output_index
from opsconsole.storage.archive import Archive
from opsconsole.storage.database import connect
from opsconsole.storage.history import Filter
from tests.benchmarks.bench_history import fill

COUNT = 3000
LATE, TWICE = 5, 1500
"""A task of long ago whose output came last, and a newer one that has the first of all outputs, of its first attempt.
"""
ALL = Filter(statuses=ENDED)
FAILED = frozenset({Status.FAILED})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every run says `reloaded`, each hundredth `seldom`."""
    folder = tmp_path_factory.mktemp("state")
    fill(folder / "opsconsole.db", COUNT, scripts=40)
    with closing(connect(folder / "opsconsole.db")) as c:
        c.execute("PRAGMA synchronous = OFF")
        c.execute("BEGIN")
        insert = "INSERT INTO execution (id, task_id, attempt, launch, status, boot_id, claimed_at) VALUES "
        c.execute(f"{insert} ('{TWICE}.2', {TWICE}, 2, 1, 'completed', 'boot', 1)")
        output_index.store(c, f"{TWICE}.1", "reloaded at the first attempt")
        for task_id in (*(one for one in range(1, COUNT + 1) if one not in (LATE, TWICE)), LATE):
            output_index.store(c, f"{task_id}.1", "reloaded " + ("seldom" if task_id % 100 == 0 else "often"))
        output_index.store(c, f"{TWICE}.2", "nothing to say")
        c.execute("COMMIT")
    return folder


@pytest.fixture
def archive(folder: Path) -> Iterator[Archive]:
    found = Archive(StatePaths(folder))
    yield found
    found.close()


@pytest.fixture
def c(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(folder / "opsconsole.db", read_only=True)) as connection:
        yield connection


FILTERS = [
    Filter(text="reloaded"), Filter(text="relo"), Filter(text="reloaded often"), Filter(text="seldom"),
    Filter(text="first attempt"), Filter(text="pipefail reloaded"), Filter(text="job7"), Filter(text="nowhere"),
    Filter(text="reloaded", exit_code=1), Filter(text="reloaded", statuses=FAILED),
    Filter(text_or_status=(("seldom", FAILED),)), Filter(text="reloaded", name="back*"),
]  # fmt: skip


@pytest.mark.parametrize("near", [20, 700, 1700, COUNT + 1])
def test_a_list_of_words_begins_as_it_goes_on(archive: Archive, near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_NEAR", near)
    last = set(archive.index(ALL)[: near + 1])  # of those that ended as the last one did, all are near
    for wanted in (replace(one, statuses=one.statuses or ENDED) for one in FILTERS):
        whole = archive.index(wanted)
        found = archive.beginning(wanted, 100)
        assert found is not None, wanted
        assert found.ids == whole[: len(found.ids)], wanted
        assert len(found.ids) >= min(100, len([one for one in whole if one in last]) - 1), wanted


@pytest.mark.parametrize("before", [None, TWICE + 1, 2000, LATE + 1, 1])
def test_a_page_of_words_is_the_same_wherever_they_are_looked_for_first(
    c: sqlite3.Connection, before: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [replace(one, before=before, limit=3) for one in FILTERS]
    monkeypatch.setattr(history, "_NEWEST", 0)
    everywhere = [history.page(c, one) for one in wanted]
    for newest in (12, 400, 8 * COUNT):
        monkeypatch.setattr(history, "_NEWEST", newest)
        assert {one: history.page(c, one) for one in wanted} == dict(zip(wanted, everywhere, strict=True)), newest


def test_an_output_of_long_ago_is_found_with_its_new_task(c: sqlite3.Connection, archive: Archive) -> None:
    assert [task.id for task in history.page(c, Filter(text="attempt"))] == [TWICE]
    found = archive.beginning(replace(ALL, text="attempt"), 100)
    assert found is not None
    assert list(found.ids) == [TWICE]


def test_for_the_first_lines_of_a_word_that_all_have_the_others_are_not_looked_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_NEAR", 100)
    monkeypatch.setattr(history, "_NEWEST", 200)
    wanted = replace(ALL, text="often")
    with closing(connect(folder / "opsconsole.db", read_only=True)) as c, closing(Archive(StatePaths(folder))) as one:
        where, values = history.where_all(list(history.conditions(wanted)))
        every = f"SELECT count(*) FROM {history.FACTS} WHERE {where}"  # noqa: S608
        whole = steps(c, lambda: c.execute(every, values).fetchone())
        assert steps(c, lambda: history.page(c, Filter(text="often", limit=50))) < whole / 4
        with one._reading() as other:
            pass
        assert steps(other, lambda: one.beginning(wanted, 20)) < whole / 4


def test_the_first_lines_of_words_need_no_sorting_and_no_walk_over_outputs(
    folder: Path, c: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_NEAR", 100)
    with closing(Archive(StatePaths(folder))) as archive:
        archive.beginning(ALL, 1)
        with archive._reading() as other:
            pass
        plans = planned(other, lambda: archive.beginning(replace(ALL, text="often"), 50))
    plans += planned(c, lambda: history.page(c, Filter(text="often", limit=50)))
    steps = [step for plan in plans for step in plan]
    words = [step for step in steps if "VIRTUAL TABLE" in step]
    assert len(words) == 4  # two indexes, near the end, for the list and for the page
    assert all(step.endswith(">") for step in words), "from a row on, not from the first"
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps, "what ended in one microsecond is sorted, and no more"
    assert not any(step.startswith(("SCAN output", "SCAN task")) and "INDEX" not in step for step in steps), steps


def steps(c: sqlite3.Connection, work: Callable[[], object]) -> int:
    """Instructions of SQLite's machine that it takes, in tens: the same on any computer."""
    count = 0

    def count_one() -> int:
        nonlocal count
        count += 1
        return 0

    work()
    c.set_progress_handler(count_one, 10)
    work()
    c.set_progress_handler(None, 0)
    return count


def planned(c: sqlite3.Connection, work: Callable[[], object]) -> list[list[str]]:
    """The plan of each statement of it."""
    seen: list[str] = []
    c.set_trace_callback(seen.append)
    work()
    c.set_trace_callback(None)
    asked = [sql for sql in seen if sql.lstrip().startswith("SELECT")]
    return [[row[3] for row in c.execute(f"EXPLAIN QUERY PLAN {sql}")] for sql in asked]
