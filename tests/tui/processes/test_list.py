"""The list on the screen: what it shows, where the cursor stays, and what the filter line says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from opsconsole import host
from opsconsole.errors import ConsoleError
from opsconsole.samples import ProcessSample
from opsconsole.storage.running import Running
from opsconsole.tui.screens.processes.filter import FIELDS
from opsconsole.tui.screens.processes.screen import ProcessesScreen
from opsconsole.tui.screens.processes.table import ProcessTable
from opsconsole.tui.screens.tasks.screen import TasksScreen
from opsconsole.tui.widgets.filter_line import FilterLine
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.fake_monitoring import sample
from tests.tui.processes.fake_processes import FakeSampler, row, small_host
from tests.tui.processes.scene import (
    Patch,
    filtered,
    look,
    no_look,
    opened,
    pids,
    screen,
    selected,
    stand_still,
    table,
    tagged,
    taken,
)  # fmt: skip
from tests.tui.waiting import lines_of, shown, told, until


async def test_the_busiest_come_first_and_the_columns_fit_every_size(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch, (80, 24)) as pilot:
        assert pids(pilot) == [400, 600, 501, 502, 1, 500, 700, 701]
        lines = lines_of(pilot)
        assert len(lines) == 24 and all(len(line) == 80 for line in lines)
        assert lines[1].split("   ")[0].strip() == "8 processes" and "1 running   1 zombie   by CPU" in lines[1]
        assert lines[2].split() == ["PID", "USER", "CPU%▾", "RSS", "S", "THR", "COMMAND"]
        first = ["▌", "400", "postgres", "41.3", "1.9G", "S", "1", "postgres", "--serve"]
        assert lines[3].split() == first
        assert "[helper]" in shown(pilot)
        assert lines[-1].split()[-4:] == ["?", "help", "q", "quit"]
        assert lines[-1].split()[:4] == ["enter", "look", "/", "filter"], "what is needed most is there at any width"
        for size in ((60, 15), (40, 10), (300, 60)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: [len(line) for line in lines_of(pilot)] == [size[0]] * size[1])
            assert table(pilot)._look(1) is not None
        assert {"NI", "TIME", "NAME", "COMMAND"} <= set(lines_of(pilot)[2].split())
        assert "1h23m" in shown(pilot)


async def test_nothing_is_said_of_cpu_before_the_second_look(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    sampler.shares_known = False
    async with opened(engine, sampler, monkeypatch) as pilot:
        assert pids(pilot)[:2] == [600, 400] and "by memory until CPU is known" in shown(pilot)
        assert "RSS▾" in shown(pilot) and "CPU%▾" not in shown(pilot) and "–" in lines_of(pilot)[3].split()
        sampler.shares_known = True
        await until(pilot, lambda: pids(pilot)[:2] == [400, 600])  # soon, by itself
        assert "41.3" in lines_of(pilot)[3] and "CPU%▾" in shown(pilot)


async def test_a_column_of_runs_only_where_there_are_some(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch, (160, 45)) as pilot:
        heading = lines_of(pilot)[2]
        assert " RUN " not in heading
        assert table(pilot).size.width - heading.index("COMMAND") >= 45, "room for what a process does"
        engine.running = [Running("7.1", 1, 500, 5000, NOW)]
        await look(pilot, sampler, *sampler.processes)
        assert " RUN " in lines_of(pilot)[2] and "7.1" in shown(pilot)


async def test_processes_of_one_run_are_found_by_its_number(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch, (160, 45)) as pilot:
        engine.running = [Running("7.1", 1, 500, 5000, NOW), Running("71.1", 1, 600, 6000, NOW)]
        await look(pilot, sampler, *sampler.processes)
        await pilot.press("slash", *"run=7")
        await until(pilot, lambda: set(pids(pilot)) == {500, 501, 502, 700})
        assert "4 of 8" in shown(pilot)
        await pilot.press(*".2")
        await until(pilot, lambda: pids(pilot) == [])
        await pilot.press(*"x")
        await until(pilot, lambda: "run takes the number of a task" in shown(pilot))


async def test_looks_only_while_it_is_on_top(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: sampler.looks >= 2)  # by itself
        await pilot.press("2")
        assert isinstance(pilot.app.screen, TasksScreen)
        await no_look(pilot)  # nor one that began before
        before = sampler.looks
        screen(pilot).look_again()
        await pilot.pause()
        assert sampler.looks == before
        screen(pilot)._let_go()  # as the timer does after a while
        assert sampler.closed == 1
        await pilot.press("3")
        await until(pilot, lambda: sampler.looks > before)
    assert sampler.closed == 2


async def test_a_look_that_fails_is_said_once_and_tried_again(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    sampler.refusal = ConsoleError("no descriptor is left", hint="close something")
    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: "close something" in told(pilot))
        assert "The processes cannot be read." in shown(pilot) and "✗ no descriptor is left" in shown(pilot)
        assert "K signal" not in shown(pilot)
        screen(pilot).look_again()
        await until(pilot, lambda: not screen(pilot)._busy)
        assert told(pilot).count("no descriptor is left") == 1
        sampler.refusal = None
        await look(pilot, sampler, *sampler.processes)
        assert "postgres" in shown(pilot) and "✗" not in lines_of(pilot)[1] and "8 processes" in shown(pilot)


async def test_the_cursor_stays_on_its_process_and_follows_it_when_told(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    sampler.shares_known = False
    async with opened(engine, sampler, monkeypatch, (160, 30)) as pilot:
        await pilot.press("j", "j")
        assert selected(pilot) == 501
        found = [replace(one, cpu_percent=99.0 if one.pid == 501 else 0.0) for one in sampler.processes]
        sampler.shares_known = True
        screen(pilot)._shares_known = True
        await look(pilot, sampler, *found)
        assert pids(pilot)[0] == 501 and selected(pilot) == 501
        assert "▌" in next(line for line in lines_of(pilot)[3:] if " 501 " in line)
        # its number is another process's now: the cursor stays on its line, not on that
        again = [replace(one, start_ticks=1, cpu_percent=0.0) if one.pid == 501 else one for one in found]
        await look(pilot, sampler, *again)
        assert selected(pilot) == 1
        await following(pilot, sampler)


async def following(pilot: Pilot[Any], sampler: FakeSampler) -> None:
    await pilot.press("g", "F")
    assert selected(pilot) == 1 and "following 1 systemd" in shown(pilot)
    assert screen(pilot).label_of("follow_process") == "unfollow"
    crowd = [row(number, "crowd", cpu_percent=50.0) for number in range(1000, 1100)]
    await look(pilot, sampler, *sampler.processes, *crowd)
    assert selected(pilot) == 1 and " init " in shown(pilot)  # far down, and in sight
    await filtered(pilot, "crowd")
    assert "following 1 systemd, not shown now" in shown(pilot)
    await pilot.press("escape")
    assert selected(pilot) == 1 and "not shown now" not in shown(pilot)
    await pilot.press("k")
    assert "following" not in shown(pilot) and screen(pilot).label_of("follow_process") == "follow"
    await pilot.press("F")
    followed = selected(pilot)
    await look(pilot, sampler, *[one for one in sampler.processes if one.pid != followed])
    await until(pilot, lambda: f"Process {followed}, which the cursor followed, has ended." in told(pilot))


async def test_a_cursor_that_nobody_moved_does_not_take_the_view_along(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = FakeSampler(*(row(number, "worker", cpu_percent=number - 1000.0) for number in range(1000, 1200)))
    everybody = list(sampler.processes)

    def sunk(pid: int, to: float) -> list[ProcessSample]:
        return [replace(one, cpu_percent=to) if one.pid == pid else one for one in everybody]

    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: sampler.looks >= 2)
        await stand_still(pilot, monkeypatch)
        assert selected(pilot) == 1199
        taken(pilot, sunk(1199, 190.5))
        assert selected(pilot) == 1199 and pids(pilot)[0] == 1198  # it is still to be seen
        taken(pilot, sunk(1199, 0.0))
        assert selected(pilot) == 1198 and table(pilot).scroll_offset.y == 0
        await pilot.press("j")
        taken(pilot, sunk(1197, 0.0))
        assert selected(pilot) == 1197 and table(pilot).scroll_offset.y > 0
        await pilot.press("g", "pageup", "ctrl+d", "down")
        assert selected(pilot) == pids(pilot)[table(pilot).size.height - 2 + 1]
        await pilot.press("home", "end")
        assert selected(pilot) == pids(pilot)[-1] and "worker" in lines_of(pilot)[-2]


async def test_the_cursor_begins_on_the_first_as_soon_as_shares_are_known(
    engine: FakeEngine, monkeypatch: Patch
) -> None:
    sampler = small_host()
    busy = list(sampler.processes)
    sampler.put(*(replace(one, cpu_percent=0.0) for one in busy))
    sampler.shares_known = False
    async with opened(engine, sampler, monkeypatch, (160, 45)) as pilot:
        sampler.put(*busy)
        sampler.shares_known = True
        await until(pilot, lambda: pids(pilot)[0] == 400 and sampler.interval_s is not None)
        assert selected(pilot) == 400
        # only lines that changed are drawn
        await stand_still(pilot, monkeypatch)
        await pilot.pause()
        drawn: list[Any] = []
        monkeypatch.setattr(table(pilot), "refresh", lambda *regions, **_: drawn.extend(regions or ["all"]))
        taken(pilot, busy)
        assert drawn == []
        taken(pilot, [replace(one, rss_bytes=10**8) if one.pid == 502 else one for one in busy])
        assert [(region.y, region.height) for region in drawn] == [(4, 1)]


async def test_freeze_tags_and_the_filter(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    everybody = list(sampler.processes)
    async with opened(engine, sampler, monkeypatch, (130, 30)) as pilot:
        await pilot.press("p")
        assert "frozen" in shown(pilot) and screen(pilot).label_of("freeze") == "go on"
        await look(pilot, sampler, *everybody[:2])
        assert len(pids(pilot)) == 8
        await pilot.press("i")  # what stands still can be put in another order
        assert pids(pilot)[0] == 1
        await pilot.press("p", "c")
        await look(pilot, sampler, *everybody[:2])
        assert pids(pilot) == [400, 1] and "frozen" not in shown(pilot)
        await look(pilot, sampler, *everybody)
        await pilot.press("g", "space", "space")
        assert tagged(pilot) == {400, 600} and "2 tagged" in shown(pilot) and shown(pilot).count("●") == 2
        await pilot.press("k", "space")  # once more takes it off
        assert tagged(pilot) == {400}
        await look(pilot, sampler, *[one for one in everybody if one.pid != 400])
        assert not tagged(pilot)
        await look(pilot, sampler, *everybody)
        await the_filter(pilot, sampler)


async def the_filter(pilot: Pilot[Any], sampler: FakeSampler) -> None:
    await pilot.press("slash", *"cpu>5 user=www")
    assert pids(pilot) == [600, 501] and "2 of 8" in shown(pilot)
    assert lines_of(pilot)[1].split("   ")[0].strip() == "2 of 8 processes" and "zombie" not in lines_of(pilot)[1]
    await pilot.press("enter", "escape")
    assert len(pids(pilot)) == 8 and isinstance(pilot.app.screen, ProcessesScreen)
    # one that is wrong says where, and keeps the list
    await filtered(pilot, "nginx (rss>29M)")
    assert pids(pilot) == [501]
    await filtered(pilot, "nginx (rss>29M) and cpu")
    assert pids(pilot) == []  # while `cpu` was a word, nothing was found; the cursor knows where it was
    await filtered(pilot, "nginx (rss>29M) and cpu>x")
    assert "cpu takes a number, not x (column 25)" in shown(pilot)
    await look(pilot, sampler, *sampler.processes)
    assert "(column 25)" in shown(pilot)  # a look does not wipe it away
    await filtered(pilot, "name~(")
    assert "not a regular expression" in shown(pilot) or "a value after ~" in shown(pilot)
    await filtered(pilot, "nginx (rss>29M) and cpu>5")
    await until(pilot, lambda: "column" not in shown(pilot) and "1 of 8" in shown(pilot))
    assert pids(pilot) == [501]
    await pilot.press("escape")
    assert len(pids(pilot)) == 8 and selected(pilot) == 501
    # one that nothing passes says what to do, and no key does anything
    await filtered(pilot, "no-such-thing")
    await pilot.press("enter")
    assert "No process passes this filter." in shown(pilot) and "Press esc to see all." in shown(pilot)
    await pilot.press("K", "r", "enter", "space", "j", "G", "F", "o", "t", "minus", "asterisk")
    assert isinstance(pilot.app.screen, ProcessesScreen)
    assert "There is no process to do this with." in told(pilot)


@pytest.mark.parametrize("gone", [False, True])
async def test_another_mode_sends_here(engine: FakeEngine, monkeypatch: Patch, gone: bool) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await filtered(pilot, "postgres")
        await pilot.press("enter", "t")
        if gone:
            for pid, began in ((4711, None), (501, 999.0)):
                screen(pilot).go_to(pid, began)
                await until(pilot, lambda pid=pid: f"Process {pid} has ended" in told(pilot))
            assert "its number belongs to a later one" in told(pilot)
            return
        screen(pilot).go_to(501, 1.0)
        await until(pilot, lambda: selected(pilot) == 501)
        await pilot.press("minus", "minus")
        assert selected(pilot) == 500 and 501 not in pids(pilot)
        screen(pilot).go_to(502)
        assert selected(pilot) == 502


async def test_the_next_line_down_is_drawn_and_those_that_only_moved_up_are_not(
    engine: FakeEngine, monkeypatch: Patch
) -> None:
    many = [row(1000 + at, f"worker-{at}", cpu_percent=90.0 - at) for at in range(60)]
    async with opened(engine, FakeSampler(*many), monkeypatch, (100, 30)) as pilot:
        widget = table(pilot)
        await pilot.press("pagedown", "j")
        await until(pilot, lambda: widget.scroll_offset.y > 0 and f"worker-{selected(pilot) - 1000}" in shown(pilot))
        drawn: list[object] = []
        strip = widget._strip
        monkeypatch.setattr(widget, "_strip", lambda *cells: drawn.append(cells) or strip(*cells))
        before = selected(pilot)
        await pilot.press("j")
        await until(pilot, lambda: f"worker-{before + 1 - 1000}" in shown(pilot))
        lines = [one for one in drawn if one[0] != widget._headings()]  # type: ignore[index]
        assert 1 <= len(lines) <= 3, "the new line, and those the cursor came to and left"


async def test_lines_that_are_remembered_have_the_colours_of_the_theme(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        widget = table(pilot)
        before = {segment.style for segment in widget.render_line(2)}
        pilot.app.theme = next(name for name in pilot.app.available_themes if name != pilot.app.theme)
        await until(pilot, lambda: {segment.style for segment in widget.render_line(2)}.isdisjoint(before))


async def test_a_line_that_has_moved_is_looked_at_once(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = FakeSampler(*[row(pid, f"one-{pid}") for pid in range(1, 200)])
    async with opened(engine, sampler, monkeypatch, (100, 30)) as pilot:
        screen(pilot).action_freeze()
        await pilot.pause()
        looks: list[int] = []
        real = ProcessTable._look
        monkeypatch.setattr(ProcessTable, "_look", lambda self, y: (looks.append(y), real(self, y))[1])
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: table(pilot).scroll_offset.y > 0 and str(selected(pilot)) in shown(pilot))
        lines = table(pilot).size.height - 1
        assert max(looks.count(y) for y in range(1, lines + 1)) <= 3, "drawn after each key, and compared once"


@pytest.mark.parametrize(("width", "rows"), [(80, 2), (150, 2), (260, 1)])
async def test_what_is_wrong_with_the_filter_is_never_cut_unsaid(
    engine: FakeEngine, monkeypatch: Patch, width: int, rows: int
) -> None:
    async with opened(engine, small_host(), monkeypatch, (width, 30)) as pilot:
        note, line = screen(pilot).query_one("#filter-note"), screen(pilot).query_one(FilterLine)
        await pilot.press("slash", *"user=www colour=red")
        said = "colour is no field (column 10): there are " + " ".join(FIELDS)
        await until(pilot, lambda: note.region.height == rows and " ".join(read(pilot, note.region)) == said)
        assert line.region.height == 1 + rows
        assert read(pilot, line.region)[0].startswith("/ user=www colour=red")
        await pilot.press(*["backspace"] * 10)
        await until(pilot, lambda: line.region.height == 1)


async def test_what_is_wrong_with_a_filter_and_has_no_room_at_all_ends_in_an_ellipsis(
    engine: FakeEngine, monkeypatch: Patch
) -> None:
    async with opened(engine, small_host(), monkeypatch, (60, 30)) as pilot:
        note = screen(pilot).query_one("#filter-note")
        await pilot.press("slash", *f"{'x' * 40}=1")
        await until(pilot, lambda: note.region.height == 2 and read(pilot, note.region)[1].endswith("…"))
        await pilot.resize_terminal(300, 30)
        await until(pilot, lambda: read(pilot, note.region)[-1].endswith(" run"))
        await pilot.press("escape")
        await until(pilot, lambda: not screen(pilot).query_one(FilterLine).display)


def read(pilot: Pilot[Any], region: Region) -> list[str]:
    """What stands there, line by line."""
    lines = lines_of(pilot)[region.y : region.bottom]
    return [line[region.x : region.right].strip() for line in lines] or [""]


async def test_a_share_of_the_memory_is_one_of_the_host_that_is_looked_at(
    engine: FakeEngine, monkeypatch: Patch
) -> None:
    engine.monitoring.take(sample(NOW))  # 16 GB; the host of the tests has another size
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await filtered(pilot, "mem>13%")
        assert pids(pilot) == [600]
        await filtered(pilot, "mem>12%")
        assert pids(pilot) == [400, 600]
        engine.monitoring.stop()
        assert screen(pilot).memory == host.memory_bytes() > 1 << 20


async def test_the_cursor_comes_back_to_its_process_when_a_filter_is_dropped(
    engine: FakeEngine, monkeypatch: Patch
) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        screen(pilot).go_to(500)
        await filtered(pilot, "postgres")
        await until(pilot, lambda: pids(pilot) == [400])
        await pilot.press("escape")
        await until(pilot, lambda: len(pids(pilot)) == 8)
        assert selected(pilot) == 500
