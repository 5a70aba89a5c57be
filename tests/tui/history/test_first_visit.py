"""What is done when a mode is gone to for the first time, and what was done before."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.css.stylesheet import Stylesheet

from opsconsole.tui import modes
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import started, until


async def test_the_sheet_of_a_mode_is_read_without_reading_all_others_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = console(FakeEngine(tmp_path / "state"), start="overview")
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        again: list[object] = []
        monkeypatch.setattr(Stylesheet, "reparse", lambda self: again.append(self))
        await pilot.press("6")
        await until(pilot, lambda: app.modes.current == "history" and app.screen.is_current)
        await until(pilot, lambda: app.screen.query_one("#history-title").region.height == 1)
        assert not again
        assert app.screen.query_one("#history-paper").display is False


async def test_modules_of_modes_are_loaded_before_anybody_goes_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = modes.import_module
    monkeypatch.setattr(modes, "import_module", lambda name: loaded.append(name) or load(name))
    app = console(FakeEngine(tmp_path / "state"), start="overview")
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        screens = "opsconsole.tui.screens"
        await until(pilot, lambda: f"{screens}.history.screen" in loaded)
        assert {name for name in loaded if ".history." not in name} <= {
            f"{screens}.{name}.screen" for name in ("overview", "tasks", "processes", "anomalies")
        }
        assert list(app.modes) == [app.modes.first], "loaded, but not made"
