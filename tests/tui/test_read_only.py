"""A console that only looks: no key, no command and no line of the help changes anything."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.widgets import Static

from opsconsole.cli.main import main
from opsconsole.console_settings import ConsoleSettings
from opsconsole.engine import Engine
from opsconsole.models import Status, TaskSpec
from opsconsole.settings import Settings
from opsconsole.tui.actions import ACTIONS
from opsconsole.tui.app import ConsoleApp, run_console
from opsconsole.tui.keymap import actions_of
from opsconsole.tui.keys import keys_of, shown_keys
from opsconsole.tui.modes import MODES, Mode
from opsconsole.tui.screens.help import HelpScreen
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.overview.scene import said
from tests.tui.scenes import console, trouble
from tests.tui.waiting import lines_of, shown, started, table, tasks_screen, told, until

CHANGING = [action for action in ACTIONS if action.changes]


@asynccontextmanager
async def opened(
    engine: FakeEngine, mode: Mode = MODES[1], size: tuple[int, int] = (160, 45)
) -> AsyncIterator[Pilot[Any]]:
    async with console(engine, read_only=True).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await go(pilot, mode)
        await until(pilot, lambda: "READ-ONLY" in lines_of(pilot)[0])
        yield pilot


async def go(pilot: Pilot[Any], mode: Mode) -> None:
    app: Any = pilot.app
    await pilot.press(mode.key)
    await until(pilot, lambda: app.modes.current == mode.id and app.screen.is_current)
    await until(pilot, lambda: " q quit" in lines_of(pilot)[-1])


async def in_every_mode(pilot: Pilot[Any]) -> AsyncIterator[Mode]:
    for mode in MODES:
        await go(pilot, mode)
        yield mode


@pytest.fixture
def host(tmp_path: Path) -> FakeEngine:
    return trouble(tmp_path / "state")


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The methods of changing actions that were called, on whatever screen."""
    called: list[str] = []
    for mode in MODES:
        import_module(f"opsconsole.tui.screens.{mode.id}.screen")
    for action in CHANGING:
        for kind in _kinds(DOMNode):
            if f"action_{action.id}" in vars(kind) and kind.__module__.startswith("opsconsole."):
                monkeypatch.setattr(kind, f"action_{action.id}", lambda *_, name=action.id: called.append(name))
    yield called


def _kinds(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


def mine(mode: Mode) -> list[str]:
    return [key for action in actions_of(mode) if action.changes for key in action.keys.split(",")]


def test_there_is_something_to_leave_out_in_every_mode() -> None:
    assert [mode.id for mode in MODES if not mine(mode)] == []
    assert {"submit", "cancel", "pause", "retry", "hold", "pin", "watch", "acknowledge"} <= {one.id for one in CHANGING}


async def test_no_key_of_a_changing_action_reaches_it(host: FakeEngine, reached: list[str]) -> None:
    async with opened(host) as pilot:
        async for mode in in_every_mode(pilot):
            screen, before = pilot.app.screen, list(host.calls)
            for key in mine(mode):
                await pilot.press(key)
                await until(pilot, lambda: "This console is read-only." in said(pilot))
                pilot.app.clear_notifications()
            assert reached == [] and host.calls == before, mode.id
            assert pilot.app.screen is screen and "read-only" not in told(pilot), mode.id


async def test_the_same_keys_do_reach_them_otherwise(host: FakeEngine, reached: list[str]) -> None:
    """Else the test above could not fail."""
    async with console(host).run_test(size=(160, 45)) as pilot:
        await started(pilot)
        async for mode in in_every_mode(pilot):
            reached.clear()
            await pilot.press(*mine(mode))
            expected = {one.id for one in actions_of(mode) if one.changes}
            await until(pilot, lambda expected=expected: expected <= set(reached))


async def test_neither_footer_nor_help_nor_palette_offers_one(host: FakeEngine) -> None:
    names = {action.id for action in CHANGING}
    async with opened(host) as pilot:
        app: Any = pilot.app
        async for mode in in_every_mode(pilot):
            assert not names & set(shown_keys(app.screen)) and not names & set(keys_of(app)), mode.id
            commands = {command.help.partition("  (")[0] for command in app.get_system_commands(app.screen)}
            assert commands and not commands & {action.description for action in CHANGING}, mode.id
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "Keys" in shown(pilot))
            text = " ".join(" ".join(str(part.content) for part in app.screen.query(Static)).split())
            assert [one.description for one in CHANGING if one.description in text] == [], mode.id
            assert "Show all keys" in text
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.modes.on_top)


async def test_the_mark_is_there_at_every_size(host: FakeEngine) -> None:
    async with opened(host, size=(60, 15)) as pilot:
        for size, before in (((60, 15), "ops"), ((80, 24), "ops"), ((300, 60), "opsconsole")):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: len(lines_of(pilot)[0]) == size[0])
            assert f" {before}   READ-ONLY   web-03" in lines_of(pilot)[0]


async def test_nor_does_a_click_or_another_mode_that_calls_the_method_itself(host: FakeEngine) -> None:
    async with opened(host) as pilot:
        async for mode in in_every_mode(pilot):
            screen, before = pilot.app.screen, list(host.calls)
            mine = [one for one in CHANGING if hasattr(screen, f"action_{one.id}")]
            assert {one.id for one in mine} >= {one.id for one in actions_of(mode) if one.changes}, mode.id
            for action in mine:
                assert getattr(screen, f"action_{action.id}")() is None, mode.id
            await pilot.pause()
            assert pilot.app.screen is screen and host.calls == before, mode.id
            assert said(pilot).count("This console is read-only.") == 1, mode.id
            pilot.app.clear_notifications()


async def test_what_is_typed_into_a_text_is_no_key(host: FakeEngine) -> None:
    async with opened(host) as pilot:
        await pilot.press("slash", "n", "p", "c")
        await pilot.pause()
        assert "read-only" not in said(pilot)


async def test_a_look_is_nobody_elses_business(engine: FakeEngine) -> None:
    """The overview writes down what was seen, for this operator's next console; this one does not."""
    engine.put(name="gone", status=Status.FAILED, exit_code=3, finished_at=NOW - SECOND)
    async with opened(engine, MODES[0]) as pilot:
        await until(pilot, lambda: "gone" in shown(pilot))
        assert "all seen" not in shown(pilot)
        await pilot.press("S")
        engine.monitoring.time = NOW + 60 * SECOND
        await pilot.press("2", "1")
        await pilot.pause()
        engine.monitoring.time = NOW + 120 * SECOND
    assert engine.looked_at is None


async def test_empty_states_do_not_name_keys_that_are_not_there(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        assert "No tasks yet" in shown(pilot) and "Press n" not in shown(pilot)
        await pilot.press("1")
        await until(pilot, lambda: "unknown: nobody watches this host" in shown(pilot))
        assert "press" not in shown(pilot) and "run a script" not in shown(pilot)
        assert "a read-only console starts no monitor that was stopped" in shown(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "No script is open" in shown(pilot))
        assert "begins a new one" not in shown(pilot) and "o opens a file by its path" in shown(pilot)


async def test_looking_goes_on(host: FakeEngine) -> None:
    async with opened(host) as pilot:
        first = table(pilot).selected.id
        await pilot.press("j", "enter")
        assert tasks_screen(pilot).has_class("-zoomed") and table(pilot).selected.id != first
        await pilot.press("escape", "slash", *"sync", "enter")
        await until(pilot, lambda: len(table(pilot).tasks) == 3)
        assert pilot.app.focused is table(pilot)  # the line of text has taken enter, whose action is a submit too


async def test_quit_does_not_ask_what_is_to_become_of_work(engine: FakeEngine) -> None:
    engine.put(name="a", status=Status.RUNNING, started_at=NOW)
    async with opened(engine) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert pilot.app._exit
    assert [call for call in engine.calls if call[0] == "cancel"] == []


def test_the_setting_does_the_same_as_the_option(engine: FakeEngine) -> None:
    assert not console(engine).read_only
    engine.settings = dataclasses.replace(engine.settings, others={"console": ConsoleSettings(read_only=True)})
    assert console(engine).read_only


async def test_a_keymap_gives_none_of_them_back(host: FakeEngine, reached: list[str]) -> None:
    async with opened(host) as pilot:
        pilot.app.set_keymap({"cancel": "z"})
        await pilot.press("z")
        await pilot.pause()
        assert reached == []


# -- from the shell


@pytest.mark.parametrize("words", [["--read-only"], []], ids=["with", "without"])
def test_the_option_opens_the_console(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("opsconsole.cli.console.run", lambda *, read_only: asked.append(read_only) or 0)
    assert main(words) == 0
    assert asked == [bool(words)]


def test_the_option_is_the_consoles_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--read-only", "--run", "a.sh"]) == 2
    assert "--read-only" in capfd.readouterr().err


async def test_a_read_only_console_runs_nothing_and_watches_for_its_own_screen_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `run_console` makes, with a task in the queue."""
    state = tmp_path / "state"

    async def run(app: ConsoleApp, close: Any, *, mouse: str) -> int:
        async with app.run_test(size=(160, 45)) as pilot:
            await started(pilot)
            await until(pilot, lambda: "waits for it" in shown(pilot))
            await until(pilot, lambda: app.engine is not None and app.engine.monitoring.latest() is not None)
            await pilot.press("1")
            await until(pilot, lambda: "seen here only, nothing is recorded" in shown(pilot))
            await until(pilot, lambda: re.search(r"CPU [0-9]+ %", shown(pilot)))
            await until(pilot, lambda: re.search("Processes by CPU .* [0-9]+ processes", shown(pilot)))
        await close()
        return 0

    monkeypatch.setattr("opsconsole.tui.terminal.run", run)
    monkeypatch.setattr("opsconsole.tui.terminal.refusal", lambda _: "")
    settings = Settings(others={"console": ConsoleSettings(start="tasks")})
    engine = Engine(settings, state_dir=state, door="headless", claims="none")
    await engine.start()
    task = engine.add(TaskSpec(script="true", name="waits for it"))
    await engine.close()
    code = await asyncio.to_thread(run_console, settings, state_dir=state, read_only=True)
    assert code == 0
    assert [name for name in ("metrics.db", "monitor.lock", "monitor.live") if (state / name).exists()] == []
    await (again := Engine(settings, state_dir=state, door="headless", claims="none")).start()
    assert again.task(task.id).status is Status.QUEUED and not again.monitoring.alive
    assert again.monitoring.anomalies() == []
    await again.close()
