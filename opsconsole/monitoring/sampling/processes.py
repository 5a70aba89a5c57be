"""All processes of this host, again and again, at little cost."""

from __future__ import annotations

import time
from threading import Lock
from types import TracebackType
from typing import Protocol

from opsconsole import host
from opsconsole.clock import SYSTEM, Clock
from opsconsole.errors import ConsoleError
from opsconsole.samples import ProcessSample


class Source(Protocol):
    """A way of reading the processes: `proc_table.ProcTable` on Linux, `portable.PortableTable` elsewhere."""

    sees_all: bool
    threads: int
    cpu_time_delta_s: float

    @property
    def zombies(self) -> int: ...
    @property
    def runnable(self) -> int: ...
    def take(self, now: float, interval_s: float | None) -> list[ProcessSample]: ...
    def close(self) -> None: ...


class ProcessSampler:
    """Samples of all processes; shares are of the time since the sample before.

    `proc` is where the process file system is mounted; without one psutil is asked instead (`source` says which). Of
    several threads one looks at a time, the others wait. Keeps up to one descriptor a process and leaves 256 to the
    rest of the program; for that it may raise the soft RLIMIT_NOFILE, which scripts do not inherit
    (`host.open_files_before`).
    """

    def __init__(self, proc: str = "/proc", *, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._looking = Lock()
        self._source: Source | None
        self._source, self.source = _open(proc)
        self._before: float | None = None
        self.count = 0
        self.interval_s: float | None = None
        """Seconds between the last two samples; None after the first."""
        self.last_cost_s = 0.0
        """CPU seconds the last sample took in this thread."""

    def sample(self) -> list[ProcessSample]:
        """The processes now, in no particular order: a new list of objects that stay as they are.

        Processes that end meanwhile are left out, and so are those whose reading is not permitted. Raises ConsoleError
        after `close`.
        """
        with self._looking:
            source, began = self._opened(), time.thread_time()
            now = self._clock.monotonic()
            elapsed = None if self._before is None else now - self._before
            self.interval_s = elapsed if elapsed is not None and elapsed > 0 else None
            self._before = now
            found = source.take(now, self.interval_s)
            self.count = len(found)
            self.last_cost_s = time.thread_time() - began
            return found

    @property
    def threads(self) -> int:
        """Threads of all processes at the last sample; so are the next three."""
        return self._opened().threads

    @property
    def zombies(self) -> int:
        return self._opened().zombies

    @property
    def runnable(self) -> int:
        """Processes whose first thread was running or ready to; at least the sampler's own."""
        return self._opened().runnable

    @property
    def cpu_time_delta_s(self) -> float:
        """CPU seconds between the last two samples of the processes that were alive at both."""
        return self._opened().cpu_time_delta_s

    def short_lived_percent(self, system_busy_delta_s: float, interval_s: float | None) -> float | None:
        """Percent of one core that went into processes which no sample saw at its end and start.

        `system_busy_delta_s`: user + nice + system of all cores in the same interval (/proc/stat; interrupts and stolen
        time belong to no process). None where it cannot be told: after the first sample, or where only a part of the
        processes is seen (a container, hidepid).
        """
        source = self._opened()
        if not interval_s or interval_s <= 0 or self.interval_s is None or not source.sees_all:
            return None
        return max(0.0, (system_busy_delta_s - source.cpu_time_delta_s) / interval_s * 100.0)

    def close(self) -> None:
        """Give back what is held, after a look that is under way. May be called again."""
        with self._looking:
            if self._source is not None:
                self._source.close()
                self._source = None

    def _opened(self) -> Source:
        if self._source is None:
            raise ConsoleError("the process sampler is closed", hint="make a new ProcessSampler")
        return self._source

    def __enter__(self) -> ProcessSampler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open(proc: str) -> tuple[Source, str]:
    if host.LINUX:
        from opsconsole.monitoring.sampling.proc_table import ProcTable

        try:
            return ProcTable(proc), proc
        except (OSError, ValueError):  # a chroot without it
            pass
    from opsconsole.monitoring.sampling.portable import PortableTable

    return PortableTable(), "psutil"
