"""CPU of one look at the whole host without its processes, ours against the psutil calls that give a part of it.

psutil's part: CPU total and per core, memory, swap, load, space of the same mounts, I/O per drive and interface. Ours
has: pressure, inodes, file descriptors, forks, OOM kills, latency and busy share of drives, mounts as they change,
limits of the container. Warm, best of several rounds; target: 0.5 ms.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import psutil

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.host import LinuxHost

ROUNDS = 9
LOOKS = 300
TARGET_MS = 0.5


def _ms(look: Callable[[], object]) -> float:
    start = time.thread_time()
    for _ in range(LOOKS):
        look()
    return (time.thread_time() - start) * 1e3 / LOOKS


def main() -> None:
    host = LinuxHost(MonitorSettings())
    mounts = [disk.mount for disk in host.look(time.monotonic(), None).disks]

    def ours() -> None:
        host.look(time.monotonic(), 1.0)

    def peer() -> None:
        psutil.cpu_times_percent()
        psutil.cpu_percent(percpu=True)
        psutil.virtual_memory()
        psutil.swap_memory()
        psutil.getloadavg()
        psutil.disk_io_counters(perdisk=True)
        psutil.net_io_counters(pernic=True)
        for mount in mounts:
            psutil.disk_usage(mount)

    gc.disable()
    pairs = [(_ms(ours), _ms(peer)) for _ in range(ROUNDS)]
    gc.enable()
    mine, theirs = (min(figures) for figures in zip(*pairs, strict=True))
    ratios = " ".join(f"{own / other:.2f}" for own, other in pairs)
    print(
        f"host look: ours {mine:.3f} ms, psutil {theirs:.3f} ms; ratios {ratios}; target ≤ {TARGET_MS} ms", flush=True
    )
    host.close()


if __name__ == "__main__":
    main()
