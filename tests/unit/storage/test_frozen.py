"""Reading a database that cannot be written: all that was committed is seen, and nothing is left beside it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from opsconsole.errors import DatabaseNewer, StateDirError, StorageError
from opsconsole.paths import StatePaths
from opsconsole.storage import database, frozen
from opsconsole.storage.opening import open_to_look, to_look
from tests.places import Place, given_to_nobody, place

__all__ = ["place"]
WHY = StateDirError("nothing can be written", hint="mount it")
_DIES = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("PRAGMA wal_checkpoint")
c.execute("CREATE TABLE late (word TEXT)")
c.execute("INSERT INTO late VALUES ('last')")
c.commit()
os._exit(0)
"""


def made(state: Path) -> Path:
    state.mkdir(mode=0o700)
    path = state / "opsconsole.db"
    database.open_database(path, print).close()
    return path


def killed_writer(path: Path) -> None:
    """What it committed is in the log only."""
    subprocess.run([sys.executable, "-I", "-S", "-c", _DIES, str(path)], check=True)
    assert path.with_name(path.name + "-wal").stat().st_size


def words(path: Path) -> list[str]:
    with closing(database.connect(path, read_only=True)) as c:
        return [row[0] for row in c.execute("SELECT word FROM late")]


def test_a_database_that_was_closed_well_is_read(place: Place) -> None:
    path = made(place.state)
    before = place.freeze()
    with closing(database.connect(path, read_only=True)) as c:
        assert c.execute("SELECT count(*) FROM task").fetchone()[0] == 0
        assert frozen.outdated(c) is False
    assert place.contents() == before


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "without"])
def test_what_is_in_the_log_only_is_read_too(place: Place, index: bool) -> None:
    path = made(place.state)
    killed_writer(path)
    if not index:
        path.with_name(path.name + "-shm").unlink()
    before = place.freeze()
    assert words(path) == ["last"]
    assert place.contents() == before


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "without"])
def test_nothing_is_left_in_another_users_folder(tmp_path: Path, index: bool) -> None:
    path = made(tmp_path / "state")
    killed_writer(path)
    if not index:
        path.with_name(path.name + "-shm").unlink()
    given_to_nobody(path.parent)
    names = sorted(os.listdir(path.parent))
    assert words(path) == ["last"]
    assert sorted(os.listdir(path.parent)) == names


def test_nor_beside_a_database_that_was_closed_well(tmp_path: Path) -> None:
    path = made(tmp_path / "state")
    given_to_nobody(path.parent)
    with closing(database.connect(path, read_only=True)) as c:
        assert c.execute("SELECT count(*) FROM task").fetchone()[0] == 0
        assert os.listdir(path.parent) == ["opsconsole.db"]


def test_a_log_that_cannot_be_read_is_not_passed_over(place: Place) -> None:
    """Without it the database would be an older one, and nobody would know."""
    path = made(place.state)
    path.with_name(path.name + "-wal").mkdir()
    place.freeze()
    with pytest.raises(sqlite3.Error):
        database.connect(path, read_only=True)


@pytest.mark.parametrize("name", ["opsconsole.db", "opsconsole.db-wal", "opsconsole.db-shm"])
def test_a_fifo_in_its_place_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / "state")
    (path.parent / name).unlink(missing_ok=True)
    os.mkfifo(path.parent / name)
    given_to_nobody(path.parent)
    with pytest.raises(sqlite3.OperationalError, match=f"{name} is no file"):
        database.connect(path, read_only=True)


def test_it_is_outdated_when_somebody_else_writes(tmp_path: Path) -> None:
    path = made(tmp_path / "state")
    given_to_nobody(path.parent)
    store = open_to_look(StatePaths(path.parent), WHY)
    with closing(store.reader):
        store.reader.moved_on()
        assert not store.reader.moved_on()
        killed_writer(path)
        assert store.reader.moved_on()
        assert store.reader.connection.execute("SELECT word FROM late").fetchone()[0] == "last"


def test_where_there_is_none_it_is_empty(place: Place) -> None:
    place.state.mkdir(mode=0o700)
    before = place.freeze()
    store = open_to_look(StatePaths(place.state), WHY)
    assert store.unread is None and store.reader.tasks() == [] and store.reader.consoles() == []
    store.reader.close()
    nowhere = open_to_look(StatePaths(place.state / "none"), WHY)
    assert nowhere.unread is None and nowhere.reader.tasks() == []
    nowhere.reader.close()
    assert place.contents() == before


def test_one_that_cannot_be_read_is_empty_and_says_so(place: Place) -> None:
    place.state.mkdir(mode=0o700)
    (place.state / "opsconsole.db").write_bytes(b"no database at all" * 500)
    before = place.freeze()
    store = open_to_look(StatePaths(place.state), WHY)
    assert store.unread is not None and "is damaged" in store.unread.message
    assert store.reader.tasks() == []
    store.reader.close()
    assert place.contents() == before


def test_nothing_can_be_written_through_it(place: Place) -> None:
    made(place.state)
    place.freeze()
    store = open_to_look(StatePaths(place.state), WHY)
    with pytest.raises(StateDirError, match="nothing can be written") as raised:
        store.writer.submit(lambda c: c.execute("DELETE FROM task")).result()
    assert raised.value.hint == "mount it" and raised.value is not WHY
    store.reader.close()


def test_one_of_an_older_version_is_brought_up_to_date_in_memory(place: Place) -> None:
    place.state.mkdir(mode=0o700)
    path = place.state / "opsconsole.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as c:
        c.execute("PRAGMA journal_mode = WAL")
        first = min(database.MIGRATIONS.glob("[0-9]*.sql"))
        for statement in database._statements(first.read_text(encoding="utf-8")):
            c.execute(statement)
        c.execute("PRAGMA user_version = 1")
    before = place.freeze()
    with closing(to_look(StatePaths(place.state))) as c:
        assert c.execute("PRAGMA user_version").fetchone()[0] == database.known_version()
        assert c.execute("SELECT count(*) FROM anomaly").fetchone()[0] == 0
    assert place.contents() == before


def test_one_of_a_newer_version_is_refused(place: Place) -> None:
    path = made(place.state)
    with closing(sqlite3.connect(path, isolation_level=None)) as c:
        c.execute(f"PRAGMA user_version = {database.known_version() + 1}")
    place.freeze()
    with pytest.raises(DatabaseNewer):
        open_to_look(StatePaths(place.state), WHY)


def test_a_file_in_place_of_the_folder_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateDirError) as raised:
        open_to_look(StatePaths(tmp_path / "state"), WHY)
    assert raised.value is WHY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read whatever the mode says")
def test_the_reason_is_named_when_the_mode_forbids_it(tmp_path: Path) -> None:
    path = made(tmp_path / "state")
    path.parent.chmod(0)
    try:
        with pytest.raises(StorageError, match="cannot be read: Permission denied"):
            to_look(StatePaths(path.parent))
    finally:
        path.parent.chmod(0o700)
