"""1 GB on stdout through the supervisor."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from opsconsole import Engine, ResourceLimits, TaskSpec
from tests.benchmarks.rounds import compare, folder

BYTES = 1_000_000_000
SCRIPT = f"head -c {BYTES} /dev/zero"


@dataclass
class Run:
    seconds: float
    console_cpu_s: float
    console_growth_mb: float
    supervisor_cpu_s: float
    supervisor_peak_mb: float
    disk_bytes: int


async def _run(limit: int) -> Run:
    state = folder()
    async with Engine(state_dir=state) as engine:
        first = await engine.run(TaskSpec(script="true"))
        pid = first.supervision["supervisor"]
        own, rss, theirs = time.process_time(), _peak_mb(), _cpu(pid)
        start = time.perf_counter()
        result = await engine.run(TaskSpec(script=SCRIPT, limits=ResourceLimits(output=limit)))
        spent = time.perf_counter() - start
        if result.output["stdout_bytes"] != BYTES or result.supervision["supervisor"] != pid:
            raise SystemExit("the run is not the one to be measured")
        stdout = Path(result.output["stdout_path"])
        run = Run(
            spent, time.process_time() - own, _peak_mb() - rss, _cpu(pid) - theirs, _supervisor_peak_mb(pid),
            stdout.stat().st_blocks * 512,
        )  # fmt: skip
    stdout.unlink()
    return run


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _supervisor_peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _shell() -> float:
    target = folder() / "out"
    start = time.perf_counter()
    subprocess.run(["sh", "-c", f'{SCRIPT} > "$0"', str(target)], check=True)
    spent = time.perf_counter() - start
    target.unlink()
    return BYTES / spent / 1e6


def main() -> None:
    runs: list[Run] = []

    def ours() -> float:
        runs.append(asyncio.run(_run(0)))
        return BYTES / runs[-1].seconds / 1e6

    compare("1 GB of output, no cap", ours, _shell, rounds=5, target="≥ 0.9", unit="MB/s")
    print(
        f"console CPU {max(run.console_cpu_s for run in runs):.3f} s (target < 0.2), growth "
        f"{max(run.console_growth_mb for run in runs):.1f} MB (< 20); supervisor CPU "
        f"{min(run.supervisor_cpu_s for run in runs):.2f}–{max(run.supervisor_cpu_s for run in runs):.2f} s, peak "
        f"{max(run.supervisor_peak_mb for run in runs):.1f} MB"
    )
    capped = asyncio.run(_run(64 << 20))
    print(
        f"1 GB with a cap of 64 MiB: {capped.disk_bytes / 2**20:.1f} MiB on disk (target ≤ 72), "
        f"{BYTES / capped.seconds / 1e6:.0f} MB/s"
    )


if __name__ == "__main__":
    main()
