"""The questions before a signal or a nice value: they name the target, and do nothing by default."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from textual import events

from opsconsole import host
from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.phrase import PhraseScreen
from opsconsole.tui.screens.processes.dialogs import AskScreen
from opsconsole.tui.screens.processes.screen import ProcessesScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.processes.fake_processes import FakeSampler, child, row, small_host
from tests.tui.processes.scene import Patch, asked, filtered, no_look, opened, pids, screen, table, tagged
from tests.tui.waiting import shown, told, until


async def test_one_process(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as (running, process):
        async with opened(engine, FakeSampler(process), monkeypatch, (80, 24)) as pilot:
            for key in ("enter", "escape", "n", "q"):
                await asked(pilot)
                assert f"{process.pid} sleep, of {host.actor()}, since 1970-01-01 00:00:01" in shown(pilot)
                assert "sleep 600" in shown(pilot), "which of several of that name"
                await pilot.press(key)
                assert isinstance(pilot.app.screen, ProcessesScreen)
            assert running.poll() is None
            await asked(pilot, "r")
            assert "Its nice value is 0." in shown(pilot)
            await pilot.press("1", "0", "enter")
            await until(pilot, lambda: f"nice 10 set: {process.pid} sleep." in told(pilot))
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == 10
            await asked(pilot)
            await pilot.press("t", "enter")
            await until(pilot, lambda: f"SIGTERM sent: {process.pid} sleep." in told(pilot))
            assert running.wait(60) == -signal.SIGTERM
            await asked(pilot)  # it is in the list yet
            await pilot.press("9", "enter")
            await until(pilot, lambda: f"{process.pid} sleep has ended meanwhile\nnothing was done" in told(pilot))


async def test_no_single_key_sends_or_sets_anything(engine: FakeEngine, monkeypatch: Patch) -> None:
    done: list[Any] = []
    for name in ("send", "renice"):
        monkeypatch.setattr(f"opsconsole.tui.screens.processes.commands.{name}", lambda *what: done.append(what[1]))
    printable = [chr(code) for code in range(33, 127)]
    async with opened(engine, small_host(), monkeypatch) as pilot:
        for opener in ("K", "r"):
            for key in printable:
                if pilot.app.screen is screen(pilot):  # n and q have closed it
                    await asked(pilot, opener)
                pilot.app.post_message(events.Key(key, key))
                await pilot.pause()
            assert pilot.app.screen is not screen(pilot) and not done
            await pilot.press("q")
            assert pilot.app.screen is screen(pilot)


async def test_a_letter_a_number_or_an_arrow_chooses_and_enter_takes_it(engine: FakeEngine, monkeypatch: Patch) -> None:
    done: list[Any] = []
    for name in ("send", "renice"):
        monkeypatch.setattr(f"opsconsole.tui.screens.processes.commands.{name}", lambda *what: done.append(what[1]))
    wanted = {
        ("K", "u"): signal.SIGQUIT, ("K", "down", "t", "i"): signal.SIGINT, ("K", "1", "5"): signal.SIGTERM,
        ("K", "1"): signal.SIGHUP, ("K", "9"): signal.SIGKILL, ("K", "t", "down"): signal.SIGINT,
        ("r", "5"): 5, ("r", "minus", "5"): -5, ("r", "1", "2"): 12, ("r", "1", "2", "backspace"): 1,
        ("r", "minus", "7", "down", "up"): -7, ("r", "0"): 0, ("r", "down", "down"): 10,
    }  # fmt: skip
    async with opened(engine, small_host(), monkeypatch) as pilot:
        for (opener, *keys), meant in wanted.items():
            await asked(pilot, opener)
            await pilot.press(*keys, "enter")
            await until(pilot, lambda: done)
            assert done.pop() == meant, keys
        for opener, key, said in (("K", "9", "typed: 9 · enter sends it"), ("r", "7", "typed: 7 · enter sets it")):
            await asked(pilot, opener)
            await pilot.press(key)
            assert said in shown(pilot)
            await pilot.press("escape")
        for opener, number in (("K", "4"), ("r", "25")):
            await asked(pilot, opener)
            await pilot.press(*number)
            assert f"typed: {number}, which is none of these" in shown(pilot)
            await pilot.press("enter")
            assert isinstance(pilot.app.screen, AskScreen), "who meant something else is not told that all is done"
            await pilot.press("escape")
        assert not done


async def test_a_number_that_was_used_again_and_what_is_not_permitted(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as (running, process):
        sampler = FakeSampler(row(process.pid, "sleep", start_ticks=process.start_ticks - 1))
        async with opened(engine, sampler, monkeypatch) as pilot:
            await asked(pilot)
            await pilot.press("9", "enter")
            await until(pilot, lambda: "its number belongs to another process" in told(pilot))
            assert running.poll() is None

            def refuse(*_: Any) -> None:
                raise PermissionError(1, "Operation not permitted")

            monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
            sampler.put(process)
            screen(pilot).look_again()
            await until(pilot, lambda: pids(pilot) == [process.pid] and screen(pilot).chosen == [process])
            await asked(pilot)
            await pilot.press("9", "enter")
            await until(pilot, lambda: "may not send SIGKILL" in told(pilot))
            assert "start the console as that user or as root" in told(pilot)


async def test_all_that_are_tagged_and_what_of_them_is_hidden(engine: FakeEngine, monkeypatch: Patch) -> None:
    with child() as some, child() as other, child() as another:  # numbers begin anew at times
        (first, one), (second, two), (third, three) = sorted((some, other, another), key=lambda found: found[1].pid)
        async with opened(engine, FakeSampler(one, two, three), monkeypatch) as pilot:
            await pilot.press("i", "g", "space", "space")
            assert tagged(pilot) == {one.pid, two.pid}
            await filtered(pilot, f"pid={one.pid}")
            await pilot.press("enter")
            await asked(pilot)
            assert "Send a signal to 2 processes?" in shown(pilot) and f"{two.pid} sleep" in shown(pilot)
            assert "1 of them is tagged, but not shown by the filter." in shown(pilot)
            await pilot.press("t", "enter")
            await until(pilot, lambda: "SIGTERM sent: 2 processes." in told(pilot))
            assert first.wait(60) == second.wait(60) == -signal.SIGTERM
        assert third.poll() is None


async def test_the_list_stands_still_while_a_question_is_open(engine: FakeEngine, monkeypatch: Patch) -> None:
    sampler = small_host()
    go = threading.Event()
    async with opened(engine, sampler, monkeypatch) as pilot:
        await asked(pilot)
        await no_look(pilot)
        before = sampler.looks
        sampler.put(row(9, "other"))
        screen(pilot).look_again()
        await pilot.pause()
        assert sampler.looks == before and "400 postgres, of postgres" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: pids(pilot) == [9])
        await no_look(pilot)
        # a look that is under way already does not move it either
        plain = sampler.sample

        def slow() -> list[ProcessSample]:
            assert go.wait(120)
            return plain()

        monkeypatch.setattr(sampler, "sample", slow)
        sampler.put(row(10, "third"), row(11, "fourth"))
        screen(pilot).look_again()
        await asked(pilot)
        go.set()
        await until(pilot, lambda: not screen(pilot)._busy)
        assert pids(pilot) == [9]


async def test_process_1_and_this_console_want_a_typed_phrase(engine: FakeEngine, monkeypatch: Patch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("opsconsole.tui.screens.processes.commands.send", lambda *what: sent.append(what))
    sampler = FakeSampler(row(1, "systemd", cpu_percent=9.0), row(os.getpid(), "python", cpu_percent=1.0))
    async with opened(engine, sampler, monkeypatch) as pilot:
        for pid in (1, os.getpid()):
            await asked(pilot)
            await pilot.press("t", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, PhraseScreen))
            assert f"To do it all the same, type process {pid}" in shown(pilot)
            assert "esc goes back and does nothing" in shown(pilot)
            await pilot.press(*"yes", "enter")
            assert isinstance(pilot.app.screen, PhraseScreen) and not sent
            assert "that is not it: nothing was done" in shown(pilot)
            await pilot.press("escape")
            assert not sent
            await asked(pilot)
            await pilot.press("t", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, PhraseScreen))
            pilot.app.screen.query_one("#phrase").value = f"process {pid}"  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, lambda: sent)
            assert sent.pop()[0].pid == pid
            await pilot.press("j")


async def test_nothing_is_offered_that_cannot_be(engine: FakeEngine, monkeypatch: Patch) -> None:
    """A thread of the kernel takes no signal, alone or among others; and privilege is named where it is needed."""
    kernel = row(30, "kswapd0", ppid=2, cmdline="", nice=0)
    other = row(31, "sleep", nice=5)
    monkeypatch.setattr("opsconsole.tui.screens.processes.dialogs.may_go_down", lambda: False)
    async with opened(engine, FakeSampler(kernel, other), monkeypatch) as pilot:
        table(pilot).select(30)
        await until(pilot, lambda: [one.pid for one in screen(pilot).chosen] == [30])
        await pilot.press("K")
        await until(pilot, lambda: "A thread of the kernel takes no signal." in told(pilot))
        assert pilot.app.screen is screen(pilot)
        await asked(pilot, "r")
        page = shown(pilot).splitlines()
        assert "as it is now" in next(line for line in page if "as usual" in line)
        assert "needs privilege" in next(line for line in page if "before everybody" in line)
        assert "needs privilege" not in next(line for line in page if "behind the others" in line)
        await pilot.press("escape")
        await pilot.press("i", "g", "space", "space")
        assert tagged(pilot) == {30, 31}
        await asked(pilot)
        assert "1 left out: a thread of the kernel takes no signal." in shown(pilot)
        assert "31 sleep" in shown(pilot) and "kswapd0, of" not in shown(pilot)
        await pilot.press("escape")
        monkeypatch.setattr("opsconsole.tui.screens.processes.dialogs.may_go_down", lambda: True)
        await asked(pilot, "r")
        assert "needs privilege" not in shown(pilot)
