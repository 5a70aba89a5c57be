"""The terminal: a notice, at which the console rings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message
    from opsconsole.monitoring.alerts.notifiers import Line, Means


class Bell:
    timeout_s = total_s = 5.0

    def __init__(self, settings: AlertSettings, means: Means) -> None:
        self._tell = means.tell

    def send(self, message: Message, line: Line) -> str:
        """Said here, which cannot fail."""
        self._tell(message.title)
        return "shown"
