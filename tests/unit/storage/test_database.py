"""Opening the database, whatever lies there; and the one writer."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.errors import (
    ConsoleError,
    DatabaseLocked,
    DatabaseNewer,
    DiskFull,
    StorageError,
    TaskNotFound,
)
from opsconsole.storage.database import check, connect, held, known_version, migrate, open_database, translate
from opsconsole.storage.writer import Writer

Rows = list[tuple[Any, ...]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path / "opsconsole.db"


def never(message: str) -> None:
    raise AssertionError(message)


def made(path: Path) -> Path:
    open_database(path, never).close()
    return path


def others(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if file.name not in (path.name, "runs"))


def fetch(path: Path, sql: str) -> Rows:
    with closing(sqlite3.connect(path)) as c:
        return c.execute(sql).fetchall()


def new_id(c: sqlite3.Connection) -> int:
    c.execute("INSERT INTO script (name, sha256, body) VALUES ('a', hex(randomblob(8)), x'')")
    cursor = c.execute(
        """INSERT INTO task (rev, status, name, priority, rank, policy, interpreter, script_id, spec, queued_at, host,
               door, actor)
           VALUES (1, 'queued', 'a', 1, 1, 'safe', 'sh', last_insert_rowid(), '{}', 1, 'h', 'd', 'a')"""
    )
    return int(cursor.lastrowid or 0)


# -- as it should be


def test_new_database_has_the_newest_version_a_wal_and_full_sync(path: Path) -> None:
    with closing(open_database(path, never)) as c:
        assert c.execute("PRAGMA user_version").fetchone()[0] == known_version()
        assert c.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert c.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert c.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert check(path) == "ok"


def test_opening_again_keeps_what_is_there(path: Path) -> None:
    with closing(open_database(path, never)) as c:
        first = new_id(c)
    with closing(open_database(path, never)) as c:
        assert c.execute("SELECT id FROM task").fetchall()[0][0] == first


def test_migrating_twice_changes_nothing(path: Path) -> None:
    with closing(open_database(path, never)) as c:
        before = c.execute("SELECT name, sql FROM sqlite_master").fetchall()
        migrate(c)
        assert c.execute("SELECT name, sql FROM sqlite_master").fetchall() == before


def test_a_migration_that_fails_leaves_nothing_of_it_and_of_those_that_came_with_it(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE one (a);")
    with closing(connect(path)) as c:
        migrate(c, folder)
        (folder / "0002_second.sql").write_text("CREATE TABLE two (a);")
        (folder / "0003_third.sql").write_text("CREATE TABLE three (a);\nCREATE TABLE one (a);")
        with pytest.raises(sqlite3.OperationalError):
            migrate(c, folder)
        assert [row[0] for row in c.execute("SELECT name FROM sqlite_master")] == ["one"]
        assert c.execute("PRAGMA user_version").fetchone()[0] == 1
        assert not c.in_transaction


def test_many_threads_open_a_new_database_at_once(path: Path) -> None:
    (path.parent / "runs" / "77.1").mkdir()
    start = threading.Barrier(8)
    opened: list[sqlite3.Connection] = []

    def console() -> None:
        start.wait()
        opened.append(open_database(path, never))

    threads = [threading.Thread(target=console) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    for c in opened:
        new_id(c)
        c.close()
    assert fetch(path, "SELECT min(id), count(*) FROM task") == [(78, 8)]
    assert fetch(path, "SELECT count(*) FROM sqlite_sequence WHERE name = 'task'") == [(1,)]


CONSOLE = """
import sys, time
from pathlib import Path
from opsconsole.storage.database import open_database
print("ready", flush=True)
while not Path(sys.argv[2]).exists(): time.sleep(0.001)
c = open_database(Path(sys.argv[1]), lambda message: print("told"))
c.execute("INSERT INTO meta VALUES (?, 1)", (sys.argv[3],))
"""


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 1000], ids=["missing", "emptied", "garbage"])
def test_consoles_that_start_together_share_one_database_whatever_lay_there(path: Path, content: bytes | None) -> None:
    (path.parent / "runs" / "77.1").mkdir()
    if content is not None:
        path.write_bytes(content)
    go = path.parent / "runs" / "go"
    consoles = [
        subprocess.Popen([sys.executable, "-c", CONSOLE, path, go, f"console {n}"], stdout=subprocess.PIPE)
        for n in range(3)
    ]
    for console in consoles:
        assert console.stdout is not None and console.stdout.readline() == b"ready\n"
    go.touch()
    told = b"".join(console.communicate()[0] for console in consoles)
    assert all(console.returncode == 0 for console in consoles)
    assert fetch(path, "SELECT count(*) FROM meta WHERE key LIKE 'console %'") == [(3,)]
    assert told.count(b"told") == (content is not None)


# -- as it should not be


def test_a_newer_database_is_refused_and_stays_as_it_is_to_the_byte(path: Path) -> None:
    with closing(sqlite3.connect(made(path))) as c:
        c.execute(f"PRAGMA user_version = {known_version() + 1}")
    before = path.read_bytes()
    with pytest.raises(DatabaseNewer, match="not touched"):
        open_database(path, never)
    assert path.read_bytes() == before
    assert others(path) == []


@settings(deadline=None, max_examples=12)
@given(garbage=st.binary(min_size=2, max_size=5000).filter(lambda data: not data.startswith(b"SQLite format 3")))
def test_garbage_is_moved_aside_whole_and_told(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "opsconsole.db"
    path.write_bytes(garbage)
    told: list[str] = []
    with closing(open_database(path, told.append)) as c:
        assert new_id(c) == 1
    (aside,) = path.parent.glob("*.unreadable-*")
    assert aside.read_bytes() == garbage
    assert len(told) == 1
    assert str(aside) in told[0]


@pytest.mark.parametrize("kept", [100, 4096, 5000, 40_000])
def test_a_truncated_database_is_moved_aside(path: Path, kept: int) -> None:
    os.truncate(made(path), kept)
    told: list[str] = []
    with closing(open_database(path, told.append)):
        pass
    (aside,) = path.parent.glob("*.unreadable-*")
    assert aside.stat().st_size == kept
    assert len(told) == 1
    assert check(path) == "ok"


def test_what_is_moved_aside_takes_its_log_along(path: Path) -> None:
    (path.parent / "runs" / "1.1").mkdir()
    path.touch()
    Path(f"{path}-wal").write_bytes(b"the log")
    open_database(path, lambda _: None).close()
    (log,) = path.parent.glob("*.unreadable-*-wal")
    assert log.read_bytes() == b"the log"


def test_two_moved_aside_in_one_second_are_both_kept(path: Path) -> None:
    for number in range(3):
        path.write_bytes(b"garbage %d" % number)
        open_database(path, lambda _: None).close()
    assert len(list(path.parent.glob("*.unreadable-*"))) == 3


@pytest.mark.parametrize("kept", [0, 1])
def test_an_emptied_database_beside_runs_is_moved_aside_and_ids_go_on_behind_the_runs(path: Path, kept: int) -> None:
    os.truncate(made(path), kept)
    for name in ("7.1", "41.2", "9.1", "notes", "x.3", "٣.1"):
        (path.parent / "runs" / name).mkdir()
    told: list[str] = []
    with closing(open_database(path, told.append)) as c:
        assert new_id(c) == 42
    assert len(told) == 1
    assert len(list(path.parent.glob("*.unreadable-*"))) == 1


def test_an_empty_file_without_runs_is_simply_begun(path: Path) -> None:
    path.touch()
    with closing(open_database(path, never)) as c:
        assert new_id(c) == 1


def test_a_missing_database_beside_runs_begins_behind_them(path: Path) -> None:
    (path.parent / "runs" / "41.1").mkdir()
    with closing(open_database(path, never)) as c:
        assert new_id(c) == 42


def test_a_database_without_tables_is_refused_and_not_filled(path: Path) -> None:
    with closing(sqlite3.connect(path)) as c:
        c.execute(f"PRAGMA user_version = {known_version()}")
    with pytest.raises(StorageError, match="holds no table"):
        open_database(path, never)


@pytest.mark.parametrize("version", [0, 1])
def test_a_locked_database_is_told_and_nothing_is_moved(path: Path, version: int) -> None:
    if version:
        made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE foreign_table (a)")
        with pytest.raises(DatabaseLocked):
            open_database(path, never, busy_s=0.05)
        other.execute("ROLLBACK")
    assert [name for name in others(path) if "unreadable" in name] == []


def test_a_writer_in_another_process_does_not_keep_the_database_from_being_opened(path: Path) -> None:
    with closing(connect(made(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(open_database(path, never, busy_s=0.05)) as c, pytest.raises(sqlite3.OperationalError):
            c.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


def test_a_console_that_never_finishes_creating_does_not_block_for_ever(path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    fd = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(DatabaseLocked):
        open_database(path, never, busy_s=0.05)
    os.close(fd)
    open_database(path, never).close()


@pytest.mark.parametrize("where", ["/proc/self", "/nonexistent/folder"])
def test_a_place_that_cannot_be_written_is_a_storage_error_with_advice(where: str) -> None:
    with pytest.raises(StorageError) as caught:
        open_database(Path(where) / "opsconsole.db", never, busy_s=0.05)
    assert "OPSCONSOLE_STATE_DIR" in caught.value.hint


def test_a_folder_in_its_place_is_a_storage_error_and_stays(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StorageError):
        open_database(path, never, busy_s=0.05)
    assert path.is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write whatever the mode says")
def test_a_read_only_folder_is_a_storage_error_and_nothing_is_moved(path: Path) -> None:
    path.write_bytes(b"garbage" * 100)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StorageError):
            open_database(path, never)
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == b"garbage" * 100


def test_a_read_only_connection_reads_and_cannot_write(path: Path) -> None:
    with closing(connect(made(path), read_only=True)) as c:
        assert c.execute("SELECT count(*) FROM task").fetchone()[0] == 0
        with pytest.raises(sqlite3.OperationalError) as caught:
            new_id(c)
    assert "owner and mode" in str(translate(caught.value, path))


# -- the writer


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(open_database(path, never), path)
    yield writer
    writer.close()


class Held:
    """Keeps the writer busy until released, so that what is submitted meanwhile waits together."""

    def __init__(self, writer: Writer) -> None:
        self._go = threading.Event()
        begun = threading.Event()

        def job(_: sqlite3.Connection) -> None:
            begun.set()
            self._go.wait(30)

        self._job = writer.submit(job)
        assert begun.wait(30)

    def release(self) -> None:
        self._go.set()
        self._job.result(30)


def put(key: str) -> Callable[[sqlite3.Connection], str]:
    def job(c: sqlite3.Connection) -> str:
        c.execute("INSERT INTO meta VALUES (?, 1)", (key,))
        return key

    return job


def keys(path: Path) -> set[str]:
    return {row[0] for row in fetch(path, "SELECT key FROM meta")} - {"rank_clock"}


def failing(error: Exception) -> Callable[[sqlite3.Connection], None]:
    def job(c: sqlite3.Connection) -> None:
        c.execute("INSERT INTO meta VALUES ('half', 1)")
        raise error

    return job


def test_a_job_is_committed_when_its_future_resolves(writer: Writer, path: Path) -> None:
    assert writer.run(put("one")) == "one"
    assert keys(path) == {"one"}


def test_jobs_that_wait_together_are_one_commit(writer: Writer, path: Path) -> None:
    with closing(connect(path, read_only=True)) as reader:
        held = Held(writer)
        futures = [writer.submit(put(f"key {n}")) for n in range(50)]
        versions: set[int] = set()
        for future in futures:
            future.add_done_callback(lambda _: versions.add(reader.execute("SELECT count(*) FROM meta").fetchone()[0]))
        held.release()
        assert [future.result(30) for future in futures] == [f"key {n}" for n in range(50)]
        writer.close()  # the last callback is over
    assert versions == {51}


def test_jobs_are_run_in_order(writer: Writer) -> None:
    held = Held(writer)
    order: list[int] = []
    futures = [writer.submit(partial(lambda n, _: order.append(n), n)) for n in range(30)]
    held.release()
    for future in futures:
        future.result(30)
    assert order == list(range(30))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TaskNotFound("no such task"), TaskNotFound),
        (KeyError("a bug"), KeyError),
        (sqlite3.IntegrityError("twice"), StorageError),
    ],
)
@pytest.mark.parametrize("among_others", [True, False])
def test_a_job_that_fails_is_rolled_back_alone(
    writer: Writer, path: Path, error: Exception, told: type[Exception], among_others: bool
) -> None:
    held = Held(writer)
    before = writer.submit(put("before")) if among_others else None
    bad = writer.submit(failing(error))
    after = writer.submit(put("after")) if among_others else None
    held.release()
    with pytest.raises(told):
        bad.result(30)
    if before and after:
        assert (before.result(30), after.result(30)) == ("before", "after")
    assert keys(path) == ({"before", "after"} if among_others else set())
    assert writer.run(put("next")) == "next"


def test_a_full_disk_is_told_as_that_to_all_that_were_not_kept(path: Path) -> None:
    connection = open_database(path, never)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    writer = Writer(connection, path)
    held = Held(writer)
    small = writer.submit(put("small"))
    big = writer.submit(lambda c: c.execute("INSERT INTO meta VALUES ('big', zeroblob(1000000))"))
    held.release()
    with pytest.raises(DiskFull):
        big.result(30)
    kept = keys(path)
    assert "big" not in kept
    assert (small.exception(30) is None) == ("small" in kept)
    writer.close()


def test_a_rollback_by_sqlite_itself_fails_every_job_of_the_group(writer: Writer, path: Path) -> None:
    def rolled_back(c: sqlite3.Connection) -> None:
        c.execute("INSERT OR ROLLBACK INTO meta VALUES ('rank_clock', 1)")

    held = Held(writer)
    futures = [writer.submit(job) for job in (put("a"), rolled_back, put("b"))]
    held.release()
    for future in futures:
        assert isinstance(future.exception(30), StorageError)
    assert keys(path) == set()
    assert writer.run(put("next")) == "next"


def test_a_locked_database_fails_the_job_and_the_next_one_works(path: Path) -> None:
    writer = Writer(connect(made(path), busy_s=0.05), path)
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked):
            writer.run(put("one"))
        other.execute("ROLLBACK")
    assert writer.run(put("two")) == "two"
    writer.close()
    assert keys(path) == {"two"}


def test_a_cancelled_job_is_not_run_and_the_others_are(writer: Writer, path: Path) -> None:
    held = Held(writer)
    cancelled = writer.submit(put("cancelled"))
    other = writer.submit(put("other"))
    assert cancelled.cancel()
    held.release()
    assert other.result(30) == "other"
    assert keys(path) == {"other"}


def test_closing_commits_what_waits(writer: Writer, path: Path) -> None:
    futures = [writer.submit(put(f"key {n}")) for n in range(20)]
    writer.close()
    assert all(future.done() for future in futures)
    assert len(keys(path)) == 20


def test_a_closed_writer_says_so_and_can_be_closed_again(writer: Writer) -> None:
    writer.close()
    writer.close()
    with pytest.raises(ConsoleError, match="closed"):
        writer.run(put("late"))


def test_every_future_resolves_when_threads_submit_while_it_closes(path: Path) -> None:
    made(path)
    for _ in range(10):
        writer = Writer(connect(path), path)
        start = threading.Barrier(4)
        futures: list[Any] = []

        def submit(writer: Writer = writer, start: threading.Barrier = start, futures: list[Any] = futures) -> None:
            start.wait()
            futures.extend(writer.submit(lambda _: None) for _ in range(20))

        threads = [threading.Thread(target=submit) for _ in range(3)]
        for thread in threads:
            thread.start()
        start.wait()
        writer.close()
        for thread in threads:
            thread.join()
        for future in futures:
            assert isinstance(future.exception(30), ConsoleError | None)


def test_a_job_that_waits_for_another_process_can_be_taken_back(path: Path) -> None:
    writer = Writer(open_database(made(path), never), path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert held(path)
        withdrawn, kept = writer.submit(new_id), writer.submit(new_id)
        assert withdrawn.cancel()
        other.execute("ROLLBACK")
    assert kept.result() > 0
    writer.close()
    assert not held(path)
    assert fetch(path, "SELECT count(*) FROM script") == [(1,)]
