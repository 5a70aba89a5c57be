"""The processes' screen: the list, its keys, one process closely, and signals that reach who was meant."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole import host
from opsconsole.errors import ConsoleError
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.phrase import PhraseScreen
from opsconsole.tui.screens.processes import ProcessesScreen
from opsconsole.tui.screens.processes_acting import Target, each, renice, send
from opsconsole.tui.screens.processes_dialogs import AskScreen
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.widgets.process_detail import FactView
from opsconsole.tui.widgets.process_list import Wish, arrange
from opsconsole.tui.widgets.process_table import ProcessTable
from tests.tui.fake_engine import FakeEngine
from tests.tui.fake_processes import FakeSampler, child, closely, install, row, small_host
from tests.tui.scenes import HOSTILE, console
from tests.tui.test_hostile_text import assert_harmless
from tests.tui.waiting import lines_of, shown, started, until

Patch = pytest.MonkeyPatch


@asynccontextmanager
async def opened(
    engine: FakeEngine, sampler: FakeSampler, patch: Patch, size: tuple[int, int] = (100, 30), details: Any = closely
) -> AsyncIterator[Pilot[Any]]:
    """The console on the processes, after the first look."""
    install(patch, sampler, details)
    async with console(engine).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProcessesScreen))
        await until(pilot, lambda: sampler.refusal or len(table(pilot).listing.processes) == len(sampler.processes))
        await until(pilot, lambda: " q quit" in shown(pilot))
        yield pilot


def screen(pilot: Pilot[Any]) -> ProcessesScreen:
    return next(one for one in pilot.app.screen_stack if isinstance(one, ProcessesScreen))


def table(pilot: Pilot[Any]) -> ProcessTable:
    return screen(pilot).query_one(ProcessTable)


def pids(pilot: Pilot[Any]) -> list[int]:
    return [one.pid for one in table(pilot).listing.processes]


def selected(pilot: Pilot[Any]) -> int:
    process = table(pilot).selected
    assert process is not None
    return process.pid


def notices(pilot: Pilot[Any]) -> str:
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def look(pilot: Pilot[Any], sampler: FakeSampler, *processes: ProcessSample) -> None:
    """The next look, which finds these."""
    sampler.put(*processes)
    before = sampler.looks
    screen(pilot).look_again()
    await until(pilot, lambda: sampler.looks > before and not screen(pilot)._busy)


# -- the list


async def test_the_busiest_come_first_and_the_columns_fit(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch, (80, 24)) as pilot:
        assert pids(pilot) == [400, 600, 501, 502, 1, 500, 700, 701]
        lines = lines_of(pilot)
        assert len(lines) == 24 and all(len(line) == 80 for line in lines)
        assert lines[1].split("   ")[0].strip() == "8 processes"
        assert lines[2].split() == ["PID", "USER", "CPU%▾", "RSS", "S", "THR", "COMMAND"]
        assert lines[3].split() == [
            "▌",
            "400",
            "postgres",
            "41.3",
            "2.0",
            "GB",
            "S",
            "1",
            "/usr/sbin/postgres",
            "--serve",
        ]
        assert "[helper]" in shown(pilot)
        assert lines[-1].rstrip().endswith("? help  q quit")


async def test_a_wide_screen_has_more_columns(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch, (260, 50)) as pilot:
        heading = lines_of(pilot)[2].split()
        assert {"NI", "TIME", "NAME", "COMMAND"} <= set(heading)
        assert "1h23m" in shown(pilot)


@pytest.mark.parametrize("size", [(60, 15), (40, 10), (300, 60)])
async def test_every_size_is_drawn(engine: FakeEngine, monkeypatch: Patch, size: tuple[int, int]) -> None:
    async with opened(engine, small_host(), monkeypatch, size) as pilot:
        assert len(lines_of(pilot)) == size[1] and table(pilot)._look(1) is not None
        await pilot.resize_terminal(100, 30)
        await until(pilot, lambda: "/usr/sbin/postgres --serve" in shown(pilot))


async def test_looks_only_while_it_is_on_top(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: sampler.looks >= 2)  # by itself
        await pilot.press("2")
        assert isinstance(pilot.app.screen, TasksScreen)
        before = sampler.looks
        screens = [one for one in pilot.app.modes if isinstance(one, ProcessesScreen)]  # type: ignore[attr-defined]
        screens[0].look_again()
        await pilot.pause()
        assert sampler.looks == before
        screens[0]._let_go()  # as the timer does after a while
        assert sampler.closed == 1
        await pilot.press("3")
        await until(pilot, lambda: sampler.looks > before)
    assert sampler.closed == 2


async def test_a_look_that_fails_is_said_once_and_tried_again(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    sampler.refusal = ConsoleError("no descriptor is left", hint="close something")
    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: "close something" in notices(pilot))
        assert "The first look is under way" in shown(pilot)
        screen(pilot).look_again()
        await until(pilot, lambda: not screen(pilot)._busy)
        assert notices(pilot).count("no descriptor is left") == 1
        sampler.refusal = None
        await look(pilot, sampler, *sampler.processes)
        assert "postgres" in shown(pilot)


async def test_the_cursor_stays_on_its_process(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await pilot.press("j", "j")
        assert selected(pilot) == 501
        found = [replace(one, cpu_percent=99.0 if one.pid == 501 else 0.0) for one in sampler.processes]
        await look(pilot, sampler, *found)
        assert pids(pilot)[0] == 501 and selected(pilot) == 501
        assert "▌" in next(line for line in lines_of(pilot) if " 501 " in line)
        # its number is another process's now: the cursor stays on its line, not on that
        again = [replace(one, start_ticks=1, cpu_percent=0.0) if one.pid == 501 else one for one in found]
        await look(pilot, sampler, *again)
        assert selected(pilot) == 1


async def test_a_cursor_that_nobody_moved_does_not_take_the_view_along(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = FakeSampler(*(row(number, "worker", cpu_percent=number - 1000.0) for number in range(1000, 1200)))

    def sunk(pid: int, to: float) -> list[ProcessSample]:
        return [replace(one, cpu_percent=to) if one.pid == pid else one for one in sampler.processes]

    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: sampler.looks >= 2 and not screen(pilot)._busy)
        assert selected(pilot) == 1199
        await look(pilot, sampler, *sunk(1199, 190.5))
        assert selected(pilot) == 1199 and pids(pilot)[0] == 1198  # it is still to be seen
        await look(pilot, sampler, *sunk(1199, 0.0))
        assert selected(pilot) == 1198 and table(pilot).scroll_offset.y == 0
        await pilot.press("j")
        await look(pilot, sampler, *sunk(1197, 0.0))
        assert selected(pilot) == 1197 and table(pilot).scroll_offset.y > 0


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


async def test_only_lines_that_changed_are_drawn(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: sampler.looks >= 2)
        await pilot.pause()
        drawn: list[Any] = []
        monkeypatch.setattr(table(pilot), "refresh", lambda *regions, **_: drawn.extend(regions or ["all"]))
        screen(pilot)._take(type_of_look(sampler.processes))
        assert drawn == []
        screen(pilot)._take(
            type_of_look([replace(one, rss_bytes=10**8) if one.pid == 502 else one for one in sampler.processes])
        )
        assert [(region.y, region.height) for region in drawn] == [(4, 1)]


def type_of_look(processes: list[ProcessSample]) -> Any:
    from opsconsole.tui.screens.processes import Taken

    return Taken(processes, 1.0)


async def test_page_keys_move(engine: FakeEngine, monkeypatch: Patch) -> None:
    many = FakeSampler(*(row(number, f"worker-{number}") for number in range(1000, 1200)))
    async with opened(engine, many, monkeypatch) as pilot:
        await pilot.press("G")
        await until(pilot, lambda: selected(pilot) == 1199 and "worker-1199" in shown(pilot))
        await pilot.press("pageup", "k")
        assert selected(pilot) == 1199 - (table(pilot).size.height - 2) - 1
        await pilot.press("g", "ctrl+d", "down")
        assert selected(pilot) == 1000 + table(pilot).size.height - 2 + 1
        await pilot.press("home")
        assert selected(pilot) == 1000


# -- order


@pytest.mark.parametrize(
    ("key", "first", "heading"),
    [
        ("c", [701, 700, 500], "CPU%▴"),  # it is by CPU already: the other way round
        ("m", [600, 400, 501], "RSS▾"),
        ("N", [700, 701, 600], "COMMAND"),
        ("i", [1, 400, 500], "PID▴"),
        ("u", [700, 400, 1], "USER▴"),
    ],
)
async def test_sort_cpu_sort_memory_sort_name_sort_pid_sort_user(
    engine: FakeEngine, monkeypatch: Patch, key: str, first: list[int], heading: str
) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await pilot.press(key)
        order = pids(pilot)
        assert order[:3] == first if key != "c" else order[-1] == 400
        assert heading in shown(pilot)


async def test_sort_next_goes_through_all_columns(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        seen = []
        for _ in range(7):
            await pilot.press("s")
            seen.append(screen(pilot)._wish.sort)
        assert seen == ["rss", "name", "pid", "user", "state", "threads", "cpu"]
        assert "by CPU" in shown(pilot)


async def test_sort_reverse_turns_it_round(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await pilot.press("m", "S")
        assert pids(pilot)[0] == 701 and pids(pilot)[-1] == 600
        assert "RSS▴" in shown(pilot) and "the other way round" in shown(pilot)


def test_equals_keep_their_order() -> None:
    one = [row(pid, "x", cpu_percent=2.01 + pid / 1000) for pid in (5, 3, 4)]
    assert [p.pid for p in arrange(one, Wish(), 0.0).processes] == [3, 4, 5]


async def test_tree_shows_who_started_whom(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await pilot.press("t")
        text = shown(pilot)
        assert pids(pilot) == [1, 400, 600, 701, 500, 501, 502, 700]
        assert "├ java" in text and "│ └ [helper]" in text and "  └ -bash" in text
        await pilot.press(*"/worker", "enter")
        assert pids(pilot) == [1, 500, 501, 502]  # with those they hang on
        await until(pilot, lambda: "2 of 8" in shown(pilot))


def test_a_tree_leaves_nobody_out() -> None:
    circle = [row(10, "a", ppid=11), row(11, "b", ppid=10), row(12, "own", ppid=12), row(13, "lone", ppid=9999)]
    deep = [row(100 + n, "deep", ppid=99 + n) for n in range(1, 3000)]
    listing = arrange([*circle, *deep], Wish(tree=True), 0.0)
    assert sorted(one.pid for one in listing.processes) == sorted(one.pid for one in [*circle, *deep])
    assert len(listing.branches) == len(listing.processes)
    assert max(len(branch) for branch in listing.branches) < 60


async def test_freeze_holds_the_list_and_lets_it_go_on(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    everybody = list(sampler.processes)
    async with opened(engine, sampler, monkeypatch) as pilot:
        await pilot.press("p")
        assert "frozen" in shown(pilot) and "p go on" in shown(pilot)
        await look(pilot, sampler, *everybody[:2])
        assert len(pids(pilot)) == 8
        await pilot.press("i")  # what stands still can be put in another order
        assert pids(pilot)[0] == 1
        await pilot.press("p")
        await look(pilot, sampler, *everybody[:2])
        assert pids(pilot) == [1, 400] and "frozen" not in shown(pilot)


async def test_tag_and_untag(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await pilot.press("space", "space")
        assert {identity[0] for identity in table(pilot).tagged} == {400, 600}
        assert "2 tagged" in shown(pilot) and shown(pilot).count("●") == 2
        await pilot.press("k", "space")  # once more takes it off
        assert {identity[0] for identity in table(pilot).tagged} == {400}
        await look(pilot, sampler, *[one for one in sampler.processes if one.pid != 400])
        assert not table(pilot).tagged
        await pilot.press("space", "U")
        assert not table(pilot).tagged and "tagged" not in shown(pilot)


# -- the filter


async def test_filter_narrows_while_typed_and_escape_drops_it(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await pilot.press("slash", *"cpu>5 user=www")
        assert pids(pilot) == [600, 501]
        await until(pilot, lambda: "2 of 8" in shown(pilot))
        await pilot.press("enter", "escape")
        assert len(pids(pilot)) == 8 and isinstance(pilot.app.screen, ProcessesScreen)


async def test_a_filter_that_is_wrong_says_where_and_keeps_the_list(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch, (120, 30)) as pilot:
        await pilot.press("j", "j", "slash", *"nginx (rss>")
        assert pids(pilot) == [501, 502, 500] and selected(pilot) == 501  # `nginx` was understood last
        await pilot.press(*"30M)")
        assert pids(pilot) == [501] and selected(pilot) == 501
        await pilot.press(*" and cpu>x")
        await until(pilot, lambda: "cpu takes a number, not x (column 25)" in shown(pilot))
        await look(pilot, sampler, *sampler.processes)
        assert "(column 25)" in shown(pilot)  # a look does not wipe it away
        assert pids(pilot) == []  # while `cpu` was a word, nothing was found; the cursor knows where it was
        await pilot.press("backspace", "5")
        await until(pilot, lambda: "column" not in shown(pilot) and "1 of 8" in shown(pilot))
        assert pids(pilot) == [501]
        await pilot.press("escape")
        await until(pilot, lambda: len(pids(pilot)) == 8)
        assert selected(pilot) == 501


async def test_a_filter_nothing_passes_says_what_to_do(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch) as pilot:
        await pilot.press("slash", *"no-such-thing", "enter")
        assert "No process passes this filter." in shown(pilot) and "Press esc to see all." in shown(pilot)
        for key in ("x", "r", "enter", "space", "j", "G", "t"):
            await pilot.press(key)
        assert isinstance(pilot.app.screen, ProcessesScreen)
        assert "There is no process to do this with." in notices(pilot)


# -- one process closely


async def test_inspect_fills_a_small_screen_and_back(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch, (80, 24)) as pilot:
        assert "Environment" not in shown(pilot) and "oom score" not in shown(pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: "oom score" in shown(pilot))
        text = shown(pilot)
        assert all(len(line) == 80 for line in lines_of(pilot))
        for words in (
            "java 600", "sleeping, 212 threads, nice 5", "/srv/shop", "/system.slice/shop.service", "667",
            "6.0 GB at its peak", "esc back", "2h00m ago", "/usr/bin/java",
        ):  # fmt: skip
            assert words in text
        await pilot.press("G")
        await until(pilot, lambda: "DB_PASSWORD" in shown(pilot))
        assert "2, values not shown" in shown(pilot) and "hunter2" not in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "postgres" in shown(pilot))
        assert selected(pilot) == 600 and pilot.app.screen.focused is table(pilot)


async def test_a_wide_screen_shows_the_selected_one_beside_the_list(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch, (160, 45)) as pilot:
        await until(pilot, lambda: "0.0.0.0:8080  listen" in shown(pilot))
        assert "pipe:[4711]" in shown(pilot) and "1,024, up to 4,096 files" in shown(pilot)
        await until(pilot, lambda: "CPU 41.3 %" in shown(pilot) and "Memory 2.0 GB" in shown(pilot))
        await pilot.press("j")
        await until(pilot, lambda: "java 600" in shown(pilot) and "oom score" in shown(pilot))
        assert "CPU 41.3 %" not in shown(pilot)  # since it was selected: nothing yet of the other


async def test_rates_are_of_two_looks_at_the_same_process(engine: FakeEngine, monkeypatch: Patch) -> None:
    times: dict[int, int] = {}

    def details(pid: int, ticks: int) -> Any:
        n = times[pid] = times.get(pid, 0) + 1
        return closely(pid, ticks, monotonic_s=100.0 + n, read_bytes=n * 2_000_000, written_bytes=n * 1000)

    async with opened(engine, small_host(), monkeypatch, (160, 45), details) as pilot:
        await until(pilot, lambda: times.get(400))
        await screen(pilot)._inspect()
        await until(pilot, lambda: "2.0 MB/s read, 1.0 kB/s written" in shown(pilot))
        await pilot.press("j")
        await until(pilot, lambda: times.get(600))
        facts = screen(pilot).query_one(FactView)
        await until(pilot, lambda: "so far" in facts.text)
        if times[600] == 1:
            assert "/s read" not in facts.text


async def test_what_has_ended_and_what_may_not_be_read_is_said(engine: FakeEngine, monkeypatch: Patch) -> None:
    def details(pid: int, ticks: int) -> Any:
        if pid == 400:
            return None
        why = dict.fromkeys(("environment", "exe", "read_bytes", "open_files"), "permission denied")
        return closely(
            pid, ticks, environment=(), exe=None, read_bytes=None, files=(), open_files=None, sockets_open=None,
            missing=why,
        )  # fmt: skip

    async with opened(engine, small_host(), monkeypatch, (160, 45), details) as pilot:
        await until(pilot, lambda: "It has ended." in shown(pilot))
        await pilot.press("j")
        await until(pilot, lambda: shown(pilot).count("permission denied") >= 5)


async def test_details_of_a_real_process(engine: FakeEngine, monkeypatch: Patch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "not-to-be-seen-anywhere")
    with child("sleep", "611") as (_, process):
        async with opened(engine, FakeSampler(process), monkeypatch, (160, 50), None) as pilot:
            await until(pilot, lambda: "sleep 611" in shown(pilot) and "Open files" in shown(pilot))
            assert "/dev/null" in shown(pilot) or "pipe:" in shown(pilot) or "/dev/" in shown(pilot)
            await until(pilot, lambda: "SOME_TOKEN" in screen(pilot).query_one(FactView).text)
            assert "not-to-be-seen" not in screen(pilot).query_one(FactView).text


# -- signals and nice values


async def asked(pilot: Pilot[Any], key: str = "x") -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, AskScreen) and pilot.app.screen.focused is not None)


async def test_signal_names_the_target_and_does_nothing_by_default(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as (running, process):
        async with opened(engine, FakeSampler(process), monkeypatch, (80, 24)) as pilot:
            for key in ("enter", "escape", "n"):
                await asked(pilot)
                assert f"{process.pid} sleep, of {host.actor()}, since 1970-01-01 00:00:01" in shown(pilot)
                await pilot.press(key)
                assert isinstance(pilot.app.screen, ProcessesScreen)
        assert running.poll() is None


@pytest.mark.parametrize(("key", "number"), [("t", signal.SIGTERM), ("9", signal.SIGKILL), ("1", signal.SIGUSR1)])
async def test_signal_reaches_the_process(engine: FakeEngine, monkeypatch: Patch, key: str, number: int) -> None:
    with child() as (running, process):
        async with opened(engine, FakeSampler(process), monkeypatch) as pilot:
            await asked(pilot)
            await pilot.press(key)
            assert running.wait(10) == -number
            await until(pilot, lambda: f"sent: {process.pid} sleep." in notices(pilot))


async def test_signal_stop_and_continue(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as (_, process):
        async with opened(engine, FakeSampler(process), monkeypatch) as pilot:
            await asked(pilot)
            await pilot.press("s")
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            await until(pilot, lambda: "SIGSTOP sent" in notices(pilot))
            await asked(pilot)
            await pilot.press("c")
            os.waitid(os.P_PID, process.pid, os.WCONTINUED)


async def test_signal_goes_to_all_that_are_tagged_and_says_what_is_hidden(
    engine: FakeEngine, monkeypatch: Patch
) -> None:
    with child() as (first, one), child() as (second, two), child() as (third, three):
        async with opened(engine, FakeSampler(one, two, three), monkeypatch) as pilot:
            await pilot.press("i", "g", "space", "space", "slash", *f"pid={one.pid}", "enter")
            await asked(pilot)
            assert "Send a signal to 2 processes?" in shown(pilot) and f"{two.pid} sleep" in shown(pilot)
            assert "1 of them is tagged, but not shown by the filter." in shown(pilot)
            await pilot.press("t")
            assert first.wait(10) == second.wait(10) == -signal.SIGTERM
            await until(pilot, lambda: "SIGTERM sent: 2 processes." in notices(pilot))
        assert third.poll() is None


async def test_the_list_stands_still_while_a_question_is_open(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await asked(pilot)
        before = sampler.looks
        sampler.put(row(9, "other"))
        screen(pilot).look_again()
        await pilot.pause()
        assert sampler.looks == before and "400 postgres, of postgres" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: pids(pilot) == [9])


async def test_a_look_under_way_does_not_move_the_list_below_a_question(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    go = threading.Event()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await until(pilot, lambda: not screen(pilot)._busy)
        slow = sampler.sample

        def sample() -> list[ProcessSample]:
            assert go.wait(10)
            return slow()

        monkeypatch.setattr(sampler, "sample", sample)
        sampler.put(row(9, "other"))
        screen(pilot).look_again()
        await asked(pilot)
        go.set()
        await until(pilot, lambda: not screen(pilot)._busy)
        assert len(pids(pilot)) == 8


async def test_what_ended_meanwhile_is_said(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as (running, process):
        async with opened(engine, FakeSampler(process), monkeypatch) as pilot:
            await asked(pilot)
            running.kill()
            running.wait()
            await pilot.press("t")
            await until(pilot, lambda: f"{process.pid} sleep has ended meanwhile\nnothing was done" in notices(pilot))


async def test_a_number_that_was_used_again_is_not_signalled(engine: FakeEngine, monkeypatch: Patch) -> None:
    """The table's process began earlier than the one that has its number now."""
    with child() as (running, process):
        earlier = replace(process, start_ticks=process.start_ticks - 1)
        async with opened(engine, FakeSampler(earlier), monkeypatch) as pilot:
            for key, answer in (("x", "9"), ("r", "1")):
                await asked(pilot, key)
                await pilot.press(answer)
                await until(pilot, lambda: "its number belongs to another process" in notices(pilot))
                pilot.app.clear_notifications()
        assert running.poll() is None
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(os.PRIO_PROCESS, 0)


async def test_renice(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as (_, process):
        async with opened(engine, FakeSampler(process), monkeypatch) as pilot:
            await asked(pilot, "r")
            assert "Its nice value is 0." in shown(pilot)
            await pilot.press("2")
            await until(pilot, lambda: f"nice 10 set: {process.pid} sleep." in notices(pilot))
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == 10


async def test_process_1_and_this_console_want_a_typed_phrase(engine: FakeEngine, monkeypatch: Patch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("opsconsole.tui.screens.processes_commands.send", lambda *what: sent.append(what))
    sampler = FakeSampler(row(1, "systemd", cpu_percent=9.0), row(os.getpid(), "python", cpu_percent=1.0))
    async with opened(engine, sampler, monkeypatch) as pilot:
        for pid in (1, os.getpid()):
            await asked(pilot)
            await pilot.press("t")
            await until(pilot, lambda: isinstance(pilot.app.screen, PhraseScreen))
            assert f"type process {pid}" in shown(pilot)
            await pilot.press(*"yes", "enter")
            assert isinstance(pilot.app.screen, PhraseScreen) and not sent
            await pilot.press("escape")
            assert not sent
            await asked(pilot)
            await pilot.press("t")
            await until(pilot, lambda: isinstance(pilot.app.screen, PhraseScreen))
            await pilot.press(*f"process {pid}", "enter")
            await until(pilot, lambda: sent)
            assert sent.pop()[0].pid == pid
            await pilot.press("j")


def target_of(process: ProcessSample) -> Target:
    return Target.of(process)


def test_what_is_not_permitted_is_said(monkeypatch: Patch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    with child() as (_, process):
        target = replace(target_of(process), user="root")
        acts: list[Callable[[], None]] = [lambda: send(target, signal.SIGTERM), lambda: renice(target, -5)]
        for act in acts:
            with pytest.raises(ConsoleError, match="may not") as caught:
                act()
            assert "runs as root" in str(caught.value.hint)


@pytest.mark.parametrize("number", [38, 1])
def test_without_descriptors_the_start_is_still_compared(monkeypatch: Patch, number: int) -> None:
    def lacks(*_: Any) -> int:
        raise OSError(number, "not here")

    monkeypatch.setattr(os, "pidfd_open", lacks)
    with child() as (running, process):
        with pytest.raises(ConsoleError, match="another process"):
            send(replace(target_of(process), start_ticks=1), signal.SIGKILL)
        assert running.poll() is None
        send(target_of(process), signal.SIGKILL)
        assert running.wait(10) == -signal.SIGKILL


def test_one_that_fails_does_not_keep_the_others_from_it() -> None:
    with child() as (running, process):
        gone = replace(target_of(process), start_ticks=1)
        outcomes = each([gone, target_of(process)], lambda one: send(one, signal.SIGTERM))
        assert [outcome.error is None for outcome in outcomes] == [False, True]
        assert running.wait(10) == -signal.SIGTERM


def test_no_descriptor_is_left_open() -> None:
    with child() as (_, process):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            send(target_of(process), signal.SIGCONT)
            each([replace(target_of(process), start_ticks=1)], lambda one: send(one, signal.SIGCONT))
        assert len(os.listdir("/proc/self/fd")) == before


# -- what others write


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_hostile_names_are_harmless(engine: FakeEngine, monkeypatch: Patch, size: tuple[int, int]) -> None:
    def details(pid: int, ticks: int) -> Any:
        from opsconsole.monitoring.sampling.proc_sockets import Socket
        from opsconsole.monitoring.sampling.selected import Limit, OpenFile

        return closely(
            pid, ticks, name=HOSTILE, state=HOSTILE, cmdline=(HOSTILE, HOSTILE * 900), exe=HOSTILE, cwd=HOSTILE,
            cgroup=HOSTILE, files=(OpenFile(3, HOSTILE),), sockets=(Socket("unix", 3, HOSTILE, HOSTILE, HOSTILE),),
            limits=(Limit(HOSTILE, 1, 2, HOSTILE),), environment=((HOSTILE, HOSTILE),), missing={"limits": HOSTILE},
        )  # fmt: skip

    sampler = FakeSampler(
        row(900, HOSTILE, user=HOSTILE, cmdline=HOSTILE, state="R"),
        row(901, HOSTILE * 900, user="", cmdline="", ppid=900),
        row(902, "数据" * 40, user="数据" * 9, cmdline="数据" * 200, ppid=901),
    )
    async with opened(engine, sampler, monkeypatch, size, details) as pilot:
        assert sanitise_name(HOSTILE)[:12] in shown(pilot)
        for key in ("t", "j", "enter", "G", "escape", "G", "space"):
            await pilot.press(key)
            await pilot.pause()
            assert_harmless(pilot)
            assert all(len(line) <= size[0] for line in lines_of(pilot))
        for key in ("x", "r"):
            await asked(pilot, key)
            assert_harmless(pilot)
            await pilot.press("t" if key == "x" else "1")
            await until(pilot, lambda: "ended meanwhile" in notices(pilot))
            await pilot.pause()
            assert_harmless(pilot)
            pilot.app.clear_notifications()


async def test_secrets_of_a_command_line_are_not_shown(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = FakeSampler(row(900, "mysql", cmdline="mysql --password=Tr0ub4dor-and-3 -u shop"))
    async with opened(engine, sampler, monkeypatch, (160, 45)) as pilot:
        assert "mysql --password=" in shown(pilot) and "Tr0ub4dor" not in shown(pilot)
