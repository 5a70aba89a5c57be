"""A script of the site's own, run under a policy. The facts are in its environment, never in its text.

OPS_ALERT_STATUS (firing, resolved), _TRANSITION (firing, severity, repeat, resolved, digest), _COUNT, _KEY, _TITLE, and
of the first alert _KIND, _SUBJECT, _HOST, _SEVERITY, _MESSAGE, _VALUE, _PEAK, _UNIT, _BEGAN_AT, _ENDED_AT, _DURATION_S;
all of it as JSON in OPS_ALERT_JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.models import rfc3339
from opsconsole.monitoring.alerts.messages import is_over, length_s
from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.monitoring.alerts.messages import Message
    from opsconsole.monitoring.alerts.notifiers import Line, Means

_LONGEST = 64 * 1024
"""Linux takes 128 KiB in one variable."""


class Command:
    """Delivered means handed to the queue: how the run ends is in the history."""

    timeout_s = total_s = 5.0

    def __init__(self, settings: AlertSettings, means: Means) -> None:
        self._script = settings.command.script
        self._policy = settings.command.policy
        if not self._script:
            raise DeliveryError("command: no script is set", hint="alerts.command.script", permanent=True)
        if means.submit is None:
            raise DeliveryError("command: nothing can be run from here", hint="it needs a console that runs scripts")
        self._submit = means.submit

    def send(self, message: Message, line: Line) -> str:
        """Raises DeliveryError when it was not taken."""
        path = Path(self._script).expanduser()
        if not path.is_file():
            raise DeliveryError(f"command: {path} is not there")
        submitted = self._submit(str(path), self._policy, environment(message))
        return f"submitted {submitted}" if isinstance(submitted, int | str) else "submitted"


def environment(message: Message) -> dict[str, str]:
    """The facts as variables."""
    facts = message.alerts[0]
    alerts = list(message.alerts)
    while len(text := json.dumps({"key": message.key, "total": message.total, "alerts": alerts})) > _LONGEST:
        alerts = alerts[: len(alerts) // 2]
    values = {
        "status": message.status,
        "transition": message.transition,
        "count": message.total,
        "key": message.key,
        "title": message.title,
        "kind": facts["kind"],
        "subject": facts["subject"],
        "host": facts["host"],
        "severity": facts["severity"],
        "message": facts["message"],
        "value": facts["value"],
        "peak": facts["peak"],
        "unit": facts["unit"],
        "began_at": rfc3339(facts["opened_at"]),
        "ended_at": rfc3339(facts["closed_at"]),
        "duration_s": round(length_s(facts), 3) if is_over(facts) else None,
        "json": text,
    }
    return {f"OPS_ALERT_{name.upper()}": "" if value is None else str(value) for name, value in values.items()}
