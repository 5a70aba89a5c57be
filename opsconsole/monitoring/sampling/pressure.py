"""Pressure stall information: how long tasks waited, from the growth of `total` (avg10 lags behind). Linux only."""

from __future__ import annotations

from opsconsole.monitoring.sampling.kept import KeptFile
from opsconsole.samples import Pressure

_FIGURES = ("cpu_some", "memory_some", "memory_full", "io_some", "io_full")
_RESOURCES = ("cpu", "memory", "io")


class PressureFiles:
    """The three files of a folder: /proc/pressure/cpu, or cpu.pressure of a cgroup (`suffix`)."""

    def __init__(self, folder: str, suffix: str = "", source: str = "host") -> None:
        self._files = [KeptFile(f"{folder}/{name}{suffix}", whole=True) for name in _RESOURCES]
        self._source = source
        self._before: dict[str, int] = {}

    def look(self, elapsed_s: float | None) -> Pressure | None:
        """None: this kernel, or this group, has none. Raises ValueError."""
        now: dict[str, int] = {}
        for resource, file in zip(_RESOURCES, self._files, strict=True):
            try:
                data = file.read()  # EOPNOTSUPP where it is compiled in and switched off
            except OSError:
                continue
            for line in data.splitlines():
                now[f"{resource}_{line[:4].decode()}"] = int(line[line.rindex(b"=") + 1 :])
        before, self._before = self._before, now
        if not now:
            return None
        shares: dict[str, float] = {}
        if elapsed_s:
            for name in _FIGURES:
                if name in now and now[name] >= before.get(name, now[name] + 1):
                    shares[name] = min((now[name] - before[name]) / (elapsed_s * 1e4), 100.0)
        return Pressure(**shares, source=self._source)

    def close(self) -> None:
        for file in self._files:
            file.close()
