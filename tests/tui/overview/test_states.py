"""What the overview says when little is known, when much is wrong, and when something does not work."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.errors import StorageError
from opsconsole.events import RunSampled, SampleTaken
from opsconsole.models import Status
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, RunUsage, Swap
from opsconsole.storage.looks import DeadConsole
from opsconsole.storage.metrics import Point
from tests.tui.fake_engine import FakeEngine
from tests.tui.fake_monitoring import GB, FakeStation, process, sample
from tests.tui.hostile import Seen
from tests.tui.overview.scene import LATER, NOW, SECOND, focus, graph, line_with, opened, said, screen, tones, watched
from tests.tui.scenes import HOSTILE, HOUR, MINUTE, console, trouble
from tests.tui.tasks.scene import measured
from tests.tui.waiting import lines_of, settled, shown, started, until

SIZES = [(80, 24), (120, 36), (160, 45), (300, 100), (60, 12), (80, 16)]


# -- little is known


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=str)
async def test_the_first_frame_looks_like_the_overview(engine: FakeEngine, size: tuple[int, int]) -> None:
    engine.holds = asyncio.Event()
    app = console(engine, start="overview")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.engine is None
        for word in ("Trouble", "CPU", "Memory", "Disk", "Network", "Running", "Processes", "starting"):
            assert word in shown(pilot)
        await pilot.press("enter", "a", "c", "S", "z", "C", "p", "s", "A", "m", "tab", "plus")
        await pilot.pause()
        engine.holds.set()
        await started(pilot)
        await until(pilot, lambda: "starting" not in "\n".join(lines_of(pilot)[1:]))


async def test_without_a_monitor_it_says_which_key_starts_one_and_not_that_all_is_well(engine: FakeEngine) -> None:
    async with opened(engine, (80, 24)) as pilot:
        text = shown(pilot)
        assert "unknown: nobody watches this host" in text and "press m to start the monitor" in text
        assert "nothing is wrong" not in text and text.count("no data") == 4


async def test_the_first_look_under_way(engine: FakeEngine) -> None:
    engine.monitoring.state = "running"
    async with opened(engine) as pilot:
        assert "the first look is under way" in shown(pilot)


async def test_all_is_well_in_one_line_and_what_was_last_is_said(engine: FakeEngine) -> None:
    watched(engine).monitoring.put(
        "io_pressure", "tasks waited for I/O", Severity.HIGH, state=AnomalyState.CLOSED, closed_at=NOW - 2 * HOUR
    )
    async with opened(engine) as pilot:
        line = line_with(pilot, "Trouble")
        assert "✔ nothing is wrong" in line and "last: tasks waited for I/O, 2h ago" in line
        assert screen(pilot).trouble.size.height == 1
        assert "nothing runs, nothing waits  n: run a script" in shown(pilot)


async def test_open_when_the_monitor_stopped_is_not_open_now(engine: FakeEngine) -> None:
    engine.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
    async with opened(engine) as pilot:
        assert "1 open when the monitor stopped" in shown(pilot)


# -- much is known


async def test_figures_of_the_host(engine: FakeEngine) -> None:
    engine.monitoring.take(
        sample(
            NOW, cpu=Cpu(percent=71.0, cores=1.5, steal=4.0), load=(3.2, 1, 1), swap=Swap(44.0, GB, GB // 2),
            memory=Memory(50.0, 16 * GB, 8 * GB, 8 * GB), pressure=Pressure(2.0, 1.0, 0.0, 30.0), uptime_s=90_000.0,
            disks=(Disk("/srv", "/dev/sda", "ext4", 9, 8, 1, 81.4), Disk("/run", "tmpfs", "tmpfs", 9, 0, 9, 0.2)),
            drives=(Drive("sda", 12_000_000.0, 3_000_000.0, 120, 40, 71.0, 4.2),),
            interfaces=(Interface("lo", 9e9, 9e9), Interface("a", 1e6, 2e3), Interface("b", 2e5, 0.0)), processes=312,
        ),
        process(1, "java", cpu_percent=18.0, rss_bytes=5 * GB), process(2, "pg", cpu_percent=41.0, rss_bytes=2 * GB),
    )  # fmt: skip
    async with opened(engine, (220, 50)) as pilot:
        text = shown(pilot)
        for words in (
            "CPU 71 %  some 2 % waiting  steal 4 %", "pg 41   java 18", "Memory 50 %  some 1 % waiting", "Swap 44 %",
            "java 4.7G   pg 1.9G", "Disk /srv 81 %", "I/O r 11.4 MiB/s  w 2.86 MiB/s",
            "some 30 % waiting   sda 71 % busy",
            "Network ↓ 1.14 MiB/s  ↑ 1.95 KiB/s", "a 979 KiB/s   b 195 KiB/s",
            "Waiting for I/O 30 %  CPU 2 %  memory 1 %", "312 processes",
        ):  # fmt: skip
            assert words in text
        assert "/run" not in text


async def test_a_disk_that_fills_says_when_it_is_full(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    station.put("disk_fill_rate", "/ fills", Severity.MEDIUM, subject="/", value=32_400.0, unit="s")
    station.take(sample(LATER, disks=(Disk("/", "sda", "ext4", 9, 8, 1, 61.0),)))
    async with opened(engine) as pilot:
        await until(pilot, lambda: "◆ Disk / 61 %  full in 9h00m" in shown(pilot))


async def test_the_value_stands_whole_however_long_the_mount_is(engine: FakeEngine) -> None:
    mount = "/tmp/pytest-of-root/pytest-0/popen-gw1/wfs2 [bold]x"
    station = watched(engine).monitoring
    station.put("disk_full", f"{mount} is full", Severity.CRITICAL, subject=mount, value=100.0)
    station.take(sample(LATER, disks=(Disk(mount, "sda", "ext4", 9, 9, 0, 100.0),)))
    async with opened(engine, (160, 45)) as pilot:
        for size in ((160, 45), (120, 35), (80, 24)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: [len(line) for line in lines_of(pilot)] == [size[0]] * size[1])
            await until(pilot, lambda: bool(re.search(r"‼ Disk …\S*wfs2 \[bold\]x 100 %", shown(pilot))))


def worst(station: FakeStation) -> None:
    """One file system that fills, and drives that are slower than it is full."""
    station.put("disk_full", "/ is full", Severity.LOW, subject="/", value=86.0)
    station.put("io_pressure", "everything waits", Severity.HIGH)
    station.take(
        sample(
            LATER, disks=(Disk("/", "sda", "ext4", 9, 8, 1, 86.0),), drives=(Drive("sda", 12_000_000.0, 3_000_000.0),)
        )
    )


@pytest.mark.parametrize(("size", "said", "unsaid"), [
    ((160, 60), ("◇ Disk / 86 %", "▲ I/O r 11.4 MiB/s  w 2.86 MiB/s"), ()),
    ((80, 24), ("▲ I/O r 11.4 MiB/s  w 2.86 MiB/s",), ("Disk / 86 %",)),
], ids=("both", "the worse one"))  # fmt: skip
async def test_how_full_a_disk_is_and_what_goes_through_it_are_two_graphs(
    engine: FakeEngine, size: tuple[int, int], said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    worst(watched(engine).monitoring)
    async with opened(engine, size) as pilot:
        await until(pilot, lambda: all(words in shown(pilot) for words in said))
        assert not any(words in shown(pilot) for words in unsaid)
        assert 15_000_000.0 in screen(pilot).graphs.io.values
        assert unsaid or 86.0 in graph(pilot, "disk").values


async def test_another_file_system_has_a_graph_of_its_own(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    station.recorded["disk:/srv"] = [Point(NOW - 60 * SECOND, 1, 93.0, 93.0, 93.0)]
    station.take(sample(LATER, disks=(Disk("/", "a", "xfs", 9, 7, 2, 71.0), Disk("/srv", "b", "xfs", 9, 3, 6, 33.0))))
    async with opened(engine) as pilot:
        await until(pilot, lambda: "Disk / 71 %" in shown(pilot) and 71.0 in graph(pilot, "disk").values)
        station.take(
            sample(
                LATER + SECOND,
                disks=(Disk("/", "a", "xfs", 9, 7, 2, 71.0), Disk("/srv", "b", "xfs", 9, 9, 0, 94.0)),
            )
        )
        await until(pilot, lambda: "Disk /srv 94 %" in shown(pilot))
        await until(pilot, lambda: {93.0, 94.0} <= set(graph(pilot, "disk").values))
        assert 71.0 not in graph(pilot, "disk").values


async def test_a_graph_alone_begins_at_a_nothing_of_its_own_unit(engine: FakeEngine) -> None:
    for name, value in (("cpu", 71.0), ("load1", 2.5)):
        watched(engine).monitoring.recorded[name] = [
            Point(NOW - ago * MINUTE, 1, value, value, value) for ago in range(50, 0, -1)
        ]
    async with opened(engine, (120, 36)) as pilot:
        await pilot.press("z")
        await until(pilot, lambda: "load 2.50" in shown(pilot))
        labels = [line[:12].strip() for line in lines_of(pilot)[1:-2] if line[:12].strip(" ⣀⣤⣶⣿⡀⢀")]
        assert [one for one in labels if one[0].isdecimal()] == ["100 %", "0 %", "2.50", "0"]


async def test_severity_has_a_colour_only_for_a_process_that_an_anomaly_is_about(engine: FakeEngine) -> None:
    watched(engine).monitoring.put("process_rss", "large[11] grew", Severity.HIGH, subject="large[11]")
    async with opened(engine) as pilot:
        assert tones(pilot, "the-large-one") <= tones(pilot, "large[11] grew")
        assert tones(pilot, "the-small-one").isdisjoint(tones(pilot, "the-large-one"))
        assert "large(11)" in line_with(pilot, "HIGH large[11] grew")


async def test_before_the_first_look_nobody_says_that_all_is_well(engine: FakeEngine) -> None:
    engine.monitoring.state = "running"
    async with opened(engine) as pilot:
        pilot.app._patience = 10_000  # type: ignore[attr-defined]
        await until(pilot, lambda: "looking …" in line_with(pilot, "Trouble") and "looking …" in lines_of(pilot)[0])
        assert "nothing is wrong" not in shown(pilot) and "unknown" not in shown(pilot)
        engine.monitoring.take(sample(LATER))
        await until(pilot, lambda: "✔ nothing is wrong" in line_with(pilot, "Trouble"))


async def test_a_look_that_nobody_has_judged_yet_does_not_say_that_all_is_well(engine: FakeEngine) -> None:
    station = engine.monitoring
    station.state = "running"
    async with opened(engine) as pilot:
        pilot.app._patience = 10_000  # type: ignore[attr-defined]
        station._publish(SampleTaken(sample(LATER), (process(10, "small"),), 1.0))  # before the monitor has one
        await until(pilot, lambda: "1 processes" in shown(pilot))
        pilot.app.look_at_health()  # type: ignore[attr-defined]
        await settled(pilot)
        assert "looking …" in line_with(pilot, "Trouble") and "looking …" in lines_of(pilot)[0]
        assert "nothing is wrong" not in shown(pilot) and "unknown" not in shown(pilot)
        station.take(sample(LATER + SECOND))
        await until(pilot, lambda: "✔ nothing is wrong" in line_with(pilot, "Trouble"))


async def test_beneath_a_dialog_trouble_is_not_what_it_was(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    async with opened(engine) as pilot:
        await until(pilot, lambda: "✔ nothing is wrong" in shown(pilot))
        below = screen(pilot)._compositor
        for key, said in (("question_mark", "/var is full"), ("n", "/srv is full"), ("colon", "/opt is full")):
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen.is_modal)
            station.put("disk_full", said, Severity.CRITICAL, subject=said)
            await until(
                pilot, lambda said=said: said in "".join(s.text for line in below.render_strips() for s in line)
            )
            assert station.looking == 1
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen(pilot))
        await pilot.press("2")
        await until(pilot, lambda: station.looking == 0)


async def test_another_mode_behind_a_dialog_in_one_breath_leaves_this_one(engine: FakeEngine) -> None:
    async with opened(watched(engine)) as pilot:
        for key in ("2", "question_mark"):
            pilot.app.post_message(Key(key, None))
        await until(pilot, lambda: pilot.app.screen.is_modal and engine.monitoring.looking == 0)


async def test_trouble_stands_in_the_order_of_what_matters(tmp_path: Path) -> None:
    async with opened(trouble(tmp_path / "there"), (160, 45)) as pilot:
        top = [line.split()[:3] for line in lines_of(pilot)[2:7]]
        words = [word for line in top for word in line if word in {"CRIT", "HIGH", "MED", "LOW", "info"}]
        assert words == ["CRIT", "HIGH", "LOW", "MED", "info"]  # the medium one somebody has seen
        assert "reverse" in tones(pilot, "CRIT") and "comes and goes" in shown(pilot)


async def test_five_hundred_anomalies_and_three_hundred_runs(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    for number in range(500):
        station.put("unusual", f"trouble {number}", Severity.LOW, opened_at=NOW - number)
    for number in range(300):
        engine.put(name=f"run-{number}", status=Status.RUNNING, started_at=NOW - MINUTE)
    async with opened(engine, (80, 24)) as pilot:
        assert "500 open" in shown(pilot) and "300 running" in shown(pilot)
        assert "more ↓" in line_with(pilot, "Trouble") and "Running" in shown(pilot) and "CPU" in shown(pilot)
        await pilot.press("G")
        await until(pilot, lambda: "trouble 499" in shown(pilot))
        await focus(pilot, "running")
        await pilot.press("G")
        await until(pilot, lambda: "run-0 " in shown(pilot))


async def test_what_died_and_failed_is_said(engine: FakeEngine) -> None:
    watched(engine)
    engine.dead_consoles = [DeadConsole(3, 4242, "tui", "root", NOW - MINUTE)]
    for number in range(2):
        engine.put(name="sync", status=Status.FAILED, exit_code=3, finished_at=NOW - (9 - number) * MINUTE)
    engine.looked_at = NOW - 2 * HOUR - 22 * MINUTE
    async with opened(engine) as pilot:
        assert "Since you last looked (11:40)" in shown(pilot)
        assert "a console died  of root, process 4242" in shown(pilot) and "sync  exit 3 (2nd time)" in shown(pilot)


# -- the look itself


async def test_slow_sampling_missed_looks_and_notes_are_said(engine: FakeEngine) -> None:
    station = watched(engine).monitoring
    async with opened(engine, (240, 45)) as pilot:
        station.take(sample(LATER, gap="suspend", notes=("no PSI",)), interval_s=5.0)
        await until(pilot, lambda: "a look only every 5 s · looks were missed: suspend · no PSI" in shown(pilot))
        station.slowed = "a look takes 300 ms"
        await until(pilot, lambda: "a look takes 300 ms" in shown(pilot))


async def test_the_monitor_of_another_console_is_read_from_its_file(engine: FakeEngine) -> None:
    async with opened(watched(engine), (160, 45)) as pilot:
        one = process(12, "x", cmdline="seen elsewhere")
        engine.monitoring.take(sample(LATER, cpu=Cpu(percent=64.0)), one, tell=False)
        await until(pilot, lambda: "CPU 64 %" in shown(pilot) and "seen elsewhere" in shown(pilot))
        assert "watched by another console (process 4242)" in shown(pilot)


async def test_a_gap_in_the_record_is_a_gap_in_the_graph_and_zero_is_none(engine: FakeEngine) -> None:
    def point(second: int, value: float) -> Point:
        return Point(NOW - second * SECOND, 1, value, value, value)

    old = [point(second, 50.0) for second in range(300, 200, -1)]
    engine.monitoring.recorded["cpu"] = [*old, *(point(second, 0.0) for second in range(100, 0, -1))]
    for name, value in (("net_rx:a", 1e6), ("net_tx:a", 2e6), ("net_rx:b", 4e6), ("net_rx:lo", 9e9)):
        engine.monitoring.recorded[name] = [point(second, value) for second in range(100, 0, -1)]
    cards = (Interface("lo", 9e9, 9e9), Interface("a"), Interface("b"))
    engine.monitoring.take(sample(NOW, cpu=Cpu(percent=None), interfaces=cards))
    async with opened(engine) as pilot:
        await until(pilot, lambda: 50.0 in graph(pilot, "cpu").values)
        values = graph(pilot, "cpu").values
        inner = values[values.index(50.0) :]
        gap = inner.count(None) * graph(pilot, "cpu").step_us // SECOND
        assert 90 <= gap <= 100 and inner[-1] == 0.0
        assert max(value or 0 for value in graph(pilot, "network").values) == 7e6


async def test_a_monitor_that_falls_silent_leaves_a_growing_gap_and_no_old_figures(engine: FakeEngine) -> None:
    async with opened(watched(engine)) as pilot:
        await until(pilot, lambda: "CPU 7 %" in shown(pilot))
        engine.monitoring.time = NOW + 60 * SECOND
        await until(pilot, lambda: "CPU –" in shown(pilot))
        assert graph(pilot, "cpu").values[-5:] == [None] * 5 and 7.0 in graph(pilot, "cpu").values


async def test_an_error_is_told_once_and_stays_where_the_trouble_would_be(engine: FakeEngine) -> None:
    def broken() -> Any:
        calls.append(1)
        raise StorageError("the record cannot be read")

    calls: list[int] = []
    whole = engine.monitoring.open_anomalies
    async with opened(watched(engine)) as pilot:
        engine.monitoring.open_anomalies = broken  # type: ignore[method-assign]
        screen(pilot).look_again()
        await until(pilot, lambda: len(calls) >= 4 and "✗ the record cannot be read" in line_with(pilot, "Trouble"))
        assert 1 <= said(pilot).count("the record cannot be read") <= 2  # of the lists, and of the first line
        engine.monitoring.open_anomalies = whole  # type: ignore[method-assign]
        await until(pilot, lambda: "✔ nothing is wrong" in line_with(pilot, "Trouble"))


async def test_the_tasks_screen_names_the_worst_of_what_is_open(engine: FakeEngine) -> None:
    async with console(watched(engine)).run_test(size=(100, 30)) as pilot:
        await started(pilot)
        station = engine.monitoring
        station.put("load_high", "load is 3", Severity.LOW)
        station.put("memory_high", "memory at 93 %", Severity.HIGH)
        await until(pilot, lambda: "▲ memory at 40 % · and 1 more" in lines_of(pilot)[0])
        station.put("memory_high", "", Severity.HIGH, id=2, state=AnomalyState.CLOSED, closed_at=NOW)
        station.put("load_high", "", Severity.LOW, id=1, state=AnomalyState.CLOSED, closed_at=NOW)
        await until(pilot, lambda: "memory" not in lines_of(pilot)[0])


# -- room


async def test_nothing_lies_over_anything_and_what_matters_is_there(tmp_path: Path) -> None:
    async with opened(trouble(tmp_path / "there"), SIZES[-1]) as pilot:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: [len(line) for line in lines_of(pilot)] == [size[0]] * size[1])
            await settled(pilot)
            panes = [one for one in pilot.app.screen.query("Pane, Graph, FactLine") if one.region and one.is_on_screen]
            for at, one in enumerate(panes):
                covered = [other for other in panes[at + 1 :] if one.region.overlaps(other.region)]
                assert not covered, (size, one, one.region, covered)
            text = shown(pilot)
            assert "java[4711] grew" in text and "reindex-orders" in text and "In the last 24 h" in text, size
            assert size[1] < 20 or "CPU 97 %" in text, size


async def test_a_second_that_changes_nothing_lays_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = trouble(tmp_path / "there")
    async with opened(engine, (160, 45)) as pilot:
        await pilot.pause()
        laid_out: list[int] = []
        kind = type(screen(pilot))
        whole = kind._refresh_layout
        monkeypatch.setattr(kind, "_refresh_layout", lambda *a, **k: (laid_out.append(1), whole(*a, **k))[1])
        for second in range(1, 4):
            busy = sample(NOW + second * SECOND, cpu=Cpu(percent=10.0 * second))
            engine.monitoring.take(busy, *engine.monitoring.latest().processes)  # type: ignore[union-attr]
            engine.publish(RunSampled(RunUsage("14.2", NOW, 10.0 * second, 1, 1, 1, 1)))
            screen(pilot)._tick()
            await pilot.pause()
        assert laid_out == []


async def test_what_a_second_changes_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = trouble(tmp_path / "there")
    async with opened(engine, (160, 45)) as pilot:
        await pilot.pause()
        ticks: list[int] = []
        kind = type(screen(pilot))
        tick = kind._tick
        monkeypatch.setattr(kind, "_tick", lambda self: (ticks.append(1), tick(self))[1])
        station = engine.monitoring
        assert station._taken is not None
        station.take(sample(NOW + SECOND), *station._taken.processes)
        await until(pilot, lambda: bool(ticks))
        ticks.clear()
        screen(pilot)._sampled = True
        screen(pilot)._pass_second()
        assert ticks == [], "it was drawn with the sample"
        screen(pilot)._pass_second()
        assert ticks == [1], "no sample came: what grows older is drawn all the same"


async def test_a_graph_that_is_hidden_is_not_drawn_until_it_comes_back(engine: FakeEngine) -> None:
    async with opened(engine, (120, 40)) as pilot:
        await pilot.pause()
        hidden = screen(pilot).graphs.cells["pressure"].graph
        assert not hidden.region
        screen(pilot)._compositor._full_map_invalidated = False
        engine.monitoring.take(sample(NOW + SECOND), tell=True)
        await pilot.pause()
        assert not screen(pilot)._compositor._full_map_invalidated, "nothing was arranged for what nobody sees"
        screen(pilot).action_graph_pressure()
        await until(pilot, lambda: bool(hidden.region) and "Waiting" in shown(pilot))


# -- hostile text


SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - what must not be shown


@pytest.mark.parametrize("size", [(160, 45), (80, 24)], ids=str)
async def test_hostile_names_are_harmless(engine: FakeEngine, size: tuple[int, int]) -> None:
    evil = HOSTILE + "\x1b]0;pwned\x07<script>[red]"
    station = engine.monitoring
    engine.put(name=evil, status=Status.RUNNING, started_at=NOW)
    engine.put(name=evil)
    engine.put(name=evil, status=Status.FAILED, signal=evil, finished_at=NOW - MINUTE, reason=evil)
    engine.dead_consoles = [DeadConsole(3, 4242, evil, evil, NOW - MINUTE)]
    station.put("disk_full", evil, Severity.HIGH, subject=evil, acknowledged_at=NOW, acknowledged_by=evil)
    station.put("disk_fill_rate", evil, Severity.CRITICAL, subject=evil, value=60.0)
    station.put("memory_high", evil, Severity.LOW, processes=({"pid": evil, "name": evil, "rss_bytes": 9},))
    station.put("x", "", Severity.LOW, subject=evil, state=AnomalyState.CLOSED, closed_at=NOW - HOUR)
    station.slowed = evil
    station.take(
        sample(
            NOW, disks=(Disk(evil, evil, evil, 9, 8, 1, 99.0),), interfaces=(Interface(evil, 1.0, 1.0),), gap=evil,
            notes=(evil,), drives=(Drive(evil, 1.0, 1.0, 1, 1, 50.0),),
        ),
        process(1, evil, user=evil, state="R", cpu_percent=50.0), process(2, "x", cmdline=evil * 20),
        process(3, "mysql", cmdline=f"mysql --password={SECRET} orders", cpu_percent=99.0),
    )  # fmt: skip
    async with opened(engine, size) as pilot:
        assert "mysql --password=" in shown(pilot) and SECRET not in shown(pilot)
        assert "pwned" not in shown(pilot) and "[red]" in shown(pilot)
        Seen().check(pilot, "here")
        await pilot.press("a", "s", "z", "tab", "tab")
        await settled(pilot)
        Seen().check(pilot, "here")


async def test_what_nobody_has_changed_is_not_read_again(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(engine, (120, 36)) as pilot:
        await settled(pilot)
        one, reads = screen(pilot), list[int]()
        read = type(one)._read_trouble
        monkeypatch.setattr(type(one), "_read_trouble", lambda self: (reads.append(1), read(self))[1])
        monkeypatch.setattr(engine, "revision", lambda: ("this", 1))
        one._revision, one._ticks, one._lists_due = ("this", 1), 0, False
        for _ in range(14):
            one._tick()
        assert reads == [], "the record is as it was"
        monkeypatch.setattr(engine, "revision", lambda: ("this", 2))
        one._tick()
        assert reads == [1], "somebody has written"
        for _ in range(15):
            one._tick()
        assert reads == [1, 1], "after half a minute it is read all the same"


async def test_what_a_run_used_before_the_console_was_there_is_in_its_graphs(engine: FakeEngine) -> None:
    task = engine.put(name="reindex", status=Status.RUNNING, started_at=NOW - 190 * SECOND)
    measured(engine, task.execution_id)
    async with opened(engine, size=(160, 45)) as pilot:
        await until(pilot, lambda: sum("\u2801" <= one <= "\u28ff" for one in line_with(pilot, "reindex")) == 16)


async def test_what_was_heard_while_the_record_was_read_stays_the_newest(engine: FakeEngine) -> None:
    task = engine.put(name="reindex", status=Status.RUNNING, started_at=NOW)
    async with opened(engine, size=(160, 45)) as pilot:
        pane, name = pilot.app.screen.running, task.execution_id  # type: ignore[attr-defined]
        usages = [RunUsage(name, NOW + at * SECOND, float(at), at, at, 1, 1) for at in range(6)]
        for one in usages[4:]:
            engine.publish(RunSampled(one))
        await until(pilot, lambda: name in pane._used)
        pane.fill(usages[:5])  # the last of them was heard, too
        assert list(pane._used[name][1]) == [0.0, 1.0, 2.0, 4.0, 5.0]
        pane.fill([])
        assert len(pane._used[name][0]) == 5
