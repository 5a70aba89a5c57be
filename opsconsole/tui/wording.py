"""How the console puts things: glyphs and tones of the statuses, times, outside names made harmless; figures as every
door does."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from opsconsole.models import Priority, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.values import dataclass
from opsconsole.wording import age, duration, limit, limit_reached, quantity, rate, short_size, size

__all__ = [
    "FACES", "POLICIES", "PRIORITIES", "Face", "age", "count_of", "duration", "limit", "name_of", "outcome", "quantity",
    "rate", "running_for", "seconds_of", "short_size", "shortened", "size", "span", "time_of_day",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Face:
    """How a status looks: one cell, a word, and the tone (a component class) both are drawn in."""

    glyph: str
    word: str
    tone: str


FACES = {
    Status.PREPARING: Face("▷", "starting", "good"),
    Status.RUNNING: Face("▶", "running", "good"),
    Status.PAUSED: Face("‖", "paused", "warning"),
    Status.QUEUED: Face("◦", "queued", "muted"),
    Status.WAITING: Face("◌", "waiting", "muted"),
    Status.COMPLETED: Face("✔", "completed", "good"),
    Status.FAILED: Face("✗", "failed", "bad"),
    Status.CANCELLED: Face("■", "cancelled", "muted"),
    Status.TIMED_OUT: Face("◔", "timed out", "bad"),
    Status.REFUSED: Face("⊘", "refused", "warning"),
    Status.ABANDONED: Face("!", "abandoned", "bad"),
}

PRIORITIES = {Priority.LOW: "low", Priority.NORMAL: "", Priority.HIGH: "HIGH", Priority.CRITICAL: "CRIT"}
POLICIES = ("safe", "restricted", "standard", "elevated")
"""As they are offered, from the narrowest on."""


def name_of(task: Task) -> str:
    """The task's name, harmless and on one line."""
    return sanitise_name(task.name)


def outcome(task: Task, now: int, room: int = 12) -> str:
    """What came of it, in at most so many cells (10 or 12): `exit 3`, `SIGKILL`, `memory limit`, or what it waits
    for."""
    status = task.status
    if status is Status.WAITING:
        if task.held:
            return "held"
        if task.due_at is not None:
            return f"in {duration(max(0.0, (task.due_at - now) / 1e6), ticking=True)}"
        return f"after #{task.after_id}"
    if status is Status.COMPLETED:
        return "ok"
    if status is Status.FAILED:
        if limited := limit_reached(task.reason):
            return sanitise_name(limited if len(limited) <= room else limited.replace("memory", "mem"), limit=room)
        if task.signal:
            return sanitise_name(task.signal, limit=9)
        if not task.exit_code:  # 0: what it left running was refused a limit
            return "limit" if "_limit" in (task.reason or "") else "failed"
        return f"exit {task.exit_code}"
    if status is Status.TIMED_OUT:
        return "timeout"
    if status.is_active:
        return "stopping" if task.cancel_requested else {Status.PAUSED: "paused"}.get(status, "")
    return "" if status is Status.QUEUED else FACES[status].word


def running_for(task: Task, now: int) -> float | None:
    """Seconds it ran or runs; None: it has not begun."""
    if task.status.is_active:
        return None if task.started_at is None else max(0.0, (now - task.started_at) / 1e6)
    return task.duration_s


def span(seconds: float) -> str:
    """A length somebody set: `90s`, `5m`, `1h`; `seconds_of` reads it back."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def time_of_day(moment: int, now: int) -> str:
    """Local time; with the date when that is not today's."""
    local, today = datetime.fromtimestamp(moment / 1e6), datetime.fromtimestamp(now / 1e6)
    return local.strftime("%H:%M:%S" if local.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def count_of(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def shortened(path: Path) -> str:
    """With `~` for the home folder, and harmless."""
    home = os.path.expanduser("~")  # `~` itself where nobody knows
    return sanitise_name(f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path))


def seconds_of(text: str) -> float:
    """`90`, `90s`, `5m`, `1h`. Raises ValueError."""
    folded = text.strip().casefold()
    unit = _UNITS.get(folded[-1:])
    return float(folded[:-1]) * unit if unit else float(folded)
