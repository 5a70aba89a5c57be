"""The leader ends while something it started still holds the output: the run is over, and what lives is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.execution.outputs import Follower
from opsconsole.execution.supervisor import kernel
from opsconsole.models import ExecutionResult, ResourceLimits, Status, TaskSpec
from tests.faults import processes
from tests.faults.console import quick
from tests.faults.processes import NOTE, becomes, noted, status_becomes

MIB = 1 << 20
UNTIL_GO = 'until [ -e "$GO" ]; do sleep 0.01; done'

with_and_without_cgroup = pytest.mark.parametrize(
    "use_cgroup",
    [
        pytest.param(
            True,
            id="cgroup",
            marks=pytest.mark.skipif(kernel.cgroup_base() is None, reason="no writable cgroup v2 here"),
        ),
        pytest.param(False, id="subreaper"),
    ],
)


async def test_the_run_ends_within_a_second_and_leaves_what_runs_alone(state: Path, tmp_path: Path) -> None:
    delays = []
    async with Engine(quick(), state_dir=state) as engine:
        for number in range(8):  # a slow turn of a busy host is not the fault looked for
            file = tmp_path / f"pids-{number}"
            named = 'until read -r name < "/proc/$!/comm"; [ "$name" = sleep ]; do :; done'
            script = f"{NOTE}setsid sleep 300 & note $!; {named}; echo done; exit 7"
            result = await engine.run(TaskSpec(script=script, env={"PIDS": str(file)}))
            (left,) = noted(file)
            assert (result.status, result.exit_code) == (Status.FAILED, 7)
            assert result.read_stdout() == b"done\n"
            assert result.supervision["leftovers"] == [
                {"pid": left.pid, "start": left.start, "name": "sleep", "killed": False}
            ]
            assert left.alive
            delays.append(after_the_leader_s(result))
            if delays[-1] < 1.0:
                break
    assert min(delays) < 1.0


@pytest.mark.parametrize("child", ["setsid sleep 300", "setsid bash -c 'trap \"\" TERM; while :; do sleep 300; done'"])
@with_and_without_cgroup
async def test_leftovers_are_killed_where_that_was_asked_for(
    state: Path, tmp_path: Path, child: str, use_cgroup: bool
) -> None:
    file = tmp_path / "pids"
    async with Engine(quick(use_cgroup=use_cgroup), state_dir=state) as engine:
        spec = TaskSpec(script=f"{NOTE}{child} & note $!", env={"PIDS": str(file)}, kill_leftovers=True)
        result = await engine.run(spec)
    (left,) = noted(file)
    assert not left.alive
    assert processes.marked(state) == []
    assert (result.status, result.exit_code) == (Status.COMPLETED, 0)
    assert [entry["killed"] for entry in result.supervision["leftovers"] if entry["pid"] == left.pid] == [True]
    assert result.supervision["survivors"] == []


@with_and_without_cgroup
async def test_the_retired_slot_goes_on_moving_output_and_the_next_run_has_another(
    state: Path, tmp_path: Path, use_cgroup: bool
) -> None:
    go, file = tmp_path / "go", tmp_path / "pids"
    async with Engine(quick(use_cgroup=use_cgroup, concurrency=1), state_dir=state) as engine:
        script = f"{NOTE}({UNTIL_GO}; echo later; echo worse >&2) & note $!; echo first"
        first = await engine.run(TaskSpec(script=script, env={"PIDS": str(file), "GO": str(go)}))
        following = await engine.run(TaskSpec(script="echo second"))
        (left,) = noted(file)
        slot = processes.process(first.supervision["supervisor"])

        assert first.read_stdout() == b"first\n"
        assert following.read_stdout() == b"second\n"
        assert following.supervision["supervisor"] != slot.pid
        assert left.alive

        go.touch()
        await becomes(first.read_stdout, lambda kept: kept == b"first\nlater\n")
        await becomes(first.read_stderr, lambda kept: kept == b"worse\n")
        await becomes(lambda: slot.alive, lambda alive: not alive)
    assert left.dies()
    assert following.read_stdout() == b"second\n"


async def test_what_a_leftover_writes_later_stays_under_the_cap(state: Path, tmp_path: Path) -> None:
    go, ready = tmp_path / "go", tmp_path / "ready"
    limit = MIB
    async with Engine(quick(), state_dir=state) as engine:
        spec = TaskSpec(
            script=f'( : > "$READY"; {UNTIL_GO}; head -c {30 * MIB} /dev/zero | tr "\\0" x; echo END; sleep 300 ) & '
            f'until [ -e "$READY" ]; do :; done; head -c {20 * MIB} /dev/zero | tr "\\0" y',
            env={"GO": str(go), "READY": str(ready)},
            limits=ResourceLimits(output=limit),
        )
        result = await engine.run(spec)
        file = Path(result.output["stdout_path"])
        assert result.output["stdout_bytes"] >= 20 * MIB

        written, held = follow(state, result)
        assert written == 20 * MIB
        assert set(held) == {ord("y")}

        go.touch()
        await becomes(lambda: file.read_bytes()[-4:], lambda last: last == b"END\n")
        assert file.stat().st_blocks * 512 <= limit + 8 * MIB
        slot = processes.process(result.supervision["supervisor"])
        for entry in processes.marked(state):
            entry.kill()
        await becomes(lambda: slot.alive, lambda alive: not alive)
    kept = file.read_bytes()
    assert len(kept) == limit
    assert kept[: limit // 4] == b"y" * (limit // 4)
    assert kept[limit // 4 :] == b"x" * (limit - limit // 4 - 4) + b"END\n"


@with_and_without_cgroup
async def test_a_leftover_is_neither_killed_nor_counted_with_later_runs(
    state: Path, tmp_path: Path, use_cgroup: bool
) -> None:
    """Not by a cancel, not by `kill_leftovers`, not by the death of a later supervisor, whatever it hides."""
    go, file = tmp_path / "go", tmp_path / "pids"
    service = {
        "holds the output": "setsid sleep 300 & note $!",
        "let go of it": "setsid sleep 300 </dev/null >/dev/null 2>&1 & note $!",
        "has no mark": "env -i setsid sleep 300 </dev/null >/dev/null 2>&1 & note $!",
        "forks later": f"({UNTIL_GO}; sleep 300 & note $!) </dev/null >/dev/null 2>&1 &",
    }
    async with Engine(quick(use_cgroup=use_cgroup, concurrency=2), state_dir=state) as engine:
        environment = {"PIDS": str(file), "GO": str(go)}
        for script in service.values():
            await engine.run(TaskSpec(script=NOTE + script, env=environment))
        go.touch()
        left = await becomes(lambda: noted(file), lambda found: len(found) == 4)

        later = await engine.run(TaskSpec(script="sleep 0 & wait; sleep 300 & exit 0", kill_leftovers=True))
        assert later.metrics["processes"] <= 3
        assert len(later.supervision["leftovers"]) == 1

        cancelled = await engine.submit(TaskSpec(script="sleep 300"))
        await status_becomes(engine, cancelled.id, Status.RUNNING)
        await engine.cancel(cancelled.id)
        assert (await engine.wait(cancelled.id)).status is Status.CANCELLED

        tree = NOTE + "note $$; setsid sleep 300 & note $!; wait"
        orphaned = await engine.submit(TaskSpec(script=tree, env=environment))
        own = (await becomes(lambda: noted(file), lambda found: len(found) == 6))[4:]
        await status_becomes(engine, orphaned.id, Status.RUNNING)
        processes.process(engine.result(orphaned.id).supervision["supervisor"]).kill()
        assert (await engine.wait(orphaned.id)).status is Status.ABANDONED

        assert [entry.alive for entry in own] == [False, False]
        assert [entry.alive for entry in left] == [True] * 4
    for entry in left:
        entry.kill()


def after_the_leader_s(result: ExecutionResult) -> float:
    """Seconds from the leader's end to the run's."""
    assert result.finished_at is not None and result.started_at is not None and result.duration_s is not None
    return (result.finished_at - result.started_at) / 1e6 - result.duration_s


def follow(state: Path, result: ExecutionResult) -> tuple[int, bytes]:
    """(bytes written in all, those that were kept) as a reader that comes now sees them."""
    follower = Follower(state / "runs" / result.execution_id)
    total, held = 0, b""
    while chunks := follower.read():
        for chunk in chunks:
            total += chunk.missing + len(chunk.data)
            held += chunk.data
    follower.close()
    return total, held
