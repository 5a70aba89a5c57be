"""What is suggested: from evidence alone, concrete, the most urgent first, and nothing for a host that is well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.monitoring.analysis import IoSeen, ProcessIo, Suggestion
from opsconsole.samples import Interface, RunUsage, Sample, Swap
from tests.monitoring.analysis_situations import (
    CPU_BOUND,
    GIB,
    IO_BOUND,
    MIB,
    NO_PSI,
    NOW,
    QUIET,
    THRASHING,
    calm_history,
    cpu,
    disk,
    episode,
    memory,
    now,
    over,
    process,
)  # fmt: skip


def suggested(sample: Sample, **others: Any) -> dict[str | None, Suggestion]:
    """By template; in a test that expects one of each."""
    return {each.template: each for each in now(sample, **others).suggestions}


def only(sample: Sample, **others: Any) -> Suggestion:
    (found,) = now(sample, **others).suggestions
    return found


def words(found: Suggestion) -> str:
    return " | ".join(found.evidence)


BIG = process(9, "java", 1.0, rss=8 * GIB)
BUSY = process(8, "ffmpeg", 300.0)


def test_nothing_for_a_quiet_host_whatever_runs_there() -> None:
    assert now(QUIET, processes=[BIG, BUSY]).suggestions == ()


def test_nothing_for_a_cpu_that_is_busy_but_not_waited_for() -> None:
    assert now(cpu(QUIET, 99.0, 2.0), processes=[BUSY]).suggestions == ()


def test_nothing_without_somebody_to_name() -> None:
    assert now(CPU_BOUND).suggestions == ()


def test_high_cpu_names_the_process_how_much_and_who_waits() -> None:
    found = only(CPU_BOUND, processes=[BUSY])
    assert (found.category, found.template, found.risk) == ("CPU", "high_cpu", "medium")
    assert found.title == "Lower the priority of ffmpeg[8], or stop it"
    assert found.evidence == (
        "ffmpeg[8] uses 300 % of a core (75 % of the CPU)", "cpu.some 42 % of the time, now", "12 tasks for 4 cores",
    )  # fmt: skip
    assert found.expected_effect == (
        "up to 3.0 cores for the others; with a lower priority (renice -n 10 -p 8) they come first"
    )
    assert found.look == ("ps -o pid,ppid,user,ni,pcpu,rss,etime,args -p 8",)


def test_a_process_that_gives_way_already_is_not_asked_to() -> None:
    found = only(CPU_BOUND, processes=[process(8, "nightly", 300.0, nice=19)])
    assert found.title == "Stop or move nightly[8]" and "(nice 19)" in words(found)


def test_a_kernel_thread_is_nobody_to_stop() -> None:
    assert now(CPU_BOUND, processes=[process(50, "kworker/0:1", 300.0, rss=0, ppid=2)]).suggestions == ()


def test_a_run_of_our_own_is_named() -> None:
    usage = RunUsage("01RUN", NOW, 300.0, MIB, MIB, 3, 3)
    assert only(CPU_BOUND, runs=[usage]).title == "Lower the priority of run 01RUN, or stop it"


def test_steal_is_not_to_be_cured_on_this_host() -> None:
    found = suggested(cpu(QUIET, 97.0, 40.0, steal=35.0), processes=[BUSY])
    assert set(found) == {"cpu_steal"}, "lowering a priority gives no stolen time back"
    assert "35 % of its CPU" in words(found["cpu_steal"])


def test_a_containers_limit_is_to_be_raised() -> None:
    held = replace(QUIET, cpu=replace(QUIET.cpu, percent=99.0, cores=2.0, source="cgroup", throttled_percent=60.0))
    found = only(held, processes=[BUSY])
    assert found.template is None and "now 2 cores" in found.title and "60 % of the time" in words(found)


def test_high_memory_names_who_holds_how_much() -> None:
    found = only(memory(QUIET, 92.0), processes=[BIG, process(10, "sh")])
    assert (found.category, found.template) == ("memory", "high_memory")
    assert found.title == "Restart java[9], stop it, or give it a limit"
    assert found.evidence[0] == "java[9] holds 8 GiB (50 % of the memory)"
    assert "memory 92 % used, 1.28 GiB of 16 GiB available" in found.evidence


@pytest.mark.parametrize(("used", "some", "count"), [(89.0, 0.0, 0), (90.0, 0.0, 1), (60.0, 30.0, 1)])
def test_memory_by_use_or_by_waiting(used: float, some: float, count: int) -> None:
    assert len(now(memory(QUIET, used, memory_some=some, memory_full=some / 2), processes=[BIG]).suggestions) == count


def test_thrashing_asks_for_less_memory_not_for_a_faster_drive() -> None:
    found = now(THRASHING, processes=[BIG, process(11, "x", state="D")]).suggestions
    assert [each.template for each in found] == ["high_memory", "swap_thrash"]
    assert "swapping in 40 MiB/s, out 35 MiB/s" in words(found[1])


def test_swapping_out_alone_is_tidying_up() -> None:
    assert now(replace(QUIET, swap=Swap(50.0, GIB, GIB // 2, 0.0, 50.0 * MIB))).suggestions == ()


def test_a_leak_is_told_by_its_episode() -> None:
    leak = episode("process_memory_leak", Severity.MEDIUM, "java[9]", message="java[9] grows by 12 %/h of the memory")
    found = only(QUIET, anomalies=[leak])
    assert found.template == "memory_leak" and found.title.startswith("Plan a restart of java[9]")
    assert found.evidence == ("open: java[9] grows by 12 %/h of the memory", "so for 10 min")


def test_whom_the_kernel_killed() -> None:
    found = only(replace(QUIET, oom_kills=2))
    assert found.template == "oom_killed" and "killed 2 just now" in words(found)
    later = only(QUIET, anomalies=[episode("oom_killed", Severity.CRITICAL)])
    assert later.template == "oom_killed" and "just now" not in words(later) and later.rank == 90.0


def test_a_full_disk_is_named_with_what_is_left() -> None:
    found = only(replace(QUIET, disks=(disk(), disk("/var log", 97.0))))
    assert (found.category, found.template, found.risk) == ("disk", "disk_full", "high")
    assert found.title == "Make room on /var log"
    assert found.evidence == ("/var log is 97 % full, 3 GiB of 100 GiB free",)
    assert found.look[0] == "du -xh -d 2 '/var log' | sort -h | tail -20"


def test_inodes_are_not_space() -> None:
    small = disk("/mail", 30.0, inodes_percent=96.0, inodes_total=1_000_000, inodes_used=960_000)
    found = only(replace(QUIET, disks=(small,)))
    assert found.template == "inode_full" and found.evidence == (
        "96 % of the inodes of /mail are used, 960,000 of 1,000,000",
    )


def test_a_read_only_file_system_needs_no_room() -> None:
    assert now(replace(QUIET, disks=(disk("/snap", 100.0, read_only=True),))).suggestions == ()


def test_an_episode_below_our_own_limit_counts_since_its_threshold_was_set_by_somebody() -> None:
    found = only(replace(QUIET, disks=(disk("/var", 80.0),)), anomalies=[episode("disk_full", subject="/var")])
    assert found.rank == 70.0 and "open: disk_full /var" in found.evidence


def test_the_fuller_disk_comes_first() -> None:
    disks = (disk("/a", 86.0), disk("/b", 100.0), disk("/c", 96.0))
    found = now(replace(QUIET, disks=disks)).suggestions
    assert [each.title[-2:] for each in found] == ["/b", "/c", "/a"]
    assert found[0].expected_effect == "writes succeed again" != found[1].expected_effect


def test_a_filling_disk_says_when() -> None:
    filling = episode("disk_fill_rate", Severity.CRITICAL, "/var", details={"eta_s": 5400.0})
    found = only(QUIET, anomalies=[filling])
    assert found.title == "Find what writes to /var: it will be full in about 1 h 30 min at this rate"
    unsaid = only(QUIET, anomalies=[replace(filling, details=None)])
    assert "soon" in unsaid.title


def test_a_failing_drive() -> None:
    found = only(QUIET, anomalies=[episode("disk_health", Severity.MEDIUM, "sda", message="2 sectors are gone")])
    assert (found.template, found.rank) == ("disk_health", 70.0)
    assert found.look == ("smartctl -x /dev/sda",) and "2 sectors" in words(found)


def test_deleted_files_are_suspected_only_on_evidence() -> None:
    full = replace(QUIET, disks=(disk("/var", 97.0),))
    assert set(suggested(full)) == {"disk_full"}
    assert "deleted_open_files" in suggested(full, anomalies=[episode("deleted_open_files", subject="/var")])


def test_io_names_who_moves_how_much_where_that_is_known() -> None:
    seen = IoSeen((ProcessIo(8, 0.0, 50.0 * MIB), ProcessIo(9, 0.0, 90.0 * MIB)))
    found = now(IO_BOUND, processes=[process(8, "dd"), process(9, "rsync")], io=seen).suggestions
    assert [each.title for each in found] == [
        "Lower the I/O priority of rsync[9], or let it run later",
        "Lower the I/O priority of dd[8], or let it run later",
    ]  # fmt: skip
    assert found[0].template == "io_saturation"
    assert found[0].evidence[:3] == (
        "rsync[9] moves 90 MiB/s", "io.full 38 % of the time, now", "sda 97 % busy",
    )  # fmt: skip


def test_io_without_knowing_who_says_so() -> None:
    unknown = only(IO_BOUND)
    assert "who it is cannot be seen from here" in unknown.evidence and "sda" in unknown.title
    waiting = only(IO_BOUND, processes=[process(8, "cp", state="D")])
    assert "waiting just now: cp[8]" in waiting.evidence


def test_without_psi_the_estimate_is_not_given_as_a_share_of_the_time() -> None:
    found = only(replace(cpu(NO_PSI, 99.0, None), runnable=12), processes=[BUSY])
    assert "% of the time" not in words(found) and "12 tasks for 4 cores" in words(found)


@pytest.mark.parametrize(("errors", "drops", "title"), [
    (5.0, 0.0, "Check cable, port and driver of eth0"), (0.0, 5.0, "See why eth0 loses packets"),
])  # fmt: skip
def test_the_network(errors: float, drops: float, title: str) -> None:
    found = only(replace(QUIET, interfaces=(Interface("eth0", 1e5, 1e5, 50.0, 50.0, errors, drops),)))
    assert (found.title, found.template) == (title, "network_errors")
    assert words(found).startswith("5 packets/s ")


@pytest.mark.parametrize(("count", "suggestions"), [(9, 0), (10, 1)])
def test_zombies_name_the_parent_that_does_not_collect_them(count: int, suggestions: int) -> None:
    many = [process(8, "server"), *(process(100 + each, "child", state="Z", ppid=8) for each in range(count))]
    found = now(replace(QUIET, zombies=count), processes=many).suggestions
    assert len(found) == suggestions
    if found:
        assert found[0].title == "Restart server[8]: it does not collect its children"
        assert f"server[8] has not collected {count} of its children" in found[0].evidence


def test_zombies_of_nobody_we_saw_are_still_told() -> None:
    assert only(replace(QUIET, zombies=30)).title == "Find the parent of the zombies"


@pytest.mark.parametrize(("files", "rank"), [(79_000, None), (80_000, 50.0), (90_000, 80.0), (100_000, 95.0)])
def test_open_files(files: int, rank: float | None) -> None:
    found = suggested(replace(QUIET, open_files=files)).get("fd_exhaustion")
    assert (found.rank if found else None) == rank
    if found:
        assert found.evidence[0] == f"{files:,} of 100,000 open files ({files // 1000} %)"


def test_many_new_processes_name_who_has_the_most_children() -> None:
    many = [process(1, "init"), process(8, "loop"), *(process(100 + each, "sh", ppid=8) for each in range(5))]
    found = only(replace(QUIET, forks_per_s=800.0, short_lived_percent=120.0), processes=many)
    assert found.template == "runaway_fork"
    assert found.evidence == (
        "800 new processes/s, now", "120 % of a core in processes that no sample saw alive",
        "loop[8] has the most children alive, 5",
    )  # fmt: skip


def test_the_bottleneck_comes_before_what_is_only_large() -> None:
    sample = replace(memory(CPU_BOUND, 91.0), disks=(disk("/", 86.0),))
    found = now(sample, processes=[BIG, BUSY]).suggestions
    assert [each.template for each in found] == ["high_cpu", "high_memory", "disk_full"]
    assert [each.rank for each in found] == sorted((each.rank for each in found), reverse=True)
    assert all(0 < each.rank <= 100 for each in found)


def test_a_file_system_without_room_comes_before_a_bottleneck() -> None:
    found = now(replace(CPU_BOUND, disks=(disk("/", 100.0),)), processes=[BUSY]).suggestions
    assert [each.template for each in found] == ["disk_full", "high_cpu"]


def test_what_was_waited_for_lately_is_suggested_a_little_lower() -> None:
    past = calm_history(pressure_memory_full=20.0, pressure_memory=30.0, memory=95.0)
    (found,) = over(QUIET, past, processes=(BIG,)).suggestions
    assert found.template == "high_memory" and "memory.full 20 % of the time, over the last 15 min" in found.evidence
    assert found.rank < now(memory(QUIET, 95.0, memory_full=20.0), processes=[BIG]).suggestions[0].rank


def test_what_is_so_now_and_was_before_is_suggested_once() -> None:
    past = calm_history(pressure_cpu=40.0, cpu=97.0)
    assert len(over(CPU_BOUND, past, processes=(BUSY,)).suggestions) == 1


def test_a_closed_episode_suggests_nothing() -> None:
    assert now(QUIET, anomalies=[episode("disk_health", subject="sda", state=AnomalyState.CLOSED)]).suggestions == ()


def test_commands_quote_what_they_name_and_are_left_out_where_it_cannot_be_shown() -> None:
    found = only(replace(QUIET, disks=(disk("/$(reboot);x", 97.0),)))
    assert found.look[0] == "du -xh -d 2 '/$(reboot);x' | sort -h | tail -20"
    assert only(replace(QUIET, disks=(disk("/a\x1b[2Jb", 97.0),))).look == ()


def test_every_suggestion_has_evidence_an_effect_and_a_risk() -> None:
    worst = replace(
        THRASHING, zombies=50, open_files=99_900, forks_per_s=900.0, oom_kills=1, disks=(disk("/", 100.0),),
        interfaces=(Interface("eth0", 1, 1, 10.0, 10.0, 5.0, 5.0),),
    )  # fmt: skip
    found = now(worst, processes=[BIG, BUSY]).suggestions
    assert {each.category for each in found} == {"memory", "disk", "network", "processes"}
    assert all(each.evidence and all(each.evidence) and each.expected_effect for each in found)
    assert {each.risk for each in found} <= {"low", "medium", "high"}


@pytest.mark.parametrize(
    ("used", "rank"), [(84.9, None), (85.0, 45.0), (94.9, 45.0), (95.0, 80.0), (99.4, 80.0), (99.5, 95.0)]
)
def test_the_rank_of_a_disk_by_how_full_it_is(used: float, rank: float | None) -> None:
    found = now(replace(QUIET, disks=(disk("/", used),))).suggestions
    assert [each.rank for each in found] == ([] if rank is None else [rank])


def test_the_rank_of_what_is_waited_for_is_by_waiting_and_more_for_the_bottleneck() -> None:
    both = replace(CPU_BOUND, pressure=replace(CPU_BOUND.pressure, io_full=20.0, io_some=20.0))  # type: ignore[type-var]
    ranks = {each.template: each.rank for each in now(both, processes=[BUSY]).suggestions}
    assert ranks == {"high_cpu": 50.0 + 42.0 / 2 + 15.0, "io_saturation": 50.0 + 20.0 / 2}


@pytest.mark.parametrize(("errors", "drops", "rank"), [(5.0, 0.0, 65.0), (0.0, 5.0, 50.0)])
def test_the_rank_of_a_network(errors: float, drops: float, rank: float) -> None:
    card = Interface("eth0", 1e5, 1e5, 50.0, 50.0, errors, drops)
    assert only(replace(QUIET, interfaces=(card,))).rank == rank
    worse = only(replace(QUIET, interfaces=(card,)), anomalies=[episode("network_errors", subject="eth0")])
    assert worse.rank == 70.0
