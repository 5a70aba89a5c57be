"""A wall clock that is wrong for a while deletes nothing: metrics, detectors, episodes, silences, messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from opsconsole.anomalies import AnomalyState
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.building import TRIM_EVERY, _Chores
from opsconsole.storage import anomalies, database, silences
from opsconsole.storage.metrics import MetricsStore, retention
from opsconsole.storage.steadiness import STEP_S, WAIT_S, Steadiness, horizon
from tests.monitoring.alert_support import AlertClock, anomaly, desk
from tests.monitoring.watched import START_US, Hand

SECOND = 1_000_000
DAY = 86_400 * SECOND
YEARS = 5 * 365 * DAY
KEEP_US = 365 * DAY


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def store(tmp_path: Path, hand: Hand) -> Iterator[MetricsStore]:
    found = MetricsStore(tmp_path / "metrics.db", MonitorSettings(), hand, commit_s=3600.0)
    yield found
    found.close()


@pytest.fixture
def c(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(database.open_database(tmp_path / "opsconsole.db", print)) as found:
        yield found


def spends(hand: Hand, steady: Steadiness, seconds: float, step_s: float = 60.0) -> int | None:
    """Asked each minute."""
    found = None
    for _ in range(int(seconds / step_s)):
        hand.advance(step_s)
        found = steady.trusted_now()
    return found


# -- the clock


def test_a_clock_is_believed_after_an_hour(hand: Hand) -> None:
    steady = Steadiness(hand)
    assert spends(hand, steady, WAIT_S - 60) is None
    assert spends(hand, steady, 60) == hand.now_us


@pytest.mark.parametrize("jump_s", [YEARS / SECOND, -86_400.0, STEP_S + 1, -STEP_S - 1])
def test_a_clock_that_was_set_is_believed_an_hour_later(hand: Hand, jump_s: float) -> None:
    steady = Steadiness(hand)
    assert spends(hand, steady, 2 * WAIT_S) is not None
    hand.now_us += int(jump_s * SECOND)
    assert steady.trusted_now() is None
    assert spends(hand, steady, WAIT_S - 60) is None
    hand.now_us -= int(jump_s * SECOND)
    assert steady.trusted_now() is None, "set right again: the hour begins anew"
    assert spends(hand, steady, WAIT_S - 60) is None
    assert spends(hand, steady, 60) == hand.now_us


def test_a_clock_that_is_slewed_is_a_good_one(hand: Hand) -> None:
    steady = Steadiness(hand)
    for _ in range(100):
        hand.advance(3600)
        hand.now_us += 1_800_000  # 500 ppm, as fast as adjtime goes
        found = steady.trusted_now()
    assert found == hand.now_us


def test_nothing_is_older_than_the_newest_row_allows() -> None:
    assert horizon(YEARS, None, KEEP_US) == YEARS - KEEP_US
    assert horizon(YEARS, YEARS - 5, KEEP_US) == YEARS - KEEP_US
    assert horizon(YEARS, 1000 * DAY, KEEP_US) == 1001 * DAY - KEEP_US
    assert horizon(DAY, 1000 * DAY, KEEP_US) == DAY - KEEP_US, "a row from the future changes nothing"


# -- metrics


def recorded(store: MetricsStore, hand: Hand, hours: float) -> None:
    for _ in range(int(hours * 720)):
        hand.advance(5)
        store.record(hand.now_us, {"cpu": 1.0})
        if hand.now_us % (300 * SECOND) == START_US % (300 * SECOND):
            store.flush()
            store.trim()
    store.flush()


def test_an_hour_in_another_year_costs_no_metric_and_no_state(store: MetricsStore, hand: Hand) -> None:
    begin = hand.now_us
    store.save_states({"learned/cpu": b"x"})
    recorded(store, hand, 3)
    until = hand.now_us + 1
    hand.now_us += YEARS
    recorded(store, hand, 0.99)
    hand.now_us -= YEARS
    recorded(store, hand, 3)
    found = store.stats("cpu", begin, until)
    assert found is not None and found.n == 3 * 720
    assert store.load_states() == {"learned/cpu": b"x"}
    with closing(sqlite3.connect(store.path)) as file:
        assert file.execute("SELECT count(*) FROM raw WHERE t BETWEEN ? AND ?", (begin, until)).fetchone()[0] == 2160


def test_a_clock_that_stays_wrong_costs_a_bounded_part_a_step(store: MetricsStore, hand: Hand) -> None:
    store.save_states({f"s{number}": b"x" for number in range(3 * retention.STATES_STEP)})
    hand.advance(60)
    store.record(hand.now_us, {"cpu": 1.0})
    store.flush()
    for _ in range(60):
        hand.advance(60)
        store.trim()
    hand.now_us += YEARS
    store.save_states({"newest": b"y"})
    store.record(hand.now_us, {"cpu": 1.0})
    store.flush()
    assert not store.trim()
    hand.advance(WAIT_S)
    assert store.trim(), "there is more"
    assert len(store.load_states()) == 2 * retention.STATES_STEP + 1
    while store.trim():
        pass
    assert store.load_states() == {"newest": b"y"}


def test_what_the_newest_sample_says_is_not_too_old_stays(store: MetricsStore, hand: Hand) -> None:
    store.save_states({"cpu": b"x"})
    recorded(store, hand, 1)
    hand.advance(YEARS / SECOND)  # nothing was recorded for years: nothing pushes out what there is
    store.trim()
    hand.advance(WAIT_S)
    assert not store.trim()
    found = store.stats("cpu", START_US, START_US + DAY)
    assert found is not None and found.n == 720
    assert store.load_states() == {"cpu": b"x"}


# -- episodes, silences, messages


def closed(number: int, at: int) -> Any:
    return anomaly(number, state=AnomalyState.CLOSED, at=at, closed_at=at)


def test_episodes_go_in_steps_and_not_by_the_clock_alone(c: sqlite3.Connection) -> None:
    for number in range(1, anomalies.TRIM_STEP + 11):
        anomalies.save(c, closed(number, START_US))
    assert anomalies.trim(c, 365.0, START_US + YEARS) == 0, "nothing newer says that it is that late"
    anomalies.save(c, closed(9999, START_US + 2 * KEEP_US))
    assert anomalies.trim(c, 365.0, START_US + 2 * KEEP_US) == anomalies.TRIM_STEP
    assert anomalies.trim(c, 365.0, START_US + 2 * KEEP_US) == 10
    assert anomalies.trim(c, 365.0, START_US + 2 * KEEP_US) == 0


def test_silences_go_in_steps_and_not_by_the_clock_alone(c: sqlite3.Connection) -> None:
    def add(at: int) -> None:
        silences.add(c, None, None, at + DAY, by="ann", now=at)
        silences.start_maintenance(c, at + DAY, by="ann", reason="", now=at)

    def left() -> list[int]:
        found = c.execute("SELECT (SELECT count(*) FROM silence), (SELECT count(*) FROM maintenance)")
        return list(found.fetchone())

    for _ in range(silences.CLEAN_STEP + 5):
        add(START_US)
    silences.clean_up(c, KEEP_US, START_US + YEARS)
    assert left() == [silences.CLEAN_STEP + 5] * 2
    add(START_US + 2 * KEEP_US)
    silences.clean_up(c, KEEP_US, START_US + 2 * KEEP_US)
    assert left() == [6, 6]
    silences.clean_up(c, KEEP_US, START_US + 2 * KEEP_US)
    assert left() == [1, 1]


class TwoClocks(AlertClock):
    """That can be set apart from each other."""

    def __init__(self) -> None:
        super().__init__()
        self.off_us = 0

    def now(self) -> int:
        return self.now_us + self.off_us


def test_messages_survive_a_wrong_clock(tmp_path: Path) -> None:
    clock = TwoClocks()
    with desk(tmp_path / "opsconsole.db", clock=clock) as here:
        one = here.opens(anomaly())
        here.goes_out()
        here.closes(one)
        here.goes_out()
        before = len(here.rows())
        here.passes(2 * WAIT_S)
        clock.off_us = YEARS
        here.passes(WAIT_S - 60)
        here.settle()
        assert len(here.rows()) == before > 0
        here.passes(WAIT_S)
        here.settle()
        assert here.rows() == [], "a clock that stays so is believed in the end"


def test_the_monitors_chores_trim_by_a_steady_clock_only(tmp_path: Path) -> None:
    clock = TwoClocks()
    with desk(tmp_path / "opsconsole.db", clock=clock) as here:
        for number in (1, 2):
            here.do(partial(anomalies.save, anomaly=closed(number, START_US)))
        c = database.connect(here.path, read_only=True)
        store = MetricsStore(tmp_path / "metrics.db", MonitorSettings(), clock, commit_s=3600.0)
        nothing: Any = None
        chores = _Chores(c, store, nothing, nothing, here.writer.submit, clock, MonitorSettings())
        trimming = [chores._round, chores._trim]

        def minutes(number: int) -> int:
            for _ in range(number):
                clock.advance(60)
                for chore in trimming:
                    chore()
            here.settle()
            return int(c.execute("SELECT count(*) FROM anomaly").fetchone()[0])

        try:
            assert minutes(61) == 2
            clock.off_us = YEARS
            here.do(lambda c: anomalies.save(c, closed(3, clock.now())))
            assert minutes(50) == 3
            clock.off_us = 0
            assert minutes(120) == 3
            clock.off_us = YEARS
            assert minutes(60 + TRIM_EVERY) == 1
        finally:
            store.close()
            c.close()
