"""What a question says is what is done to each task that it names, whatever others do while it is open."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from opsconsole.errors import DatabaseLocked
from opsconsole.models import Status, Task
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.tasks.why import WhyScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.tasks.scene import ENDED, RUNNING, commands, in_dialog, notices, opened, screen
from tests.tui.waiting import shown, table, until

HELD: dict[str, Any] = {"status": Status.WAITING, "held": True}
PAUSED: dict[str, Any] = {**RUNNING, "status": Status.PAUSED}


@pytest.mark.parametrize(
    ("key", "there", "not_yet", "asked", "left_out", "expected"),
    [
        ("H", HELD, {}, "Hold 1 task?", "is held already", ("hold", 2)),
        ("p", PAUSED, RUNNING, "Pause 1 task?", "is paused already", ("pause", 2)),
        ("P", {**ENDED, "pinned": True}, ENDED, "Pin 1 task?", "is pinned already", ("pin", 2, True)),
    ],
)
@pytest.mark.parametrize("done_first", [True, False])
async def test_what_is_asked_of_unlike_tagged_tasks_is_done_to_each_that_is_named(
    engine: FakeEngine, key: str, there: dict[str, Any], not_yet: dict[str, Any], asked: str, left_out: str,
    expected: tuple[Any, ...], done_first: bool,
) -> None:  # fmt: skip
    for name, fields in [("a", there), ("b", not_yet)] if done_first else [("b", not_yet), ("a", there)]:
        engine.put(id={"a": 1, "b": 2}[name], name=name, **fields)
    async with opened(engine) as pilot:
        await pilot.press("space", "space", key)
        await in_dialog(pilot, ConfirmScreen)
        said = shown(pilot)
        assert asked in said and f"1 tagged task is left out: task 1 {left_out}" in said
        await pilot.press("y")
        await until(pilot, lambda: commands(engine))
        await pilot.pause()
    assert commands(engine) == [expected]


async def test_what_others_did_meanwhile_is_not_turned_into_the_opposite(engine: FakeEngine) -> None:
    for name in ("a", "b"):
        engine.put(name=name, **HELD)
    async with opened(engine) as pilot:
        await pilot.press("space", "space", "H")
        await in_dialog(pilot, ConfirmScreen)
        assert "Release 2 tasks?" in shown(pilot)
        engine.put(id=1, status=Status.QUEUED, held=False)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine))
        await pilot.press("U")
        await until(pilot, lambda: not screen(pilot).tagged and engine.task(2).status is Status.QUEUED)
        assert commands(engine) == [("release", 2)]
        selected = table(pilot).selected
        assert selected is not None
        engine.put(id=selected.id, **HELD)
        await pilot.press("W", "enter")
        await in_dialog(pilot, WhyScreen)
        assert "Release" in shown(pilot)
        engine.put(id=selected.id, status=Status.QUEUED, held=False)
        await pilot.press("h")
        await until(pilot, lambda: "is not held any more." in notices(pilot))
    assert commands(engine) == [("release", 2)]


@pytest.mark.parametrize("tags", [[], ["space"]])
async def test_a_task_of_which_nobody_can_tell_is_not_called_gone(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, tags: list[str]
) -> None:
    def locked(_: int) -> Task:
        raise DatabaseLocked("another process holds the database")

    engine.put(name="the-one", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press(*tags, "c")
        await in_dialog(pilot, ConfirmScreen)
        dialog = pilot.app.screen
        assert isinstance(dialog, ConfirmScreen)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "task", locked)
            dialog._look()  # as each second
            await pilot.pause()
            assert pilot.app.screen is dialog and "the-one" in shown(pilot) and notices(pilot) == ""
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", 1)])
        with monkeypatch.context() as patch:
            patch.setattr(engine, "task", locked)
            await pilot.press("W" if not tags else "P")
            await until(pilot, lambda: "another process holds the database" in notices(pilot))
        assert "gone" not in notices(pilot)


async def test_what_is_cancelled_between_two_tagged_tasks_has_not_made_the_next(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, reached, never = list[int](), asyncio.Event(), asyncio.Event()

    async def waits(task_id: int) -> Task:
        reached.set()
        await never.wait()
        return engine.task(task_id)

    def cancel(task_id: int, _: str | None = None) -> Coroutine[Any, Any, Task]:
        made.append(task_id)
        return waits(task_id)

    for name in ("a", "b"):
        engine.put(name=name, **RUNNING)
    monkeypatch.setattr(engine, "cancel", cancel)
    async with opened(engine) as pilot:
        await pilot.press("space", "space", "c")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("y")
        await until(pilot, reached.is_set)
        workers = pilot.app.workers.cancel_group(screen(pilot), "command")
        await until(pilot, lambda: all(one.is_finished for one in workers))
        assert workers and len(made) == 1
