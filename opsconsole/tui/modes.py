"""The console's modes: what they are called, their keys, and the screens that stay as they were left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from textual.screen import Screen

from opsconsole.tui.action import Where

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.events import Event
    from opsconsole.tui.app import ConsoleApp


@dataclass(frozen=True, slots=True)
class Mode:
    """`id` is also the action that goes there; `module` and `name` say which class draws it.

    `places` are the actions that only it has; `shares` those of the console's own that it has as well.
    """

    id: str
    key: str
    label: str
    description: str
    module: str
    name: str
    places: tuple[Where, ...]
    shares: tuple[str, ...] = ("back",)


MODES: tuple[Mode, ...] = (
    Mode("host", "1", "host", "The host: graphs, anomalies, processes", "host", "HostScreen", (Where.HOST,)),
    Mode(
        "tasks", "2", "tasks", "The tasks: queue and history", "tasks", "TasksScreen", (Where.TASKS, Where.OUTPUT),
        ("back", "submit", "filter"),
    ),
    Mode(
        "processes", "3", "processes", "The processes: list and tree, signals", "processes", "ProcessesScreen",
        (Where.PROCESSES,), ("back", "filter"),
    ),
    Mode(
        "anomalies", "4", "anomalies", "The anomalies: timeline and record", "anomalies", "AnomaliesScreen",
        (Where.ANOMALIES,), ("back", "filter", "watch"),
    ),
)  # fmt: skip
FIRST = "tasks"
"""Open from the start, under all others: it is there before the engine is."""
BY_ID = {mode.id: mode for mode in MODES}


class ModeScreen(Protocol):
    """What the app asks of a mode's screen, besides being a Screen. `show_health(health)` is called if it has it."""

    def hear(self, event: Event) -> None: ...


class Modes:
    """Screens by mode, each made on first use and then kept: its focus, cursor and filter are there again."""

    def __init__(self, app: ConsoleApp, first: Screen[Any]) -> None:
        self._app = app
        self._made: dict[str, Screen[Any]] = {FIRST: first}

    def __iter__(self) -> Iterator[Screen[Any]]:
        """Those that were made."""
        return iter(self._made.values())

    @property
    def current(self) -> str:
        """Whose screen is on top, but for dialogs and pages over it."""
        return next((name for one in reversed(self._app.screen_stack) if (name := self.name_of(one))), FIRST)

    def name_of(self, screen: Screen[Any]) -> str:
        """The mode's; empty for a dialog or a page."""
        return next((name for name, made in self._made.items() if made is screen), "")

    def show(self, name: str, engine: Engine) -> None:
        """Go there; pages that lie over the mode that is left are closed."""
        here = self.current
        while self._app.screen is not self._made[here]:
            self._app.pop_screen()
        if name == here:
            return
        if name == FIRST:
            self._app.pop_screen()
        elif here == FIRST:
            self._app.push_screen(self._screen(name, engine))
        else:
            self._app.switch_screen(self._screen(name, engine))

    def hear(self, event: Event) -> None:
        """Pass it to every mode that was made, seen or not."""
        for screen in self:
            cast("ModeScreen", screen).hear(event)

    def _screen(self, name: str, engine: Engine) -> Screen[Any]:
        if name not in self._made:
            mode = BY_ID[name]
            kind = getattr(import_module(f"opsconsole.tui.screens.{mode.module}"), mode.name)
            screen: Screen[Any] = kind(*self._app.place, engine)
            self._app.install_screen(screen, name)  # else Textual removes it when another one takes its place
            self._made[name] = screen
        return self._made[name]
