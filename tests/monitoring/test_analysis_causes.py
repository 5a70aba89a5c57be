"""Who is named as the cause, and what becomes of hostile names."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opsconsole.monitoring.analysis import IoSeen, ProcessIo
from opsconsole.monitoring.analysis.causes import kernel_thread
from opsconsole.samples import Drive, Interface, RunUsage
from tests.monitoring.analysis_situations import (
    CPU_BOUND,
    GIB,
    IO_BOUND,
    MIB,
    NOW,
    QUIET,
    THRASHING,
    calm_history,
    disk,
    episode,
    now,
    over,
    process,
)

# -- who


def test_the_busiest_processes_are_named_with_their_share_of_the_cores() -> None:
    found = now(CPU_BOUND, processes=[
        process(7, "idle", 0.0), process(8, "ffmpeg", 300.0), process(9, "gzip", 60.0), process(10, "sh", 9.0),
    ])  # fmt: skip
    named = [(cause.label, cause.value, cause.share) for cause in found.causes if cause.resource == "cpu"]
    assert named == [("ffmpeg[8]", 300.0, 0.75), ("gzip[9]", 60.0, 0.15)]


def test_many_of_one_name_are_named_together_unless_one_stands_out() -> None:
    many = [process(pid, "cc1", 30.0) for pid in range(10, 18)]
    found = now(CPU_BOUND, processes=many).causes[0]
    assert (found.what, found.label, found.value, found.pids) == ("group", "cc1 ×8", 240.0, tuple(range(10, 18)))
    one = [process(9, "cc1", 300.0), *many]
    assert now(CPU_BOUND, processes=one).causes[0].label == "cc1[9]"


def test_the_console_is_told_from_what_else_its_interpreter_runs() -> None:
    others = [process(pid, "python", 30.0, cmdline="python -m pytest") for pid in range(10, 18)]
    found = now(CPU_BOUND, processes=[process(9, "python", 20.0, cmdline="python -m opsconsole"), *others]).causes
    assert [(each.label, each.pids) for each in found] == [
        ("python ×8", tuple(range(10, 18))), ("python[9]", (9,)),
    ]  # fmt: skip


def test_the_causes_of_the_bottleneck_come_first() -> None:
    many = [process(8, "ffmpeg", 300.0), process(9, "java", 1.0, rss=8 * GIB)]
    assert [cause.resource for cause in now(THRASHING, processes=many).causes] == ["memory", "cpu"]
    assert [cause.resource for cause in now(CPU_BOUND, processes=many).causes] == ["cpu", "memory"]


def test_our_own_runs_are_named() -> None:
    usage = RunUsage("01RUN", NOW, 180.0, 4 * GIB, 5 * GIB, 12, 20, source="cgroup")
    found = now(CPU_BOUND, runs=[usage]).causes
    assert [(each.resource, each.label, each.value) for each in found] == [
        ("cpu", "run 01RUN", 180.0), ("memory", "run 01RUN", 4.0 * GIB),
    ]  # fmt: skip


def test_cpu_in_processes_that_no_sample_saw_is_said() -> None:
    found = now(replace(CPU_BOUND, short_lived_percent=150.0, forks_per_s=400.0)).causes[-1]
    assert (found.what, found.value, found.note) == (
        "unseen", 150.0, "ended before a sample saw them; 400 new processes/s",
    )  # fmt: skip


def test_who_moves_how_much_is_named_where_it_may_be_read_and_the_rest_is_counted() -> None:
    seen = IoSeen((ProcessIo(8, 0.0, 5e7), ProcessIo(9, 10.0, 0.0), ProcessIo(404, 9e9, 0.0)), unreadable=31)
    found = now(IO_BOUND, processes=[process(8, "dd"), process(9, "sh"), process(10, "cp", state="D")], io=seen)
    named = [(cause.label, cause.value, cause.note) for cause in found.causes if cause.resource == "io"]
    assert named == [("dd[8]", 5e7, "user bob"), ("cp[10]", None, "waits for I/O just now")]
    assert "who uses the drives is known but of 31 processes that may not be read" in found.notes


def test_that_nobody_looked_who_uses_the_drives_is_said() -> None:
    assert "who uses the drives was not looked at" in now(IO_BOUND).notes
    assert "who uses the drives was not looked at" not in now(QUIET).notes


# -- the object


def test_json_has_times_states_and_every_part() -> None:
    found = over(IO_BOUND, calm_history(pressure_io_full=30.0), anomalies=[episode("io_pressure")]).to_json()
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found))
    assert found["time"].endswith("Z") and found["since"]["time"].endswith("Z") and "time_us" not in str(found["since"])
    assert [use["state"] for use in found["resources"]] == ["ok", "ok", "saturated", "ok", "ok", "ok"]
    assert found["bottleneck"]["resource"] == "io" and found["span"]["since"].endswith("Z")


def test_hostile_names_are_harmless_wherever_they_appear() -> None:
    evil = "\x1b[31mx\x1b]0;pwn\x07\n\u202eevil"
    sample = replace(
        THRASHING,
        disks=(disk("/\x1b[2J\nmnt", 100.0),),
        drives=(Drive("s\x1bda\n", busy=99.0, latency_ms=5.0),),
        interfaces=(Interface("e\x1bth\n", 1, 1, 1, 1, 50.0, 50.0),),
        zombies=50,
        notes=("bad \x1b[2J note",),
    )
    many = [process(8, evil, 300.0, 9 * GIB, user=evil), process(9, evil, state="Z", ppid=8)]
    found = now(sample, processes=many, anomalies=[episode("process_memory_leak", subject=evil)])
    said = [found.verdict, *found.notes, found.bottleneck.why]  # type: ignore[union-attr]
    said += [word for cause in found.causes for word in (cause.label, cause.note)]
    said += [word for each in found.suggestions for word in (each.title, *each.evidence, *each.look)]
    for use in found.resources:
        assert use.now is not None
        said += [*use.now.saturation, *use.now.errors]
    assert len(found.suggestions) >= 5
    assert [word for word in said if not word.isprintable()] == []


def test_more_than_the_drives_moved_is_that_of_children_that_ended() -> None:
    seen = IoSeen((ProcessIo(8, 0.0, 9e7), ProcessIo(9, 0.0, 9e9)))
    found = now(IO_BOUND, processes=[process(8, "dd"), process(9, "sh")], io=seen)
    notes = {cause.label: cause.note for cause in found.causes if cause.resource == "io"}
    assert notes == {"sh[9]": "with what its ended children moved before; user bob", "dd[8]": "user bob"}
    assert "sh[9] moves 8.38 GiB/s (with what its ended children moved before)" in found.suggestions[0].evidence
    assert len(found.suggestions) == 1, "dd moved a hundredth of that"


@pytest.mark.parametrize(("percent", "named"), [(9.9, []), (10.0, ["sh[8]", "run R"])])
def test_from_a_tenth_of_a_core_on_somebody_is_named(percent: float, named: list[str]) -> None:
    usage = RunUsage("R", NOW, percent, MIB, MIB, 1, 1)
    found = now(QUIET, processes=[process(8, "sh", percent)], runs=[usage]).causes
    assert [cause.label for cause in found] == named


@pytest.mark.parametrize(("share", "count"), [(0.049, 0), (0.05, 2)])
def test_from_a_twentieth_of_the_memory_on_somebody_is_named(share: float, count: int) -> None:
    rss = round(share * 16 * GIB) + 1
    found = now(QUIET, processes=[process(8, "sh", rss=rss)], runs=[RunUsage("R", NOW, 0.0, rss, rss, 1, 1)]).causes
    assert len(found) == count


@pytest.mark.parametrize(("percent", "count"), [(19.9, 0), (20.0, 1)])
def test_short_lived_processes_are_named_from_a_fifth_of_a_core_on(percent: float, count: int) -> None:
    assert len(now(replace(QUIET, short_lived_percent=percent)).causes) == count


@pytest.mark.parametrize(
    ("pid", "ppid", "rss", "kernel"), [(2, 0, 0, True), (9, 2, 0, True), (9, 1, 0, False), (9, 2, MIB, False)]
)
def test_the_kernels_own_threads(pid: int, ppid: int, rss: int, kernel: bool) -> None:
    assert kernel_thread(process(pid, "x", rss=rss, ppid=ppid)) is kernel
