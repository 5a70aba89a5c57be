"""The kinds of anomaly: what each means, where it begins and ends by default, and what somebody should do about it.

The levels follow Netdata's stock alarms and systemd-oomd's defaults where those have one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from opsconsole.anomalies import Severity
from opsconsole.monitoring.detection.fill_rate import NEVER_S

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind with its defaults. Values, levels and `clear` are in `unit`, durations in seconds."""

    name: str
    title: str
    category: str
    """cpu, memory, disk, io, network, process, run or learning."""
    unit: str
    subject: str
    """What an episode is about: host, mount, drive, interface, process, script, run or series."""
    says: str
    """The message's beginning, with {subject} and {value}."""
    levels: tuple[tuple[Severity, float], ...]
    """Beyond which value it has which severity, from the mildest up: an episode begins beyond the first."""
    for_s: float
    """How long it must hold before it opens, and a severity before it rises."""
    clear: float
    """How far on the good side of the mildest level a value must be, at least, to count as recovery."""
    what_to_do: str
    """What should someone do at 3 a.m.?"""
    clear_for_s: float = -1.0
    """How long recovery must last before it closes; -1: twice `for_s`."""
    below: bool = False
    """Small values are the bad ones."""
    pages: bool = True
    """Whether it may notify anybody by itself."""
    inhibited_by: tuple[str, ...] = ()
    """Kinds of which this one is a consequence: while one of them is open here, this one does not notify."""
    says_none: str = ""
    """What is said in place of `says` when nothing is left of what is counted, or foreseen; empty: the same with the
    value."""
    says_held_back: str = ""
    """What is said in place of `says` of one that wants so much and gets less: {gets}, from the details."""
    of_itself: bool = False
    """Its sentence says over which time it counts: what it is over, and for how long, would say that twice."""
    held_s: float = math.inf
    """How long its recovery must last at the most, however often it has come and gone."""

    @property
    def upper(self) -> float:
        """What no value can exceed."""
        return 100.0 if self.unit == "%" else math.inf

    def is_none(self, value: float) -> bool:
        """Whether nothing is left of what is counted, or foreseen."""
        return value >= NEVER_S if self.below else not value

    @property
    def clear_for(self) -> float:
        return 2 * self.for_s if self.clear_for_s < 0 else self.clear_for_s


def _levels(*values: float, first: Severity = LOW) -> tuple[tuple[Severity, float], ...]:
    return tuple((Severity(first + index), value) for index, value in enumerate(values))


_ALL = (
    # -- CPU
    Kind("cpu_high", "CPU busy", "cpu", "%", "host", "CPU at {value}",
         ((MEDIUM, 85.0), (HIGH, 90.0), (CRITICAL, 95.0)), 60, 10,
         "See who uses it (`opsconsole analyze`), then lower the priority of, stop or move what may wait."),
    Kind("cpu_spike", "CPU spike", "cpu", "points", "host", "CPU {value} over its baseline",
         _levels(20.0, 40.0), 0, 10,
         "Look at what started at that moment; nothing to do if it was expected.",
         clear_for_s=10, pages=False, inhibited_by=("cpu_high",)),
    Kind("cpu_steal", "CPU taken by the hypervisor", "cpu", "%", "host",
         "{value} of the CPU is taken by the hypervisor",
         _levels(5.0, 10.0, 25.0), 60, 3,
         "Nothing on this host helps: move the machine, or ask its provider for the CPU it is meant to have."),
    Kind("cpu_throttled", "CPU held back by a limit", "cpu", "%", "host",
         "held back by its CPU limit {value} of the time",
         _levels(10.0, 25.0, 50.0), 60, 5,
         "Raise the container's CPU limit or do less in it at once."),
    Kind("cpu_pressure", "Tasks wait for the CPU", "cpu", "%", "host", "tasks waited for a CPU {value} of the time",
         _levels(40.0, 70.0), 60, 15,
         "Fewer things at once: lower the concurrency, or the priority of what may wait.",
         pages=False, inhibited_by=("cpu_high", "cpu_throttled")),
    Kind("load_high", "Load", "cpu", "× cores", "host", "load is {value}",
         _levels(2.0, 4.0, 8.0), 60, 0.5,
         "See whether CPU or I/O is waited for (`opsconsole analyze`): load itself is only the sign.",
         pages=False, inhibited_by=("cpu_high", "io_pressure", "memory_pressure")),
    # -- memory
    Kind("memory_high", "Memory used", "memory", "%", "host", "memory at {value}",
         _levels(90.0, 95.0, 98.0, first=MEDIUM), 30, 5,
         "Find who grows (`opsconsole analyze`) and restart or stop it before the kernel chooses somebody."),
    Kind("memory_pressure", "Tasks wait for memory", "memory", "%", "host",
         "everything waited for memory {value} of the time",
         ((LOW, 5.0), (HIGH, 10.0), (CRITICAL, 40.0)), 10, 3,
         "Free memory now: stop or restart the largest process that may go.", clear_for_s=30),
    Kind("swap_thrash", "Swapping to and fro", "memory", "MiB/s", "host", "swapping in and out, {value}",
         _levels(1.0, 5.0, 20.0), 30, 0.5,
         "Memory is too small for what runs: stop the largest process that may go.",
         inhibited_by=("memory_pressure",)),
    Kind("oom_killed", "Killed for lack of memory", "memory", "processes", "host",
         "the kernel killed {value} in 5 minutes for lack of memory",
         ((HIGH, 0.0), (CRITICAL, 4.0)), 0, 0,
         "See in the kernel's log who was killed, restart it if it is needed, and find what grew.", clear_for_s=0,
         says_none="the kernel killed nothing more for lack of memory", of_itself=True),
    Kind("limit_killed", "Killed at a memory limit", "memory", "processes", "host",
         "the kernel killed {value} in 5 minutes in a group at its own memory limit",
         ((LOW, 0.0),), 0, 0,
         "Nothing if the limit is meant: the host has memory. Else raise the limit, or find what grew within it.",
         clear_for_s=0, pages=False, says_none="the kernel killed nothing more at a memory limit", of_itself=True),
    # -- file systems
    Kind("disk_full", "File system full", "disk", "%", "mount", "{subject} is {value} full",
         _levels(85.0, 90.0, 95.0, 98.0), 0, 3,
         "Find the largest files and folders there, then delete, compress or move what may go.", clear_for_s=10),
    # what is foreseen has been smoothed already, and nobody wants to read for long what will not come
    Kind("disk_fill_rate", "File system filling", "disk", "s", "mount", "{subject} will be full in {value}",
         ((MEDIUM, 8 * 3600.0), (CRITICAL, 2 * 3600.0)), 10, 4 * 3600,
         "Find what writes there and stop or redirect it before it is full.",
         clear_for_s=10, below=True, inhibited_by=("disk_full",), says_none="{subject} does not fill up now",
         held_s=60.0),
    Kind("inode_full", "Inodes used up", "disk", "%", "mount", "{subject} has {value} of its inodes used",
         _levels(85.0, 90.0, 95.0, 98.0), 0, 3,
         "Find the folder with very many small files and remove what may go.", clear_for_s=10),
    # the value is the number of signs, and 100 more when the drive itself says that it fails
    Kind("disk_health", "Drive failing", "disk", "signs", "drive", "drive {subject} shows signs of failing",
         ((MEDIUM, 0.0), (CRITICAL, 99.0)), 0, 0,
         "Make sure that there is a backup, then replace the drive.", clear_for_s=0,
         says_none="drive {subject} shows no sign of failing any more"),
    # -- I/O
    Kind("io_pressure", "Tasks wait for I/O", "io", "%", "host", "everything waited for I/O {value} of the time",
         _levels(20.0, 50.0, 80.0), 60, 8,
         "See which drive is slow and who uses it; let what may wait run with a lower I/O priority.",
         inhibited_by=("memory_pressure", "swap_thrash")),
    Kind("drive_latency", "Drive slow", "io", "ms", "drive", "requests to {subject} take {value}",
         _levels(100.0, 300.0, 1000.0), 60, 30,
         "See who uses the drive, and whether its health is good.", pages=False),
    Kind("drive_saturated", "Drive busy", "io", "%", "drive", "{subject} is busy {value} of the time",
         _levels(97.0), 300, 10,
         "See who uses the drive; nothing to do if nothing waits for it.", pages=False, inhibited_by=("io_pressure",)),
    # -- network and descriptors
    Kind("network_errors", "Network errors", "network", "%", "interface",
         "{value} of the packets of {subject} are lost or damaged",
         _levels(1.0, 5.0, 20.0), 60, 0.5,
         "Check cable, switch port and driver, or the size of the interface's queues."),
    Kind("fd_exhaustion", "Open files", "process", "%", "host", "{value} of the open files the kernel allows are used",
         _levels(80.0, 90.0, 95.0, first=MEDIUM), 10, 10,
         "Find the process that holds them, restart it, then raise fs.file-max.", clear_for_s=30),
    # -- processes
    Kind("process_cpu_high", "Process busy", "process", "% of a core", "process", "{subject} uses {value}",
         _levels(90.0, 400.0), 60, 20,
         "Nothing if it is meant to; else lower its priority or stop it.",
         clear_for_s=20, pages=False, inhibited_by=("cpu_high",),
         says_held_back="{subject} wants {value} and gets {gets}"),
    Kind("process_memory_high", "Process large", "process", "%", "process", "{subject} uses {value} of the memory",
         _levels(25.0, 50.0, 75.0), 30, 5,
         "Restart it if it may be, or give it a limit.",
         pages=False, inhibited_by=("memory_high", "memory_pressure")),
    Kind("process_memory_leak", "Process growing", "process", "%/h", "process",
         "{subject} grows by {value} of the memory an hour",
         _levels(2.0, 10.0, 50.0), 60, 1,
         "Plan a restart before memory is used up, and report it to its maker.",
         pages=False, inhibited_by=("memory_high",)),
    Kind("zombie_processes", "Zombies", "process", "processes", "host", "{value} ended and nobody collects them",
         _levels(10.0, 100.0, 1000.0), 60, 5,
         "Restart their parent: it does not collect its children.", pages=False,
         says_none="all that ended was collected"),
    # -- runs
    Kind("run_failure_rate", "Runs fail", "run", "%", "script", "{value} of the last runs of {subject} failed",
         _levels(30.0, 50.0, 80.0), 0, 10,
         "Read the output of the last failed run (`opsconsole history --name …`).", clear_for_s=0),
    Kind("run_unusual_duration", "Run takes unusually long", "run", "×", "script",
         "{subject} takes {value} its usual time",
         _levels(2.0, 5.0), 0, 0.5,
         "See what it waits for; cancel it if it hangs.", clear_for_s=0, pages=False),
    Kind("run_unusually_quick", "Run unusually quick", "run", "×", "script",
         "{subject} was {value} quicker than usual",
         ((LOW, 5.0),), 0, 1,
         "See whether it did all its work.", clear_for_s=0, pages=False),
    Kind("run_stuck", "Run stuck", "run", "s", "run", "run {subject} has done nothing for {value}",
         ((MEDIUM, 600.0), (HIGH, 3600.0)), 0, 60,
         "See what it waits for; cancel it if nothing will come.", clear_for_s=0,
         says_none="run {subject} does something again"),
    # -- learning: the value is the detector's score as a multiple of its threshold
    Kind("unusual", "Unusual", "learning", "× the threshold", "series",
         "{subject} is unusual: {value} the limit of what is usual",
         ((LOW, 1.0),), 0, 0.2,
         "Nothing by itself: look at it when something else is wrong too.", clear_for_s=60, pages=False),
)  # fmt: skip

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}

SHORT = {
    "cpu_high": "CPU busy", "cpu_spike": "CPU spike", "cpu_steal": "CPU taken", "cpu_throttled": "CPU held back",
    "cpu_pressure": "CPU wait", "load_high": "load", "memory_high": "memory used", "memory_pressure": "memory wait",
    "swap_thrash": "swapping", "oom_killed": "out of memory", "limit_killed": "memory limit",
    "disk_full": "full", "disk_fill_rate": "filling",
    "inode_full": "inodes", "disk_health": "failing", "io_pressure": "I/O wait", "drive_latency": "slow",
    "drive_saturated": "busy", "network_errors": "packets lost", "fd_exhaustion": "open files",
    "process_cpu_high": "busy", "process_memory_high": "large", "process_memory_leak": "growing",
    "zombie_processes": "zombies", "run_failure_rate": "fails", "run_unusual_duration": "slow run",
    "run_unusually_quick": "quick run", "run_stuck": "stuck", "unusual": "unusual",
}  # fmt: skip
"""What is wrong, in 13 cells at the most, for where the subject stands beside it."""

GONE_AFTER_S = {"process": 2.0, "mount": 10.0, "drive": 60.0, "interface": 60.0, "run": 300.0, "series": 300.0}
"""How long a subject must be missing from samples that do carry its like, to be gone for good. A drive or a mount may
drop out of one look."""
