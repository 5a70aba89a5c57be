"""What is told over the screen: few at a time, and none over the question of a dialog. The log has all of it."""

from __future__ import annotations

from textwrap import wrap
from typing import Self

from textual.notifications import Notification, Notifications, Notify
from textual.screen import ModalScreen

from opsconsole.tui.widgets.tones import TonedApp

MOST = 2
LASTS_S = {"information": 4.0, "warning": 6.0, "error": 10.0}
_PASSING = "information"
_STAYS_S = 1e6
WIDE = 110
"""From so many columns on there is room beside what somebody looks at; below, a notice lies over the keys."""
_MOST_CHARS, _MOST_LINES, _FEW_LINES = 600, 8, 3
_EDGES = 3
_CUT = " … (the log has all of it)"


def excerpt(text: str, columns: int) -> str:
    """As much of a text as a notice shows on so wide a screen; says so where that is not all."""
    if columns >= WIDE:
        shown = "\n".join(text[:_MOST_CHARS].split("\n")[:_MOST_LINES])
        return shown if shown == text else shown + _CUT
    room = max(len(_CUT) + 1, columns - _EDGES)
    lines = [part for line in text[:_MOST_CHARS].split("\n") for part in wrap(line, room)]
    if len(lines) <= _FEW_LINES and len(text) <= _MOST_CHARS:
        return text
    *before, last = lines[:_FEW_LINES] or [""]
    return "\n".join([*before, last[: room - len(_CUT)] + _CUT])


class FewNotices(Notifications):
    """The newest ones; a text that is told again replaces itself."""

    def add(self, notification: Notification) -> Self:
        told = (notification.message, notification.severity)
        same = [one for one in self if (one.message, one.severity) == told]
        others = [one for one in self if one not in same]
        for one in [*same, *others[: max(0, len(others) - MOST + 1)]]:
            del self[one]
        return super().add(notification)


class Noticing(TonedApp):
    """An application with few notices. What only informs waits for the end of a dialog, unless its time is over
    before; for a warning or an error the dialog makes room below itself (`-told`).
    """

    def __init__(self, **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self._notifications = FewNotices()
        self._staying: Notification | None = None

    def stay(self, text: str) -> None:
        """Show this until something is `acted`, one at a time. `text` must be harmless."""
        self._staying = Notification(text, severity="information", timeout=_STAYS_S, markup=False)
        self.post_message(Notify(self._staying))

    def acted(self) -> None:
        """Somebody has done something."""
        if self._staying is not None:
            self._unnotify(self._staying)
            self._staying = None

    def _refresh_notifications(self) -> None:
        super()._refresh_notifications()
        self._make_room()

    def _unnotify(self, notification: Notification, refresh: bool = True) -> None:
        super()._unnotify(notification, refresh)
        self._make_room()

    def _make_room(self) -> None:
        screen = self.screen_stack[-1] if self._screen_stack else None
        if isinstance(screen, ModalScreen):
            screen.set_class(any(one.severity != _PASSING for one in self._notifications), "-told")
