"""What the screens of all modes have in common: header, footer, an engine that comes later, keys of the registry."""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.events import ScreenResume
from textual.screen import Screen
from textual.widget import Widget

from opsconsole.errors import OpsError
from opsconsole.events import Event
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import ACTIONS, BY_ID
from opsconsole.tui.frame_clock import FrameClock
from opsconsole.tui.keys import is_text, key_name, shown_keys
from opsconsole.tui.repainting import SparingCompositor
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.header_line import HeaderLine
from opsconsole.tui.widgets.key_line import Key, KeyLine

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.settings import Settings
    from opsconsole.tui.app import ConsoleApp
    from opsconsole.tui.leaving import Unsaved
    from opsconsole.tui.screens.tasks.screen import TasksScreen

WIDE = 110
"""From so many columns on, panes stand side by side."""
_ALWAYS = ("help", "quit")


class ModeScreen(Screen[None]):
    """The body is the mode's own. Hooks do nothing unless a mode has something to do there.

    Made when its mode is first asked for, which can be before the engine has started, and kept from then on.
    """

    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(WIDE, "-wide")]  # noqa: RUF012 - as Textual has it
    MODE: ClassVar[str]
    """Its id in `modes`."""
    KEYS: ClassVar[tuple[str, ...]] = ()
    """Actions the footer shows, the one that matters most first."""
    STILL: ClassVar[bool] = False
    """Beneath a dialog it stands still: what is asked about stays where it is."""
    app: ConsoleApp

    def __init_subclass__(cls, **options: Any) -> None:
        """What changes something asks `may` first, wherever the mode has its methods from."""
        super().__init_subclass__(**options)
        for action in ACTIONS:
            method = getattr(cls, f"action_{action.id}", None) if action.changes else None
            if method is not None and not hasattr(method, "asks_first"):
                setattr(cls, f"action_{action.id}", _asking_first(action.id, method))

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparingCompositor()
        self.header = HeaderLine()
        self.key_line = KeyLine()
        self._engine: Engine | None = None
        self._begun = self._on_top = self._failed = self._resumed = False
        self._composed = False  # it is attached before its widgets are there
        size = shutil.get_terminal_size()  # else all is styled once for a narrow screen, and then again
        self.set_classes(
            [
                *self._get_breakpoint_classes(size.columns, self.HORIZONTAL_BREAKPOINTS),
                *self._get_breakpoint_classes(size.lines, self.VERTICAL_BREAKPOINTS or []),
            ]
        )

    @cached_property
    def _update_timer(self) -> FrameClock:  # type: ignore[override]
        return FrameClock(self.app, self._on_timer_update)

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.compose_body()
        yield self.key_line

    # -- for the mode

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """What lies between header and footer."""

    def begin(self) -> None:
        """Mounted, and the engine has started: called once, before anything else of these."""

    def look(self) -> None:
        """It came on top: from another mode, or because a dialog was closed. First the screen is drawn."""

    def leave(self) -> None:
        """Another mode is on top. Beneath a dialog it goes on looking, unless it stands `STILL`."""

    def hear(self, event: Event) -> None:
        """An engine event, on the loop's thread; also when another mode is seen."""

    def configured(self, settings: Settings) -> None:
        """The configuration was read again, and is in force."""

    def rebound(self) -> None:
        """The operator's own keys were read again."""

    def writable_again(self) -> None:
        """What could not be written down for a while can be now."""

    def label_of(self, action_id: str) -> str | None:
        """The footer's word for it; None: it makes no sense now, and is left out."""
        return BY_ID[action_id].label

    def typing_keys(self) -> list[Key]:
        """What the footer says while a line of text has the focus."""
        return [Key("enter", "keep the filter"), Key("esc", "drop it")]

    def copied(self) -> str:
        """What `copy` takes; empty: whatever the focus is on."""
        return ""

    def unsaved(self) -> Unsaved | None:
        """Text of the mode that stands in no file: leaving asks then."""
        return None

    def go_to_new(self, task_id: int) -> None:
        """Show a task that was queued from here: among the tasks."""
        cast("TasksScreen", self.app.go("tasks")).go_to(task_id)

    def narrow(self, text: str) -> None:
        """Filter the list of the mode by this, as if it had been typed and kept."""
        for line in self.query(FilterLine):
            line.fill(text)
            line.action_leave(True)

    # -- what it has

    @property
    def engine(self) -> Engine:
        """Only once `begun`."""
        assert self._engine is not None  # noqa: S101 - that is the contract
        return self._engine

    @property
    def begun(self) -> bool:
        """The engine is there, and `begin` was called."""
        return self._begun

    @property
    def looks(self) -> bool:
        """Somebody sees it, and there is an engine to ask."""
        return self._begun and self._on_top

    @property
    def types(self) -> bool:
        """A text has the focus: in it all keys are text."""
        return self.focused is not None and self.focused.check_consume_key("x", "x")

    def clock(self) -> int:
        """Microseconds since the epoch."""
        return self.app.clock()

    def harmless(self, text: str, limit: int = 2000) -> str:
        """Without secrets, and on one line of text that no terminal acts on."""
        return sanitise_name(self._redaction.text(text), limit=limit)

    @cached_property
    def _redaction(self) -> Redaction:
        return Redaction.of(os.environ, self.app.settings.redaction)

    def may(self, action_id: str) -> bool:
        """Whether the action is to be had, however it was asked for; if not, that is said. The methods of actions that
        change something ask this by themselves: a click or another mode calls them without any key."""
        if self.app.allows(action_id):
            return True
        self.app.say_read_only()
        return False

    def fail(self, error: OpsError) -> None:
        """Show it, once until it `works` again: for what is tried every second."""
        if not self._failed:
            self._failed = True
            self.app.report(error)

    def works(self) -> None:
        """What may `fail` did not."""
        self._failed = False

    # -- how it comes to that

    def take_up(self, settings: Settings) -> None:
        """These settings are in force now."""
        self.__dict__.pop("_redaction", None)  # rules may have changed
        self.configured(settings)

    def attach(self, engine: Engine) -> None:
        """The engine has started."""
        self._engine = engine
        self._begin_if_possible()

    def on_mount(self) -> None:
        self._composed = True
        self._begin_if_possible()

    def _begin_if_possible(self) -> None:
        if self._engine is None or self._begun or not self._composed:
            return
        self._begun = True
        self.begin()
        self._looked()

    def on_screen_resume(self, event: ScreenResume) -> None:
        if not self._resumed:  # all was styled when it was mounted, a moment ago
            self._resumed, event.refresh_styles = True, False
        self._on_top = True
        self.header.show(self.app.head)
        self.call_after_refresh(self._looked)

    def _looked(self) -> None:
        if self.looks and self.is_attached:
            self.show_keys()
            self.look()

    def on_screen_suspend(self) -> None:
        if self.app.modes.on_top is self and not self.STILL:
            return  # a dialog lies over it: what is seen beneath is kept true
        self._on_top = False
        if self._begun:
            self.leave()

    def let_go_of_lines(self) -> None:
        """What its widgets have drawn is drawn again when it comes back on top: most of what a mode takes of memory."""
        for widget in self.walk_children(Widget):
            widget._styles_cache.clear()

    # -- keys

    def action_submit(self) -> None:
        from opsconsole.tui.screens.submitting import ask

        ask(self.app, self.go_to_new)

    def on_descendant_focus(self) -> None:
        self.show_keys()

    def show_keys(self) -> None:
        """The footer, as things are now; beneath a dialog it stays as it was."""
        if not self.is_attached or self.app.screen is not self:
            return
        if self.types:
            self.key_line.show(self.typing_keys(), self._keys_in_text(), typing=True)
            return
        keys = {name: found[0] for name, found in shown_keys(self).items()}
        self.key_line.show(self._hints(keys), [Key(keys[name], BY_ID[name].label) for name in _ALWAYS if name in keys])

    def _keys_in_text(self) -> list[Key]:
        """Help and quit, by keys that are no text."""
        found = []
        for name in _ALWAYS:
            keys = (key for key in self.app.keys_for(name).split(",") if not is_text(key))
            if (key := next(keys, None)) is not None:
                found.append(Key(key_name(self.app, key), BY_ID[name].label))
        return found

    def _hints(self, keys: Mapping[str, str]) -> list[Key]:
        labels = {name: self.label_of(name) for name in self.KEYS if name in keys}
        return [Key(keys[name], label) for name, label in labels.items() if label is not None]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a text all keys are text."""
        return not (self.types and action in BY_ID and BY_ID[action].opens_text)


def _asking_first(action_id: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def action(self: ModeScreen, *parameters: Any) -> Any:
        return method(self, *parameters) if self.may(action_id) else None

    action.asks_first = True  # type: ignore[attr-defined]
    return action
