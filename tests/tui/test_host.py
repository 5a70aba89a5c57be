"""The host's screen: every key of it, and what it says when little is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.errors import StorageError
from opsconsole.events import RunSampled
from opsconsole.models import Status
from opsconsole.samples import Cpu, Disk, Interface, Memory, Pressure, RunUsage, Swap
from opsconsole.storage.metrics import Point
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.help import HelpScreen
from opsconsole.tui.screens.host import HostScreen
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.widgets.graph import Graph
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import GB, process, sample
from tests.tui.scenes import HOUR, MINUTE, USAGE, console, trouble
from tests.tui.test_hostile_text import assert_harmless
from tests.tui.waiting import lines_of, shown, started, table, until

LATER = NOW + SECOND


@asynccontextmanager
async def opened(engine: FakeEngine, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[Any]]:
    """The console on the host's screen."""
    async with console(engine).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await on_host(pilot)
        yield pilot


async def on_host(pilot: Pilot[Any]) -> None:
    await pilot.press("1")
    await until(pilot, lambda: isinstance(pilot.app.screen, HostScreen))
    await until(pilot, lambda: "Anomalies" in shown(pilot) and " q quit" in shown(pilot))


def graph(pilot: Pilot[Any], title: str) -> Graph:
    return next(one for one in pilot.app.screen.query(Graph) if one._title == title)


def line_with(pilot: Pilot[Any], text: str) -> str:
    return next(line for line in lines_of(pilot) if text in line)


def tones(pilot: Pilot[Any], text: str) -> set[str]:
    """The colours that a text is drawn in, and `reverse`."""
    return {
        "reverse" if segment.style.reverse else str(segment.style.color and segment.style.color.name)
        for strip in pilot.app.screen._compositor.render_strips()
        for segment in strip
        if text in segment.text and segment.style is not None
    }


@pytest.fixture
def watched(engine: FakeEngine) -> FakeEngine:
    engine.monitoring.take(
        sample(NOW),
        process(10, "small", cmdline="the-small-one", cpu_percent=80.0, rss_bytes=1_000_000),
        process(11, "large", cmdline="the-large-one", cpu_percent=0.5, rss_bytes=GB),
    )
    return engine


# -- the way there and back


@pytest.mark.parametrize("key", ["2", "escape"])
async def test_tasks_and_back_lead_to_where_one_was(watched: FakeEngine, key: str) -> None:
    for number in range(5):
        watched.put(name=f"task-{number}")
    async with opened(watched) as pilot:
        await pilot.press(key)
        assert isinstance(pilot.app.screen, TasksScreen)
        await pilot.press("down", "down")
        selected, focused = table(pilot).selected, pilot.app.screen.focused
        await on_host(pilot)
        await pilot.press("1", key)
        assert isinstance(pilot.app.screen, TasksScreen)
        assert (table(pilot).selected, pilot.app.screen.focused) == (selected, focused)


async def test_host_is_a_digit_while_a_filter_is_typed(watched: FakeEngine) -> None:
    async with console(watched).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await pilot.press("slash", "1", "2")
        assert isinstance(pilot.app.screen.focused, Input) and pilot.app.screen.focused.value == "12"


async def test_host_is_looked_at_only_while_it_is_on_top(watched: FakeEngine) -> None:
    station = watched.monitoring
    async with opened(watched) as pilot:
        assert station.looking == 1
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert station.looking == 0
        await pilot.press("escape")
        await until(pilot, lambda: station.looking == 1)
        await pilot.press("2")
        await until(pilot, lambda: station.looking == 0)


async def test_help_and_quit_stand_in_the_last_line_of_the_smallest_screen(watched: FakeEngine) -> None:
    async with opened(watched, (80, 24)) as pilot:
        assert lines_of(pilot)[-1].rstrip().endswith("? help  q quit")


async def test_the_palette_offers_what_works_on_the_screen(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        here = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Sort", "Acknowledge", "Watch", "Back", "Tasks", "Help", "Quit"} <= here
        assert "Cancel" not in here
        await pilot.press("2")
        there = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Cancel", "Host", "Help"} <= there and "Sort" not in there


# -- keys


async def test_sort_processes_by_memory_and_back(watched: FakeEngine) -> None:
    def order() -> list[str]:
        return [word for line in lines_of(pilot) for word in line.split() if word.startswith("the-")]

    async with opened(watched) as pilot:
        await until(pilot, lambda: order() == ["the-small-one", "the-large-one"])
        assert "CPU%▾" in shown(pilot)
        await pilot.press("s")
        await until(pilot, lambda: order() == ["the-large-one", "the-small-one"])
        assert "RSS▾" in shown(pilot)
        await pilot.press("s")
        await until(pilot, lambda: order() == ["the-small-one", "the-large-one"])


async def test_acknowledge_takes_the_worst_one_that_nobody_has_seen(watched: FakeEngine) -> None:
    station = watched.monitoring
    low = station.put("load_high", "load is 3", Severity.LOW)
    high = station.put("memory_high", "memory at 93 %", Severity.HIGH, opened_at=NOW - MINUTE)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "a acknowledge" in shown(pilot))
        await pilot.press("a")
        await until(pilot, lambda: "memory at 93 % · seen by deploy" in shown(pilot))
        await pilot.press("a")
        await until(pilot, lambda: "load is 3 · seen by deploy" in shown(pilot))
        assert station.calls == [("acknowledge", high.id), ("acknowledge", low.id)]
        assert "2 open, 2 seen" in shown(pilot)
        assert "a acknowledge" not in shown(pilot)
        await pilot.press("a")
        assert len(station.calls) == 2
        assert "No open anomaly waits" in list(pilot.app._notifications)[-1].message


async def test_acknowledge_does_not_take_what_was_not_on_the_screen_yet(watched: FakeEngine) -> None:
    station = watched.monitoring
    seen = station.put("load_high", "load is 3", Severity.LOW)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "load is 3" in shown(pilot))
        station._anomalies[7] = station.put("memory_high", "memory at 99 %", Severity.CRITICAL, id=7)
        pilot.app.screen.action_acknowledge()
        assert station.calls == [("acknowledge", seen.id)]


async def test_acknowledge_that_fails_says_why(watched: FakeEngine) -> None:
    watched.monitoring.put("load_high", "load is 3", Severity.LOW)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "load is 3" in shown(pilot))
        watched.monitoring.refusal = StorageError("the disk is full", hint="make room")
        pilot.app.screen.action_acknowledge()
        await until(pilot, lambda: "the disk is full" in shown(pilot) and "make room" in shown(pilot))


async def test_watch_starts_the_monitor(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await until(pilot, lambda: "Press m to start the monitor." in shown(pilot))
        await pilot.press("m")
        await until(pilot, lambda: "m stop watching" in shown(pilot))
        assert engine.monitoring.calls == [("start",)]
        await until(pilot, lambda: "The first look is under way" in shown(pilot))


async def test_watch_that_cannot_start_says_why(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, HostScreen)
        engine.monitoring.open_anomalies = list  # type: ignore[method-assign]
        engine.monitoring.refusal = StorageError("monitor.lock cannot be used")
        await pilot.press("m")
        await until(pilot, lambda: "monitor.lock cannot be used" in shown(pilot))


async def test_watch_stops_the_monitor_only_after_a_question(watched: FakeEngine) -> None:
    station = watched.monitoring
    async with opened(watched) as pilot:
        for key in ("enter", "escape", "n"):
            await pilot.press("m")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
            assert "Stop watching this host?" in shown(pilot)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, HostScreen))
        assert station.calls == []
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        await pilot.press("y")
        await until(pilot, lambda: "Nobody watches this host." in shown(pilot))
        assert station.calls == [("stop",)]
        assert "the-small-one" not in shown(pilot)


# -- what it says


async def test_without_a_monitor_it_says_which_key_starts_one_and_not_that_all_is_well(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await until(pilot, lambda: "Press m to start the monitor." in shown(pilot))
        text = shown(pilot)
        assert "nobody looks for new ones" in text and "unknown" in text
        assert "Nothing is wrong" not in text and text.count("no data") == 4


async def test_the_key_it_names_is_the_one_that_works(engine: FakeEngine) -> None:
    app = console(engine)
    app.set_keymap({"watch": "z"})
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: "z         Start the monitor" in shown(pilot))
        await pilot.press("escape")
        await on_host(pilot)
        await until(pilot, lambda: "Press z to start the monitor." in shown(pilot))


async def test_open_when_the_monitor_stopped_is_not_open_now(engine: FakeEngine) -> None:
    engine.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "1 open when the monitor stopped" in shown(pilot))


async def test_all_is_well(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "Nothing is wrong, and nothing was lately." in shown(pilot))
        await until(pilot, lambda: "ok: nothing is wrong" in shown(pilot))


async def test_figures_of_the_host(engine: FakeEngine) -> None:
    engine.monitoring.take(
        sample(
            NOW, cpu=Cpu(percent=71.0, cores=1.5, steal=4.0), load=(3.2, 1, 1), swap=Swap(44.0, GB, GB // 2),
            memory=Memory(50.0, 16 * GB, 8 * GB, 8 * GB), pressure=Pressure(2.0, 1.0, 0.0, 30.0), uptime_s=90_000.0,
            disks=(Disk("/srv", "/dev/sda", "ext4", 9, 8, 1, 81.4), Disk("/run", "tmpfs", "tmpfs", 9, 0, 9, 0.2)),
            interfaces=(Interface("lo", 9e9, 9e9), Interface("a", 1e6, 2e3), Interface("b", 2e5, 0.0)), processes=312,
        )
    )  # fmt: skip
    async with opened(engine, (200, 45)) as pilot:
        await until(pilot, lambda: "CPU 71 %" in shown(pilot))
        text = shown(pilot)
        for words in (
            "CPU 71 %  load 3.20  1.5 cores  steal 4 %", "Memory 50 %  8.0 GB of 16.0 GB",
            "Waiting for I/O 30 %  CPU 2 %  memory 1 %", "Network ↓ 1.2 MB/s  ↑ 2.0 kB/s", "/srv 81 %", "swap 44 %",
            "up 1d01h", "312 processes",
        ):  # fmt: skip
            assert words in text
        assert "/run" not in text


async def test_a_disk_that_fills_says_when_it_is_full(watched: FakeEngine) -> None:
    watched.monitoring.put("disk_fill_rate", "/srv fills", Severity.MEDIUM, subject="/srv", value=32_400.0, unit="s")
    watched.monitoring.take(sample(LATER, disks=(Disk("/srv", "sda", "ext4", 9, 8, 1, 61.0),)))
    async with opened(watched) as pilot:
        await until(pilot, lambda: "/srv 61 % full in 9h00m" in shown(pilot))


async def test_anomalies_stand_in_the_order_of_what_matters(engine: FakeEngine, tmp_path: Path) -> None:
    async with opened(trouble(tmp_path / "there"), (160, 45)) as pilot:
        await until(pilot, lambda: "CRIT" in shown(pilot))
        words = [line.split()[:2] for line in lines_of(pilot) if line[1:2] in tuple("▲◆◇·○") and line[3:4].strip()]
        marks = [(glyph, word) for glyph, word in words if word in {"CRIT", "HIGH", "MED", "LOW", "info"}]
        assert marks == [("▲", "CRIT"), ("▲", "HIGH"), ("◆", "MED"), ("◇", "LOW"), ("·", "info"), *[("○", "HIGH")] * 3]
        assert "reverse" in tones(pilot, "CRIT")
        assert tones(pilot, "memory at 93 %").isdisjoint(tones(pilot, "tasks waited"))
        assert "comes and goes" in shown(pilot)


async def test_what_finds_no_room_is_counted(watched: FakeEngine) -> None:
    for number in range(20):
        watched.monitoring.put("unusual", f"trouble {number}", Severity.LOW)
    async with opened(watched, (80, 24)) as pilot:
        await until(pilot, lambda: "… and 17 more" in shown(pilot))


async def test_severity_has_a_colour_only_for_a_process_that_an_anomaly_is_about(watched: FakeEngine) -> None:
    watched.monitoring.put("process_rss", "large[11] grew", Severity.HIGH, subject="large[11]")
    async with opened(watched) as pilot:
        await until(pilot, lambda: "large[11] grew" in shown(pilot) and "the-large-one" in shown(pilot))
        assert tones(pilot, "the-large-one") == tones(pilot, "large[11] grew")
        assert tones(pilot, "the-small-one").isdisjoint(tones(pilot, "the-large-one"))


async def test_runs_with_what_they_use(watched: FakeEngine) -> None:
    ours = watched.put(name="reindex", status=Status.RUNNING, started_at=NOW - 192 * SECOND)
    watched.put(name="elsewhere", status=Status.RUNNING, started_at=NOW - 5 * SECOND)
    async with opened(watched) as pilot:
        watched.publish(RunSampled(RunUsage(ours.execution_id, NOW, 37.9, 412_000_000, 420_000_000, 5, 9)))
        await until(pilot, lambda: "37.9" in shown(pilot))
        assert line_with(pilot, "reindex").split()[:7] == ["▶", "reindex", "3m12s", "37.9", "412.0", "MB", "5"]
        assert line_with(pilot, "elsewhere").split()[:6] == ["▶", "elsewhere", "5s", "–", "–", "–"]


async def test_slow_sampling_missed_looks_and_notes_are_said(watched: FakeEngine) -> None:
    station = watched.monitoring
    async with opened(watched, (160, 45)) as pilot:
        station.take(sample(LATER, gap="suspend", notes=("no PSI: the kernel was built without it",)), interval_s=5.0)
        await until(pilot, lambda: "a look only every 5 s" in shown(pilot))
        assert "looks were missed: suspend" in shown(pilot) and "no PSI" in shown(pilot)
        station.slowed = "a look at this host takes 300 ms: sampling every 6.0 s"
        await until(pilot, lambda: "takes 300 ms: sampling every 6.0 s" in shown(pilot))


async def test_the_monitor_of_another_console_is_read_from_its_file(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        watched.monitoring.take(
            sample(LATER, cpu=Cpu(percent=64.0)), process(12, "x", cmdline="seen elsewhere"), tell=False
        )
        await until(pilot, lambda: "CPU 64 %" in shown(pilot) and "seen elsewhere" in shown(pilot))
        assert "watched by another console (process 4242)" in shown(pilot)


async def test_a_gap_in_the_record_is_a_gap_in_the_graph_and_zero_is_none(engine: FakeEngine) -> None:
    def point(second: int, value: float) -> Point:
        return Point(NOW - second * SECOND, 1, value, value, value)

    engine.monitoring.recorded["cpu"] = [
        *(point(second, 50.0) for second in range(300, 200, -1)), *(point(second, 0.0) for second in range(100, 0, -1))
    ]  # fmt: skip
    engine.monitoring.take(sample(NOW, cpu=Cpu(percent=None)))
    async with opened(engine) as pilot:
        await until(pilot, lambda: 50.0 in graph(pilot, "CPU").values)
        values = graph(pilot, "CPU").values
        inner = values[values.index(50.0) :]
        gap = inner.count(None) * graph(pilot, "CPU").step_us // SECOND
        assert 90 <= gap <= 100 and inner[-1] == 0.0
        lowest = lines_of(pilot)[graph(pilot, "CPU").region.bottom - 1][1 : 1 + len(values) // 2]
        assert "⣀⣀⣀" in lowest and "    " in lowest.strip()


async def test_the_recorded_traffic_of_all_real_interfaces_is_added_up(engine: FakeEngine) -> None:
    for name, value in (("net_rx:a", 1e6), ("net_tx:a", 2e6), ("net_rx:b", 4e6), ("net_rx:lo", 9e9)):
        engine.monitoring.recorded[name] = [
            Point(NOW - at * SECOND, 1, value, value, value) for at in range(100, 0, -1)
        ]
    engine.monitoring.take(sample(NOW, interfaces=(Interface("lo", 9e9, 9e9), Interface("a"), Interface("b"))))
    async with opened(engine) as pilot:
        await until(pilot, lambda: 7e6 in graph(pilot, "Network").values)
        assert max(value or 0 for value in graph(pilot, "Network").values) == 7e6


async def test_a_monitor_that_falls_silent_leaves_a_growing_gap_and_no_old_figures(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "CPU 7 %" in shown(pilot))
        watched.monitoring.time = NOW + 60 * SECOND
        await until(pilot, lambda: "CPU –" in shown(pilot))
        assert graph(pilot, "CPU").values[-5:] == [None] * 5
        assert 7.0 in graph(pilot, "CPU").values


async def test_an_error_is_told_once_and_not_each_second(watched: FakeEngine) -> None:
    def broken() -> Any:
        calls.append(1)
        raise StorageError("the record cannot be read")

    calls: list[int] = []
    async with opened(watched) as pilot:
        watched.monitoring.open_anomalies = broken  # type: ignore[method-assign]
        await until(pilot, lambda: len(calls) >= 6)
        told = [one.message for one in pilot.app._notifications]
        assert 1 <= told.count("the record cannot be read") <= 2  # of the list, and of the first line


async def test_the_tasks_screen_names_the_worst_of_what_is_open(watched: FakeEngine) -> None:
    async with console(watched).run_test(size=(80, 24)) as pilot:
        await started(pilot)
        watched.monitoring.put("load_high", "load is 3", Severity.LOW)
        watched.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
        await until(pilot, lambda: "▲ degraded: memory at 93 %; and 1 more" in lines_of(pilot)[0])
        watched.monitoring.put("memory_high", "", Severity.HIGH, id=2, state=AnomalyState.CLOSED, closed_at=NOW)
        watched.monitoring.put("load_high", "", Severity.LOW, id=1, state=AnomalyState.CLOSED, closed_at=NOW)
        await until(pilot, lambda: "memory" not in lines_of(pilot)[0] and "failed in 24 h" in lines_of(pilot)[0])


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (300, 60), (40, 12), (20, 5)])
async def test_nothing_overlaps_whatever_the_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(trouble(tmp_path / "there"), size) as pilot:
        pilot.app.engine.publish(USAGE)
        await pilot.pause(0.2)
        shown_widgets = [one for one in pilot.app.screen.query("HostScreen > *, #graphs > *, #side > *") if one.region]
        leaves = [one for one in shown_widgets if not one.children]
        for at, one in enumerate(leaves):
            covered = [other for other in leaves[at + 1 :] if one.region.overlaps(other.region)]
            assert not covered, (one, one.region, covered)
        assert all(len(line) == size[0] for line in lines_of(pilot))


SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - what must not be shown


async def test_a_password_on_a_command_line_is_not_shown(engine: FakeEngine) -> None:
    engine.monitoring.take(sample(NOW), process(1, "mysql", cmdline=f"mysql --password={SECRET} orders"))
    async with opened(engine, (200, 45)) as pilot:
        await until(pilot, lambda: "mysql --password=" in shown(pilot))
        assert SECRET not in shown(pilot)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_hostile_names_are_harmless(engine: FakeEngine, size: tuple[int, int]) -> None:
    from tests.tui.scenes import HOSTILE

    evil = HOSTILE + "\x1b]0;pwned\x07<script>[red]"
    station = engine.monitoring
    engine.put(name=evil, status=Status.RUNNING, started_at=NOW)
    station.put("disk_full", evil, Severity.HIGH, subject=evil, acknowledged_at=NOW, acknowledged_by=evil)
    station.put("disk_fill_rate", evil, Severity.CRITICAL, subject=evil, value=60.0)
    station.put("x", "", Severity.LOW, subject=evil, state=AnomalyState.CLOSED, closed_at=NOW - HOUR)
    station.slowed = evil
    station.take(
        sample(
            NOW, disks=(Disk(evil, evil, evil, 9, 8, 1, 99.0),), interfaces=(Interface(evil, 1.0, 1.0),), gap=evil,
            notes=(evil,),
        ),
        process(1, evil, user=evil, state="R"), process(2, "x", cmdline=evil * 20),
    )  # fmt: skip
    async with opened(engine, size) as pilot:
        await until(pilot, lambda: "pwned" not in shown(pilot) and "[red]" in shown(pilot))
        assert_harmless(pilot)
        await pilot.press("a", "s")
        await pilot.pause(0.2)
        assert_harmless(pilot)


# -- the analysis


async def test_analysis_names_the_bottleneck_and_who_causes_it_harmlessly(engine: FakeEngine) -> None:
    engine.monitoring.take(
        sample(
            NOW, cpu=Cpu(percent=99.0, user=95.0, system=4.0, cores=2.0), load=(9.0, 8.0, 7.0),
            pressure=Pressure(cpu_some=80.0, memory_some=0.0, memory_full=0.0, io_some=0.0, io_full=0.0), runnable=9,
        ),
        process(66, "\x1b]0;pwned\x07<script>[red]", cpu_percent=190.0),
    )  # fmt: skip
    async with opened(engine) as pilot:
        await pilot.press("A")
        await until(pilot, lambda: "CPU is the bottleneck" in shown(pilot))
        assert "What to do" in shown(pilot) and "<script>[red]" in shown(pilot)
        assert_harmless(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HostScreen)


async def test_analysis_that_fails_says_why(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        watched.monitoring.refusal = StorageError("the disk is on fire")
        await pilot.press("A")
        await until(pilot, lambda: "the disk is on fire" in shown(pilot))
        assert isinstance(pilot.app.screen, HostScreen)
