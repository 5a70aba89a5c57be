"""A new console takes over what a dead one left; two at once share one queue; nothing is claimed twice."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from opsconsole import host
from opsconsole.engine import Engine
from opsconsole.errors import IllegalTransition
from opsconsole.execution import runfolder
from opsconsole.execution.outputs import Follower
from opsconsole.execution.supervisor import claim
from opsconsole.models import Status, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.settings import RetrySettings
from tests.faults import processes
from tests.faults.console import Console, quick
from tests.faults.processes import becomes, soon_s, status_becomes
from tests.faults.test_storage_faults import HOUR_US, Skewed

LINES = 'for i in $(seq 1 100000); do echo "line $i"; if [ -e "$GO" ]; then exit 7; fi; sleep 0.02; done'


def rows(state: Path, question: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(f"file:{state}/opsconsole.db?mode=ro", uri=True)) as c:
        return [row[0] if len(row) == 1 else row for row in c.execute(question, values)]


def owner(state: Path, task_id: int) -> int:
    (found,) = rows(state, "SELECT console_id FROM execution WHERE task_id = ?", task_id)
    return int(found)


async def test_a_new_console_shows_the_live_output_and_the_true_exit_code(state: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Console(state).ready() as console:
        task_id = console.submit(LINES, env={"GO": str(go)})
        console.sees(task_id, "running")
        console.kill()

    async with Engine(quick(), state_dir=state) as engine:
        follower = Follower(state / "runs" / engine.task(task_id).execution_id)
        shown = bytearray()

        def more() -> int:
            for chunk in follower.read():
                shown.extend(chunk.data)
            return shown.count(b"\n")

        before = await becomes(more, lambda count: count >= 1)
        await becomes(more, lambda count: count >= before + 5)
        assert engine.task(task_id).status is Status.RUNNING
        go.touch()
        result = await engine.wait(task_id)
        while not follower.ended:
            more()
        more()
        follower.close()
    assert (result.status, result.exit_code) == (Status.FAILED, 7)
    written = result.read_stdout()
    assert written.splitlines() == [f"line {n}".encode() for n in range(1, written.count(b"\n") + 1)]
    assert written == bytes(shown)


async def test_a_paused_run_stays_paused_and_the_new_console_resumes_it(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Console(state).ready() as console:
        task_id = console.submit(f'while :; do echo x >> "{log}"; [ -e "{log}.go" ] && exit 4; sleep 0.01; done')
        await becomes(log.exists)
        console.sees(task_id, "running")
        console.call("pause", task=task_id)
        console.sees(task_id, "paused")
        console.kill()
    written = log.stat().st_size
    Path(f"{log}.go").touch()
    async with Engine(quick(), state_dir=state) as engine:
        assert engine.task(task_id).status is Status.PAUSED
        assert log.stat().st_size == written
        await engine.resume(task_id)
        result = await engine.wait(task_id)
        told = [event.what for event in engine.course(task_id).events]
    assert (result.status, result.exit_code) == (Status.FAILED, 4)
    assert result.supervision["paused_s"] > 0
    assert told == [
        "queued", "claimed", "started", "pause_asked", "paused", "taken_over", "resume_asked", "resumed", "failed",
    ]  # fmt: skip


async def test_two_consoles_see_everything_and_either_commands_every_run(state: Path) -> None:
    with Console(state, claims="own").ready() as other:  # else either could take what the other one submits
        theirs = other.submit("sleep 300")
        async with Engine(quick(), state_dir=state) as engine:
            await status_becomes(engine, theirs, Status.RUNNING)
            ours = (await engine.submit(TaskSpec(script="sleep 300"))).id
            await asyncio.to_thread(other.sees, ours, "running")
            assert set(rows(state, "SELECT count(DISTINCT console_id) FROM execution")) == {2}

            await engine.pause(theirs)
            other.call("pause", task=ours)
            await status_becomes(engine, theirs, Status.PAUSED)
            await asyncio.to_thread(other.sees, ours, "paused")
            await engine.resume(theirs)
            other.call("resume", task=ours)
            await status_becomes(engine, theirs, Status.RUNNING)
            await status_becomes(engine, ours, Status.RUNNING)
            await engine.cancel(theirs)
            other.call("cancel", task=ours)
            results = [await engine.wait(task_id) for task_id in (theirs, ours)]
            assert [result.status for result in results] == [Status.CANCELLED] * 2
            assert other.call("wait", task=ours)["status"] == "cancelled"


async def test_tasks_of_two_consoles_run_once_each_and_share_the_limit(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f'echo "+ $OPSCONSOLE_EXEC_ID" >> "{log}"; sleep 0.05; echo "- $OPSCONSOLE_EXEC_ID" >> "{log}"'
    with Console(state, concurrency=3).ready() as other:
        async with Engine(quick(concurrency=3), state_dir=state) as engine:
            specs = [TaskSpec(script=script) for _ in range(20)]
            tasks, theirs = await asyncio.gather(
                engine.submit_many(specs), asyncio.to_thread(lambda: [other.submit(script) for _ in range(20)])
            )
            for task_id in [*(task.id for task in tasks), *theirs]:
                assert (await engine.wait(task_id)).status is Status.COMPLETED
    lines = log.read_text().splitlines()
    going = most = 0
    for line in lines:
        going += 1 if line[0] == "+" else -1
        most = max(most, going)
    assert sorted(line[2:] for line in lines if line[0] == "+") == sorted(f"{n}.1" for n in range(1, 41))
    assert most <= 3


async def test_a_dead_owners_rows_are_taken_over_within_two_seconds(state: Path, tmp_path: Path) -> None:
    async with Engine(quick(), state_dir=state) as engine:

        async def take_over(go: Path) -> float:
            with Console(state, claims="own").ready() as other:
                task_id = other.submit(f'until [ -e "{go}" ]; do sleep 0.01; done; exit 4')
                await asyncio.to_thread(other.sees, task_id, "running")
                first = owner(state, task_id)
                began = time.monotonic()
                other.kill()
                second = await becomes(lambda: owner(state, task_id), lambda found: found != first)
                took = time.monotonic() - began
            assert [second] == [console.id for console in engine.consoles()]
            go.touch()
            assert (await engine.wait(task_id)).exit_code == 4
            return took

        for number in range(6):  # a slow turn of a busy host is not the fault looked for
            if await take_over(tmp_path / f"go-{number}") < await soon_s(engine):
                return
    pytest.fail("it took two seconds and more, six times")


async def test_what_only_the_dead_console_could_claim_is_open_to_all(state: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Console(state, claims="own", concurrency=1).ready() as other:
        first = other.submit(f'until [ -e "{go}" ]; do sleep 0.01; done')
        second = other.submit("exit 6")
        async with Engine(quick(concurrency=4), state_dir=state) as engine:
            await status_becomes(engine, first, Status.RUNNING)
            assert engine.task(second).status is Status.QUEUED
            other.kill()
            assert (await engine.wait(second)).exit_code == 6
            go.touch()
            assert (await engine.wait(first)).status is Status.COMPLETED


# -- at any moment of its life


async def test_a_task_is_cancelled_while_it_waits_is_prepared_runs_is_paused_or_backs_off(state: Path) -> None:
    slow = RetrySettings(base_s=60, max_s=60)
    async with Engine(quick(slow, concurrency=8), state_dir=state) as engine:
        held = (await engine.submit(TaskSpec(script="true", hold=True))).id
        follows = (await engine.submit(TaskSpec(script="true", after=held))).id
        running = (await engine.submit(TaskSpec(script="sleep 300"))).id
        paused = (await engine.submit(TaskSpec(script="trap '' TERM; sleep 300"))).id
        backs_off = (await engine.submit(TaskSpec(script="exit 1", retries=3))).id
        await status_becomes(engine, running, Status.RUNNING)
        await status_becomes(engine, paused, Status.RUNNING)
        await engine.pause(paused)
        await status_becomes(engine, paused, Status.PAUSED)
        await status_becomes(engine, backs_off, Status.WAITING)
        prepared = [(await engine.submit(TaskSpec(script="sleep 300"))).id for _ in range(3)]
        for task_id in [*prepared, held, running, paused, backs_off]:
            await engine.cancel(task_id)
        all_of_them = [*prepared, held, follows, running, paused, backs_off]
        results = {task_id: await engine.wait(task_id) for task_id in all_of_them}
        with pytest.raises(IllegalTransition):
            await engine.cancel(running)
    assert {result.status for task_id, result in results.items() if task_id != backs_off} == {Status.CANCELLED}
    assert rows(state, "SELECT status FROM task WHERE id = ?", backs_off) == ["cancelled"]
    assert rows(state, "SELECT status FROM execution WHERE task_id = ?", backs_off) == ["failed"]
    assert processes.marked(state) == []


async def test_a_pause_that_comes_before_the_spawn_is_not_lost(state: Path, tmp_path: Path) -> None:
    """The command file is there before the supervisor has even claimed."""
    log, go = tmp_path / "log", tmp_path / "go"
    async with Engine(quick(), state_dir=state) as engine:
        runfolder.command(StatePaths(state).run_folder("1.1"), 1, "pause", "test")
        task = await engine.submit(TaskSpec(script=f'until [ -e "{go}" ]; do sleep 0.01; done; echo done > "{log}"'))
        await status_becomes(engine, task.id, Status.PAUSED)
        go.touch()
        await engine.resume(task.id)
        assert (await engine.wait(task.id)).status is Status.COMPLETED
    assert log.read_text() == "done\n"


async def test_a_restart_in_the_middle_of_a_backoff_keeps_it(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f'echo "$OPSCONSOLE_EXEC_ID" >> "{log}"; exit $(( ${{OPSCONSOLE_EXEC_ID#*.}} < 2 ))'
    delay = RetrySettings(base_s=3600, max_s=3600, jitter=0)
    clock = Skewed()
    async with Engine(quick(delay), state_dir=state, clock=clock) as engine:
        task = await engine.submit(TaskSpec(script=script, retries=1))
        await status_becomes(engine, task.id, Status.WAITING)
        due = engine.task(task.id).due_at
    async with Engine(quick(delay), state_dir=state, clock=clock) as engine:
        assert (await engine.run(TaskSpec(script="true"))).succeeded, "it works, and could have started it"
        kept = engine.task(task.id)
        assert (kept.status, kept.due_at, kept.attempt) == (Status.WAITING, due, 2)
        clock.behind = -HOUR_US
        assert (await engine.wait(task.id)).status is Status.COMPLETED
    assert log.read_text().split() == ["1.1", "1.2"]


# -- without a console


async def test_looking_settles_what_ended_without_a_console(state: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Console(state).ready() as console:
        ended = console.submit(f'until [ -e "{go}" ]; do sleep 0.01; done; exit 4')
        alive = console.submit("sleep 300")
        lost = console.submit("sleep 300")
        for task_id in (ended, alive, lost):
            console.sees(task_id, "running")
        console.kill()
    slots = dict(rows(state, "SELECT task_id, supervisor_pid FROM execution"))
    go.touch()
    await becomes(lambda: (state / "runs" / f"{ended}.1" / "result.json").exists())
    slot = processes.process(slots[lost])
    slot.kill()
    assert slot.dies()

    with Engine.look(quick(), state_dir=state) as engine:
        assert engine.result(ended).exit_code == 4
        assert engine.result(lost).status is Status.ABANDONED
        assert engine.task(alive).status is Status.RUNNING
        engine.command("cancel", alive)
    await becomes(lambda: (state / "runs" / f"{alive}.1" / "result.json").exists())
    with Engine.look(quick(), state_dir=state) as engine:
        assert engine.result(alive).status is Status.CANCELLED


# -- claimed, and never launched


def claimed_by_a_dead_console(state: Path, script: str) -> int:
    """A task whose console died between the commit of its claim and the launch."""
    from opsconsole.storage import consoles, database, tasks

    with Engine.look(quick(), state_dir=state) as engine:
        task_id = engine.add(TaskSpec(script=script)).id
        paths, origin = engine.paths, engine.origin
    with closing(database.open_database(paths.database, print)) as c:
        c.execute("BEGIN IMMEDIATE")
        dead = consoles.register(
            c, paths, origin, "all", pid=1, started=1, boot=host.boot_id(), now=time.time_ns() // 1000
        )
        claims = tasks.claim(c, dead.id, 1, 8, time.time_ns() // 1000, host.boot_id(), own_only=False)
        c.execute("COMMIT")
        dead.release()
    assert [claimed.execution_id for claimed in claims] == [f"{task_id}.1"]
    return task_id


async def test_a_launch_that_was_never_claimed_is_queued_again_and_runs_once(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    task_id = claimed_by_a_dead_console(state, f'echo "$OPSCONSOLE_EXEC_ID" >> "{log}"; exit 3')
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.wait(task_id)
    assert (result.status, result.exit_code) == (Status.FAILED, 3)
    assert log.read_text() == "1.1\n"
    assert rows(state, "SELECT launch FROM execution") == [2]


async def test_the_late_supervisor_of_a_voided_launch_cannot_start_it(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    task_id = claimed_by_a_dead_console(state, f'echo "$OPSCONSOLE_EXEC_ID" >> "{log}"')
    folder = StatePaths(state).run_folder(f"{task_id}.1")
    async with Engine(quick(), state_dir=state) as engine:
        await engine.wait(task_id)
        late = claim.take(str(folder / "claim.1"), None, {"supervisor": 1, "start": 1})
        assert late is None, "the late supervisor won a claim that had been voided"
    assert log.read_text() == f"{task_id}.1\n"


def test_a_claim_is_won_by_exactly_one_whoever_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "1.1"
    folder.mkdir()
    won = claim.take(str(folder / "claim.1"), None, {"supervisor": 1, "start": 1})
    assert won is not None
    assert claim.take(str(folder / "claim.1"), None, {"supervisor": 2, "start": 2}) is None
    assert not runfolder.void(folder, 1)
    assert runfolder.inspect(folder, 1).standing == "alive"
    won.release()
    assert runfolder.inspect(folder, 1).standing == "dead"
    assert not runfolder.void(folder, 1)

    (folder / "claim.2").touch()  # its supervisor died between making it and writing it
    assert runfolder.void(folder, 2)
    assert claim.take(str(folder / "claim.2"), None, {"supervisor": 3, "start": 3}) is None
    assert runfolder.inspect(folder, 2).standing == "unclaimed"


async def test_a_launch_cancelled_before_its_claim_never_runs(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    task_id = claimed_by_a_dead_console(state, f'echo ran >> "{log}"')
    with Engine.look(quick(), state_dir=state) as engine:
        assert engine.task(task_id).status is Status.QUEUED, "looking voids and queues again"
    with closing(sqlite3.connect(state / "opsconsole.db")) as c:
        c.execute("DELETE FROM task")
        c.execute("DELETE FROM execution")
        c.commit()
    task_id = claimed_by_a_dead_console(state, f'echo ran >> "{log}"')
    engine = Engine.look(quick(), state_dir=state)
    engine._open()
    engine.command("cancel", task_id)
    engine._close_store()
    async with Engine(quick(), state_dir=state) as other:
        await status_becomes(other, task_id, Status.CANCELLED)
    assert not log.exists()
