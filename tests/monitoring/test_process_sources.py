"""Processes that are busy, large, growing, or dead and not collected."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from opsconsole.anomalies import Change, Severity
from opsconsole.monitoring.detection.memory_growth import History, theil_sen
from opsconsole.monitoring.detection.observation import Observation
from opsconsole.monitoring.detection.process_leaks import MOST as MOST_LEAKS
from opsconsole.monitoring.detection.process_sources import MOST, ProcessSource
from opsconsole.samples import ProcessSample
from tests.monitoring.watched import GIB, START_US, Host, process

MIB = 1 << 20


@pytest.fixture
def host() -> Host:
    return Host(lambda thresholds, book: ProcessSource(thresholds, book.frozen))


def burner(pid: int = 42, **given: object) -> ProcessSample:
    return process(pid, "python3", state="R", **{"cpu_percent": 99.0, **given})


def ticks_until_open(host: Host, kind: str, processes: list[ProcessSample], most: int, seconds: float = 1.0) -> float:
    """Seconds until an episode of the kind is open."""
    began = host.clock.at_s
    for _ in range(most):
        host.tick(processes, seconds)
        if host.open(kind):
            return host.clock.at_s - began
    raise AssertionError(f"no {kind} after {most} looks")


def changes_to_closed(host: Host, processes: list[ProcessSample], seconds: int = 140) -> int:
    return sum(t.change is Change.CLOSED for _ in range(seconds) for t in host.tick(processes))


class TestBusy:
    def test_a_burner_on_two_cores_is_named_soon_after_a_minute(self, host: Host) -> None:
        host.cpu = 51.0
        host.tick([process()])
        assert 59 <= ticks_until_open(host, "process_cpu_high", [process(), burner()], 90) <= 90
        (found,) = host.open()
        assert found.subject == "python3[42]"
        assert found.details is not None
        assert found.details["pid"] == 42
        assert found.details["start_ticks"] == 42 * 7

    def test_a_burner_is_found_by_an_idle_monitor_too(self, host: Host) -> None:
        host.cpu = 51.0
        host.tick([process()], 30)
        assert ticks_until_open(host, "process_cpu_high", [process(), burner()], 4, 30) <= 120

    def test_it_is_over_at_once_when_the_process_is_gone(self, host: Host) -> None:
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner()], 90)
        (closed,) = host.tick([process()])
        assert (closed.change, closed.what) == (Change.CLOSED, "subject gone")

    def test_another_process_under_the_same_number_is_another_one(self, host: Host) -> None:
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner()], 90)
        (closed,) = host.tick([burner(start_ticks=99_999)])
        assert closed.change is Change.CLOSED
        assert not host.open()
        ticks_until_open(host, "process_cpu_high", [burner(start_ticks=99_999)], 90)

    def test_it_is_over_when_the_process_is_calm_for_long_enough(self, host: Host) -> None:
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner()], 90)
        host.cpu = 5.0
        changes = [t.change for _ in range(140) for t in host.tick([burner(cpu_percent=1.0)])]
        assert changes == [Change.CLOSED]

    def test_short_dips_do_not_hide_it(self, host: Host) -> None:
        for second in range(100):
            host.cpu = 40.0 if second % 9 == 3 else 97.0
            host.tick([burner(cpu_percent=70.0 if second % 20 == 7 else 96.0)])
        assert host.open("process_cpu_high")

    def test_one_core_of_many_that_nobody_waits_for_is_said_only_after_long(self, host: Host) -> None:
        host.cpu, host.cores = 4.0, 32.0
        waited = ticks_until_open(host, "process_cpu_high", [burner()], 600)
        assert 300 <= waited <= 400

    def test_one_core_of_many_matters_at_once_while_tasks_wait(self, host: Host) -> None:
        host.cpu, host.cores = 75.0, 32.0
        assert ticks_until_open(host, "process_cpu_high", [burner()], 90) <= 90

    def test_a_threshold_for_one_name_counts_for_it_alone(self) -> None:
        host = Host(
            lambda thresholds, book: ProcessSource(thresholds, book.frozen),
            {"process_cpu_high": {"on": {"nginx": {"low": 20}}}},
        )
        host.cpu = 75.0
        slow = [process(1, "nginx", cpu_percent=30.0), process(2, "other", cpu_percent=30.0)]
        ticks_until_open(host, "process_cpu_high", slow, 90)
        assert [one.subject for one in host.open()] == ["nginx[1]"]

    def test_a_gap_is_no_recovery(self, host: Host) -> None:
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner()], 90)
        assert not host.tick([burner(cpu_percent=0.0)], 600, interval_s=None, gap="suspend")
        assert host.open("process_cpu_high")

    def test_an_episode_from_before_a_restart_goes_on_and_ends(self, host: Host) -> None:
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner()], 90)
        again = Host(lambda thresholds, book: ProcessSource(thresholds, book.frozen), clock=host.clock)
        again.book.restore(host.open(), host.clock.now_us, host.clock.at_s)
        changes = [t.change for _ in range(140) for t in again.tick([burner(cpu_percent=1.0)])]
        assert changes[-1] is Change.CLOSED

    def test_its_name_and_command_line_are_harmless(self, host: Host) -> None:
        host.cpu = 100.0
        evil = process(
            42, "\x1b]0;x\x07" + "n" * 500, cpu_percent=99.0, cmdline="mysql --password=hunter2 \x1b[31m" + "y" * 5000
        )
        ticks_until_open(host, "process_cpu_high", [evil], 90)
        (found,) = host.open()
        assert found.details is not None
        assert len(found.subject) < 50
        assert found.subject.isprintable()
        assert "hunter2" not in found.details["cmdline"]
        assert len(found.details["cmdline"]) <= 200

    def test_what_is_remembered_is_bounded(self, host: Host) -> None:
        host.cpu = 100.0
        for second in range(50):
            look = host.look([burner(second * 1000 + n) for n in range(300)])
            assert len([each for each in host.source.observe(look) if not each.gone]) <= MOST + 1

    def test_a_burner_that_has_to_share_the_cores_is_named_too(self, host: Host) -> None:
        host.cpu = 100.0
        four = [burner(n, cpu_percent=48.0 + n) for n in range(4)]
        sleeper = process(9, "sleeper", cpu_percent=50.0)  # gets as much, and never had to wait for it
        assert ticks_until_open(host, "process_cpu_high", [*four, sleeper], 90) <= 90
        found = host.open()
        assert {one.subject for one in found} == {f"python3[{n}]" for n in range(4)}
        assert all("others want the CPU too" in one.message for one in found)
        first = next(one for one in found if one.subject == "python3[0]")
        assert first.message.startswith("python3[0] wants 100 % of a core and gets 48 %, over 90 % of a core for 1 min")
        assert first.details is not None and first.details["gets_percent"] == 48
        host.cpu = 40.0  # the fight is over, and they do little
        assert changes_to_closed(host, [burner(n, cpu_percent=5.0) for n in range(4)]) == 4

    def test_what_it_wants_goes_down_with_how_often_it_could_run(self, host: Host) -> None:
        """Not at once to what little it gets: that is no recovery while it waits for a CPU as often as not."""
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner(n, cpu_percent=48.0) for n in range(4)], 90)
        for second in range(60):
            state = "S" if second % 4 == 0 else "R"
            host.tick([process(n, "python3", cpu_percent=12.0, state=state) for n in range(4)])
            assert len(host.open("process_cpu_high")) == 4
            assert all(one.value > 50 for one in host.open("process_cpu_high"))
        assert not any(one.flips for one in host.open("process_cpu_high"))

    def test_one_that_wants_little_is_soon_no_trouble(self, host: Host) -> None:
        host.cpu = 100.0
        ticks_until_open(host, "process_cpu_high", [burner(n, cpu_percent=48.0) for n in range(4)], 90)
        calm = [process(n, "python3", cpu_percent=8.5, state="S") for n in range(4)]
        for _ in range(40):
            host.tick(calm)
        assert not host.open("process_cpu_high")

    def test_the_busiest_is_found_among_many_that_are_half_busy(self, host: Host) -> None:
        host.cpu, host.cores = 90.0, 128.0
        half = [process(n, "half", cpu_percent=60.0) for n in range(1000, 1040)]
        for _ in range(20):
            host.tick(half)
        ticks_until_open(host, "process_cpu_high", [*half, burner()], 90)
        assert [one.subject for one in host.open()] == ["python3[42]"]


class TestLarge:
    def test_a_large_process_is_named_and_closes_when_it_is_small_again(self, host: Host) -> None:
        ticks_until_open(host, "process_memory_high", [process(rss_bytes=3 * GIB)], 60)
        (found,) = host.open()
        assert (found.subject, found.severity) == ("worker[100]", Severity.LOW)
        assert found.value == pytest.approx(37.5)
        changes = [t.change for _ in range(70) for t in host.tick([process(rss_bytes=GIB // 8)])]
        assert changes == [Change.CLOSED]

    def test_it_closes_at_once_when_the_process_is_gone(self, host: Host) -> None:
        ticks_until_open(host, "process_memory_high", [process(rss_bytes=3 * GIB)], 60)
        (closed,) = host.tick([process(7)])
        assert closed.change is Change.CLOSED

    def test_a_tenth_of_the_memory_is_nothing(self, host: Host) -> None:
        for _ in range(60):
            host.tick([process(rss_bytes=GIB)])
        assert not host.open()


class TestZombies:
    def test_the_parent_is_named(self, host: Host) -> None:
        zombies = [process(1000 + n, "defunct", state="Z", ppid=50 if n < 15 else 60) for n in range(20)]
        ticks_until_open(host, "zombie_processes", [process(50, "bad-parent"), *zombies], 90)
        (found,) = host.open()
        assert (found.subject, found.value) == ("", 20.0)
        assert found.details is not None
        assert found.details["parents"] == [
            {"pid": 50, "name": "bad-parent", "count": 15},
            {"pid": 60, "name": "?", "count": 5},
        ]
        assert "bad-parent[50]" in found.message

    def test_few_are_nothing_and_are_counted_all_the_same(self, host: Host) -> None:
        look = host.look([process(n, state="Z") for n in range(1, 4)])
        assert Observation("zombie_processes", "", 3.0) in list(host.source.observe(look))

    def test_without_a_list_of_processes_the_sample_counts_them(self, host: Host) -> None:
        assert list(host.source.observe(host.look(zombies=12))) == [Observation("zombie_processes", "", 12.0)]


Size = Callable[[float], float]


def leaking(host: Host, size: Size, minutes: float, step: float = 10.0) -> list[float]:
    """Minutes at which an episode began, of a process that has that size (bytes) after so many seconds."""
    began = host.clock.at_s
    opened = []
    while host.clock.at_s - began < minutes * 60:
        rss = int(size(host.clock.at_s - began))
        host.available = max(0, 4 * GIB - rss)
        changes = host.tick([process(rss_bytes=rss)], step)
        leaks = [t for t in changes if t.anomaly.kind == "process_memory_leak" and t.change is Change.OPENED]
        opened += [(host.clock.at_s - began) / 60 for _ in leaks]
    return opened


def noise(seed: int, size: float) -> Callable[[], float]:
    luck = random.Random(seed)
    return lambda: luck.gauss(0, size)


class TestLeak:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("percent_per_hour", [4, 15, 60])
    def test_steady_growth_is_found(self, host: Host, percent_per_hour: float, seed: int) -> None:
        rate, jitter = percent_per_hour / 100 * 8 * GIB / 3600, noise(seed, 2 * MIB)
        opened = leaking(host, lambda s: 200 * MIB + rate * s + jitter(), 50)
        assert len(opened) == 1
        assert opened[0] < 36
        (found,) = host.open("process_memory_leak")
        assert found.details is not None
        assert found.details["slope_bps"] == pytest.approx(rate, rel=0.15)
        assert found.details["eta_s"] == pytest.approx(host.available / rate, rel=0.3)

    def test_a_fast_leak_is_found_while_there_is_time(self, host: Host) -> None:
        rate = 3.5 * GIB / 3600
        (opened,) = leaking(host, lambda s: 200 * MIB + rate * s, 40)
        assert opened < 25  # of 65 minutes
        (found,) = host.open("process_memory_leak")
        assert found.severity >= Severity.MEDIUM

    def test_it_is_over_when_the_growth_ends(self, host: Host) -> None:
        rate = 2 * GIB / 3600
        assert leaking(host, lambda s: 200 * MIB + rate * min(s, 2400), 120)
        assert not host.open("process_memory_leak")

    def test_a_saw_whose_teeth_rise_is_found(self, host: Host) -> None:
        def size(seconds: float) -> float:
            return 500 * MIB + 0.25 * GIB * seconds / 3600 + 200 * MIB * (seconds % 400) / 400

        assert len(leaking(host, size, 90)) == 1

    def test_an_idle_monitor_finds_it_too(self, host: Host) -> None:
        assert len(leaking(host, lambda s: 200 * MIB + GIB * s / 3600, 50, step=30.0)) == 1

    @pytest.mark.parametrize(
        ("size", "minutes"),
        [
            pytest.param(lambda s: 300 * MIB + 2 * GIB * (1 - math.exp(-s / 600)), 150, id="cache that fills"),
            pytest.param(lambda s: 300 * MIB + GIB * min(s, 900) / 900, 150, id="load for 15 minutes, then a plateau"),
            pytest.param(lambda s: 300 * MIB + 600 * MIB * (s % 500) / 500, 150, id="saw"),
            pytest.param(lambda s: 300 * MIB + 600 * MIB * (s % 1380) / 1380, 300, id="slow saw"),
            pytest.param(lambda s: 300 * MIB + 500 * MIB * (s > 1000) + 500 * MIB * (s > 3000), 120, id="two steps"),
            pytest.param(lambda s: 800 * MIB + 300 * MIB * math.cos(s / 3600), 400, id="slow wave"),
        ],
    )
    def test_what_only_looks_like_one_is_not(self, host: Host, size: Size, minutes: float) -> None:
        jitter = noise(1, 3 * MIB)
        assert leaking(host, lambda s: size(s) + jitter(), minutes, step=15.0) == []

    @pytest.mark.parametrize("seed", range(8))
    def test_a_size_that_wanders_is_not(self, host: Host, seed: int) -> None:
        luck, at = random.Random(seed), [600.0 * MIB]

        def size(_: float) -> float:
            at[0] += luck.gauss(0, 8 * MIB) + (600 * MIB - at[0]) * 0.02
            return at[0]

        assert leaking(host, size, 300, step=15.0) == []

    def test_starting_is_growing(self, host: Host) -> None:
        for second in range(0, 290, 5):
            young = process(start_time=START_US / 1e6, rss_bytes=int(second * 10 * MIB))
            host.tick([young], 5.0)
        watched = host.source._leaks  # type: ignore[attr-defined]  # the table, whose size is what counts
        assert not list(watched.pids)

    def test_a_process_among_many_large_ones_gets_its_turn(self, host: Host) -> None:
        host.memory, host.available = 64 * GIB, 8 * GIB
        still = [process(1000 + n, rss_bytes=900 * MIB) for n in range(3 * MOST_LEAKS)]
        opened = False
        for minute in range(150):
            grower = process(5, "grower", rss_bytes=400 * MIB + minute * 40 * MIB)
            opened = opened or any(t.anomaly.subject == "grower[5]" for t in host.tick([grower, *still], 60.0))
            assert len(list(host.source._leaks.pids)) <= MOST_LEAKS  # type: ignore[attr-defined]
        assert opened


def test_a_history_is_of_constant_size() -> None:
    history = History()
    for second in range(0, 86_400, 10):
        history.add(second, 100 * MIB)
    assert len(history._times) <= 131
    assert history.span_s <= 3600


def test_the_slope_is_that_of_most_points() -> None:
    x = [float(n) for n in range(20)]
    y = [3 * n + 1.0 for n in x]
    y[4], y[11], y[15] = 900.0, -500.0, 1e6
    assert theil_sen(x, y) == pytest.approx(3.0)


def test_a_memory_of_unknown_size_takes_nothing_else_from_view() -> None:
    host = Host(lambda thresholds, book: ProcessSource(thresholds, book.frozen))
    host.memory = 0
    zombies = [process(200 + number, "gone", state="Z") for number in range(20)]
    for _ in range(90):
        host.tick([process(5, "burn", cpu_percent=100.0, state="R", rss_bytes=GIB), *zombies])
    assert {one.kind for one in host.open()} >= {"zombie_processes"}


def test_a_busy_process_is_told_where_every_look_is_late(host: Host) -> None:
    host.cpu = 100.0
    for _ in range(20):
        host.tick([burner()], seconds=10.0, gap="late", interval_s=None)
    assert [one.kind for one in host.open()] == ["process_cpu_high"]


def test_one_zombie_is_spoken_of_as_one() -> None:
    settings = {"zombie_processes": {"enter": 0, "for_s": 0}}
    host = Host(lambda thresholds, book: ProcessSource(thresholds, book.frozen), settings)
    host.tick([process(5, "parent"), process(6, "child", state="Z", ppid=5)])
    (found,) = host.open()
    assert found.message == "1 process ended and nobody collects them; parent[5] is the parent of 1 of them"
