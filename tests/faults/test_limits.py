"""Limits hold on real processes, the record says why a run died, and no group outlives its run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opsconsole.engine import Engine
from opsconsole.errors import ExecutionTimeout, ResourceLimitExceeded
from opsconsole.execution import slots
from opsconsole.execution.supervisor import controllers
from opsconsole.models import ExecutionResult, ResourceLimits, Status, TaskSpec
from tests.faults import processes
from tests.faults.console import Console, environment, quick
from tests.faults.processes import NOTE, becomes, noted, status_becomes, wait_until
from tests.faults.test_tree_kill import AS_NOBODY, needs_root, needs_setpriv, nobodys, nobodys_python, one_by_one

__all__ = ["nobodys"]

MIB = 1 << 20
PLACES = controllers.find(os.getpid()).found
BOMB = '( :(){ :|:& };: ) & until [ -s "$OPSCONSOLE_RUN_FOLDER/stderr" ]; do :; done'
"""Its leader waits until the bomb was refused a process: how fast it grows is the host's affair. It makes none itself
meanwhile: bash would try again for fifteen seconds.
"""
FORKS = 'python3 -c \'import subprocess as s; x = [s.Popen(["sleep", "300"]) for _ in range(300)]\''
"""Not a loop of bash: it tries a fork again after a while, and may succeed when the first ones have ended. So many,
for the limit is on top of what the user runs at its start, and that may end.
"""
GREEDY = f"{sys.executable} -c 'a=[0]*10**9'"


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if name not in PLACES]
    return pytest.mark.skipif(bool(missing), reason=f"no cgroup for {', '.join(missing)} can be made by this user")


def one_blow() -> bool:
    return "memory" in PLACES and PLACES["memory"].tier == "cgroup2"


def groups() -> list[str]:
    """Groups of runs that exist now."""
    return [
        f"{place.folder}/{name}"
        for place in PLACES.values()
        for name in os.listdir(place.folder)
        if name.startswith(controllers.RUN_PREFIX)
    ]


def groups_of(pid: int) -> list[str]:
    return [path for path in groups() if f"-{pid}-" in path]


async def run(state: Path, script: str, settings: Any = None, **limits: Any) -> ExecutionResult:
    """One run under limits; its group is gone afterwards."""
    timeout_s = limits.pop("timeout_s", 45.0)
    async with Engine(settings or quick(), state_dir=state) as engine:
        spec = TaskSpec(script=script, limits=ResourceLimits(**limits), timeout_s=timeout_s, allow=("fork-bomb",))
        result = await engine.run(spec)
        assert groups_of(result.supervision["supervisor"]) == []
    return result


def tiers(result: ExecutionResult) -> dict[str, str | None]:
    return {name: each["tier"] for name, each in result.containment["limits"].items() if isinstance(each, dict)}


# -- memory


@needs("memory")
async def test_what_takes_too_much_memory_is_killed_and_the_record_says_so(state: Path) -> None:
    result = await run(state, GREEDY, memory=100 * MIB)
    assert (result.status, result.reason) == (Status.FAILED, "memory_limit")
    assert result.exit_code == 137 or result.signal == "SIGKILL"
    assert tiers(result)["memory"] == PLACES["memory"].tier
    assert result.containment["limit_events"]["oom_kills"] >= 1
    assert 90 * MIB <= result.metrics["memory_peak_bytes"] <= 100 * MIB
    with pytest.raises(ResourceLimitExceeded, match=r"memory_limit \(memory: the limit of 100 MiB was reached"):
        result.raise_for_status()


@needs("memory")
async def test_the_limit_counts_the_tree_and_not_each_process(state: Path) -> None:
    child = f"{sys.executable} -c 'import time; a=bytearray(60<<20); time.sleep(300)'"
    script = f"{child} & one=$!; {child} & wait -n; code=$?; kill $one $! 2>/dev/null; wait; exit $code"
    result = await run(state, script, memory=100 * MIB)
    assert (result.status, result.reason) == (Status.FAILED, "memory_limit")


@needs("memory")
async def test_a_limit_below_the_size_of_a_slot_does_not_strike_the_slot(state: Path) -> None:
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        limits = ResourceLimits(memory=8 * MIB)
        small = await engine.run(TaskSpec(argv=("/bin/true",), limits=limits))
        greedy = await engine.run(TaskSpec(script=GREEDY, limits=limits))
        after = await engine.run(TaskSpec(script="true"))
    assert (small.status, greedy.reason, after.status) == (Status.COMPLETED, "memory_limit", Status.COMPLETED)
    assert small.supervision["supervisor"] == greedy.supervision["supervisor"] == after.supervision["supervisor"]


_LATE = """
import time
from supervisor import groups
step_out = groups.RunGroup._step_out
def late(group):
    step_out(group)
    while group.number("memory", "memory.current", "memory.usage_in_bytes") < 20 << 20:
        time.sleep(0.01)
groups.RunGroup._step_out = late
"""
"""A slot on a busy host: before it has set the limit, the run has outgrown it."""


@needs("memory")
async def test_a_run_that_outgrows_its_memory_before_the_limit_is_set_does_not_strike_the_slot(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_BOOT", f"{slots._BOOT.removesuffix('main()')}exec({_LATE!r});main()")
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        grows = (sys.executable, "-c", "import time; a=bytearray(30<<20); time.sleep(300)")
        greedy = await engine.run(TaskSpec(argv=grows, limits=ResourceLimits(memory=8 * MIB, swap=0)))
        after = await engine.run(TaskSpec(script="exit 3"))
    assert (greedy.status, greedy.reason) == (Status.FAILED, "memory_limit")
    assert (after.exit_code, after.supervision["supervisor"]) == (3, greedy.supervision["supervisor"])


@needs("memory")
@pytest.mark.skipif(one_blow(), reason="cgroup v2 kills the whole run at once")
async def test_a_script_that_copes_with_a_killed_child_completes_with_a_note(state: Path) -> None:
    result = await run(state, f"{GREEDY} || echo went on", memory=100 * MIB)
    assert (result.status, result.reason, result.read_stdout()) == (Status.COMPLETED, None, b"went on\n")
    assert "the kernel killed" in result.containment["limit_notes"][0]
    assert result.raise_for_status() is result


# -- processes


@needs("pids", "memory")
@pytest.mark.parametrize("use_cgroup", [True, False])
async def test_a_fork_bomb_ends_with_everything_killed(state: Path, use_cgroup: bool) -> None:
    result = await run(state, BOMB, quick(use_cgroup=use_cgroup), pids=64, memory=100 * MIB)
    assert (result.status, result.reason, result.supervision["survivors"]) == (Status.FAILED, "pids_limit", [])
    assert result.containment["limit_events"]["pids_refused"] > 0
    assert all(entry["killed"] for entry in result.supervision["leftovers"])
    assert processes.marked(state) == []


@needs("pids")
async def test_a_script_that_may_have_one_process_cannot_fork(state: Path) -> None:
    assert (await run(state, "echo alone", pids=1)).status is Status.COMPLETED
    forks = "import os\nwhile True: os.waitpid(os.fork() or os._exit(0), 0)"  # the slot has room until it is out
    result = await run(state, f"exec {sys.executable} -c '{forks}'", pids=1)  # bash would try again for long
    assert result.containment["limit_events"]["pids_refused"] > 0
    assert (result.status, result.reason) == (Status.FAILED, "pids_limit")


# -- CPU and disk


@needs("cpu")
async def test_a_share_of_a_core_is_not_exceeded_and_a_timeout_says_what_held_it_back(state: Path) -> None:
    for timeout_s in (2.0, 4.0, 8.0):  # a host that has no core to give holds nobody back
        result = await run(state, "while :; do :; done", cpu=0.2, timeout_s=timeout_s)
        assert result.status is Status.TIMED_OUT
        used = result.metrics["user_cpu_s"] + result.metrics["system_cpu_s"]
        assert result.duration_s is not None and used < 0.2 * result.duration_s + 0.3
        if used > 0.1 and result.containment["limit_notes"]:
            break
    assert used > 0.1
    assert "held back" in result.containment["limit_notes"][0]
    with pytest.raises(ExecutionTimeout):
        result.raise_for_status()


@needs("io")
async def test_direct_writes_are_slowed_down(state: Path, tmp_path: Path) -> None:
    if controllers_device(tmp_path) is None:
        pytest.skip("the temporary directory is on no disk of its own")
    script = f"dd if=/dev/zero of={tmp_path}/big bs=1M count=4 oflag=direct"
    plain = await run(state, script)
    if not plain.succeeded:
        pytest.skip("this file system has no direct writes")
    slow = await run(state, script, write_bps=4 * MIB)
    assert slow.succeeded
    assert (slow.duration_s or 0) > 0.7


def controllers_device(path: Path) -> str | None:
    from opsconsole.execution.supervisor.limits import device_of

    return device_of(str(path))


# -- rlimits


async def test_a_file_may_not_grow_beyond_its_limit(state: Path, tmp_path: Path) -> None:
    big = tmp_path / "big"
    result = await run(state, f"exec dd if=/dev/zero of={big} bs=64k count=100", file_size=MIB)
    assert (result.status, result.reason, result.signal) == (Status.FAILED, "file_size_limit", "SIGXFSZ")
    assert big.stat().st_size == MIB


async def test_what_a_script_prints_is_no_file(state: Path) -> None:
    result = await run(state, "head -c 3000000 /dev/zero", file_size=MIB)
    assert (result.status, result.output["stdout_bytes"]) == (Status.COMPLETED, 3_000_000)


async def test_too_many_open_files_are_suspected(state: Path) -> None:
    script = f"{sys.executable} -c 'x=[open(\"/dev/null\") for _ in range(200)]'"
    result = await run(state, script, open_files=50)
    assert (result.status, result.reason) == (Status.FAILED, "open_files_limit_suspected")


async def test_the_limits_of_one_run_do_not_reach_the_next(state: Path) -> None:
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        show = "ulimit -f -n -c -u -d"
        before = await engine.run(TaskSpec(script=show))
        limited = await engine.run(TaskSpec(script=show, limits=ResourceLimits(file_size=5 * MIB, open_files=77)))
        after = await engine.run(TaskSpec(script=show))
    assert b"77" in limited.read_stdout()
    assert before.read_stdout() == after.read_stdout() != limited.read_stdout()
    assert before.supervision["supervisor"] == after.supervision["supervisor"]


@one_by_one
@needs_root
@needs_setpriv
@pytest.mark.parametrize(
    ("script", "limits", "reason", "tier"),
    [
        pytest.param("python3 -c 'a=[0]*10**9'", ["memory=200M"], "memory_limit_suspected", "memory", id="memory"),
        pytest.param(FORKS, ["pids=10"], "pids_limit_suspected", "pids", id="forks"),
        pytest.param(BOMB, ["pids=20"], "pids_limit_suspected", "pids", id="bomb"),
    ],
)
def test_an_ordinary_user_without_a_group_has_rlimits_and_is_told(
    nobodys: Path, script: str, limits: list[str], reason: str, tier: str
) -> None:
    asked = [word for limit in limits for word in ("--limit", limit)]
    result = as_nobody(nobodys, "-c", script, "--allow", "fork-bomb", *asked)
    containment = result["containment"]
    assert (result["status"], result["reason"]) == ("failed", reason)
    assert containment["limits"][tier]["tier"] == "rlimit"
    assert containment["degraded"][0].startswith(f"{tier}: rlimit (RLIMIT_")
    assert containment["limit_notes"][0].startswith(f"{tier}: limited to")


@one_by_one
@needs_root
@needs_setpriv
def test_a_limit_that_an_ordinary_user_cannot_have_is_refused(nobodys: Path) -> None:
    result = as_nobody(nobodys, "-c", "true", "--limit", "cpu=50%")
    assert result["status"] == "refused"
    assert "cpu: not limited" in result["reason"]
    assert "systemd-run --user --scope" in result["reason"]


def as_nobody(folder: Path, *words: str) -> dict[str, Any]:
    state = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "OPSCONSOLE_STATE_DIR": str(folder / "state")}
    done = subprocess.run(
        [*AS_NOBODY, nobodys_python(folder), "-m", "opsconsole", *words, "--json"],
        env={**environment(), **state},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


# -- nothing stays


@needs("memory", "pids")
async def test_the_group_of_a_killed_slot_goes_with_its_tree(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    async with Engine(quick(), state_dir=state) as engine:
        script = NOTE + "sleep 300 & note $!; note $$; wait"
        spec = TaskSpec(script=script, env={"PIDS": str(file)}, limits=ResourceLimits(memory=100 * MIB, pids=64))
        task = await engine.submit(spec)
        tree = await becomes(lambda: noted(file), lambda found: len(found) == 2)
        await status_becomes(engine, task.id, Status.RUNNING)
        slot = processes.process(engine.result(task.id).supervision["supervisor"])
        assert groups_of(slot.pid)
        slot.kill()
        result = await engine.wait(task.id)
        assert result.status is Status.ABANDONED
        assert not any(entry.alive for entry in tree)
        await becomes(lambda: groups_of(slot.pid), lambda found: found == [])


@needs("memory", "pids")
async def test_the_group_of_a_slot_that_died_with_its_parent_goes_with_the_next(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with Console(state) as console:
        console.ready()
        script = NOTE + "note $$; note $PPID; sleep 300"
        task = console.submit(script, env={"PIDS": str(file)}, limits={"memory": 100 * MIB, "pids": 64})
        console.sees(task, "running")
        assert wait_until(lambda: len(noted(file)) == 2)
        leader, slot = noted(file)
        parent = processes.process(int(Path(f"/proc/{slot.pid}/stat").read_text().rpartition(")")[2].split()[1]))
        assert groups_of(slot.pid)
        console.kill()  # first: it would kill what is left of the run, and take the group away
        for each in (parent, slot, leader):
            each.kill()
            assert each.dies()
    assert groups_of(slot.pid)
    await run(state, "true")
    assert wait_until(lambda: groups_of(slot.pid) == [])


@needs("pids")
async def test_what_a_run_leaves_running_stays_within_its_limits(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    script = NOTE + "sleep 300 & note $!"
    async with Engine(quick(), state_dir=state) as engine:
        spec = TaskSpec(script=script, env={"PIDS": str(file)}, limits=ResourceLimits(pids=64))
        result = await engine.run(spec)
        (left,) = noted(file)
        assert result.status is Status.COMPLETED
        (group,) = [
            path for path in groups_of(result.supervision["supervisor"]) if path.startswith(PLACES["pids"].folder)
        ]
        assert controllers.read(f"{group}/cgroup.procs").split() == [str(left.pid)]
        left.kill()
    await run(state, "true")
    assert wait_until(lambda: groups_of(result.supervision["supervisor"]) == [])
