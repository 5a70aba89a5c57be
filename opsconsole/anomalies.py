"""The nouns of trouble: an anomaly is an episode with a beginning, a peak and an end, not a line per sample."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Any

from opsconsole.errors import SpecError
from opsconsole.models import rfc3339
from opsconsole.values import dataclass


class Severity(IntEnum):
    """INFO is shown and never notified of by itself. Within an episode it only rises."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def glyph(self) -> str:
        """One cell, and no two alike: it says it where there is no colour."""
        return "·◇◆▲‼"[self]

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Raises SpecError."""
        try:
            return cls[text.strip().upper()]
        except KeyError:
            names = ", ".join(member.word for member in cls)
            raise SpecError(f"unknown severity {text!r}", hint=f"one of {names}") from None


class AnomalyState(StrEnum):
    """PENDING is not stored: the condition holds, but not for long enough yet."""

    PENDING = "pending"
    OPEN = "open"
    FLAPPING = "flapping"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        return self in (AnomalyState.OPEN, AnomalyState.FLAPPING)


class Change(StrEnum):
    """What happened to an episode."""

    OPENED = "opened"
    CHANGED = "changed"
    """Severity rose, it flaps, its data went missing or came back, somebody acknowledged, silenced or noted it."""
    CLOSED = "closed"


ACKNOWLEDGED = "acknowledged"
"""`kind` of the link an episode gets that somebody has seen: {at, kind, ref: who, severity: how grave it was then}."""
NO_DATA_NOW = "; no data just now"
COMES_AND_GOES = "; it comes and goes"
"""What a message ends in while that is so; `Anomaly.sentence` is without, for where that is said beside it."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An episode. Times are microseconds since the epoch, UTC; `value`, `peak`, `mean`, `threshold` are in `unit`.

    `subject` is what it is about within the host: "" for the host itself, a mount, a device, a process "name[pid]", a
    script's name, a metric's series. The fingerprint (host, kind, subject) has at most one open episode.
    """

    id: int
    kind: str
    subject: str
    host: str
    severity: Severity
    state: AnomalyState
    began_at: int
    """When the condition began to hold, `for` before it opened."""
    opened_at: int
    last_at: int
    """When its condition was last seen to hold."""
    closed_at: int | None
    value: float
    peak: float
    mean: float
    count: int
    """Samples in which the condition held."""
    threshold: float | None
    unit: str
    message: str
    """One sentence for people, of our own words and sanitised names."""
    peak_at: int | None = None
    flips: int = 0
    unknown_since: int | None = None
    """No data since: neither open nor over is known; it stays as it was."""
    processes: tuple[dict[str, Any], ...] = ()
    """The top ones at the peak: pid, start_time, name, cpu_percent, rss_bytes."""
    runs: tuple[str, ...] = ()
    """Execution ids of what ran here at the peak."""
    links: tuple[dict[str, Any], ...] = ()
    """What was done about it: {at, kind, ref, note}; and what `ACKNOWLEDGED` says."""
    notes: tuple[dict[str, Any], ...] = ()
    """{at, by, text}."""
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    silenced_until: int | None = None
    details: dict[str, Any] | None = None
    """What the kind has to say beyond numbers: {"eta_s": …} of disk_fill_rate, for one."""

    @property
    def fingerprint(self) -> str:
        return f"{self.host}/{self.kind}/{self.subject}"

    @property
    def seen(self) -> bool:
        """Somebody has acknowledged it, and it has not become worse than it was then."""
        most = self.seen_at
        return self.acknowledged_at is not None and (most is None or self.severity <= most)

    @property
    def seen_at(self) -> Severity | None:
        """How grave it was when it was last acknowledged; None: not known."""
        for link in reversed(self.links):
            if link.get("kind") == ACKNOWLEDGED:
                known = link.get("severity")
                return next((each for each in Severity if each.word == known), None)
        return None

    @property
    def done(self) -> tuple[dict[str, Any], ...]:
        """What was done about it, besides that it was seen."""
        return tuple(link for link in self.links if link.get("kind") != ACKNOWLEDGED)

    @property
    def sentence(self) -> str:
        """The message without how it stands just now."""
        return self.message.removesuffix(NO_DATA_NOW).removesuffix(COMES_AND_GOES)

    @property
    def duration_s(self) -> float | None:
        return None if self.closed_at is None else (self.closed_at - self.began_at) / 1e6

    def to_json(self) -> dict[str, Any]:
        """The object of `anomalies --json`: the contract's fields, then the rest."""
        return {
            "id": self.id,
            "kind": self.kind,
            "subject": self.subject,
            "severity": self.severity.word,
            "state": self.state.value,
            "opened_at": rfc3339(self.opened_at),
            "closed_at": rfc3339(self.closed_at),
            "value": self.value,
            "peak": self.peak,
            "threshold": self.threshold,
            "host": self.host,
            "began_at": rfc3339(self.began_at),
            "last_at": rfc3339(self.last_at),
            "peak_at": rfc3339(self.peak_at),
            "mean": self.mean,
            "count": self.count,
            "unit": self.unit,
            "message": self.message,
            "duration_s": self.duration_s,
            "flips": self.flips,
            "unknown_since": rfc3339(self.unknown_since),
            "processes": list(self.processes),
            "runs": list(self.runs),
            "links": list(self.links),
            "notes": list(self.notes),
            "acknowledged_at": rfc3339(self.acknowledged_at),
            "acknowledged_by": self.acknowledged_by,
            "silenced_until": rfc3339(self.silenced_until),
            "details": self.details,
        }


_STEP = {Severity.INFO: 0, Severity.LOW: 1, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


def silenced(one: Anomaly, now: int) -> bool:
    """Nobody wants to be told of it at `now`."""
    return one.silenced_until is not None and one.silenced_until > now


def step(one: Anomaly, now: int) -> int:
    """How bad it makes the state of the host: 0 not at all, to 3. Acknowledged it is one better, for somebody is at it,
    until it becomes worse; silenced it is 1."""
    found = _STEP[one.severity]
    if silenced(one, now):
        return min(found, 1)
    if one.seen:
        return max(found - 1, min(found, 1))
    return found


def most_urgent_first(found: Iterable[Anomaly], now: int) -> list[Anomaly]:
    """What decides over the state of the host is first; of equals what nobody has seen, then the gravest, then the
    newest. Whoever lists what is open, or names the worst of it, has it in this order."""

    def rank(one: Anomaly) -> tuple[int, bool, int, int, int]:
        seen = one.seen or silenced(one, now)
        return -step(one, now), seen, -one.severity, -one.opened_at, -one.id

    return sorted(found, key=rank)


@dataclass(frozen=True, slots=True)
class Transition:
    """An episode as it is now, and what happened to it."""

    change: Change
    anomaly: Anomaly
    what: str = ""
    """For people: "severity rose to high", "no data"."""
