"""Episodes in memory beside a record that is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.storage import anomalies, database
from opsconsole.storage.anomalies import AnomalyFilter
from opsconsole.storage.beside import Beside

NOW = 1_790_000_000_000_000


def episode(id: int, **fields: object) -> Anomaly:
    one = Anomaly(
        id=id, kind="memory_high", subject="memory", host="web-03", severity=Severity.HIGH, state=AnomalyState.OPEN,
        began_at=NOW, opened_at=NOW, last_at=NOW, closed_at=None, value=97.0, peak=97.0, mean=97.0, count=1,
        threshold=95.0, unit="%", message="memory is 97 % used", peak_at=NOW, flips=0, unknown_since=None,
        processes=(), runs=(), links=(), notes=(), acknowledged_at=None, acknowledged_by=None, silenced_until=None,
        details=None,
    )  # fmt: skip
    return replace(one, **fields)  # type: ignore[arg-type]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """With one episode, to be written."""
    with closing(database.open_database(tmp_path / "opsconsole.db", print)) as c:
        anomalies.save(c, episode(1))
        yield c


@pytest.fixture
def reads(record: sqlite3.Connection, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(database.connect(tmp_path / "opsconsole.db", read_only=True)) as c:
        yield c


def test_what_is_saved_there_is_seen_there_and_nowhere_else(
    record: sqlite3.Connection, reads: sqlite3.Connection
) -> None:
    Beside(reads)
    anomalies.save(reads, episode(2, kind="cpu_high"))
    anomalies.save(reads, episode(1, state=AnomalyState.CLOSED, closed_at=NOW + 1))
    assert [(one.id, one.state.value) for one in anomalies.find(reads, AnomalyFilter())] == [(2, "open"), (1, "closed")]
    assert [one.id for one in anomalies.closed_since(reads, NOW)] == [1], "its indexes are there by name"
    assert anomalies.counts(reads, AnomalyFilter()).total == 2
    assert [(one.id, one.state.value) for one in anomalies.find(record, AnomalyFilter())] == [(1, "open")]


def test_what_people_do_on_record_is_taken_over(record: sqlite3.Connection, reads: sqlite3.Connection) -> None:
    beside = Beside(reads)
    anomalies.save(reads, episode(2))
    anomalies.acknowledge(record, 1, "ann", NOW)
    assert anomalies.get(reads, 1).acknowledged_by is None
    beside.refresh()
    assert anomalies.get(reads, 1).acknowledged_by == "ann" and anomalies.get(reads, 2).acknowledged_by is None


def test_in_the_end_the_record_is_seen_again(record: sqlite3.Connection, reads: sqlite3.Connection) -> None:
    beside = Beside(reads)
    anomalies.save(reads, episode(2))
    beside.end()
    assert [one.id for one in anomalies.find(reads, AnomalyFilter())] == [1]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        anomalies.save(reads, episode(2))
    Beside(reads)
    anomalies.save(reads, episode(3))
    assert [one.id for one in anomalies.find(reads, AnomalyFilter())] == [3, 1]


def test_it_may_end_after_its_connection(reads: sqlite3.Connection) -> None:
    beside = Beside(reads)
    reads.close()
    beside.end()
