"""What is saved, and kept, while the disk takes its time and somebody goes on working."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.editor import autosave, keeping, script_text
from tests.tui.editor.scene import CLEAN, REPORT, ScriptedEngine
from tests.tui.editor.test_editor_screen import drafts, editing, own, scripts
from tests.tui.waiting import Gate, told, until

__all__ = ["own", "scripts"]


async def test_what_is_opened_while_a_text_is_saved_does_not_get_into_its_file(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    def changed(*given: Any) -> bool:
        gate.wait()
        return script_text.changed_since(*given)

    monkeypatch.setattr(keeping, "changed_since", changed)
    file, other = own / "clean_old_logs.sh", own / "report.py"
    async with editing(scripts, open=file) as (pilot, screen):
        await pilot.press("x", "f2")
        await until(pilot, gate.reached.is_set)
        screen.open_file(other)
        await until(pilot, lambda: screen.opened is not None and screen.opened.path == other)
        gate.open()
        await until(pilot, lambda: "Saved:" in told(pilot))
        assert (file.read_text(), other.read_text()) == ("x" + CLEAN, REPORT)
        assert not screen.modified
        await until(pilot, lambda: drafts(scripts) == [])


async def test_what_is_typed_while_a_text_is_saved_is_kept_also_where_another_is_opened_meanwhile(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    def write(*given: Any) -> script_text.Stamp:
        gate.wait()
        return script_text.write_file(*given)

    monkeypatch.setattr(keeping, "write_file", write)
    file, other = own / "clean_old_logs.sh", own / "report.py"
    async with editing(scripts, open=file) as (pilot, screen):
        await pilot.press("x", "f2")
        await until(pilot, gate.reached.is_set)
        await pilot.press("y")
        await until(pilot, lambda: screen.true_text == "xy" + CLEAN)
        screen.open_file(other)
        await until(pilot, lambda: screen.opened is not None and screen.opened.path == other)
        gate.open()
        await until(pilot, lambda: "Saved:" in told(pilot))
        assert file.read_text() == "x" + CLEAN
        await until(pilot, lambda: drafts(scripts) == [f"xy{CLEAN}".encode()])
        screen.open_file(file)
        await until(pilot, lambda: screen.opened is not None and screen.opened.path == file)
        assert screen.true_text == "xy" + CLEAN and screen.modified
        assert "somebody else" not in told(pilot)


async def test_who_saves_twice_is_not_somebody_else(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    looks = list[Path]()
    second = Gate()

    def changed(path: Path, *given: Any) -> bool:
        looks.append(path)
        if len(looks) > 1:
            second.wait()
        return script_text.changed_since(path, *given)

    def write(*given: Any) -> script_text.Stamp:
        gate.wait()
        return script_text.write_file(*given)

    monkeypatch.setattr(keeping, "changed_since", changed)
    monkeypatch.setattr(keeping, "write_file", write)
    file = own / "clean_old_logs.sh"
    async with editing(scripts, open=file) as (pilot, screen):

        def over() -> bool:
            works = any(one.group == "editor-save" and not one.is_finished for one in screen.workers)
            return isinstance(pilot.app.screen, ConfirmScreen) or not works

        await pilot.press("x", "f2")
        await until(pilot, gate.reached.is_set)
        await pilot.press("f2")
        gate.open()
        await until(pilot, lambda: file.read_text() == "x" + CLEAN)
        second.open()
        await until(pilot, over)
        assert pilot.app.screen is screen
        assert not screen.modified and file.read_text() == "x" + CLEAN


async def test_what_is_opened_before_the_drafts_were_read_is_kept_like_any_other(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    def store(folder: Path) -> autosave.DraftStore:
        gate.wait()
        return autosave.DraftStore(folder)

    monkeypatch.setattr(keeping, "DraftStore", store)
    async with editing(scripts) as (pilot, screen):
        screen.library.select(f"mine:{own / 'clean_old_logs.sh'}")
        await pilot.press("enter")
        await until(pilot, lambda: screen.opened is not None)
        await pilot.press("x")
        gate.open()
        await until(pilot, lambda: drafts(scripts) == [f"x{CLEAN}".encode()])
