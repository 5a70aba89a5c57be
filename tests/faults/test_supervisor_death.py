"""The supervisor, its parent, or both die: noticed at once, nothing of the tree goes on unseen, the row says why."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.execution.supervisor import kernel
from opsconsole.models import ExecutionResult, Status, Task, TaskSpec
from tests.faults import processes
from tests.faults.console import Console, quick
from tests.faults.processes import NOTE, Process, becomes, noted, soon_s, status_becomes

TREE = NOTE + (
    "trap '' TERM; sleep 300 & note $!; setsid sleep 300 & note $!; "
    "( ( exec setsid bash -c 'note $$; exec sleep 300' ) & ); note $$; wait; sleep 300"
)
TREE_SIZE = 4


async def running(engine: Engine, file: Path, script: str = TREE, size: int = TREE_SIZE) -> tuple[Task, list[Process]]:
    """A task whose tree is complete and whose row says so."""
    task = await engine.submit(TaskSpec(script=script, env={"PIDS": str(file)}))
    tree = await becomes(lambda: noted(file), lambda found: len(found) == size)
    await status_becomes(engine, task.id, Status.RUNNING)
    return engine.task(task.id), tree


def slot_of(engine: Engine, task: Task) -> Process:
    return processes.process(engine.result(task.id).supervision["supervisor"])


@pytest.mark.parametrize("use_cgroup", [True, False])
async def test_a_killed_supervisor_is_noticed_and_its_tree_killed(
    state: Path, tmp_path: Path, use_cgroup: bool
) -> None:
    took = []
    async with Engine(quick(use_cgroup=use_cgroup), state_dir=state) as engine:
        for number in range(6):  # a slow turn of a busy host is not the fault looked for
            task, tree = await running(engine, tmp_path / f"pids-{number}")
            began = time.monotonic()
            slot_of(engine, task).kill()
            result = await engine.wait(task.id)
            took.append(time.monotonic() - began)
            assert result.status is Status.ABANDONED
            assert (result.reason or "").startswith("the supervisor died")
            assert result.supervision["survivors"] == []
            assert not any(entry.alive for entry in tree)
            by_the_parent = result.reason == "the supervisor died (signal 9); its tree was killed"
            if took[-1] < (allowed := await soon_s(engine)) and by_the_parent:  # the console waits a second for it
                break
        assert (await engine.run(TaskSpec(script="exit 3"))).exit_code == 3
    assert took[-1] < allowed
    assert by_the_parent


@pytest.mark.parametrize("use_cgroup", [True, False])
async def test_with_its_parent_killed_too_the_console_kills_the_tree(
    state: Path, tmp_path: Path, use_cgroup: bool
) -> None:
    took = []
    async with Engine(quick(use_cgroup=use_cgroup), state_dir=state) as engine:
        for number in range(6):
            task, tree = await running(engine, tmp_path / f"pids-{number}")
            began = time.monotonic()
            slot = slot_of(engine, task)
            for parent in processes.lean_parents(state):
                parent.kill()
            slot.kill()
            result = await engine.wait(task.id)
            took.append(time.monotonic() - began)
            assert result.status is Status.ABANDONED
            assert (result.reason or "").startswith("the supervisor died")
            assert result.supervision["survivors"] == []
            assert not any(entry.alive for entry in tree)
            if took[-1] < (allowed := await soon_s(engine)):
                break
        assert (await engine.run(TaskSpec(script="exit 3"))).exit_code == 3
    assert took[-1] < allowed


async def test_an_erased_environment_does_not_hide_a_process_of_the_leaders_session(
    state: Path, tmp_path: Path
) -> None:
    script = NOTE + "env -i sleep 300 & note $!; note $$; exec env -i sleep 300"
    async with Engine(quick(use_cgroup=False), state_dir=state) as engine:
        task, tree = await running(engine, tmp_path / "pids", script, 2)
        await becomes(lambda: processes.marked(state), lambda found: not found)
        slot = slot_of(engine, task)
        for parent in processes.lean_parents(state):
            parent.kill()
        slot.kill()
        result = await engine.wait(task.id)
    assert result.status is Status.ABANDONED
    assert not any(entry.alive for entry in tree)


async def test_a_supervisor_told_to_end_stops_its_run_and_says_so(state: Path, tmp_path: Path) -> None:
    async with Engine(quick(), state_dir=state) as engine:
        task, tree = await running(engine, tmp_path / "pids")
        slot = slot_of(engine, task)
        slot.kill(signal.SIGTERM)
        result = await engine.wait(task.id)
        assert result.status is Status.ABANDONED
        assert result.reason == "the supervisor was told to end (SIGTERM)"
        assert not any(entry.alive for entry in tree)
        await becomes(lambda: slot.alive, lambda alive: not alive)
        assert (await engine.run(TaskSpec(script="exit 3"))).exit_code == 3


async def test_without_its_parent_a_run_goes_on_and_later_ones_too(state: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    async with Engine(quick(concurrency=4), state_dir=state) as engine:
        patient = f'{NOTE}note $$; until [ -e "{go}" ]; do sleep 0.01; done; exit 5'
        going, _ = await running(engine, tmp_path / "pids", patient, 1)
        stuck, tree = await running(engine, tmp_path / "pids-2")
        lost, lost_tree = await running(engine, tmp_path / "pids-3")
        for parent in processes.lean_parents(state):
            parent.kill()
            assert parent.dies()

        later = await asyncio.gather(*(engine.run(TaskSpec(script=f"exit {code}")) for code in (1, 2, 3)))
        assert [result.exit_code for result in later] == [1, 2, 3]
        await engine.cancel(stuck.id)
        assert (await engine.wait(stuck.id)).status is Status.CANCELLED
        slot_of(engine, lost).kill()
        assert (await engine.wait(lost.id)).status is Status.ABANDONED
        assert not any(entry.alive for entry in [*tree, *lost_tree])
        go.touch()
        result = await engine.wait(going.id)
    assert (result.status, result.exit_code) == (Status.FAILED, 5)


@pytest.mark.parametrize("use_cgroup", [True, False])
async def test_a_paused_tree_dies_with_its_supervisor(state: Path, tmp_path: Path, use_cgroup: bool) -> None:
    async with Engine(quick(use_cgroup=use_cgroup), state_dir=state) as engine:
        task, tree = await running(engine, tmp_path / "pids")
        await engine.pause(task.id)
        await status_becomes(engine, task.id, Status.PAUSED)
        slot_of(engine, task).kill()
        assert (await engine.wait(task.id)).status is Status.ABANDONED
    assert not any(entry.alive for entry in tree)


async def test_an_idle_supervisor_that_was_killed_is_replaced(state: Path) -> None:
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        first = await engine.run(TaskSpec(script="exit 1"))
        processes.process(first.supervision["supervisor"]).kill()
        second = await engine.run(TaskSpec(script="exit 2"))
    assert (first.exit_code, second.exit_code) == (1, 2)


async def test_an_abandoned_script_runs_again_only_if_it_was_declared_idempotent(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "starts"
    script = f'echo "$OPSCONSOLE_EXEC_ID" >> "{log}"; [ "${{OPSCONSOLE_EXEC_ID#*.}}" = 2 ] || exec sleep 300'
    async with Engine(quick(), state_dir=state) as engine:
        for idempotent in (False, True):
            task = await engine.submit(TaskSpec(script=script, idempotent=idempotent))
            await becomes(log.exists)
            await becomes(lambda: log.read_text().split()[-1:], [f"{task.id}.1"].__eq__)
            await status_becomes(engine, task.id, Status.RUNNING)
            slot_of(engine, task).kill()
            await engine.wait(task.id)
        attempts = [[attempt.status for attempt in engine.attempts(number)] for number in (1, 2)]
    assert attempts == [[Status.ABANDONED], [Status.ABANDONED, Status.COMPLETED]]
    assert log.read_text().split() == ["1.1", "2.1", "2.2"]


async def test_a_supervisor_killed_while_no_console_lived_is_found_by_the_next(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with Console(state).ready() as console:
        task_id = console.submit(TREE, env={"PIDS": str(file)})
        tree = await becomes(lambda: noted(file), lambda found: len(found) == TREE_SIZE)
        console.sees(task_id, "running")
        console.kill()
    (slot,) = [entry for entry in processes.slots(state) if kernel.children(entry.pid)]
    slot.kill()
    await becomes((state / "runs" / f"{task_id}.1" / "result.json").exists)
    assert not any(entry.alive for entry in tree)
    async with Engine(quick(), state_dir=state) as engine:
        result: ExecutionResult = await engine.wait(task_id)
    assert result.status is Status.ABANDONED
    assert result.reason == "the supervisor died (signal 9); its tree was killed"
