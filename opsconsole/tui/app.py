"""The console: opens the screen first, the engine after the first paint, and leaves nothing behind but the record."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from opsconsole.clock import SYSTEM
from opsconsole.errors import OpsError, UsageError
from opsconsole.events import AnomalyEvent, Event, Notice
from opsconsole.paths import config_file, shipped
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise
from opsconsole.settings import Settings
from opsconsole.tui import terminal
from opsconsole.tui.actions import ACTIONS, OF_APP, Where, bindings
from opsconsole.tui.engine_link import EngineLink
from opsconsole.tui.keys import shown_keys
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.theming import DEFAULT_THEME, MONOCHROME_THEME, load_themes

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.tui.screens.host import HostScreen

T = TypeVar("T")
_HEALTH_S = 3.0
_SHEETS = ("tones", "task_table", "output_view", "run_detail", "status_line", "filter_line", "dialog")
_SCREENS = ("tasks", "submit", "confirm", "quit", "help", "host", "analysis")


class ConsoleApp(App[None]):
    """One engine and its screens. `make_engine` is called after the first frame."""

    TITLE = "opsconsole"
    CSS_PATH = [  # noqa: RUF012 - as Textual has it
        *(f"widgets/{name}.tcss" for name in _SHEETS), *(f"screens/{name}.tcss" for name in _SCREENS),
    ]  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.CONSOLE, but=("submit", "filter", "back"))
    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual has it

    def __init__(
        self, make_engine: Callable[[], Engine], settings: Settings, *, host: str, user: str,
        clock: Callable[[], int] = SYSTEM.now, theme: str | None = None, driver: Any = None,
    ) -> None:  # fmt: skip
        monochrome = "NO_COLOR" in os.environ
        super().__init__(driver_class=driver, ansi_color=True if monochrome else None)
        self.settings = settings
        self.link = EngineLink(make_engine, self.call_later, self._take)
        self.failure: OpsError | None = None
        self._tasks = TasksScreen(host, user, clock)
        self._host: HostScreen | None = None
        self._place = (host, user)
        self._health_known = self._health_failed = False
        self._themes = load_themes([shipped("themes"), config_file().parent / "themes"])
        for one in self._themes.themes:
            self.register_theme(one)
        wanted = MONOCHROME_THEME if monochrome else theme or os.environ.get("TEXTUAL_THEME") or DEFAULT_THEME
        self.theme = wanted if wanted in self.available_themes else "textual-dark"

    @property
    def engine(self) -> Engine | None:
        """None until it has started."""
        return self.link.engine

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"foreground-disabled": "ansi_default 50%"}  # the one we use that ansi themes lack

    def get_default_screen(self) -> Screen[Any]:
        return self._tasks

    def on_mount(self) -> None:
        for failure in self._themes.failures:
            self.tell(failure, "warning")
        self.call_after_refresh(lambda: self.run_worker(self._start_engine(), group="engine"))

    async def _start_engine(self) -> None:
        try:
            self._tasks.begin(await self.link.start())
        except OpsError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        await asyncio.to_thread(importlib.import_module, "opsconsole.monitoring.analysis")  # too long for a key press
        self._health_known = True
        self.set_interval(_HEALTH_S, self.look_at_health)
        self.look_at_health()

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Notice):
                self.tell(event.message, "error" if event.level == "error" else "warning")
                if event.level == "alert":
                    self.bell()
            else:
                self._tasks.hear(event)
                if self._host is not None:
                    self._host.hear(event)
        if any(isinstance(event, AnomalyEvent) for event in events):
            self.look_at_health()

    def look_at_health(self) -> None:
        """The state of the host, for the first line of every screen."""
        if not self._health_known or self.engine is None:
            return
        try:
            health = self.engine.monitoring.health()
        except OpsError as error:
            if not self._health_failed:  # once, until it works again
                self.report(error)
            self._health_failed = True
            return
        self._health_failed = False
        self._tasks.show_health(health)
        if self._host is not None:
            self._host.show_health(health)

    async def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do it; an error is shown, and the result is then None."""
        try:
            return await work
        except OpsError as error:
            self.report(error)
            return None

    def report(self, error: OpsError) -> None:
        """Show an error with what can be done about it."""
        self.tell(f"{error.message}\n{error.hint}" if error.hint else error.message, "error")

    def tell(self, text: str, severity: Any = "information") -> None:
        """Show a sentence; outside data in it is made harmless here, and secrets are taken out."""
        text = Redaction.of(os.environ, self.settings.redaction).text(text)
        self.notify(sanitise(text), severity=severity, markup=False, timeout=10 if severity == "error" else 6)

    def get_system_commands(self, screen: Screen[Any]) -> Any:
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        for action in ACTIONS:
            owner = self if action.id in OF_APP else screen
            call = getattr(owner, f"action_{action.id}", None)
            if call is not None and action.where is not Where.MOTION:
                yield SystemCommand(action.label.capitalize(), action.description, call)

    def action_host(self) -> None:
        """The host, above the tasks; it is made on first use."""
        if self.engine is None or self.screen is self._host:
            return
        self.push_screen(self._host_screen(self.engine))

    def _host_screen(self, engine: Engine) -> HostScreen:
        if self._host is None:
            from opsconsole.tui.screens.host import HostScreen

            self._host = HostScreen(*self._place, engine)
        return self._host

    def action_tasks(self) -> None:
        if self.screen is self._host:
            self.pop_screen()

    def action_help(self) -> None:
        from opsconsole.tui.screens.help import HelpScreen

        keys = shown_keys(self._tasks)
        if self.engine is not None:
            keys = shown_keys(self._host_screen(self.engine)) | keys
        self.push_screen(HelpScreen({name: " ".join(found) for name, found in keys.items()}))

    def action_help_quit(self) -> None:
        self.tell("Press q to leave. To cancel a task, press x.")

    async def action_quit(self) -> None:
        from opsconsole.tui.leaving import leave

        leave(self)


def run_console(settings: Settings, *, state_dir: str | Path | None = None) -> int:
    """Open the console on this terminal; its exit code. Raises OpsErrors, when the screen is restored."""
    if why := terminal.refusal(os.environ):
        raise UsageError(why)
    from opsconsole import host

    def make_engine() -> Engine:
        from opsconsole.engine import Engine

        return Engine(settings, state_dir=state_dir, door="tui", claims="all", watches=True)

    app = ConsoleApp(make_engine, settings, host=host.host_name(), user=host.actor(), driver=terminal.ConsoleDriver)
    code = asyncio.run(terminal.run(app, app.link.close))
    gc.freeze()  # the process is about to end: looking through a whole console for cycles takes longer than leaving
    if app.failure is not None:
        raise app.failure
    if code == terminal.HANGUP_CODE and settings.on_hangup == "drain":
        app.link.hand_over()
    return 125 if code == 1 else code
