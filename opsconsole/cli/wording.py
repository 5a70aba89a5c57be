"""How the command line puts times, durations, sizes and statuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from opsconsole.errors import UsageError
from opsconsole.models import Status, Task

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_COUNTED = ("pids", "open_files")
_RATES = ("read_bps", "write_bps")
_COLOURS = {
    Status.RUNNING: "36", Status.PREPARING: "36", Status.PAUSED: "33", Status.COMPLETED: "32", Status.FAILED: "31",
    Status.TIMED_OUT: "31", Status.ABANDONED: "31", Status.REFUSED: "33", Status.CANCELLED: "33",
}  # fmt: skip


def moment(microseconds: int | None) -> str:
    """Local time to the second; JSON has the exact one, in UTC."""
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """`0.004s`, `1.2s`, `75s`, `12m05s`, `3h07m`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds:.3f}s"
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 7200 else f"{whole // 3600}h{whole % 3600 // 60:02}m"


def size(count: float) -> str:
    """`512 B`, `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def limits(borne: Mapping[str, Any]) -> list[str]:
    """`memory 100.0 MiB (cgroup1)` for each limit of a record that something bears, or nothing does."""
    said = []
    for name, each in borne.items():
        if isinstance(each, Mapping) and name != "core":
            value = each["value"]
            amount = f"{value * 100:g} %" if name == "cpu" else f"{value:g}" if name in _COUNTED else size(value)
            said.append(f"{name} {amount}{'/s' if name in _RATES else ''} ({each['tier'] or 'not enforced'})")
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
