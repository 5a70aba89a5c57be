"""The console's modes: what they are called, their keys, and the screens that stay as they were left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from opsconsole.tui.action import Where

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.events import Event
    from opsconsole.tui.app import ConsoleApp
    from opsconsole.tui.screens.mode import ModeScreen


@dataclass(frozen=True, slots=True)
class Mode:
    """`id` is also the action that goes there, and its package in `screens`; `name` is the class that draws it.

    `places` are the actions that only it has; `shares` those of the console's own that it has as well.
    """

    id: str
    key: str
    label: str
    description: str
    name: str
    places: tuple[Where, ...]
    shares: tuple[str, ...] = ("back",)
    panes: tuple[Where, ...] = ()
    """Actions whose keys work only while a pane of the mode has the focus (`check_action` of the screen says when);
    there they come before the mode's own, so they may share keys with those.
    """


MODES: tuple[Mode, ...] = (
    Mode(
        "overview", "1", "overview", "What is wrong, what runs, what happened", "OverviewScreen", (Where.OVERVIEW,),
        ("back", "submit", "filter"),
    ),
    Mode(
        "tasks", "2", "tasks", "The tasks: queue and history", "TasksScreen", (Where.TASKS, Where.OUTPUT),
        ("back", "submit", "filter"), (Where.FOUND,),
    ),
    Mode(
        "processes", "3", "processes", "The processes: list and tree, signals", "ProcessesScreen",
        (Where.PROCESSES,), ("back", "filter"),
    ),
    Mode(
        "anomalies", "4", "anomalies", "The anomalies: timeline and record", "AnomaliesScreen",
        (Where.ANOMALIES,), ("back", "filter", "watch"),
    ),
    Mode(
        "editor", "5", "editor", "Scripts, and what they would do", "EditorScreen", (Where.EDITOR,), ("back", "filter"),
    ),
    Mode(
        "history", "6", "history", "What was run: search, compare, statistics, reports", "HistoryScreen",
        (Where.HISTORY,), ("back", "filter"),
    ),
    Mode(
        "settings", "7", "settings", "This host, settings, keys, themes, the console's log", "SettingsScreen",
        (Where.SETTINGS,), ("back", "filter"),
    ),
)  # fmt: skip
BY_ID = {mode.id: mode for mode in MODES}


class Modes:
    """Screens by mode, each made on first use and then kept: its focus, cursor and filter are there again."""

    def __init__(self, app: ConsoleApp, first: str) -> None:
        self._app = app
        self._first = first
        self._made: dict[str, ModeScreen] = {first: _made(first)}

    def __iter__(self) -> Iterator[ModeScreen]:
        """Those that were made."""
        return iter(self._made.values())

    @property
    def first(self) -> ModeScreen:
        """Open from the start, under all others."""
        return self._made[self._first]

    @property
    def current(self) -> str:
        """Whose screen is on top, but for dialogs and pages over it."""
        return next((name for one in reversed(self._app.screen_stack) if (name := self.name_of(one))), self._first)

    @property
    def on_top(self) -> ModeScreen:
        """The screen of that mode."""
        return self._made[self.current]

    def name_of(self, screen: Screen[Any]) -> str:
        """The mode's; empty for a dialog or a page."""
        return next((name for name, made in self._made.items() if made is screen), "")

    def show(self, name: str) -> ModeScreen:
        """Go there; pages that lie over the mode that is left are closed."""
        here = self.current
        while self._app.screen is not self._made[here]:
            self._app.pop_screen()
        screen = self._screen(name)
        if name == here:
            return screen
        if name == self._first:
            self._app.pop_screen()
        elif here == self._first:
            self._app.push_screen(screen)
        else:
            self._app.switch_screen(screen)
        return screen

    def attach(self, engine: Engine) -> None:
        """The engine has started."""
        for screen in self:
            screen.attach(engine)

    def hear(self, event: Event) -> None:
        """Pass it to every mode that was made, seen or not."""
        for screen in self:
            screen.hear(event)

    def _screen(self, name: str) -> ModeScreen:
        if name not in self._made:
            screen = self._made[name] = _made(name)
            self._app.install_screen(screen, name)  # else Textual removes it when another one takes its place
            if self._app.engine is not None:
                screen.attach(self._app.engine)
        return self._made[name]


def _made(name: str) -> ModeScreen:
    """Its module is loaded now and not before: most sessions need few of them."""
    module = import_module(f"opsconsole.tui.screens.{name}.screen")
    screen: ModeScreen = getattr(module, BY_ID[name].name)()
    return screen
