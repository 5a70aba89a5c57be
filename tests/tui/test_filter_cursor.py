"""Where the cursor is after a filter that was typed and dropped: on the row it began on, in every list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.events import ScreenResume
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.anomalies import Severity
from opsconsole.models import Status
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.filter_line import FilterLine
from tests.tui.anomalies import scene as anomalies
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.history.record import RecordEngine
from tests.tui.history.scene import history
from tests.tui.history.scene import opened as history_opened
from tests.tui.processes import scene as processes
from tests.tui.processes.fake_processes import small_host
from tests.tui.scenes import HOUR, console
from tests.tui.waiting import started, until

Opened = Callable[[], Any]


@pytest.fixture(params=["tasks", "processes", "anomalies", "history", "overview", "settings"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A mode with a list of three rows or more."""
    mode: str = request.param

    @asynccontextmanager
    async def open_it() -> AsyncIterator[Pilot[Any]]:
        if mode == "history":
            record = RecordEngine(tmp_path / "state")
            for at in range(4):
                record.ran(f"task-{at}", ago=(at + 1) * 60 * SECOND)
            async with history(record).run_test(size=(120, 30)) as pilot:
                await history_opened(pilot)
                yield pilot
            return
        engine = FakeEngine(tmp_path / "state")
        if mode == "processes":
            async with processes.opened(engine, small_host(), monkeypatch) as pilot:
                yield pilot
            return
        for at in range(4):
            engine.put(name=f"task-{at}", status=Status.COMPLETED, exit_code=0, finished_at=NOW - at * SECOND)
        anomalies.recorded(engine)
        for kind in ("load_high", "memory_high", "swap_high"):
            anomalies.put(engine, kind, Severity.LOW, HOUR)
        async with console(engine, start=mode).run_test(size=(120, 30)) as pilot:
            await started(pilot)
            yield pilot

    return open_it


def the_list(pilot: Pilot[Any]) -> CursorList:
    focused = pilot.app.screen.focused
    assert isinstance(focused, CursorList)
    return focused


async def test_a_filter_that_matches_nothing_leaves_the_cursor_where_it_was(opened: Opened) -> None:
    async with opened() as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen.focused, CursorList) and the_list(pilot)._count > 2)
        here = the_list(pilot)
        await pilot.press("j", "j")
        await until(pilot, lambda: here._cursor > 1)
        was, count = here._whose, here._count
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(pilot.app.screen.focused, Input))
        field = pilot.app.screen.focused
        assert isinstance(field, Input)
        field.value = "e"  # some rows are left, which ones does not matter
        await pilot.pause()
        field.value = "zzz"
        await until(pilot, lambda: here._count == 0)
        assert here._whose is None, "no key aims at a row that nobody sees"
        await pilot.press("escape")
        await until(pilot, lambda: here._count == count)
        await until(pilot, lambda: here._whose == was)


async def test_a_page_that_is_not_there_yet_leaves_the_focus_to_nobody(tmp_path: Path) -> None:
    """Below it stands what is being looked for, in the line that a filter is typed into."""
    async with console(FakeEngine(tmp_path / "state"), start="settings").run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen.focused, CursorList) and the_list(pilot)._count > 2)
        screen = pilot.app.screen
        screen.query_one(FilterLine).note("looking …")
        screen.set_focus(None)
        await until(pilot, lambda: screen.query_one(Input).focusable)
        screen.post_message(ScreenResume())
        await pilot.pause()
        assert screen.focused is None


async def test_a_filter_that_is_kept_leaves_the_cursor_on_what_it_found(opened: Opened) -> None:
    async with opened() as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen.focused, CursorList) and the_list(pilot)._count > 2)
        here = the_list(pilot)
        line = pilot.app.screen.query(FilterLine).first()
        await pilot.press("slash", "enter")
        await until(pilot, lambda: pilot.app.screen.focused is here)
        assert not here.holds and not line.text
