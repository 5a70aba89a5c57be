"""How the command line puts times, limits and statuses; figures as every door does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from opsconsole.errors import UsageError
from opsconsole.models import Status, Task
from opsconsole.wording import duration, limit, long_duration, quantity, rate, size

__all__ = [
    "code", "colour", "duration", "findings", "limits", "long_duration", "moment", "parse_moment", "quantity",
    "rate", "size",
]  # fmt: skip

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_COLOURS = {
    Status.RUNNING: "36", Status.PREPARING: "36", Status.PAUSED: "33", Status.COMPLETED: "32", Status.FAILED: "31",
    Status.TIMED_OUT: "31", Status.ABANDONED: "31", Status.REFUSED: "33", Status.CANCELLED: "33",
}  # fmt: skip


def moment(microseconds: int | None) -> str:
    """Local time to the second; JSON has the exact one, in UTC."""
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def limits(borne: Mapping[str, Any]) -> list[str]:
    """`memory 100 MiB (cgroup1)` for each limit of a record that something bears, or nothing does."""
    said = []
    for name, each in borne.items():
        if isinstance(each, Mapping) and name != "core":
            said.append(f"{name} {limit(name, each['value'])} ({each['tier'] or 'not enforced'})")
    return said


def colour(status: Status) -> str:
    """The SGR parameters a status is shown in, or nothing."""
    return _COLOURS.get(status, "")


def code(task: Task) -> str:
    """The exit code or the signal that ended it."""
    return task.signal or ("" if task.exit_code is None else str(task.exit_code))


def parse_moment(text: str, now: int) -> int:
    """Microseconds since the epoch, of `24h` ago (s, m, h, d, w) or an RFC 3339 time. Raises UsageError."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip()):
        return now - int(float(match[1]) * _UNITS[match[2]] * 1_000_000)
    try:
        parsed = datetime.fromisoformat(text.strip())
        local = parsed if parsed.tzinfo else parsed.astimezone()
        return int(local.timestamp() * 1_000_000)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{text!r} is no time", hint="an age such as 30m, 24h or 7d, or a time such as 2026-11-20T08:00:00Z"
        ) from None


def findings(recorded: Iterable[Mapping[str, Any]]) -> str:
    """`1:8 catastrophic rm-root` for each finding of a record."""
    return ", ".join(f"{one['line']}:{one['column']} {one['severity']} {one['rule']}" for one in recorded)
