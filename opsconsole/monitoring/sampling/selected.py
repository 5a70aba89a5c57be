"""Everything about one process, for who looks at it: far too dear to read of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from opsconsole import host
from opsconsole.clock import SYSTEM, Clock
from opsconsole.monitoring.sampling import proc_sockets, proc_stat
from opsconsole.monitoring.sampling.proc_sockets import Socket

LISTED = 256
"""Files and sockets named at most; their counts are of all."""

_LINKS = 4096
"""Descriptors looked at, at most."""

_ENVIRONMENT = 1 << 16
_TASKS = 1024
"""Threads looked at, at most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limit:
    """A line of /proc/N/limits. None: unlimited."""

    name: str
    soft: int | None
    hard: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open descriptor that is no socket; `name` as the kernel has it: a path, `pipe:[…]`, `… (deleted)`."""

    descriptor: int
    name: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of a process; `cpu_s` is what it has used so far."""

    tid: int
    name: str
    state: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class ProcessDetails:
    """One process at one moment. What could not be read is None or empty, and `missing` says why, by field.

    All text is hostile, and may hold secrets: values of `environment` and words of `cmdline` are redacted by whoever
    shows them. `read_bytes` and `written_bytes` are what went to and from storage so far; a rate is their difference
    over that of `monotonic_s`. `files` and `sockets` are cut at `LISTED`.
    """

    pid: int
    start_ticks: int
    start_time: float
    monotonic_s: float
    name: str
    state: str
    threads: int
    nice: int
    cmdline: tuple[str, ...] = ()
    exe: str | None = None
    cwd: str | None = None
    cgroup: str = ""
    read_bytes: int | None = None
    written_bytes: int | None = None
    open_files: int | None = None
    files: tuple[OpenFile, ...] = ()
    sockets_open: int | None = None
    sockets: tuple[Socket, ...] = ()
    limits: tuple[Limit, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    oom_score: int | None = None
    peak_rss_bytes: int | None = None
    swap_bytes: int | None = None
    thread_list: tuple[Thread, ...] = ()
    """Those that used the most CPU first, of the first `_TASKS`; cut at `LISTED`."""
    missing: dict[str, str] = field(default_factory=dict)


def details(pid: int, start_ticks: int, *, proc: str = "/proc", clock: Clock = SYSTEM) -> ProcessDetails | None:
    """The process that `ProcessSample.identity` names; None if it has ended, also while it was read.

    Does not raise for what this user may not read.
    """
    if not host.LINUX:
        from opsconsole.monitoring.sampling import portable

        return portable.details(pid, start_ticks, clock)
    try:
        folder = os.open(f"{proc}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _Reader(folder, pid, proc, clock).read(start_ticks)
    finally:
        os.close(folder)


class _Reader:
    """Reads below the open /proc/N, which stays bound to that process."""

    def __init__(self, folder: int, pid: int, proc: str, clock: Clock) -> None:
        self._folder, self._pid, self._proc, self._clock = folder, pid, proc, clock
        self._missing: dict[str, str] = {}
        self._uncounted = 0

    def read(self, start_ticks: int) -> ProcessDetails | None:
        if self._started() != start_ticks:
            return None
        moment = self._clock.monotonic()
        transferred = self._try("read_bytes", self._transferred) or {}
        status = self._try("peak_rss_bytes", lambda: _pairs(self._file("status"))) or {}
        links = self._try("open_files", self._links)
        inodes = {inode for _, name in links or () if (inode := proc_sockets.inode(name)) is not None}
        files = [OpenFile(number, proc_stat.text(name)) for number, name in links or () if not _is_socket(name)]
        cgroup = self._try("cgroup", lambda: proc_stat.control_group(self._file("cgroup")))
        raw = self._try("cmdline", lambda: self._file("cmdline")) or b""
        exe, cwd = self._try("exe", lambda: self._link("exe")), self._try("cwd", lambda: self._link("cwd"))
        limits = self._try("limits", lambda: tuple(_limits(self._file("limits"))))
        environment = self._try("environment", self._environment)
        oom = self._try("oom_score", lambda: int(self._file("oom_score")))
        sockets = self._try("sockets", lambda: proc_sockets.find(self._folder, inodes, LISTED)) if inodes else ()
        threads = self._try("threads", self._threads) or ()
        parsed = self._stat()  # last: then all of the above was this process's
        if parsed is None or int(parsed[1][proc_stat.START]) != start_ticks:
            return None
        comm, numbers = parsed
        boot = proc_stat.boot_time(_whole(f"{self._proc}/stat"))
        return ProcessDetails(
            pid=self._pid,
            start_ticks=start_ticks,
            start_time=boot + start_ticks / os.sysconf("SC_CLK_TCK"),
            monotonic_s=moment,
            name=proc_stat.full_name(comm, raw),
            state=proc_stat.text(numbers[proc_stat.STATE]),
            threads=int(numbers[proc_stat.THREADS]),
            nice=int(numbers[proc_stat.NICE]),
            cmdline=_words(raw),
            exe=exe,
            cwd=cwd,
            cgroup=cgroup or "",
            read_bytes=transferred.get("read_bytes"),
            written_bytes=transferred.get("write_bytes"),
            open_files=None if links is None else len(links) + self._uncounted,
            files=tuple(files[:LISTED]),
            sockets_open=None if links is None else sum(_is_socket(name) for _, name in links),
            sockets=sockets or (),
            limits=limits or (),
            environment=environment or (),
            oom_score=oom,
            peak_rss_bytes=_kilobytes(status.get("VmHWM")),
            swap_bytes=_kilobytes(status.get("VmSwap")),
            thread_list=threads,
            missing=self._missing,
        )

    def _try(self, what: str, read: Callable[[], T]) -> T | None:
        """None, and the reason kept, where the kernel refuses."""
        try:
            return read()
        except OSError as error:
            self._missing[what] = (error.strerror or "cannot be read").lower()
        except ValueError:
            self._missing[what] = "not understood"
        return None

    def _file(self, name: str, size: int = 1 << 16) -> bytes:
        return proc_stat.read(self._folder, name, size)

    def _link(self, name: str) -> str:
        return proc_stat.text(os.fsencode(os.readlink(name, dir_fd=self._folder)))

    def _stat(self) -> tuple[bytes, list[bytes]] | None:
        try:
            return proc_stat.fields(self._file("stat"))
        except OSError:
            return None

    def _started(self) -> int | None:
        parsed = self._stat()
        return None if parsed is None else int(parsed[1][proc_stat.START])

    def _transferred(self) -> dict[str, int]:
        return {name: int(value) for name, value in _pairs(self._file("io")).items()}

    def _environment(self) -> tuple[tuple[str, str], ...]:
        raw = self._file("environ", _ENVIRONMENT)
        if len(raw) == _ENVIRONMENT:
            self._missing["environment"] = f"cut off after {_ENVIRONMENT} bytes"
        pairs = (proc_stat.text(entry).partition("=") for entry in raw.split(b"\0") if entry)
        return tuple((name, value) for name, _, value in pairs)

    def _threads(self) -> tuple[Thread, ...]:
        tick = os.sysconf("SC_CLK_TCK")
        folder = os.open("task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            found = []
            for tid in sorted(int(name) for name in os.listdir(folder))[:_TASKS]:
                try:
                    parsed = proc_stat.fields(proc_stat.read(folder, f"{tid}/stat"))
                except OSError:  # ended meanwhile
                    continue
                if parsed is not None:
                    name, numbers = parsed
                    used = int(numbers[proc_stat.UTIME]) + int(numbers[proc_stat.STIME])
                    state = proc_stat.text(numbers[proc_stat.STATE])
                    found.append(Thread(tid, proc_stat.text(name), state, used / tick))
            return tuple(sorted(found, key=lambda one: (-one.cpu_s, one.tid))[:LISTED])
        finally:
            os.close(folder)

    def _links(self) -> list[tuple[int, bytes]]:
        """(descriptor, name) of what is open."""
        folder = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            numbers = sorted(int(name) for name in os.listdir(folder))
            if len(numbers) > _LINKS:
                self._uncounted = len(numbers) - _LINKS
                self._missing["files"] = f"of {len(numbers)} descriptors {_LINKS} were looked at"
            found = []
            for number in numbers[:_LINKS]:
                try:
                    found.append((number, os.fsencode(os.readlink(str(number), dir_fd=folder))))
                except FileNotFoundError:  # closed meanwhile
                    continue
            return found
        finally:
            os.close(folder)


def _whole(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _words(cmdline: bytes) -> tuple[str, ...]:
    return tuple(proc_stat.text(word) for word in cmdline.removesuffix(b"\0").split(b"\0")) if cmdline else ()


def _pairs(raw: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in proc_stat.text(raw).splitlines())
    return {name: value.strip() for name, _, value in lines}


def _kilobytes(told: str | None) -> int | None:
    """ "1234 kB" in bytes. A kernel thread has no such line."""
    return int(told.split()[0]) * 1024 if told else None


def _is_socket(name: bytes) -> bool:
    return proc_sockets.inode(name) is not None


def _limits(raw: bytes) -> Iterable[Limit]:
    """The lines of /proc/N/limits: columns of 26, 21, 21 and 10 characters."""
    for line in proc_stat.text(raw).splitlines()[1:]:
        soft, hard = (None if word == "unlimited" else int(word) for word in line[26:68].split())
        yield Limit(line[:26].strip(), soft, hard, line[68:].strip())
