"""Keys that come in one packet: each goes where the one before it has put the focus, and none answers a grave question
that nobody has seen."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.command import CommandPalette
from textual.geometry import Size
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.models import Status
from opsconsole.tui.modes import MODES, Mode
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.help import HelpScreen
from opsconsole.tui.screens.quit import QuitScreen
from opsconsole.tui.screens.settings.row_list import RowList
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.screens.tasks.table import TaskTable
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.text_field import TextField
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.processes.fake_processes import closely, install, small_host
from tests.tui.scenes import console, mixed
from tests.tui.tasks.scene import commands, in_dialog, opened
from tests.tui.waiting import shown, table, tasks_screen, told, until

MANY = 20_000
"""Messages; a key that waited for its patience to end would see more."""
NAMES = {"\r": "enter", "\x1b": "escape", "/": "slash", ":": "colon", "?": "question_mark", " ": "space"}
FILTERED = [mode for mode in MODES if mode.id != "editor"]


def packet(pilot: Pilot[Any], keys: str) -> None:
    """As one read of the terminal hands them to the console."""
    for key in keys:
        pilot.app.post_message(events.Key(NAMES.get(key, key), key))


def held(pilot: Pilot[Any]) -> bool:
    """Keys wait for their turn."""
    app: Any = pilot.app
    return bool(app._held_keys) or app._key_turn is not None


def names(pilot: Pilot[Any]) -> list[str]:
    return [task.name for task in table(pilot).tasks]


async def test_keys_behind_the_enter_of_a_filter_move_in_the_list(engine: FakeEngine) -> None:
    for at in range(6):
        engine.put(name=f"{'web' if at % 2 else 'mail'}-{at}", status=Status.QUEUED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 6)
        packet(pilot, "/web\rjj")
        await until(pilot, lambda: len(names(pilot)) == 3 and table(pilot).selected == table(pilot).tasks[2])
        assert pilot.app.screen.query_one(FilterLine).text == "web" and pilot.app.focused is table(pilot)


@pytest.mark.parametrize("mode", FILTERED, ids=lambda mode: mode.id)
async def test_no_list_takes_what_comes_behind_enter_for_a_part_of_its_filter(tmp_path: Path, mode: Mode) -> None:
    async with console(mixed(tmp_path / "state"), start=mode.id).run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
        packet(pilot, "/a\r?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert "".join(line.text for line in pilot.app.screen_stack[-2].query(FilterLine)) == "a"


async def test_keys_behind_the_enter_of_the_palette_are_for_what_it_opened(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state"), start="overview").run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
        packet(pilot, ":tasks failed\r?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert pilot.app.modes.current == "tasks"  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(pilot, lambda: "/ failed" in shown(pilot))
        assert not any(isinstance(screen, CommandPalette) for screen in pilot.app.screen_stack)


async def test_a_mode_and_a_form_take_what_was_typed_for_them(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine, start="overview") as pilot:
        packet(pilot, "2nports")
        await in_dialog(pilot, SubmitScreen)
        await until(pilot, lambda: pilot.app.screen.query(TextField).first(Input).value == "ports")
        assert pilot.app.modes.current == "tasks"  # type: ignore[attr-defined]


async def test_a_grave_question_is_not_answered_before_it_was_seen(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        packet(pilot, "cy")
        await in_dialog(pilot, ConfirmScreen)
        await until(pilot, lambda: "Yes, cancel it" in shown(pilot))
        await pilot.pause()
        assert isinstance(pilot.app.screen, ConfirmScreen) and not commands(engine)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", 1)])
        packet(pilot, "cjk\r")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("escape")
        assert commands(engine) == [("cancel", 1)]


async def test_a_key_that_was_typed_before_the_question_was_drawn_is_no_answer_however_late_it_comes(
    engine: FakeEngine,
) -> None:
    engine.put(name="deploy", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        early = events.Key("y", "y")
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        await until(pilot, lambda: not pilot.app.screen.ignores(events.Key("y", "y")))  # type: ignore[attr-defined]
        pilot.app.post_message(early)
        await pilot.pause()
        assert isinstance(pilot.app.screen, ConfirmScreen) and not commands(engine)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", 1)])


async def test_leaving_with_all_as_it_is_may_be_typed_ahead(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        packet(pilot, "q\r")
        await until(pilot, lambda: pilot.app._exit)
    assert not commands(engine)


async def test_leaving_is_not_answered_before_it_was_seen_either(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        packet(pilot, "qc")
        await in_dialog(pilot, QuitScreen)
        await until(pilot, lambda: "Cancel all and quit" in shown(pilot))
        await pilot.pause()
        assert isinstance(pilot.app.screen, QuitScreen) and not commands(engine)


async def test_esc_behind_a_grave_question_is_its_no_and_what_follows_is_for_the_list(engine: FakeEngine) -> None:
    for name in ("one", "two", "three"):
        engine.put(name=name, status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        packet(pilot, "c\x1bjj")
        await until(pilot, lambda: table(pilot).selected == table(pilot).tasks[2])
        assert pilot.app.focused is table(pilot) and not commands(engine)


async def test_nothing_that_comes_behind_leaving_is_done(engine: FakeEngine) -> None:
    async with console(engine, start="overview").run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
        app = pilot.app
        packet(pilot, "q2n:?\x1b\rq2")
        await until(pilot, lambda: app._exit)
        await until(pilot, lambda: not app._held_keys or not app.is_running)  # type: ignore[attr-defined]
        assert app.modes.current == "overview" and len(app.screen_stack) <= 1  # type: ignore[attr-defined]


async def test_a_key_that_was_held_down_moves_as_often_as_it_came_and_is_drawn_seldom(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(90):
        engine.put(name=f"web-{at}", status=Status.QUEUED)
    went: list[int] = []
    go = TaskTable._go

    def counted(self: TaskTable, line: int) -> None:
        went.append(line)
        go(self, line)

    monkeypatch.setattr(TaskTable, "_go", counted)
    async with opened(engine) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 90)
        tasks = table(pilot).tasks
        packet(pilot, "j" * 60 + "k" * 20 + "?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert table(pilot).selected == tasks[40]
        assert len(went) <= 6, "two letters: the first of each at once, and the rest as one"


async def test_a_key_that_was_held_down_at_the_end_of_a_list_is_over_there(engine: FakeEngine) -> None:
    for at in range(5):
        engine.put(name=f"web-{at}", status=Status.QUEUED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 5)
        tasks = table(pilot).tasks
        packet(pilot, "j" * 9 + "kk" + "?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert table(pilot).selected == tasks[2]


async def test_steps_over_headings_are_the_same_held_down_or_one_by_one(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state"), start="settings").run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.focused, RowList) and pilot.app.focused.selected is not None)
        rows: Any = pilot.app.focused
        await pilot.press("g")
        for _ in range(9):
            await pilot.press("j")
        alone = rows.selected
        await pilot.press("g")
        first = rows.selected
        packet(pilot, "j" * 9 + "?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert rows.selected == alone != first


async def test_a_held_key_that_means_something_else_is_taken_one_by_one(engine: FakeEngine) -> None:
    for at in range(4):
        engine.put(name=f"web-{at}", status=Status.QUEUED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 4)
        packet(pilot, "   ?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert len(tasks_screen(pilot).tagged) == 3


async def test_keys_do_not_wait_for_what_never_comes_to_rest(engine: FakeEngine) -> None:
    for name in ("one", "two", "three", "four"):
        engine.put(name=name, status=Status.QUEUED)
    turns = 0
    async with opened(engine) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 4)
        screen, last = tasks_screen(pilot), table(pilot).tasks[3]

        async def never_rest() -> None:
            nonlocal turns
            while turns < MANY and table(pilot).selected != last:
                turns += 1
                screen.call_later(lambda: None)
                await asyncio.sleep(0)

        restless = asyncio.create_task(never_rest())
        packet(pilot, "jjj")
        await until(pilot, lambda: table(pilot).selected == last)
        await restless
        assert turns < MANY


async def test_pages_that_open_and_close_as_fast_as_keys_come(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, small_host(), closely)  # hundreds of keys: a look at the real host at each takes its time
    engine.put(name="deploy", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        for at in range(12):
            packet(pilot, "?\x1b" * 3 + "123" + ":\x1b" + "c\x1b" + "2")
            width = 80 + at * 5
            pilot.app.post_message(events.Resize(Size(width, 30), Size(width, 30)))
        packet(pilot, "?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen) and not held(pilot), timeout_s=150)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))
        assert not commands(engine)


async def test_a_question_that_is_awaited_by_a_worker_holds_no_keys(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        answers = []

        async def ask() -> None:
            answers.append(await pilot.app.push_screen_wait(ConfirmScreen("Sure?", "deploy", (), yes="Yes", no="No")))

        pilot.app.run_worker(ask())
        packet(pilot, "jk")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and not held(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: answers == [False])
        packet(pilot, "?")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_what_fails_while_a_key_is_waited_for_ends_the_console_and_does_not_deafen_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: object) -> None:
        raise LookupError("nobody knows why")

    monkeypatch.setattr("opsconsole.tui.palette.Palette.found", fails)
    app = console(mixed(tmp_path / "state"), start="overview")
    with pytest.raises(LookupError):
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
            packet(pilot, ":tasks\r")
            await until(pilot, lambda: app._exit or app._exception)


async def test_a_hangup_does_not_wait_for_keys_that_wait(engine: FakeEngine) -> None:
    async with console(engine, start="overview").run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
        packet(pilot, "2?\x1b" * 20)
        pilot.app.exit(return_code=129)
        await until(pilot, lambda: not pilot.app.is_running or not held(pilot))
    assert pilot.app.return_code == 129


async def test_what_is_typed_for_a_dialog_that_has_just_gone_by_itself_goes_to_nobody(engine: FakeEngine) -> None:
    """`r` is "say why first" in the question, and "run it again" in the list beneath."""
    task = engine.put(name="one", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        app: Any = pilot.app
        dialog = app.screen
        engine.put(id=task.id, status=Status.COMPLETED, exit_code=0, finished_at=NOW)
        await until(pilot, lambda: app.screen is tasks_screen(pilot) and app._passed_over_until < math.inf)
        gone_at = app._passed_over_until
        for key, at in (("r", dialog._seen_at), ("y", gone_at - 0.5), ("r", gone_at - 0.01), ("slash", gone_at)):
            event = events.Key(key, key if len(key) == 1 else "/")
            event.time = at
            app.post_message(event)
        await until(pilot, lambda: isinstance(app.focused, TextField))
        assert commands(engine) == [] and app.screen is tasks_screen(pilot)
        assert "Sent" not in told(pilot) and f"Task {task.id} has already ended: completed." in told(pilot)


async def test_a_dialog_that_was_answered_leaves_the_next_key_to_the_list(engine: FakeEngine) -> None:
    engine.put(name="one", status=Status.RUNNING, started_at=NOW - SECOND)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        packet(pilot, "\x1b/")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField))
