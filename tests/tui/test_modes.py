"""The modes: there and back by key and by name, and what is kept of them meanwhile."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from opsconsole.anomalies import Severity
from opsconsole.models import Status
from opsconsole.tui.action import Action
from opsconsole.tui.actions import BY_ID, OF_APP, Where
from opsconsole.tui.keymap import actions_of, clashes
from opsconsole.tui.modes import MODES, Mode
from opsconsole.tui.screens.help import HelpScreen
from opsconsole.tui.screens.quit import QuitScreen
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.screens.tasks.screen import TasksScreen
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.processes.fake_processes import closely, install, small_host
from tests.tui.scenes import console, mixed, trouble
from tests.tui.waiting import lines_of, output, settled, shown, started, table, tasks_screen, until


@asynccontextmanager
async def opened(engine: FakeEngine) -> AsyncIterator[Pilot[Any]]:
    """The console as it opens."""
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        yield pilot


OTHERS = [mode for mode in MODES if mode.id != "tasks"]


def class_of(mode: Mode) -> type[Screen[Any]]:
    return getattr(import_module(f"opsconsole.tui.screens.{mode.id}.screen"), mode.name)  # type: ignore[no-any-return]


def on(pilot: Pilot[Any], mode: Mode) -> bool:
    return isinstance(pilot.app.screen, class_of(mode)) and pilot.app.screen.is_current


async def go(pilot: Pilot[Any], mode: Mode) -> None:
    await pilot.press(mode.key)
    await until(pilot, lambda: on(pilot, mode))


# -- what is declared is what is


def test_no_key_means_two_things_in_a_mode() -> None:
    assert clashes({}) == []


def test_a_clash_is_found() -> None:
    assert [clash[1:] for clash in clashes({"pause": "c"})] == [("cancel", "pause")]
    assert [clash[1:] for clash in clashes({"tree": "c"})] == [("tree", "sort_cpu")]  # not with the tasks' own c
    assert [clash[1:] for clash in clashes({"help": "j"})] == [("help", "down")]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.id)
def test_a_mode_declares_what_its_screen_binds(mode: Mode) -> None:
    """Else a clash would not be found, or one be reported that is none."""
    kind = class_of(mode)
    bound = {binding.id for _, binding in kind._merge_bindings()}
    mine = {action.id for action in actions_of(mode)} - set(OF_APP)
    assert bound & set(BY_ID) == {name for name in mine if BY_ID[name].where is not Where.MOTION}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.id)
def test_a_mode_has_the_method_of_each_of_its_actions(mode: Mode) -> None:
    kind = class_of(mode)
    mine = [one for one in actions_of(mode) if one.id not in OF_APP and one.where is not Where.MOTION]
    assert [one.id for one in mine if not inspect.isroutine(getattr(kind, f"action_{one.id}", None))] == []


async def test_every_key_of_a_mode_reaches_its_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[tuple[str, str]] = set()
    mine: dict[str, list[Action]] = {}
    for mode in MODES:
        elsewhere = (Where.MOTION, *mode.panes)
        mine[mode.id] = [one for one in actions_of(mode) if one.id not in OF_APP and one.where not in elsewhere]
        for action in mine[mode.id]:
            name = mode.id, action.id
            monkeypatch.setattr(class_of(mode), f"action_{action.id}", lambda *_, name=name: called.add(name))
    async with opened(trouble(tmp_path / "state")) as pilot:
        for mode in MODES:
            await go(pilot, mode)
            await until(pilot, lambda: " q quit" in lines_of(pilot)[-1])
            await pilot.press(*(key for action in mine[mode.id] for key in action.keys.split(",")))
            expected = {(mode.id, action.id) for action in mine[mode.id]}
            await until(pilot, lambda expected=expected: expected <= called)


# -- going there


async def test_a_digit_goes_there_and_2_comes_back(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        for key, mode in zip(("1", "3", "4", "5", "6", "7"), OTHERS, strict=True):
            made = len(list(pilot.app.modes))  # type: ignore[attr-defined]
            await pilot.press(key)
            await until(pilot, lambda mode=mode: on(pilot, mode))
            assert len(list(pilot.app.modes)) == made + 1  # type: ignore[attr-defined] - on first use, and not before
            await pilot.press("2")
            await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))


async def test_from_one_to_the_next_and_anomalies_are_heard_by_every_mode_that_was_made(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(engine) as pilot:
        made: dict[str, Screen[Any]] = {}
        for mode in (*MODES, *reversed(MODES), *MODES):
            await go(pilot, mode)
            assert made.setdefault(mode.id, pilot.app.screen) is pilot.app.screen
            assert len(pilot.app.screen_stack) <= 2
        heard: list[str] = []
        for name, screen in pilot.app.modes._made.items():  # type: ignore[attr-defined]
            monkeypatch.setattr(screen, "hear", lambda _, name=name: heard.append(name))
        engine.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
        await until(pilot, lambda: heard)
        assert sorted(heard) == sorted(mode.id for mode in MODES)


async def test_tasks_is_what_opens_first(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        assert isinstance(pilot.app.screen, TasksScreen)
        await pilot.press("2")
        assert pilot.app.screen_stack == [tasks_screen(pilot)]


@pytest.mark.parametrize("mode", OTHERS, ids=lambda mode: mode.id)
async def test_a_mode_can_be_seen_before_the_engine_is_there(engine: FakeEngine, mode: Mode) -> None:
    app = console(engine)
    engine.holds = asyncio.Event()
    async with app.run_test(size=(120, 36)) as pilot:
        await go(pilot, mode)
        assert app.engine is None
        assert "starting" in lines_of(pilot)[0]
        engine.holds.set()
        await started(pilot)
        await until(pilot, lambda: app.screen.begun)  # type: ignore[attr-defined]


async def test_command_palette_goes_to_each_by_name(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        for at, mode in enumerate((*OTHERS, MODES[1])):
            await pilot.press(("colon", "ctrl+p")[at % 2])
            await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
            await pilot.press(*mode.label[:4])
            await until(pilot, lambda mode=mode: BY_ID[mode.id].description in shown(pilot))
            await pilot.press("enter")
            await until(pilot, lambda mode=mode: on(pilot, mode))


@pytest.mark.parametrize("mode", OTHERS, ids=lambda mode: mode.id)
async def test_the_engine_may_come_while_a_mode_is_being_made(engine: FakeEngine, mode: Mode) -> None:
    app = console(engine)
    engine.holds = asyncio.Event()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = app.go(mode.id)
        engine.holds.set()
        await started(pilot)
        await until(pilot, lambda: screen.begun and screen.is_current)


# -- where a digit is no way


async def test_a_digit_typed_into_a_line_of_text_is_text(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await pilot.press("slash", "1", "3", ":")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TasksScreen)
        assert pilot.app.screen.query_one(Input).value == "13:"


async def test_a_dialog_stays_open_whatever_digit_is_pressed(engine: FakeEngine) -> None:
    engine.put(name="a", status=Status.RUNNING, started_at=NOW)
    async with opened(engine) as pilot:
        for key, dialog in (("question_mark", HelpScreen), ("q", QuitScreen)):
            await pilot.press(key)
            await until(pilot, lambda dialog=dialog: isinstance(pilot.app.screen, dialog))
            await pilot.press("1", "3", "ctrl+p", "colon")
            await pilot.pause()
            assert isinstance(pilot.app.screen, dialog)
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))


# -- what is kept


async def test_tasks_keep_cursor_filter_and_focus(tmp_path: Path) -> None:
    async with opened(mixed(tmp_path / "state")) as pilot:
        await pilot.press("slash", *"sync", "enter")
        await until(pilot, lambda: len(table(pilot).tasks) == 3)
        await pilot.press("j")
        tasks_screen(pilot).set_focus(output(pilot))
        before = (table(pilot).selected.id, tasks_screen(pilot).focused)
        for mode in (*OTHERS, MODES[1]):
            await go(pilot, mode)
        assert (table(pilot).selected.id, tasks_screen(pilot).focused) == before
        assert len(table(pilot).tasks) == 3


async def test_host_keeps_how_its_processes_are_sorted(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await go(pilot, MODES[0])
        await pilot.press("s")
        await go(pilot, MODES[1])
        await go(pilot, MODES[0])
        assert pilot.app.screen.processes.by_memory is True  # type: ignore[attr-defined]


async def test_a_mode_that_nobody_sees_lets_go_of_what_it_has_drawn(engine: FakeEngine) -> None:
    def drawn(screen: Screen[Any]) -> int:
        return sum(len(one._styles_cache._cache) for one in screen.walk_children(Widget))

    async with opened(engine) as pilot:
        modes = pilot.app.modes  # type: ignore[attr-defined]
        tasks, before = tasks_screen(pilot), shown(pilot)
        assert drawn(tasks)
        await pilot.press("6")
        await until(pilot, lambda: modes.current == "history" and drawn(pilot.app.screen))
        modes.rest()
        modes.rest()
        assert not drawn(tasks)
        assert drawn(pilot.app.screen)
        await pilot.press("2")
        await until(pilot, lambda: modes.current == "tasks" and drawn(tasks))
        modes.rest()
        assert drawn(tasks)
        await until(pilot, lambda: shown(pilot) == before)


# -- the footer


async def test_the_footer_names_the_modes_before_rare_keys(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state")).run_test(size=(160, 30)) as pilot:
        await started(pilot)
        for mode in (*OTHERS, MODES[1]):
            await go(pilot, mode)
            for width, named in (
                (160, "  ".join(f"{one.key} {one.label}" for one in MODES)),
                (120, "  ".join(f"{one.key} {one.short}" for one in MODES)),
                (100, " ".join(f"{one.key}{one.short}" for one in MODES)),
                (40, "1–7 modes"),
                (160, "  ".join(f"{one.key} {one.label}" for one in MODES)),
            ):
                await pilot.resize_terminal(width, 30)
                await until(pilot, lambda width=width: len(lines_of(pilot)[-1]) == width)
                await until(pilot, lambda named=named: named in lines_of(pilot)[-1])
                assert "? help" in lines_of(pilot)[-1] and "q quit" in lines_of(pilot)[-1]
                if mode.id == "tasks":
                    assert " n new" in lines_of(pilot)[-1]  # what matters most here still has its place


async def test_on_a_small_screen_the_keys_that_matter_here_go_before_the_names_of_the_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = mixed(tmp_path / "state")
    engine.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
    install(monkeypatch, small_host(), closely)
    wanted = {
        "tasks": ("n new", "enter open", "c cancel", "p resume"), "processes": ("enter look", "/ filter", "K signal"),
        "anomalies": ("enter details", "a acknowledge"), "history": ("enter open", "/ filter"),
    }  # fmt: skip
    async with console(engine).run_test(size=(80, 24)) as pilot:
        await started(pilot)
        for mode in (*OTHERS, MODES[1]):
            await go(pilot, mode)
            named = " ".join(f"[{one.key} {one.short}]" if one is mode else one.key for one in MODES)
            for said in (*wanted.get(mode.id, ()), "? help", "q quit"):
                await until(pilot, lambda said=said: said in lines_of(pilot)[-1])
            if mode.id in wanted:
                assert named in lines_of(pilot)[-1]


async def test_while_typing_the_footer_says_how_to_leave_and_where_help_is(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await pilot.press("slash")
        await until(pilot, lambda: "esc 1–7 modes  f1 help  f10 quit" in lines_of(pilot)[-1])
        await pilot.press("escape", "5", "n", "enter", "enter")
        await until(pilot, lambda: "esc scripts" in lines_of(pilot)[-1])
        assert "f1 help  f10 quit" in lines_of(pilot)[-1]
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


# -- running a script


async def test_submit_asks_over_every_mode_that_has_its_key_and_goes_to_the_task(
    engine: FakeEngine, samples: Path
) -> None:
    async with opened(engine) as pilot:
        for number, mode in enumerate([one for one in MODES if "submit" in one.shares], 1):
            await go(pilot, mode)
            await asked(pilot)
            await pilot.press("escape")
            await until(pilot, lambda mode=mode: on(pilot, mode))
            await asked(pilot)
            await pilot.press("enter", "enter")
            await until(pilot, lambda number=number: len(engine.specs) == number)
            seen = mode.id if mode.id == "overview" else "tasks"
            await until(pilot, lambda seen=seen: pilot.app.modes.on_top.is_current and pilot.app.modes.current == seen)


async def asked(pilot: Pilot[Any]) -> None:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, SubmitScreen) and pilot.app.screen.focused is not None)


async def test_help_lists_a_shared_key_only_where_it_works(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        for mode in MODES:
            await go(pilot, mode)
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
            groups = pilot.app.screen.groups()  # type: ignore[attr-defined]
            said = [entry.said for group in groups for entry in group.entries]
            assert ("Run a script" in said) is ("submit" in mode.shares), mode.id
            await pilot.press("escape")
            await until(pilot, lambda mode=mode: on(pilot, mode))


@pytest.mark.parametrize("mode", [mode.id for mode in MODES])
async def test_where_the_focus_is_can_be_seen_without_colours(tmp_path: Path, mode: str) -> None:
    engine = (trouble if mode in ("overview", "anomalies") else mixed)(tmp_path / "state")
    async with console(engine, start=mode).run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
        await settled(pilot)
        marks: dict[str, str] = {}
        for widget in pilot.app.screen.focus_chain:
            pilot.app.screen.set_focus(widget)
            await settled(pilot)
            lines = lines_of(pilot)[1:-1]
            marks[widget.id or type(widget).__name__] = "".join(
                char if char == "▌" else " " for char in "\n".join(lines)
            )
        unseen = [name for name, mark in marks.items() if not mark.strip()]
        assert len(set(marks.values())) == len(marks) and unseen in ([], ["editor-text"]), unseen  # that has a cursor
