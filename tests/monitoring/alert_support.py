"""A console's alerts on a real database, with a clock that is moved by hand and messages that are counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from opsconsole.alert_settings import AlertSettings, OutboxSettings
from opsconsole.anomalies import Anomaly, AnomalyState, Change, Severity, Transition
from opsconsole.clock import Clock
from opsconsole.models import ExecutionResult, Status
from opsconsole.monitoring.alerts import Alerts
from opsconsole.storage import anomalies, database, outbox
from opsconsole.storage.outbox import Entry
from opsconsole.storage.writer import Writer

START_US = 1_790_000_000_000_000
"""2026-09-21, a Monday, 14:13:20 UTC."""
HOST = "db1"
NO_WAIT = AlertSettings(group_wait_s=0.0)


class AlertClock(Clock):
    """Both clocks go together, by hand."""

    def __init__(self) -> None:
        self.now_us = START_US

    def now(self) -> int:
        return self.now_us

    def monotonic(self) -> float:
        return self.now_us / 1e6

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


class Desk:
    """One console. What its bell said is in `said`; other notices of the alerts are there, too."""

    def __init__(self, path: Path, settings: AlertSettings, clock: AlertClock, **options: Any) -> None:
        self.path = path
        self.clock = clock
        self.said: list[str] = []
        self.writer = Writer(database.open_database(path, self.said.append), path)
        self.alerts = Alerts(settings, self.writer.submit, clock, HOST, tell=self.said.append, **options)

    def do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        return self.writer.run(work)

    def seen(self, anomaly: Anomaly, change: Change = Change.CHANGED) -> Anomaly:
        """As the monitor does it: saved, then told of."""
        self.do(lambda c: anomalies.save(c, anomaly))
        self.alerts.on_transition(Transition(change, anomaly))
        self.settle()
        return anomaly

    def opens(self, anomaly: Anomaly) -> Anomaly:
        return self.seen(anomaly, Change.OPENED)

    def closes(self, anomaly: Anomaly) -> Anomaly:
        return self.seen(replace(anomaly, state=AnomalyState.CLOSED, closed_at=self.clock.now()), Change.CLOSED)

    def settle(self) -> None:
        """Until the writer has done all that was submitted."""
        self.do(lambda c: None)

    def passes(self, seconds: float, step_s: float = 30.0) -> None:
        """Time goes by with a tick now and then, and what is due goes out."""
        left = seconds
        while left > 0:
            self.clock.advance(min(step_s, left))
            left -= step_s
            self.goes_out()

    def goes_out(self) -> float | None:
        """A tick, and whatever is due by now."""
        self.alerts.tick()
        self.settle()
        return self.alerts.send_due()

    def rows(self, *states: str) -> list[Entry]:
        return list(reversed(self.do(lambda c: outbox.find(c, states, limit=10_000))))

    def close(self) -> None:
        self.alerts.stop()
        self.writer.close()


@contextmanager
def desk(path: Path, settings: AlertSettings = NO_WAIT, clock: AlertClock | None = None, **more: Any) -> Iterator[Desk]:
    found = Desk(path, settings, clock or AlertClock(), **more)
    try:
        yield found
    finally:
        found.close()


def anomaly(number: int = 1, kind: str = "cpu_high", subject: str = "", at: int = START_US, **changes: Any) -> Anomaly:
    """An episode that is open since a minute before `at`."""
    given: dict[str, Any] = {
        "severity": Severity.HIGH, "state": AnomalyState.OPEN, "began_at": at - 60_000_000, "opened_at": at,
        "last_at": at, "closed_at": None, "value": 91.0, "peak": 97.5, "mean": 93.0, "count": 60, "threshold": 85.0,
        "unit": "%", "message": f"{kind} {subject} at 97.5 %",
    }  # fmt: skip
    return Anomaly(id=number, kind=kind, subject=subject, host=HOST, **(given | changes))


def process(name: str, pid: int = 41, cpu: float = 99.0, rss: int = 2**30) -> dict[str, Any]:
    return {"pid": pid, "start_time": 5, "name": name, "cpu_percent": cpu, "rss_bytes": rss}


def result(number: int = 1, status: Status = Status.FAILED, name: str = "backup.sh", **changes: Any) -> ExecutionResult:
    """How a run ended, as the engine records it."""
    given: dict[str, Any] = {
        "execution_id": f"{number}.1", "task_id": number, "exit_code": 3, "signal": None, "reason": None,
        "policy": "standard", "containment": {}, "verdict": None, "findings": [], "attempt": 1, "attempts": 1,
        "queued_at": START_US, "started_at": START_US, "finished_at": START_US, "duration_s": 1.0, "metrics": {},
        "output": {}, "script_sha256": "0" * 64, "origin": {}, "supervision": {},
    }  # fmt: skip
    return ExecutionResult(name=name, status=status, **(given | changes))


def quick_retries(**changes: Any) -> OutboxSettings:
    return OutboxSettings(**({"retry_base_s": 10.0, "retry_jitter": 0.0} | changes))
