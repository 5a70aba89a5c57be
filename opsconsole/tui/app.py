"""The console: opens the screen first, the engine after the first paint, and leaves nothing behind but the record."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from opsconsole.clock import SYSTEM
from opsconsole.errors import OpsError, UsageError
from opsconsole.events import AnomalyEvent, Event, Notice
from opsconsole.paths import config_file, shipped
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise
from opsconsole.settings import Settings
from opsconsole.tui import terminal
from opsconsole.tui.actions import BY_ID, OF_APP, Where, bindings
from opsconsole.tui.engine_link import EngineLink
from opsconsole.tui.keymap import FILE_NAME, actions_of, load_keymap
from opsconsole.tui.keys import keys_of
from opsconsole.tui.modes import BY_ID as MODE_BY_ID
from opsconsole.tui.modes import Modes
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.theming import DEFAULT_THEME, MONOCHROME_THEME, load_themes

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from opsconsole.engine import Claims, Engine

T = TypeVar("T")
_HEALTH_S = 3.0
_SHEETS = ("tones", "task_table", "output_view", "run_detail", "status_line", "filter_line", "dialog")
_SCREENS = ("tasks", "submit", "confirm", "quit", "help", "host", "analysis", "processes", "anomalies")


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
        read_only: bool = False,
    ) -> None:  # fmt: skip
        monochrome = "NO_COLOR" in os.environ
        super().__init__(driver_class=driver, ansi_color=True if monochrome else None)
        self.settings = settings
        self.link = EngineLink(make_engine, self.call_later, self._take)
        self.failure: OpsError | None = None
        self.read_only = read_only or settings.console.read_only
        """No action that changes anything is to be had."""
        self.place = (host, user)
        self._tasks = TasksScreen(host, user, clock)
        self.modes = Modes(self, self._tasks)
        self.keymap_file = config_file().parent / FILE_NAME
        self._keymap_problems = self._use_keymap()
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
        for failure in (*self._themes.failures, *self._keymap_problems):
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
                self.modes.hear(event)
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
        for screen in self.modes:
            if show := getattr(screen, "show_health", None):
                show(health)

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
        keys = keys_of(self)
        for action in actions_of(MODE_BY_ID[self.modes.current]):
            owner = self if action.id in OF_APP else screen
            call = getattr(owner, f"action_{action.id}", None)
            known = action.where is not Where.MOTION and action.id != "command_palette"
            if call is not None and known and self.allows(action.id):
                hint = " ".join(keys.get(action.id, ()))
                yield SystemCommand(action.label.capitalize(), f"{action.description}  ({hint})", call)

    # -- keys

    def _use_keymap(self) -> tuple[str, ...]:
        """The operator's own keys; returns what is wrong with them."""
        keymap = load_keymap(self.keymap_file)
        self._keymap = dict(keymap.keys)  # as set_keymap has it, which needs a screen
        return keymap.problems

    def keys_for(self, action_id: str) -> str:
        """The keys of an action, as a binding has them: the operator's, or else the usual ones."""
        return self._keymap.get(action_id) or BY_ID[action_id].keys

    def key_display(self, key: str) -> str:
        """A key for people."""
        return self.get_key_display(Binding(key, ""))

    def allows(self, action_id: str) -> bool:
        """Whether the action is to be had at all."""
        return not (self.read_only and action_id in BY_ID and BY_ID[action_id].changes)

    async def run_action(
        self, action: Any, default_namespace: Any = None, namespaces: Mapping[str, DOMNode] | None = None
    ) -> bool:
        """Every key comes through here: what a read-only console does not have is stopped here, whoever bound it."""
        name = (action if isinstance(action, str) else action[1]).partition("(")[0].rpartition(".")[2]
        method = getattr(default_namespace or self, f"action_{name}", None)
        textuals_own = getattr(method, "__module__", "").startswith("textual.")  # a line of text has a `submit` too
        if not (textuals_own or self.allows(name)):
            return False
        return await super().run_action(action, default_namespace, namespaces)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The commands are not to be had over a dialog."""
        return not (action == "command_palette" and self.screen.is_modal)

    # -- actions

    def action_host(self) -> None:
        self._go("host")

    def action_tasks(self) -> None:
        self._go("tasks")

    def action_processes(self) -> None:
        self._go("processes")

    def action_anomalies(self) -> None:
        self._go("anomalies")

    def _go(self, mode: str) -> None:
        """Every mode but the first needs the engine."""
        if self.engine is not None:
            self.modes.show(mode, self.engine)

    def action_help(self) -> None:
        from opsconsole.tui.screens.help import HelpScreen

        keys = {name: " ".join(found) for name, found in keys_of(self).items()}
        self.push_screen(HelpScreen(keys, MODE_BY_ID[self.modes.current].places, self.keymap_file))

    def action_help_quit(self) -> None:
        keys = {name: found[0] for name, found in keys_of(self).items()}
        cancel = f" To cancel a task, press {keys['cancel']}." if "cancel" in keys else ""
        self.tell(f"Press {keys['quit']} to leave.{cancel}")

    async def action_quit(self) -> None:
        from opsconsole.tui.leaving import leave

        leave(self)


def run_console(settings: Settings, *, state_dir: str | Path | None = None, read_only: bool = False) -> int:
    """Open the console on this terminal; its exit code. Raises OpsErrors, when the screen is restored.

    A read-only console runs nothing that is queued and starts no monitor.
    """
    if why := terminal.refusal(os.environ):
        raise UsageError(why)
    from opsconsole import host

    read_only = read_only or settings.console.read_only

    def make_engine() -> Engine:
        from opsconsole.engine import Engine

        claims: Claims = "none" if read_only else "all"
        return Engine(settings, state_dir=state_dir, door="tui", claims=claims, watches=not read_only)

    app = ConsoleApp(
        make_engine, settings, host=host.host_name(), user=host.actor(), driver=terminal.ConsoleDriver,
        read_only=read_only,
    )  # fmt: skip
    code = asyncio.run(terminal.run(app, app.link.close))
    gc.freeze()  # the process is about to end: looking through a whole console for cycles takes longer than leaving
    if app.failure is not None:
        raise app.failure
    if code == terminal.HANGUP_CODE and settings.on_hangup == "drain" and not read_only:
        app.link.hand_over()
    return 125 if code == 1 else code
