"""The history on the real engine: what really ran is there, runs again, and is pinned in the record."""

from __future__ import annotations

from pathlib import Path

from opsconsole.engine import Engine
from opsconsole.models import TaskSpec
from opsconsole.settings import Settings
from opsconsole.tui.app import ConsoleApp
from tests.tui.history.scene import screen_of
from tests.tui.waiting import shown, until


async def test_what_ran_is_found_and_runs_again(tmp_path: Path) -> None:
    settings = Settings()
    app = ConsoleApp(
        lambda: Engine(settings, state_dir=tmp_path / "state", door="tui"), settings, host="here", user="me",
        start="history",
    )  # fmt: skip
    try:
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, lambda: app.engine is not None)
            engine = app.engine
            assert engine is not None
            await engine.run(TaskSpec(script="echo the-needle; echo oh >&2; exit 3\n", name="haystack"))
            screen = screen_of(app)
            await until(pilot, lambda: "exit 3" in shown(pilot) and "the-needle" in shown(pilot))
            await pilot.press("slash", *"needle", "enter")
            await until(pilot, lambda: "1 of 1" in shown(pilot) and "Found: needle" in shown(pilot))
            await pilot.press("r")
            await until(pilot, lambda: len(screen.listing) == 2)
            await pilot.press("P")
            await until(pilot, lambda: "haystack ★" in shown(pilot))
            assert engine.task(screen.selected_id or 0).pinned
            await pilot.press("S")
            await until(pilot, lambda: "2 runs" in screen.sheet.text)
    finally:
        await app.link.close()
