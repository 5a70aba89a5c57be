"""24 simulated hours at 1 Hz through everything but /proc: sources, episodes, detectors, history. Does it grow?"""

from __future__ import annotations

import math
import os
import random
import time
from concurrent.futures import Future
from typing import Any

from opsconsole.clock import Clock
from opsconsole.monitoring import building
from opsconsole.monitoring.building import Built
from opsconsole.monitoring.detection.observation import Look
from opsconsole.paths import StatePaths
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, ProcessSample, Sample, Swap, series
from opsconsole.settings import Settings
from opsconsole.storage import database
from tests.benchmarks.rounds import folder

HOURS = 24
START_US = 1_790_000_000_000_000
_PROCESSES = 300


class Hand(Clock):
    def __init__(self) -> None:
        self.s = 0.0

    def now(self) -> int:
        return START_US + int(self.s * 1e6)

    def monotonic(self) -> float:
        return self.s


def resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def sample(clock: Hand, luck: random.Random) -> tuple[Sample, tuple[ProcessSample, ...]]:
    """A working day with noise, and an incident each hour."""
    day = 40 + 25 * math.sin(clock.s / 86400 * 2 * math.pi) + luck.gauss(0, 4)
    cpu = 99.0 if clock.s % 3600 < 240 else min(100.0, max(0.0, day))
    used = 60 + luck.gauss(0, 1)
    processes = tuple(
        ProcessSample(
            100 + n + (int(clock.s) // 60 if n < 20 else 0), 1, float(n), f"worker{n}", "S", 0, cpu if n == 0 else 0.1,
            (50 + n) << 20, start_ticks=n + (int(clock.s) // 60 if n < 20 else 0),
        )
        for n in range(_PROCESSES)
    )  # fmt: skip
    found = Sample(
        time_us=clock.now(), monotonic_s=clock.s, interval_s=1.0,
        cpu=Cpu(percent=cpu, per_core=(cpu, cpu), user=cpu, system=1.0, iowait=0.5, steal=0.0, cores=2.0),
        load=(cpu / 50, cpu / 50, cpu / 50), memory=Memory(used, 16 << 30, int(used * (16 << 30) / 100), 8 << 30),
        swap=Swap(1.0, 1 << 30, 1 << 20, 0.0, 0.0), pressure=Pressure(cpu / 4, 0.1, 0.0, luck.random() * 3, 0.5),
        disks=(Disk("/", "vda", "ext4", 100 << 30, 50 << 30, 50 << 30, 50.0, 1000, 100, 10.0, drive="vda"),),
        drives=(Drive("vda", 1e6 * luck.random(), 1e6, 10.0, 10.0, 5.0, 1.0),),
        interfaces=(Interface("eth0", 1e6 * luck.random(), 1e5, 100.0, 100.0, 0.0, 0.0),),
        open_files=2000, open_files_max=100000, forks_per_s=luck.random() * 5, runnable=1, blocked=0, oom_kills=0,
        processes=_PROCESSES, threads=400, zombies=0, short_lived_percent=1.0, uptime_s=clock.s,
    )  # fmt: skip
    return found, processes


def built(clock: Hand) -> Built:
    paths = StatePaths(folder() / "state").prepare()
    c = database.open_database(paths.database, print)

    def job(work: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(c))
        return future

    return building.build(
        Settings(), paths, clock=clock, host="bench", job=job, publish=lambda event: None, submit=None
    )


def main() -> None:
    clock, luck = Hand(), random.Random(1)
    monitor = built(clock)
    sizes: list[float] = []
    transitions, cost, ticks = 0, 0.0, 0
    for hour in range(HOURS):
        for _ in range(3600):
            clock.s += 1
            taken, processes = sample(clock, luck)
            begun = time.thread_time()
            values = series(taken)
            transitions += len(monitor.watch.look(Look(taken, values, processes)))
            monitor.store.record(taken.time_us, values)
            cost, ticks = cost + time.thread_time() - begun, ticks + 1
        monitor.store.flush()
        sizes.append(resident())
        if hour in (0, 1, 2, 5, 11, 17, 23):
            print(f"after {hour + 1:2} h: {sizes[-1]:.1f} MiB resident, {transitions} transitions", flush=True)
    print(
        f"{HOURS} simulated hours, {cost / ticks * 1e6:.0f} µs CPU a tick without /proc; growth from hour 3 to the end "
        f"{sizes[-1] - sizes[2]:+.1f} MiB; target: none"
    )
    monitor.alerts.stop()
    monitor.parts.close()
    monitor.store.close()
    monitor.parts.sampler.close()


if __name__ == "__main__":
    main()
