"""What must not end the console while a text is open in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from textual import events

from opsconsole.tui.screens.editor.dialogs import NameScreen
from tests.tui.editor.scene import ScriptedEngine, own_scripts, scripted
from tests.tui.editor.test_editor_screen import answered, drafts, editing, told
from tests.tui.waiting import shown, until

LARGE = 'echo "' + "a$(b) " * 3000 + '"\n'


@pytest.fixture
def own(tmp_path: Path, samples: Path) -> Path:
    return own_scripts(tmp_path)


@pytest.fixture
def scripts(tmp_path: Path, own: Path) -> ScriptedEngine:
    return scripted(tmp_path / "state")


async def test_paths_that_lead_nowhere_are_told(
    scripts: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    async with editing(scripts) as (pilot, screen):
        await pilot.press("o")
        await answered(pilot, NameScreen, *"~nosuchuser/x", "enter")
        await until(pilot, lambda: "nobody here is called so" in told(pilot.app))
        monkeypatch.chdir(gone)
        gone.rmdir()
        await pilot.press("o")
        await until(pilot, lambda: "the folder this was started in is gone" in shown(pilot))
        await answered(pilot, NameScreen, *"x.sh", "enter")
        await until(pilot, lambda: "x.sh cannot be opened: the folder it begins in is gone" in told(pilot.app))
        os.chdir(tmp_path)
        assert screen.opened is None


async def test_what_fails_in_the_background_is_told(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = scripts.paths.drafts
    store.mkdir(parents=True, exist_ok=True)
    (store / "dead.lock").touch()
    (store / "dead.a.draft").write_bytes(b"[" * 200_000)
    async with editing(scripts, open=own / "report.py") as (pilot, screen):
        await until(pilot, lambda: "Drafts that cannot be read were set aside" in told(pilot.app))

        async def breaks(*_: Any) -> None:
            raise RuntimeError("it broke \x1b[31m")

        monkeypatch.setattr(screen, "save", breaks)
        await pilot.press("x", "ctrl+o")
        await until(pilot, lambda: "That failed inside the editor, which goes on" in told(pilot.app))
        assert "\x1b" not in told(pilot.app)
        screen.text_area.post_message(events.Paste("\U0010d800"))
        await until(pilot, lambda: "It was not put into the text: it has U+10D800" in told(pilot.app))
        screen.keep()
        await until(pilot, lambda: [one[:1] for one in drafts(scripts)] == [b"x"])


async def test_a_large_text_is_reviewed_when_it_is_asked_for(scripts: ScriptedEngine, own: Path) -> None:
    (own / "large.sh").write_text(LARGE)
    async with editing(scripts, open=own / "large.sh") as (pilot, screen):
        await until(pilot, lambda: "not reviewed while you type" in shown(pilot))
        assert "no colours: a line above 10,000 characters" in shown(pilot)
        assert screen.live.state.kind == "put off"
        await pilot.press("f6")
        assert screen.policy == "standard"
        await until(pilot, lambda: screen.live.state.current)
        await until(pilot, lambda: "not reviewed while you type" not in shown(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "not reviewed while you type" in shown(pilot))
        screen.text_area.replace_all([((0, 0), screen.text_area.document.end, "ls $1\n")])
        await until(pilot, lambda: screen.live.state.current)
