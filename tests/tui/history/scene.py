"""The console open on the history, over a stand-in that has a real record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.history.screen import HistoryScreen
from opsconsole.tui.screens.history.table import HistoryTable
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.waiting import until


def history(
    engine: FakeEngine, *, theme: str | None = None, read_only: bool = False, clock: Callable[[], int] = lambda: NOW
) -> ConsoleApp:
    """The console, open on the history."""
    return ConsoleApp(
        lambda: engine,  # type: ignore[arg-type,return-value]
        engine.settings, host="web-03", user="deploy", clock=clock, theme=theme, load=lambda: 0.42, start="history",
        read_only=read_only,
    )  # fmt: skip


def screen_of(app: ConsoleApp) -> HistoryScreen:
    return next(one for one in app.screen_stack if isinstance(one, HistoryScreen))


async def opened(pilot: Pilot[Any]) -> HistoryScreen:
    """The list is there, and the selected run if there is room for it."""
    await until(pilot, lambda: pilot.app.engine is not None)  # type: ignore[attr-defined]
    screen = screen_of(pilot.app)  # type: ignore[arg-type]
    await until(pilot, lambda: at_rest(screen))
    return screen


def at_rest(screen: HistoryScreen) -> bool:
    if not screen.begun:
        return False
    reads = (
        screen._lists, screen._totals, screen._rows, screen._details, screen._pages, screen._pairs, screen._pictures,
    )  # fmt: skip
    return screen._found is not None and not screen._due and not screen._moved and not any(one.busy for one in reads)


async def typed(pilot: Pilot[Any], screen: HistoryScreen, text: str) -> None:
    await pilot.press("slash")
    screen._filter.query_one(Input).value = text
    await until(pilot, lambda: screen._query is not None and screen._query.text == text and at_rest(screen))
    await pilot.press("enter")


def table(screen: HistoryScreen) -> HistoryTable:
    return screen.query_one(HistoryTable)
