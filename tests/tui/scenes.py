"""What a believable host looks like at 14:02 on a Friday: for snapshots, and for the picture of the README."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opsconsole.models import ExecutionPolicy, Priority, Status
from opsconsole.tui.app import ConsoleApp
from tests.tui.fake_engine import NOW, SECOND, FakeEngine

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
HOSTILE = "\x1b]0;pwned\x07[bold]<script>alert(1)</script>\u202egnp.exe\x9b2J\x7f\u200b]"


def console(engine: FakeEngine, *, theme: str | None = None, clock: Callable[[], int] = lambda: NOW) -> ConsoleApp:
    """The app as it runs, but for the engine, the clock and the names."""
    return ConsoleApp(lambda: engine, engine.settings, host="web-03", user="deploy", clock=clock, theme=theme)


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
