"""Episodes in the database: what the monitor writes, what people write, and that neither undoes the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.errors import UsageError
from opsconsole.monitoring.detection.observation import Observation
from opsconsole.storage import anomalies
from opsconsole.storage.anomalies import AnomalyFilter
from opsconsole.storage.database import open_database
from tests.monitoring.looks import START_US, Hands, process

HOUR_US = 3_600_000_000
OPEN, FLAPPING, CLOSED = AnomalyState.OPEN, AnomalyState.FLAPPING, AnomalyState.CLOSED


@pytest.fixture
def c(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path / "opsconsole.db", lambda _: None)) as connection:
        yield connection


def made(id: int, kind: str = "disk_full", subject: str = "/", **given: object) -> Anomaly:
    """One that opened `id` hours after the start."""
    at = START_US + id * HOUR_US
    found = Anomaly(
        id, kind, subject, "here", Severity.HIGH, OPEN, at - 1, at, at + 5, None, 96.5, 97.5, 96.0, 3, 95.0, "%", "full"
    )  # fmt: skip
    return replace(found, **given)  # type: ignore[arg-type]


def closed(id: int, after_us: int = 10, **given: object) -> Anomaly:
    found = made(id, state=CLOSED, **given)
    return replace(found, closed_at=found.opened_at + after_us)


def ids(found: list[Anomaly]) -> list[int]:
    return [each.id for each in found]


# -- the monitor


def test_an_episode_comes_back_as_it_was(c: sqlite3.Connection) -> None:
    whole = made(
        4, state=FLAPPING, peak_at=START_US, flips=3, unknown_since=START_US + 1,
        processes=({"pid": 1, "name": "a\u2603", "cpu_percent": 1.5},), runs=("3.1", "4.2"), details={"eta_s": 5.5},
        links=({"at": 1, "kind": "fix"},), notes=({"at": 1, "by": "x", "text": "y"},), acknowledged_at=7,
        acknowledged_by="ann", silenced_until=9,
    )  # fmt: skip
    assert all(getattr(whole, item.name) is not None for item in fields(whole) if item.name != "closed_at")
    anomalies.save(c, whole)
    assert anomalies.get(c, 4) == whole
    anomalies.save(c, closed(5, threshold=None))
    assert anomalies.get(c, 5) == closed(5, threshold=None)


def test_what_the_book_makes_can_be_stored(c: sqlite3.Connection) -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    subject = "caf\udce9[7]"  # bytes that are no UTF-8
    hands.tell(Observation("process_cpu_high", subject, 120.0), processes=(process(7, subject),))
    anomalies.save(c, hands.one)
    found = anomalies.get(c, 1)
    assert found.subject == "caf\\udce9[7]"
    assert replace(found, subject=subject) == hands.one


def test_saving_again_replaces_what_the_monitor_says(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1))
    anomalies.save(c, closed(1, severity=Severity.CRITICAL, peak=99.0))
    assert anomalies.get(c, 1) == closed(1, severity=Severity.CRITICAL, peak=99.0)
    assert anomalies.open_ones(c) == []


def test_saving_again_keeps_what_people_said(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1))
    anomalies.acknowledge(c, 1, "ann", 5)
    anomalies.note(c, 1, "bob", "seen before", 6)
    anomalies.silence(c, 1, 99)
    anomalies.link(c, 1, {"at": 7, "kind": "fix", "ref": "3", "note": ""})
    anomalies.save(c, closed(1))
    found = anomalies.get(c, 1)
    assert found.state is CLOSED
    assert (found.acknowledged_at, found.acknowledged_by, found.silenced_until) == (5, "ann", 99)
    assert found.notes == ({"at": 6, "by": "bob", "text": "seen before"},)
    assert found.done == ({"at": 7, "kind": "fix", "ref": "3", "note": ""},)


def test_ids_are_never_used_twice(c: sqlite3.Connection) -> None:
    assert anomalies.next_id(c) == 1
    anomalies.save(c, closed(7))
    assert anomalies.next_id(c) == 8
    anomalies.clear(c, AnomalyFilter())
    assert anomalies.next_id(c) == 8


def test_a_restarted_monitor_continues_what_is_open(c: sqlite3.Connection) -> None:
    for one in (made(1), closed(2), made(3, state=FLAPPING)):
        anomalies.save(c, one)
    assert ids(anomalies.open_ones(c)) == [3, 1]


def test_old_ones_go_and_open_ones_stay(c: sqlite3.Connection) -> None:
    for one in (closed(1), closed(2), made(3)):
        anomalies.save(c, one)
    end = START_US + HOUR_US + 10
    assert anomalies.trim(c, 1.0, end + 86_400_000_000) == 0
    assert anomalies.trim(c, 1.0, end + 86_400_000_001) == 1
    assert anomalies.trim(c, 0.0, START_US * 2) == 1
    assert ids(anomalies.find(c, AnomalyFilter())) == [3]


# -- what changed


def test_every_change_can_be_asked_for(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1))
    anomalies.save(c, made(2, subject="/srv"))
    rev, found = anomalies.changed_since(c, 0)
    assert ids(found) == [1, 2]
    assert anomalies.changed_since(c, rev) == (rev, [])
    for change in (
        lambda: anomalies.acknowledge(c, 1, "ann", 5),
        lambda: anomalies.note(c, 1, "ann", "x", 5),
        lambda: anomalies.silence(c, 1, 5),
        lambda: anomalies.link(c, 1, {}),
        lambda: anomalies.save(c, made(1)),
        lambda: anomalies.close_by_hand(c, AnomalyFilter(subject="[/]"), "ann", 5),
    ):
        change()
        later, found = anomalies.changed_since(c, rev)
        assert ids(found) == [1]
        assert later > rev
        rev = later


def test_a_revision_is_not_given_twice_though_rows_go(c: sqlite3.Connection) -> None:
    anomalies.save(c, closed(1))
    rev, _ = anomalies.changed_since(c, 0)
    anomalies.clear(c, AnomalyFilter())
    anomalies.save(c, made(2))
    assert ids(anomalies.changed_since(c, rev)[1]) == [2]


def test_what_people_did_reaches_the_book(c: sqlite3.Connection) -> None:
    hands = Hands({"cpu_high": {"for_s": 0}})
    hands.cpu(88.0)
    anomalies.save(c, hands.one)
    rev, found = anomalies.changed_since(c, 0)
    assert hands.book.refresh(found) == []
    anomalies.acknowledge(c, 1, "ann", 5)
    rev, found = anomalies.changed_since(c, rev)
    assert [each.what for each in hands.book.refresh(found)] == ["acknowledged by ann"]
    anomalies.close_by_hand(c, AnomalyFilter(), "bob", START_US + 9)
    anomalies.save(c, hands.one)  # the monitor had not heard of it yet
    (transition,) = hands.book.refresh(anomalies.changed_since(c, rev)[1])
    assert transition.what == "closed by bob"
    anomalies.save(c, transition.anomaly)
    assert anomalies.get(c, 1) == transition.anomaly == hands.one
    assert hands.book.open() == []


# -- people


def test_the_first_acknowledgement_stays(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1))
    anomalies.acknowledge(c, 1, "ann", 5)
    assert anomalies.acknowledge(c, 1, "bob", 6).acknowledged_by == "ann"


def test_what_has_become_worse_is_unseen_until_somebody_sees_it_again(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1, severity=Severity.MEDIUM))
    assert anomalies.acknowledge(c, 1, "ann", 5).seen
    worse = made(1, severity=Severity.HIGH)
    anomalies.save(c, worse)
    found = anomalies.get(c, 1)
    assert (found.seen, found.seen_at, found.acknowledged_by) == (False, Severity.MEDIUM, "ann")
    found = anomalies.acknowledge(c, 1, "bob", 6)
    assert (found.seen, found.seen_at, found.acknowledged_by, found.acknowledged_at) == (True, Severity.HIGH, "bob", 6)
    assert found.done == (), "to have seen it is nothing that was done about it"


def test_a_silence_can_be_ended(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1))
    assert anomalies.silence(c, 1, 99).silenced_until == 99
    assert anomalies.silence(c, 1, None).silenced_until is None


def test_notes_and_links_are_kept_in_order(c: sqlite3.Connection) -> None:
    anomalies.save(c, made(1))
    for text in ("one", "two"):
        anomalies.note(c, 1, "ann", text, 5)
    assert [each["text"] for each in anomalies.get(c, 1).notes] == ["one", "two"]


def test_what_is_not_there_is_named(c: sqlite3.Connection) -> None:
    for call in (
        lambda: anomalies.get(c, 9),
        lambda: anomalies.acknowledge(c, 9, "a", 1),
        lambda: anomalies.note(c, 9, "a", "b", 1),
        lambda: anomalies.silence(c, 9, 1),
        lambda: anomalies.link(c, 9, {}),
        lambda: anomalies.get(c, 1 << 80),
    ):
        with pytest.raises(UsageError, match="there is no anomaly"):
            call()


def test_clearing_removes_closed_ones_only_and_only_those_meant(c: sqlite3.Connection) -> None:
    for one in (closed(1), closed(2, kind="cpu_high"), made(3), closed(4)):
        anomalies.save(c, one)
    assert anomalies.clear(c, AnomalyFilter(kinds=frozenset({"disk_full"}), limit=1)) == 2
    assert ids(anomalies.find(c, AnomalyFilter())) == [3, 2]


def test_closing_by_hand_lasts(c: sqlite3.Connection) -> None:
    for one in (made(1), made(2, kind="cpu_high"), closed(3)):
        anomalies.save(c, one)
    assert anomalies.close_by_hand(c, AnomalyFilter(kinds=frozenset({"disk_full"})), "ann", START_US * 2) == 1
    anomalies.save(c, made(1))
    found = anomalies.get(c, 1)
    assert (found.state, found.closed_at) == (CLOSED, START_US * 2)
    assert found.message == "closed by hand: full"
    assert found.links[-1]["ref"] == "ann"
    assert anomalies.get(c, 2).state is OPEN
    assert anomalies.get(c, 3) == closed(3)


# -- finding


@pytest.fixture
def several(c: sqlite3.Connection) -> sqlite3.Connection:
    for one in (
        closed(1, subject="/var/log", severity=Severity.LOW, after_us=HOUR_US),
        closed(2, kind="cpu_high", subject="", severity=Severity.CRITICAL),
        made(3, subject="/srv", severity=Severity.INFO),
        made(4, subject="/Var", state=FLAPPING, severity=Severity.MEDIUM),
        closed(5, kind="oom_killed", subject=""),
    ):
        anomalies.save(c, one)
    return c


def test_filters(several: sqlite3.Connection) -> None:
    expected: list[tuple[dict[str, object], list[int]]] = [
        ({}, [5, 4, 3, 2, 1]),
        ({"limit": 2}, [5, 4]),
        ({"limit": 2, "before": 4}, [3, 2]),
        ({"limit": 0}, []),
        ({"limit": -5}, []),
        ({"kinds": frozenset({"cpu_high", "oom_killed"})}, [5, 2]),
        ({"severity": Severity.HIGH}, [5, 2]),
        ({"severity": Severity.INFO}, [5, 4, 3, 2, 1]),
        ({"states": frozenset({OPEN})}, [3]),
        ({"states": frozenset({OPEN, FLAPPING})}, [4, 3]),
        ({"subject": "var"}, [4, 1]),
        ({"subject": "/var*"}, [1]),
        ({"subject": "/v?r/lo[gG]"}, [1]),
        ({"since_us": START_US + 2 * HOUR_US}, [5, 4, 3, 2, 1]),
        ({"since_us": START_US + 2 * HOUR_US + 1}, [5, 4, 3, 2]),
        ({"since_us": START_US + 2 * HOUR_US + 11}, [5, 4, 3]),
        ({"until_us": START_US + 3 * HOUR_US}, [2, 1]),
        ({"until_us": START_US + 3 * HOUR_US, "since_us": START_US + 2 * HOUR_US + 5}, [2]),
        ({"since_us": 1 << 90, "before": 1 << 90, "limit": 1 << 90}, [4, 3]),
        ({"subject": "caf\udce9"}, []),
    ]
    found = [(given, ids(anomalies.find(several, AnomalyFilter(**given)))) for given, _ in expected]  # type: ignore[arg-type]
    assert found == expected


def test_a_process_with_its_number_is_found_although_its_name_reads_as_a_pattern(c: sqlite3.Connection) -> None:
    for id, subject in enumerate(("nginx[123]", "nginx[12]", "nginx1", "nginx[45]"), 1):
        anomalies.save(c, made(id, kind="process_cpu_high", subject=subject))
    assert ids(anomalies.find(c, AnomalyFilter(subject="nginx[123]"))) == [3, 1]
    assert ids(anomalies.find(c, AnomalyFilter(subject="nginx[45]"))) == [4]
    assert anomalies.counts(c, AnomalyFilter(subject="nginx[12]")).total == 2


def test_what_ended_lately_by_itself_is_what_may_begin_again(several: sqlite3.Connection) -> None:
    several.execute("UPDATE anomaly SET closed_by = 'ann' WHERE id = 5")
    assert ids(anomalies.closed_since(several, START_US + 2 * HOUR_US)) == [2, 1]
    assert ids(anomalies.closed_since(several, START_US + 2 * HOUR_US + 10)) == [2]
    assert ids(anomalies.closed_since(several, -(1 << 90))) == [2, 1]


def test_counts_are_of_all_pages(several: sqlite3.Connection) -> None:
    counted = anomalies.counts(several, AnomalyFilter(limit=1, before=2))
    assert (counted.total, counted.open) == (5, 2)
    assert counted.by_kind == {"disk_full": 3, "cpu_high": 1, "oom_killed": 1}
    assert next(iter(counted.by_kind)) == "disk_full"
    assert counted.by_severity == {"critical": 1, "high": 1, "medium": 1, "low": 1, "info": 1}
    assert anomalies.counts(several, AnomalyFilter(states=frozenset({CLOSED}))).to_json()["total"] == 3
