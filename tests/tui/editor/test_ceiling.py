"""A policy above this console's ceiling is shown as not to be had, with the reason the form gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.settings import DoorSettings, DoorsSettings, Settings
from opsconsole.tui.screens.editor.verdicts import above_ceiling
from tests.tui.editor.scene import own_scripts, scripted
from tests.tui.editor.test_editor_screen import editing, reviewed
from tests.tui.waiting import shown, until


def limited(**fields: object) -> Settings:
    return Settings(doors=DoorsSettings(tui=DoorSettings(**fields)))  # type: ignore[arg-type]


def test_what_is_above_has_the_reason_that_a_submission_gives() -> None:
    assert above_ceiling(Settings(), "tui", "deploy") == {}
    above = above_ceiling(limited(users={"deploy": "restricted"}), "tui", "deploy")
    assert list(above) == ["standard", "elevated"]
    assert above["standard"].endswith("through tui: at most restricted (setting doors.tui.users)")
    assert list(above_ceiling(limited(policies=("restricted",)), "tui", "x")) == ["safe", "standard", "elevated"]
    assert above_ceiling(limited(max_policy="safe"), "headless", "x") == {}, "of another door"


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_a_policy_above_the_ceiling_is_not_to_be_had(
    tmp_path: Path, samples: Path, size: tuple[int, int]
) -> None:
    own = own_scripts(tmp_path)
    engine = scripted(tmp_path / "state")
    engine.settings = limited(max_policy="restricted")
    async with editing(engine, size, open=own / "clean_old_logs.sh") as (pilot, screen):
        await reviewed(pilot, screen)
        assert screen.policy == "restricted", "nobody begins with one that is not to be had"
        await until(pilot, lambda: "restricted:" in shown(pilot))
        assert "– standard  – elevated" in shown(pilot)
        await pilot.press("f6")
        await reviewed(pilot, screen)
        await until(pilot, lambda: "– standard: not available here" in shown(pilot))
        picture = " ".join(shown(pilot).replace("│", " ").split())
        assert "policy standard is above what" in picture
        assert "needs a confirmation" not in picture and "it runs as you" not in picture


async def test_without_a_ceiling_nothing_is_said_of_one(tmp_path: Path, samples: Path) -> None:
    own = own_scripts(tmp_path)
    async with editing(scripted(tmp_path / "state"), open=own / "report.py") as (pilot, screen):
        await reviewed(pilot, screen)
        assert screen.policy == "standard"
        assert "–" not in shown(pilot) and "not available" not in shown(pilot)
