"""What containment adds to a start: /bin/true through the supervisor, contained and not, one after the other."""

from __future__ import annotations

import asyncio
import statistics
import time

from opsconsole import Engine, ExecutionPolicy, TaskSpec
from opsconsole.safety import containment
from tests.benchmarks.rounds import folder

ROUNDS = 100
WARM_UP = 3
TARGET_MS = 10.0


async def _milliseconds() -> dict[ExecutionPolicy, list[float]]:
    """By policy, in turn: from the submission to the end in the record, so with all that prepares a start."""
    spent: dict[ExecutionPolicy, list[float]] = {
        policy: [] for policy in (ExecutionPolicy.STANDARD, *containment.PROVIDERS)
    }
    async with Engine(state_dir=folder()) as engine:
        for number in range(ROUNDS + WARM_UP):
            for policy, figures in spent.items():
                begin = time.perf_counter()
                await engine.run(TaskSpec(argv=("/bin/true",), policy=policy))
                if number >= WARM_UP:
                    figures.append((time.perf_counter() - begin) * 1000)
    return spent


def _plan_ms(policy: ExecutionPolicy) -> float:
    begin = time.perf_counter()
    for _ in range(ROUNDS):
        containment.plan(policy, caller_environment={"LANG": "C"}, work="/srv/work", state="/srv")
    return (time.perf_counter() - begin) / ROUNDS * 1000


def main() -> None:
    spent = asyncio.run(_milliseconds())
    plain = statistics.median(spent.pop(ExecutionPolicy.STANDARD))
    print(f"/bin/true, standard: median {plain:.1f} ms from submission to end, {ROUNDS} runs each, in turn")
    for policy, figures in spent.items():
        added = statistics.median(figures) - plain
        print(
            f"{policy} ({containment.provider_of(policy).name}): median {statistics.median(figures):.1f} ms, "
            f"p95 {sorted(figures)[int(len(figures) * 0.95)]:.1f} ms, +{added:.1f} ms; target ≤ +{TARGET_MS:g} ms; "
            f"its plan, warm: {_plan_ms(policy):.2f} ms"
        )


if __name__ == "__main__":
    main()
