"""One state and why: never ok for want of news, never better than what is still going on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.monitoring.analysis import Health, health
from tests.monitoring.analysis_situations import MINUTE, NOW, QUIET, Hand, episode

INFO, LOW, MEDIUM, HIGH, CRITICAL = Severity


def state(*anomalies: Any) -> Health:
    return health(anomalies, QUIET, True, clock=Hand())


def test_nothing_open_with_data_and_a_monitor_is_ok() -> None:
    assert state() == Health("ok", "nothing is wrong")


@pytest.mark.parametrize("anomalies", [(), (episode("cpu_high", CRITICAL),)])
def test_without_a_monitor_nothing_is_known(anomalies: tuple[Any, ...]) -> None:
    found = health(anomalies, QUIET, False, clock=Hand())
    assert found.state == "unknown" and found.why.startswith("the monitor is not running")
    assert (found.worst is not None) == bool(anomalies)


def test_without_a_monitor_what_was_open_last_is_said() -> None:
    found = health([episode("cpu_high", CRITICAL), episode("load_high", LOW, id=2)], QUIET, False, clock=Hand())
    assert found.why == "the monitor is not running; 2 episodes are on record as open: cpu_high"
    one = health([episode("cpu_high")], QUIET, False, clock=Hand())
    assert one.why == "the monitor is not running; 1 episode is on record as open: cpu_high"


def test_without_data_nothing_is_known() -> None:
    assert health((), None, True, clock=Hand()) == Health("unknown", "there is no data yet")
    assert health([episode("cpu_high", CRITICAL)], None, True, clock=Hand()).state == "unknown"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(INFO, "ok"), (LOW, "watch"), (MEDIUM, "watch"), (HIGH, "degraded"), (CRITICAL, "critical")],
)
def test_the_state_of_each_severity(severity: Severity, expected: str) -> None:
    assert state(episode("cpu_high", severity)).state == expected


def test_what_is_only_for_information_is_still_said() -> None:
    assert state(episode("cpu_spike", INFO)).why == "nothing is wrong; for your information: cpu_spike"


@pytest.mark.parametrize(
    ("severity", "expected"), [(CRITICAL, "degraded"), (HIGH, "watch"), (MEDIUM, "watch"), (LOW, "watch"), (INFO, "ok")]
)
def test_acknowledged_is_one_better_but_not_gone(severity: Severity, expected: str) -> None:
    found = state(episode("cpu_high", severity, acknowledged_at=NOW, acknowledged_by="ann"))
    assert found.state == expected
    assert severity is INFO or found.why == "cpu_high (acknowledged by ann)"


@pytest.mark.parametrize("severity", [LOW, CRITICAL])
def test_silenced_is_watched(severity: Severity) -> None:
    found = state(episode("cpu_high", severity, silenced_until=NOW + MINUTE))
    assert (found.state, found.why) == ("watch", "cpu_high (silenced)")


def test_a_silence_that_is_over_silences_nothing() -> None:
    assert state(episode("cpu_high", CRITICAL, silenced_until=NOW)).state == "critical"


def test_a_silence_ends_by_the_samples_time_where_no_clock_is_given() -> None:
    assert health([episode("cpu_high", CRITICAL, silenced_until=NOW + 1)], QUIET, True).state == "watch"
    assert health([episode("cpu_high", CRITICAL, silenced_until=NOW)], QUIET, True).state == "critical"


def test_flapping_counts_as_its_severity_and_says_so() -> None:
    found = state(episode("cpu_high", HIGH, state=AnomalyState.FLAPPING, flips=5))
    assert (found.state, found.why) == ("degraded", "cpu_high (comes and goes, 5 times)")


def test_no_data_of_its_own_is_no_recovery() -> None:
    found = state(episode("disk_full", HIGH, subject="/mnt", unknown_since=NOW))
    assert (found.state, found.why) == ("degraded", "disk_full /mnt (no data since)")


@pytest.mark.parametrize("gone", [AnomalyState.CLOSED, AnomalyState.PENDING])
def test_what_is_not_open_does_not_count(gone: AnomalyState) -> None:
    assert state(episode("cpu_high", CRITICAL, state=gone)) == Health("ok", "nothing is wrong")


def test_the_worst_decides_after_acknowledgement_and_silence() -> None:
    silenced = episode("memory_high", CRITICAL, id=1, silenced_until=NOW + MINUTE)
    high = episode("cpu_high", HIGH, id=2)
    found = state(silenced, high, episode("load_high", LOW, id=3))
    assert found.worst is high and found.state == "degraded"
    assert found.why == "cpu_high; and 2 more"


def test_of_the_same_severity_the_newest_that_nobody_has_seen() -> None:
    newest = episode("cpu_high", HIGH, id=3)
    assert state(episode("disk_full", HIGH, id=9, began_at=NOW - 60 * MINUTE), newest).worst is newest
    seen = episode("run_failure_rate", MEDIUM, id=9, began_at=NOW, acknowledged_at=NOW, acknowledged_by="ann")
    unseen = episode("memory_high", MEDIUM, id=1)
    assert state(seen, unseen).worst is unseen
    assert state(episode("oom", HIGH, id=9, acknowledged_at=NOW), unseen).worst is unseen


def test_counts_are_of_the_open_ones() -> None:
    found = state(
        episode("a", HIGH, id=1), episode("b", HIGH, id=2, acknowledged_at=NOW), episode("c", LOW, id=3),
        episode("d", LOW, id=4, state=AnomalyState.FLAPPING), episode("e", INFO, id=5, silenced_until=NOW + 1),
        episode("f", HIGH, id=6, state=AnomalyState.CLOSED),
    )  # fmt: skip
    assert found.counts == {"high": 2, "low": 2, "info": 1, "flapping": 1, "acknowledged": 1, "silenced": 1}


def test_hostile_words_are_harmless() -> None:
    evil = "\x1b[2Jx\n"
    found = state(episode("cpu_high", HIGH, message=evil, acknowledged_at=NOW, acknowledged_by=evil))
    assert found.why.isprintable()


def test_as_json() -> None:
    found = state(episode("cpu_high", HIGH)).to_json()
    assert json.loads(json.dumps(found))["worst"]["kind"] == "cpu_high"
    assert found["state"] == "degraded" and found["counts"] == {"high": 1}
    assert state().to_json()["worst"] is None
