"""The desktop, by notify-send, where there is one and a session to show it in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.anomalies import Severity
from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message
    from opsconsole.monitoring.alerts.notifiers import Line, Means


class Desktop:
    timeout_s = total_s = 3.0

    def __init__(self, settings: AlertSettings, means: Means) -> None:
        self._program = shutil.which("notify-send") or ""
        if not self._program:
            raise DeliveryError("desktop: notify-send is not here", hint="install libnotify", permanent=True)
        if not _session():
            raise DeliveryError("desktop: there is no session bus", hint="nobody sits at this host", permanent=True)

    def send(self, message: Message, line: Line) -> str:
        """Raises DeliveryError."""
        urgency = "critical" if message.severity >= Severity.HIGH and message.status == "firing" else "normal"
        words = [self._program, "--app-name=opsconsole", f"--urgency={urgency}", "--", message.title]
        try:
            done = subprocess.run(
                [*words, _plain(message.text)],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=self.timeout_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise DeliveryError(f"desktop: no answer within {self.timeout_s:g} s") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[:200]
            raise DeliveryError(f"desktop: notify-send ended with {done.returncode}: {said}")
        return "shown"


def _session() -> bool:
    bus = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") / "bus"
    return bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS")) or bus.exists()


def _plain(text: str) -> str:
    """Desktops read a body as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
