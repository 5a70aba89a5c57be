"""Scripts that hold a secret: what is stored where, and for how long."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from opsconsole.errors import ConsoleError
from opsconsole.models import Origin, Priority, Status
from opsconsole.paths import StatePaths
from opsconsole.settings import QueueSettings
from opsconsole.storage import history, output_index, private_scripts, tasks
from opsconsole.storage.database import open_database
from opsconsole.storage.history import Filter
from opsconsole.storage.tasks import NewTask

BODY, SHOWN = b"echo sentinel0word", b"echo [redacted:x]"
ORDINARY = NewTask(
    "one", Status.QUEUED, None, Priority.NORMAL, "standard", "bash", BODY, {}, None, 1, Origin("h", "api", "me")
)
PRIVATE = dataclasses.replace(ORDINARY, shown=SHOWN)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path)


@pytest.fixture
def c(paths: StatePaths) -> Iterator[sqlite3.Connection]:
    with closing(open_database(paths.database, lambda _: None)) as connection:
        yield connection


def store(c: sqlite3.Connection, *new: NewTask) -> list[int]:
    c.execute("BEGIN IMMEDIATE")
    ids = tasks.insert(c, new, 1, QueueSettings())
    c.execute("COMMIT")
    return ids


def found(c: sqlite3.Connection, text: str) -> list[int]:
    return [task.id for task in history.page(c, Filter(text=text))]


def test_the_database_has_the_script_without_it_and_its_true_hash(c: sqlite3.Connection, paths: StatePaths) -> None:
    private_scripts.keep(paths.scripts, BODY)
    [task_id] = store(c, PRIVATE)
    assert tasks.get(c, task_id).script_sha256 == hashlib.sha256(BODY).hexdigest()
    assert history.shown_script(c, task_id) == SHOWN
    assert history.script(c, paths, task_id) == BODY
    assert found(c, "sentinel0word") == [] and found(c, "redacted") == [task_id]
    assert [entry.stat().st_mode & 0o777 for entry in paths.scripts.iterdir()] == [0o600]


def test_a_script_whose_secret_becomes_known_is_taken_out_of_every_row(c: sqlite3.Connection) -> None:
    first = store(c, ORDINARY, dataclasses.replace(ORDINARY, name="two"))
    assert found(c, "sentinel0word") == first[::-1]
    store(c, PRIVATE)
    assert found(c, "sentinel0word") == []
    assert {row["body"] for row in c.execute("SELECT body FROM script")} == {SHOWN}
    assert b"sentinel0word" not in "\n".join(c.iterdump()).encode()


def test_one_that_was_known_stays_so_when_who_submits_it_does_not_know(c: sqlite3.Connection) -> None:
    store(c, PRIVATE, dataclasses.replace(ORDINARY, name="elsewhere"))
    assert found(c, "sentinel0word") == []


def test_a_file_goes_when_no_row_needs_it(c: sqlite3.Connection, paths: StatePaths) -> None:
    private_scripts.keep(paths.scripts, BODY)
    private_scripts.keep(paths.scripts, b"never stored")
    [task_id] = store(c, PRIVATE)
    private_scripts.forget_unused(c, paths.scripts)
    assert history.script(c, paths, task_id) == BODY
    assert len(list(paths.scripts.iterdir())) == 1


def test_a_file_that_is_gone_is_said(c: sqlite3.Connection, paths: StatePaths) -> None:
    [task_id] = store(c, PRIVATE)
    with pytest.raises(ConsoleError, match="holds a secret"):
        history.script(c, paths, task_id)


def test_what_was_printed_is_indexed_with_its_task_and_goes_with_it(c: sqlite3.Connection) -> None:
    first, second = store(c, ORDINARY, dataclasses.replace(ORDINARY, name="two"))
    for task_id in (first, second):
        c.execute(
            "INSERT INTO execution (id, task_id, attempt, launch, status, boot_id, claimed_at) VALUES (?, ?, 1, 1, "
            "'completed', '', 0)",
            (f"{task_id}.1", task_id),
        )
        output_index.store(c, f"{task_id}.1", f"number {task_id} disk almost full")
    assert found(c, "almost") == [second, first]
    assert found(c, "almost two") == [second], "one word in the output, one in the name"
    output_index.remove(c, second)
    assert found(c, "almost") == [first]
