"""Episodes: what gaps, clocks and vanished subjects do to them; what they keep of their peak."""

from __future__ import annotations

import pytest

from opsconsole.anomalies import AnomalyState, Change, Severity
from opsconsole.monitoring.detection.observation import Observation
from opsconsole.samples import RunUsage
from tests.monitoring.episode_support import SHORT, busy, full
from tests.monitoring.looks import START_US, Hands, disk, process

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


def test_a_process_that_has_ended_closes_its_episode() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    hands.tell(busy(120.0), processes=(process(7), process(8)))
    for _ in range(2):
        assert hands.tell(processes=(process(8),)) == []
    (closed,) = hands.tell(processes=(process(8),))
    assert (closed.change, closed.what) == (Change.CLOSED, "subject gone")
    assert closed.anomaly.message == "over after 3 s: stress[7] has ended; at its worst 120 % of a core"


def test_what_is_over_has_data_or_needs_none() -> None:
    hands = Hands({"process_cpu_high": {"for_s": 0}})
    hands.tell(busy(120.0), processes=(process(7), process(8)))
    told = [one for _ in range(40) for one in hands.tell(busy(None), processes=(process(7),))]
    assert told[0].anomaly.message.endswith("; no data just now")
    closed = [one for _ in range(4) for one in hands.tell(processes=(process(8),))][-1]
    assert closed.change is Change.CLOSED and closed.anomaly.message.endswith("at its worst 120 % of a core")


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


@pytest.mark.unmeasured
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
