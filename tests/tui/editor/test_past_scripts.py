"""A past run's script in the editor, from wherever it is opened: without what is hidden in it, and harmlessly named."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.models import Status
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.tui.past_scripts import LEFT_OUT
from opsconsole.tui.screens.editor.screen import EditorScreen
from tests.tui.editor.scene import ScriptedEngine, editor_console, own_scripts, scripted
from tests.tui.fake_engine import NOW
from tests.tui.waiting import shown, started, until

HIDDEN = "hunter2-and-more"


@pytest.fixture
def own(tmp_path: Path, samples: Path) -> Path:
    return own_scripts(tmp_path / "home")


@pytest.fixture
def scripts(tmp_path: Path, own: Path) -> ScriptedEngine:
    return scripted(tmp_path / "state")


@pytest.mark.parametrize("start", ["tasks", "history", "editor"])
@pytest.mark.parametrize("hidden", [True, False])
async def test_what_is_hidden_in_it_does_not_come_along_and_that_is_said(
    scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch, start: str, hidden: bool
) -> None:
    task = scripts.put(
        name="call\x1b[31m-home", status=Status.COMPLETED, queued_at=NOW, started_at=NOW, finished_at=NOW,
        script_sha256="c" * 64,
    )  # fmt: skip
    scripts.scripts[task.id] = f"#!/bin/sh\necho {HIDDEN if hidden else 'nothing'}\n".encode()
    known = Redaction.of({"API_TOKEN": HIDDEN}, Settings().redaction)
    monkeypatch.setattr(scripts, "redaction_of", lambda *_: known)
    app = editor_console(scripts, start=start)
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await started(pilot)
        if start == "editor":
            await until(pilot, lambda: "call" in shown(pilot))
            await pilot.press("slash", *"call", "enter", "enter")
        else:
            await until(pilot, lambda: "call" in shown(pilot))
            if start == "tasks":
                app.screen.go_to(task.id)  # type: ignore[attr-defined]
            await until(pilot, lambda: _selected(app.screen) == task.id)
            await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.opened is not None)
        editor = app.screen
        assert isinstance(editor, EditorScreen) and editor.opened is not None and editor.opened.task == task.id
        assert HIDDEN not in editor.text_area.text and "\x1b" not in editor.opened.name
        said = [one.message for one in app._notifications]
        assert ("[redacted:" in editor.text_area.text, LEFT_OUT in said) == (hidden, hidden)


def _selected(screen: object) -> int | None:
    """The id of the run that keys are for."""
    selected = getattr(screen, "selected", None)
    return selected.id if selected is not None else getattr(screen, "selected_id", None)
