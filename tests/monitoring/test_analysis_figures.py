"""The figures in what an analysis says, against what went in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsconsole.cli.analysis_text import text_of
from opsconsole.cli.table import cell_width
from opsconsole.monitoring.analysis import health
from opsconsole.monitoring.analysis.model import percent_words
from opsconsole.samples import Disk, Drive, Interface, RunUsage
from tests.monitoring.analysis_situations import (
    CPU_BOUND,
    GIB,
    IO_BOUND,
    NOW,
    QUIET,
    Hand,
    calm_history,
    cpu,
    disk,
    episode,
    memory,
    now,
    over,
    process,
)  # fmt: skip


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0"), (84.6, "85"), (99.4, "99"), (99.5, "99.5"), (99.96, "99.9"), (100.0, "100"), (120.0, "120")],
)
def test_what_is_not_quite_all_is_not_said_to_be_all(share: float, words: str) -> None:
    assert percent_words(share) == words


def test_a_file_system_with_room_left_is_not_said_to_have_none() -> None:
    full = Disk("/data", "/dev/sdb", "ext4", 10_000 * GIB, 9_960 * GIB, 40 * GIB, 99.6)
    found = now(replace(QUIET, disks=(full,)))
    assert found.verdict.startswith("Almost no space left on /data")
    (first,) = found.suggestions
    assert first.evidence[0] == "/data is 99.6 % full, 40 GiB of 9.77 TiB free"
    assert first.expected_effect.startswith("room for what is written next")
    assert now(replace(QUIET, disks=(disk("/data", 100.0),))).verdict.startswith("No space left on /data")


def test_a_share_is_of_all_cores_and_of_all_memory() -> None:
    busy, big = process(8, "ffmpeg", 200.0), process(9, "java", 1.0, rss=4 * GIB)
    first, second = now(memory(CPU_BOUND, 95.0), processes=[busy, big]).suggestions
    assert first.evidence[0] == "ffmpeg[8] uses 200 % of a core (50 % of the CPU)"  # of four
    assert first.expected_effect.startswith("up to 2.0 cores")
    assert second.evidence[0] == "java[9] holds 4 GiB (25 % of the memory)"  # of 16 GiB


def test_a_run_whose_processes_share_pages_holds_no_more_than_there_is() -> None:
    run = RunUsage("01RUN", NOW, 1.0, 20 * GIB, 20 * GIB, 9, 9)
    (found,) = now(memory(QUIET, 95.0), runs=[run]).suggestions
    assert "(100 % of the memory)" in found.evidence[0]


def test_what_the_hypervisor_takes_is_a_share_of_the_cpu() -> None:
    (found,) = now(cpu(QUIET, 95.0, 30.0, steal=40.0)).suggestions
    assert found.expected_effect.startswith("that 40 % of its CPU back")


def test_waiting_now_is_not_set_beside_waiting_of_another_sort() -> None:
    past = calm_history(pressure_memory_full=20.0, pressure_memory=30.0)
    assert "20 % of the last 15 min (30 % now)" in over(memory(QUIET, 60.0, memory_full=30.0), past).verdict
    some = memory(QUIET, 60.0, memory_some=60.0, memory_full=1.0)
    assert "20 % of the last 15 min (now memory.some 60 %)" in over(some, past).verdict


def test_every_line_but_a_command_fits_the_terminal() -> None:
    """Commands are to be pasted: they are left whole."""
    mount = "/srv/" + "a-long-name/" * 20 + "end"
    sample = replace(
        memory(IO_BOUND, 97.0, memory_full=15.0),
        disks=(
            disk(mount, 97.0),
            disk(mount + "/é漢字" * 9, 99.7, inodes_total=1000, inodes_used=999, inodes_percent=99.9),
        ),
        drives=(Drive("mapper/" + "v" * 90, busy=97.0, latency_ms=40.0),),
        interfaces=(Interface("e" * 60, 1e5, 1e5, 50.0, 50.0, 5.0, 2.0),),
        zombies=40, open_files=99_000, forks_per_s=500.0,
    )  # fmt: skip
    processes = [
        process(8, "x" * 200, 390.0, rss=9 * GIB),
        *(process(n, "字" * 60, 30.0, rss=GIB) for n in range(9, 15)),
    ]
    open_now = [
        episode("disk_fill_rate", subject=mount, details={"eta_s": 5400.0}, message=f"fills {mount}"),
        episode("process_memory_leak", subject="dockerd[77]"),
    ]
    found = now(sample, processes=processes, anomalies=open_now)
    assert len(found.suggestions) >= 9
    state: Any = health(open_now, sample, True, clock=Hand())
    for width in (80, 60):
        lines = text_of(found, state, width=width, colours=False).splitlines()
        assert [line for line in lines if cell_width(line) > width and not line.startswith("     $ ")] == []
