"""Why something was done to a task: asked for by nobody, kept when it is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opsconsole.models import Priority, Status
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.tasks.why import WhyScreen
from opsconsole.tui.widgets.text_field import TextField
from opsconsole.tui.widgets.why_line import WhyLine
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.tasks.scene import RUNNING, commands, in_dialog, opened
from tests.tui.waiting import lines_of, shown, table, tasks_screen, told, until

SMALL = (80, 24)


async def test_a_cancel_takes_a_reason_that_was_typed_and_no_is_still_what_enter_does(engine: FakeEngine) -> None:
    engine.put(name="deploy", **RUNNING)
    async with opened(engine, SMALL) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        for answer, done in (("enter", []), ("y", [("cancel", 1, "yes, the disk fills")])):
            await pilot.press("c")
            await in_dialog(pilot, ConfirmScreen)
            assert not pilot.app.screen.query_one(WhyLine).display, "it is not in the way"
            await pilot.press("r")
            await until(pilot, lambda: isinstance(pilot.app.focused, TextField))
            assert "enter keeps the reason, esc drops it" in shown(pilot)
            await pilot.press(*"yes,", "space", *"the", "space", *"disk", "space", *"fills", "enter")
            await until(pilot, lambda: not isinstance(pilot.app.focused, TextField))
            assert "yes, the disk fills" in shown(pilot) and not commands(engine)
            await pilot.press(answer)
            await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
            await until(pilot, lambda done=done: commands(engine) == done)


async def test_esc_drops_the_reason_and_not_the_question(engine: FakeEngine) -> None:
    engine.put(name="deploy", **RUNNING)
    async with opened(engine, SMALL) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField))
        await pilot.press(*"never", "escape")
        await until(pilot, lambda: not isinstance(pilot.app.focused, TextField))
        assert isinstance(pilot.app.screen, ConfirmScreen) and "never" not in shown(pilot)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", 1)])


@pytest.mark.parametrize(
    ("key", "status", "done"),
    [
        ("H", Status.QUEUED, ("hold",)), ("p", Status.RUNNING, ("pause",)), ("c", Status.RUNNING, ("cancel",)),
        ("plus", Status.QUEUED, ("set_priority", Priority.HIGH)), ("P", Status.COMPLETED, ("pin", True)),
    ],
)  # fmt: skip
async def test_all_that_are_tagged_have_the_one_reason(
    engine: FakeEngine, key: str, status: Status, done: tuple[object, ...]
) -> None:
    for name in ("one", "two"):
        engine.put(name=name, **(RUNNING if status is Status.RUNNING else {"status": status}))
    async with opened(engine) as pilot:
        await until(pilot, lambda: len(table(pilot).tasks) == 2)
        await pilot.press("space", "space", key)
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("r", *"freeze", "enter")
        await until(pilot, lambda: not isinstance(pilot.app.focused, TextField))
        await pilot.press("y")
        await until(pilot, lambda: len(commands(engine)) == 2)
        name, *more = done
        assert sorted(commands(engine)) == [(name, 1, *more, "freeze"), (name, 2, *more, "freeze")]


async def test_where_nothing_is_to_be_answered_for_no_reason_is_asked(engine: FakeEngine) -> None:
    engine.put(name="one", status=Status.COMPLETED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        await pilot.press("space", "r")
        await in_dialog(pilot, ConfirmScreen)
        assert not pilot.app.screen.query(WhyLine) and "Say why" not in shown(pilot)


async def test_a_question_about_many_has_room_for_a_reason_on_a_small_screen(
    engine: FakeEngine, tmp_path: Path
) -> None:
    for number in range(16):
        engine.put(name=f"a-rather-long-name-of-a-job-{number}", **RUNNING)
    async with opened(engine, SMALL) as pilot:
        await until(pilot, lambda: len(table(pilot).tasks) == 16)
        await pilot.press(*["space"] * 15, "c")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("r", *"freeze")
        await until(pilot, lambda: "freeze" in shown(pilot))
        seen = "\n".join(lines_of(pilot))
        assert "Cancel 15 tasks?" in seen and "No" in seen and "Yes, cancel them" in seen and "Say why" in seen


@pytest.mark.parametrize(
    ("fields", "keys", "expected"),
    [
        ({"status": Status.QUEUED}, "h", [("hold", 1, "freeze")]),
        ({"status": Status.WAITING, "held": True}, "h", [("release", 1, "freeze")]),
        ({"status": Status.RUNNING, "started_at": NOW - SECOND}, "p", [("pause", 1, "freeze")]),
        ({"status": Status.PAUSED, "started_at": NOW - SECOND}, "p", [("resume", 1, "freeze")]),
        ({"status": Status.QUEUED}, "s", [("set_priority", 1, Priority.HIGH, "freeze")]),
        ({"status": Status.QUEUED}, "l", [("set_priority", 1, Priority.LOW, "freeze")]),
        ({"status": Status.COMPLETED}, "i", [("pin", 1, True, "freeze")]),
        ({"status": Status.QUEUED, "pinned": True}, "i", [("pin", 1, False, "freeze")]),
        ({"status": Status.QUEUED}, "n", []),
        ({"status": Status.QUEUED}, ["escape"], []),
    ],
    ids=["hold", "release", "pause", "resume", "sooner", "later", "pin", "unpin", "nothing", "esc"],
)
async def test_what_asks_nothing_takes_a_reason_that_is_said_first(
    engine: FakeEngine, fields: dict[str, Any], keys: Sequence[str], expected: list[object]
) -> None:
    engine.put(name="deploy", **fields)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        await pilot.press("W", *"freeze", "enter")
        await in_dialog(pilot, WhyScreen)
        await pilot.press(*keys)
        await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))
        await until(pilot, lambda: commands(engine) == expected)


async def test_hold_itself_asks_nothing_as_ever(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.QUEUED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        await pilot.press("H")
        await until(pilot, lambda: commands(engine) == [("hold", 1)])
        assert pilot.app.screen is tasks_screen(pilot)


async def test_what_changed_while_somebody_wrote_is_looked_at_again(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.QUEUED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        await pilot.press("W", *"why", "enter")
        await in_dialog(pilot, WhyScreen)
        engine.put(id=1, status=Status.COMPLETED)
        await pilot.press("h")
        await until(pilot, lambda: "only a queued task can be held or moved" in told(pilot))
        assert commands(engine) == []


async def test_nothing_is_asked_where_nothing_can_be_done(engine: FakeEngine) -> None:
    engine.put(name="deploy", status=Status.COMPLETED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        gone = engine._tasks.pop(1)
        await pilot.press("W")
        await until(pilot, lambda: "Task 1 is gone" in told(pilot))
        engine._tasks[1] = gone
        engine.put(name="other", status=Status.QUEUED)
        await until(pilot, lambda: len(table(pilot).tasks) == 2)
        await pilot.press("space", "W")
        await until(pilot, lambda: "each question has r, to say why" in told(pilot))
        assert pilot.app.screen is tasks_screen(pilot)
