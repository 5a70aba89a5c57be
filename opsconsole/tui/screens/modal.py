"""What stands over a mode and takes all keys: dialogs, and pages to read."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType


class Modal(ModalScreen[ScreenResultType]):
    """A screen that is dismissed once: of keys that come in one breath, only the first answers.

    Textual's own would answer twice, and close what lies below as well.
    """

    _dismissed = False

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close it with this answer, unless it has been closed already or lies below something."""
        if self._dismissed or not self.is_current:
            return AwaitComplete()
        self._dismissed = True
        return super().dismiss(result)
