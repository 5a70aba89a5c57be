"""Every key of the overview, and what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.anomalies import Severity
from opsconsole.errors import StorageError
from opsconsole.events import RunSampled
from opsconsole.models import Priority, Status
from opsconsole.samples import Cpu, Pressure, RunUsage, Swap
from opsconsole.storage.metrics import Point
from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.help import HelpScreen
from opsconsole.tui.screens.overview.screen import OverviewScreen
from opsconsole.tui.screens.processes.screen import ProcessesScreen
from opsconsole.tui.screens.processes.table import ProcessTable
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.screens.tasks.screen import TasksScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.fake_monitoring import GB, process, sample
from tests.tui.hostile import Seen
from tests.tui.overview.scene import LATER, NOW, SECOND, focus, line_with, opened, said, screen, watched
from tests.tui.processes.fake_processes import FakeSampler, closely, install, row
from tests.tui.scenes import MINUTE, console
from tests.tui.tasks.scene import in_dialog
from tests.tui.waiting import lines_of, shown, started, tasks_screen, until

RUNNING = {"status": Status.RUNNING, "started_at": NOW - MINUTE}


def commands(engine: FakeEngine) -> list[object]:
    return [call for call in engine.calls if call[0] not in ("start", "looked")]


# -- from list to list, and away


async def test_next_pane_and_previous_pane_go_round(engine: FakeEngine) -> None:
    async with opened(watched(engine)) as pilot:
        names = []
        for key in ("tab", "J", "tab", "tab", "shift+tab", "K"):
            await pilot.press(key)
            names.append(screen(pilot).focused.id)  # type: ignore[union-attr]
        assert names == ["running", "since", "processes", "trouble", "processes", "since"]


async def test_look_at_goes_to_the_anomaly_the_run_and_what_happened(engine: FakeEngine) -> None:
    watched(engine)
    engine.put(name="other", **RUNNING)
    wanted = engine.put(name="wanted", **RUNNING)
    failed = engine.put(name="gone", status=Status.FAILED, exit_code=3, finished_at=NOW - MINUTE)
    engine.put(name="other", **RUNNING)
    engine.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
    low = engine.monitoring.put("load_high", "load is 3", Severity.LOW)
    async with opened(engine) as pilot:
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        await until(pilot, lambda: pilot.app.screen.selected and pilot.app.screen.selected.id == low.id)  # type: ignore[attr-defined]
        await pilot.press("1")
        await focus(pilot, "running")
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen))
        await until(pilot, lambda: tasks_screen(pilot).selected and tasks_screen(pilot).selected.id == wanted.id)  # type: ignore[union-attr]
        await pilot.press("1")
        await focus(pilot, "since")
        await pilot.press("enter")
        await until(pilot, lambda: tasks_screen(pilot).selected.id == failed.id)  # type: ignore[union-attr]


async def test_look_at_goes_to_the_process(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeSampler(row(5, "other"), row(11, "large")), closely)
    async with opened(watched(engine)) as pilot:
        await focus(pilot, "processes")
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProcessesScreen))
        found = pilot.app.screen.query_one(ProcessTable)
        await until(pilot, lambda: found.selected is not None and found.selected.pid == 11)
        await pilot.press("1", "k", "enter")
        await until(pilot, lambda: "Process 10 has ended" in said(pilot))


async def test_look_at_the_queue_goes_to_the_next(engine: FakeEngine) -> None:
    engine.put(name="later")
    urgent = engine.put(name="rotate-logs", priority=Priority.HIGH)
    async with opened(watched(engine)) as pilot:
        assert "2 queued, next: rotate-logs (HIGH)" in shown(pilot)
        assert "◦ 2 queued" in lines_of(pilot)[0]
        await focus(pilot, "running")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen))
        await until(pilot, lambda: tasks_screen(pilot).selected.id == urgent.id)  # type: ignore[union-attr]


async def test_host_is_looked_at_only_while_it_is_seen_also_beneath_a_dialog(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    async with opened(engine) as pilot:
        assert station.looking == 1
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert station.looking == 1
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, HelpScreen))
        assert station.looking == 1
        await pilot.press("2")
        await until(pilot, lambda: station.looking == 0)


async def test_submit_asks_for_a_script(engine: FakeEngine, samples: Path) -> None:
    async with opened(watched(engine)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, SubmitScreen))


async def test_the_palette_offers_what_works_here(engine: FakeEngine) -> None:
    async with opened(watched(engine)) as pilot:
        here = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Sort", "Acknowledge", "Watch", "Back", "Tasks", "Help", "Quit", "Zoom", "All seen"} <= here
        assert "Pause" not in here


# -- anomalies


async def test_acknowledge_takes_the_selected_one_then_the_worst_that_nobody_has_seen(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    low = station.put("load_high", "load is 3", Severity.LOW)
    high = station.put("memory_high", "memory at 93 %", Severity.HIGH, opened_at=NOW - MINUTE)
    async with opened(engine) as pilot:
        await pilot.press("j", "a")
        await until(pilot, lambda: "seen by deploy" in line_with(pilot, "◇ LOW  load is 3"))
        await focus(pilot, "processes")
        await pilot.press("a")
        await until(pilot, lambda: "seen by deploy" in line_with(pilot, "▲ HIGH memory at 93 %"))
        assert station.calls == [("acknowledge", low.id), ("acknowledge", high.id)]
        assert "2 open, 2 seen" in shown(pilot) and "a acknowledge" not in lines_of(pilot)[-1]
        await pilot.press("a")
        assert len(station.calls) == 2 and "No open anomaly waits" in said(pilot)


async def test_acknowledge_does_not_take_what_was_not_on_the_screen_yet(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    seen = station.put("load_high", "load is 3", Severity.LOW)
    async with opened(engine) as pilot:
        station._anomalies[7] = station.put("memory_high", "memory at 99 %", Severity.CRITICAL, id=7)
        screen(pilot).action_acknowledge()
        assert station.calls == [("acknowledge", seen.id)]
        station.refusal = StorageError("the disk is full", hint="make room")
        await until(pilot, lambda: "memory at 99 %" in shown(pilot))
        station.refusal = StorageError("the disk is full", hint="make room")
        screen(pilot).action_acknowledge()
        await until(pilot, lambda: "the disk is full" in said(pilot))


# -- runs


async def test_cancel_run_first_shows_which_one_and_then_asks(engine: FakeEngine) -> None:
    watched(engine)
    engine.put(name="other", **RUNNING)
    wanted = engine.put(name="reindex", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: screen(pilot).focused is screen(pilot).running)
        assert not isinstance(pilot.app.screen, ConfirmScreen)
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        assert f"Cancel task {wanted.id}?" in shown(pilot) and "reindex" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, OverviewScreen))
        assert commands(engine) == []
        await pilot.press("delete")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", wanted.id)])


async def test_a_read_only_console_cannot_cancel_nor_acknowledge(engine: FakeEngine) -> None:
    watched(engine)
    engine.put(name="reindex", **RUNNING)
    engine.monitoring.put("load_high", "load is 3", Severity.LOW)
    app = console(engine, start="overview")
    app.read_only = True
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await until(pilot, lambda: "load is 3" in shown(pilot))
        await pilot.press("a", "tab", "c", "n", "m")
        await pilot.pause()
        assert isinstance(app.screen, OverviewScreen) and commands(engine) == [] == engine.monitoring.calls
        for word in ("acknowledge", "cancel", "watching"):
            assert word not in shown(pilot)


async def test_runs_with_what_they_use(engine: FakeEngine) -> None:
    watched(engine)
    ours = engine.put(name="reindex", status=Status.RUNNING, started_at=NOW - 192 * SECOND)
    engine.put(name="elsewhere", status=Status.RUNNING, started_at=NOW - 5 * SECOND)
    async with opened(engine, (160, 45)) as pilot:
        for cpu in (10.0, 20.0, 37.9):
            engine.publish(RunSampled(RunUsage(ours.execution_id, NOW, cpu, 412_000_000, 420_000_000, 5, 9)))
        await until(pilot, lambda: "38 %" in line_with(pilot, "reindex"))
        line = line_with(pilot, "reindex")
        assert "3m12s" in line and "393M" in line and any(0x2800 < ord(char) < 0x2900 for char in line)
        assert line_with(pilot, "elsewhere").split()[:5] == ["▶", "elsewhere", "5s", "–", "–"]


# -- what happened


async def test_mark_seen_begins_anew_and_is_written_down(engine: FakeEngine) -> None:
    watched(engine)
    engine.put(name="sync-assets", status=Status.FAILED, exit_code=3, finished_at=NOW - MINUTE, duration_s=14.0)
    async with opened(engine) as pilot:
        assert "In the last 24 h" in shown(pilot) and "sync-assets  exit 3" in shown(pilot)
        engine.monitoring.time = LATER
        await pilot.press("S")
        await until(pilot, lambda: "nothing happened" in shown(pilot))
        assert engine.looked_at == LATER and "Since you last looked (14:02)" in shown(pilot)
        engine.put(name="late", status=Status.FAILED, exit_code=1, finished_at=LATER + SECOND, duration_s=1.0)
        await until(pilot, lambda: "late  exit 1" in shown(pilot))


async def test_leaving_after_a_look_writes_it_down_and_a_glance_does_not(engine: FakeEngine) -> None:
    watched(engine)
    async with opened(engine) as pilot:
        await pilot.press("2")
        assert engine.looked_at is None
        await pilot.press("1")
        await until(pilot, lambda: screen(pilot).looks and screen(pilot)._looking._began is not None)
        engine.monitoring.time = NOW + 60 * SECOND
        await pilot.press("2")
        await until(pilot, lambda: engine.looked_at == NOW + 60 * SECOND)


async def test_the_end_of_the_console_is_a_look_and_a_signal_is_none(engine: FakeEngine) -> None:
    for code, known in ((143, None), (0, NOW + 60 * SECOND)):
        engine.monitoring.time = NOW
        async with opened(engine) as pilot:
            engine.monitoring.time = NOW + 60 * SECOND
            pilot.app.exit(return_code=code)
        assert engine.looked_at == known


# -- graphs


async def test_zoom_graph_shows_one_over_hours_and_comes_back(engine: FakeEngine) -> None:
    engine.monitoring.put("load_high", "load is 3", Severity.LOW)
    async with opened(watched(engine)) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: "CPU, last 1 h" in shown(pilot) and "some task waits for CPU" in shown(pilot))
        await pilot.press("tab")
        await until(pilot, lambda: "Memory, last 1 h" in shown(pilot) and "swap" in shown(pilot))
        await pilot.press("a", "c", "S", "s", "K", "C")
        assert engine.monitoring.calls == [] and engine.looked_at is None
        await until(pilot, lambda: "CPU, last 1 h" in shown(pilot) and "each core" in shown(pilot))
        await pilot.press("z")
        await until(pilot, lambda: "Trouble" in shown(pilot))
        await pilot.press("z", "enter")
        await until(pilot, lambda: "Trouble" in shown(pilot))
        await pilot.press("z", "escape")
        await until(pilot, lambda: "Trouble" in shown(pilot))
        assert isinstance(pilot.app.screen, OverviewScreen)


async def test_longer_span_and_shorter_span(engine: FakeEngine) -> None:
    async with opened(watched(engine)) as pilot:
        await pilot.press("plus", "z")
        for key, span in (
            ("plus", "6 h"),
            ("l", "24 h"),
            ("right", "24 h"),
            ("minus", "6 h"),
            ("h", "1 h"),
            ("left", "10 min"),
        ):
            await pilot.press(key)
            await until(pilot, lambda: f"CPU, last {span}" in shown(pilot))  # noqa: B023 - asked at once


async def test_the_lanes_of_the_cores_begin_with_what_is_on_record(engine: FakeEngine) -> None:
    station = engine.monitoring
    for core in range(2):
        station.recorded[f"core:{core}"] = [
            Point(NOW - ago * SECOND, 1, *[10.0 * core + ago] * 3) if ago != 3 or core else None
            for ago in range(5, -1, -1)
        ]
    station.take(sample(NOW, cpu=Cpu(50.0, per_core=(10.0, 97.0), cores=2.0)))
    async with opened(engine) as pilot:
        lanes = screen(pilot).graphs.cores
        await until(pilot, lambda: len(lanes.seen) == 1)
        await pilot.press("C")
        await until(pilot, lambda: [list(one) for one in lanes.seen] == [
            [5.0, 15.0], [4.0, 14.0], [2.0, 12.0], [1.0, 11.0], [10.0, 97.0],
        ])  # fmt: skip
        await pilot.press("C", "C")
        assert len(lanes.seen) == 5, "it is read once"


async def test_graph_cores_shows_each_core_by_itself(engine: FakeEngine) -> None:
    engine.monitoring.take(sample(NOW, cpu=Cpu(50.0, per_core=(10.0, 97.0, 30.0, 20.0), cores=4.0)))
    async with opened(engine) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: "Cores 4  busiest 1: 97 %" in shown(pilot))
        assert screen(pilot).label_of("graph_cores") == "all cores"
        await pilot.press("C")
        await until(pilot, lambda: "CPU 50 %" in shown(pilot))


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (160, 45), (220, 50)], ids=str)
async def test_graph_pressure_comes_and_goes(engine: FakeEngine, size: tuple[int, int]) -> None:
    engine.monitoring.take(sample(NOW, pressure=Pressure(2.0, 1.0, 0.0, 30.0)))
    async with opened(engine, size) as pilot:
        there = size[0] >= 150
        await until(pilot, lambda: ("Waiting for I/O 30 %" in shown(pilot)) is there)
        await pilot.press("p")
        await until(pilot, lambda: ("Waiting for I/O 30 %" in shown(pilot)) is not there)


async def test_a_kernel_without_pressure_has_no_graph_of_it_until_it_is_wanted(engine: FakeEngine) -> None:
    engine.monitoring.take(sample(NOW))
    async with opened(engine, (160, 45)) as pilot:
        await until(pilot, lambda: "Waiting for" not in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "Waiting for this" in shown(pilot))


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=str)
async def test_swap_has_a_graph_where_the_host_has_swap_and_the_screen_room(
    engine: FakeEngine, size: tuple[int, int]
) -> None:
    engine.monitoring.take(sample(NOW, swap=Swap(62.0, 8 * GB, 5 * GB, in_bps=300_000.0)))
    async with opened(engine, size) as pilot:
        large = size == (160, 45)
        await until(pilot, lambda: ("Swap 62 %" if large else "swap 62 %") in shown(pilot))
        assert ("in 293 KiB/s" in shown(pilot)) is large
        assert ("swap 62 %" in shown(pilot)) is not large, "it is said once"
        engine.monitoring.take(sample(NOW + SECOND), tell=True)
        await until(pilot, lambda: "wap 62 %" not in shown(pilot))
        assert ("Swap off" in shown(pilot)) is large, "nothing moves to another place when it is switched off"


async def test_a_host_without_swap_has_no_graph_of_it(engine: FakeEngine) -> None:
    engine.monitoring.take(sample(NOW))
    async with opened(engine, (160, 45)) as pilot:
        assert "Swap" not in shown(pilot) and not screen(pilot).graphs.swap.region


# -- processes and the monitor


async def test_sort_processes_by_memory_and_back(engine: FakeEngine) -> None:
    def order() -> list[str]:
        return [word for line in lines_of(pilot) for word in line.split() if word.startswith("the-")]

    async with opened(watched(engine)) as pilot:
        await until(pilot, lambda: order() == ["the-small-one", "the-large-one"])
        await pilot.press("s")
        await until(pilot, lambda: order() == ["the-large-one", "the-small-one"] and "by memory" in shown(pilot))
        await pilot.press("s")
        await until(pilot, lambda: order() == ["the-small-one", "the-large-one"] and "by CPU" in shown(pilot))


async def test_watch_starts_the_monitor_and_stops_it_after_a_question(engine: FakeEngine) -> None:
    station = engine.monitoring
    async with opened(engine) as pilot:
        await until(pilot, lambda: "press m to start the monitor" in shown(pilot))
        await pilot.press("m")
        await until(pilot, lambda: station.calls == [("start",)])
        await until(pilot, lambda: screen(pilot).label_of("watch") == "stop watching")
        watched(engine)
        await until(pilot, lambda: "the-small-one" in shown(pilot))
        for key in ("enter", "escape", "n"):
            await pilot.press("m")
            await in_dialog(pilot, ConfirmScreen)
            assert "Stop watching this host?" in shown(pilot)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, OverviewScreen))
        assert station.calls == [("start",)]
        await pilot.press("m")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("y")
        await until(pilot, lambda: "unknown: nobody watches this host" in shown(pilot))
        assert station.calls == [("start",), ("stop",)] and "the-small-one" not in shown(pilot)
        station.open_anomalies = list  # type: ignore[method-assign]
        station.refusal = StorageError("monitor.lock cannot be used")
        await pilot.press("m")
        await until(pilot, lambda: "monitor.lock cannot be used" in said(pilot))


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
        Seen().check(pilot, "here")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, OverviewScreen)
        engine.monitoring.analyze = broken  # type: ignore[method-assign]
        await pilot.press("A")
        await until(pilot, lambda: "the disk is on fire" in said(pilot))
        assert isinstance(pilot.app.screen, OverviewScreen)


def broken() -> None:
    raise StorageError("the disk is on fire")


async def test_the_key_it_names_is_the_one_that_works(engine: FakeEngine) -> None:
    app = console(engine, start="overview")
    app.set_keymap({"watch": "w"})
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await until(pilot, lambda: "press w to start the monitor" in shown(pilot))
