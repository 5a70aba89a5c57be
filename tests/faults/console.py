"""A console in a process of its own, to be killed: `Console` here, `main` there, one JSON line each way per call."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from opsconsole.models import ResourceLimits, TaskSpec
from opsconsole.safety.review.shell import parser
from opsconsole.settings import ExecutionSettings, RetrySettings, Settings
from tests import measured
from tests.faults.processes import wait_until

ROOT = Path(__file__).parents[2]
QUICK = ExecutionSettings(grace_s=0.3, kill_wait_s=15.0, min_free=0)
"""What is killed is dead long before: the wait is so long for hosts on which the dying have to wait for a turn."""
SOON = RetrySettings(base_s=0.05, max_s=1.0)


def quick(retry: RetrySettings = SOON, **execution: Any) -> Settings:
    """Settings with short waits."""
    return Settings(execution=replace(QUICK, **execution), retry=retry)


def environment() -> dict[str, str]:
    """Ours, with the package and the tests on the path; and the parser, where any user can run it.

    Not measured: most of what runs in it is killed, and could not tell what it ran.
    """
    ours = {key: value for key, value in os.environ.items() if key != measured.CONFIG}
    path = f"{os.environ.get('PATH', os.defpath)}:{_tools()}"
    return {**ours, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@functools.cache
def _tools() -> str:
    folder = tempfile.mkdtemp(prefix="opsconsole-tools-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    shutil.copy(parser.executable(), folder)
    return folder


class Console:
    """The near end. `with Console(state) as console`; leaving the block kills it if it still lives."""

    def __init__(self, state: Path, *, claims: str = "all", prefix: tuple[str, ...] = (), **execution: Any) -> None:
        arguments = json.dumps({"state": str(state), "claims": claims, "execution": execution})
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.faults.console", arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> Console:
        """Wait until it has started."""
        self._answer()
        return self

    def submit(self, script: str, **spec: Any) -> int:
        """The id of the new task."""
        return int(self.call("submit", spec={"script": script, **spec}))

    def call(self, op: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def sees(self, task_id: int, status: str) -> None:
        """Wait until it sees the task so."""
        assert wait_until(lambda: self.call("status", task=task_id) == status), self.call("status", task=task_id)

    def leave(self) -> None:
        """Close the engine and end, as an operator would."""
        self.call("close")
        self.process.wait()
        self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait for its death."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the console ended with {self.process.wait()}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]


async def serve(arguments: Mapping[str, Any]) -> None:
    """The far end."""
    from opsconsole.engine import Engine

    def answer(value: object) -> None:
        print(json.dumps({"value": value}), flush=True)

    loop = asyncio.get_running_loop()
    engine = Engine(quick(**arguments["execution"]), state_dir=arguments["state"], claims=arguments["claims"])
    async with engine:
        answer("ready")
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            call = json.loads(line)
            op = call["op"]
            if op == "submit":
                limits = ResourceLimits(**call["spec"].pop("limits", {}))
                answer((await engine.submit(TaskSpec(**call["spec"], limits=limits))).id)
            elif op == "wait":
                answer((await engine.wait(call["task"])).to_json())
            elif op == "status":
                answer(engine.task(call["task"]).status.value)
            elif op == "close":
                break
            else:
                answer((await getattr(engine, op)(call["task"])).status.value)
    if op == "close":
        answer("closed")


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
