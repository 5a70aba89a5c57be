"""Environments of open tasks: on disk for as long as somebody needs them, for no other eyes."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from queue_table import QueueTable, on_disk

from opsconsole.errors import ConsoleError
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.models import Status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    return tmp_path / "environments"


@pytest.fixture
def table(tmp_path: Path) -> Iterator[QueueTable]:
    with closing(on_disk(tmp_path)) as c:
        yield QueueTable(c, 1_790_000_000_000_000)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_is_kept_can_be_read_by_another_console(folder: Path) -> None:
    key = EnvironmentStore(folder).keep({"A": "ü", "B": "\udce9"})
    assert EnvironmentStore(folder).get(key) == {"A": "ü", "B": "\udce9"}


def test_the_file_is_for_its_owner_only_and_its_name_tells_nothing(folder: Path) -> None:
    key = EnvironmentStore(folder).keep({"TOKEN": "hunter2"})
    assert stat.S_IMODE((folder / key).stat().st_mode) == 0o600
    assert "hunter2" not in key and len(key) == 32


def test_equal_environments_share_a_file_and_different_ones_do_not(folder: Path) -> None:
    store = EnvironmentStore(folder)
    first = store.keep({"A": "1", "B": "2"})
    assert store.keep({"B": "2", "A": "1"}) == first
    assert store.keep({"A": "1"}) != first
    assert len(names(folder)) == 2


def test_variables_of_the_console_itself_are_not_passed_on(folder: Path) -> None:
    store = EnvironmentStore(folder)
    assert store.get(store.keep({"OPSCONSOLE_RUN_FOLDER": "/x", "A": "1"})) == {"A": "1"}


def test_a_lost_file_is_an_error_that_says_so(folder: Path) -> None:
    with pytest.raises(ConsoleError, match="environment cannot be read"):
        EnvironmentStore(folder).get("0" * 32)
    (folder / "broken").write_text("{")
    with pytest.raises(ConsoleError, match="environment cannot be read"):
        EnvironmentStore(folder).get("broken")


def test_a_file_stays_as_long_as_an_open_task_needs_it(folder: Path, table: QueueTable) -> None:
    store = EnvironmentStore(folder)
    key = store.keep({"A": "1"})
    table.add(environment=key)
    store.let_go([key])
    with table.transaction() as c:
        store.forget_unused(c)
    assert names(folder) == [key]
    table.run_to(Status.COMPLETED)
    with table.transaction() as c:
        store.forget_unused(c)
    assert names(folder) == []


def test_a_task_on_its_way_into_the_database_keeps_its_file(folder: Path, table: QueueTable) -> None:
    store = EnvironmentStore(folder)
    key = store.keep({"A": "1"})
    with table.transaction() as c:
        store.forget_unused(c)
    assert names(folder) == [key]


def test_two_tasks_on_their_way_with_one_environment_are_both_waited_for(folder: Path, table: QueueTable) -> None:
    store = EnvironmentStore(folder)
    key = store.keep({"A": "1"})
    store.keep({"A": "1"})
    store.let_go([key, None])
    with table.transaction() as c:
        store.forget_unused(c)
    assert names(folder) == [key]
    store.let_go([key])
    with table.transaction() as c:
        store.forget_unused(c)
    assert names(folder) == []


def test_what_another_console_tidied_meanwhile_is_there_again_with_the_commit(folder: Path, table: QueueTable) -> None:
    """It knows nothing of our submission until that is committed; the task would have had no environment."""
    ours, theirs = EnvironmentStore(folder), EnvironmentStore(folder)
    key = ours.keep({"A": "1"})
    with table.transaction() as c:
        theirs.forget_unused(c)
    assert names(folder) == []
    ours.restore([key, None])
    assert EnvironmentStore(folder).get(key) == {"A": "1"}


def test_an_unfinished_file_of_a_living_console_is_left_and_that_of_a_dead_one_goes(
    folder: Path, table: QueueTable
) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        unfinished = folder / f"{'0' * 32}.{other.pid}.tmp"
        unfinished.touch()
        with table.transaction() as c:
            EnvironmentStore(folder).forget_unused(c)
        assert unfinished.exists()
        other.kill()
    with table.transaction() as c:
        EnvironmentStore(folder).forget_unused(c)
    assert names(folder) == []


def test_a_folder_that_is_gone_is_nothing_to_tidy(folder: Path, table: QueueTable) -> None:
    folder.rmdir()
    EnvironmentStore(folder).forget_unused(table.c)
