"""A hundred services by way of Apprise, the optional extra `notify`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opsconsole.anomalies import Severity
from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message
    from opsconsole.monitoring.alerts.notifiers import Line, Means

_NAMES = {Severity.CRITICAL: "failure", Severity.HIGH: "failure", Severity.MEDIUM: "warning", Severity.LOW: "warning"}


class Apprise:
    """It has time limits of its own (4 s for each answer), and cannot be broken off."""

    timeout_s = total_s = 5.0

    def __init__(self, settings: AlertSettings, means: Means) -> None:
        from opsconsole.monitoring.alerts.notifiers import read_secret

        chosen = settings.apprise
        self._urls = read_secret("apprise", chosen.urls_file, chosen.urls_env, lines=True).split()
        if not self._urls:
            raise DeliveryError(
                "apprise: no URL is set", hint="alerts.apprise.urls_file or alerts.apprise.urls_env", permanent=True
            )
        try:
            self._module: Any = import_module("apprise")
        except ImportError as error:
            hint = "pip install 'opsconsole[notify]'"
            raise DeliveryError("apprise: it is not installed", hint=hint, permanent=True) from error

    def send(self, message: Message, line: Line) -> str:
        """Raises DeliveryError; URLs hold tokens and are not told."""
        services = self._module.Apprise()
        for number, url in enumerate(self._urls, 1):
            if not services.add(url):
                raise DeliveryError(f"apprise: URL {number} is none that it knows", permanent=True)
        kind = "success" if message.status == "resolved" else _NAMES.get(message.severity, "info")
        if not services.notify(title=message.title, body=message.text, notify_type=kind, body_format="text"):
            raise DeliveryError(f"apprise: not all of {len(self._urls)} services took it")
        return f"{len(self._urls)} services took it"
