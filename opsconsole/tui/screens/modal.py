"""What stands over a mode and takes all keys: dialogs, and pages to read."""

from __future__ import annotations

from typing import ClassVar, Protocol, cast

from textual import events
from textual._time import get_time
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, ScreenResultType

SUSPEND = Binding("ctrl+z", "app.suspend_process", show=False)
"""As in every program of a terminal; a text that is edited has it for undo."""


class Deaf(Protocol):
    """An app that can pass over keys for a moment."""

    def pass_over_keys(self) -> None:
        """What is typed until the next frame has been seen is for what is gone."""
        ...


class Modal(ModalScreen[ScreenResultType]):
    """A screen that is dismissed once: of keys that come in one breath, only the first answers.

    Textual's own would answer twice, and close what lies below as well.
    """

    BINDINGS: ClassVar[list[BindingType]] = [SUSPEND]

    GRAVE: ClassVar[bool] = False
    """It is about something that cannot be undone: what was typed before it was seen is no answer to it, but what is
    typed `AHEAD` is."""

    AHEAD: ClassVar[frozenset[str]] = frozenset({"escape"})
    """Keys that do no harm, whoever meant them."""

    _dismissed = False
    _seen_at: float | None = None

    def on_screen_resume(self) -> None:
        self._seen_at = None

    def drawn(self) -> None:
        """It is on its way to the terminal, and from then on what is typed is typed into it."""
        if self._seen_at is None and self.focused is not None and self.focused.size:
            self._seen_at = get_time()

    def ignores(self, event: events.Event) -> bool:
        """Whether it must not take a key for an answer, which was meant for what was there before."""
        if not self.GRAVE or (isinstance(event, events.Key) and event.key in self.AHEAD):
            return False
        return self._seen_at is None or event.time < self._seen_at

    def close_by_itself(self, result: ScreenResultType | None = None) -> None:
        """Close it though nobody has answered: what is typed for it until that is seen goes to nobody.

        Whoever calls it says why.
        """
        if self._dismissed or not self.is_current:
            return
        cast(Deaf, self.app).pass_over_keys()
        self.dismiss(result)

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close it with this answer, unless it has been closed already or lies below something."""
        if self._dismissed or not self.is_current:
            return AwaitComplete()
        self._dismissed = True
        return super().dismiss(result)
