"""A dialog that waits for the key itself."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from opsconsole.tui.action import Action
from opsconsole.tui.keymap import canonical
from opsconsole.tui.screens.modal import Modal


class _Ear(Widget, can_focus=True):
    """Takes every key before anybody else does."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        super().__init__()
        self._heard = heard

    def render(self) -> str:
        return ""

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._heard(event.key)


class PressKeyScreen(Modal[str | None]):
    """Dismissed with the key, as Textual names it; None: it stays as it is. `refusal` says why a key cannot be."""

    def __init__(self, action: Action, now: str, refusal: Callable[[str], str]) -> None:
        super().__init__()
        self._action = action
        self._now = now
        self._refusal = refusal

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"A key for: {self._action.label}")
            dialog.border_subtitle = "esc leaves it as it is"
            yield Static(Text(self._action.description, style="bold"), classes="setting-meaning")
            gone = "all of these" if " " in self._now else "this one"
            yield Static(Text(f"Now on {self._now}. Press the new key: it replaces {gone}."), classes="setting-note")
            yield Static("", id="setting-problem", markup=False)
            yield _Ear(self._heard)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(_Ear))

    def _heard(self, key: str) -> None:
        if key == "escape":
            self.dismiss(None)
        elif why := self._refusal(key):
            self.query_one("#setting-problem", Static).update(Text(f"{why} Press another one."))
        else:
            self.dismiss(canonical(key))
