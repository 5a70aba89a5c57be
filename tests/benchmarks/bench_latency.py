"""From the commit of a claim to the spawn, on an idle console."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from opsconsole import Engine, TaskSpec
from tests.benchmarks.rounds import folder

COUNT = 200


async def _latencies() -> list[float]:
    state = folder()
    async with Engine(state_dir=state) as engine:
        for _ in range(COUNT):
            await engine.run(TaskSpec(argv=("/bin/true",)))
            await asyncio.sleep(0.01)
    with closing(sqlite3.connect(state / "opsconsole.db")) as connection:
        return sorted(
            (row[0] - row[1]) / 1000 for row in connection.execute("SELECT started_at, claimed_at FROM execution")
        )


def main() -> None:
    found = asyncio.run(_latencies())
    print(
        f"claim to spawn, {COUNT} runs one after the other: median {found[len(found) // 2]:.1f} ms, "
        f"p95 {found[int(len(found) * 0.95)]:.1f} ms, max {found[-1]:.1f} ms; target p95 ≤ 20 ms"
    )


if __name__ == "__main__":
    main()
