"""Silences and maintenance by hand: what they cover, that they end, and that what is open then is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.anomalies import Severity
from opsconsole.storage import anomalies, database, silences
from tests.monitoring.alert_support import NO_WAIT, START_US, anomaly, desk

HOUR_US = 3600 * 1_000_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(database.open_database(tmp_path / "opsconsole.db", print)) as found:
        yield found


def test_a_silence_ends_by_itself_and_can_be_removed(connection: sqlite3.Connection) -> None:
    first = silences.add(connection, "cpu_high", None, START_US + HOUR_US, by="ann", reason="tests", now=START_US)
    second = silences.add(connection, None, "/var", START_US + 2 * HOUR_US, by="ann", now=START_US)
    assert [one.id for one in silences.active(connection, START_US)] == [first, second]
    assert [one.id for one in silences.active(connection, START_US + HOUR_US)] == [second]
    assert silences.remove(connection, second)
    assert not silences.remove(connection, second)
    assert silences.active(connection, START_US + HOUR_US) == []


@pytest.mark.parametrize(
    ("kind", "subject", "covered"),
    [
        (None, None, True),
        ("process_cpu_high", None, True),
        ("process_*", "postgres*", True),
        (None, "postgres[812]", True),
        ("process_*", "", False),
        ("cpu_high", None, False),
        (None, "postgres", False),
    ],
)
def test_what_a_silence_covers(connection: sqlite3.Connection, kind: str, subject: str, covered: bool) -> None:
    silences.add(connection, kind, subject, START_US + HOUR_US, by="ann", now=START_US)
    (silence,) = silences.active(connection, START_US)
    assert silences.covers(silence, anomaly(1, "process_cpu_high", "postgres[812]")) is covered


def test_what_is_still_open_when_its_silence_ends_is_told_then(tmp_path: Path) -> None:
    with desk(tmp_path / "opsconsole.db") as here:
        here.do(lambda c: silences.add(c, "cpu_*", None, START_US + HOUR_US, by="ann", now=START_US))
        one = here.opens(anomaly())
        here.passes(1800)
        here.seen(replace(one, severity=Severity.CRITICAL))
        here.passes(1700)
        assert here.said == []
        here.passes(200)
        assert here.said == ["[CRITICAL] db1: cpu_high  at 97.5 %"]


def test_what_ends_while_it_is_silenced_is_never_told(tmp_path: Path) -> None:
    with desk(tmp_path / "opsconsole.db") as here:
        here.do(lambda c: silences.add(c, None, None, START_US + HOUR_US, by="ann", now=START_US))
        one = here.opens(anomaly())
        here.passes(600)
        here.closes(one)
        here.passes(7200)
        assert here.said == []


def test_a_silence_within_the_group_wait_stops_the_first_message(tmp_path: Path) -> None:
    with desk(tmp_path / "opsconsole.db", replace(NO_WAIT, group_wait_s=10)) as here:
        here.opens(anomaly())
        here.do(lambda c: silences.add(c, None, None, START_US + HOUR_US, by="ann", now=START_US))
        here.passes(1800)
        assert here.said == []
        here.passes(1900)
        assert here.said == ["[HIGH] db1: cpu_high  at 97.5 %"]


def test_an_episodes_own_silence_counts_too(tmp_path: Path) -> None:
    with desk(tmp_path / "opsconsole.db") as here:
        here.opens(anomaly())
        here.goes_out()
        here.do(lambda c: anomalies.silence(c, 1, START_US + 5 * HOUR_US))
        here.passes(4.9 * 3600, step_s=300)
        assert len(here.said) == 1, "the repeat after four hours is silenced"
        here.passes(0.5 * 3600, step_s=300)
        assert len(here.said) == 2


def test_maintenance_by_hand_holds_until_it_is_stopped(tmp_path: Path) -> None:
    with desk(tmp_path / "opsconsole.db") as here:
        here.do(lambda c: silences.start_maintenance(c, START_US + HOUR_US, by="ann", reason="new disks", now=START_US))
        here.opens(anomaly())
        here.passes(600)
        assert here.said == []
        assert [one.reason for one in here.do(lambda c: silences.maintenance(c, here.clock.now()))] == ["new disks"]
        assert here.do(lambda c: silences.stop_maintenance(c, here.clock.now())) == 1
        here.passes(60)
        assert len(here.said) == 1
        assert here.do(lambda c: silences.maintenance(c, here.clock.now())) == []
