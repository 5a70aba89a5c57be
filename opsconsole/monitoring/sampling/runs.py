"""What our own runs use while they run: the counters of a run's own cgroup, else its tree, process by process.

A run's tree hangs below its supervisor, which is a subreaper: whatever the script started is found there, also what
left its session. Time of children that have ended is in their parents' `cutime`, so short-lived ones count too. Linux
only: elsewhere nothing is sampled, and what wait4 says at the end is all there is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from opsconsole.clock import SYSTEM, Clock
from opsconsole.samples import RunUsage

SERIES_FILE = "usage"
COLUMNS = (
    "time_us", "cpu_percent", "rss_bytes", "processes", "threads", "read_bytes", "write_bytes", "connections",
)  # fmt: skip
MOST_POINTS = 4000
"""Lines of a run's series: an hour at a second."""
_SOCKETS_EVERY = 5
_SOCKETS_UP_TO = 32
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Active(NamedTuple):
    """A run under way: its folder, and the process its tree hangs below. `started_at` in µs."""

    execution_id: str
    folder: Path
    launch: int
    supervisor: int
    supervisor_start: int | None
    started_at: int


class _Process(NamedTuple):
    pid: int
    start: int
    cpu: int
    """Clock ticks, its own and those of its children that it has waited for."""
    rss: int
    threads: int


@dataclass(slots=True)
class _Track:
    """What is remembered of a run between looks."""

    group: str | None
    reaped_before: int
    seen_at: float = 0.0
    cpu_s: float | None = None
    peak: int = 0
    looks: int = 0
    points: int = 0
    connections: int | None = None
    io: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    io_of_gone: tuple[int, int] = (0, 0)


class RunSampler:
    """`look()` gives what each run of `active()` uses now; with `keep`, it is a line of the run's `usage` file too."""

    def __init__(
        self, active: Callable[[], Iterable[Active]], *, keep: bool, clock: Clock = SYSTEM, proc: str = "/proc"
    ) -> None:
        self._active = active
        self._keep = keep
        self._clock = clock
        self._proc = proc
        self._tracks: dict[tuple[str, int], _Track] = {}

    def look(self) -> list[RunUsage]:
        """Runs whose tree is gone already are left out."""
        found = []
        tracks: dict[tuple[str, int], _Track] = {}
        for run in self._active():
            key = (run.execution_id, run.launch)
            usage, track = self._one(run, self._tracks.get(key))
            if track is not None:
                tracks[key] = track
            if usage is not None and track is not None:
                found.append(usage)
                if self._keep:
                    self._append(run.folder, usage, track)
        self._tracks = tracks
        return found

    def _one(self, run: Active, track: _Track | None) -> tuple[RunUsage | None, _Track | None]:
        supervisor = self._stat(run.supervisor)
        if supervisor is None or (run.supervisor_start is not None and supervisor.start != run.supervisor_start):
            return None, None
        reaped = supervisor.cpu - self._own_ticks(run.supervisor)
        if track is None:
            track = _Track(_group(run), reaped)
        tree = self._tree(run.supervisor)
        if not tree:
            return None, track
        now, at = self._clock.monotonic(), self._clock.now()
        cpu_s = (sum(one.cpu for one in tree) + reaped - track.reaped_before) / _TICKS
        rss = sum(one.rss for one in tree)
        sources = {"cpu": "sampled", "memory": "sampled"}
        group = _Group.read(track.group) if track.group else _Group()
        if group.cpu_s is not None:
            cpu_s, sources["cpu"] = group.cpu_s, "cgroup"
        if group.memory is not None:
            rss, sources["memory"] = group.memory, "cgroup"
        track.peak = max(track.peak, rss, group.peak or 0)
        share = None
        if track.cpu_s is not None and now > track.seen_at:
            share = max(0.0, (cpu_s - track.cpu_s) / (now - track.seen_at) * 100)
        track.cpu_s, track.seen_at = cpu_s, now
        read, written = self._io(tree, track)
        if len(tree) <= _SOCKETS_UP_TO and track.looks % _SOCKETS_EVERY == 0:
            track.connections = sum(self._sockets(one.pid) for one in tree)
        track.looks += 1
        usage = RunUsage(
            run.execution_id, at, share, rss, track.peak, len(tree), sum(one.threads for one in tree), read, written,
            track.connections, cpu_s, _source(sources),
        )  # fmt: skip
        return usage, track

    def _tree(self, root: int) -> list[_Process]:
        found: list[_Process] = []
        seen = {root}
        waiting = self._children(root)
        while waiting:
            pid = waiting.pop()
            if pid in seen:
                continue
            seen.add(pid)
            one = self._stat(pid)
            if one is not None:
                found.append(one)
                waiting += self._children(pid)
        return found

    def _children(self, pid: int) -> list[int]:
        children: list[int] = []
        try:
            for thread in os.listdir(f"{self._proc}/{pid}/task"):
                with open(f"{self._proc}/{pid}/task/{thread}/children", "rb") as file:
                    children += map(int, file.read().split())
        except (OSError, ValueError):
            pass
        return children

    def _stat(self, pid: int) -> _Process | None:
        try:
            with open(f"{self._proc}/{pid}/stat", "rb") as file:
                words = file.read().rpartition(b")")[2].split()
            return _Process(pid, int(words[19]), sum(map(int, words[11:15])), int(words[21]) * _PAGE, int(words[17]))
        except (OSError, ValueError, IndexError):
            return None

    def _own_ticks(self, pid: int) -> int:
        try:
            with open(f"{self._proc}/{pid}/stat", "rb") as file:
                words = file.read().rpartition(b")")[2].split()
            return int(words[11]) + int(words[12])
        except (OSError, ValueError, IndexError):
            return 0

    def _io(self, tree: list[_Process], track: _Track) -> tuple[int | None, int | None]:
        """Bytes from and to the disks so far; what a process had when it was last seen stays counted."""
        alive: dict[tuple[int, int], tuple[int, int]] = {}
        for one in tree:
            try:
                with open(f"{self._proc}/{one.pid}/io", "rb") as file:
                    values = dict(line.split(b": ") for line in file.read().splitlines())
                alive[one.pid, one.start] = (int(values[b"read_bytes"]), int(values[b"write_bytes"]))
            except (OSError, ValueError, KeyError):
                continue
        gone = [track.io[key] for key in track.io.keys() - alive.keys()]
        track.io_of_gone = (
            track.io_of_gone[0] + sum(read for read, _ in gone),
            track.io_of_gone[1] + sum(written for _, written in gone),
        )
        track.io = alive
        if not alive and track.io_of_gone == (0, 0):
            return None, None
        return (
            track.io_of_gone[0] + sum(read for read, _ in alive.values()),
            track.io_of_gone[1] + sum(written for _, written in alive.values()),
        )

    def _sockets(self, pid: int) -> int:
        count = 0
        try:
            with os.scandir(f"{self._proc}/{pid}/fd") as entries:
                for entry in entries:
                    count += os.readlink(entry.path).startswith("socket:")
        except OSError:
            pass
        return count

    def _append(self, folder: Path, usage: RunUsage, track: _Track) -> None:
        if track.points >= MOST_POINTS:
            return
        track.points += 1
        line = json.dumps([getattr(usage, name) for name in COLUMNS]).encode() + b"\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            fd = os.open(folder / SERIES_FILE, flags, 0o600)
            try:
                if os.fstat(fd).st_size == 0:
                    line = json.dumps({"columns": COLUMNS, "source": usage.source}).encode() + b"\n" + line
                os.write(fd, line)
            finally:
                os.close(fd)
        except OSError:
            pass  # a full disk: the run's own record matters more


class _Group(NamedTuple):
    """A run's cgroup v2; None is what it does not count."""

    cpu_s: float | None = None
    memory: int | None = None
    peak: int | None = None

    @classmethod
    def read(cls, path: str) -> _Group:
        cpu = _file(f"{path}/cpu.stat").split()
        used = dict(zip(cpu[::2], cpu[1::2], strict=False)).get("usage_usec")
        return cls(
            int(used) / 1e6 if used else None,
            _number(_file(f"{path}/memory.current")),
            _number(_file(f"{path}/memory.peak")),
        )


def _file(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _group(run: Active) -> str | None:
    """A group that is this run's alone, as its claim says: that of its limits. A slot's own group is shared by runs."""
    found: str | None = None
    try:
        lines = (run.folder / f"claim.{run.launch}").read_bytes().splitlines()
    except OSError:
        return None
    for line in lines[1:]:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("cgroup"), str):
            found = entry["cgroup"]
    return found


def _source(sources: dict[str, str]) -> str:
    if len(set(sources.values())) == 1:
        return next(iter(sources.values()))
    return ", ".join(f"{name}: {source}" for name, source in sources.items())


def read_series(folder: Path, newest: int = 0) -> list[RunUsage]:
    """A run's kept series, oldest first; a line that is not whole is left out.

    `newest`: only the last so many, whose peak is their own; 0: all.
    """
    found: list[RunUsage] = []
    try:
        first, *lines = (folder / SERIES_FILE).read_bytes().splitlines()
        head = json.loads(first)
        columns, source = head["columns"], str(head["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return found
    peak = 0
    for line in lines[-newest:]:
        try:
            values = dict(zip(columns, json.loads(line), strict=True))
            peak = max(peak, int(values["rss_bytes"]))
            found.append(RunUsage(execution_id=folder.name, peak_rss_bytes=peak, source=source, **values))
        except (ValueError, TypeError, KeyError):
            continue
    return found
