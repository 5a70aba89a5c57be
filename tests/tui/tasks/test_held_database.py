"""Another program holds the database: what one asked for waits and says so, no key waits, and nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.engine import Engine
from opsconsole.models import Status, TaskSpec
from opsconsole.settings import Settings
from opsconsole.tui import held_database
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.tasks.scene import in_dialog
from tests.tui.waiting import shown, started, table, told, until

HELD = "held by another program"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(held_database, "PATIENCE_S", 0.05)
    path = tmp_path / "greeting.sh"
    path.write_text("echo hello\n")
    return path


@asynccontextmanager
async def opened(state: Path, size: tuple[int, int] = (140, 40)) -> AsyncIterator[Pilot[Any]]:
    settings = Settings()
    app = ConsoleApp(
        lambda: Engine(settings, state_dir=state, door="tui"), settings, host="here", user="me", start="tasks"
    )
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            await started(pilot)
            yield pilot
    finally:
        await app.link.close()


@contextmanager
def held(state: Path) -> Iterator[None]:
    """As by `sqlite3 opsconsole.db 'BEGIN IMMEDIATE'` in another terminal."""
    with closing(sqlite3.connect(state / "opsconsole.db", isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def row(pilot: Pilot[Any], task_id: int) -> str:
    """A task's line of the list as it is drawn."""
    (line,) = [number for number, task in enumerate(table(pilot).tasks) if task.id == task_id]
    return table(pilot).render_line(line + 1).text


async def ask_to_run(pilot: Pilot[Any], script: Path) -> None:
    await pilot.press("n")
    await in_dialog(pilot, SubmitScreen)
    pilot.app.screen.query_one("#script", Input).value = str(script)
    await pilot.pause()
    await pilot.press("enter")
    pilot.app.screen.query_one("#arguments", Input).value = "one two"
    await pilot.pause()
    await pilot.press("enter")


async def test_the_form_says_what_it_waits_for_and_closes_when_the_task_is_stored(state: Path, script: Path) -> None:
    async with opened(state) as pilot:
        with held(state):
            await ask_to_run(pilot, script)
            await until(pilot, lambda: HELD in shown(pilot))
            assert isinstance(pilot.app.screen, SubmitScreen)
            await pilot.press("3")
            assert pilot.app.screen.query_one("#arguments", Input).value == "one two"
        await until(pilot, lambda: [task.status for task in table(pilot).tasks] == [Status.COMPLETED])
        assert not isinstance(pilot.app.screen, SubmitScreen)


async def test_escape_takes_the_task_back_and_keeps_the_form(state: Path, script: Path) -> None:
    async with opened(state) as pilot:
        with held(state):
            await ask_to_run(pilot, script)
            await until(pilot, lambda: HELD in shown(pilot))
            await pilot.press("escape")
            await until(pilot, lambda: "nothing was queued" in shown(pilot))
            assert pilot.app.screen.query_one("#arguments", Input).value == "one two"
            await pilot.press("escape", "escape")
            await until(pilot, lambda: not isinstance(pilot.app.screen, SubmitScreen))
            await pilot.press("3")
            await until(pilot, lambda: pilot.app.screen.MODE == "processes")
        with Engine.look(state_dir=state) as other:
            later = other.add(TaskSpec(script="echo later"))
            assert [task.id for task in other.tasks()] == [later.id]


async def test_after_the_busy_timeout_the_form_says_why_and_stays(state: Path, script: Path) -> None:
    async with opened(state) as pilot:
        engine = pilot.app.engine  # type: ignore[attr-defined]

        def patience(milliseconds: int) -> None:
            engine._job(lambda c: c.execute(f"PRAGMA busy_timeout = {milliseconds}").fetchall()).result()

        patience(200)
        with held(state):
            await ask_to_run(pilot, script)
            await until(pilot, lambda: "is locked by another process" in shown(pilot))
            assert pilot.app.screen.query_one("#arguments", Input).value == "one two"
        patience(30_000)
        await pilot.press("enter")
        await until(pilot, lambda: [task.status for task in table(pilot).tasks] == [Status.COMPLETED])


async def test_a_command_says_what_it_waits_for_and_is_done_then(state: Path, script: Path) -> None:
    async with opened(state) as pilot:
        engine = pilot.app.engine  # type: ignore[attr-defined]
        task = await engine.submit(TaskSpec(path=script, hold=True))
        await until(pilot, lambda: table(pilot).selected is not None)
        with held(state):
            await pilot.press("+")
            await until(pilot, lambda: HELD in told(pilot))
            await pilot.press("3")
            await until(pilot, lambda: pilot.app.screen.MODE == "processes")
        await until(pilot, lambda: engine.task(task.id).priority.name == "HIGH")


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
@pytest.mark.parametrize(
    ("keys", "word"), [(["c", "y"], "cancel"), (["H"], "release"), (["plus"], "sooner"), (["P"], "pin")]
)
async def test_what_was_asked_of_a_task_stands_in_its_row_until_it_is_done(
    state: Path, script: Path, keys: list[str], word: str, size: tuple[int, int]
) -> None:
    async with opened(state, size) as pilot:
        engine = pilot.app.engine  # type: ignore[attr-defined]
        first, second = [await engine.submit(TaskSpec(path=script, hold=True)) for _ in range(2)]
        await until(pilot, lambda: len(table(pilot).tasks) == 2 and table(pilot).selected is not None)
        selected = table(pilot).selected
        chosen, other = (first, second) if selected is not None and selected.id == first.id else (second, first)
        before = engine.task(chosen.id)
        with held(state):
            await pilot.press(keys[0])
            if keys[1:]:
                await in_dialog(pilot, ConfirmScreen)
                await pilot.press(*keys[1:])
            await until(pilot, lambda: f"{word} …" in row(pilot, chosen.id))
            assert f"{word} …" not in row(pilot, other.id)
            await pilot.press("enter")
            await until(pilot, lambda: f"not written down yet: {word}" in shown(pilot))
            assert engine.task(chosen.id) == before
            await pilot.press("escape")
        await until(pilot, lambda: f"{word} …" not in row(pilot, chosen.id))
        assert engine.task(chosen.id) != before
        await until(pilot, lambda: "not written down yet" not in shown(pilot))


async def test_what_could_not_be_done_is_named_and_leaves_no_mark(state: Path, script: Path) -> None:
    async with opened(state) as pilot:
        engine = pilot.app.engine  # type: ignore[attr-defined]
        task = await engine.submit(TaskSpec(path=script, hold=True))
        await until(pilot, lambda: table(pilot).selected is not None)
        await asyncio.wrap_future(engine._job(lambda c: c.execute("PRAGMA busy_timeout = 200").fetchall()))
        with held(state):
            await pilot.press("c")
            await in_dialog(pilot, ConfirmScreen)
            await pilot.press("y")
            await until(pilot, lambda: f"Task {task.id}: cancel was not done. " in told(pilot))
            await until(pilot, lambda: "cancel …" not in row(pilot, task.id))
        assert not engine.task(task.id).cancel_requested


async def test_of_tagged_tasks_each_is_marked_until_its_turn_has_come(state: Path, script: Path) -> None:
    async with opened(state) as pilot:
        engine = pilot.app.engine  # type: ignore[attr-defined]
        ids = [(await engine.submit(TaskSpec(path=script, hold=True))).id for _ in range(3)]
        await until(pilot, lambda: len(table(pilot).tasks) == 3)
        with held(state):
            await pilot.press("space", "space", "space", "c")
            await in_dialog(pilot, ConfirmScreen)
            await pilot.press("y")
            await until(pilot, lambda: all("cancel …" in row(pilot, one) for one in ids))
        await until(pilot, lambda: not any("cancel …" in row(pilot, one) for one in ids))
        assert {engine.task(one).status for one in ids} == {Status.CANCELLED}
