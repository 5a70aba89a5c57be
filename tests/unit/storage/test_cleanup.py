"""Cleaning up: what goes, what stays, and that a crash between row and folder costs nothing."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.models import Origin, Priority, Status
from opsconsole.paths import StatePaths
from opsconsole.settings import HistorySettings, QueueSettings
from opsconsole.storage import cleanup, history, tasks
from opsconsole.storage.cleanup import DAY_US, Cleaned
from opsconsole.storage.database import open_database
from opsconsole.storage.history import Filter
from opsconsole.storage.revision import next_rev
from opsconsole.storage.tasks import NewTask
from opsconsole.storage.writer import Writer

NOW = 1_750_000_000_000_000
SPEC = {"timeout_s": 300.0, "output_limit": 1024}
KEEP_ALL = HistorySettings(keep_days=0, keep_tasks=0, keep_bytes=0)
Record = tuple[sqlite3.Connection, StatePaths]


def never(message: str) -> None:
    raise AssertionError(message)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path).prepare()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database; a copy costs less than each test making its own."""
    path = tmp_path_factory.mktemp("template") / "opsconsole.db"
    open_database(path, never).close()
    return path


@pytest.fixture
def c(paths: StatePaths, template: Path) -> Iterator[sqlite3.Connection]:
    shutil.copy(template, paths.database)
    with closing(open_database(paths.database, never)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def add(
    c: sqlite3.Connection,
    paths: StatePaths | None,
    status: Status = Status.COMPLETED,
    *,
    days_ago: float = 0,
    size: int = 0,
    attempts: int = 1,
    name: str = "job",
    body: bytes = b"echo",
    pinned: bool = False,
    after: int | None = None,
) -> int:
    """A task, and with `paths` a run folder for each of its attempts, of `size` bytes together."""
    origin = Origin("web", "tui", "root")
    new = NewTask(name, status, None, Priority.NORMAL, "safe", "bash", body, SPEC, None, attempts, origin)
    at = NOW - int(days_ago * DAY_US)
    (task_id,) = tasks.insert(c, [new], at, QueueSettings())
    c.execute("UPDATE task SET attempt = ?, pinned = ?, after_id = ? WHERE id = ?", (attempts, pinned, after, task_id))
    for attempt in range(1, attempts + 1):
        run = f"{task_id}.{attempt}"
        own = size if attempt == 1 else 0
        c.execute(
            """INSERT INTO execution (id, task_id, attempt, launch, status, boot_id, claimed_at, bytes)
               VALUES (?, ?, ?, 1, ?, 'boot', ?, ?)""",
            (run, task_id, attempt, status.value, at, own),
        )
        if paths is not None:
            folder = paths.run_folder(run)
            folder.mkdir(parents=True)
            (folder / "claim.1").write_bytes(b"{}\n")
            (folder / "stdout").write_bytes(b"x" * own)
    return task_id


def newest(c: sqlite3.Connection) -> int:
    """A task that stays in any case, since it changed last."""
    return add(c, None)


def clean(c: sqlite3.Connection, paths: StatePaths, limits: HistorySettings, **options: Any) -> Cleaned:
    c.execute("BEGIN IMMEDIATE")
    cleaned = cleanup.clean(c, paths, limits, NOW, **options)
    c.execute("COMMIT")
    return cleaned


def left(c: sqlite3.Connection) -> list[int]:
    return [row[0] for row in c.execute("SELECT id FROM task ORDER BY id")]


def folders(paths: StatePaths) -> set[str]:
    return {entry.name for entry in paths.runs.iterdir()}


# -- which tasks go


def test_what_ended_longer_ago_than_the_limit_goes(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=91, size=10)
    kept = add(c, paths, days_ago=89, size=10)
    assert clean(c, paths, HistorySettings(keep_days=90)) == Cleaned(tasks=1, bytes=10, more=False)
    assert left(c) == [kept]


def test_what_is_more_than_the_limit_goes_the_first_to_end_first(c: sqlite3.Connection, paths: StatePaths) -> None:
    ended = {days: add(c, paths, days_ago=days) for days in (3, 1, 4, 2)}
    last = newest(c)
    assert clean(c, paths, HistorySettings(keep_days=0, keep_tasks=3)).tasks == 2
    assert left(c) == sorted([ended[1], ended[2], last])


def test_the_oldest_go_until_the_rest_fits_into_the_bytes(c: sqlite3.Connection, paths: StatePaths) -> None:
    for _ in range(3):
        add(c, paths, size=100)
    kept = [add(c, paths, size=100), newest(c)]
    cleaned = clean(c, paths, HistorySettings(keep_days=0, keep_tasks=0, keep_bytes=150))
    assert cleaned == Cleaned(tasks=3, bytes=300, more=False)
    assert left(c) == kept


def test_no_limit_means_that_nothing_goes(c: sqlite3.Connection, paths: StatePaths) -> None:
    stored = [add(c, paths, days_ago=10_000, size=1000) for _ in range(3)]
    assert clean(c, paths, KEEP_ALL) == Cleaned(0, 0, more=False)
    assert left(c) == stored


EVERYTHING = HistorySettings(keep_days=1, keep_tasks=1, keep_bytes=1)


@pytest.mark.parametrize("status", [status for status in Status if status.is_open])
def test_an_open_task_never_goes(c: sqlite3.Connection, paths: StatePaths, status: Status) -> None:
    kept = [add(c, paths, status, days_ago=1000, size=100), newest(c)]
    assert clean(c, paths, EVERYTHING).tasks == 0
    assert left(c) == kept


def test_a_pinned_task_never_goes_and_does_not_count(c: sqlite3.Connection, paths: StatePaths) -> None:
    pinned = [add(c, paths, days_ago=1000, size=100, pinned=True) for _ in range(3)]
    kept = [add(c, paths, size=1), newest(c)]
    limits = HistorySettings(keep_days=1, keep_tasks=2, keep_bytes=1)
    assert clean(c, paths, limits).tasks == 0
    assert left(c) == [*pinned, *kept]


def test_what_an_open_task_waits_for_stays_until_that_has_ended(c: sqlite3.Connection, paths: StatePaths) -> None:
    first = add(c, paths, days_ago=1000)
    second = add(c, paths, Status.WAITING, after=first)
    last = newest(c)
    clean(c, paths, HistorySettings(keep_days=1))
    assert left(c) == [first, second, last]
    c.execute("UPDATE task SET status = 'cancelled', finished_at = ? WHERE id = ?", (NOW, second))
    clean(c, paths, HistorySettings(keep_days=1))
    assert left(c) == [second, last]


def test_a_task_whose_run_is_alive_stays(c: sqlite3.Connection, paths: StatePaths) -> None:
    alive = add(c, paths, days_ago=1000, attempts=2)
    add(c, paths, days_ago=999)
    last = newest(c)
    with open(paths.run_folder(f"{alive}.2") / "claim.1", "rb") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        assert clean(c, paths, HistorySettings(keep_days=1)).tasks == 1
        assert left(c) == [alive, last]
    assert clean(c, paths, HistorySettings(keep_days=1)).tasks == 1


def test_a_call_removes_a_batch_and_says_whether_more_remains(c: sqlite3.Connection, paths: StatePaths) -> None:
    for _ in range(5):
        add(c, paths, days_ago=100, size=1)
    last = newest(c)
    calls: list[Cleaned] = []
    while not calls or calls[-1].more:
        calls.append(clean(c, paths, HistorySettings(), batch=2))
    assert [call.tasks for call in calls] == [2, 2, 1]
    assert left(c) == [last]


def test_other_consoles_miss_no_change_after_the_last_changed_task_was_due(
    c: sqlite3.Connection, paths: StatePaths
) -> None:
    old = add(c, paths, days_ago=1000)
    kept = add(c, paths)
    tasks.pin(c, old, True, "tester", 1)
    tasks.pin(c, old, False, "tester", 1)
    seen = next_rev(c) - 1
    clean(c, paths, HistorySettings(keep_days=1))
    tasks.pin(c, kept, True, "tester", 1)
    assert [task.id for task in history.changed_since(c, seen)] == [kept]
    clean(c, paths, HistorySettings(keep_days=1))
    assert left(c) == [kept]


@settings(deadline=None, max_examples=60)
@given(
    stored=st.lists(
        st.tuples(
            st.sampled_from([Status.COMPLETED, Status.FAILED, Status.QUEUED, Status.RUNNING]),
            st.integers(0, 9),
            st.integers(0, 50),
            st.booleans(),
        ),
        max_size=14,
    ),
    days=st.integers(0, 9),
    count=st.integers(0, 10),
    size=st.integers(0, 200),
    batch=st.integers(1, 5),
)
def test_what_stays_fits_the_limits_and_what_went_was_older(
    record: Record,
    stored: list[tuple[Status, int, int, bool]],
    days: int,
    count: int,
    size: int,
    batch: int,
) -> None:
    c, paths = record
    limits = HistorySettings(keep_days=days, keep_tasks=count, keep_bytes=size)
    c.execute("BEGIN")
    rows = {
        add(c, None, status, days_ago=ago, size=own, pinned=pinned): (status.is_open or pinned, ago, own)
        for status, ago, own, pinned in stored
    }
    last = newest(c)
    while cleanup.clean(c, paths, limits, NOW, batch=batch).more:
        pass
    stay = set(left(c))
    c.execute("ROLLBACK")

    spared = {id for id, (kept, *_) in rows.items() if kept}
    removable = {id: row for id, row in rows.items() if id not in spared}
    assert spared | {last} <= stay
    ordered = sorted(removable, key=lambda id: (-removable[id][1], id))
    gone = [id for id in ordered if id not in stay]
    assert gone == ordered[: len(gone)]
    kept = ordered[len(gone) :]
    if days:
        assert all(removable[id][1] <= days for id in kept)
    if count:
        assert not kept or len(kept) + 1 <= count
    if size:
        assert sum(removable[id][2] for id in kept) <= size
    if gone and not (days and removable[gone[-1]][1] > days):
        back = [gone[-1], *kept]
        assert (count and len(back) + 1 > count) or (size and sum(removable[id][2] for id in back) > size)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    paths = StatePaths(tmp_path_factory.mktemp("record")).prepare()
    with closing(open_database(paths.database, never)) as c:
        c.execute("PRAGMA synchronous = OFF")
        yield c, paths


# -- what goes with them


def test_executions_go_with_their_task(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=100, attempts=3)
    newest(c)
    clean(c, paths, HistorySettings())
    assert c.execute("SELECT count(*) FROM execution WHERE task_id = 1").fetchone()[0] == 0


def test_a_script_goes_with_the_last_task_that_used_it(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=100, name="old", body=b"rsync only")
    add(c, paths, days_ago=100, name="shared", body=b"tar shared")
    shared = add(c, paths, name="shared", body=b"tar shared")
    newest(c)
    clean(c, paths, HistorySettings())
    assert [row[0] for row in c.execute("SELECT name FROM script ORDER BY id")] == ["shared", "job"]
    assert history.page(c, Filter(text="rsync")) == []
    assert [task.id for task in history.page(c, Filter(text="tar"))] == [shared]


@settings(deadline=None, max_examples=30)
@given(bodies=st.lists(st.binary(max_size=80), min_size=1, max_size=5, unique=True))
def test_the_full_text_index_forgets_a_script_whatever_its_bytes(record: Record, bodies: list[bytes]) -> None:
    c, paths = record
    c.execute("BEGIN")
    for body in bodies:
        add(c, None, days_ago=100, name="näme 1", body=body + b" marker")
    newest(c)
    cleanup.clean(c, paths, HistorySettings(), NOW)
    found = c.execute("SELECT count(*) FROM script_text WHERE script_text MATCH 'marker OR näme'").fetchone()[0]
    tokens = c.execute("SELECT count(*) FROM script").fetchone()[0]
    c.execute("ROLLBACK")
    assert (found, tokens) == (0, 1)


# -- folders


def test_cleaning_touches_no_folder_and_sweeping_removes_those_of_all_attempts(
    c: sqlite3.Connection, paths: StatePaths
) -> None:
    add(c, paths, days_ago=100, attempts=3, size=100_000)
    add(c, paths)
    clean(c, paths, HistorySettings())
    assert folders(paths) == {"1.1", "1.2", "1.3", "2.1"}
    swept = cleanup.sweep_folders(c, paths)
    assert (set(swept.gone), swept.kept) == ({"1.1", "1.2", "1.3"}, {})
    assert swept.bytes >= 100_000
    assert folders(paths) == {"2.1"}
    assert cleanup.removed(c) == []


def test_all_of_it_goes_in_several_transactions_with_the_folders_in_between(paths: StatePaths) -> None:
    writer = Writer(open_database(paths.database, never), paths.database)
    writer.run(lambda c: c.executemany("INSERT INTO removed_run VALUES (?)", [("9.1",)]))
    (paths.runs / "9.1").mkdir()
    for _ in range(3):
        writer.run(lambda c: add(c, paths, days_ago=100, size=5))
    last = writer.run(lambda c: add(c, paths))
    old = writer.submit(lambda c: [add(c, None, days_ago=100) for _ in range(cleanup.BATCH)])
    old.result()
    writer.run(lambda c: tasks.pin(c, last, True, "tester", 1))
    cleaned = cleanup.clean_all(writer.submit, paths, HistorySettings(), NOW)
    assert cleaned == Cleaned(tasks=3 + cleanup.BATCH, bytes=15, more=False)
    assert folders(paths) == {f"{last}.1"}
    assert writer.run(cleanup.removed) == []
    writer.close()


def test_a_cleaning_that_is_rolled_back_leaves_row_and_folder(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=100)
    newest(c)
    c.execute("BEGIN IMMEDIATE")
    assert cleanup.clean(c, paths, HistorySettings(), NOW).tasks == 1
    c.execute("ROLLBACK")
    assert cleanup.sweep_folders(c, paths).gone == ()
    assert left(c) == [1, 2]
    assert folders(paths) == {"1.1"}


def test_after_a_crash_between_row_and_folder_the_next_sweep_finishes(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=100, attempts=2)
    newest(c)
    clean(c, paths, HistorySettings())
    (paths.run_folder("1.1") / "stdout").unlink()
    with closing(open_database(paths.database, never)) as after:
        assert set(cleanup.sweep_folders(after, paths).gone) == {"1.1", "1.2"}
    assert folders(paths) == set()


def test_after_a_crash_between_folder_and_journal_the_next_sweep_forgets(
    c: sqlite3.Connection, paths: StatePaths
) -> None:
    add(c, paths, days_ago=100)
    newest(c)
    clean(c, paths, HistorySettings())
    cleanup.remove_folders(paths, cleanup.removed(c))
    assert cleanup.removed(c) == ["1.1"]
    assert cleanup.sweep_folders(c, paths).gone == ("1.1",)
    assert cleanup.removed(c) == []


def test_folders_nobody_knows_stay(c: sqlite3.Connection, paths: StatePaths) -> None:
    for name in ("0.1", "7.1", "7.2", "notes", "1.1.1"):
        (paths.runs / name).mkdir()
    add(c, paths, days_ago=100)
    newest(c)
    clean(c, paths, HistorySettings())
    cleanup.sweep_folders(c, paths)
    assert folders(paths) == {"0.1", "7.1", "7.2", "notes", "1.1.1"}


def test_a_database_begun_anew_keeps_the_runs_of_the_one_before(c: sqlite3.Connection, paths: StatePaths) -> None:
    before = [add(c, paths) for _ in range(3)]
    c.close()
    os.truncate(paths.database, 0)
    with closing(open_database(paths.database, lambda _: None)) as anew:
        first = add(anew, paths, days_ago=100)
        newest(anew)
        assert first > max(before)
        clean(anew, paths, HistorySettings())
        assert cleanup.sweep_folders(anew, paths).gone == (f"{first}.1",)
    assert folders(paths) == {f"{id}.1" for id in before}


def test_the_folder_of_a_task_that_is_there_stays_even_if_it_is_named_as_removed(
    c: sqlite3.Connection, paths: StatePaths
) -> None:
    task_id = add(c, paths)
    c.execute("INSERT INTO removed_run VALUES (?)", (f"{task_id}.1",))
    assert cleanup.sweep_folders(c, paths).gone == ()
    assert folders(paths) == {f"{task_id}.1"}


def test_a_living_run_keeps_its_folder_until_it_is_over(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=100, attempts=2)
    newest(c)
    clean(c, paths, HistorySettings())
    with open(paths.run_folder("1.1") / "claim.1", "rb") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        swept = cleanup.sweep_folders(c, paths)
        assert (swept.gone, swept.kept) == (("1.2",), {"1.1": "its run is alive"})
    assert cleanup.sweep_folders(c, paths).gone == ("1.1",)


@pytest.mark.parametrize("name", ["..", ".", "", "../keep", "/tmp", "1", "1.", "x.1", "1.1/..", "١.1", "1.1\n"])
def test_nothing_but_a_run_is_ever_removed_whatever_the_journal_says(
    c: sqlite3.Connection, paths: StatePaths, name: str
) -> None:
    keep = paths.root / "keep"
    keep.mkdir()
    (paths.runs / "1").mkdir()
    (paths.runs / "1.1").mkdir()
    c.execute("INSERT INTO removed_run VALUES (?)", (name,))
    assert cleanup.sweep_folders(c, paths).gone == ()
    assert keep.is_dir()
    assert folders(paths) == {"1", "1.1"}


def test_links_are_removed_and_never_followed(c: sqlite3.Connection, paths: StatePaths, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (tmp_path / "outside.txt").write_text("stays")
    add(c, paths, days_ago=100, attempts=2)
    newest(c)
    folder = paths.run_folder("1.1")
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(tmp_path / "outside.txt")
    (folder / "claim.2").symlink_to(tmp_path / "outside.txt")
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    os.rename(paths.run_folder("1.2"), tmp_path / "moved")
    paths.run_folder("1.2").symlink_to(tmp_path / "moved")
    clean(c, paths, HistorySettings())
    assert set(cleanup.sweep_folders(c, paths).gone) == {"1.1", "1.2"}
    assert folders(paths) == set()
    assert outside.stat().st_mode & 0o777 == 0o500
    assert (tmp_path / "outside.txt").read_text() == "stays"
    assert (tmp_path / "moved" / "stdout").exists()


def test_folders_a_script_locked_up_and_pipes_it_left_go_too(c: sqlite3.Connection, paths: StatePaths) -> None:
    add(c, paths, days_ago=100)
    newest(c)
    folder = paths.run_folder("1.1")
    os.mkfifo(folder / "claim.9")
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "file").touch()
    (folder / "deep" / "deeper").chmod(0o000)
    (folder / "deep").chmod(0o500)
    clean(c, paths, HistorySettings())
    assert cleanup.sweep_folders(c, paths).gone == ("1.1",)
    assert folders(paths) == set()


def test_one_folder_that_cannot_go_does_not_keep_the_others(c: sqlite3.Connection, paths: StatePaths) -> None:
    for _ in range(3):
        add(c, paths, days_ago=100)
    newest(c)
    bad = paths.run_folder("2.1")
    for entry in bad.iterdir():
        entry.unlink()
    bad.rmdir()
    bad.write_text("a file in its place")
    clean(c, paths, HistorySettings())
    swept = cleanup.sweep_folders(c, paths)
    assert (set(swept.gone), set(swept.kept)) == ({"1.1", "3.1"}, {"2.1"})
    assert cleanup.removed(c) == ["2.1"]


def test_a_sweep_in_batches_gets_past_those_that_stay(c: sqlite3.Connection, paths: StatePaths) -> None:
    for _ in range(7):
        add(c, paths, days_ago=100)
    newest(c)
    clean(c, paths, HistorySettings())
    paths.run_folder("1.1").rename(paths.root / "aside")
    paths.run_folder("1.1").write_text("a file")
    assert len(cleanup.sweep_folders(c, paths, batch=2).gone) == 6


def test_the_order_of_removal_does_not_depend_on_the_order_of_ids(c: sqlite3.Connection, paths: StatePaths) -> None:
    luck = random.Random(3)
    days = luck.sample(range(1, 50), k=12)
    stored = {add(c, paths, days_ago=ago): ago for ago in days}
    newest(c)
    clean(c, paths, HistorySettings(keep_days=0, keep_tasks=6))
    assert sorted(stored[id] for id in left(c) if id in stored) == sorted(days)[:5]
