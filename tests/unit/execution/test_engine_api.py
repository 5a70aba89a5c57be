"""The engine as Python code uses it: few and quick runs, but real ones."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import itertools
import logging
import os
import select
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from opsconsole import Engine, ExecutionPolicy, Priority, Status, Task, TaskSpec
from opsconsole.errors import (
    ConsoleError,
    DatabaseNewer,
    DiskFull,
    IllegalTransition,
    QueueFull,
    SpecError,
    SupervisorError,
    TaskNotFound,
)
from opsconsole.events import Event, ExecutionFinished, Notice, TaskChanged
from opsconsole.execution import runfolder
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.execution.supervisor import kernel
from opsconsole.models import ResourceLimits
from opsconsole.safety import containment
from opsconsole.settings import RetrySettings, Settings

OpenEngine = Callable[..., Awaitable[Engine]]
SENTINEL = "correct-horse-battery-staple"


async def until(holds: Callable[[], object], engine: Engine) -> None:
    """Wait for a condition, looking after every change."""
    changed = asyncio.Event()
    stop = engine.subscribe(lambda event: changed.set())
    try:
        while not holds():
            await asyncio.wait_for(changed.wait(), 20)
            changed.clear()
    finally:
        stop()


def with_queue(settings: Settings, **given: Any) -> Settings:
    return dataclasses.replace(settings, queue=dataclasses.replace(settings.queue, **given))


# -- running


async def test_a_run_returns_its_result_with_everything_the_contract_promises(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script="echo out; echo err >&2; exit 3", name="job", labels={"a": "b"}))
    assert (result.status, result.exit_code, result.signal, result.reason) == (Status.FAILED, 3, None, "exit code 3")
    assert (result.read_stdout(), result.read_stderr()) == (b"out\n", b"err\n")
    assert (result.output["stdout_bytes"], result.output["stderr_bytes"], result.output["truncated"]) == (4, 4, False)
    assert (result.name, result.policy, result.attempt, result.attempts) == ("job", "standard", 1, 1)
    assert result.queued_at <= result.started_at <= result.finished_at
    assert 0 < result.duration_s < 20
    assert result.metrics["processes"] >= 1 and result.metrics["max_rss_bytes"] > 0
    assert result.containment["limits"] == {"timeout_s": 300.0, "output": 64 << 20}
    assert (result.origin["door"], result.origin["labels"]) == ("api", {"a": "b"})
    assert result.supervision["kill"] in ("subreaper", "cgroup.kill+subreaper")


async def test_what_runs_is_the_stored_copy_whose_hash_is_in_the_record(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    engine = await open_engine()
    script = tmp_path / "job.sh"
    script.write_bytes(b"#!/bin/sh\necho \xff$0\n")
    result = await engine.run(TaskSpec(path=script))
    copy = engine.paths.run_folder(result.execution_id) / "script"
    assert copy.read_bytes() == script.read_bytes() == engine.script(result.task_id)
    assert result.script_sha256 == hashlib.sha256(script.read_bytes()).hexdigest()
    assert result.read_stdout() == b"\xff%s\n" % os.fsencode(copy)


async def test_a_large_script_runs_as_it_is(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    body = b"#" + b"x" * 100_000 + b"\necho done\n"
    result = await engine.run(TaskSpec(script=body))
    assert result.read_stdout() == b"done\n"
    assert (engine.paths.run_folder(result.execution_id) / "script").read_bytes() == body


async def test_a_command_runs_without_a_shell(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(argv=(sys.executable, "-c", "import sys; print(sys.argv[1:])", "$HOME", "a b")))
    assert result.read_stdout() == b"['$HOME', 'a b']\n"


async def test_arguments_environment_directory_and_input_reach_the_script(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    engine = await open_engine()
    (tmp_path / "input").write_text("from the file\n")
    spec = TaskSpec(
        script='printf "%s|" "$@" "$EXTRA" "$PWD"; cat', args=("a b", "ü"), env={"EXTRA": "x\ny"}, cwd=tmp_path,
        stdin=tmp_path / "input",
    )  # fmt: skip
    result = await engine.run(spec)
    assert result.read_stdout().decode() == f"a b|ü|x\ny|{tmp_path}|from the file\n"


async def test_standard_input_is_empty_unless_given(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    assert (await engine.run(TaskSpec(script="wc -c"))).read_stdout().strip() == b"0"


async def test_a_script_knows_its_run(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script='echo "$OPSCONSOLE_EXEC_ID $OPSCONSOLE_RUN_FOLDER"'))
    folder = engine.paths.run_folder(result.execution_id)
    assert result.read_stdout().decode() == f"{result.execution_id} {folder}\n"


async def test_the_cap_keeps_the_first_and_the_last_part(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    spec = TaskSpec(script="echo first; head -c 20000000 /dev/zero; echo last", limits=ResourceLimits(output=4000))
    result = await engine.run(spec)
    kept = result.read_stdout()
    assert (len(kept), kept[:6], kept[-5:]) == (4000, b"first\n", b"last\n")
    assert (result.output["stdout_bytes"], result.output["truncated"]) == (20_000_011, True)


async def test_a_script_ended_by_a_signal_says_which(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script="kill -KILL $$"))
    assert (result.status, result.exit_code, result.signal) == (Status.FAILED, None, "SIGKILL")
    assert result.reason == "ended by SIGKILL"


async def test_a_timeout_is_its_own_status_and_not_retried(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script="sleep 60", timeout_s=0.1, retries=2))
    assert (result.status, result.attempt, result.reason) == (Status.TIMED_OUT, 1, "ran longer than 0.1 s")


async def test_a_retry_runs_under_the_next_number_and_both_results_stay(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    engine = await open_engine()
    spec = TaskSpec(script=f"cd {tmp_path}; mkdir once && exit 9; echo again", retries=1)
    result = await engine.run(spec)
    assert (result.status, result.attempt, result.attempts) == (Status.COMPLETED, 2, 2)
    assert [(each.execution_id, each.exit_code) for each in engine.attempts(result.task_id)] == [
        (f"{result.task_id}.1", 9), (f"{result.task_id}.2", 0),
    ]  # fmt: skip
    assert engine.result(f"{result.task_id}.1").status is Status.FAILED


async def test_a_retry_waits_for_its_time_on_the_engine_s_clock(
    open_engine: OpenEngine, quick: Settings, clock: Any, tmp_path: Path
) -> None:
    settings = dataclasses.replace(quick, retry=RetrySettings(base_s=1000, max_s=1000, jitter=0))
    engine = await open_engine(settings, clock=clock)
    task = await engine.submit(TaskSpec(script=f"mkdir {tmp_path}/once && exit 1; exit 0", retries=1))
    await until(lambda: engine.task(task.id).status is Status.WAITING, engine)
    assert engine.task(task.id).due_at == clock.now() + 1_000_000_000
    clock.advance(1000)
    assert (await engine.wait(task.id)).attempt == 2


async def test_a_clock_that_is_set_back_by_an_hour_keeps_nothing_waiting(
    open_engine: OpenEngine, quick: Settings, clock: Any, tmp_path: Path
) -> None:
    settings = dataclasses.replace(quick, retry=RetrySettings(base_s=60, max_s=60, jitter=0))
    engine = await open_engine(settings, clock=clock)
    task = await engine.submit(TaskSpec(script=f"mkdir {tmp_path}/once && exit 1; exit 0", retries=1))
    await until(lambda: engine.task(task.id).status is Status.WAITING, engine)
    clock.advance(-3600)
    assert (await engine.wait(task.id)).attempt == 2
    assert (await engine.run(TaskSpec(script="true"))).succeeded


# -- submitting


async def test_a_submission_is_awaited_for_the_task_or_asked_for_its_number(open_engine: OpenEngine) -> None:
    engine = await open_engine(claims="none")
    submission = engine.submit(TaskSpec(script="true", name="a"))
    task = await submission
    assert (task.name, task.status, task.door) == ("a", Status.QUEUED, "api")
    assert submission.task_id == task.id == submission.task.id


async def test_a_full_queue_reaches_the_caller_and_stores_nothing(open_engine: OpenEngine, quick: Settings) -> None:
    engine = await open_engine(with_queue(quick, capacity=1), claims="none")
    await engine.submit(TaskSpec(script="true"))
    with pytest.raises(QueueFull):
        await engine.submit(TaskSpec(script="true"))
    with pytest.raises(QueueFull):
        _ = engine.submit(TaskSpec(script="true")).task_id
    assert len(engine.tasks()) == 1


async def test_several_are_queued_together_or_not_at_all(open_engine: OpenEngine, quick: Settings) -> None:
    engine = await open_engine(with_queue(quick, capacity=2), claims="none")
    with pytest.raises(QueueFull):
        await engine.submit_many([TaskSpec(script="true")] * 3)
    assert engine.tasks() == []
    made = await engine.submit_many([TaskSpec(script="true", name="a"), TaskSpec(script="true", name="b")])
    assert [task.name for task in made] == ["a", "b"]


async def test_a_chain_runs_in_order(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    first = await engine.submit(TaskSpec(script="true", hold=True))
    second = await engine.submit(TaskSpec(script="true", after=first.id))
    await engine.release(first.id)
    result = await engine.wait(second.id)
    assert engine.result(first.id).finished_at <= result.started_at


async def test_a_file_name_that_is_no_utf8_is_no_trouble(open_engine: OpenEngine, tmp_path: Path) -> None:
    """SQLite cannot store it; the whole transaction failed, with the ends of other runs in it."""
    script = tmp_path / os.fsdecode(b"caf\xe9.sh")
    script.write_text("true")
    engine = await open_engine()
    result = await engine.run(TaskSpec(path=script))
    assert (result.status, result.name) == (Status.COMPLETED, r"caf\udce9.sh")


async def test_an_own_descriptor_becomes_the_standard_input_once(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    read_end, write_end = os.pipe()
    os.write(write_end, b"through the pipe")
    os.close(write_end)
    task = await engine.submit(TaskSpec(script="cat"), stdin_fd=read_end)
    os.close(read_end)
    assert (await engine.wait(task.id)).read_stdout() == b"through the pipe"


def test_only_a_started_engine_hands_its_input_on(state_dir: Path, quick: Settings) -> None:
    with Engine.look(quick, state_dir=state_dir) as engine, pytest.raises(ConsoleError, match="only a started engine"):
        engine.submit(TaskSpec(script="cat"), stdin_fd=0)


async def test_what_cannot_be_read_twice_cannot_be_retried(open_engine: OpenEngine) -> None:
    engine = await open_engine(claims="none")
    with pytest.raises(SpecError, match="only once"):
        engine.submit(TaskSpec(script="cat", retries=1), stdin_fd=0)


async def test_a_descriptor_of_a_submission_that_failed_is_closed(open_engine: OpenEngine, quick: Settings) -> None:
    engine = await open_engine(with_queue(quick, capacity=1), claims="none")
    await engine.submit(TaskSpec(script="true"))
    read_end, write_end = os.pipe()
    with pytest.raises(QueueFull):
        await engine.submit(TaskSpec(script="cat"), stdin_fd=read_end)
    os.close(read_end)
    nobody_reads = select.poll()
    nobody_reads.register(write_end, 0)
    assert nobody_reads.poll(30_000), "the writer closes its copy after it has told of the failure"
    with pytest.raises(BrokenPipeError):
        os.write(write_end, b"x")
    os.close(write_end)


async def test_a_task_whose_input_went_with_its_console_says_so_instead_of_reading_nothing(
    open_engine: OpenEngine, quick: Settings, state_dir: Path
) -> None:
    first = await open_engine(claims="none")
    read_end, write_end = os.pipe()
    task = await first.submit(TaskSpec(script="cat"), stdin_fd=read_end)
    os.close(read_end)
    os.close(write_end)
    await first.close()
    second = await open_engine()
    result = await second.wait(task.id)
    assert (result.status, result.started_at) == (Status.FAILED, None)
    assert "went with the console" in str(result.reason)


# -- what does not run


@pytest.mark.parametrize("policy", [ExecutionPolicy.SAFE, ExecutionPolicy.RESTRICTED])
async def test_a_policy_that_cannot_be_enforced_is_refused_recorded_and_never_run(
    open_engine: OpenEngine, tmp_path: Path, policy: ExecutionPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(containment.PROVIDERS, policy, ())
    engine = await open_engine()
    result = await engine.run(TaskSpec(script=f"touch {tmp_path}/ran", policy=policy))
    assert (result.status, result.exit_code, result.started_at) == (Status.REFUSED, None, None)
    assert f"this host cannot contain a run under policy {policy}" in str(result.reason)
    assert engine.task(result.task_id).status is Status.REFUSED
    assert not (tmp_path / "ran").exists()


async def test_a_missing_interpreter_is_recorded_as_127_with_what_to_install(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script="x", interpreter="applescript"))
    assert (result.status, result.exit_code) == (Status.FAILED, 127)
    assert "macOS" in str(result.reason)


async def test_a_command_that_cannot_be_executed_is_127_after_the_claim(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(argv=("./none",), cwd=tmp_path, retries=1))
    assert (result.status, result.exit_code, result.attempt) == (Status.FAILED, 127, 1)
    assert f"cannot start {tmp_path}/./none: No such file" in str(result.reason)


async def test_an_interpreter_that_went_between_submission_and_claim_is_127(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    tool = tmp_path / "mytool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    engine = await open_engine()
    task = await engine.submit(TaskSpec(argv=("mytool",), env={"PATH": str(tmp_path)}, hold=True))
    tool.unlink()
    await engine.release(task.id)
    result = await engine.wait(task.id)
    assert (result.status, result.exit_code) == (Status.FAILED, 127)


async def test_a_script_that_was_changed_in_the_database_does_not_run(open_engine: OpenEngine, tmp_path: Path) -> None:
    engine = await open_engine()
    task = await engine.submit(TaskSpec(script="true", hold=True))
    engine._job(lambda c: c.execute("UPDATE script SET body = ?", (f"touch {tmp_path}/ran".encode(),))).result()
    await engine.release(task.id)
    result = await engine.wait(task.id)
    assert (result.status, "SHA-256 differs" in str(result.reason)) == (Status.REFUSED, True)
    assert not (tmp_path / "ran").exists()


async def test_a_nearly_full_disk_refuses_new_work_and_says_why(open_engine: OpenEngine, quick: Settings) -> None:
    settings = dataclasses.replace(quick, execution=dataclasses.replace(quick.execution, min_free=1 << 60))
    engine = await open_engine(settings)
    with pytest.raises(DiskFull, match="min_free"):
        await engine.submit(TaskSpec(script="true"))


async def test_queued_work_waits_for_room_on_the_disk_and_the_operator_is_told_once(
    open_engine: OpenEngine, quick: Settings
) -> None:
    first = await open_engine(claims="none")
    task = await first.submit(TaskSpec(script="true"))
    settings = dataclasses.replace(quick, execution=dataclasses.replace(quick.execution, min_free=1 << 60))
    notices: list[Notice] = []
    second = Engine(settings, state_dir=first.paths.root)
    second.subscribe(lambda event: notices.append(event) if isinstance(event, Notice) else None)
    async with second:
        await until(lambda: notices, second)
        assert second.task(task.id).status is Status.QUEUED
        assert "nearly full" in str(second.waiting_reason(task.id))
    assert len(notices) == 1 and "nearly full" in notices[0].message


async def test_a_run_whose_folder_cannot_be_made_fails_and_says_why(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    task = await engine.submit(TaskSpec(script="true", hold=True))
    engine.paths.run_folder(f"{task.id}.1").touch()
    await engine.release(task.id)
    result = await engine.wait(task.id)
    assert (result.status, result.started_at) == (Status.FAILED, None)
    assert "the claim cannot be written: Not a directory" in str(result.reason)


async def test_a_database_of_a_newer_version_stops_the_start_and_nothing_is_left_behind(
    open_engine: OpenEngine, quick: Settings, state_dir: Path
) -> None:
    await (await open_engine()).close()
    with contextlib.closing(sqlite3.connect(state_dir / "opsconsole.db")) as c:
        c.execute("PRAGMA user_version = 99")
    with pytest.raises(DatabaseNewer):
        await Engine(quick, state_dir=state_dir).start()
    assert list((state_dir / "consoles").iterdir()) == []


async def test_the_next_run_gets_a_new_supervisor_when_the_old_ones_were_killed(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    await engine.run(TaskSpec(script="true"))
    assert engine._pool is not None
    parent = engine._pool._parents[False]._pid
    for pid in [*kernel.children(parent), parent]:
        os.kill(pid, signal.SIGKILL)
    results = await asyncio.gather(*(engine.run(TaskSpec(script="true")) for _ in range(3)))
    assert [result.status for result in results] == [Status.COMPLETED] * 3


async def test_a_supervisor_that_cannot_be_started_ends_the_task_with_the_reason(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await open_engine(claims="own")
    assert engine._pool is not None

    def gone(*_: object) -> None:
        raise SupervisorError("the supervisors' parent process is gone")

    monkeypatch.setattr(engine._pool, "_fork", gone)
    result = await engine.run(TaskSpec(script="true", retries=1))
    assert (result.status, result.exit_code) == (Status.FAILED, None)
    assert result.reason == "the supervisors' parent process is gone"


# -- commands


async def test_cancel_ends_the_tree_and_says_who_asked(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    task = await engine.submit(TaskSpec(script="sleep 60 & sleep 60"))
    await until(lambda: engine.task(task.id).status is Status.RUNNING, engine)
    await engine.cancel(task.id)
    result = await engine.wait(task.id)
    assert (result.status, result.reason) == (Status.CANCELLED, "cancelled")
    assert result.supervision["stopped_by"].endswith("(api)")
    assert result.supervision["survivors"] == []


async def test_a_run_is_paused_and_goes_on(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    task = await engine.submit(TaskSpec(script="read line; echo $line", timeout_s=60, stdin=_fifo(engine)))
    feed = os.open(engine.paths.root / "fifo", os.O_RDWR)
    await until(lambda: engine.task(task.id).status is Status.RUNNING, engine)
    asked = time.monotonic()
    await engine.pause(task.id)
    await until(lambda: engine.task(task.id).status is Status.PAUSED, engine)
    stood = time.monotonic()
    assert engine.task(task.id).reason in ("SIGSTOP", "cgroup.freeze")
    os.write(feed, b"fed while it slept\n")
    going = time.monotonic()
    await engine.resume(task.id)
    result = await engine.wait(task.id)
    os.close(feed)
    assert (result.status, result.read_stdout()) == (Status.COMPLETED, b"fed while it slept\n")
    assert going - stood <= result.supervision["paused_s"] <= time.monotonic() - asked
    told = engine.course(task.id).events
    assert [event.what for event in told] == [
        "queued", "claimed", "started", "pause_asked", "paused", "resume_asked", "resumed", "completed",
    ]  # fmt: skip
    me = f"{engine.origin.actor} (api)"
    assert [event.actor for event in told] == [me, me, None, me, me, me, me, None]
    seen = runfolder.inspect(engine.paths.run_folder(result.execution_id), 1).lines
    assert [event.at for event in told if event.what in ("paused", "resumed")] == [
        line["at"] for line in seen if "status" in line
    ], "as its supervisor saw it"


def _fifo(engine: Engine) -> Path:
    path = engine.paths.root / "fifo"
    os.mkfifo(path)
    return path


async def test_a_retry_by_hand_is_a_new_task_whose_parent_is_the_old_one(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    first = await engine.run(TaskSpec(script="echo same", name="job"))
    task = await engine.retry(first.task_id)
    second = await engine.wait(task.id)
    assert (task.parent_id, task.parent_kind, task.name) == (first.task_id, "retry", "job")
    assert second.task_id != first.task_id and second.read_stdout() == b"same\n"
    assert second.origin["parent_id"] == first.task_id


async def test_commands_to_what_does_not_exist_or_has_ended_are_errors(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script="true"))
    for command in (engine.cancel, engine.pause, engine.resume, engine.hold, engine.release):
        with pytest.raises(IllegalTransition):
            await command(result.task_id)
        with pytest.raises(TaskNotFound):
            await command(99)
    with pytest.raises(TaskNotFound):
        await engine.wait(99)


async def test_the_other_commands_reach_the_row(open_engine: OpenEngine) -> None:
    engine = await open_engine(claims="none")
    task = await engine.submit(TaskSpec(script="true"))
    assert (await engine.hold(task.id)).held
    assert (await engine.set_priority(task.id, Priority.CRITICAL)).priority is Priority.CRITICAL
    assert (await engine.pin(task.id)).pinned
    assert not (await engine.pin(task.id, False)).pinned


def test_every_command_can_be_given_without_a_loop(state_dir: Path, quick: Settings) -> None:
    with Engine.look(quick, state_dir=state_dir) as engine:
        task_id = engine.add(TaskSpec(script="true")).id
        assert engine.command("hold", task_id).held
        assert engine.command("priority", task_id, Priority.LOW).priority is Priority.LOW
        assert engine.command("pin", task_id).pinned
        assert not engine.command("pin", task_id, False).pinned
        assert engine.command("release", task_id).status is Status.QUEUED
        assert engine.command("cancel", task_id).status is Status.CANCELLED
        for command in ("pause", "resume"):
            with pytest.raises(IllegalTransition):
                engine.command(command, task_id)


# -- consoles


async def test_a_console_that_only_looks_runs_nothing_and_another_takes_the_work(open_engine: OpenEngine) -> None:
    looker = await open_engine(claims="none")
    task = await looker.submit(TaskSpec(script="true"))
    assert [info.claims for info in looker.consoles()] == ["none"]
    await open_engine()
    assert (await looker.wait(task.id)).status is Status.COMPLETED


async def test_a_console_of_its_own_work_leaves_the_others_alone(open_engine: OpenEngine) -> None:
    looker = await open_engine(claims="none")
    theirs = await looker.submit(TaskSpec(script="true"))
    own = await open_engine(claims="own")
    assert (await own.run(TaskSpec(script="true"))).status is Status.COMPLETED
    assert own.task(theirs.id).status is Status.QUEUED


async def test_a_worker_is_drained_when_all_is_done(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    made = await engine.submit_many([TaskSpec(script="exit 1", retries=1), TaskSpec(script="true")])
    await engine.drained()
    assert [engine.task(task.id).status for task in made] == [Status.FAILED, Status.COMPLETED]
    assert engine.consoles()[0].claims == "none"


async def test_what_is_claimed_while_a_console_leaves_is_launched_by_the_next_one(open_engine: OpenEngine) -> None:
    first = await open_engine()
    task = await first.submit(TaskSpec(script="true", hold=True))
    executor, gate = first._executor, threading.Event()
    assert executor is not None
    while executor._scheduled or executor._in_turn:
        await asyncio.sleep(0)
    first._job(lambda c: gate.wait(20))
    releasing = asyncio.ensure_future(first.release(task.id))
    await asyncio.sleep(0)
    executor.look_for_work()
    while not executor._in_turn:  # then the claim waits behind the release
        await asyncio.sleep(0)
    closing = asyncio.ensure_future(first.close())
    while first._executor is not None:
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(releasing, closing)
    second = await open_engine()
    assert (await second.wait(task.id)).status is Status.COMPLETED
    claims = sorted(file.name for file in second.paths.run_folder(f"{task.id}.1").glob("claim.*"))
    assert claims == ["claim.1", "claim.2"], "the first launch is void, the second ran"


# -- events and callbacks


async def test_callbacks_hear_every_status_and_every_end(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    steps: list[tuple[Status | None, Status]] = []
    ends: list[str] = []
    engine.on_status(lambda task, previous: steps.append((previous, task.status)))
    engine.on_complete(lambda result: ends.append(result.execution_id))
    result = await engine.run(TaskSpec(script="true"))
    await until(lambda: ends, engine)
    assert ends == [result.execution_id]
    assert steps[0][0] is None and steps[-1][1] is Status.COMPLETED
    assert all(before is not after for before, after in steps)
    assert all(step[1] == following[0] for step, following in itertools.pairwise(steps))


async def test_a_pin_is_no_change_of_status(open_engine: OpenEngine) -> None:
    engine = await open_engine(claims="none")
    task = await engine.submit(TaskSpec(script="true"))
    steps: list[Status] = []
    changes: list[Event] = []
    engine.on_status(lambda task, previous: steps.append(task.status))
    engine.subscribe(changes.append)
    await engine.pin(task.id)
    await until(lambda: any(isinstance(e, TaskChanged) and e.task.pinned for e in changes), engine)
    assert steps == []


async def test_a_listener_that_comes_late_hears_nothing_of_the_past(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    await engine.run(TaskSpec(script="true"))
    heard: list[Event] = []
    engine.subscribe(heard.append)
    second = await engine.run(TaskSpec(script="true"))
    await until(lambda: any(isinstance(event, ExecutionFinished) for event in heard), engine)
    assert {event.task.id for event in heard if isinstance(event, TaskChanged)} == {second.task_id}


async def test_a_callback_that_raises_breaks_nothing(open_engine: OpenEngine, caplog: pytest.LogCaptureFixture) -> None:
    engine = await open_engine()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("mine")

    ends: list[str] = []
    engine.on_status(broken)
    engine.on_complete(broken)
    engine.on_complete(lambda result: ends.append(result.execution_id))
    with caplog.at_level(logging.ERROR, "opsconsole.events"):
        results = [await engine.run(TaskSpec(script="true")) for _ in range(2)]
        await until(lambda: len(ends) == 2, engine)
    assert [result.status for result in results] == [Status.COMPLETED] * 2
    assert "ZeroDivisionError: mine" in caplog.text


async def test_who_unsubscribes_hears_no_more(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    ends: list[str] = []
    stop = engine.on_complete(lambda result: ends.append(result.execution_id))
    stop()
    await engine.run(TaskSpec(script="true"))
    assert ends == []


async def test_the_end_of_another_console_s_run_is_heard_too(open_engine: OpenEngine) -> None:
    looker = await open_engine(claims="none")
    heard: list[Event] = []
    looker.subscribe(heard.append)
    worker = await open_engine()
    result = await worker.run(TaskSpec(script="true"))
    await until(lambda: any(isinstance(event, ExecutionFinished) for event in heard), looker)
    assert [event.result.execution_id for event in heard if isinstance(event, ExecutionFinished)] == [
        result.execution_id
    ]


# -- without a loop


def test_code_without_a_loop_runs_one_after_the_other(state_dir: Path, quick: Settings) -> None:
    with Engine(quick, state_dir=state_dir) as engine:
        results = [engine.run_sync(TaskSpec(script=f"echo {number}")) for number in (1, 2)]
        assert engine.task(results[0].task_id).status is Status.COMPLETED
    assert [result.read_stdout() for result in results] == [b"1\n", b"2\n"]
    assert not list((state_dir / "consoles").iterdir()), "it signed off"


def test_an_engine_that_was_closed_can_be_used_again(state_dir: Path, quick: Settings) -> None:
    engine = Engine(quick, state_dir=state_dir)
    for _ in range(2):
        with engine:
            assert engine.run_sync(TaskSpec(script="true")).succeeded


def test_a_failed_start_reaches_the_caller_without_a_loop_and_leaves_no_thread(tmp_path: Path, quick: Settings) -> None:
    (tmp_path / "state").touch()
    before = set(threading.enumerate())
    engine = Engine(quick, state_dir=tmp_path / "state")
    with pytest.raises(ConsoleError, match="File exists"):
        engine.run_sync(TaskSpec(script="true"))
    assert set(threading.enumerate()) <= before


def test_a_task_can_be_queued_without_a_loop(state_dir: Path, quick: Settings) -> None:
    with Engine.look(quick, state_dir=state_dir, door="schedule") as engine:
        task = engine.add(TaskSpec(script="true"))
        assert (task.status, task.door) == (Status.QUEUED, "schedule")


def test_a_plan_changes_nothing(state_dir: Path, quick: Settings) -> None:
    engine = Engine(quick, state_dir=state_dir)
    plan = engine.plan(TaskSpec(script="true", policy=ExecutionPolicy.SAFE, writable=("/srv",)))
    assert (plan.decision.verdict, plan.interpreter) == ("refuse", "bash")
    assert not state_dir.exists()


async def test_only_a_started_engine_waits(quick: Settings, state_dir: Path) -> None:
    with Engine.look(quick, state_dir=state_dir) as engine:
        task = engine.add(TaskSpec(script="true"))
        with pytest.raises(ConsoleError, match="only a started engine"):
            await engine.wait(task.id)


# -- secrets


def _files_with(secret: str, folder: Path) -> list[str]:
    found = []
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the engine tidies meanwhile
            if file.is_file() and secret.encode() in file.read_bytes():
                found.append(str(file.relative_to(folder)))
    return sorted(found)


async def test_the_value_of_a_variable_is_nowhere_but_in_its_file_while_it_waits_and_nowhere_at_all_when_closed(
    open_engine: OpenEngine, state_dir: Path
) -> None:
    engine = await open_engine()
    spec = TaskSpec(script='test -n "$TOKEN" && sleep 60', env={"TOKEN": SENTINEL})
    task = await engine.submit(spec)
    await until(lambda: engine.task(task.id).status is Status.RUNNING, engine)
    (kept,) = _files_with(SENTINEL, state_dir)
    assert kept.startswith("environments/")
    await engine.cancel(task.id)
    assert (await engine.wait(task.id)).status is Status.CANCELLED
    await engine.close()
    assert _files_with(SENTINEL, state_dir) == []


async def test_a_task_has_its_environment_though_another_console_tidied_while_it_was_on_its_way(
    open_engine: OpenEngine,
) -> None:
    engine = await open_engine(claims="none")
    folder, gate = engine.paths.environments, threading.Event()

    def other_console(c: sqlite3.Connection) -> None:
        gate.wait(20)
        EnvironmentStore(folder).forget_unused(c)

    tidied = engine._job(other_console)
    submission = engine.submit(
        TaskSpec(script="true", env={"TOKEN": SENTINEL})
    )  # its job comes after that of the other
    gate.set()
    tidied.result()
    await submission
    (file,) = folder.iterdir()
    assert EnvironmentStore(folder).get(file.name)["TOKEN"] == SENTINEL


async def test_the_value_goes_soon_after_the_end_even_if_the_console_stays(
    open_engine: OpenEngine, state_dir: Path
) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script='test -n "$TOKEN"', env={"TOKEN": SENTINEL}))
    assert result.succeeded
    async with asyncio.timeout(20):
        while _files_with(SENTINEL, state_dir):
            await asyncio.sleep(0.05)


def test_the_value_goes_with_a_cancel_without_a_loop(state_dir: Path, quick: Settings) -> None:
    with Engine.look(quick, state_dir=state_dir) as engine:
        task = engine.add(TaskSpec(script="true", env={"TOKEN": SENTINEL}))
        assert len(_files_with(SENTINEL, state_dir)) == 1
        engine.command("cancel", task.id)
    assert _files_with(SENTINEL, state_dir) == []


# -- reads


async def test_counts_and_statistics_know_what_ran(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    await engine.run(TaskSpec(script="true"))
    await engine.run(TaskSpec(script="false"))
    await engine.submit(TaskSpec(script="true", hold=True))
    assert engine.counts()[Status.WAITING] == 1
    statistics = engine.statistics()
    assert statistics.total == 3
    assert statistics.success_rate == pytest.approx(0.5)


async def test_history_is_newest_first(open_engine: OpenEngine) -> None:
    engine = await open_engine(claims="none")
    made = await engine.submit_many([TaskSpec(script="true")] * 3)
    assert [task.id for task in engine.tasks()] == [task.id for task in reversed(made)]


async def test_clean_up_removes_what_is_beyond_the_limits_and_says_so(open_engine: OpenEngine, quick: Settings) -> None:
    settings = dataclasses.replace(quick, history=dataclasses.replace(quick.history, keep_tasks=1))
    engine = await open_engine(settings)
    results = [await engine.run(TaskSpec(script="true")) for _ in range(3)]
    heard: list[Event] = []
    engine.subscribe(heard.append)
    cleaned = await engine.clean_up()
    assert cleaned.tasks == 2
    assert [task.id for task in engine.tasks()] == [results[-1].task_id]
    assert not engine.paths.run_folder(results[0].execution_id).exists()
    assert any(type(event).__name__ == "TasksRemoved" for event in heard)


async def test_a_task_as_read_is_a_plain_value(open_engine: OpenEngine) -> None:
    engine = await open_engine(claims="none")
    task = await engine.submit(TaskSpec(script="true", labels={"a": "b"}))
    assert isinstance(task, Task) and task == engine.task(task.id)
