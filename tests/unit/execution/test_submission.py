"""From a description to a row: what is read, chosen and refused before anything is stored."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from queue_table import ORIGIN

from opsconsole.errors import DiskFull, ScriptNotFound, SpecError, StateDirError
from opsconsole.execution import elevation, submission
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.models import ExecutionPolicy, Priority, ResourceLimits, Status, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.settings import Settings
from opsconsole.storage.tasks import NewTask


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path / "state").prepare()


@pytest.fixture
def build(paths: StatePaths) -> Any:
    def build(spec: TaskSpec, settings: Settings | None = None, **options: Any) -> NewTask:
        environments = EnvironmentStore(paths.environments)
        return submission.build(spec, settings or Settings(), ORIGIN, environments, paths, **options)

    return build


def plan(spec: TaskSpec, settings: Settings | None = None, **environ: str) -> submission.Plan:
    return submission.plan(spec, settings or Settings(), {"PATH": os.defpath, **environ})


# -- the script


def test_a_text_is_taken_byte_for_byte() -> None:
    assert plan(TaskSpec(script="echo ü\r\n")).body == "echo ü\r\n".encode()
    assert plan(TaskSpec(script=b"\xff\0")).body == b"\xff\0"
    assert plan(TaskSpec(script=os.fsdecode(b"echo \xe9"))).body == b"echo \xe9"


def test_a_file_is_read_now_and_not_when_it_runs(tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("echo one")
    planned = plan(TaskSpec(path=script))
    script.write_text("echo two")
    assert planned.body == b"echo one"


def test_a_file_is_found_from_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "job.sh").write_text("true")
    assert plan(TaskSpec(path="~/job.sh")).body == b"true"


def test_a_file_that_cannot_be_read_is_127_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"none\.sh cannot be read: No such file") as raised:
        plan(TaskSpec(path=tmp_path / "none.sh"))
    assert raised.value.exit_code == 127
    with pytest.raises(ScriptNotFound, match="Is a directory"):
        plan(TaskSpec(path=tmp_path))


def test_a_script_beyond_the_size_limit_is_refused_and_not_cut(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="16 MiB"):
        plan(TaskSpec(script=b"x" * ((16 << 20) + 1)))
    assert len(plan(TaskSpec(script=b"x" * (16 << 20))).body) == 16 << 20


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (TaskSpec(script="x", name="given"), "given"),
        (TaskSpec(script="x", name="n" * 300), "n" * 200),
        (TaskSpec(argv=("/bin/df", "-h")), "df"),
        (TaskSpec(script="#!/bin/sh\n\n# says hello\n  echo hello\nmore"), "echo hello"),
        (TaskSpec(script="e" * 80), "e" * 59 + "…"),
        (TaskSpec(script=""), "script"),
        (TaskSpec(script="# only a remark"), "script"),
        (TaskSpec(script=b"\xff\xfe"), "��"),
    ],
)
def test_a_task_has_a_name_whatever_it_was_made_of(spec: TaskSpec, name: str) -> None:
    assert plan(spec).name == name


def test_a_file_gives_the_task_its_name(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("echo hello")
    assert plan(TaskSpec(path=tmp_path / "job.sh")).name == "job.sh"


# -- where and with what


def test_the_working_directory_is_that_of_the_caller_or_the_one_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    assert plan(TaskSpec(script="x")).spec["cwd"] == str(tmp_path)
    assert plan(TaskSpec(script="x", cwd="sub")).spec["cwd"] == str(tmp_path / "sub")


def test_a_working_directory_that_does_not_exist_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match="none does not exist"):
        plan(TaskSpec(script="x", cwd=tmp_path / "none"))
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SpecError, match="the directory you are in was removed"):
        plan(TaskSpec(script="x"))


def test_the_environment_is_the_caller_s_with_what_was_added_but_without_our_own(build: Any, paths: StatePaths) -> None:
    new = build(TaskSpec(script="x", env={"EXTRA": "1", "HOME": "/elsewhere", "OPSCONSOLE_RUN_FOLDER": "/x"}))
    kept = EnvironmentStore(paths.environments).get(new.environment)
    assert (kept["EXTRA"], kept["HOME"], kept["PATH"]) == ("1", "/elsewhere", os.environ["PATH"])
    assert not any(name.startswith("OPSCONSOLE_") for name in kept)


def test_only_the_names_of_added_variables_are_in_the_row() -> None:
    planned = plan(TaskSpec(script="x", env={"TOKEN": "hunter2", "A": "b"}))
    assert planned.spec["environment_names"] == ["A", "TOKEN"]
    assert "hunter2" not in repr(planned.spec)


def test_a_program_is_looked_for_on_the_path_the_script_will_have(tmp_path: Path) -> None:
    tool = tmp_path / "mytool"
    tool.write_text("")
    tool.chmod(0o755)
    assert plan(TaskSpec(argv=("mytool",), env={"PATH": str(tmp_path)})).argv == [str(tool)]


def test_what_the_task_does_not_say_comes_from_the_settings() -> None:
    settings = Settings()
    assert plan(TaskSpec(script="x")).spec["timeout_s"] == settings.execution.timeout_s
    assert plan(TaskSpec(script="x")).spec["output_limit"] == settings.execution.output_limit
    own = plan(TaskSpec(script="x", timeout_s=5, limits=ResourceLimits(output=0))).spec
    assert (own["timeout_s"], own["output_limit"]) == (5, 0)


def test_the_umask_of_the_caller_goes_along_and_is_left_as_it_was() -> None:
    before = os.umask(0o027)
    try:
        assert plan(TaskSpec(script="x")).spec["umask"] == 0o027
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_the_plan_shows_the_whole_command_line() -> None:
    assert plan(TaskSpec(argv=(sys.executable, "-c", "a b"))).argv == [sys.executable, "-c", "a b"]
    assert plan(TaskSpec(script="x", args=("1", "2"))).argv[-2:] == ["1", "2"]


# -- the row


def test_the_row_carries_everything_the_task_said(build: Any) -> None:
    new = build(
        TaskSpec(
            script="x", retries=2, priority=Priority.HIGH, hold=True, after=7, labels={"a": "b"}, parent_id=3,
            parent_kind="retry", idempotent=True, kill_leftovers=True, retry_exit_codes=(1,), stdin="/dev/null",
        ),
        reserved_for=4,
    )  # fmt: skip
    assert (new.status, new.attempts, new.priority, new.held, new.after) == (Status.QUEUED, 3, Priority.HIGH, True, 7)
    assert (new.labels, new.parent_id, new.parent_kind, new.reserved_for) == ({"a": "b"}, 3, "retry", 4)
    assert new.spec["idempotent"] and new.spec["kill_leftovers"]
    assert (new.spec["retry_exit_codes"], new.spec["stdin"]) == ([1], "/dev/null")


def test_an_interpreter_that_is_not_here_is_a_row_that_failed_with_127_and_the_hint(build: Any) -> None:
    new = build(TaskSpec(script="x", interpreter="applescript"))
    assert (new.status, new.exit_code, new.interpreter, new.environment) == (Status.FAILED, 127, "applescript", None)
    assert "osascript comes with macOS only" in new.reason


def test_a_script_of_an_unknown_language_is_not_taken_for_a_command(build: Any) -> None:
    """It was recorded as a command line once: a retry would have run its words."""
    new = build(TaskSpec(script="#!/usr/bin/perl\nprint 'hi'"))
    assert (new.status, new.exit_code, new.interpreter) == (Status.FAILED, 127, "unknown")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"policy": ExecutionPolicy.SAFE, "writable": ("/srv",)}, "safe changes nothing"),
        ({"policy": ExecutionPolicy.SAFE, "env": {"LD_PRELOAD": "x"}}, "--env LD_PRELOAD: changes which programs run"),
        ({"policy": ExecutionPolicy.SAFE, "env": {"PAGER": "x"}}, "--env PAGER: changes which programs run"),
        ({"policy": ExecutionPolicy.RESTRICTED, "env": {"LD_PRELOAD": "x"}}, "--env LD_PRELOAD: changes which"),
        ({"policy": ExecutionPolicy.RESTRICTED, "writable": ("/proc/sys",)}, "that would undo the containment"),
        ({"policy": ExecutionPolicy.RESTRICTED, "writable": ("/none",)}, "there is no such folder"),
        ({"limits": ResourceLimits(memory=1, cpu=0.5)}, "limit memory=1: nothing could run"),
        ({"allow_network": True, "writable": ("/tmp",)}, "--allow-network, --writable /tmp"),
        ({"policy": ExecutionPolicy.ELEVATED}, "confirmation with a written reason"),
        ({"policy": ExecutionPolicy.ELEVATED, "confirmed": True}, "written reason"),
        ({"policy": ExecutionPolicy.ELEVATED, "confirmed": True, "reason": "  "}, "written reason"),
        ({"policy": ExecutionPolicy.ELEVATED, "reason": "because"}, "confirmation"),
    ],
)
def test_what_a_policy_refuses_is_a_refused_row_that_says_why(build: Any, given: dict[str, Any], said: str) -> None:
    new = build(TaskSpec(script="x", **given))
    assert (new.status, new.environment) == (Status.REFUSED, None)
    assert said in new.reason


def test_a_refusal_keeps_no_environment_on_disk(build: Any, paths: StatePaths) -> None:
    build(TaskSpec(script="x", policy=ExecutionPolicy.SAFE, writable=("/srv",), env={"TOKEN": "hunter2"}))
    assert list(paths.environments.iterdir()) == []


def test_elevated_runs_with_a_confirmation_and_a_reason(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevation, "impossible", lambda: None)
    spec = TaskSpec(script="x", policy=ExecutionPolicy.ELEVATED, confirmed=True, reason="disk is dying")
    new = build(spec)
    assert (new.status, new.spec["reason"], new.policy) == (Status.QUEUED, "disk is dying", "elevated")


def test_elevated_is_refused_where_it_is_impossible(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevation, "impossible", lambda: "there is no sudo on this host")
    new = build(TaskSpec(script="x", policy=ExecutionPolicy.ELEVATED, confirmed=True, reason="disk is dying"))
    assert (new.status, new.reason) == (Status.REFUSED, "there is no sudo on this host")


# -- the disk


def test_nothing_is_queued_when_the_disk_is_nearly_full(build: Any, paths: StatePaths) -> None:
    settings = Settings(execution=dataclasses.replace(Settings().execution, min_free=1 << 60))
    with pytest.raises(DiskFull, match=r"[KMGT]iB are free .*execution\.min_free"):
        build(TaskSpec(script="x"), settings)
    assert list(paths.environments.iterdir()) == []


def test_a_refusal_is_recorded_even_then(build: Any) -> None:
    settings = Settings(execution=dataclasses.replace(Settings().execution, min_free=1 << 60))
    spec = TaskSpec(script="x", policy=ExecutionPolicy.SAFE, writable=("/srv",))
    assert build(spec, settings).status is Status.REFUSED


def test_an_environment_that_cannot_be_kept_is_a_clear_error(build: Any, paths: StatePaths) -> None:
    paths.environments.rmdir()
    with pytest.raises(StateDirError, match=r"environment cannot be kept in .*environments: No such file"):
        build(TaskSpec(script="x"))


# -- elevation on this host


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    assert (elevation.impossible(), elevation.command_prefix(), elevation.owner()) == (None, [], None)


def test_an_ordinary_user_without_sudo_cannot_elevate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nowhere")
    assert "no sudo on this host" in str(elevation.impossible())


@pytest.mark.parametrize(("answer", "possible"), [("exit 0", True), ("echo a password is required >&2; exit 1", False)])
def test_an_ordinary_user_can_elevate_if_sudo_says_so(
    answer: str, possible: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text(f"#!/bin/sh\n{answer}\n")
    sudo.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    why = elevation.impossible()
    assert (why is None) is possible
    assert possible or "a password is required" in str(why)
    assert elevation.command_prefix() == [str(sudo), "-n", "--"]
    assert elevation.owner() == (1000, os.getegid())
