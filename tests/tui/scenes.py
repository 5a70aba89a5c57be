"""What a believable host looks like at 14:02 on a Friday: for snapshots, and for the picture of the README."""

from __future__ import annotations

from collections.abc import Callable
from math import sin
from pathlib import Path

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.events import RunSampled
from opsconsole.models import ExecutionPolicy, Priority, Status
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, RunUsage, Sample, Swap
from opsconsole.storage.metrics import Point
from opsconsole.tui.app import ConsoleApp
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import GB, process, sample

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
HOSTILE = "\x1b]0;pwned\x07[bold]<script>alert(1)</script>\u202egnp.exe\x9b2J\x7f\u200b]"


def console(
    engine: FakeEngine, *, theme: str | None = None, clock: Callable[[], int] = lambda: NOW, start: str = "tasks",
    read_only: bool = False, host: str = "web-03", user: str = "deploy",
) -> ConsoleApp:  # fmt: skip
    """The app as it runs, but for the engine, the clock and the names."""
    return ConsoleApp(
        lambda: engine, engine.settings, host=host, user=user, clock=clock, theme=theme, load=lambda: 0.42,
        start=start, read_only=read_only,
    )  # fmt: skip


def mixed(folder: Path) -> FakeEngine:
    """Two running, one paused, a queue, and a history with everything that can happen."""
    engine = FakeEngine(folder)
    ended = [
        ("system_health.sh", Status.COMPLETED, 0, 1.8, 7 * HOUR),
        ("rotate-logs", Status.COMPLETED, 0, 12.4, 6 * HOUR),
        ("sync-assets", Status.FAILED, 3, 14.2, 5 * HOUR),
        ("certificate_expiry.py", Status.COMPLETED, 0, 0.4, 4 * HOUR),
        ("wipe-cache", Status.REFUSED, 126, None, 3 * HOUR),
        ("import-orders", Status.TIMED_OUT, None, 300.0, 2 * HOUR),
        ("restart-php", Status.COMPLETED, 0, 2.1, 100 * MINUTE),
        ("vacuum-db", Status.CANCELLED, None, 41.7, 70 * MINUTE),
        ("resize-images", Status.FAILED, None, 92.0, 55 * MINUTE),
        ("log_errors.sh", Status.COMPLETED, 0, 3.3, 31 * MINUTE),
        ("migrate-sessions", Status.ABANDONED, None, 18.0, 22 * MINUTE),
        ("sync-assets", Status.FAILED, 3, 13.9, 17 * MINUTE),
    ]
    reasons = {
        Status.REFUSED: "safe: this host cannot contain it yet", Status.TIMED_OUT: "ran longer than 300 s",
        Status.CANCELLED: "cancelled", Status.ABANDONED: "the supervisor was killed; its tree was killed",
    }  # fmt: skip
    for name, status, code, took, ago in ended:
        began = None if took is None else NOW - ago
        policy = ExecutionPolicy.SAFE if status is Status.REFUSED else ExecutionPolicy.STANDARD
        signal = "SIGSEGV" if status is Status.FAILED and code is None else None
        reason = reasons.get(status) or (None if code == 0 else f"exit code {code}" if code else "ended by SIGSEGV")
        task = engine.put(
            name=name, status=status, exit_code=code, signal=signal, reason=reason, duration_s=took, started_at=began,
            queued_at=NOW - ago - SECOND // 2, finished_at=NOW - ago + int((took or 0) * SECOND), policy=policy,
            pinned=name == "import-orders",
        )  # fmt: skip
        engine.report(
            task.id, metrics={"user_cpu_s": 0.4, "system_cpu_s": 0.1, "max_rss_bytes": 14_300_000, "processes": 3}
        )
    engine.put(
        name="nightly-backup", status=Status.RUNNING, policy=ExecutionPolicy.ELEVATED, priority=Priority.LOW,
        queued_at=NOW - 41 * MINUTE, started_at=NOW - 41 * MINUTE, actor="root", door="schedule", ssh_client=None,
    )  # fmt: skip
    running = engine.put(
        name="reindex-orders", status=Status.RUNNING, priority=Priority.HIGH, attempt=2, attempts=3,
        queued_at=NOW - 4 * MINUTE, started_at=NOW - 192 * SECOND, labels={"ticket": "OPS-1729"},
    )  # fmt: skip
    engine.report(running.id, supervision={"kill": "cgroup.kill+subreaper"})
    engine.write(running.id, *progress())
    engine.put(
        name="warm-cdn", status=Status.PAUSED, reason="frozen (cgroup.freeze)", queued_at=NOW - 9 * MINUTE,
        started_at=NOW - 8 * MINUTE,
    )  # fmt: skip
    engine.put(name="rotate-logs", queued_at=NOW - 2 * MINUTE)
    engine.put(name="purge-tmp", queued_at=NOW - MINUTE, priority=Priority.CRITICAL)
    engine.put(
        name="sync-assets", status=Status.WAITING, attempt=2, attempts=3, queued_at=NOW - 3 * MINUTE,
        due_at=NOW + 8 * SECOND, reason="attempt 1: exit code 3", exit_code=3,
    )  # fmt: skip
    engine.put(name="mail-report", status=Status.WAITING, after_id=14, queued_at=NOW - 3 * MINUTE)
    engine.put(name="upgrade-kernel", status=Status.WAITING, held=True, queued_at=NOW - 26 * HOUR)
    engine.waiting[16] = "8 of 8 runs are active"
    return engine


def progress() -> list[tuple[str, bytes]]:
    """A job that colours its lines, as jobs do."""
    lines: list[tuple[str, bytes]] = [
        (
            "stdout",
            b"\x1b[1mreindex-orders\x1b[0m on web-03, 1000 chunks of 4096 rows, index \x1b[36morders_2026\x1b[0m\n",
        )
    ]
    for chunk in range(560, 613):
        lines.append(
            ("stdout", b"\x1b[2m14:%02d:%02d\x1b[0m chunk %d of 1000 \x1b[32mok\x1b[0m  %d rows, %.1f s\n"
             % (1 + chunk // 613, chunk % 60, chunk, 4096 - chunk % 7, 0.2 + chunk % 5 / 10))
        )  # fmt: skip
        if chunk in (581, 597, 609):
            lines.append(("stderr", b"\x1b[33mwarning:\x1b[0m slow query, %.1f s in orders_by_day\n" % (1 + chunk % 3)))
    return lines


def trouble(folder: Path) -> FakeEngine:
    """The same host, watched: memory runs out, a disk fills, something is over; ten minutes of record have a gap."""
    engine = mixed(folder)
    station = engine.monitoring
    series = {
        "cpu": lambda at: 45 + 30 * sin(at / 40) + (25 if at > 520 else 0),
        "memory": lambda at: 58 + at / 17,
        "pressure_cpu": lambda at: max(0.0, at - 480) / 4,
        "pressure_memory": lambda at: max(0.0, at - 540) / 2,
    }
    for name, value in series.items():
        station.recorded[name] = [
            None if 380 <= at < 420 else _point(NOW - (600 - at) * SECOND, value(at)) for at in range(600)
        ]
    station.put(
        "memory_high", "memory at 93 %", Severity.HIGH, value=93.1, opened_at=NOW - 4 * MINUTE, threshold=90.0,
    )  # fmt: skip
    station.put(
        "disk_fill_rate", "/ will be full in 9 h", Severity.MEDIUM, subject="/", value=32_400.0, unit="s",
        opened_at=NOW - 41 * MINUTE, acknowledged_at=NOW - 30 * MINUTE, acknowledged_by="deploy",
    )  # fmt: skip
    station.put(
        "process_rss", "java[4711] grew by 1.9 GiB in an hour", Severity.CRITICAL, subject="java[4711]",
        opened_at=NOW - 2 * MINUTE,
    )  # fmt: skip
    station.put("unusual", "net_tx:eth0 is unusual", Severity.INFO, opened_at=NOW - 20 * SECOND)
    station.put(
        "cpu_spike", "CPU 34 points over its baseline", Severity.LOW, state=AnomalyState.FLAPPING, flips=4,
        opened_at=NOW - 3 * HOUR,
    )  # fmt: skip
    for hours in (2, 5, 26):
        station.put(
            "io_pressure", "tasks waited for I/O 41 % of the time", Severity.HIGH, state=AnomalyState.CLOSED,
            opened_at=NOW - hours * HOUR, closed_at=NOW - hours * HOUR + 7 * MINUTE,
        )  # fmt: skip
    commands = (
        ("java", 141.7, 5_120_000_000, "R", "deploy", "java -Xmx6g -jar /srv/orders/orders.jar --port 8080"),
        ("postgres", 41.3, 2_210_000_000, "S", "postgres", "postgres: orders orders_2026 10.0.4.7(51122) UPDATE"),
        ("bash", 37.9, 412_000_000, "S", "deploy", "/bin/bash /srv/scripts/reindex-orders --chunks 1000"),
        ("kswapd0", 6.2, 0, "D", "root", ""),
        ("tar", 4.4, 9_800_000, "D", "root", "tar --zstd -cf /backup/nightly.tar.zst /srv"),
        ("nginx", 2.1, 61_000_000, "S", "www-data", "nginx: worker process"),
        ("php-fpm", 0.0, 88_000_000, "Z", "www-data", ""),
    )
    found = [
        process(4711 + 13 * at, name, cpu_percent=cpu, rss_bytes=rss, state=state, user=user, cmdline=cmdline)
        for at, (name, cpu, rss, state, user, cmdline) in enumerate(commands)
    ]
    found += [
        process(
            900 + at, "sshd", cmdline=f"sshd: deploy@pts/{at}", rss_bytes=6_000_000 - at, cpu_percent=0.4 - at / 100
        )
        for at in range(40)
    ]
    station.take(troubled(NOW), *found)
    return engine


USAGE = RunSampled(RunUsage("14.2", NOW, 37.9, 412_000_000, 420_000_000, 5, 9))
"""What `reindex-orders` uses; told while the screen is open."""


def troubled(time_us: int) -> Sample:
    return sample(
        time_us, cpu=Cpu(percent=97.0, cores=4.0, iowait=9.0, steal=3.4), load=(12.31, 9.4, 6.2),
        memory=Memory(93.1, 16 * GB, 14_900_000_000, 1_100_000_000), swap=Swap(44.0, 2 * GB, 880_000_000),
        pressure=Pressure(cpu_some=31.0, memory_some=22.0, memory_full=9.0, io_some=12.0), processes=312,
        disks=(
            Disk("/", "/dev/sda1", "ext4", 100 * GB, 81 * GB, 19 * GB, 81.0),
            Disk("/var/lib/postgresql", "/dev/sdb1", "xfs", 500 * GB, 315 * GB, 185 * GB, 63.0),
            Disk("/boot", "/dev/sda2", "ext4", GB, GB // 10, 9 * GB // 10, 10.0),
        ),
        drives=(Drive("sda", 12_000_000, 3_000_000, 120, 40, 71.0, 4.2),), uptime_s=1_046_000.0,
        interfaces=(Interface("lo", 9e9, 9e9), Interface("eth0", 1_200_000, 310_000)), short_lived_percent=18.0,
    )  # fmt: skip


def _point(time_us: int, value: float) -> Point:
    return Point(time_us, 1, value, value, value)
