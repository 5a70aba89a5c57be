"""From the first key to the draft on the disk, and from the key that opens a text to its review."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from opsconsole.tui.screens.editor import keeping, library
from tests.tui.editor.scene import CLEAN, ScriptedEngine
from tests.tui.editor.test_editor_screen import drafts, editing, own, scripts
from tests.tui.waiting import shown, until

__all__ = ["own", "scripts"]


async def test_what_is_typed_first_is_on_the_disk_at_once(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later changes wait, so that a second lies between two writes."""
    monkeypatch.setattr(keeping, "DELAY_S", 10_000.0)
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await pilot.press("p")
        await until(pilot, lambda: drafts(scripts) == [f"p{CLEAN}".encode()])
        await pilot.press(*"recious")
        await until(pilot, lambda: screen.true_text == f"precious{CLEAN}" and screen._due is not None)
        screen.keep()
        await until(pilot, lambda: drafts(scripts) == [f"precious{CLEAN}".encode()])


async def test_a_text_that_has_just_been_opened_is_not_said_to_be_missing(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its review has not even been asked for."""
    async with editing(scripts) as (pilot, screen):
        monkeypatch.setattr(screen.live, "_send", lambda: None)
        screen.open_file(own / "clean_old_logs.sh")
        await until(pilot, lambda: "set -u" in shown(pilot) and re.search("reading …|reviewing …", shown(pilot)))
        assert "Nothing to review" not in shown(pilot)
        screen.take(None)
        await until(pilot, lambda: "No script is open." in shown(pilot))
        screen.open_file(own / "report.py")
        await until(pilot, lambda: "report.py" in shown(pilot) and re.search("reading …|reviewing …", shown(pilot)))
        assert "Nothing to review" not in shown(pilot)


async def test_a_list_that_was_read_earlier_does_not_come_later(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, held = list[bool](), list[threading.Event]()

    def read(*given: Any) -> list[library.Entry]:
        found = library.read_library(*given)
        if hold:
            hold.clear()
            held.append(threading.Event())
            held[0].wait(120)
        return found

    monkeypatch.setattr("opsconsole.tui.screens.editor.screen.read_library", read)
    async with editing(scripts) as (pilot, screen):
        hold.append(True)
        screen.read_library()
        await until(pilot, lambda: held)
        (own / "late.sh").write_text("echo\n")
        screen.read_library()
        await until(pilot, lambda: "late.sh" in [one.shown for one in screen.library.entries])
        held[0].set()
        await until(pilot, lambda: not [one for one in screen.workers if one.group == "editor-list"])
        assert "late.sh" in [one.shown for one in screen.library.entries]
