"""Which intervals between samples are ordinary ones."""

from __future__ import annotations

import pytest

from opsconsole.monitoring.sampling.gaps import Timeline, suspended_s
from tests.monitoring.fake_host import MonotonicClock


class Sleep:
    """How long the system has been suspended in all."""

    def __init__(self) -> None:
        self.seconds = 40.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> MonotonicClock:
    return MonotonicClock()


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


@pytest.fixture
def timeline(hands: MonotonicClock, sleep: Sleep) -> Timeline:
    timeline = Timeline(hands, sleep)
    timeline.next(1.0)
    return timeline


def test_the_first_moment_has_no_interval_and_no_gap(hands: MonotonicClock, sleep: Sleep) -> None:
    moment = Timeline(hands, sleep).next(1.0)
    assert (moment.elapsed_s, moment.interval_s, moment.gap) == (None, None, None)
    assert (moment.time_us, moment.monotonic_s) == (hands.now_us, hands.seconds)


def test_the_interval_is_the_monotonic_time_in_between(timeline: Timeline, hands: MonotonicClock) -> None:
    hands.advance(1.5)
    moment = timeline.next(1.0)
    assert (moment.elapsed_s, moment.interval_s, moment.gap, moment.clock_jump_s) == (1.5, 1.5, None, None)


@pytest.mark.parametrize(("seconds", "gap"), [(2.5, None), (2.6, "late"), (60.0, "late")])
def test_more_than_two_and_a_half_times_the_expected_interval_is_late(
    timeline: Timeline, hands: MonotonicClock, seconds: float, gap: str | None
) -> None:
    hands.advance(seconds)
    moment = timeline.next(1.0)
    assert moment.gap == gap
    assert moment.elapsed_s == pytest.approx(seconds), "rates are over the real interval"
    assert moment.interval_s == (None if gap else pytest.approx(seconds))


def test_nothing_is_late_when_nothing_was_due(timeline: Timeline, hands: MonotonicClock) -> None:
    hands.advance(3600)
    assert timeline.next().gap is None


def test_a_suspend_is_told_from_a_clock_jump(timeline: Timeline, hands: MonotonicClock, sleep: Sleep) -> None:
    hands.advance(1.0)
    hands.now_us += 3_600_000_000  # the wall clock goes on in suspend, the monotonic one does not
    sleep.seconds += 3600
    moment = timeline.next(1.0)
    assert (moment.gap, moment.interval_s, moment.clock_jump_s) == ("suspend", None, None)
    assert moment.elapsed_s == pytest.approx(1.0), "rates are over the time awake"


def test_a_clock_set_right_after_a_suspend_is_said_too(timeline: Timeline, hands: MonotonicClock, sleep: Sleep) -> None:
    hands.advance(1.0)
    hands.now_us += 3_600_000_000 - 10_000_000
    sleep.seconds += 3600
    moment = timeline.next(1.0)
    assert moment.gap == "suspend"
    assert moment.clock_jump_s == pytest.approx(-10.0)


@pytest.mark.parametrize("jump_s", [-7200.0, -1.5, 1.5, 86400.0])
def test_a_wall_clock_that_was_set_is_a_jump_with_a_good_interval(
    timeline: Timeline, hands: MonotonicClock, jump_s: float
) -> None:
    hands.advance(1.0)
    hands.now_us += round(jump_s * 1e6)
    moment = timeline.next(1.0)
    assert (moment.gap, moment.interval_s) == ("clock", pytest.approx(1.0))
    assert moment.clock_jump_s == pytest.approx(jump_s)


def test_a_clock_that_is_slewed_is_no_jump(timeline: Timeline, hands: MonotonicClock) -> None:
    hands.advance(30.0)
    hands.now_us += 900_000
    assert timeline.next(30.0).gap is None


def test_late_and_jumped_says_both(timeline: Timeline, hands: MonotonicClock) -> None:
    hands.advance(30.0)
    hands.now_us -= 5_000_000
    moment = timeline.next(1.0)
    assert (moment.gap, moment.clock_jump_s) == ("late", pytest.approx(-5.0))


def test_a_jump_is_said_once(timeline: Timeline, hands: MonotonicClock) -> None:
    hands.advance(1.0)
    hands.now_us += 60_000_000
    timeline.next(1.0)
    hands.advance(1.0)
    assert timeline.next(1.0).gap is None


def test_two_looks_at_one_instant_have_no_interval(timeline: Timeline) -> None:
    assert timeline.next(1.0).elapsed_s is None


def test_the_time_slept_only_grows() -> None:
    before = suspended_s()
    assert suspended_s() == pytest.approx(before, abs=0.5)


class Interrupted(MonotonicClock):
    """Somebody else has the processor for two seconds, between a look at one clock and one at the other."""

    interrupted = False

    def now(self) -> int:
        told = super().now()
        if self.interrupted:
            self.interrupted = False
            self.advance(2.0)
        return told


def test_clocks_that_were_read_apart_are_read_again(sleep: Sleep) -> None:
    clock = Interrupted()
    timeline = Timeline(clock, sleep)
    timeline.next(10.0)
    clock.advance(1.0)
    clock.interrupted = True
    moment = timeline.next(10.0)
    assert (moment.elapsed_s, moment.gap, moment.clock_jump_s) == (3.0, None, None)
    clock.advance(1.0)
    assert timeline.next(10.0).gap is None
