"""The overview's filter: the list that has the focus, as one types; what else reads these lists does not notice."""

from __future__ import annotations

import pytest

from opsconsole.anomalies import Severity
from opsconsole.models import Status
from opsconsole.tui.screens.overview.screen import OverviewScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.overview.scene import NOW, focus, opened, screen, watched
from tests.tui.scenes import MINUTE
from tests.tui.waiting import lines_of, shown, until


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=str)
async def test_it_narrows_the_list_that_has_the_focus_and_esc_shows_all_again(
    engine: FakeEngine, size: tuple[int, int]
) -> None:
    watched(engine)
    for name in ("reindex", "backup"):
        engine.put(name=name, status=Status.RUNNING, started_at=NOW - MINUTE)
        engine.put(name=f"{name}-old", status=Status.FAILED, exit_code=3, finished_at=NOW - MINUTE)
    engine.monitoring.put("memory_high", "memory at 93 %", Severity.HIGH)
    engine.monitoring.put("load_high", "load is 3", Severity.LOW)
    async with opened(engine, size) as pilot:
        here = screen(pilot)
        for pane, text, kept, gone in (
            (here.trouble, "LOAD", "load is 3", "memory at 93 %"),
            (here.running, "backup", "backup", "reindex"),
            (here.since, "reindex-o", "reindex-old", "backup-old"),
            (here.processes, "small", "the-small-one", "the-large-one"),
        ):
            await focus(pilot, pane.id or "")
            await pilot.press("slash", *text)
            await until(pilot, lambda: gone not in pane.text and kept in pane.text)  # noqa: B023 - asked at once
            assert pane.found == 1 and len(pane.items) > 1 and "esc drop it" in lines_of(pilot)[-1]
            await until(pilot, lambda: f"1 of {len(pane.items)}" in lines_of(pilot)[-2])  # noqa: B023
            await pilot.press("enter")
            assert pilot.app.focused is pane and "esc all lines" in lines_of(pilot)[-1]
            await pilot.press("escape")
            await until(pilot, lambda: pane.found == len(pane.items))  # noqa: B023
            assert isinstance(pilot.app.screen, OverviewScreen) and "all lines" not in lines_of(pilot)[-1]


async def test_what_is_filtered_away_is_acknowledged_by_no_key_and_another_list_takes_the_filter_over(
    engine: FakeEngine,
) -> None:
    watched(engine).monitoring.put("load_high", "load is 3", Severity.LOW)
    async with opened(engine) as pilot:
        here = screen(pilot)
        await pilot.press("slash", *"nothing", "enter")
        await until(pilot, lambda: "no line passes: esc shows all" in shown(pilot))
        await pilot.press("a")
        await until(pilot, lambda: "nothing is acknowledged" in shown(pilot))
        assert engine.monitoring.calls == []
        await focus(pilot, "processes")
        await pilot.press("slash", *"large")
        await until(pilot, lambda: here.processes.found == 1 and here.trouble.found == 1)
        await pilot.press("escape")
        await until(pilot, lambda: here.processes.found == 2)
        assert pilot.app.focused is here.processes
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, OverviewScreen)
