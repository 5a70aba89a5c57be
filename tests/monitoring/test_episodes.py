"""Episodes: when they open, rise, flap and close; no data is not recovery."""

from __future__ import annotations

import math

import pytest

from opsconsole.anomalies import AnomalyState, Change, Severity
from opsconsole.monitoring.detection import kinds, messages
from opsconsole.monitoring.detection.episodes import COOLDOWN_S
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.monitoring.detection.observation import Observation
from tests.monitoring.episode_support import SHORT, flapping, full, opened
from tests.monitoring.looks import START_US, Hands

# -- opening


def test_it_opens_after_its_time_and_not_a_sample_before() -> None:
    hands = Hands(SHORT)
    assert hands.cpu(*[88.0] * 10) == []
    assert hands.book.open() == []
    assert hands.book.frozen("cpu_high")
    assert hands.cpu(88.0) == ["opened cpu_high"]
    found = hands.one
    assert (found.state, found.severity, found.id) == (AnomalyState.OPEN, Severity.MEDIUM, 1)
    assert found.began_at == START_US + 1_000_000
    assert found.opened_at == found.last_at == START_US + 11_000_000
    assert (found.count, found.mean, found.threshold) == (11, 88.0, 85.0)
    assert found.message == "CPU at 88 %, over 85 % for 10 s"


def test_exactly_at_the_level_is_not_beyond_it() -> None:
    hands = Hands({"cpu_high": {"for_s": 0}})
    assert hands.cpu(85.0) == []
    assert hands.cpu(85.1) == ["opened cpu_high"]


def test_a_value_that_recovers_ends_the_wait() -> None:
    hands = Hands(SHORT)
    assert hands.cpu(*[99.0] * 10, 70.0, *[99.0] * 10) == []
    assert hands.cpu(99.0) == ["opened cpu_high"]


def test_a_dip_between_clear_and_level_counts_back_twice() -> None:
    hands = Hands(SHORT)
    assert hands.cpu(*[99.0] * 6) == []  # five seconds held
    assert hands.cpu(80.0) == []  # three left
    assert hands.cpu(*[99.0] * 7) == []  # the first one only says that it is bad again: nine
    assert hands.cpu(99.0) == ["opened cpu_high"]


def test_what_is_as_often_below_as_above_never_opens() -> None:
    hands = Hands(SHORT)
    assert hands.cpu(*[86.0, 84.0] * 500) == []
    assert not hands.book.frozen("cpu_high")


def test_without_a_wait_it_opens_at_the_first_look() -> None:
    hands = Hands()
    (opened,) = hands.tell(full(91.0, "/var"))
    assert opened.change is Change.OPENED
    assert opened.anomaly.severity is Severity.MEDIUM
    assert opened.anomaly.fingerprint == "here/disk_full//var"


def test_long_intervals_count_in_full() -> None:
    hands = Hands()  # 60 s
    assert hands.cpu(88.0, 88.0, after_s=30.0) == []
    assert hands.cpu(88.0, after_s=30.0) == ["opened cpu_high"]


def test_tenths_of_a_second_add_up() -> None:
    hands = Hands(SHORT)
    assert hands.cpu(*[88.0] * 100, after_s=0.1) == []
    assert hands.cpu(88.0, after_s=0.1) == ["opened cpu_high"]


# -- severity


def test_a_severity_must_hold_as_long_as_the_condition() -> None:
    hands = Hands(SHORT)
    hands.cpu(*[88.0] * 11)
    assert hands.cpu(*[97.0] * 10) == []
    assert hands.cpu(97.0) == ["changed cpu_high: severity rose to critical"]
    assert hands.one.threshold == 95.0
    assert hands.one.message == "CPU at 97 %, over 95 % for 10 s"


def test_a_single_peak_makes_nothing_critical() -> None:
    hands = Hands(SHORT)
    hands.cpu(*[88.0] * 11, *[99.0, 88.0, 88.0] * 200)
    assert hands.words() == ["opened cpu_high"]
    assert hands.one.severity is Severity.MEDIUM
    assert hands.one.peak == 99.0


def test_severity_never_falls() -> None:
    hands = Hands()
    for value in (99.0, 86.0, 83.0):
        hands.tell(full(value))
    assert hands.one.severity is Severity.CRITICAL
    assert hands.one.state is AnomalyState.OPEN


def test_what_a_sentence_says_of_a_level_is_true_of_that_level() -> None:
    hands = Hands({"cpu_high": {"medium": 85, "high": 90, "critical": 95, "for_s": 10}})
    hands.cpu(*[88.0] * 600)
    assert hands.one.message == "CPU at 88 %, over 85 % for 10 s"
    assert hands.cpu(*[92.0] * 11)[-1] == "changed cpu_high: severity rose to high"
    assert hands.one.message == "CPU at 92 %, over 90 % for 10 s"
    hands.cpu(40.0, *[92.0] * 5, *[97.0] * 11)
    assert hands.one.message == "CPU at 97 %, over 95 % for 10 s"


def test_one_that_opens_anew_says_so_when_it_is_as_grave_as_before() -> None:
    hands = Hands()
    hands.tell(full(99.0))
    for value in [40.0] * 12:
        hands.tell(full(value))
    hands.tell(full(90.0))
    assert (hands.one.severity, hands.one.message) == (Severity.CRITICAL, "/ is 90 % full, over 85 %")
    assert [each.what for each in hands.tell(full(97.0))] == ["high again"]
    assert [each.what for each in hands.tell(full(100.0))] == ["critical again"]
    assert hands.one.message == "/ is 100 % full, over 98 %"
    assert hands.tell(full(100.0)) == []


def test_a_source_may_cap_the_severity_and_lift_the_cap() -> None:
    hands = Hands()
    hands.tell(full(99.0, most=Severity.LOW, words="but 900 GiB are free"))
    assert hands.one.severity is Severity.LOW
    assert hands.one.message == "/ is 99 % full, over 85 %; but 900 GiB are free"
    assert [each.what for each in hands.tell(full(99.0))] == ["severity rose to critical"]


def test_info_is_an_episode_too() -> None:
    hands = Hands()
    (opened,) = hands.tell(full(86.0, most=Severity.INFO))
    assert opened.anomaly.severity is Severity.INFO


# -- closing


def test_it_closes_after_recovery_has_lasted_and_not_a_sample_before() -> None:
    hands = opened()
    assert hands.cpu(*[40.0] * 20) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]
    found = hands.one
    assert found.state is AnomalyState.CLOSED
    assert found.closed_at == START_US + 32_000_000
    assert found.duration_s == 31.0
    assert found.last_at == START_US + 11_000_000
    assert found.message == "over after 31 s: CPU at 40 % then; at its worst 88 %"
    assert found.count == 11  # good samples are none of its own


def test_between_clear_and_level_it_neither_closes_nor_flips() -> None:
    hands = opened()
    assert hands.cpu(*[76.0] * 1000) == []
    assert hands.one.flips == 0


def test_one_bad_look_begins_recovery_anew() -> None:
    hands = opened()
    assert hands.cpu(*[40.0] * 20, 86.0, *[40.0] * 20) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]


def test_time_between_clear_and_level_counts_back() -> None:
    hands = opened()
    assert hands.cpu(*[40.0] * 20, *[80.0] * 5, *[40.0] * 5) == []  # 19 - 5 + 4 seconds
    assert hands.cpu(40.0, 40.0) == ["closed cpu_high: recovered"]


def test_at_the_clear_value_it_has_recovered() -> None:
    hands = opened()
    assert hands.cpu(*[75.0] * 21) == ["closed cpu_high: recovered"]


def test_small_values_are_the_bad_ones_of_some_kinds() -> None:
    hands = Hands()
    eta = "disk_fill_rate"
    for value in (20_000.0, 15_000.0, 6_000.0):
        hands.tell(Observation(eta, "/", value), after_s=10.0)
    assert hands.one.severity is Severity.MEDIUM
    hands.tell(Observation(eta, "/", 5_000.0), after_s=10.0)
    assert hands.one.severity is Severity.CRITICAL
    assert hands.one.peak == 5_000.0
    for value in (40_000.0, 40_000.0, 40_000.0, 40_000.0, 40_000.0):  # under 12 h: not over yet
        assert hands.tell(Observation(eta, "/", value), after_s=10.0) == []
    hands.tell(*[Observation(eta, "/", 50_000.0)], after_s=10.0)
    hands.tell(*[Observation(eta, "/", 50_000.0)], after_s=30.0)
    assert hands.one.state is AnomalyState.CLOSED


# -- begins again


def test_what_soon_begins_again_is_the_same_episode() -> None:
    hands = Hands()
    for value in (91.0, 50.0):
        hands.tell(full(value))
    assert hands.tell(full(50.0), after_s=10.0)[0].change is Change.CLOSED
    (again,) = hands.tell(full(93.0), after_s=COOLDOWN_S - 1)
    assert (again.change, again.what, again.anomaly.id) == (Change.OPENED, "again", 1)
    assert again.anomaly.began_at == START_US + 1_000_000
    assert again.anomaly.closed_at is None
    assert (again.anomaly.count, again.anomaly.peak) == (2, 93.0)
    assert again.anomaly.message == "/ is 93 % full, over 90 %"


def test_what_begins_again_is_as_grave_as_it_was() -> None:
    hands = Hands()
    for value in (99.0, 50.0, 50.0, 86.0):
        hands.tell(full(value), after_s=10.0)
    assert hands.words()[-1] == "opened disk_full: again"
    assert hands.one.severity is Severity.CRITICAL


def test_what_begins_again_later_is_another_one() -> None:
    hands = Hands()
    hands.tell(full(91.0))
    hands.tell(full(50.0))
    hands.tell(full(50.0), after_s=10.0)
    hands.tell(full(50.0), after_s=COOLDOWN_S + 1)
    (again,) = hands.tell(full(91.0))
    assert (again.anomaly.id, again.anomaly.count, again.what) == (2, 1, "")
    assert [each.id for each in hands.book.recent()] == [2, 1]


def test_a_wait_in_vain_leaves_the_closed_one_closed() -> None:
    hands = opened()
    hands.cpu(*[40.0] * 21, *[99.0] * 5, *[40.0] * 5)
    assert hands.words() == ["opened cpu_high", "closed cpu_high: recovered"]
    assert hands.book.open() == []
    assert not hands.book.frozen("cpu_high")
    assert hands.one.state is AnomalyState.CLOSED


# -- flapping


def test_a_flapping_one_is_held_open_and_says_nothing() -> None:
    hands = flapping()
    said = len(hands.seen)
    assert hands.cpu(*([40.0] * 60 + [88.0] * 60) * 20) == []
    assert len(hands.seen) == said
    assert hands.one.flips == 23


def test_each_further_flip_lengthens_the_hold_by_half_up_to_an_hour() -> None:
    hands = flapping()
    assert hands.cpu(*[40.0] * 450) == []  # the fourth recovery: 450 s
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]
    hands = flapping()
    hands.cpu(*[40.0, 88.0] * 30)
    assert hands.cpu(*[40.0] * 3600) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]


def test_three_recoveries_that_are_far_apart_are_not_flapping() -> None:
    hands = opened()
    for _ in range(6):
        hands.cpu(40.0, *[88.0] * 301)
    assert hands.one.state is AnomalyState.OPEN
    assert hands.one.flips == 6


def test_what_opens_anew_for_the_third_time_flaps() -> None:
    hands = Hands()
    for _ in range(8):
        hands.tell(full(91.0), after_s=200.0)
        hands.tell(full(50.0), after_s=200.0)
        hands.tell(full(50.0), after_s=20.0)
    assert [each.change for each in hands.seen] == [Change.OPENED, Change.CLOSED] * 3 + [Change.OPENED]
    assert hands.one.state is AnomalyState.FLAPPING


# -- no data


def test_no_data_is_not_recovery_and_is_said_after_a_while() -> None:
    hands = opened()
    assert hands.cpu(*[None] * 30) == []
    assert hands.cpu(None) == ["changed cpu_high: no data for 30 s: not known whether it is over"]
    assert hands.cpu(*[None] * 5000) == []
    found = hands.one
    assert found.state is AnomalyState.OPEN
    assert found.unknown_since == START_US + 12_000_000
    assert found.message == "CPU at 88 %, over 85 % for 10 s; no data just now"
    assert hands.cpu(88.0) == ["changed cpu_high: data again"]
    assert hands.one.unknown_since is None
    assert hands.one.message == "CPU at 88 %, over 85 % for 10 s"


def test_silence_of_the_source_is_no_data_too() -> None:
    hands = opened()
    for _ in range(31):
        hands.tell()
    assert hands.one.unknown_since == START_US + 12_000_000
    assert hands.one.state is AnomalyState.OPEN


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_data(value: float) -> None:
    hands = opened()
    assert hands.cpu(*[value] * 30) == []
    assert hands.one.unknown_since is not None
    assert Hands({"cpu_high": {"for_s": 0}}).cpu(value) == []


def test_a_short_loss_is_not_told() -> None:
    hands = opened()
    assert hands.cpu(*[None] * 29, 88.0) == []
    assert hands.one.unknown_since is None


def test_time_without_data_counts_neither_to_begin_nor_to_end() -> None:
    hands = Hands(SHORT)
    hands.cpu(*[88.0] * 6, *[None] * 20)  # five seconds held
    assert hands.cpu(*[88.0] * 5) == []
    assert hands.cpu(88.0) == ["opened cpu_high"]
    hands.cpu(*[40.0] * 11, *[None] * 20)  # ten seconds good
    assert hands.cpu(*[40.0] * 10) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]


def test_a_wait_without_data_ends_some_time() -> None:
    hands = Hands(SHORT)
    hands.cpu(88.0, *[None] * 301)
    assert not hands.book.frozen("cpu_high")
    assert hands.seen == []


@pytest.mark.parametrize(("name", "subject", "said"), [
    ("oom_killed", "", "over after 5 min: the kernel killed nothing more for lack of memory; at its worst 3 processes"),
    ("zombie_processes", "", "over after 5 min: all that ended was collected; at its worst 3 processes"),
    ("disk_health", "sda", "over after 5 min: drive sda shows no sign of failing any more; at its worst 3 signs"),
    ("run_stuck", "5.1", "over after 5 min: run 5.1 does something again; at its worst 3 s"),
])  # fmt: skip
def test_what_is_counted_does_not_end_with_a_0(name: str, subject: str, said: str) -> None:
    assert messages.ended(KINDS[name], subject, 0.0, 3.0, 300.0, "") == said


@pytest.mark.parametrize(("name", "subject", "value", "said"), [
    ("disk_full", "/is it", 82.0, "over after 5 min: /is it was 82 % full then; at its worst 99 %"),
    ("load_high", "", 1.5, "over after 5 min: load was 1.5 × the cores then; at its worst 99 × the cores"),
    ("process_cpu_high", "a[1]", 8.5, "over after 5 min: a[1] used 8.5 % of a core then; at its worst 99 % of a core"),
])  # fmt: skip
def test_how_it_was_when_it_ended_does_not_read_as_now(name: str, subject: str, value: float, said: str) -> None:
    assert messages.ended(KINDS[name], subject, value, 99.0, 300.0, "") == said


def test_every_kind_has_few_words_and_those_of_one_subject_differ() -> None:
    assert set(kinds.SHORT) == set(KINDS) and max(map(len, kinds.SHORT.values())) <= 13
    said = [(kind.subject, kinds.SHORT[name]) for name, kind in KINDS.items()]
    assert len(set(said)) == len(said)
