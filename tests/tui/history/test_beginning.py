"""A list whose beginning is here, while all of it is being read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.storage import archive
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.history.screen import HistoryScreen
from tests.benchmarks.bench_history import BEGIN_US, STEP_US, fill
from tests.tui.history.record import RecordEngine
from tests.tui.history.scene import history, opened, screen_of, table, typed
from tests.tui.waiting import shown, until


@pytest.fixture
def long(tmp_path: Path) -> Iterator[RecordEngine]:
    """2,000 runs."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    fill(state / "opsconsole.db", 2000, scripts=20)
    engine = RecordEngine(state)
    yield engine
    engine.record.close()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Only when it is set, a whole list is read."""
    index, opened = archive.Archive.index, threading.Event()

    def read(self: archive.Archive, filter: Any) -> Any:
        opened.wait(20)
        return index(self, filter)

    monkeypatch.setattr(archive.Archive, "index", read)
    yield opened
    opened.set()


def late(engine: RecordEngine) -> ConsoleApp:
    return history(engine, clock=lambda: BEGIN_US + 2010 * STEP_US)


async def begun(pilot: Pilot[Any], screen: HistoryScreen) -> None:
    await until(pilot, lambda: screen._found is not None and not screen._found.whole)


async def test_the_first_runs_are_shown_before_all_are_known(long: RecordEngine, gate: threading.Event) -> None:
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = screen_of(app)
        await begun(pilot, screen)
        await until(pilot, lambda: screen.selected_task is not None and "2,000 runs" in shown(pilot))
        first = list(screen.listing.ids)
        assert len(first) < 2000
        await pilot.press("j", "j")
        on = screen.selected_id
        gate.set()
        await until(pilot, lambda: len(screen.listing) == 2000)
        assert list(screen.listing.ids[: len(first)]) == first
        assert screen.selected_id == on
        assert table(screen).line == 2


async def test_the_end_of_a_list_that_is_being_read_is_its_end(long: RecordEngine, gate: threading.Event) -> None:
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = screen_of(app)
        await begun(pilot, screen)
        await pilot.press("G")
        gate.set()
        await until(pilot, lambda: len(screen.listing) == 2000 and screen.listing.whole)
        assert table(screen).line == 1999
        await until(pilot, lambda: "row 2,000" in shown(pilot))


async def test_what_is_being_counted_has_a_plus_and_is_no_report_yet(long: RecordEngine, gate: threading.Event) -> None:
    gate.set()
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        gate.clear()
        await pilot.press("slash")
        screen._filter.query_one(Input).value = "pipefail"
        await until(pilot, lambda: "400+ of 2,000" in shown(pilot))
        assert "list" not in {one.kind for one in screen._subjects()}
        gate.set()
        await until(pilot, lambda: "2,000 of 2,000" in shown(pilot))
        assert "list" in {one.kind for one in screen._subjects()}


async def test_the_cursor_stays_on_its_run_though_only_the_whole_list_has_it(
    long: RecordEngine, gate: threading.Event
) -> None:
    gate.set()
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await typed(pilot, screen, "#7")
        assert screen.selected_id == 7
        gate.clear()
        await pilot.press("escape")
        await until(pilot, lambda: screen._lists.busy)
        gate.set()
        await until(pilot, lambda: len(screen.listing) == 2000)
        assert screen.selected_id == 7
