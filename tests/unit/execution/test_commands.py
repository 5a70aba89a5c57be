"""What an operator may do to a task from any console, and how a run hears of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from queue_table import ORIGIN, QueueTable, on_disk

from opsconsole.clock import Clock
from opsconsole.errors import IllegalTransition, SpecError, StateDirError, TaskNotFound
from opsconsole.execution import submission
from opsconsole.execution.commands import Commands, spec_of, why_waiting
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.models import ExecutionPolicy, Priority, ResourceLimits, Status, Task, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.settings import QueueSettings, Settings
from opsconsole.storage import tasks
from opsconsole.storage.course import course


class Desk:
    """A queue on disk, and the commands of a console that owns nothing in it."""

    def __init__(self, paths: StatePaths, table: QueueTable) -> None:
        self.paths = paths
        self.table = table
        self.commands = Commands(paths, QueueSettings(), ORIGIN, Clock())

    def give(self, job: Any) -> Task:
        with self.table.transaction() as c:
            return job(c)

    def told(self, execution_id: str) -> list[dict[str, str]]:
        """What a run's command file holds."""
        file = self.paths.run_folder(execution_id) / "commands"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def submit(self, spec: TaskSpec, **options: Any) -> int:
        environments = EnvironmentStore(self.paths.environments)
        new = submission.build(spec, Settings(), ORIGIN, environments, self.paths, **options)
        return self.table.submit(new)[0]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    paths = StatePaths(tmp_path / "state").prepare()
    with closing(on_disk(paths.root)) as c:
        yield Desk(paths, QueueTable(c, 1_790_000_000_000_000))


# -- to a run


@pytest.mark.parametrize("command", ["cancel", "pause", "resume"])
def test_a_command_to_a_run_is_written_into_its_folder_with_who_gave_it(desk: Desk, command: str) -> None:
    task_id = desk.table.add()
    desk.table.claim()
    desk.give(getattr(desk.commands, command)(task_id))
    assert desk.told(f"{task_id}.1") == [{"op": command, "by": "tester (api)"}]


def test_a_cancel_of_what_does_not_run_reaches_no_folder(desk: Desk) -> None:
    task = desk.give(desk.commands.cancel(desk.table.add()))
    assert (task.status, task.reason) == (Status.CANCELLED, "cancelled by tester (api)")
    assert list(desk.paths.runs.iterdir()) == []


@pytest.mark.parametrize(("command", "instead"), [("pause", "use hold"), ("resume", "use release")])
def test_only_a_run_can_be_paused_and_the_error_names_the_right_command(desk: Desk, command: str, instead: str) -> None:
    task_id = desk.table.add()
    with pytest.raises(IllegalTransition, match=f"task {task_id} is queued: .*{instead}"):
        desk.give(getattr(desk.commands, command)(task_id))


def test_a_command_that_could_not_be_sent_is_not_recorded_either(desk: Desk) -> None:
    task_id = desk.table.add()
    desk.table.claim()
    desk.paths.runs.rmdir()
    desk.paths.runs.touch()
    with pytest.raises(StateDirError, match=r"the command cannot be written to .*1\.1: Not a directory"):
        desk.give(desk.commands.cancel(task_id))
    with pytest.raises(StateDirError):
        desk.give(desk.commands.pause(task_id))
    assert not desk.table.task(task_id).cancel_requested
    assert [event.what for event in course(desk.table.c, task_id).events] == ["queued", "claimed"]


@pytest.mark.parametrize("command", ["cancel", "pause", "resume"])
def test_a_command_to_a_run_is_told_with_who_gave_it_and_other_consoles_see_that_something_changed(
    desk: Desk, command: str
) -> None:
    task_id = desk.table.add()
    desk.table.claim()
    before = desk.table.task(task_id).rev
    task = desk.give(getattr(desk.commands, command)(task_id))
    assert task.rev > before
    event = course(desk.table.c, task_id).events[-1]
    assert (event.what, event.actor) == (f"{command}_asked", "tester (api)")


def test_the_other_commands_change_the_row(desk: Desk) -> None:
    task_id = desk.table.add()
    assert desk.give(desk.commands.hold(task_id)).held
    assert not desk.give(desk.commands.release(task_id)).held
    assert desk.give(desk.commands.set_priority(task_id, Priority.HIGH)).priority is Priority.HIGH
    assert desk.give(desk.commands.pin(task_id)).pinned
    assert not desk.give(desk.commands.pin(task_id, False)).pinned


# -- once more


def again(desk: Desk, spec: TaskSpec) -> TaskSpec:
    """Submit, let it end, and ask what to submit to run it once more."""
    task_id = desk.submit(spec)
    if desk.table.status(task_id).is_open:
        desk.table.run_to(Status.COMPLETED)
    return spec_of(desk.table.c, desk.paths, task_id)


def test_a_retry_says_everything_the_task_said_and_whose_it_is(desk: Desk, tmp_path: Path) -> None:
    spec = TaskSpec(
        script=b"echo \xff", name="job", args=("a", "b c"), interpreter="sh", priority=Priority.HIGH, timeout_s=7,
        retries=2, retry_exit_codes=(3,), cwd=str(tmp_path), limits=ResourceLimits(output=99), stdin="/dev/null",
        labels={"team": "db"}, idempotent=True, kill_leftovers=True, reason="why", confirmed=True, allow=("R1",),
    )  # fmt: skip
    found = again(desk, spec)
    fields = set(TaskSpec.__dataclass_fields__) - {"parent_id", "parent_kind"}
    assert {name: getattr(found, name) for name in fields} == {name: getattr(spec, name) for name in fields}
    assert (found.parent_id, found.parent_kind) == (1, "retry")


@pytest.mark.parametrize("words", [("echo", "a b", "'", "$x"), (os.fsdecode(b"\xe9"), "")])
def test_a_command_is_run_again_word_for_word(desk: Desk, words: tuple[str, ...]) -> None:
    assert again(desk, TaskSpec(argv=words)).argv == words


def test_a_script_chosen_by_its_shebang_is_chosen_by_it_again(desk: Desk) -> None:
    found = again(desk, TaskSpec(script="#!/bin/sh -u\ntrue"))
    assert (found.interpreter, found.script) == (None, b"#!/bin/sh -u\ntrue")


def test_a_script_chosen_by_its_extension_keeps_its_language(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("pass")
    assert again(desk, TaskSpec(path=tmp_path / "job.py")).interpreter == "python"


def test_a_script_of_an_unknown_language_is_looked_at_again_and_its_words_are_not_run(desk: Desk) -> None:
    found = again(desk, TaskSpec(script="#!/usr/bin/perl\ndon't"))
    assert (found.argv, found.script, found.interpreter) == (None, b"#!/usr/bin/perl\ndon't", None)


def test_values_of_added_variables_come_from_the_one_who_runs_it_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "new")
    assert again(desk, TaskSpec(script="x", env={"TOKEN": "old"})).env == {"TOKEN": "new"}
    monkeypatch.delenv("TOKEN")
    with pytest.raises(SpecError, match="was given TOKEN, whose values are not kept"):
        spec_of(desk.table.c, desk.paths, 1)


def test_a_task_that_read_its_console_s_input_cannot_simply_run_again(desk: Desk) -> None:
    """It would find its input empty, and might well succeed with that."""
    task_id = desk.submit(TaskSpec(script="cat"), keeps_descriptor=True)
    desk.table.run_to(Status.COMPLETED)
    with pytest.raises(SpecError, match="standard input of its console"):
        spec_of(desk.table.c, desk.paths, task_id)


def test_only_what_has_ended_can_run_again(desk: Desk) -> None:
    task_id = desk.table.add()
    with pytest.raises(IllegalTransition, match="only an ended one"):
        spec_of(desk.table.c, desk.paths, task_id)
    with pytest.raises(TaskNotFound):
        spec_of(desk.table.c, desk.paths, 99)


def test_a_refused_task_that_is_tried_again_asks_for_the_same_policy(desk: Desk) -> None:
    assert again(desk, TaskSpec(script="x", policy=ExecutionPolicy.SAFE)).policy is ExecutionPolicy.SAFE


# -- why it waits


def why(desk: Desk, task_id: int, *, concurrency: int = 8, min_free: int = 0) -> str | None:
    return why_waiting(desk.table.c, task_id, concurrency, min_free, desk.paths.runs)


def test_what_is_next_or_runs_or_has_ended_waits_for_nothing(desk: Desk) -> None:
    task_id = desk.table.add()
    assert why(desk, task_id) is None
    desk.table.claim()
    assert why(desk, task_id) is None
    desk.table.finish("1.1", Status.COMPLETED)
    assert why(desk, task_id) is None
    assert why(desk, 99) is None


def test_a_full_host_is_said_with_its_setting(desk: Desk) -> None:
    desk.table.add()
    desk.table.claim()
    assert why(desk, desk.table.add(), concurrency=1) == "1 of 1 runs are active (setting execution.concurrency)"


def test_a_full_disk_is_said_with_its_setting(desk: Desk) -> None:
    assert "execution.min_free" in str(why(desk, desk.table.add(), min_free=1 << 62))


def test_a_held_a_retrying_and_a_dependent_task_say_what_they_wait_for(desk: Desk) -> None:
    first = desk.table.add(retries=1)
    second = desk.table.add(after=first)
    assert why(desk, second) == f"task {first} must succeed first"
    desk.table.run_to(Status.FAILED, code=4)
    assert why(desk, first) == "the next attempt is due later (attempt 1: exit code 4)"
    with desk.table.transaction() as c:
        tasks.hold(c, first, "tester", 1)
    assert why(desk, first) == "it is held: release it"
