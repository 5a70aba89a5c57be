"""Episodes: when they open, rise, flap and close; what no data, gaps and clocks do to them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Change, Severity, Transition
from opsconsole.monitoring.detection.episodes import COOLDOWN_S, EpisodeBook
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.monitoring.detection.thresholds import parse
from opsconsole.monitoring.detection.watch import Watch
from opsconsole.samples import RunUsage
from tests.monitoring.looks import CALM, HOST, START_US, Hands, disk, process

SHORT = {"cpu_high": {"medium": 85, "high": 90, "critical": 95, "for_s": 10, "clear": 75, "clear_for_s": 20}}


def full(value: float | None, mount: str = "/", **given: object) -> Observation:
    return Observation("disk_full", mount, value, **given)  # type: ignore[arg-type]


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
    assert hands.one.message == "CPU at 97 %, over 95 % for 21 s"


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


def opened(settings: dict[str, object] | None = None) -> Hands:
    hands = Hands(settings or SHORT)
    assert hands.cpu(*[88.0] * 11) == ["opened cpu_high"]
    return hands


def test_it_closes_after_recovery_has_lasted_and_not_a_sample_before() -> None:
    hands = opened()
    assert hands.cpu(*[40.0] * 20) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]
    found = hands.one
    assert found.state is AnomalyState.CLOSED
    assert found.closed_at == START_US + 32_000_000
    assert found.duration_s == 31.0
    assert found.last_at == START_US + 11_000_000
    assert found.message == "over after 31 s: CPU at 40 %; at its worst 88 %"
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


def flapping() -> Hands:
    """Three recoveries, none of them long enough to close it."""
    hands = opened()
    for _ in range(3):
        hands.cpu(40.0, 40.0, 88.0, 88.0)
    assert hands.words()[1:] == ["changed cpu_high: it flaps: over for now, and kept open until that lasts 5 min"]
    assert hands.one.state is AnomalyState.FLAPPING
    assert hands.one.flips == 3
    assert hands.one.message.endswith("; it comes and goes")
    return hands


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


# -- gaps and clocks


@pytest.mark.parametrize(("gap", "bad_s", "good_s"), [("late", 2, 1), ("suspend", 0, 0)])
def test_of_a_gap_counts_little_or_nothing(gap: str, bad_s: int, good_s: int) -> None:
    hands = Hands(SHORT)
    hands.cpu(*[88.0] * 6)
    assert hands.cpu(88.0, after_s=3600.0, gap=gap) == []
    assert hands.cpu(*[88.0] * (4 - bad_s)) == []
    assert hands.cpu(88.0) == ["opened cpu_high"]
    hands.cpu(*[40.0] * 11)
    assert hands.cpu(40.0, after_s=3600.0, gap=gap) == []
    assert hands.cpu(*[40.0] * (9 - good_s)) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]


def test_a_gap_counts_nothing_when_its_ends_differ() -> None:
    hands = Hands(SHORT)
    hands.cpu(*[88.0] * 11)
    hands.cpu(40.0, after_s=3600.0, gap="late")
    assert hands.cpu(*[40.0] * 19) == []
    assert hands.cpu(40.0) == ["closed cpu_high: recovered"]
    later = Hands({"cpu_high": {"for_s": 2}})
    later.cpu(40.0)
    assert later.cpu(88.0, after_s=3600.0, gap="late") == []


@pytest.mark.parametrize("late_s", [3.0, 60.0])
def test_a_host_on_which_every_look_is_late_is_watched_all_the_same(late_s: float) -> None:
    hands = Hands()
    assert hands.cpu(*[99.0] * 60, after_s=late_s, gap="late")[:1] == ["opened cpu_high"]
    assert hands.one.severity is Severity.CRITICAL
    assert hands.cpu(*[40.0] * 100, after_s=late_s, gap="late") == []  # recovery takes more than that
    assert hands.cpu(*[40.0] * 21, after_s=late_s, gap="late") == ["closed cpu_high: recovered"]


def test_every_other_look_without_data_hides_nothing() -> None:
    hands = Hands(SHORT)
    hands.cpu(*[99.0, None] * 11)
    assert hands.words() == ["opened cpu_high"]
    assert hands.cpu(*[40.0, None] * 50) == []  # but no data is no recovery


@pytest.mark.parametrize("jump_s", [-86400.0, 86400.0])
def test_a_jump_of_the_wall_clock_changes_no_duration(jump_s: float) -> None:
    hands = Hands(SHORT)
    hands.cpu(*[88.0] * 5)
    hands.wall_us += round(jump_s * 1e6)
    assert hands.cpu(88.0, gap="clock", clock_jump_s=jump_s) == []
    assert hands.cpu(*[88.0] * 4) == []
    assert hands.cpu(88.0) == ["opened cpu_high"]
    assert hands.one.opened_at - hands.one.began_at == 10_000_000
    hands.wall_us -= round(jump_s * 1e6)
    hands.cpu(40.0, gap="clock", clock_jump_s=-jump_s)
    hands.cpu(*[40.0] * 20)
    assert hands.one.duration_s == 31.0
    assert hands.one.began_at == START_US + 1_000_000


# -- subjects that are gone


def busy(value: float | None, pid: int = 7) -> Observation:
    return Observation("process_cpu_high", f"stress[{pid}]", value)


def test_a_process_that_has_ended_closes_its_episode() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    hands.tell(busy(120.0), processes=(process(7), process(8)))
    for _ in range(2):
        assert hands.tell(processes=(process(8),)) == []
    (closed,) = hands.tell(processes=(process(8),))
    assert (closed.change, closed.what) == (Change.CLOSED, "subject gone")
    assert closed.anomaly.message == "over after 3 s: stress[7] has ended; at its worst 120 % of a core"


def test_a_process_that_is_only_not_listed_is_not_gone_nor_is_one_nobody_looked_for() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    hands.tell(busy(120.0), processes=(process(7),))
    for _ in range(100):
        hands.tell(processes=(process(7),))
        hands.tell()
    assert hands.one.state is AnomalyState.OPEN


def test_a_mount_may_miss_a_look_but_not_stay_away() -> None:
    hands = Hands()
    hands.tell(full(91.0, "/mnt"))
    for _ in range(10):
        assert hands.tell(disks=(disk("/"),)) == []
    assert hands.tell(disks=(disk("/"),))[0].what == "subject gone"


@pytest.mark.parametrize("every", [15, 60, 240])
def test_a_mount_that_comes_and_goes_flaps_as_anything_else_does(every: int) -> None:
    hands = Hands()
    for number in range(7200):
        there = number // every % 2 == 0
        mounts = (disk("/"), disk("/mnt", 97.0)) if there else (disk("/"),)
        hands.tell(*([full(97.0, "/mnt")] if there else []), disks=mounts)
    assert len(hands.seen) < 15
    assert hands.one.state is AnomalyState.FLAPPING
    for _ in range(3700):
        hands.tell(disks=(disk("/"),))
    assert (hands.one.state, hands.seen[-1].what) == (AnomalyState.CLOSED, "subject gone")


def test_a_process_that_flapped_and_ended_is_gone_at_once() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0, "clear_for_s": 60}})
    for _ in range(4):
        hands.tell(busy(150.0), processes=(process(7),))
        hands.tell(busy(1.0), processes=(process(7),))
    assert hands.one.state is AnomalyState.FLAPPING
    hands.tell(busy(None)._replace(gone=True))
    assert hands.one.state is AnomalyState.CLOSED


def test_disks_that_could_not_be_read_at_all_are_not_gone() -> None:
    hands = Hands()
    hands.tell(full(91.0, "/mnt"))
    for _ in range(100):
        hands.tell()
    assert hands.one.state is AnomalyState.OPEN


def test_a_source_may_say_that_its_subject_is_gone() -> None:
    hands = Hands()
    stuck = Observation("run_stuck", "17.1", 700.0)
    hands.tell(stuck)
    assert hands.tell(stuck._replace(gone=True))[0].what == "subject gone"
    assert hands.tell(Observation("run_stuck", "18.1", 700.0, gone=True)) == []


def test_a_run_that_nobody_speaks_of_any_more_is_gone() -> None:
    hands = Hands()
    usage = RunUsage("17.1", START_US, 0.0, 1, 1, 1, 1)
    hands.tell(Observation("run_stuck", "17.1", 700.0), runs=(usage,))
    assert [each.what for each in hands.tell(after_s=400.0, runs=(usage,))] == []
    assert hands.tell(after_s=301.0, runs=(usage,))[0].what.startswith("no data")
    assert hands.tell(after_s=1.0)[0].what == "subject gone"


# -- context


def test_the_peak_names_who_was_there() -> None:
    hands = Hands({"cpu_high": {"for_s": 0}})
    early = (process(1, "early", cpu=50.0), process(2, cpu=5.0))
    hands.cpu(88.0, processes=early, runs=(RunUsage("3.1", START_US, 0.0, 1, 1, 1, 1),))
    assert [one["name"] for one in hands.one.processes] == ["early", "worker"]
    assert hands.one.runs == ("3.1",)
    many = tuple(process(pid, f"p{pid}", cpu=float(pid)) for pid in range(1, 9))
    hands.cpu(89.0, after_s=30.0, processes=many)
    hands.cpu(86.0, after_s=30.0, processes=early)
    assert [one["pid"] for one in hands.one.processes] == [8, 7, 6, 5, 4]
    assert hands.one.runs == ()
    assert hands.one.peak_at == START_US + 31_000_000
    assert set(hands.one.processes[0]) == {"pid", "start_time", "name", "cpu_percent", "rss_bytes"}


def test_a_peak_at_which_no_processes_were_read_keeps_those_it_has() -> None:
    hands = Hands({"cpu_high": {"for_s": 0}})
    hands.cpu(88.0, processes=(process(1, "early"),))
    hands.cpu(99.0, after_s=30.0)
    assert hands.one.peak == 99.0
    assert [one["name"] for one in hands.one.processes] == ["early"]


def test_memory_names_the_largest() -> None:
    hands = Hands({"memory_high": {"for_s": 0}})
    hands.tell(
        Observation("memory_high", "", 95.0), processes=(process(1, cpu=90.0, rss=10), process(2, "big", rss=1 << 30))
    )
    assert hands.one.processes[0]["name"] == "big"


def test_names_are_harmless_in_sentences_and_context() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    evil = "\x1b]0;x\x07\nrm[7]"
    hands.tell(Observation("process_cpu_high", evil, 120.0), processes=(process(7, evil, cpu=120.0),))
    assert hands.one.message.isprintable()
    assert hands.one.processes[0]["name"].isprintable()
    assert hands.one.subject == evil


def test_details_and_baseline_are_the_last_bad_ones() -> None:
    hands = Hands()
    hands.tell(full(91.0, details={"eta_s": 10.0}, baseline=4.0))
    hands.tell(full(50.0, details={"eta_s": None}))
    assert hands.one.details == {"eta_s": 10.0, "baseline": 4.0}


# -- settings, restart, people


def test_new_thresholds_are_in_force_from_the_next_look_on() -> None:
    hands = opened()
    hands.watch.reload(parse({"cpu_high": {"enabled": False}}))
    assert hands.cpu(88.0) == ["closed cpu_high: switched off in the settings"]
    assert hands.cpu(*[99.0] * 100) == []
    hands = opened()
    hands.watch.reload(parse({"cpu_high": {"enabled": False}}))
    assert [each.change for each in hands.tell()] == [Change.CLOSED]


def test_what_it_was_beyond_stays_when_a_threshold_is_raised() -> None:
    hands = opened()
    hands.watch.reload(parse({"cpu_high": {"enter": 99}}))
    hands.cpu(88.0)
    assert (hands.one.threshold, hands.one.value) == (85.0, 88.0)


def test_a_threshold_may_be_another_for_a_device() -> None:
    hands = Hands({"disk_full": {"on": {"/dev/vdb*": {"enabled": False}, "/var": {"enter": 95}}}})
    assert hands.tell(full(99.0, "/mnt", aliases=("/dev/vdb1",)), full(94.0, "/var")) == []
    assert [each.anomaly.subject for each in hands.tell(full(99.0, "/"), full(96.0, "/var"))] == ["/", "/var"]


def restarted(hands: Hands, found: list[Anomaly]) -> Hands:
    later = Hands(hands.settings)
    later.at_s = hands.at_s + 60.0
    later.ids = hands.ids
    later.book = later.new_book(parse(hands.settings))
    later.book.restore(found, START_US + round(later.at_s * 1e6), 1000.0 + later.at_s)
    return later


def test_a_restart_continues_the_episode_as_unknown() -> None:
    hands = opened()
    before = hands.one
    later = restarted(hands, hands.book.open())
    assert later.book.frozen("cpu_high")
    assert later.book.following("cpu_high") == [""]
    assert later.one == replace(before, unknown_since=before.last_at, message=before.message + "; no data just now")
    assert later.cpu(*[None] * 100) == []
    assert later.cpu(88.0) == ["changed cpu_high: data again"]
    assert (later.one.id, later.one.began_at, later.one.count) == (before.id, before.began_at, 12)
    assert later.one.mean == pytest.approx(88.0)
    assert later.cpu(*[40.0] * 21) == ["closed cpu_high: recovered"]
    assert later.one.id == before.id


def test_a_restart_is_no_recovery() -> None:
    hands = opened()
    later = restarted(hands, hands.book.open())
    assert later.cpu(*[40.0] * 20) == ["changed cpu_high: data again"]
    assert later.cpu(40.0) == ["closed cpu_high: recovered"]


def test_a_restart_goes_on_flapping() -> None:
    later = restarted(hands := flapping(), hands.book.open())
    assert later.cpu(*[40.0] * 299) == ["changed cpu_high: data again"]
    assert later.one.state is AnomalyState.FLAPPING
    assert "it comes and goes; " not in later.one.message


@pytest.mark.parametrize("moved_s", [5 * 365 * 86400, -5 * 365 * 86400, -30])
def test_a_clock_that_was_set_before_the_restart_makes_no_episode_of_years(moved_s: int) -> None:
    hands = opened()
    hands.wall_us = moved_s * 1_000_000
    later = Hands(hands.settings)
    later.at_s, later.ids, later.wall_us = hands.at_s + 60.0, hands.ids, hands.wall_us
    sample = later.sample()
    later.book.restore(hands.book.open(), sample.time_us, sample.monotonic_s)
    later.cpu(*[40.0] * 22)
    found = later.one
    assert found.state is AnomalyState.CLOSED and found.closed_at is not None
    assert found.began_at <= found.opened_at <= found.last_at <= found.closed_at
    assert found.duration_s is not None and 20 < found.duration_s < 120
    assert "over after" in found.message and " d" not in found.message.split(":")[0]


def closed() -> Hands:
    hands = opened()
    hands.cpu(*[40.0] * 21)
    assert hands.one.state is AnomalyState.CLOSED
    return hands


def test_what_begins_again_soon_after_a_restart_is_the_same_episode() -> None:
    hands = closed()
    later = restarted(hands, hands.book.recent())
    assert later.book.open() == [] and not later.book.frozen("cpu_high")
    assert later.cpu(*[88.0] * 11) == ["opened cpu_high: again"]
    assert later.one.id == hands.one.id
    assert later.one.began_at == hands.one.began_at


def test_what_was_closed_long_before_the_restart_or_by_hand_is_over() -> None:
    hands = closed()
    by_hand = replace(hands.one, links=({"kind": "closed_by_hand", "ref": "ann"},))
    hands.at_s += COOLDOWN_S
    for found in ([hands.one], [by_hand]):
        later = restarted(hands, found)
        later.cpu(*[88.0] * 11)
        assert later.one.id != hands.one.id
    hands.at_s -= COOLDOWN_S
    later = restarted(hands, [by_hand])
    later.cpu(*[88.0] * 11)
    assert later.one.id != hands.one.id


def test_only_open_episodes_of_this_host_and_of_known_kinds_are_continued() -> None:
    found = opened().one
    later = Hands(SHORT)
    others = [
        replace(found, host="elsewhere"),
        replace(found, kind="of_a_newer_version"),
        replace(found, state=AnomalyState.CLOSED),
    ]
    later.book.restore(others, START_US, 1000.0)
    assert later.book.open() == []


def test_a_process_that_ended_while_nobody_watched_is_gone() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    hands.tell(busy(120.0), processes=(process(7),))
    later = restarted(hands, hands.book.open())
    assert later.tell(processes=(process(8),)) == []
    assert later.tell(after_s=2.0, processes=(process(8),))[0].what == "subject gone"


def test_what_people_did_is_taken_over_once() -> None:
    hands = opened()
    stored = replace(
        hands.one,
        acknowledged_at=START_US,
        acknowledged_by="ann",
        silenced_until=START_US + 1,
        notes=({"at": START_US, "by": "ann", "text": "x"},),
        links=({"at": START_US, "kind": "fix", "ref": "3"},),
    )
    (changed,) = hands.book.refresh([stored])
    assert changed.change is Change.CHANGED
    assert changed.what == "acknowledged by ann, silenced, noted, linked to what was done about it"
    assert changed.anomaly == stored
    assert hands.book.refresh([stored]) == []
    assert hands.one.acknowledged_by == "ann"
    assert [each.what for each in hands.book.refresh([replace(stored, silenced_until=None)])] == ["no longer silenced"]


def test_one_that_was_closed_by_hand_is_forgotten_and_may_begin_anew() -> None:
    hands = opened()
    closed = replace(
        hands.one,
        state=AnomalyState.CLOSED,
        closed_at=START_US + 5,
        links=({"at": START_US, "kind": "closed_by_hand", "ref": "ann", "note": ""},),
    )
    assert hands.book.refresh([closed]) == [Transition(Change.CLOSED, closed, "closed by ann")]
    assert hands.book.refresh([closed]) == []
    assert hands.one == closed
    assert hands.cpu(*[88.0] * 11) == ["opened cpu_high"]
    assert hands.book.open()[0].id == 2


def test_a_row_that_is_behind_closes_nothing() -> None:
    hands = opened()
    behind = replace(hands.one, state=AnomalyState.CLOSED, closed_at=START_US)
    assert hands.book.refresh([behind]) == []
    assert hands.one.state is AnomalyState.OPEN


def test_the_last_hundred_are_remembered_newest_first() -> None:
    hands = Hands()
    hands.tell(*[full(91.0, f"/{number}") for number in range(150)])
    hands.tell(*[full(50.0, f"/{number}") for number in range(150)])
    hands.tell(*[full(50.0, f"/{number}") for number in range(150)], after_s=10.0)
    assert [each.id for each in hands.book.recent()] == list(range(150, 50, -1))
    assert hands.book.open() == []


# -- the watch


class Counting:
    def __init__(self, fails: int = 0) -> None:
        self.asked = 0
        self.fails = fails
        self.reloaded = 0

    def observe(self, look: Look) -> list[Observation]:
        self.asked += 1
        if self.asked <= self.fails:
            raise RuntimeError("no such thing")
        return [Observation("memory_high", "", 95.0)]

    def reload(self, thresholds: object) -> None:
        self.reloaded += 1


def looked(watch: Watch, seconds: range) -> None:
    for number in seconds:
        watch.look(Look(replace(CALM, monotonic_s=float(number)), {}))


def test_a_source_that_fails_is_left_alone_and_the_others_are_heard() -> None:
    told: list[str] = []
    bad, good = Counting(fails=10**6), Counting()
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [bad, good], book, told.append)
    looked(watch, range(40))
    assert (bad.asked, good.asked) == (3, 40)
    assert told == [
        "Counting failed 3 times in a row and is asked only now and then: RuntimeError: no such thing",
    ]
    assert list(watch.notes) == told
    assert len(book.open()) == 1
    looked(watch, range(40, 10_000))  # after 1, 2, 4, 8, 16 minutes, and then every half hour
    assert bad.asked == 3 + 5 + 4
    assert len(told) == len(watch.notes) == 1


def test_a_source_that_was_left_alone_is_heard_again_when_it_works() -> None:
    told: list[str] = []
    source = Counting(fails=4)
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [source], book, told.append)
    looked(watch, range(182))
    assert (source.asked, watch.notes) == (4, (told[0],))
    looked(watch, range(182, 220))
    assert source.asked == 4 + 38
    assert (watch.notes, told[1:]) == ((), ["Counting works again"])
    assert len(book.open()) == 1


def test_other_settings_give_a_source_its_tries_back_at_once() -> None:
    source = Counting(fails=3)
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [source], book)
    looked(watch, range(10))
    watch.reload(parse({}))
    assert watch.notes == ()
    looked(watch, range(10, 12))
    assert source.asked == 5


def test_a_source_that_works_again_has_all_its_tries_back() -> None:
    class Sometimes(Counting):
        def observe(self, look: Look) -> list[Observation]:
            self.asked += 1
            if self.asked % 3:
                raise RuntimeError
            return []

    source = Sometimes()
    book = EpisodeBook(HOST, iter(range(1, 9)).__next__)
    watch = Watch(book.thresholds, HOST, [source], book)
    for number in range(30):
        watch.look(Look(replace(CALM, monotonic_s=float(number)), {}))
    assert source.asked == 30
    watch.reload(parse({}))
    assert source.reloaded == 1


def test_a_kind_that_nobody_knows_breaks_nothing() -> None:
    hands = Hands()
    found = hands.tell(Observation("no_such_kind", "", 5.0), full(91.0))
    assert [each.anomaly.kind for each in found] == ["disk_full"]


def test_a_thing_two_sources_speak_of_counts_once() -> None:
    hands = Hands(SHORT)
    for _ in range(10):
        hands.tell(Observation("cpu_high", "", 88.0), Observation("cpu_high", "", 88.0))
    assert hands.seen == []
