"""How long `opsconsole --run` of an empty script takes, and a console's start with a long history."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from opsconsole import Engine
from tests.benchmarks.bench_history import fill
from tests.benchmarks.rounds import compare, folder

PEER = "import asyncio, sqlite3, pydantic"


def _seconds(command: list[str], state: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "OPSCONSOLE_STATE_DIR": str(state)}, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def _engine_start(state: Path) -> float:
    async def once() -> float:
        start = time.perf_counter()
        async with Engine(state_dir=state) as engine:
            engine.tasks()
            engine.counts()
            return time.perf_counter() - start

    return asyncio.run(once())


def main() -> None:
    state = folder()
    script = state / "empty.sh"
    script.write_text("")
    run = [sys.executable, "-m", "opsconsole", "--run", str(script)]
    _seconds(run, state)
    compare("--run of an empty script, whole process", lambda: _seconds(run, state),
            lambda: _seconds([sys.executable, "-c", PEER], state), rounds=15, target="≤ 2.0", unit="s")  # fmt: skip
    long, short = folder(), folder()
    for target, count in ((long, 100_000), (short, 10)):
        _engine_start(target)
        fill(target / "opsconsole.db", count)
    compare("engine start and first page, 100,000 tasks against 10", lambda: _engine_start(long),
            lambda: _engine_start(short), rounds=15, target="≤ 1.1", unit="s")  # fmt: skip


if __name__ == "__main__":
    main()
