"""Whom nobody is told to stop: the first process, the kernel, the way in, what others stand on, opsconsole itself."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import pytest

from opsconsole.anomalies import Severity
from opsconsole.monitoring.analysis import IoSeen, ProcessIo, Suggestion, analyze
from opsconsole.monitoring.analysis.vital import named
from opsconsole.samples import ProcessSample, RunUsage
from tests.monitoring.analysis_situations import (
    CPU_BOUND,
    GIB,
    IO_BOUND,
    MIB,
    NOW,
    QUIET,
    calm_history,
    episode,
    memory,
    now,
    over,
    process,
)  # fmt: skip

SHORT = memory(CPU_BOUND, 95.0, memory_full=20.0)
HARSH = re.compile(r"\b(?:or stop|stop (?:it|them),|Stop or|Restart|Plan a restart|Lower the (?:priority|I/O))\b")


def heavy(pid: int, name: str, **changes: Any) -> ProcessSample:
    return process(pid, name, 300.0, rss=8 * GIB, **changes)


def gentle(found: tuple[Suggestion, ...], count: int = 2) -> None:
    assert len(found) == count
    for each in found:
        assert not HARSH.search(each.title), each.title
        assert (each.risk, each.template) == ("high", None)
        assert each.title.startswith("Find out ")


@pytest.mark.parametrize(
    "name",
    [
        "systemd", "sshd", "sshd-session", "systemd-logind", "NetworkManager", "systemd-journald", "systemd-journal",
        "dbus-daemon", "dbus-broker", "systemd-udevd", "rsyslogd", "dockerd", "containerd", "containerd-shim",
        "containerd-shim-runc-v2", "kubelet", "qemu-system-x86_64", "qemu-system-x86", "postgres", "mysqld",
        "mariadbd", "mongod", "redis-server", "clickhouse-serv", "etcd", "multipathd",
    ],
)  # fmt: skip
def test_nobody_is_told_to_stop_what_others_need(name: str) -> None:
    gentle(now(SHORT, processes=[heavy(800, name)]).suggestions)


def test_the_first_process_is_told_by_its_number() -> None:
    found = now(SHORT, processes=[heavy(1, "my-entrypoint", ppid=0)]).suggestions
    gentle(found)
    assert "my-entrypoint[1] is the first process: this host or container ends with it" in found[0].evidence


def test_databases_are_told_by_what_java_runs() -> None:
    assert named("java", "java -Xmx8g org.elasticsearch.bootstrap.Elasticsearch") is not None
    assert named("java", "java -jar shop.jar") is None
    gentle(now(SHORT, processes=[heavy(800, "java", cmdline="java kafka.Kafka server.properties")]).suggestions)


def test_many_of_one_name_are_handled_with_the_same_care() -> None:
    backends = [process(800 + each, "postgres", 60.0, rss=GIB) for each in range(6)]
    found = now(SHORT, processes=backends).suggestions
    gentle(found)
    assert {each.title.split(":")[0] for each in found} == {
        "Find out what keeps postgres ×6 busy", "Find out why postgres ×6 holds so much memory",
    }  # fmt: skip
    assert all("never kill it" in each.title for each in found)


def test_a_name_that_only_begins_like_one_is_another() -> None:
    for name in ("sshd-scan", "postgresql-dump", "mysqldump", "initiator", "sudoku"):
        assert named(name) is None


def test_what_opsconsole_runs_under_is_not_stopped_and_its_neighbours_may_be() -> None:
    line = [heavy(700, "terminal", ppid=1), process(710, "bash", ppid=700), process(720, "python", ppid=710)]
    found = now(SHORT, processes=[*line, process(711, "burn", 200.0, ppid=700)], own=720).suggestions
    gentle(found[1:2], 1)
    assert "terminal[700] is what opsconsole runs under, and would end with" in found[1].evidence
    assert found[0].title == "Lower the priority of burn[711], or stop it"


def test_opsconsoles_own_cost_is_said_as_such() -> None:
    for found in (
        now(SHORT, processes=[heavy(720, "python")], own=720).suggestions,
        now(SHORT, processes=[heavy(9, "python", cmdline="/usr/bin/python3 -m opsconsole monitor")]).suggestions,
    ):
        assert [each.title.split(",")[0] for each in found] == ["Lower the cost of opsconsole itself"] * 2
        assert all(each.risk == "low" and "monitor.interval_s" in each.title for each in found)


def test_this_process_is_opsconsole_unless_told_otherwise() -> None:
    (found,) = analyze(CPU_BOUND, [process(os.getpid(), "python", 300.0)], None, ()).suggestions
    assert found.title.startswith("Lower the cost of opsconsole itself")


def test_what_opsconsole_started_is_stopped_by_its_run() -> None:
    run = RunUsage("01RUN", NOW, 300.0, GIB, GIB, 3, 3)
    first, second = now(
        CPU_BOUND, processes=[process(720, "python"), process(730, "make", 300.0, ppid=720)], own=720, runs=[run]
    ).suggestions
    assert first.title == "Lower the priority of run 01RUN, or stop it"
    assert "cancel its run here" in second.title


def test_a_ring_of_parents_ends() -> None:
    ring = [process(720, "a", 300.0, ppid=721), process(721, "b", 10.0, ppid=720)]
    assert len(now(CPU_BOUND, processes=ring, own=721).suggestions) == 1


def test_a_store_of_data_that_reads_and_writes_is_not_put_back() -> None:
    seen = IoSeen((ProcessIo(8, 0.0, 90.0 * MIB), ProcessIo(9, 0.0, 80.0 * MIB)))
    first, second = now(IO_BOUND, processes=[process(8, "mysqld"), process(9, "rsync")], io=seen).suggestions
    gentle((first,), 1)
    assert second.title.startswith("Lower the I/O priority of rsync[9]")


def test_the_kernel_writes_for_others() -> None:
    seen = IoSeen((ProcessIo(50, 0.0, 90.0 * MIB),))
    (found,) = now(IO_BOUND, processes=[process(50, "kworker/u8:1", rss=0, ppid=2)], io=seen).suggestions
    assert found.title.startswith("Find who keeps sda busy")
    assert "kworker/u8:1[50], the kernel itself, moves 90 MiB/s for others" in found.evidence


def test_the_kernel_takes_nobodys_place() -> None:
    many = [process(50 + each, f"ksoftirqd/{each}", 100.0, rss=0, ppid=2) for each in range(2)]
    (found,) = now(CPU_BOUND, processes=[*many, process(9, "burn", 90.0)]).suggestions
    assert found.title == "Lower the priority of burn[9], or stop it"


def test_a_kernel_thread_is_nobody_to_stop_for_what_was_before() -> None:
    past = calm_history(pressure_cpu=40.0, cpu=97.0)
    kernel = process(50, "kworker/0:1", 300.0, rss=0, ppid=2)
    assert over(QUIET, past, processes=(kernel,)).suggestions == ()
    (found,) = over(QUIET, past, processes=(process(8, "nightly", 300.0, nice=19),)).suggestions
    assert found.title == "Stop or move nightly[8]"


@pytest.mark.parametrize("subject", ["dockerd[9]", "anything[1]"])
def test_a_leak_in_one_of_them(subject: str) -> None:
    leak = episode("process_memory_leak", Severity.MEDIUM, subject, message=f"{subject} grows")
    gentle(now(QUIET, anomalies=[leak]).suggestions, 1)


def test_zombies_of_one_of_them() -> None:
    many = [process(8, "dockerd"), *(process(100 + each, "child", state="Z", ppid=8) for each in range(20))]
    found = now(replace(QUIET, zombies=20), processes=many).suggestions
    gentle(found, 1)
    assert "dockerd[8] has not collected 20 of its children" in found[0].evidence


def test_of_two_the_one_that_uses_more_comes_first_whatever_its_name() -> None:
    found = now(CPU_BOUND, processes=[process(8, "zz", 250.0), process(9, "aa", 120.0)]).suggestions
    assert [each.title.split(",")[0] for each in found] == [
        "Lower the priority of zz[8]",
        "Lower the priority of aa[9]",
    ]
