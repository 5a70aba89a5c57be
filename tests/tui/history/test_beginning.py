"""A list whose beginning is here, while all of it is being read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.errors import StorageError
from opsconsole.storage import archive
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.history import latest
from opsconsole.tui.screens.history.reading import Reading
from opsconsole.tui.screens.history.screen import HistoryScreen
from opsconsole.tui.widgets.filter_line import FilterLine
from tests.benchmarks.bench_history import BEGIN_US, STEP_US, fill
from tests.tui.history.record import RecordEngine
from tests.tui.history.scene import at_rest, history, opened, screen_of, table, typed
from tests.tui.scenes import console
from tests.tui.waiting import shown, started, until


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
        opened.wait(120)
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


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Only when it is set, runs are counted."""
    count, opened = archive.Archive.count, threading.Event()

    def read(self: archive.Archive, filter: Any) -> int:
        opened.wait(120)
        return count(self, filter)

    monkeypatch.setattr(archive.Archive, "count", read)
    yield opened
    opened.set()


async def test_the_list_does_not_wait_until_all_are_counted(
    long: RecordEngine, gate: threading.Event, counted: threading.Event
) -> None:
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = screen_of(app)
        await until(pilot, lambda: screen.selected_task is not None and "400+ runs" in shown(pilot))
        counted.set()
        await until(pilot, lambda: "2,000 runs" in shown(pilot))
        assert not screen.listing.whole
        gate.set()
        await until(pilot, lambda: len(screen.listing) == 2000)


async def test_a_filter_does_not_wait_until_all_are_counted(
    long: RecordEngine, gate: threading.Event, counted: threading.Event
) -> None:
    gate.set()
    counted.set()
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        gate.clear()
        counted.clear()
        screen._stale = True  # something has ended: how many is known no more
        screen.narrow("pipefail")
        await until(pilot, lambda: "History   400+   row" in shown(pilot))
        counted.set()
        await until(pilot, lambda: "History   400+ of 2,000" in shown(pilot))
        gate.set()
        await until(pilot, lambda: "History   2,000 of 2,000" in shown(pilot))


def over_the_overview(engine: RecordEngine) -> ConsoleApp:
    return console(engine, start="overview")


async def test_the_list_is_read_while_its_screen_is_made(long: RecordEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    beginning, made = archive.Archive.beginning, list[bool]()

    def read(self: archive.Archive, *asked: Any) -> Any:
        if asked[0].name is None:  # else it is about the last runs of a name
            made.append(any(isinstance(one, HistoryScreen) and one._composed for one in app.modes))
        return beginning(self, *asked)

    monkeypatch.setattr(archive.Archive, "beginning", read)
    app = over_the_overview(long)
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        app.modes._screen("history")  # as when it is gone to, but for the widgets
        await until(pilot, lambda: made)
        assert made == [False]
        app.go("history")
        screen = screen_of(app)
        await until(pilot, lambda: at_rest(screen) and "2,000 runs" in shown(pilot))
        assert made == [False], "and not again"
        assert screen.selected_task is not None


async def test_what_was_read_ahead_is_there_with_the_first_frame(
    long: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = over_the_overview(long)
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        screen = app.modes._screen("history")
        assert isinstance(screen, HistoryScreen)
        ahead = screen._ahead
        assert ahead is not None
        await until(pilot, ahead._total.done)
        app.go("history")
        frames: list[int] = []
        draw = screen._table.render_line
        monkeypatch.setattr(screen._table, "render_line", lambda y: frames.append(len(screen.listing)) or draw(y))
        await until(pilot, lambda: at_rest(screen) and frames)
        assert frames[0], "the list was drawn before it was there"


@pytest.mark.parametrize("unread", [False, True])
async def test_an_empty_list_that_was_read_ahead_is_said_to_be_empty(tmp_path: Path, unread: bool) -> None:
    engine = RecordEngine(tmp_path / "state")
    if unread:
        engine.unread = StorageError("opsconsole.db is damaged: \x1b]0;p\x07 no database")
    app = over_the_overview(engine)
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        screen = app.modes._screen("history")
        assert isinstance(screen, HistoryScreen)
        ahead = screen._ahead
        assert ahead is not None
        await until(pilot, ahead._total.done)
        app.go("history")
        await until(pilot, lambda: at_rest(screen) and screen.query_one("#history-title").region.height)
        assert "Reading the record" not in shown(pilot)
        assert ("Nothing has ended yet." in shown(pilot)) is not unread
        assert ("The record cannot be read." in shown(pilot) and "db is damaged" in shown(pilot)) is unread
        assert "\x1b" not in shown(pilot)
    engine.record.close()


async def test_an_error_of_what_is_read_ahead_is_said_and_tried_again(
    long: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning, failing = archive.Archive.beginning, [True]

    def read(self: archive.Archive, *asked: Any) -> Any:
        if failing:
            raise StorageError("the disk is gone")
        return beginning(self, *asked)

    monkeypatch.setattr(archive.Archive, "beginning", read)
    app = over_the_overview(long)
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "the disk is gone" in shown(pilot))
        assert "It is tried again every second." in shown(pilot)
        failing.clear()
        await until(pilot, lambda: "2,000 runs" in shown(pilot))


async def test_whoever_goes_to_a_run_before_the_list_is_there_gets_there(long: RecordEngine) -> None:
    app = over_the_overview(long)
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        screen = app.modes._screen("history")
        assert isinstance(screen, HistoryScreen)
        screen._go_to = 7
        app.go("history")
        await until(pilot, lambda: at_rest(screen) and screen.selected_id == 7)
        assert len(screen.listing) == 2000


async def test_all_of_a_list_is_read_when_its_beginning_is_on_the_screen(
    long: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest, "_DRAWN_S", 30.0)
    find, drawn = Reading.find, list[bool]()

    def read(self: Reading, query: Any) -> Any:
        drawn.append(any(line > 0 for line in screen._table._drawn))
        return find(self, query)

    monkeypatch.setattr(Reading, "find", read)
    app = over_the_overview(long)
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        screen = app.modes._screen("history")
        assert isinstance(screen, HistoryScreen)
        assert screen._ahead is not None
        await until(pilot, screen._ahead._first.done)
        app.go("history")
        await until(pilot, lambda: at_rest(screen) and len(screen.listing) == 2000)
        assert drawn == [True]


async def test_what_stands_beside_the_filter_is_not_said_again(
    long: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = late(long)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await typed(pilot, screen, "pipefail")
        show, said = FilterLine._show_note, list[str]()
        monkeypatch.setattr(FilterLine, "_show_note", lambda self: said.append(self._said[0]) or show(self))
        found = screen._found
        screen._stale = True
        screen._ask()
        await until(pilot, lambda: screen._found is not found and at_rest(screen))
        assert not said
        await typed(pilot, screen, "job7")
        assert said
