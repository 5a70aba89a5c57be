"""Runs that are told of, settings that cannot be, and what a restart makes of it all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.alert_settings import AlertSettings, MailSettings, RunRules, WebhookSettings
from opsconsole.anomalies import AnomalyState
from opsconsole.errors import SettingsError
from opsconsole.models import Priority, Status
from opsconsole.storage import anomalies
from tests.monitoring.alert_support import NO_WAIT, AlertClock, anomaly, desk, result


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "opsconsole.db"


def test_a_critical_task_that_failed_is_told_of_and_another_is_not(database: Path) -> None:
    with desk(database) as here:
        here.alerts.on_execution(result(1), priority=Priority.CRITICAL)
        here.alerts.on_execution(result(1), priority=Priority.CRITICAL)
        here.alerts.on_execution(result(2), priority=Priority.HIGH)
        here.alerts.on_execution(result(3, name="retried.sh", attempts=3), priority=Priority.CRITICAL)
        here.settle()
        here.goes_out()
        assert here.said == ["[CRITICAL] db1: backup.sh: failed, exit code 3"]


def test_an_abandoned_run_is_told_of_once(database: Path) -> None:
    with desk(database) as here:
        here.alerts.on_execution(result(1, Status.ABANDONED, exit_code=None, reason="its host restarted"))
        here.settle()
        here.passes(9 * 3600, step_s=600)
        assert here.said == ["[HIGH] db1: backup.sh: abandoned, its host restarted"]


def test_the_failure_rate_fires_once_and_recovers(database: Path) -> None:
    rules = RunRules(failure_rate=50, failure_rate_runs=4, failure_rate_window_s=3600)
    with desk(database, replace(NO_WAIT, runs=rules)) as here:
        insert_tasks(here, "completed", 2)
        insert_tasks(here, "failed", 1)
        here.alerts.on_execution(result(9))
        here.settle()
        here.goes_out()
        assert here.said == []
        insert_tasks(here, "timed_out", 3)
        for number in range(10, 13):
            here.alerts.on_execution(result(number))
            here.settle()
            here.goes_out()
        assert here.said == ["[HIGH] db1: 4 of the last 6 runs failed"]
        here.passes(3700, step_s=300)
        assert here.said[1].startswith("[RESOLVED] db1: Many runs fail, after 1 h")


def test_a_notifiers_own_script_that_fails_tells_of_nothing(database: Path) -> None:
    script = database.with_name("tell.sh")
    script.write_text("exit 1\n")
    runs = iter([71, 72])
    settings = replace(NO_WAIT, notify=("command",), command=replace(NO_WAIT.command, script=str(script)))
    with desk(database, settings, submit=lambda *_: next(runs)) as here:
        here.opens(anomaly())
        here.goes_out()
        here.alerts.on_execution(result(71), priority=Priority.CRITICAL)
        here.settle()
        here.goes_out()
        assert [row.answer for row in here.rows()] == ["submitted 71"]


def insert_tasks(here: Any, status: str, count: int) -> None:
    def work(c: Any) -> None:
        c.execute("INSERT OR IGNORE INTO script (id, name, sha256, body) VALUES (1, 'x', 'x', x'')")
        for _ in range(count):
            c.execute(
                """INSERT INTO task (rev, status, name, priority, rank, policy, interpreter, script_id, spec, queued_at,
                   finished_at, host, door, actor)
                   VALUES (1, ?, 'x', 1, 1, 'standard', 'bash', 1, '{}', 1, ?, '', '', '')""",
                (status, here.clock.now()),
            )

    here.do(work)


# -- settings and restarts


@pytest.mark.parametrize(
    "settings",
    [
        AlertSettings(notify=("pager",)),
        AlertSettings(repeat_s=1),
        AlertSettings(group_wait_s=float("nan")),
        AlertSettings(mail=MailSettings(host="mx", to=())),
        AlertSettings(mail=MailSettings(host="mx", to=("a@b\nBcc: c@d",))),
        AlertSettings(mail=MailSettings(host="mx", to=("a@b",), user="me")),
        AlertSettings(
            mail=MailSettings(host="mx", to=("a@b",), user="me", security="none", password_file="p")  # noqa: S106
        ),
        AlertSettings(webhook=WebhookSettings(url="file:///etc/passwd")),
        AlertSettings(webhook=WebhookSettings(url="http://user:secret@host/")),
        AlertSettings(webhook=WebhookSettings(url="http://a b/")),
        AlertSettings(webhook=WebhookSettings(url="https://evil/", allow_hosts=("*.corp",))),
        AlertSettings(webhook=WebhookSettings(url="https://hook/", timeout_s=30)),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: AlertSettings) -> None:
    with pytest.raises(SettingsError):
        settings.check()


def test_a_restart_tells_nothing_twice_and_catches_up_with_what_it_missed(database: Path) -> None:
    clock = AlertClock()
    with desk(database, clock=clock) as here:
        here.opens(anomaly(1))
        here.opens(anomaly(2, "memory_high"))
        here.goes_out()
        here.do(lambda c: anomalies.save(c, closed(anomaly(1), clock)))  # nobody is told of these two
        here.do(lambda c: anomalies.save(c, anomaly(3, "disk_full", "/var")))
    with desk(database, clock=clock) as again:
        again.do(lambda c: again.alerts._catch_up(c, clock.now()))
        again.goes_out()
        assert sorted(line.split("]")[0] for line in again.said) == ["[HIGH", "[RESOLVED"]
        assert any("disk_full" in line for line in again.said)


def closed(one: Any, clock: AlertClock) -> Any:
    return replace(one, state=AnomalyState.CLOSED, closed_at=clock.now())
