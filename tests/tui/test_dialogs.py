"""Dialogs an operator can trust: what is typed goes where it belongs, and what they say is how things are by now."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.errors import StorageError
from opsconsole.models import Status
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.editor.dialogs import NameScreen
from opsconsole.tui.screens.editor.screen import EditorScreen
from opsconsole.tui.screens.quit import QuitScreen
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.widgets.choice import Choice
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.tasks.scene import in_dialog, opened
from tests.tui.waiting import shown, table, tasks_screen, told, until

RUNNING = {"status": Status.RUNNING, "started_at": NOW - 5 * SECOND}
ENDED = {"status": Status.COMPLETED, "finished_at": NOW, "duration_s": 5.0, "exit_code": 0}


def commands(engine: FakeEngine) -> list[object]:
    return [call for call in engine.calls if call[0] != "start"]


async def test_submit_what_is_typed_is_an_argument_wherever_the_focus_is(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        for script, typed in (
            ("long", "300 1"),
            ("long", "-h"),
            ("ports", "-h"),
            ("ports", "hello r"),
            ("ports", "rm"),
        ):
            await pilot.press("n")
            await in_dialog(pilot, SubmitScreen)
            await pilot.press(*script, "enter")
            form = pilot.app.screen
            assert isinstance(form.focused, Input) is (script == "long")  # whose usage names arguments
            assert "enter runs it" in shown(pilot)
            await pilot.press(*typed)
            assert form.query_one("#arguments", Input).value == typed and not engine.specs
            await pilot.press("enter")
            await until(pilot, lambda: engine.specs)
            spec = engine.specs.pop()
            assert spec.args == tuple(typed.split()) and not spec.hold


async def test_submit_goes_through_the_fields_to_the_answers_and_says_what_enter_does(
    engine: FakeEngine, samples: Path
) -> None:
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter")
        form, seen = pilot.app.screen, []
        while form.focused.id is not None:
            seen.append((form.focused.id, "← → choose" in shown(pilot)))
            await pilot.press("tab")
        assert seen == [
            ("arguments", False), ("policy", True), ("name", False), ("interpreter", True), ("priority", True),
            ("timeout", False), ("retries", True), ("cwd", False), ("environment", False), ("memory", False),
            ("cpu", False), ("pids", False), ("output", False),
        ]  # fmt: skip
        await pilot.press("tab")
        assert "enter queues it, held" in shown(pilot)
        form.query_one("#policy", Choice).focus()
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)
        assert not engine.specs[0].hold


async def test_quit_says_what_is_open_by_now(engine: FakeEngine) -> None:
    running = engine.put(name="a", **RUNNING)
    engine.put(name="b")
    engine.put(name="c", status=Status.WAITING)
    async with opened(engine) as pilot:
        await pilot.press("q")
        await in_dialog(pilot, QuitScreen)
        text = shown(pilot)
        assert "1 task is running" in text and "1 task is queued and 1 is waiting: each waits" in text
        assert "ends 3 tasks" in text
        await pilot.press("j")
        engine.put(id=running.id, **ENDED)
        await until(pilot, lambda: "is running" not in shown(pilot) and "ends 2 tasks" in shown(pilot))
        for task in engine.tasks():
            engine.put(id=task.id, **ENDED)
        await until(pilot, lambda: "Nothing is open any more" in shown(pilot) and "Cancel all" not in shown(pilot))
        await pilot.press("enter")  # what was marked is gone: the harmless one is
        await pilot.pause()
        assert pilot.app._exit


async def test_cancel_is_not_asked_about_what_has_ended(engine: FakeEngine) -> None:
    one = engine.put(name="one", **RUNNING)
    two = engine.put(name="two", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        engine.put(id=two.id, **ENDED)
        await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))
        assert f"Task {two.id} has already ended: completed." in told(pilot)
        await until(pilot, lambda: not pilot.app.passes_over_keys)  # type: ignore[attr-defined]
        three = engine.put(name="three", **RUNNING)
        await until(pilot, lambda: len(table(pilot).tasks) == 3)
        await pilot.press("g", "space", "space", "c")
        await in_dialog(pilot, ConfirmScreen)
        assert "Cancel 2 tasks?" in shown(pilot)
        engine.put(id=three.id, **ENDED)
        await until(pilot, lambda: "Cancel 1 task?" in shown(pilot) and "1 tagged task is left out" in shown(pilot))
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", one.id)])


async def write(pilot: Pilot[Any], text: str = "echo hi") -> EditorScreen:
    """A new script, not saved."""
    await pilot.press("5")
    await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen) and pilot.app.screen.begun)
    editor: Any = pilot.app.screen
    await until(pilot, lambda: editor._autosave is not None)
    editor.open_text(text, "nu1.sh", "sh")
    editor.to_text()
    await until(pilot, lambda: editor.modified)
    return editor  # type: ignore[no-any-return]


async def test_quit_mentions_unsaved_text_and_enter_leaves_it_as_a_draft(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await write(pilot)
        for key in ("s", "escape"):
            await pilot.press("f10")
            await in_dialog(pilot, QuitScreen)
            text = " ".join(shown(pilot).replace("│", " ").split())
            assert "The text of nu1.sh is not saved: it is kept as a draft" in text and "Cancel all" not in text
            await pilot.press(key)
            await in_dialog(pilot, EditorScreen)
        await pilot.press("f10")
        await in_dialog(pilot, QuitScreen)
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app._exit
    assert [file.read_bytes().endswith(b"echo hi") for file in engine.paths.drafts.glob("*.draft")] == [True]


async def test_quit_saves_the_text_first_and_then_asks_about_what_runs(engine: FakeEngine, tmp_path: Path) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        editor = await write(pilot)
        await pilot.press("f10")
        await in_dialog(pilot, QuitScreen)
        assert "1 task is running" in shown(pilot) and "nu1.sh" in shown(pilot)
        await pilot.press("w")
        await in_dialog(pilot, NameScreen)
        await pilot.press("enter")
        await in_dialog(pilot, QuitScreen)
        assert "not saved" not in shown(pilot) and (editor.own.folder / "nu1.sh").read_text() == "echo hi"


async def test_quit_does_not_lose_text_that_no_draft_keeps_on_enter(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        (await write(pilot))._draft_failed(OSError(errno.ENOSPC, "no space left"))
        await pilot.press("f10")
        await in_dialog(pilot, QuitScreen)
        assert "would be lost" in shown(pilot)
        await pilot.press("enter")
        await in_dialog(pilot, NameScreen)
        assert not pilot.app._exit


async def test_a_record_that_cannot_be_read_keeps_nobody_from_leaving_but_unsaved_text_is_asked_about(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> dict[Status, int]:
        raise StorageError("the database is malformed")

    async with opened(engine) as pilot:
        editor = await write(pilot)
        monkeypatch.setattr(engine, "counts", broken)
        await pilot.press("f10")
        await in_dialog(pilot, QuitScreen)
        assert "The text of nu1.sh is not saved" in " ".join(shown(pilot).replace("│", " ").split())
        await pilot.press("escape")
        await in_dialog(pilot, EditorScreen)
        monkeypatch.setattr(type(editor), "unsaved", lambda _: None)
        await pilot.press("f10")
        await pilot.pause()
        assert pilot.app._exit
