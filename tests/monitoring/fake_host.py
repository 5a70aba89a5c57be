"""A host made of files: /proc and /sys as the kernel writes them, in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

from opsconsole.clock import Clock
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.host import HostLook, LinuxHost

STAT = """cpu  1000 50 500 8000 200 10 40 200 0 0
cpu0 600 25 250 4000 100 5 20 100 0 0
cpu1 400 25 250 4000 100 5 20 100 0 0
intr 17870371 0 0 1 1 14 0 0
ctxt 46580573
btime 1790000000
processes 50000
procs_running 3
procs_blocked 1
softirq 4 1 1 1 1
"""
MEMINFO = """MemTotal:        8000000 kB
MemFree:         1000000 kB
MemAvailable:    6000000 kB
Buffers:          100000 kB
Cached:          4000000 kB
SwapCached:            0 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
SReclaimable:     500000 kB
"""
VMSTAT = "nr_free_pages 1\npswpin 100\npswpout 200\npgfault 5\noom_kill 7\n"
DISKSTATS = """   7       0 loop0 11 0 22 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   8       0 sda 1000 5 80000 2000 500 5 40000 3000 0 4000 5000 0 0 0 0 0 0
   8       1 sda1 1000 5 80000 2000 500 5 40000 3000 0 4000 5000 0 0 0 0 0 0
   8      16 sdb 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
"""
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0    0    0     0        0
  eth0:  500000    1000    3    4    0     0          0         0   200000     800    1    2    0    0     0        0
  idle:       0       0    0    0    0     0          0         0        0       0    0    0    0    0     0        0
veth1a:      99       9    0    0    0     0          0         0       99       9    0    0    0    0     0        0
"""


class MonotonicClock(Clock):
    """Both clocks stand still until a test moves them."""

    def __init__(self) -> None:
        self.now_us = 1_790_000_000_000_000
        self.seconds = 100.0

    def now(self) -> int:
        return self.now_us

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.now_us += round(seconds * 1e6)


class FakeHost:
    def __init__(self, folder: Path) -> None:
        self.proc, self.sys = folder / "proc", folder / "sys"
        self.write("proc/stat", STAT)
        self.write("proc/meminfo", MEMINFO)
        self.write("proc/vmstat", VMSTAT)
        self.write("proc/loadavg", "0.50 1.25 2.00 3/456 7890\n")
        self.write("proc/uptime", "12345.67 20000.00\n")
        self.write("proc/sys/fs/file-nr", "1500\t20\t100000\n")
        self.write("proc/diskstats", DISKSTATS)
        self.write("proc/net/dev", NET_DEV)
        self.write("proc/self/mountinfo", "")
        for resource in ("cpu", "memory", "io"):
            self.pressure(resource, 0, 0)
        for block in ("loop0", "sda", "sdb"):
            (self.sys / "block" / block).mkdir(parents=True)

    def write(self, path: str, text: str) -> None:
        """In place, as the kernel's files change: a kept descriptor sees it."""
        file = self.proc.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def change(self, path: str, old: str, new: str) -> None:
        text = (self.proc.parent / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def pressure(self, resource: str, some_us: int, full_us: int, folder: str = "proc/pressure") -> None:
        name = resource if folder == "proc/pressure" else f"{resource}.pressure"
        self.write(
            f"{folder}/{name}",
            f"some avg10=1.00 avg60=1.00 avg300=1.00 total={some_us}\n"
            f"full avg10=1.00 avg60=1.00 avg300=1.00 total={full_us}\n",
        )

    def mounts(self, *lines: str) -> None:
        self.write("proc/self/mountinfo", "".join(f"{line}\n" for line in lines))

    def open(self, **settings: tuple[str, ...]) -> Looker:
        return Looker(LinuxHost(MonitorSettings(**settings), proc=str(self.proc), sys=str(self.sys)))  # type: ignore[arg-type]


class Looker:
    """Looks at a host at given times."""

    def __init__(self, host: LinuxHost) -> None:
        self.host = host
        self._last: float | None = None

    def at(self, monotonic_s: float) -> HostLook:
        elapsed_s = None if self._last is None else monotonic_s - self._last
        self._last = monotonic_s
        return self.host.look(monotonic_s, elapsed_s)
