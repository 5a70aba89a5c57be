"""A line to type in, that sends no bytes while nobody types, and shows nothing that a terminal would act on."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from opsconsole.safety.sanitise import sanitise_name

_LONGEST = 4096


class TextField(Input):
    """One line high; its cursor does not blink, since over SSH each blink is traffic. What is pasted is harmless."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str) -> None:
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """Whatever way it came in."""
        return sanitise_name(value, limit=_LONGEST)

    async def _on_key(self, event: events.Key) -> None:
        """Its own keys at once: Textual lets them travel to the app and back, and what was typed in the same packet
        after a backspace would come before it. What it has no use for, as ↑ and ↓, goes on to the dialog."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
        await super()._on_key(event)
