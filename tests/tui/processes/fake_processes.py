"""A host whose processes are what the test says, behind the sampler's interface."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import sin
from typing import Any

import pytest

from opsconsole import host
from opsconsole.errors import ConsoleError
from opsconsole.monitoring.sampling.proc_sockets import Socket
from opsconsole.monitoring.sampling.selected import Limit, OpenFile, ProcessDetails, Thread
from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.processes.detail import ProcessDetail
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
    monkeypatch.setattr("opsconsole.tui.screens.processes.screen.new_sampler", lambda: sampler)
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


def busy_host() -> FakeSampler:
    """A working day: a shop, its database, a run of ours that rebuilds an index, and many shells."""
    found = [
        row(1, "systemd", ppid=0, user="root", uid=0, cmdline="/sbin/init", rss_bytes=12_000_000, cpu_time_s=190.0),
        row(310, "kswapd0", ppid=2, user="root", uid=0, state="D", cmdline="", rss_bytes=0, cpu_percent=6.2),
        row(400, "postgres", user="postgres", cpu_percent=2.3, rss_bytes=310_000_000, cpu_time_s=5000.0),
        row(401, "postgres", ppid=400, user="postgres", cpu_percent=41.3, rss_bytes=2 * GB, cpu_time_s=900.0,
            cmdline="postgres: orders orders_2026 10.0.4.7(51122) UPDATE"),
        row(402, "postgres", ppid=400, user="postgres", cpu_percent=0.4, rss_bytes=96_000_000, cpu_time_s=61.0,
            cmdline="postgres: walwriter"),
        row(500, "nginx", user="root", uid=0, rss_bytes=9_000_000, cmdline="nginx: master process"),
        row(501, "nginx", ppid=500, cpu_percent=7.5, rss_bytes=61_000_000, cmdline="nginx: worker process"),
        row(502, "nginx", ppid=500, cpu_percent=3.1, rss_bytes=60_000_000, cmdline="nginx: worker process"),
        row(600, "java", user="deploy", uid=1000, state="R", cpu_percent=141.7, rss_bytes=5 * GB, threads=212, nice=5,
            cpu_time_s=91_000.0, cmdline="java -Xmx6g -jar /srv/orders/orders.jar --port 8080"),
        row(610, "php-fpm", user="www-data", state="Z", cmdline="", rss_bytes=0),
        row(900, "sshd", user="root", uid=0, rss_bytes=8_000_000, cmdline="sshd: /usr/sbin/sshd -D [listener]"),
        row(4700, "python3", user="deploy", uid=1000, rss_bytes=21_000_000, cpu_percent=0.2,
            cmdline="python3 -m opsconsole.execution.supervisor"),
        row(4701, "bash", ppid=4700, user="deploy", uid=1000, rss_bytes=6_000_000, cpu_percent=1.9,
            cmdline="/bin/bash /srv/scripts/reindex-orders --chunks 1000"),
        row(4702, "psql", ppid=4701, user="deploy", uid=1000, rss_bytes=412_000_000, cpu_percent=35.8, state="R",
            cmdline="psql --dbname orders --file chunk-613.sql"),
    ]  # fmt: skip
    found += [
        row(901 + at, "sshd", ppid=900, user="deploy", uid=1000, cmdline=f"sshd: deploy@pts/{at}",
            rss_bytes=6_000_000 - at, cpu_percent=0.3 - at / 1000)
        for at in range(90)
    ]  # fmt: skip
    return FakeSampler(*found)


def details_of(sampler: FakeSampler) -> Callable[[int, int], ProcessDetails]:
    """Closely, as the list has it."""

    def details(pid: int, start_ticks: int) -> ProcessDetails:
        one = next(one for one in sampler.processes if one.pid == pid)
        threads = tuple(Thread(pid + at, f"worker-{at}", "S", 900.0 / (at + 1)) for at in range(min(4, one.threads)))
        return closely(
            pid, start_ticks, name=one.name, cmdline=tuple(one.cmdline.split()), threads=one.threads, nice=one.nice,
            state=one.state, thread_list=threads, peak_rss_bytes=one.rss_bytes + 40_000_000,
            exe=f"/usr/bin/{one.name}", cwd="/srv/orders", cgroup=f"/system.slice/{one.name}.service",
        )  # fmt: skip

    return details


def serving(detail: ProcessDetail, process: ProcessSample | None, now_us: int, run: str) -> None:
    """Five minutes of what it used, in its graphs. `run`: whose it is."""
    if process is None:
        return
    detail.show(process, run)
    for at in range(300, 0, -2):
        wave = 0.7 + 0.3 * sin(at / 17) + 0.1 * sin(at / 3)
        used = replace(
            process, cpu_percent=process.cpu_percent * wave, rss_bytes=int(process.rss_bytes * (1 - at / 900))
        )
        detail.add(used, now_us - at * 1_000_000, 2.0)
        detail.add_transfer(process.identity, now_us - at * 1_000_000, 2.0, 4e6 * max(0.0, sin(at / 29)))
    detail.add(process, now_us, 2.0)
