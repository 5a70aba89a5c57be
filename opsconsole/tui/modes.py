"""The console's modes: what they are called, their keys, and the screens that stay as they were left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from opsconsole.tui.action import Where
from opsconsole.values import dataclass

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
    short: str = ""
    """The label where all seven have to stand in one narrow line."""
    also: tuple[str, ...] = ()
    """As `Action.also`."""


MODES: tuple[Mode, ...] = (
    Mode(
        "overview", "1", "overview", "What is wrong, what runs, what happened", "OverviewScreen", (Where.OVERVIEW,),
        ("back", "submit", "filter"), short="over", also=("home", "dashboard", "pulse"),
    ),
    Mode(
        "tasks", "2", "tasks", "The tasks: queue and history", "TasksScreen", (Where.TASKS, Where.OUTPUT),
        ("back", "submit", "filter"), (Where.FOUND,), short="tasks",
        also=("jobs", "runs", "queue"),
    ),
    Mode(
        "processes", "3", "processes", "The processes: list and tree, signals", "ProcessesScreen",
        (Where.PROCESSES,), ("back", "submit", "filter"), short="procs", also=("proc", "ps", "top", "htop"),
    ),
    Mode(
        "anomalies", "4", "anomalies", "The anomalies: timeline and record", "AnomaliesScreen",
        (Where.ANOMALIES,), ("back", "submit", "filter", "watch"), short="anom",
        also=("alerts", "alarms", "problems"),
    ),
    Mode(
        "editor", "5", "editor", "Scripts, and what they would do", "EditorScreen", (Where.EDITOR,), ("back", "filter"),
        short="edit", also=("vi", "vim", "nano"),
    ),
    Mode(
        "history", "6", "history", "What was run: search, compare, statistics, reports", "HistoryScreen",
        (Where.HISTORY,), ("back", "filter"), short="hist", also=("past", "record"),
    ),
    Mode(
        "settings", "7", "settings", "This host, settings, keys, themes, the console's log", "SettingsScreen",
        (Where.SETTINGS,), ("back", "submit", "filter"), short="setup", also=("config", "preferences", "set"),
    ),
)  # fmt: skip
BY_ID = {mode.id: mode for mode in MODES}
_AHEAD = ("tasks", "processes", "anomalies", "history")
"""Loaded before anybody goes there. The others are as large as all of these together, and rarely wanted at once."""


class Modes:
    """Screens by mode, each made on first use and then kept: its focus, cursor and filter are there again."""

    def __init__(self, app: ConsoleApp, first: str) -> None:
        self._app = app
        self._first = first
        self._made: dict[str, ModeScreen] = {first: _made(first)}
        self._unseen: frozenset[str] = frozenset()
        self._resting: frozenset[str] = frozenset()

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

    def rest(self) -> None:
        """To be called every few seconds: a mode that was not on top the last time either lets go of what it has drawn,
        so that the next one is drawn into the memory of the last. What goes there and back at once finds its lines.
        """
        unseen = frozenset(self._made) - {self.current}
        resting = self._unseen & unseen
        for name in resting - self._resting:
            self._made[name].let_go_of_lines()
        self._unseen, self._resting = unseen, resting

    async def load_ahead(self) -> None:
        """Much of what the first visit to a mode takes is loading its modules: nobody waits for it now."""
        for name in _AHEAD:
            await asyncio.to_thread(import_module, _module(name))

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
            _read_sheets(self._app, screen)
            self._app.install_screen(screen, name)  # else Textual removes it when another one takes its place
            if self._app.engine is not None:
                screen.attach(self._app.engine)
        return self._made[name]


def _read_sheets(app: ConsoleApp, screen: ModeScreen) -> None:
    """Textual would parse all sheets there are again, and style again what is seen: a sheet of a mode is about nothing
    but its own widgets."""
    for path in screen.css_path:
        if not app.stylesheet.has_source(str(path), ""):
            app.stylesheet.read(path)
    app.stylesheet.parse()  # what was parsed before is remembered


def _made(name: str) -> ModeScreen:
    """Its module is loaded now, if it was not `load_ahead`."""
    screen: ModeScreen = getattr(import_module(_module(name)), BY_ID[name].name)()
    return screen


def _module(name: str) -> str:
    return f"opsconsole.tui.screens.{name}.screen"
