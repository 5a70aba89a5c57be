"""The console: opens the screen first, the engine after the first paint, and leaves nothing behind but the record."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.events import Callback
from textual.screen import Screen

from opsconsole.clock import SYSTEM
from opsconsole.errors import OpsError, UsageError
from opsconsole.events import AnomalyEvent, Event, Notice, SampleTaken, TaskChanged, TasksRemoved
from opsconsole.paths import config_file, shipped, state_root
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise, sanitise_name
from opsconsole.samples import Sample, series
from opsconsole.settings import Settings
from opsconsole.tui import terminal
from opsconsole.tui.actions import APP_ACTIONS, BY_ID, SHARED_ACTIONS, Where, binding
from opsconsole.tui.engine_link import EngineLink
from opsconsole.tui.everywhere import Everywhere
from opsconsole.tui.head import LOOKING, Head, ceiling_known, ceiling_of
from opsconsole.tui.heart import Heart
from opsconsole.tui.in_turn import KeysInTurn
from opsconsole.tui.journal import Journal
from opsconsole.tui.keymap import FILE_NAME, load_keymap
from opsconsole.tui.keys import keys_of
from opsconsole.tui.modes import BY_ID as MODE_BY_ID
from opsconsole.tui.modes import Modes
from opsconsole.tui.notices import LASTS_S, Noticing, excerpt
from opsconsole.tui.screens.modal import SUSPEND
from opsconsole.tui.severities import health_cell, whose
from opsconsole.tui.unwritable import Unwritable, marks_of
from opsconsole.tui.welcome import sentences, welcome
from opsconsole.tui.widgets.cells import Cell

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from opsconsole.engine import Claims, Engine
    from opsconsole.monitoring.analysis import Health
    from opsconsole.tui.recorded import Recorded
    from opsconsole.tui.screens.mode import ModeScreen

T = TypeVar("T")
_HEALTH_S = 3.0
_HEAD_S = 1.0
_REST_S = 2.0
"""So often modes that nobody sees are told to let go of what can be drawn again."""
_SWITCH_S = 0.001
"""So soon a thread gives way: the one that writes to the terminal waits for the one that starts the engine else."""
_PAINTED_S = 0.5
"""The engine is started by then, whatever became of the first frame."""
_COUNT_S = 0.3
_DRAWN_S = 1.0
"""So long the first look at the host at most is waited for."""
_COLLECTED = 10_000, 2, 10
"""How often the collector of garbage looks (`gc.set_threshold`), once all is loaded: a dialog that was closed is gone
before many more have been opened."""
_SHEETS = ("tones", "lists", "output_view", "edges", "filter_line", "dialog", "notices")
_SCREENS = ("submit", "confirm", "quit", "help")


def _commands() -> type[Provider]:
    """Loaded when somebody asks for a command."""
    from opsconsole.tui.palette import Commands

    return Commands


class ConsoleApp(KeysInTurn, Noticing, Everywhere):
    """One engine and its screens. `make_engine` is called after the first frame."""

    TITLE = "opsconsole"
    CSS_PATH = [  # noqa: RUF012 - as Textual has it
        *(f"widgets/{name}.tcss" for name in _SHEETS), *(f"screens/{name}.tcss" for name in _SCREENS),
    ]  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [*map(binding, APP_ACTIONS), SUSPEND]
    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual has it
    COMMANDS = {_commands}  # noqa: RUF012 - as Textual has it

    def __init__(
        self, make_engine: Callable[[], Engine], settings: Settings, *, host: str, user: str,
        clock: Callable[[], int] = SYSTEM.now, theme: str | None = None, driver: Any = None,
        read_only: bool = False, load: Callable[[], float] = lambda: os.getloadavg()[0], marks: tuple[str, ...] = (),
        start: str | None = None, becomes_root: bool | None = True, on_begun: Callable[[], object] = lambda: None,
        first_look: Callable[[], SampleTaken | None] = lambda: None,
    ) -> None:  # fmt: skip
        """`becomes_root`: whether this user is able to, if that is known. `on_begun` is called when all is loaded that
        comes after the first frame; `first_look` is asked by a mode that shows the host in its first frame."""
        super().__init__(
            folders=(shipped("themes"), config_file().parent / "themes"), theme=theme or settings.console.theme,
            graphs=settings.console.graphs, encoding=terminal.encoding(), driver=driver,
        )  # fmt: skip
        self.settings = settings
        self.link = EngineLink(make_engine, self.soon, self._take)
        self.failure: OpsError | None = None
        self.read_only = read_only or settings.console.read_only
        """No action that changes anything is to be had."""
        self.recorded: Recorded | None = None
        """The host of a demo; None: this one."""
        self.clock = clock
        """Microseconds since the epoch."""
        self.journal = Journal(clock)
        """All that was told."""
        self.first_look = first_look
        self._load = load
        marks = (*marks, *marks_of(self.read_only))
        self.unwritable = Unwritable(self)
        """Whether anything can be written, as it is shown."""
        self._ceiling = "" if self.read_only else ceiling_of(settings, user)
        ceiling = ceiling_known(self._ceiling, becomes_root)
        self.head = Head(sanitise_name(host), sanitise_name(user), ceiling, marks, cores=os.cpu_count() or 1)
        """The first line of every screen."""
        self.heart = Heart(self.soon)
        """What calls those who have something to do each second, or less often."""
        self.modes = Modes(self, start or settings.console.start)
        self.keymap_file = config_file().parent / FILE_NAME
        self.keymap_problems = self._use_keymap()
        """What is wrong with the operator's own keys."""
        self._health_known = self._health_failed = self._counts_due = self._sampled = False
        self._starting = False
        self._health: Health | None = None
        self._on_begun = on_begun
        self._seen = asyncio.Event()
        """The first look at the host is drawn."""
        self._patience = 3
        """So often that nothing is known yet is no news."""

    @property
    def engine(self) -> Engine | None:
        """None until it has started."""
        return self.link.engine

    def soon(self, call: Callable[[], None]) -> bool:
        """As `call_later`, which looks at the signature of what it is to call each time."""
        return self.post_message(Callback(callback=call))

    def get_default_screen(self) -> Screen[Any]:
        first = self.modes.first
        for sheet in first.css_path:  # Textual does it for every screen but this one
            self.stylesheet.read(sheet)
        return first

    def on_mount(self) -> None:
        for failure in (*self.theme_problems, *self.keymap_problems):
            self.tell(failure, "warning")
        self.call_after_refresh(self._begin_engine)
        self.set_timer(_PAINTED_S, self._begin_engine)  # a screen that was left before it was painted calls nobody

    def _begin_engine(self) -> None:
        """When the first frame is there, once."""
        if not self._starting:
            self._starting = True
            self.run_worker(self._start_engine(), group="engine")

    async def _start_engine(self) -> None:
        from opsconsole.tui import spare_styles
        from opsconsole.tui.sweeping import Sweeper

        spare_styles.make_spare()
        try:
            engine = await self.link.start()
            if engine.unwritable is None:
                self.journal.keep_in(engine.paths.journal)
            self.unwritable.begin(engine)
            self.modes.attach(engine)
        except OpsError as error:
            self.failure = error
            self.exit(return_code=error.exit_code)
            return
        self.heart.every(_HEAD_S, self._pass_second)
        self.watch_configuration()
        welcome(self)
        self.look_at_head()
        await self._until_seen(engine)
        await self._say_unsaved(engine)
        await asyncio.to_thread(importlib.import_module, "opsconsole.monitoring.analysis")  # too long for a key press
        self._health_known = True
        self.heart.every(_HEALTH_S, self.look_at_health)
        self.heart.every(_REST_S, self.modes.rest)
        self.heart.every(_REST_S, Sweeper(lambda: self.touched_at).look)
        self.look_at_health()
        await self.modes.load_ahead()
        self._on_begun()

    async def _until_seen(self, engine: Engine) -> None:
        """What is loaded next would take the processor from the first look at the host and from drawing it."""
        if engine.monitoring.glancing:
            try:
                await asyncio.wait_for(self._seen.wait(), _DRAWN_S)
            except TimeoutError:
                pass

    def _say_seen(self) -> None:
        self._seen.set()
        if self.engine is not None:
            self.engine.monitoring.drawn()

    async def _say_unsaved(self, engine: Engine) -> None:
        """Text of the editor that was left unsaved; the editor itself shows it."""
        if self.read_only or self.modes.current == "editor" or not engine.paths.drafts.is_dir():
            return
        from opsconsole.tui.screens.editor.autosave import left_behind

        if names := await asyncio.to_thread(left_behind, engine.paths.drafts):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            key = self.key_display(self.keys_for("editor").split(",")[0])
            self.tell(f"Unsaved text of {sanitise_name(names[0], limit=80)}{more} was kept: {key} opens the editor.")

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Notice):
                self.tell(event.message, "error" if event.level == "error" else "warning")
                if event.level == "alert":
                    self.bell()
            else:
                self.modes.hear(event)
        if taken := [event for event in events if isinstance(event, SampleTaken)]:
            self._sampled = True
            self._show_alarm(taken[-1].sample)
            self.look_at_head()  # drawn together with what the sample changes
            if not self._seen.is_set():
                self.call_after_refresh(self._say_seen)
            self.heart.beat()
        if any(isinstance(event, AnomalyEvent) for event in events):
            self.look_at_health()
        if not self._counts_due and any(isinstance(event, TaskChanged | TasksRemoved) for event in events):
            self._counts_due = True
            self.set_timer(_COUNT_S, self.look_at_head)

    def _pass_second(self) -> None:
        """Samples keep the time as long as they come each second."""
        if self._sampled:
            self._sampled = False
        else:
            self.look_at_head()

    def look_at_health(self) -> None:
        """The state of the host, for the first line of every screen."""
        if not self._health_known or self.engine is None:
            return
        try:
            health, taken = self.engine.monitoring.health(), self.engine.monitoring.latest()
        except OpsError as error:
            if not self._health_failed:  # once, until it works again
                self.report(error)
            self._health_failed = True
            return
        self._health_failed, self._health = False, health
        cell = health_cell(health, None if taken is None else series(taken.sample))
        calm = health.worst is None
        if calm and self._patience and taken is None and self.engine.monitoring.alive:
            self._patience -= 1
            cell = LOOKING
        self.show_head(alarm=None if calm else cell, whose=whose(health), state=cell if calm else Cell("", "faint"))

    def _show_alarm(self, sample: Sample) -> None:
        """What is wrong, by the figures of now."""
        if self._health is not None and self._health.worst is not None and self.head.alarm is not None:
            self.show_head(alarm=health_cell(self._health, series(sample)))

    def look_at_head(self) -> None:
        """What the first line says besides the host's health."""
        if self.engine is None:
            return
        self.unwritable.look(self.engine)
        try:
            counts = self.head.with_counts(self.engine.counts())
        except OpsError as error:
            self.show_head(state=Cell(sanitise(error.message), "bad"))
            return
        self._counts_due = False
        self.show_head(load=self._load(), now_us=self.clock(), **counts)

    def know_root(self, becomes_root: bool) -> None:
        """sudo was asked; where it refuses nobody runs elevated. It says nothing of a console that runs nothing."""
        if self.head.ceiling != "":
            self.show_head(ceiling=ceiling_known(self._ceiling, becomes_root))

    def show_head(self, **known: Any) -> None:
        """What is known now besides what was, on every screen."""
        self.head = replace(self.head, **known)
        self.modes.on_top.header.show(self.head)

    async def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do it; an error is shown, and the result is then None. What it waits for is said if the database is held."""
        from opsconsole.tui.held_database import WAITS, saying_so

        try:
            if self.engine is None:
                return await work
            return await saying_so(self.engine.paths.database, work, lambda: self.tell(WAITS, "warning"))
        except OpsError as error:
            self.report(error)
            return None

    def report(self, error: OpsError) -> None:
        """Show an error with what can be done about it."""
        self.tell(f"{error.message}\n{error.hint}" if error.hint else error.message, "error")

    def tell(self, text: str, severity: Any = "information") -> None:
        """Show a sentence; outside data in it is made harmless here, and secrets are taken out."""
        text = Redaction.of(os.environ, self.settings.redaction).text(text)
        text = sanitise(text)
        self.journal.add(severity, text)
        shown = excerpt(text, self.size.width)
        self.notify(shown, severity=severity, markup=False, timeout=LASTS_S[severity])

    def get_system_commands(self, screen: Screen[Any]) -> Any:
        from opsconsole.tui.palette import commands

        return (SystemCommand(one.name, one.said, one.call) for one in commands(self, screen))

    def action_command_palette(self) -> None:
        from opsconsole.tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    # -- keys

    def _use_keymap(self) -> tuple[str, ...]:
        """The operator's own keys; returns what is wrong with them."""
        keymap = load_keymap(self.keymap_file)
        self._keymap = dict(keymap.keys)  # as set_keymap has it, which needs a screen
        return keymap.problems

    def reload_keymap(self) -> tuple[str, ...]:
        """Read the operator's keys anew: they are in force at once; returns what is wrong with them."""
        self.keymap_problems = self._use_keymap()
        self.set_keymap(self._keymap)
        for screen in self.modes:
            screen.rebound()
        return self.keymap_problems

    def keys_for(self, action_id: str) -> str:
        """The keys of an action, as a binding has them: the operator's, or else the usual ones."""
        return self._keymap.get(action_id) or BY_ID[action_id].keys

    def key_display(self, key: str) -> str:
        """A key for people."""
        return self.get_key_display(Binding(key, ""))

    def allows(self, action_id: str) -> bool:
        """Whether the action is to be had at all."""
        forbidden = self.read_only and action_id in BY_ID and BY_ID[action_id].changes
        return not (forbidden or self.unwritable.lacks(action_id))

    def tell_until_acted(self, text: str) -> None:
        """A few lines that stay until something has been done; harmless."""
        self.journal.add("information", text)
        self.stay(excerpt(text, self.size.width))

    def say_read_only(self) -> None:
        """Why nothing comes of a key; not for the journal, and once while it is on the screen."""
        said = sanitise(self.unwritable.why)
        if all(one.message != said for one in self._notifications):
            self.notify(said, severity="warning", markup=False, timeout=3)

    async def run_action(
        self, action: Any, default_namespace: Any = None, namespaces: Mapping[str, DOMNode] | None = None
    ) -> bool:
        """Every key comes through here: what a read-only console does not have is stopped here, whoever bound it."""
        name = (action if isinstance(action, str) else action[1]).partition("(")[0].rpartition(".")[2]
        if name in BY_ID and BY_ID[name].where is not Where.MOTION:
            self.acted()
        method = getattr(default_namespace or self, f"action_{name}", None)
        textuals_own = getattr(method, "__module__", "").startswith("textual.")  # a line of text has a `submit` too
        if not (textuals_own or self.allows(name)):
            if default_namespace is None or default_namespace.check_action(name, ()) is not False:
                self.say_read_only()
            return False
        return await super().run_action(action, default_namespace, namespaces)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The commands are not to be had over a dialog."""
        return not (action == "command_palette" and self.screen.is_modal)

    # -- actions

    def action_overview(self) -> None:
        self.go("overview")

    def action_tasks(self) -> None:
        self.go("tasks")

    def action_processes(self) -> None:
        self.go("processes")

    def action_anomalies(self) -> None:
        self.go("anomalies")

    def action_editor(self) -> None:
        self.go("editor")

    def action_history(self) -> None:
        self.go("history")

    def action_settings(self) -> None:
        self.go("settings")

    def go(self, mode: str) -> ModeScreen:
        """Show a mode, which may have to wait for the engine."""
        screen = self.modes.show(mode)
        screen.header.show(self.head)
        return screen

    def action_help(self) -> None:
        from opsconsole.tui.screens.help import HelpScreen

        mode = MODE_BY_ID[self.modes.current]
        there = {one.id for one in SHARED_ACTIONS}.difference(mode.shares)  # it means something else here, or nothing
        keys = {name: found for name, found in keys_of(self).items() if name not in there}
        self.push_screen(HelpScreen(keys, (*mode.places, *mode.panes), self.keymap_file, sentences(self)))

    def action_help_quit(self) -> None:
        keys = {name: found[0] for name, found in keys_of(self).items()}
        cancel = f" To cancel a task, press {keys['cancel']}." if "cancel" in keys else ""
        self.tell(f"Press {keys['quit']} to leave.{cancel}")

    async def action_quit(self) -> None:
        from opsconsole.tui.leaving import leave

        leave(self)


def run_console(settings: Settings, *, state_dir: str | Path | None = None, read_only: bool = False) -> int:
    """Open the console on this terminal; its exit code. Raises OpsErrors, when the screen is restored.

    A read-only console runs nothing that is queued, and records nothing: it watches for its own screen. So does one
    whose state directory cannot be written.
    """
    if why := terminal.refusal(os.environ):
        raise UsageError(why)
    from opsconsole import host

    read_only = read_only or settings.console.read_only

    def make_engine() -> Engine:
        from opsconsole.engine import Engine

        claims: Claims = "none" if read_only else "all"
        engine = Engine(
            settings, state_dir=state_dir, door="tui", claims=claims, watches=True, records=not read_only,
            content_to_look=True,
        )  # fmt: skip
        engine.looked_before = looked
        return engine

    looked = False

    def look() -> SampleTaken | None:
        from opsconsole.tui.first_look import first_look

        nonlocal looked
        found = first_look(settings, Path(state_dir) if state_dir is not None else state_root())
        looked = found is not None
        return found

    app = ConsoleApp(
        make_engine, settings, host=host.host_name(), user=host.actor(), driver=terminal.ConsoleDriver,
        read_only=read_only, becomes_root=_becomes_root(), on_begun=settle, first_look=look,
    )  # fmt: skip
    sys.setswitchinterval(_SWITCH_S)
    code = asyncio.run(terminal.run(app, app.link.close, mouse=settings.console.mouse))
    app.journal.close()
    gc.freeze()  # the process is about to end: looking through a whole console for cycles takes longer than leaving
    if app.failure is not None:
        raise app.failure
    if code == terminal.HANGUP_CODE and settings.on_hangup == "drain" and not app.read_only:
        app.link.hand_over()
    return 125 if code == 1 else code


def _becomes_root() -> bool | None:
    """None: sudo decides. It is asked when somebody wants it, for it reports who may not."""
    return True if os.geteuid() == 0 else None if shutil.which("sudo") else False


def settle() -> None:
    """What is loaded now stays: the collector of garbage need not look through it again and again. What comes from now
    on and goes again is given back."""
    from opsconsole.tui.spare_heap import keep_little

    gc.freeze()
    gc.set_threshold(*_COLLECTED)
    keep_little()
