"""One slot, run after run: nothing of a run reaches the next."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsconsole.engine import Engine
from opsconsole.execution.supervisor import kernel
from opsconsole.models import ExecutionResult, ResourceLimits, Status, TaskSpec
from tests.faults import processes
from tests.faults.console import quick
from tests.faults.processes import becomes

PORTRAIT = r"""
echo "cwd=$PWD umask=$(umask) A=${A-none} B=${B-none} arguments=$*"
ulimit -a
grep -E '^(Sig[BIC]|ShdPnd|Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status
read -r -a f < /proc/$$/stat
[ "${f[4]}" = $$ ] && [ "${f[5]}" = $$ ] && echo "leads its session and its group, terminal ${f[6]}, nice ${f[18]}"
cat /proc/$$/oom_score_adj
env | sed 's/=.*//' | sort
echo descriptors; readlink /proc/$$/fd/*
"""

NASTY = """
cd /usr; umask 077; export A=from-the-nasty-one B=too
ulimit -n 40; ulimit -c 0; ulimit -s 4096; ulimit -f 1000; ulimit -v 4000000
trap '' TERM HUP PIPE USR1
renice -n 5 $$ >/dev/null
echo 500 > /proc/$$/oom_score_adj
exec 7</etc/passwd 8>&1
exec >/dev/null 2>&1
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


async def test_one_slot_shows_every_run_the_same_fresh_world(state: Path, tmp_path: Path) -> None:
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        portrait = TaskSpec(script=PORTRAIT, cwd=tmp_path)
        with umask(0o022):
            first = await engine.run(portrait)
        slot = first.supervision["supervisor"]
        disturbances = [
            TaskSpec(script=NASTY, cwd="/usr", env={"A": "1", "SECRET": "x"}),
            TaskSpec(script=NASTY + "kill -9 $$", env={"B": "2"}, timeout_s=60, limits=ResourceLimits(output=10)),
            TaskSpec(script="sleep 300", timeout_s=0.1),
            TaskSpec(script="(exit 1) & (exit 2) & wait; exit 4"),
            TaskSpec(script="exit 9", interpreter="python"),
            TaskSpec(argv=("/does/not/exist",), cwd="/usr"),
            TaskSpec(script="cat", stdin="/etc/hostname"),
            TaskSpec(script="cat", stdin="/does/not/exist"),
        ]
        for number, disturbance in enumerate(disturbances):
            with umask(0o027 if number % 2 else 0o002):
                disturbed = await engine.run(disturbance)
            assert disturbed.supervision["supervisor"] in (slot, None)
            with umask(0o022):
                again = await engine.run(portrait)
            assert again.supervision["supervisor"] == slot, "the slot was not used again"
            assert portrayed(again) == portrayed(first)
            assert again.read_stderr() == first.read_stderr() == b""
            assert again.supervision["leftovers"] == []
    seen = portrayed(first)
    assert "leads its session and its group, terminal 0, nice 0" in seen
    assert f"cwd={tmp_path} umask=0022 A=none B=none arguments=" in seen
    assert seen[seen.index("descriptors") + 1 :] == ["/dev/null", "pipe:[]", "pipe:[]", "script"]


def portrayed(result: ExecutionResult) -> list[str]:
    """The lines of a portrait without what must differ from run to run."""
    text = result.read_stdout().decode()
    return re.sub(r"pipe:\[\d+\]", "pipe:[]", re.sub(r"/\S+/script", "script", text)).splitlines()


async def test_each_run_has_its_own_folder_environment_umask_and_limit(state: Path, tmp_path: Path) -> None:
    script = 'echo "$PWD $(umask) ${A-none} ${B-none}"; head -c 5000 /dev/zero >&2'
    folders = [tmp_path / name for name in ("one", "two", "three")]
    slots, seen, kept = set(), [], []
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        for number in range(9):
            folder = folders[number % 3]
            folder.mkdir(exist_ok=True)
            env = {"A": str(number)} if number % 2 else {"B": str(number)}
            with umask((0o022, 0o077, 0o007)[number % 3]):
                spec = TaskSpec(script=script, cwd=folder, env=env, limits=ResourceLimits(output=1000 * (number % 4)))
                result = await engine.run(spec)
            slots.add(result.supervision["supervisor"])
            seen.append(result.read_stdout().decode().split())
            kept.append(len(result.read_stderr()))
    assert len(slots) == 1
    assert seen == [
        [
            str(folders[number % 3]),
            ("0022", "0077", "0007")[number % 3],
            str(number) if number % 2 else "none",
            "none" if number % 2 else str(number),
        ]
        for number in range(9)
    ]
    assert kept == [5000 if number % 4 == 0 else 1000 * (number % 4) for number in range(9)]


async def test_what_a_run_used_is_not_counted_with_the_next(state: Path) -> None:
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        heavy = await engine.run(
            TaskSpec(script="x = bytearray(150 << 20)\nfor i in range(3_000_000): pass", interpreter="python")
        )
        light = await engine.run(TaskSpec(script="true"))
    assert heavy.supervision["supervisor"] == light.supervision["supervisor"]
    assert heavy.metrics["max_rss_bytes"] > 150 << 20
    assert light.metrics["max_rss_bytes"] < 100 << 20
    assert light.metrics["user_cpu_s"] < heavy.metrics["user_cpu_s"]
    assert light.metrics["processes"] == 1


async def test_a_slot_with_leftovers_is_not_used_again_and_goes_with_them(state: Path) -> None:
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        used = []
        for script in ("sleep 300 & exit 0", "true", "setsid sleep 300 >/dev/null 2>&1 & exit 0", "true"):
            result = await engine.run(TaskSpec(script=script))
            assert result.status is Status.COMPLETED
            assert len(result.supervision["leftovers"]) == script.count("sleep")
            used.append(result.supervision["supervisor"])
        assert used[0] != used[1] == used[2] != used[3]
        for entry in processes.marked(state):
            entry.kill()
        await becomes(lambda: [entry.pid for entry in processes.slots(state)], lambda pids: pids == [used[3]])


async def test_engines_that_come_and_go_in_one_process_leave_no_dead_children(state: Path) -> None:
    strangers = set(kernel.children(os.getpid()))

    def parents() -> list[int]:
        found = [pid for pid in kernel.children(os.getpid()) if pid not in strangers]
        return [pid for pid in found if kernel.process_name(pid) == "opsconsole-runs"]

    for _ in range(5):
        async with Engine(quick(), state_dir=state) as engine:
            assert (await engine.run(TaskSpec(script="exit 3"))).exit_code == 3
        await becomes(
            lambda: [pid for pid in parents() if kernel.start_ticks(pid) is not None], lambda alive: not alive
        )
    async with Engine(quick(), state_dir=state):
        assert len(parents()) <= 1, "its own"
