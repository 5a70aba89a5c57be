"""Why a run under limits ended: what was counted is a reason, what is likely is suspected, a success stays one."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.execution.supervisor.blame import Ending, judge

MIB = 1 << 20
GROUP = {"memory": "cgroup1", "pids": "cgroup1", "cpu": "cgroup1", "file_size": "rlimit", "open_files": "rlimit"}
WEAK = dict.fromkeys(GROUP, "rlimit")
VALUES = {"memory": 100 * MIB, "pids": 64, "cpu": 0.5, "file_size": MIB, "open_files": 50}


def ended(code: int | None = 1, signal: str | None = None, **more: Any) -> Ending:
    return Ending(code, signal, **{"stopped": False, "ended_by_us": False, "max_rss": 0, "stderr": b"", **more})


@pytest.mark.parametrize(
    ("events", "ending", "reason"),
    [
        ({"oom_kills": 1}, ended(137), "memory_limit"),
        ({"oom_kills": 1}, ended(None, "SIGKILL"), "memory_limit"),
        ({"oom_kills": 1, "pids_refused": 3}, ended(), "memory_limit"),
        ({"memory_refusals": 9}, ended(None, "SIGKILL"), "memory_limit"),
        ({"memory_refusals": 9}, ended(137), "memory_limit_suspected"),
        ({"pids_refused": 3}, ended(254), "pids_limit"),
        ({"pids_refused": 3}, ended(0, ended_by_us=True), "pids_limit"),
        ({}, ended(None, "SIGXFSZ"), "file_size_limit"),
        ({}, ended(153, stderr=b"x: line 1: 7 File size limit exceeded dd"), "file_size_limit"),
        ({}, ended(153), "file_size_limit_suspected"),
        ({}, ended(stderr=b"OSError: [Errno 27] File too large"), "file_size_limit_suspected"),
        ({}, ended(stderr=b"OSError: [Errno 24] Too many open files: 'x'"), "open_files_limit_suspected"),
        ({}, ended(), None),
        ({}, ended(None, "SIGKILL"), None),
        ({}, ended(0), None),
        ({"oom_kills": 1}, ended(0), None),
        ({"pids_refused": 1}, ended(0), None),
        ({"oom_kills": 1}, ended(None, "SIGTERM", stopped=True), None),
    ],
)
def test_with_a_group(events: dict[str, int], ending: Ending, reason: str | None) -> None:
    assert judge(VALUES, GROUP, events, ending)[0] == reason


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (ended(stderr=b"MemoryError"), "memory_limit_suspected"),
        (ended(stderr=b"terminate called after throwing an instance of 'std::bad_alloc'"), "memory_limit_suspected"),
        (ended(None, "SIGSEGV", max_rss=90 * MIB), "memory_limit_suspected"),
        (ended(None, "SIGSEGV", max_rss=20 * MIB), None),
        (ended(stderr=b"fork: retry: Resource temporarily unavailable"), "pids_limit_suspected"),
        (ended(0, ended_by_us=True, stderr=b"fork: retry: Resource temporarily unavailable"), "pids_limit_suspected"),
        (ended(0, ended_by_us=True), None),
        (ended(3), None),
    ],
)
def test_with_rlimits_only(ending: Ending, reason: str | None) -> None:
    assert judge(VALUES, WEAK, {}, ending)[0] == reason


def test_a_limit_that_was_not_set_is_never_blamed() -> None:
    assert judge({"pids": 64}, GROUP, {}, ended(stderr=b"MemoryError")) == (None, [])


def test_every_reason_comes_with_a_sentence() -> None:
    _, notes = judge(VALUES, GROUP, {"oom_kills": 2}, ended(137))
    assert notes == ["memory: the limit of 100 MiB was reached and the kernel killed 2 processes"]
    _, notes = judge(VALUES, GROUP, {"pids_refused": 1}, ended(0, ended_by_us=True))
    assert notes == [
        "pids: the limit of 64 was reached: 1 new process was refused, and what was left running was killed"
    ]
    _, notes = judge(VALUES, GROUP, {"cpu_throttled_s": 3.25}, ended(None, "SIGTERM", stopped=True))
    assert notes == ["cpu: its processes were held back for 3.2 s by the limit of 50 %"]


def test_a_success_keeps_the_note_of_what_was_killed_on_the_way() -> None:
    reason, notes = judge(VALUES, GROUP, {"oom_kills": 1}, ended(0))
    assert (reason, len(notes)) == (None, 1)


def test_what_a_script_said_is_not_quoted_for_it_may_hold_a_secret() -> None:
    _, notes = judge(VALUES, WEAK, {}, ended(stderr=b"password hunter2: Cannot allocate memory\n"))
    assert notes == ['memory: limited to 100 MiB, and stderr says "Cannot allocate memory"']
