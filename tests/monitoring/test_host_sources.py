"""The host's own sources: what each says of a host in trouble, and what it does not say of a busy one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsconsole.anomalies import AnomalyState, Change, Severity
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.baseline import FROZEN_MOST_S, Baseline
from opsconsole.monitoring.detection.fill_rate import NEVER_S, FillTrend
from opsconsole.monitoring.detection.host_sources import CpuSource, host_sources
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.monitoring.detection.observation import Look
from opsconsole.monitoring.detection.watch import Watch
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, Swap
from tests.monitoring.looks import CALM, GIB, HOST, Hands, disk, process

MIB = 1024**2


def cpu(percent: float | None, **given: float) -> Cpu:
    return replace(CALM.cpu, percent=percent, **given)


def kinds(hands: Hands) -> list[str]:
    return sorted(each.kind for each in hands.book.open())


def watching(**settings: object) -> Hands:
    return Hands(dict(settings)).watching()


def test_a_calm_host_is_listed_and_in_no_trouble() -> None:
    hands = watching()
    drives = (Drive("vda", 0, 0, 0, 0, 0.0, None),)
    cards = (Interface("lo", 0, 0, 10, 10, 0, 0),)
    look = Look(hands.sample(disks=(disk(inodes_percent=1.0),), drives=drives, interfaces=cards), {})
    found = [each for source in host_sources(hands.book.frozen) for each in source.observe(look)]
    assert len({(each.kind, each.subject) for each in found}) == len(found)
    assert {each.kind for each in found} <= set(KINDS)
    for _ in range(5):
        hands.look(60.0, disks=(disk(),), drives=drives, interfaces=cards)
    assert hands.seen == []


def test_the_first_look_which_has_no_rates_says_nothing() -> None:
    hands = watching(cpu_high={"for_s": 0})
    hands.look(cpu=Cpu(), swap=Swap(0, 0, 0), oom_kills=None, open_files=None, drives=(Drive("a"),),
               interfaces=(Interface("b"),))  # fmt: skip
    assert hands.seen == []


# -- CPU


def test_a_busy_cpu_is_high_and_critical() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(cpu=cpu(99.0), pressure=Pressure(cpu_some=60.0))
    assert hands.book.open()[-1].severity is Severity.CRITICAL
    assert "cpu_high" in kinds(hands)


def test_a_busy_cpu_for_which_nothing_waits_is_low() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(cpu=cpu(99.0), pressure=Pressure(cpu_some=4.9))
    (found,) = hands.book.open()
    assert found.severity is Severity.LOW
    assert found.message == "CPU at 99 %, over 85 % for 1 min; it is busy, but hardly anything waits for it"


def test_without_psi_a_busy_cpu_is_taken_seriously() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(cpu=cpu(99.0))
    assert hands.book.open()[-1].severity is Severity.CRITICAL


def test_steal_throttling_and_waiting() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(cpu=cpu(50.0, steal=12.0, throttled_percent=30.0), pressure=Pressure(cpu_some=45.0))
    assert kinds(hands) == ["cpu_pressure", "cpu_steal", "cpu_throttled"]


def test_load_is_per_core_and_harmless_where_nothing_waits() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(load=(9.0, 9.0, 9.0), pressure=Pressure(cpu_some=30.0))
    (found,) = hands.book.open()
    assert (found.kind, found.severity, found.value) == ("load_high", Severity.MEDIUM, 4.5)
    hands = watching()
    for _ in range(62):
        hands.look(load=(9.0, 9.0, 9.0), pressure=Pressure(cpu_some=3.0, io_some=1.0))
    assert hands.book.open()[0].severity is Severity.INFO


# -- the spike


def learnt(usual: float = 20.0) -> Hands:
    hands = watching()
    for _ in range(90):
        hands.look(cpu=cpu(usual))
    return hands


def test_a_spike_needs_three_of_five_samples() -> None:
    hands = learnt()
    for percent in (70.0, 20.0, 70.0, 20.0, 20.0, 20.0, 70.0):
        hands.look(cpu=cpu(percent))
    assert hands.seen == []
    for percent in (20.0, 70.0, 20.0, 70.0):
        hands.look(cpu=cpu(percent))
    (found,) = hands.seen
    assert found.anomaly.kind == "cpu_spike"
    assert found.anomaly.severity is Severity.MEDIUM
    assert found.anomaly.details is not None
    assert found.anomaly.details["baseline"] == pytest.approx(20.5, abs=1.0)


def test_a_spike_that_leaves_the_cpu_idle_is_only_information() -> None:
    hands = learnt(2.0)
    for _ in range(5):
        hands.look(cpu=cpu(30.0))
    assert hands.one.severity is Severity.INFO


def test_nothing_is_a_spike_before_the_usual_is_known() -> None:
    hands = watching()
    for _ in range(29):
        hands.look(cpu=cpu(5.0))
    for _ in range(29):
        hands.look(cpu=cpu(80.0))
    assert "cpu_spike" not in kinds(hands)


def test_the_usual_is_not_learnt_from_a_spike_and_it_closes_when_that_ends() -> None:
    hands = learnt()
    for _ in range(1200):
        hands.look(cpu=cpu(75.0))
    assert kinds(hands) == ["cpu_spike"]
    assert hands.one.details is not None
    assert hands.one.details["baseline"] < 22
    for _ in range(15):
        hands.look(cpu=cpu(20.0))
    assert hands.one.state is AnomalyState.CLOSED


@pytest.mark.unmeasured
def test_a_new_level_is_the_usual_some_day() -> None:
    hands = learnt()
    for _ in range(round(FROZEN_MOST_S) + 2000):
        hands.look(cpu=cpu(75.0))
    assert hands.one.state is AnomalyState.CLOSED


def test_no_gap_teaches() -> None:
    hands = learnt()
    before = hands.watch.state()
    hands.look(36_000.0, cpu=cpu(40.0), gap="suspend")
    assert hands.watch.state() == before


def test_the_usual_survives_a_restart() -> None:
    states = learnt().watch.state()
    hands = watching()
    hands.watch.restore(states)
    for _ in range(4):
        hands.look(cpu=cpu(75.0))
    assert kinds(hands) == ["cpu_spike"]


@pytest.mark.parametrize("state", [b"", b"{}", b"[1]", b'["a", 1, 2]', b"[NaN, 1, 2]", b"\xff", b"[1, 2.5, 3]"])
def test_a_state_that_cannot_be_read_is_begun_anew(state: bytes) -> None:
    hands = watching()
    hands.watch.restore({CpuSource.name: state})
    hands.look(cpu=cpu(75.0))
    assert hands.watch.state()[CpuSource.name] != state
    assert Watch(hands.book.thresholds, HOST, [], hands.book).state() == {}


def test_a_baseline_is_not_moved_far_by_one_value() -> None:
    baseline = Baseline()
    for _ in range(100):
        baseline.learn(10.0, 1.0, frozen=False)
    baseline.learn(1e9, 1.0, frozen=False)
    assert baseline.mean is not None
    assert baseline.mean < 11


# -- memory


def test_memory_high_and_its_pressure() -> None:
    hands = watching()
    for _ in range(32):
        hands.look(memory=Memory(93.0, 100, 93, 7), pressure=Pressure(memory_some=40.0, memory_full=15.0))
    assert [(each.kind, each.severity) for each in hands.book.open()] == [
        ("memory_high", Severity.MEDIUM),
        ("memory_pressure", Severity.HIGH),
    ]


def test_thrashing_goes_both_ways_and_makes_tasks_wait() -> None:
    def after(swapped_in: float, out: float, waiting: float) -> list[Severity]:
        hands = watching()
        for _ in range(60):
            hands.look(swap=Swap(50.0, GIB, GIB // 2, swapped_in, out), pressure=Pressure(memory_some=waiting))
        return [each.severity for each in hands.book.open()]

    assert after(10.0 * MIB, 10.0 * MIB, 30.0) == [Severity.MEDIUM]
    assert after(0.0, 100.0 * MIB, 30.0) == []
    assert after(10.0 * MIB, 10.0 * MIB, 1.0) == [Severity.INFO]


def test_a_kill_for_lack_of_memory_is_seen_at_once_and_over_after_five_minutes() -> None:
    hands = watching()
    hands.look(oom_kills=1)
    assert hands.one.severity is Severity.HIGH
    hands.look(150.0, oom_kills=4)
    assert hands.one.severity is Severity.CRITICAL
    hands.look(299.0)
    assert hands.one.state is AnomalyState.OPEN
    hands.look(2.0)
    assert hands.one.state is AnomalyState.CLOSED


def test_a_kill_at_a_limit_is_told_for_your_information_and_blames_nobody() -> None:
    hands = watching()
    large = (process(7, "postgres", rss=8 * GIB),)
    hands.look(processes=large, limit_kills=5)
    found = hands.one
    assert (found.kind, found.severity, found.processes) == ("limit_killed", Severity.INFO, ())
    assert found.message == "the kernel killed 5 processes in 5 minutes in a group at its own memory limit"
    hands.look(301.0, processes=large)
    assert hands.one.state is AnomalyState.CLOSED


def test_kills_do_not_say_twice_over_which_time_they_are_counted() -> None:
    hands = watching()
    hands.look(oom_kills=1)
    hands.look(38.0, oom_kills=4)
    assert hands.one.message == "the kernel killed 5 processes in 5 minutes for lack of memory"


# -- file systems


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (64 * MIB, Severity.CRITICAL),
        (100 * GIB, Severity.CRITICAL),
        (1000 * GIB, Severity.HIGH),
        (6000 * GIB, Severity.MEDIUM),
        (90_000 * GIB, Severity.LOW),
    ],
)
def test_a_full_disk_is_less_grave_the_more_is_free(total: int, expected: Severity) -> None:
    hands = watching()
    hands.look(disks=(disk("/data", 99.0, total),))
    assert hands.one.severity is expected
    assert ("are free" in hands.one.message) == (expected is not Severity.CRITICAL)


def test_what_cannot_be_written_may_be_full() -> None:
    hands = watching()
    hands.look(disks=(disk("/snap/x", 100.0, read_only=True), disk("/empty", 0.0, 0)))
    assert hands.seen == []


@pytest.mark.parametrize(
    ("kind", "disks"),
    [
        ("disk_full", [disk("/d", 97.0)]),
        ("inode_full", [disk("/d", 50.0, inodes_percent=91.0)]),
        ("disk_fill_rate", [disk("/d", 20 + number / 5) for number in range(200)]),
    ],
)
def test_what_was_made_read_only_cannot_fill_further(kind: str, disks: list[Disk]) -> None:
    hands = watching()
    for one in disks:
        hands.look(disks=(one,))
    assert [each.kind for each in hands.book.open()] == [kind]
    last = disks[-1]
    found = hands.look(disks=(replace(last, read_only=True),))
    assert [(each.change, each.anomaly.kind) for each in found] == [(Change.CLOSED, kind)]
    assert "/d is read-only now and cannot fill further" in found[0].anomaly.message
    for _ in range(60):
        hands.look(disks=(replace(last, read_only=True),))
    assert len(hands.seen) == 2
    hands.look(disks=(disk("/d", 97.0),))
    assert [each.kind for each in hands.book.open()] == ["disk_full"]


def test_inodes_run_out_too() -> None:
    hands = watching()
    hands.look(disks=(disk(inodes_percent=96.0),))
    assert [(each.kind, each.severity) for each in hands.book.open()] == [("inode_full", Severity.HIGH)]


def fill(hands: Hands, rates: list[float], after_s: float, total: int = 64 * MIB, start: float = 0.0) -> None:
    """Bytes a second, one for each look."""
    used = start
    for rate in rates:
        used = min(float(total), used + rate * after_s)
        hands.look(after_s, disks=(disk("/tmp/x", 100 * used / total, total),))


def test_a_tmpfs_that_is_filled_within_a_minute_is_foreseen() -> None:
    hands = watching()
    fill(hands, [MIB] * 30, 1.0)  # 34 of 64 s are left
    (found,) = hands.book.open()
    assert (found.kind, found.severity, found.subject) == ("disk_fill_rate", Severity.CRITICAL, "/tmp/x")
    assert found.details is not None
    assert found.details["eta_s"] == pytest.approx(34, abs=2)
    fill(hands, [MIB] * 34, 1.0, start=30.0 * MIB)
    full = next(each for each in hands.book.open() if each.kind == "disk_full")
    assert full.severity is Severity.CRITICAL
    assert hands.seen[1].anomaly.details is not None
    assert hands.seen[1].anomaly.details["eta_s"] == pytest.approx(9, abs=1)
    assert "full in about 9 s at this rate" in hands.seen[1].anomaly.message


def test_a_file_system_that_is_full_is_not_said_to_fill() -> None:
    hands = watching()
    fill(hands, [MIB] * 64, 1.0)
    assert [(each.kind, each.severity) for each in hands.book.open()] == [("disk_full", Severity.CRITICAL)]
    over = next(each for each in hands.book.recent() if each.kind == "disk_fill_rate")
    assert "/tmp/x is full, and cannot fill further" in over.message
    fill(hands, [-4096.0, 0.0, 4096.0] * 40, 1.0, start=64.0 * MIB)  # a page comes and goes
    assert [each.kind for each in hands.book.open()] == ["disk_full"]
    fill(hands, [-32.0 * MIB], 1.0, start=64.0 * MIB)
    fill(hands, [MIB] * 25, 1.0, start=32.0 * MIB)
    assert "disk_fill_rate" in kinds(hands), "there is room again, and it fills again"


def test_what_has_stopped_filling_is_soon_not_said_to_fill() -> None:
    hands = watching()
    fill(hands, [MIB] * 40, 1.0)
    assert hands.one.kind == "disk_fill_rate"
    seconds = 0
    while hands.one.state.is_open:
        now_is = messages.state_of(KINDS["disk_fill_rate"], "/tmp/x", hands.one.value)
        assert "30 d" not in now_is
        fill(hands, [0.0], 1.0, start=40.0 * MIB)
        seconds += 1
        assert seconds <= 35, "18 s without growth, and 10 s that that lasts"


def test_what_fills_now_and_then_is_held_open_for_a_minute_at_the_most() -> None:
    hands = watching()
    for _ in range(8):
        fill(hands, [MIB] * 24 + [-24.0 * MIB] + [0.0] * 12, 1.0, start=30.0 * MIB)
    assert hands.book.open() or hands.one.flips
    fill(hands, [0.0] * 100, 1.0, start=30.0 * MIB)
    assert hands.book.open() == []


def test_what_is_filled_between_two_looks_has_a_rough_eta_at_once() -> None:
    hands = watching()
    fill(hands, [0.0, 0.0, 30 * MIB, 28 * MIB], 1.0)
    assert hands.one.kind == "disk_full"
    assert hands.one.details is not None
    assert hands.one.details["eta_s"] == pytest.approx(6 / 28, abs=0.1)


def test_deleting_what_filled_it_ends_the_trend_at_once() -> None:
    hands = watching()
    fill(hands, [MIB] * 50, 1.0)  # long enough that the slower windows have seen it too
    assert hands.one.state is AnomalyState.OPEN
    fill(hands, [0.0] * 34, 1.0)  # recovery must last 30 s
    assert hands.one.state is AnomalyState.CLOSED
    assert "/tmp/x does not fill up any more" in hands.one.message and "30 d" not in hands.one.message


def test_a_rotated_log_does_not_hide_that_it_fills() -> None:
    hands = watching()
    for step in range(60):  # each time more stays than the last time
        fill(hands, [MIB, MIB, MIB, MIB, -3.5 * MIB], 1.0, total=100 * MIB, start=step * MIB / 2)
    assert "disk_fill_rate" in {each.kind for each in hands.book.open()}


def hours(hands: Hands, levels: list[float]) -> None:
    for level in levels:
        hands.look(30.0, disks=(disk("/v", level, 100 * GIB),))


GROWING = [40 + number / 4 for number in range(120)]  # from 40 to 70 % in an hour


@pytest.mark.unmeasured
def test_a_log_that_is_rotated_every_hour_is_known_after_two() -> None:
    hands = watching()
    hours(hands, GROWING * 24)
    assert len([each for each in hands.seen if each.change is Change.OPENED]) <= 2
    assert hands.book.open() == []


@pytest.mark.parametrize(
    "then",
    [
        [70 + number / 4 for number in range(40)],  # it is not rotated this time
        [40.5 + number for number in range(25)],  # something else writes, too
    ],
)
def test_what_a_rotated_log_does_not_explain_is_foreseen(then: list[float]) -> None:
    hands = watching()
    hours(hands, GROWING * 6)
    assert hands.book.open() == []
    hours(hands, then)
    assert "disk_fill_rate" in [each.kind for each in hands.book.open()]


def test_a_log_of_which_more_stays_each_time_is_foreseen() -> None:
    hands = watching()
    for stays in range(5):
        hours(hands, [level + 5 * stays for level in GROWING])
    hands.seen.clear()
    hours(hands, [level + 25 for level in GROWING])
    assert "opened disk_fill_rate" in [each.split(":")[0] for each in hands.words()]


def test_what_fills_on_after_somebody_has_made_room_is_foreseen_again() -> None:
    hands = watching()
    hours(hands, GROWING * 2)
    assert [each.kind for each in hands.book.open()] == ["disk_fill_rate"]


@pytest.mark.unmeasured
def test_small_files_that_come_and_go_are_no_rotation() -> None:
    hands = watching()
    for _ in range(4):
        hours(hands, [level + (number % 5) / 10 for number, level in enumerate(GROWING)])
    hands.seen.clear()
    hours(hands, [level + (number % 5) / 10 for number, level in enumerate(GROWING * 12)])
    assert hands.seen == []  # nor do they hide one


def test_it_closes_soon_after_the_filling_ends() -> None:
    hands = watching()
    fill(hands, [MIB] * 40, 1.0)
    fill(hands, [0.0] * 400, 1.0, start=40.0 * MIB)
    assert hands.one.state is AnomalyState.CLOSED
    assert hands.one.closed_at is not None
    assert hands.one.duration_s is not None
    assert hands.one.duration_s < 300


def test_slow_growth_is_foreseen_by_the_hour() -> None:
    hands = watching()
    fill(hands, [2 * MIB / 30] * 360, 30.0, total=1200 * MIB)  # 720 of 1200 MiB after three hours: two more to go
    (found,) = hands.book.open()
    assert (found.kind, found.severity) == ("disk_fill_rate", Severity.MEDIUM)
    assert found.details is not None
    assert found.details["eta_s"] == pytest.approx(7200, rel=0.1)


@pytest.mark.unmeasured
def test_one_large_file_is_no_trend() -> None:
    for at in range(1, 59):
        hands = watching()
        rates = [0.0] * 60
        rates[at] = 600 * MIB
        fill(hands, rates, 30.0, total=40 * GIB)
        assert hands.seen == []


def test_growth_that_would_take_longer_than_it_was_seen_is_not_believed() -> None:
    trend = FillTrend()
    for number in range(30):
        trend.add(float(number), number * 1000)
    assert trend.eta_s(150_000) == pytest.approx(150.0)
    assert trend.eta_s(250_000) == NEVER_S
    assert trend.eta_s(0) == 0.0


def test_a_trend_needs_some_points_and_forward_time() -> None:
    trend = FillTrend()
    assert trend.eta_s(5) is None
    for _ in range(50):
        trend.add(1.0, 1)
    assert trend.eta_s(5) is None
    for number in range(50):
        trend.add(2.0 + number, 5)
    assert trend.eta_s(5) == NEVER_S
    assert trend.rough_eta_s(5) is not None
    for number in range(61):
        trend.add(60.0 + number, 5)
    assert trend.rough_eta_s(5) is None


def test_file_systems_that_are_gone_leave_nothing_behind() -> None:
    sources = host_sources(lambda kind, subject: False)
    hands = Hands()
    for number in range(200):
        look = Look(hands.sample(60.0, disks=(disk(f"/mnt/{number}"),)), {})
        for source in sources:
            list(source.observe(look))
    trends = next(source._trends for source in sources if hasattr(source, "_trends"))
    assert len(trends) < 15


# -- drives, network, descriptors


def test_a_slow_drive_counts_when_something_waits_for_it() -> None:
    def after(waiting: float | None) -> list[tuple[str, Severity]]:
        hands = watching()
        pressure = None if waiting is None else Pressure(io_some=waiting)
        for _ in range(310):
            hands.look(drives=(Drive("sda", 1, 1, 9, 9, 99.0, 400.0),), pressure=pressure)
        return [(each.kind, each.severity) for each in reversed(hands.book.open())]

    assert after(50.0) == [("drive_latency", Severity.MEDIUM), ("drive_saturated", Severity.LOW)]
    assert after(None) == after(50.0)
    assert after(1.0) == [("drive_latency", Severity.INFO), ("drive_saturated", Severity.INFO)]


def test_an_idle_drive_has_recovered_and_one_that_answers_nothing_has_not() -> None:
    hands = watching(drive_latency={"for_s": 0, "clear_for_s": 0})
    hands.look(drives=(Drive("sda", busy=99.0, latency_ms=400.0),))
    hands.look(drives=(Drive("sda", busy=99.0, latency_ms=None),))
    assert hands.one.state is AnomalyState.OPEN
    hands.look(drives=(Drive("sda", busy=0.0, latency_ms=None),))
    assert hands.one.state is AnomalyState.CLOSED


def test_io_pressure() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(pressure=Pressure(io_full=55.0, io_some=80.0))
    assert [(each.kind, each.severity) for each in hands.book.open()] == [("io_pressure", Severity.MEDIUM)]


def test_network_errors_are_a_share_of_the_packets() -> None:
    hands = watching()
    for _ in range(62):
        hands.look(
            interfaces=(
                Interface("few", rx_pps=10_000.0, tx_pps=0.0, errors_ps=5.0, drops_ps=5.0),
                Interface("many", rx_pps=80.0, tx_pps=10.0, errors_ps=5.0, drops_ps=5.0),
                Interface("one", rx_pps=0.0, tx_pps=0.0, errors_ps=0.9, drops_ps=0.0),
                Interface("new"),
            )
        )
    (found,) = hands.book.open()
    assert (found.subject, found.value, found.severity) == ("many", 10.0, Severity.MEDIUM)


def test_open_files_are_a_share_of_what_there_may_be() -> None:
    hands = watching()
    for _ in range(12):
        hands.look(open_files=96_000)
    assert [(each.kind, each.severity) for each in hands.book.open()] == [("fd_exhaustion", Severity.CRITICAL)]
    hands = watching()
    hands.look(open_files=5, open_files_max=0)
    assert hands.seen == []
