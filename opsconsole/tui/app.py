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
from opsconsole.models import Status
from opsconsole.paths import config_file, shipped
from opsconsole.safety.sanitise import sanitise
from opsconsole.settings import Settings
from opsconsole.tui import terminal
from opsconsole.tui.actions import ACTIONS, Where, bindings
from opsconsole.tui.facts import summary_counts
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.theming import DEFAULT_THEME, MONOCHROME_THEME, load_themes

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.tui.screens.quit import Leaving

T = TypeVar("T")
_CLOSE_S = 2.0
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
        self,
        make_engine: Callable[[], Engine],
        settings: Settings,
        *,
        host: str,
        user: str,
        clock: Callable[[], int] = SYSTEM.now,
        theme: str | None = None,
        driver: Any = None,
    ) -> None:
        monochrome = "NO_COLOR" in os.environ
        super().__init__(driver_class=driver, ansi_color=True if monochrome else None)
        self.engine: Engine | None = None
        self.failure: OpsError | None = None
        self.settings = settings
        self._make_engine = make_engine
        self._started = asyncio.Event()
        self._heard: list[Event] = []
        self._tasks = TasksScreen(host, user, clock)
        self._themes = load_themes([shipped("themes"), config_file().parent / "themes"])
        for one in self._themes.themes:
            self.register_theme(one)
        wanted = MONOCHROME_THEME if monochrome else theme or os.environ.get("TEXTUAL_THEME") or DEFAULT_THEME
        self.theme = wanted if wanted in self.available_themes else "textual-dark"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"foreground-disabled": "ansi_default 50%"}  # the one we use that ansi themes lack

    def get_default_screen(self) -> Screen[Any]:
        return self._tasks

    def on_mount(self) -> None:
        for failure in self._themes.failures:
            self.tell(failure, "warning")
        self.call_after_refresh(lambda: self.run_worker(self._start(), group="engine"))

    # -- the engine

    async def _start(self) -> None:
        engine = self._make_engine()
        engine.subscribe(self._hear)
        try:
            await engine.start()
        except OpsError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        self.engine = engine
        self._started.set()
        self._tasks.begin(engine)

    async def started_engine(self) -> Engine:
        """The engine, when it has started."""
        await self._started.wait()
        assert self.engine is not None  # noqa: S101 - that is what was waited for
        return self.engine

    async def close_engine(self) -> None:
        """Runs go on, queued work stays queued."""
        if self.engine is not None:
            try:
                await asyncio.wait_for(self.engine.close(), _CLOSE_S)
            except TimeoutError:
                pass  # the next console takes the row of a dead one over

    def _hear(self, event: Event) -> None:
        """On the loop's thread, but outside Textual: a burst becomes one message to ourselves."""
        if not self._heard:
            self.call_later(self._take_events)
        self._heard.append(event)

    def _take_events(self) -> None:
        events, self._heard = self._heard, []
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
        """Show a sentence; outside data in it is made harmless here."""
        self.notify(sanitise(text), severity=severity, markup=False, timeout=10 if severity == "error" else 6)

    # -- help, palette and leaving

    def action_help(self) -> None:
        from opsconsole.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen({name: " ".join(keys) for name, keys in self._tasks.shown_keys().items()}))

    def get_system_commands(self, screen: Screen[Any]) -> Any:
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        for action in ACTIONS:
            if action.where is not Where.MOTION:
                owner = self if action.id in ("help", "quit") else self._tasks
                call = getattr(owner, f"action_{action.id}")
                yield SystemCommand(action.label.capitalize(), action.description, call)

    def action_help_quit(self) -> None:
        self.tell("Press q to leave. To cancel a task, press x.")

    async def action_quit(self) -> None:
        from opsconsole.tui.screens.quit import QuitScreen

        if isinstance(self.screen, QuitScreen):
            return
        running, waiting, _ = summary_counts(self.engine.counts()) if self.engine else (0, 0, 0)
        if self.engine is None or not running + waiting:
            self.exit()
            return
        others = any(console.claims == "all" and console.pid != os.getpid() for console in self.engine.consoles())
        self.push_screen(QuitScreen(running, waiting, others_claim=others), self._leave_how)

    def _leave_how(self, answer: Leaving | None) -> None:
        if answer == "leave":
            self.exit()
        elif answer == "cancel":
            self.run_worker(self._cancel_all(), group="quit")

    async def _cancel_all(self) -> None:
        from opsconsole.models import OPEN
        from opsconsole.storage.history import Filter

        assert self.engine is not None  # noqa: S101 - the question was about its tasks
        tasks = self.engine.tasks(Filter(statuses=OPEN, limit=self.settings.queue.capacity))
        for task in sorted(tasks, key=lambda task: task.status in (Status.PREPARING, Status.RUNNING, Status.PAUSED)):
            await self.attempt(self.engine.cancel(task.id))
        self.exit()

    def leave(self, code: int) -> None:
        """A signal, or the terminal has gone."""
        self.exit(return_code=code)


def run_console(settings: Settings, *, state_dir: str | Path | None = None) -> int:
    """Open the console on this terminal; its exit code. Raises OpsErrors, when the screen is restored."""
    if why := terminal.refusal(os.environ):
        raise UsageError(why)
    from opsconsole import host

    def make_engine() -> Engine:
        from opsconsole.engine import Engine

        return Engine(settings, state_dir=state_dir, door="tui", claims="all")

    app = ConsoleApp(make_engine, settings, host=host.host_name(), user=host.actor(), driver=terminal.ConsoleDriver)
    code = asyncio.run(_live(app))
    gc.freeze()  # the process is about to end: looking through a whole console for cycles takes longer than leaving
    if app.failure is not None:
        raise app.failure
    if code == terminal.HANGUP_CODE and settings.on_hangup == "drain" and app.engine is not None:
        from opsconsole.execution.worker import start_worker

        start_worker(app.engine.paths)
    return 125 if code == 1 else code


async def _live(app: ConsoleApp) -> int:
    departure = terminal.Departure(app.leave)
    departure.watch(0)
    try:
        await app.run_async(mouse=terminal.wants_mouse(os.environ))
    finally:
        await app.close_engine()
        departure.stop()
    return app.return_code or 0
