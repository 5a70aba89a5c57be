"""What is said to be the bottleneck: what is waited for most, not what is used most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsconsole.monitoring.analysis import State, analyze
from opsconsole.monitoring.analysis.use import host_of, readings
from opsconsole.samples import Drive, Interface, Pressure, Swap
from tests.monitoring.analysis_situations import (
    CALM,
    CPU_BOUND,
    GIB,
    IO_BOUND,
    MIB,
    NO_PSI,
    QUIET,
    THRASHING,
    calm,
    cpu,
    disk,
    episode,
    history,
    memory,
    now,
    over,
    states,
)

# -- waiting, not use


def test_a_quiet_host_has_no_bottleneck_and_every_resource_is_ok() -> None:
    found = now(QUIET)
    assert found.bottleneck is None and found.since is None
    assert set(states(found).values()) == {"ok"}
    assert found.verdict == "Nothing is short: CPU 12 % used, memory 40 % used, and nobody waits (cpu.some 1 %)"


def test_cpu_for_which_tasks_wait_is_the_bottleneck() -> None:
    found = now(CPU_BOUND)
    assert found.bottleneck is not None and found.bottleneck.resource == "cpu"
    assert found.bottleneck.waiting == 42.0 and found.bottleneck.basis == "cpu.some"
    assert found.verdict == (
        "CPU is the bottleneck: tasks waited for a core 42 % of the last 1 s; 98 % used; 12 tasks for 4 cores"
    )
    assert states(found) == dict.fromkeys(states(found), "ok") | {"cpu": "saturated"}


def test_cpu_for_which_nobody_waits_is_busy_and_no_bottleneck() -> None:
    found = now(cpu(QUIET, 95.0, 2.0))
    assert found.bottleneck is None and states(found)["cpu"] == "busy"
    assert found.verdict == "CPU 95 %: busy, but nobody waits (cpu.some 2 %)"
    assert found.suggestions == ()


@pytest.mark.parametrize(("some", "state"), [(9.9, "busy"), (10.0, "saturated")])
def test_from_10_percent_of_waiting_on_the_cpu_is_saturated(some: float, state: str) -> None:
    assert states(now(cpu(QUIET, 90.0, some)))["cpu"] == state


@pytest.mark.parametrize(("used", "state"), [(84.9, "ok"), (85.0, "busy")])
def test_from_85_percent_on_the_cpu_is_busy(used: float, state: str) -> None:
    assert states(now(cpu(QUIET, used, 1.0)))["cpu"] == state


def test_between_nobody_and_a_bottleneck_it_is_not_said_that_nobody_waits() -> None:
    assert now(cpu(QUIET, 95.0, 8.0)).verdict.endswith("there is little waiting (cpu.some 8 %)")


def test_a_drive_that_all_wait_for_is_the_bottleneck_of_an_idle_cpu() -> None:
    found = now(IO_BOUND)
    assert found.bottleneck is not None and found.bottleneck.resource == "io"
    assert found.verdict == (
        "I/O is the bottleneck: all tasks waited for a drive 38 % of the last 1 s; sda 97 % busy; "
        "4 tasks blocked; 55 ms a request"
    )
    assert found.resource("io").now.subject == "sda"  # type: ignore[union-attr]


def test_a_drive_that_is_always_busy_but_not_waited_for_is_busy() -> None:
    found = now(replace(QUIET, drives=(Drive("nvme0n1", busy=100.0, latency_ms=0.2),)))
    assert found.bottleneck is None and states(found)["io"] == "busy"
    assert found.verdict == "nvme0n1 100 %: busy, but nobody waits (cpu.some 1 %)"


def test_where_others_worked_meanwhile_half_of_some_stands_for_full() -> None:
    some_wait = replace(cpu(QUIET, 99.0, 15.0), pressure=replace(CALM, cpu_some=15.0, io_some=80.0, io_full=0.0))
    found = now(some_wait)
    assert found.bottleneck is not None
    assert (found.bottleneck.resource, found.bottleneck.score) == ("io", 40.0)
    assert "some tasks waited for a drive 80 %" in found.verdict


def test_the_most_waited_for_wins_not_the_most_used() -> None:
    both = replace(IO_BOUND, cpu=CPU_BOUND.cpu, pressure=replace(CALM, cpu_some=30.0, io_some=60.0, io_full=38.0))
    assert now(both).bottleneck.resource == "io"  # type: ignore[union-attr]
    other = replace(both, pressure=replace(CALM, cpu_some=50.0, io_some=60.0, io_full=38.0))
    assert now(other).bottleneck.resource == "cpu"  # type: ignore[union-attr]


def test_waiting_for_pages_that_were_pushed_out_is_memorys_not_the_drives() -> None:
    found = now(THRASHING)
    assert found.bottleneck is not None and found.bottleneck.resource == "memory"
    assert found.verdict.startswith("Memory is the bottleneck: all tasks waited for memory 40 %")
    assert "swapping in 40 MiB/s, out 35 MiB/s" in found.verdict
    assert states(found)["memory"] == "saturated" and states(found)["io"] == "busy"
    assert "part of it memory's" in found.resource("io").now.saturation  # type: ignore[union-attr]


def test_what_the_drives_make_wait_beyond_memory_is_theirs() -> None:
    found = now(replace(THRASHING, pressure=replace(CALM, memory_some=12.0, memory_full=10.0, io_some=90, io_full=80)))
    assert found.bottleneck is not None
    assert (found.bottleneck.resource, found.bottleneck.score) == ("io", 70.0)


def test_a_little_memory_pressure_takes_nothing_from_the_drives() -> None:
    found = now(replace(IO_BOUND, pressure=replace(CALM, memory_full=4.0, memory_some=4.0, io_full=38.0, io_some=50.0)))
    assert found.bottleneck.score == 38.0  # type: ignore[union-attr]


@pytest.mark.parametrize(("full", "state"), [(4.9, "ok"), (5.0, "saturated")])
def test_memory_is_waited_for_from_5_percent_on(full: float, state: str) -> None:
    assert states(now(memory(QUIET, 60.0, memory_full=full, memory_some=full)))["memory"] == state


@pytest.mark.parametrize(("used", "state"), [(89.9, "ok"), (90.0, "busy"), (97.9, "busy"), (98.0, "saturated")])
def test_memory_by_use_alone(used: float, state: str) -> None:
    assert states(now(memory(QUIET, used)))["memory"] == state


def test_what_the_hypervisor_takes_is_not_counted_as_this_hosts_queue() -> None:
    found = now(cpu(QUIET, 97.0, 40.0, steal=35.0))
    assert found.bottleneck is not None
    assert (found.bottleneck.resource, found.bottleneck.waiting) == ("steal", 35.0)
    assert found.verdict == "The hypervisor is the bottleneck: it took 35 % of the CPU in the last 1 s"
    assert states(found)["cpu"] == "saturated"
    assert "35 % taken by the hypervisor" in found.resource("cpu").now.saturation  # type: ignore[union-attr]


def test_a_queue_that_steal_does_not_explain_is_the_cpus() -> None:
    found = now(cpu(QUIET, 97.0, 60.0, steal=20.0))
    assert (found.bottleneck.resource, found.bottleneck.score) == ("cpu", 40.0)  # type: ignore[union-attr]


def test_a_containers_cpu_limit_is_named() -> None:
    held = replace(QUIET, cpu=replace(QUIET.cpu, percent=99.0, cores=2.0, source="cgroup", throttled_percent=60.0))
    found = now(held)
    assert found.verdict == (
        "CPU is the bottleneck: a CPU limit held tasks back 60 % of the last 1 s; 99 % used; "
        "held back by its limit of 2 cores"
    )


def test_a_bottleneck_of_little_waiting_is_not_made_much_of() -> None:
    assert now(cpu(QUIET, 60.0, 12.0)).verdict.startswith("CPU is what is waited for most, though little: ")


# -- where the kernel does not tell


def test_without_psi_a_long_run_queue_on_a_busy_cpu_is_the_bottleneck_and_the_estimate_is_said() -> None:
    found = now(replace(cpu(NO_PSI, 99.0, None), runnable=12))
    assert found.bottleneck is not None and found.bottleneck.basis == "run queue"
    assert found.bottleneck.waiting is None, "an estimate is no measured share of the time"
    assert found.verdict == (
        "CPU is the bottleneck: the run queue is longer than there are cores; 99 % used; 12 tasks for 4 cores"
    )
    assert any(note.startswith("no PSI on this host") for note in found.notes)


def test_without_psi_a_queue_on_a_cpu_with_time_to_spare_is_none() -> None:
    assert now(replace(cpu(NO_PSI, 60.0, None), runnable=12)).bottleneck is None


def test_without_psi_a_queue_as_long_as_the_cores_is_none() -> None:
    assert now(replace(cpu(NO_PSI, 99.0, None), runnable=4)).bottleneck is None


def test_a_containers_limit_does_not_make_the_hosts_run_queue_its_own() -> None:
    small = replace(cpu(NO_PSI, 99.0, None), runnable=4)
    assert now(replace(small, cpu=replace(small.cpu, cores=1.0, source="cgroup"))).bottleneck is None


def test_without_psi_iowait_tells_of_the_drives() -> None:
    found = now(replace(NO_PSI, cpu=replace(NO_PSI.cpu, iowait=25.0), drives=IO_BOUND.drives))
    assert found.bottleneck is not None
    assert (found.bottleneck.resource, found.bottleneck.basis, found.bottleneck.score) == ("io", "iowait", 50.0)
    assert "iowait was 25 % in the last 1 s" in found.verdict


def test_without_psi_and_iowait_blocked_tasks_and_a_busy_drive_tell() -> None:
    neither = replace(NO_PSI, cpu=replace(NO_PSI.cpu, iowait=None), drives=IO_BOUND.drives, blocked=2)
    assert now(neither).bottleneck.basis == "blocked tasks"  # type: ignore[union-attr]
    assert now(replace(neither, blocked=0)).bottleneck is None


@pytest.mark.parametrize(("out", "expected"), [(35.0 * MIB, "memory"), (0.0, None)])
def test_without_psi_swapping_both_ways_tells_of_memory(out: float, expected: str | None) -> None:
    swapping = replace(NO_PSI, swap=Swap(80.0, 2 * GIB, GIB, 40.0 * MIB, out))
    found = now(swapping).bottleneck
    assert (found.resource if found else None) == expected


def test_no_psi_is_not_said_to_be_nobody_waiting() -> None:
    assert "nobody waits" not in now(NO_PSI).verdict


def test_the_first_look_knows_no_rates_and_says_so() -> None:
    first = replace(
        QUIET, interval_s=None, cpu=replace(QUIET.cpu, percent=None, user=None, iowait=None, steal=None),
        pressure=Pressure(), runnable=None, drives=(Drive("sda"),), interfaces=(Interface("eth0"),),
        swap=Swap(0.0, GIB, 0), load=(0.0, 0.0, 0.0),
    )  # fmt: skip
    found = now(first)
    assert any(note.startswith("only one look") for note in found.notes)
    assert states(found)["network"] == "unknown" and states(found)["io"] != "busy"
    assert "nobody waits" not in found.verdict


def test_with_nothing_at_all_nothing_is_said() -> None:
    found = analyze(None, (), None, ())
    assert found.verdict == "Nothing can be said: there is neither a sample nor history"
    assert set(states(found).values()) == {"unknown"} and found.suggestions == ()


def test_readings_of_nothing_are_unknown() -> None:
    assert {reading.state for reading in readings({}, host_of(None, momentary=True)).values()} == {State.UNKNOWN}


# -- what fails without being waited for


@pytest.mark.parametrize(("used", "state"), [(84.9, "ok"), (85.0, "busy"), (95.0, "saturated"), (99.5, "failing")])
def test_disk_space(used: float, state: str) -> None:
    assert states(now(replace(QUIET, disks=(disk(), disk("/var", used)))))["disk"] == state


def test_a_full_file_system_is_the_verdict_where_nothing_is_waited_for() -> None:
    found = now(replace(QUIET, disks=(disk(), disk("/var", 100.0))))
    assert found.verdict == "No space left on /var; nothing is waited for"


def test_a_full_file_system_is_said_besides_the_bottleneck() -> None:
    assert now(replace(CPU_BOUND, disks=(disk("/var", 100.0),))).verdict.endswith("; and no space left on /var")


def test_a_read_only_file_system_is_full_by_nature() -> None:
    assert states(now(replace(QUIET, disks=(disk(), disk("/snap", 100.0, read_only=True)))))["disk"] == "ok"


def test_inodes_run_out_where_space_does_not() -> None:
    found = now(replace(QUIET, disks=(disk("/mail", 30.0, inodes_percent=100.0),)))
    assert found.verdict == "No inodes left on /mail; nothing is waited for"


def test_open_files() -> None:
    assert states(now(replace(QUIET, open_files=96_000)))["processes"] == "saturated"
    assert now(replace(QUIET, open_files=96_000)).verdict == "96000 of 100000 open files; nothing is waited for"
    assert states(now(replace(QUIET, open_files=79_000)))["processes"] == "ok"
    assert states(now(replace(QUIET, open_files=100_000)))["processes"] == "failing"


def test_who_was_killed_for_lack_of_memory_is_an_error_of_memory() -> None:
    found = now(replace(QUIET, oom_kills=2))
    assert states(found)["memory"] == "failing"
    assert found.verdict == "The kernel killed 2 for lack of memory; nothing is waited for"


@pytest.mark.parametrize(
    ("errors", "drops", "packets", "state"),
    [(0.5, 0.5, 10, "ok"), (5.0, 0.0, 100, "failing"), (0.0, 5.0, 100, "saturated"), (5.0, 5.0, 100_000, "ok")],
)
def test_the_network_fails_by_packets_and_by_their_share(
    errors: float, drops: float, packets: float, state: str
) -> None:
    card = Interface("eth0", 1e6, 1e6, packets / 2, packets / 2, errors, drops)
    assert states(now(replace(QUIET, interfaces=(card,))))["network"] == state


def test_loopback_loses_nothing_that_matters() -> None:
    assert states(now(replace(QUIET, interfaces=(Interface("lo", 1, 1, 1, 1, 50.0, 50.0),))))["network"] == "unknown"


def test_a_failing_drive_is_an_error_of_io() -> None:
    found = now(QUIET, anomalies=[episode("disk_health", subject="sda")])
    assert states(found)["io"] == "failing" and "sda shows signs of failing" in found.verdict.lower()


def test_that_some_wait_for_a_drive_is_not_nobody() -> None:
    found = now(replace(QUIET, pressure=replace(CALM, io_some=12.0, io_full=2.0)))
    assert found.verdict.endswith("there is little waiting (io.full 2 %)")


def test_the_score_of_an_estimated_queue_is_the_share_of_tasks_without_a_core() -> None:
    assert now(replace(cpu(NO_PSI, 99.0, None), runnable=16)).bottleneck.score == 75.0  # type: ignore[union-attr]


def test_without_psi_the_past_is_judged_by_load_without_the_blocked() -> None:
    without = {name: value for name, value in calm().items() if not name.startswith("pressure")}
    queued = {**without, "cpu": 99.0, "load1": 12.0, "blocked": 4.0}
    assert over(NO_PSI, history(15, **queued)).past_bottleneck.score == 50.0  # type: ignore[union-attr]
    assert over(NO_PSI, history(15, **{**queued, "load1": 8.0})).past_bottleneck is None


@pytest.mark.parametrize(("steal", "expected"), [(4.9, None), (5.0, "steal")])
def test_steal_counts_from_5_percent_on(steal: float, expected: str | None) -> None:
    found = now(cpu(QUIET, 60.0, 1.0, steal=steal))
    assert (found.bottleneck.resource if found.bottleneck else None) == expected
    assert bool(found.resource("cpu").now.saturation) == bool(expected)  # type: ignore[union-attr]


def test_lost_packets_are_in_the_verdict_also_where_they_are_only_dropped() -> None:
    found = now(replace(QUIET, interfaces=(Interface("eth0", 1, 1, 50.0, 50.0, 0.0, 9.0),)))
    assert found.verdict == "eth0 drops 9 packets/s; nothing is waited for"


def test_a_disk_that_is_merely_large_is_busy_and_named() -> None:
    assert now(replace(QUIET, disks=(disk("/var", 90.0),))).verdict.startswith("/var 90 %: busy, but nobody waits")


@pytest.mark.parametrize(("some", "words"), [(4.9, "nobody waits"), (5.0, "little waiting")])
def test_nobody_waits_below_5_percent(some: float, words: str) -> None:
    assert words in now(cpu(QUIET, 90.0, some)).verdict


def test_one_blocked_task_is_said_and_none_is_not() -> None:
    def said(blocked: int) -> tuple[str, ...]:
        return now(replace(QUIET, blocked=blocked)).resource("io").now.saturation  # type: ignore[union-attr]

    assert (said(0), said(1), said(2)) == ((), ("1 task blocked",), ("2 tasks blocked",))


@pytest.mark.parametrize(("files", "said"), [(79_999, ()), (80_000, ("80000 of 100000 open files",))])
def test_open_files_are_said_from_80_percent_on(files: int, said: tuple[str, ...]) -> None:
    assert now(replace(QUIET, open_files=files)).resource("processes").now.saturation == said  # type: ignore[union-attr]
