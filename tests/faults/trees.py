"""Trees that are hard to kill, and one engine that stops all of them at once; also a program, for another user.

Each script notes every process it makes (pid and start time) in $PIDS, so that the test does not rely on what the
engine itself can see.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from opsconsole.engine import Engine
from opsconsole.models import ExecutionResult, TaskSpec
from tests.faults.console import quick
from tests.faults.processes import NOTE, Process, becomes, marked, noted

STUBBORN = "trap '' TERM HUP INT; note $BASHPID; while :; do sleep 300; done"

SHAPES: dict[str, tuple[int, str]] = {
    "background": (2, "sleep 300 & note $!; note $$; wait"),
    "nohup": (2, "nohup sleep 300 >/dev/null 2>&1 & note $!; note $$; wait"),
    "setsid": (2, "setsid sleep 300 & note $!; note $$; wait"),
    "double fork": (2, "( ( exec setsid bash -c 'note $$; exec sleep 300' ) & ); note $$; sleep 300"),
    "double fork without a mark": (
        2,
        '( ( exec env -i PIDS="$PIDS" setsid bash -c \'read -r -a f < /proc/$$/stat; echo "$$ ${f[21]}" >> "$PIDS"; '
        "exec sleep 300' ) & ); note $$; sleep 300",
    ),
    "TERM ignored": (2, "trap '' TERM; sleep 300 & note $!; note $$; while :; do sleep 300; done"),
    "stopped child": (2, "sleep 300 & note $!; kill -STOP $!; note $$; wait"),
    "stopped, TERM ignored": (2, "bash -c \"trap '' TERM; note \\$\\$; kill -STOP \\$\\$; sleep 300\" & note $$; wait"),
    "holds stdout after the leader ended": (2, f'setsid bash -c "{STUBBORN}" & note $$; exec sleep 300'),
    "breeds": (1, "trap '' TERM; note $$; while :; do setsid sleep 300 & sleep 0.02; done"),
}
"""Name → (how many processes it notes at least, script)."""


async def stop_all(state: Path, how: str, *, use_cgroup: bool, timeout_s: float = 2.0) -> dict[str, Any]:
    """Run every shape at once and stop it by `cancel` or `timeout`; what is wrong, by shape, and the mechanisms."""
    pids = {name: state.with_name(f"{how}-{timeout_s:g}-{name}.pids") for name in SHAPES}
    settings = quick(use_cgroup=use_cgroup, concurrency=len(SHAPES))
    async with Engine(settings, state_dir=state) as engine:
        specs = [
            TaskSpec(
                script=NOTE + script,
                name=name,
                env={"PIDS": str(pids[name])},
                timeout_s=timeout_s if how == "timeout" else None,
            )
            for name, (_, script) in SHAPES.items()
        ]
        tasks = await engine.submit_many(specs)
        if how == "cancel":
            for name, (count, _) in SHAPES.items():
                await becomes(lambda file=pids[name]: noted(file), lambda found, n=count: len(found) >= n)  # type: ignore[misc]
            for task in tasks:
                await engine.cancel(task.id)
        results = [await engine.wait(task.id) for task in tasks]
        left = marked(state)
    late = [name for name, (count, _) in SHAPES.items() if len(noted(pids[name])) < count]
    if late and timeout_s < 30:  # a busy host: the time was over before they were ready
        return await stop_all(state, how, use_cgroup=use_cgroup, timeout_s=timeout_s * 3)
    wanted = "cancelled" if how == "cancel" else "timed_out"
    wrong = {
        result.name: problems for result in results if (problems := _problems(result, wanted, noted(pids[result.name])))
    }
    return {
        "wrong": wrong,
        "late": late,
        "left": [entry.pid for entry in left],
        "kill": sorted({str(result.supervision["kill"]) for result in results}),
    }


def _problems(result: ExecutionResult, wanted: str, processes: list[Process]) -> list[str]:
    problems = [f"{process.pid} lives" for process in processes if process.alive]
    if result.status != wanted:
        problems.append(f"{result.status} in place of {wanted}: {result.reason}")
    if result.supervision["survivors"]:
        problems.append(f"survivors: {result.supervision['survivors']}")
    return problems


async def outlive(state: Path, program: str) -> dict[str, Any]:
    """Cancel a run whose child cannot be signalled by us (`program` is setuid root); what the record says."""
    file = state.with_name("setuid.pids")
    script = f"trap '' TERM; {program} --reuid=0 --clear-groups sleep 300 & note $!; note $$; while :; do sleep 1; done"
    async with Engine(quick(concurrency=2, kill_wait_s=3.0), state_dir=state) as engine:
        task = await engine.submit(TaskSpec(script=NOTE + script, env={"PIDS": str(file)}))
        found = await becomes(lambda: noted(file), lambda found: len(found) == 2)
        child = Path(f"/proc/{found[0].pid}/status")
        await becomes(lambda: "Uid:\t0\t0\t0" in child.read_text())
        await engine.cancel(task.id)
        result = await engine.wait(task.id)
        after = await engine.run(TaskSpec(script="true"))
    return {
        "status": result.status,
        "reason": result.reason,
        "survivors": result.supervision["survivors"],
        "child": found[0].pid,
        "leader_lives": found[1].alive,
        "after": {"status": after.status, "processes": after.metrics["processes"]},
        "same_slot": after.supervision["supervisor"] == result.supervision["supervisor"],
    }


if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    work = outlive(Path(folder), *rest) if what == "outlive" else stop_all(Path(folder), what, use_cgroup=True)
    print(json.dumps(asyncio.run(work)))
