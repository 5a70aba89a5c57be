"""A host whose processes are what the test says, behind the sampler's interface."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from opsconsole import host
from opsconsole.errors import ConsoleError
from opsconsole.monitoring.sampling.proc_sockets import Socket
from opsconsole.monitoring.sampling.selected import Limit, OpenFile, ProcessDetails
from opsconsole.samples import ProcessSample
from tests.tui.fake_engine import NOW
from tests.tui.fake_monitoring import GB, process


class FakeSampler:
    """`processes` is what the next look finds; `looks` counts them."""

    def __init__(self, *processes: ProcessSample) -> None:
        self.processes = list(processes)
        self.looks = 0
        self.closed = 0
        self.refusal: ConsoleError | None = None
        self.interval_s: float | None = None
        self.shares_known = True
        """False: every look is a first one, however many a slow machine takes."""

    def sample(self) -> list[ProcessSample]:
        if self.refusal is not None:
            raise self.refusal
        self.interval_s = 1.0 if self.looks and self.shares_known else None
        self.looks += 1
        return list(self.processes)

    def close(self) -> None:
        self.closed += 1

    def put(self, *processes: ProcessSample) -> None:
        self.processes = list(processes)


def install(
    monkeypatch: pytest.MonkeyPatch, sampler: FakeSampler, details: Callable[[int, int], ProcessDetails | None] | None
) -> FakeSampler:
    """The console looks with `sampler`, and closely with `details` (None: at the real host)."""
    monkeypatch.setattr("opsconsole.tui.screens.processes.new_sampler", lambda: sampler)
    if details is not None:
        monkeypatch.setattr("opsconsole.monitoring.sampling.selected.details", details)
    return sampler


def closely(pid: int, start_ticks: int, **fields: Any) -> ProcessDetails:
    """A process closely, with some of everything."""
    blank: dict[str, Any] = {
        "start_time": NOW / 1e6 - 7200, "monotonic_s": 100.0, "name": "java", "state": "S", "threads": 212, "nice": 5,
        "cmdline": ("java", "-Xmx6g", "-jar", "shop.jar"), "exe": "/usr/bin/java", "cwd": "/srv/shop",
        "cgroup": "/system.slice/shop.service", "read_bytes": 4 * GB, "written_bytes": 900_000_000, "open_files": 5,
        "files": (OpenFile(0, "/dev/null"), OpenFile(1, "/var/log/shop/out.log"), OpenFile(7, "pipe:[4711]")),
        "sockets_open": 2,
        "sockets": (Socket("tcp", 1, "0.0.0.0:8080", "", "listen"), Socket("unix", 2, "/run/db.sock")),
        "limits": (Limit("Max open files", 1024, 4096, "files"), Limit("Max address space", None, None, "bytes")),
        "environment": (("LANG", "C.UTF-8"), ("DB_PASSWORD", "hunter2-hunter2")), "oom_score": 667,
        "peak_rss_bytes": 6 * GB, "swap_bytes": 0,
    }  # fmt: skip
    return ProcessDetails(pid=pid, start_ticks=start_ticks, **{**blank, **fields})


def row(pid: int, name: str, **fields: Any) -> ProcessSample:
    """A process of `www`, whose command line is its name and what it serves."""
    blank: dict[str, Any] = {"start_ticks": pid * 10, "user": "www", "uid": 33, "cmdline": f"/usr/sbin/{name} --serve"}
    return process(pid, name, **{**blank, **fields})


def small_host() -> FakeSampler:
    """An ordinary evening: a database, a web server and its workers, a shell, and one that nobody collected."""
    return FakeSampler(
        row(1, "systemd", ppid=0, user="root", uid=0, cmdline="/sbin/init", rss_bytes=12_000_000),
        row(400, "postgres", user="postgres", cpu_percent=41.3, rss_bytes=2 * GB, threads=1, cpu_time_s=5000.0),
        row(500, "nginx", user="root", uid=0, rss_bytes=9_000_000, cmdline="nginx: master process"),
        row(501, "nginx", ppid=500, cpu_percent=7.5, rss_bytes=31_000_000, cmdline="nginx: worker process"),
        row(502, "nginx", ppid=500, cpu_percent=3.0, rss_bytes=30_000_000, cmdline="nginx: worker process"),
        row(600, "java", cpu_percent=18.0, rss_bytes=5 * GB, threads=212, nice=5, cmdline="java -Xmx6g -jar shop.jar"),
        row(700, "bash", ppid=500, user="deploy", uid=1000, state="R", cmdline="-bash"),
        row(701, "helper", ppid=600, state="Z", cmdline="", rss_bytes=0),
    )


@contextmanager
def child(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], ProcessSample]]:
    """A real process of the test, and how the table shows it."""
    running = subprocess.Popen(command or ("sleep", "600"))
    try:
        started = host.start_time(running.pid)
        assert started is not None
        yield running, row(running.pid, "sleep", start_ticks=started, cmdline="sleep 600", user=host.actor())
    finally:
        running.kill()
        running.wait()
