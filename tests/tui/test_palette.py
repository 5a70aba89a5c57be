"""The command palette: what can be done from here, as things are; a mode with a filter, a theme, a settings page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from opsconsole.models import Status
from opsconsole.tui.actions import ACTIONS, Where
from opsconsole.tui.keymap import actions_of
from opsconsole.tui.modes import MODES, Mode
from opsconsole.tui.palette import Commands
from opsconsole.tui.screens.processes.screen import ProcessesScreen
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import console, mixed
from tests.tui.waiting import shown, started, table, until


async def asked(pilot: Pilot[Any], text: str) -> None:
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await pilot.press(*("space" if one == " " else one for one in text))


async def there(pilot: Pilot[Any], mode: str) -> None:
    """In the mode, which has begun."""
    screen = pilot.app.go(mode)  # type: ignore[attr-defined]
    await until(pilot, lambda: pilot.app.screen is screen and screen.is_current and screen.begun)


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


async def test_every_mode_takes_words(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state")).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        for mode in MODES:
            await asked(pilot, f"{mode.short} sy")
            await until(pilot, lambda mode=mode: f"Go to {mode.label}, filtered by: sy " in shown(pilot))
            await pilot.press("enter")
            await until(pilot, lambda mode=mode: pilot.app.modes.current == mode.id and "/ sy" in shown(pilot))


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


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.id)
def test_no_other_name_of_an_action_means_two_things_in_one_mode(mode: Mode) -> None:
    here = [one.id for one in actions_of(mode) if one.where is not Where.MOTION]
    there = [one for one in ACTIONS if one.id in (*here, "submit") or one.id.startswith("page_")]
    taken = {one.label: one.id for one in there} | {one.short: one.id for one in MODES}
    for one in there:
        for name in one.also:
            assert name == name.casefold().strip() and " " not in name
            assert taken.setdefault(name, f"{one.id} itself") == f"{one.id} itself", name


async def test_a_command_is_found_by_what_it_is_called_elsewhere(tmp_path: Path) -> None:
    app = console(mixed(tmp_path / "state"))
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        for mode, typed, found in (
            ("tasks", "kill", "Cancel"), ("tasks", "q!", "Quit"), ("tasks", "logs", "Output"),
            ("tasks", "messages", "Settings: log"), ("processes", "kill", "Signal"), ("processes", "nice", "Renice"),
            ("editor", "w", "Save"), ("editor", ":wq", "Quit"), ("overview", "top", "Processes"),
            ("overview", "colorscheme", "Theme"), ("history", "htop", "Processes"),
            ("history", "term", "Processes: signal"), ("settings", "mute", "Anomalies: silence"),
        ):  # fmt: skip
            await there(pilot, mode)
            provider = Commands(app.screen)
            hits = [one async for one in provider.search(typed)]
            assert str(max(hits, key=lambda one: one.score).match_display) == found, (mode, typed)  # type: ignore[attr-defined]
            assert not [one async for one in provider.search(":")]
            begun = [] if len(typed) < 3 else [one async for one in provider.search(typed[:-1])]
            assert len(typed) < 3 or found in {str(one.match_display) for one in begun}, (mode, typed)  # type: ignore[attr-defined]


async def test_words_behind_what_a_mode_is_called_elsewhere_filter_it(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state")).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, "proc nginx")
        await until(pilot, lambda: "Go to processes, filtered by: nginx" in shown(pilot))


async def test_a_command_is_a_line_with_its_keys_between_name_and_description(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, "")
        await until(pilot, lambda: "All commands" not in shown(pilot) and "Overview" in shown(pilot))
        line = next(one for one in shown(pilot).splitlines() if "What is wrong, what runs" in one)
        assert line.split("│")[1].split()[:4] == ["Overview", "1", "What", "is"]
        assert pilot.app.screen.query_one("#--container").region.bottom <= 36


async def test_what_works_elsewhere_only_is_found_and_goes_there(tmp_path: Path) -> None:
    """And does nothing yet: whom it is for is chosen there."""
    app = console(mixed(tmp_path / "state"))
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        for mode in ("anomalies", "editor", "history", "settings"):
            await there(pilot, mode)
            hits = [one async for one in Commands(app.screen).search("kill")]
            names = {str(one.match_display): one for one in hits}  # type: ignore[attr-defined]
            assert {"Tasks: cancel", "Processes: signal"} <= names.keys(), mode
            chosen = names["Processes: signal"]
            assert "Goes to processes, where K does it: " in str(chosen.help), mode
            chosen.command()
            await until(pilot, lambda: app.modes.current == "processes")
            await until(pilot, lambda: isinstance(app.screen, ProcessesScreen))


@pytest.mark.parametrize("text", ["[/x]", "a[red]b", "[@click=app.quit]x[/]"])
async def test_what_is_typed_is_no_markup(engine: FakeEngine, text: str) -> None:
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await asked(pilot, f"tasks {text}")
        await until(pilot, lambda: f"filtered by: {text}" in shown(pilot))
