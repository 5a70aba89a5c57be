"""The console: opens the screen first, the engine after the first paint, and leaves nothing behind but the record."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from opsconsole.clock import SYSTEM
from opsconsole.errors import OpsError, UsageError
from opsconsole.events import Event, Notice
from opsconsole.paths import config_file, shipped
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise
from opsconsole.settings import Settings
from opsconsole.tui import terminal
from opsconsole.tui.actions import ACTIONS, Where, bindings
from opsconsole.tui.engine_link import EngineLink
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.theming import DEFAULT_THEME, MONOCHROME_THEME, load_themes

if TYPE_CHECKING:
    from opsconsole.engine import Engine

T = TypeVar("T")
_SHEETS = ("tones", "task_table", "output_view", "run_detail", "status_line", "filter_line", "dialog")
_SCREENS = ("tasks", "submit", "confirm", "quit", "help")


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

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Notice):
                self.tell(event.message, "error" if event.level == "error" else "warning")
            else:
                self._tasks.hear(event)

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
            if action.where is not Where.MOTION:
                owner = self if action.id in ("help", "quit") else self._tasks
                yield SystemCommand(
                    action.label.capitalize(), action.description, getattr(owner, f"action_{action.id}")
                )

    def action_help(self) -> None:
        from opsconsole.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen({name: " ".join(keys) for name, keys in self._tasks.shown_keys().items()}))

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

        return Engine(settings, state_dir=state_dir, door="tui", claims="all")

    app = ConsoleApp(make_engine, settings, host=host.host_name(), user=host.actor(), driver=terminal.ConsoleDriver)
    code = asyncio.run(terminal.run(app, app.link.close))
    gc.freeze()  # the process is about to end: looking through a whole console for cycles takes longer than leaving
    if app.failure is not None:
        raise app.failure
    if code == terminal.HANGUP_CODE and settings.on_hangup == "drain":
        app.link.hand_over()
    return 125 if code == 1 else code
