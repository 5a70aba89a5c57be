"""The console open on the history, over a stand-in that has a real record."""

from __future__ import annotations

from collections.abc import Callable

from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.history.screen import HistoryScreen
from tests.tui.fake_engine import NOW, FakeEngine


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
