"""`show` of what is under way, and of how things ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from opsconsole import Engine, TaskSpec
from opsconsole.cli.objects import as_it_is, task_object
from opsconsole.cli.show import _killing
from opsconsole.models import ExecutionResult, Status

OpenEngine = Callable[..., Awaitable[Engine]]


def killing(result: ExecutionResult) -> str:
    [(label, text)] = _killing(result, result.supervision["leftovers"]).items()
    assert text.startswith(result.supervision["kill"])
    return f"{label}{text.removeprefix(result.supervision['kill'])}"


async def test_a_run_under_way_has_written_what_its_files_hold_now(open_engine: OpenEngine, tmp_path: Path) -> None:
    engine = await open_engine()
    os.mkfifo(tmp_path / "go")
    task = await engine.submit(TaskSpec(script=f"printf hello; printf oh >&2; read x < {tmp_path}/go; echo again"))
    folder = engine.paths.run_folder(f"{task.id}.1")
    while not all((folder / name).exists() and (folder / name).stat().st_size for name in ("stdout", "stderr")):
        await asyncio.sleep(0.01)
    while not engine.task(task.id).status.is_active:
        await asyncio.sleep(0.01)
    shown = task_object(engine, engine.task(task.id))["output"]
    assert (shown["stdout_bytes"], shown["stderr_bytes"]) == (5, 2)
    with (tmp_path / "go").open("w") as go:
        go.write("\n")
    result = await engine.wait(task.id)
    assert as_it_is(engine, result) is result and result.output["stdout_bytes"] == 11


async def test_killed_is_said_of_what_was_killed_and_else_what_the_means_would_be(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    by_itself = await engine.run(TaskSpec(script="exit 3"))
    late = await engine.run(TaskSpec(script="sleep 60", timeout_s=0.2))
    left = await engine.run(TaskSpec(script="sleep 60 &", kill_leftovers=True))
    assert (by_itself.status, killing(by_itself)) == (Status.FAILED, "means to kill (not used)")
    assert (late.status, killing(late)) == (Status.TIMED_OUT, "killed by")
    assert (left.status, killing(left)) == (Status.COMPLETED, "killed by")
