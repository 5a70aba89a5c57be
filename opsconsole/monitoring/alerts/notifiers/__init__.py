"""The ways to tell somebody. Each one sends a message and says what the receiver answered, or raises DeliveryError.

A notifier is made on first use, from its section of the settings; what it cannot do is said when it is to be used.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError
from opsconsole.monitoring.alerts.notifiers.line import Line

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message

__all__ = ["DeliveryError", "Line", "Means", "Notifier", "configured", "make", "read_secret"]

Submit = Callable[[str, str, Mapping[str, str]], object]

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_CLASSES = {
    "bell": "Bell", "desktop": "Desktop", "mail": "Mail", "webhook": "Webhook", "command": "Command",
    "apprise": "Apprise",
}  # fmt: skip


class Notifier(Protocol):
    """`timeout_s` for one answer, `total_s` for a whole delivery."""

    timeout_s: float
    total_s: float

    def send(self, message: Message, line: Line) -> str:
        """What the receiver answered. Raises DeliveryError, OSError."""
        ...


class Means:
    """What notifiers need of the console: its name for the host, the screen, and a way to run a script."""

    def __init__(
        self, host: str, tell: Callable[[str], None], submit: Submit | None, now: Callable[[], int] | None = None
    ) -> None:
        self.host = host
        self.tell = tell
        self.submit = submit
        self.now = now


def make(name: str, settings: AlertSettings, means: Means) -> Notifier:
    """Raises DeliveryError when it is not set up, or something it needs is missing."""
    kind = _CLASSES.get(name)
    if kind is None:
        raise DeliveryError(f"there is no notifier {name!r}", permanent=True)
    notifier: Notifier = getattr(import_module(f"{__name__}.{name}"), kind)(settings, means)
    return notifier


def configured(settings: AlertSettings) -> list[str]:
    """Those that rules or `notify` name, and those whose section is filled in."""
    named = [*settings.notify, *(name for rule in settings.rules.values() for name in rule.notify)]
    filled = {
        "mail": settings.mail.host,
        "webhook": settings.webhook.url,
        "command": settings.command.script,
        "apprise": settings.apprise.urls_file or settings.apprise.urls_env,
    }
    return list(dict.fromkeys([*named, *(name for name, value in filled.items() if value)]))


def read_secret(what: str, file: str, variable: str, *, lines: bool = False) -> str:
    """From the file, else the variable; "" where neither is named. The newline at a file's end is not part of it.

    Raises DeliveryError, never with the secret, also when it is empty or has control characters, of which no header,
    password or key can hold any (`lines`: it may have lines).
    """
    if file:
        where = file
        try:
            value = Path(file).expanduser().read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise DeliveryError(f"{what}: {file} cannot be read: {getattr(error, 'strerror', 'no text')}") from None
    elif variable:
        where, value = f"the variable {variable}", os.environ.get(variable, "")
        if not value:
            raise DeliveryError(f"{what}: the variable {variable} is not set")
    else:
        return ""
    if not value.strip():
        raise DeliveryError(f"{what}: {where} is empty")
    if any(unicodedata.category(char) in _CONTROL for char in value if not (lines and char in "\r\n\t")):
        raise DeliveryError(f"{what}: {where} has more than one line, or control characters", hint="one line of text")
    return value
