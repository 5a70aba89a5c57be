"""The last look as a file, for consoles that do not sample themselves, and as the object of `monitor --json`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from opsconsole.events import SampleTaken
from opsconsole.models import rfc3339
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, ProcessSample, Sample, Swap

TOP = 60
"""Processes in the file: the busiest and the largest; other consoles' tables are cut there, and say so."""

_PARTS: dict[str, Any] = {"cpu": Cpu, "memory": Memory, "swap": Swap, "pressure": Pressure}
_LISTS: dict[str, Any] = {"disks": Disk, "drives": Drive, "interfaces": Interface}
_NAMES: dict[type, tuple[str, ...]] = {
    kind: tuple(item.name for item in fields(kind))
    for kind in (Sample, ProcessSample, *_PARTS.values(), *_LISTS.values())
}


def plain(value: Any) -> Any:
    """Dataclasses of a sample as dicts, deep."""
    names = _NAMES.get(type(value))
    if names is not None:
        return {name: plain(getattr(value, name)) for name in names}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def busiest(processes: Sequence[ProcessSample], count: int = TOP) -> list[ProcessSample]:
    """The first ones by CPU, and the largest by memory, `count` at the most."""
    if len(processes) <= count:
        return list(processes)
    by_cpu = sorted(processes, key=lambda one: one.cpu_percent, reverse=True)[: count // 2]
    taken = {one.pid for one in by_cpu}
    rest = sorted((one for one in processes if one.pid not in taken), key=lambda one: one.rss_bytes, reverse=True)
    return by_cpu + rest[: count - len(by_cpu)]


def shown(one: ProcessSample, redact: Callable[[str], str]) -> dict[str, Any]:
    """A process as a dict; its command line may hold a secret."""
    return {**plain(one), "cmdline": redact(one.cmdline)}


def write(path: Path, taken: SampleTaken, redact: Callable[[str], str] = str) -> None:
    """Replace the file in one step. Raises OSError."""
    data = {
        "interval_s": taken.interval_s,
        "sample": plain(taken.sample),
        "processes": [shown(one, redact) for one in busiest(taken.processes)],
    }
    beside = path.with_suffix(".new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, json.dumps(data).encode())
    finally:
        os.close(fd)
    os.rename(beside, path)


def read(path: Path) -> SampleTaken | None:
    """What the monitor saw last; None where there is nothing that can be read."""
    try:
        data = json.loads(path.read_bytes())
        found = data["sample"]
        for name, kind in _PARTS.items():
            if found[name] is not None:
                found[name] = _made(kind, found[name])
        for name, kind in _LISTS.items():
            found[name] = tuple(_made(kind, one) for one in found[name])
        processes = tuple(_made(ProcessSample, one) for one in data["processes"])
        return SampleTaken(_made(Sample, found), processes, float(data["interval_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _made(kind: Any, values: dict[str, Any]) -> Any:
    return kind(**{name: _tuples(value) for name, value in values.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def sample_object(taken: SampleTaken, top: int = 0, redact: Callable[[str], str] = str) -> dict[str, Any]:
    """The object of `monitor --json`: the contract's fields, then the rest; with the `top` processes where asked."""
    sample = taken.sample
    found = {
        "time": rfc3339(sample.time_us),
        "cpu": plain(sample.cpu),
        "load": list(sample.load),
        "memory": {**plain(sample.memory), "total_bytes": sample.memory.total, "used_bytes": sample.memory.used},
        "swap": plain(sample.swap),
        "disks": [plain(disk) for disk in sample.disks],
        "network": {one.name: plain(one) for one in sample.interfaces},
        "pressure": plain(sample.pressure) or {},
        "drives": {one.name: plain(one) for one in sample.drives},
        "interval_s": sample.interval_s,
        "next_interval_s": taken.interval_s,
        "temperatures": dict(sample.temperatures),
    }
    for name in (
        "open_files", "open_files_max", "forks_per_s", "runnable", "blocked", "oom_kills", "limit_kills", "uptime_s",
        "processes", "threads", "zombies", "short_lived_percent", "gap", "clock_jump_s",
    ):  # fmt: skip
        found[name] = getattr(sample, name)
    found["notes"] = list(sample.notes)
    if top:
        found["top"] = [shown(one, redact) for one in busiest(taken.processes, top)]
    return found
