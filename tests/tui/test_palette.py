"""The command palette: what can be done from here, as things are; a mode with a filter, a theme, a settings page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from opsconsole.models import Status
from opsconsole.tui.modes import MODES, Mode
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import console, mixed
from tests.tui.waiting import shown, started, table, until


async def asked(pilot: Pilot[Any], text: str) -> None:
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await pilot.press(*("space" if one == " " else one for one in text))


def names(pilot: Pilot[Any]) -> list[str]:
    return [one.title for one in pilot.app.get_system_commands(pilot.app.screen)]


async def test_the_modes_come_first_and_what_a_task_cannot_be_told_is_left_out(engine: FakeEngine) -> None:
    engine.put(name="over", status=Status.COMPLETED, started_at=NOW - SECOND, finished_at=NOW, duration_s=1.0)
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await until(pilot, lambda: table(pilot).selected is not None)
        found = names(pilot)
        assert found[: len(MODES)] == [mode.label.capitalize() for mode in MODES]
        assert "Retry" in found and not {"Cancel", "Pause", "Hold"} & set(found)
        await asked(pilot, "")
        assert ":  Search" in shown(pilot) and "🔎" not in shown(pilot)


@pytest.mark.parametrize("name", ["tasks", "TASKS"])
async def test_a_mode_with_words_behind_it_is_filtered_by_them(tmp_path: Path, name: str) -> None:
    async with console(mixed(tmp_path / "state"), start="overview").run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, f"{name} failed")
        await until(pilot, lambda: "Go to tasks, filtered by: failed" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "/ failed" in shown(pilot) and "5 shown" in shown(pilot))
        await until(pilot, lambda: pilot.app.focused is table(pilot))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.id)
async def test_every_mode_takes_words(tmp_path: Path, mode: Mode) -> None:
    async with console(mixed(tmp_path / "state")).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, f"{mode.short} sync")
        await until(pilot, lambda: f"Go to {mode.label}, filtered by: sync" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.modes.current == mode.id and "/ sync" in shown(pilot))  # type: ignore[attr-defined]


async def test_a_theme_by_its_name_and_a_page_of_the_settings_from_anywhere(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, "theme nord")
        await until(pilot, lambda: "Theme: nord" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.theme == "nord")
        await asked(pilot, "settings: keys")
        await until(pilot, lambda: "Every key, and how to change it" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.page.ID == "keys")  # type: ignore[attr-defined]


async def test_a_command_is_found_by_what_it_does_and_a_script_can_be_run_from_every_mode(
    engine: FakeEngine, samples: Path
) -> None:
    async with console(engine, start="history").run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, "run a script")
        await until(pilot, lambda: "Run a script" in shown(pilot).replace("run a script", "", 1))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SubmitScreen))


async def test_a_read_only_console_runs_nothing_from_here_either(engine: FakeEngine) -> None:
    async with console(engine, start="history", read_only=True).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        assert "New" not in names(pilot)
