"""1,000 × /bin/true, 8 at a time."""

from __future__ import annotations

import asyncio
import subprocess
import time

from opsconsole import Engine, TaskSpec
from opsconsole.settings import ExecutionSettings, Settings
from tests.benchmarks.rounds import compare, folder

COUNT = 1000
AT_ONCE = 8


async def _ours() -> float:
    settings = Settings(execution=ExecutionSettings(concurrency=AT_ONCE))
    async with Engine(settings, state_dir=folder()) as engine:
        warm = await engine.submit_many([TaskSpec(argv=("/bin/true",)) for _ in range(AT_ONCE)])
        await asyncio.gather(*(engine.wait(task.id) for task in warm))
        start = time.perf_counter()
        tasks = await engine.submit_many([TaskSpec(argv=("/bin/true",)) for _ in range(COUNT)])
        results = await asyncio.gather(*(engine.wait(task.id) for task in tasks))
        spent = time.perf_counter() - start
    if any(result.exit_code != 0 for result in results):
        raise SystemExit("a run failed: the figure means nothing")
    return COUNT / spent


async def _bare() -> float:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            process = await asyncio.create_subprocess_exec(
                "/bin/true", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            await process.communicate()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(COUNT)))
    return COUNT / (time.perf_counter() - start)


def _xargs() -> float:
    start = time.perf_counter()
    words = " ".join(["x"] * COUNT)
    subprocess.run(["xargs", "-P8", "-n1", "/bin/true"], input=words.encode(), check=True)
    return COUNT / (time.perf_counter() - start)


def main() -> None:
    def ours() -> float:
        return asyncio.run(_ours())

    compare("1,000 runs of /bin/true against bare asyncio", ours, lambda: asyncio.run(_bare()), rounds=7,
            target="≥ 0.9", unit="runs/s")  # fmt: skip
    compare("the same against xargs -P8", ours, _xargs, rounds=3, target="aim at 1", unit="runs/s")

    def heavy() -> float:
        ballast = bytearray(200 << 20)
        ballast[::4096] = b"x" * len(ballast[::4096])
        rate = ours()
        del ballast
        return rate

    compare(
        "the same from a process of 200 MB against the lean one", heavy, ours, rounds=3, target="> 0.8", unit="runs/s"
    )


if __name__ == "__main__":
    main()
