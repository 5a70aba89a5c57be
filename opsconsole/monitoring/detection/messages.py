"""The sentences of anomalies: our own words, numbers, and names made harmless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.anomalies import Severity
from opsconsole.monitoring.detection.kinds import Kind
from opsconsole.monitoring.detection.thresholds import Threshold
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.wording import long_duration, quantity

_COUNTED = {"processes": "process", "signs": "sign"}
_WORDED = frozenset({"s", "ms", "MiB/s"})
_MORE = {"% of a core": " % of a core", "%/h": " %", "× cores": " × the cores", "× the threshold": " ×"}
NAME_LIMIT = 120
GONE = "subject gone"
"""Why an episode ends whose subject is no longer there."""
READ_ONLY = "is read-only now and cannot fill further"
"""Why the episodes of a file system end that cannot be written any more."""
FULL = "is full, and cannot fill further"
"""Why it ends that a file system will be full."""
GETS = "gets_percent"
"""In the details of a process that wants more of the CPU than it gets: that, in percent of a core."""
_PAST = {
    " is ": " was ", " has ": " had ", " are ": " were ", " uses ": " used ", " takes ": " took ", " take ": " took ",
    " grows ": " grew ", " shows ": " showed ", " collects ": " collected ",
}  # fmt: skip
_GONE = {"process": "has ended", "run": "has ended", "mount": "is no longer mounted"}


def number(value: float) -> str:
    """As many digits as people read: `0.35`, `4.2`, `97`, `1250`."""
    size = abs(value)
    return f"{value:.0f}" if size >= 10 or value == int(value) else f"{value:.1f}" if size >= 1 else f"{value:.2g}"


def amount(kind: Kind, value: float, *, unlike: float | None = None) -> str:
    """The value with its unit, as the kind's sentence has it; one digit more, where it would read as `unlike` does."""
    unit = kind.unit
    if unit in _WORDED:
        return quantity(value, unit)
    if unit in _COUNTED:
        return f"{value:.0f} {_COUNTED[unit] if round(value) == 1 else unit}"
    said = number(value)
    if unlike is not None and said == number(unlike):
        said = f"{value:.1f}"
    return said + _MORE.get(unit, f" {unit}")


def subject(name: str) -> str:
    return sanitise_name(name, limit=NAME_LIMIT)


def state_of(
    kind: Kind, name: str, value: float, *, unlike: float | None = None, details: Mapping[str, Any] | None = None
) -> str:
    """`/var is 91 % full`; of what is counted, `the kernel killed nothing more` in place of a 0. `details`: the
    episode's, of a process that does not get what it wants."""
    if kind.says_none and kind.is_none(value):
        return kind.says_none.format(subject=subject(name))
    said = amount(kind, value, unlike=unlike)
    gets = gets_of(kind, value, details)
    if gets is not None:
        return kind.says_held_back.format(subject=subject(name), value=said, gets=f"{gets:.0f} %")
    return kind.says.format(subject=subject(name), value=said)


def gets_of(kind: Kind, value: float, details: Mapping[str, Any] | None) -> float | None:
    """What it gets of the value that it wants; None: it is not held back."""
    gets = (details or {}).get(GETS) if kind.says_held_back else None
    return gets if isinstance(gets, int | float) and gets < value else None


def now_is(kind: Kind, value: float, *, unlike: float | None = None, details: Mapping[str, Any] | None = None) -> str:
    """`now 94 %`, behind a sentence that says another value."""
    if kind.below and kind.is_none(value):
        return "not now"
    gets = gets_of(kind, value, details)
    return f"now {amount(kind, value, unlike=unlike)}" if gets is None else f"now gets {gets:.0f} %"


def _state_then(kind: Kind, name: str, value: float) -> str:
    """The same of a time that is past."""
    if kind.says_none and kind.is_none(value):
        return state_of(kind, name, value)
    says = kind.says
    for now, then in _PAST.items():
        says = says.replace(now, then)
    return says.format(subject=subject(name), value=amount(kind, value)) + " then"


def begun(
    threshold: Threshold, name: str, value: float, severity: Severity, lasted_s: float, words: str,
    details: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """`CPU at 97 %, over 85 % for 60 s; nothing waits for it`. `lasted_s`: for how long it has been over that level."""
    kind = threshold.kind
    level = threshold.passed(value, severity)
    told = state_of(kind, name, value, unlike=level, details=details)
    if level and kind.unit != "× the threshold" and not kind.of_itself:  # "over 0 signs" says nothing, nor "over 1 ×"
        told += f", {side(kind)} {amount(kind, level)}"
    if lasted_s >= 1 and not kind.of_itself:
        told += f" for {long_duration(lasted_s, whole=True)}"
    return f"{told}; {words}" if words else told


def ended(kind: Kind, name: str, value: float | None, peak: float, lasted_s: float, why: str) -> str:
    """`over after 12 min: CPU at 40 % then; at its worst 97 %`; `why` where it was no recovery."""
    worst, after = f"at its worst {amount(kind, peak)}", long_duration(lasted_s, whole=True)
    if why in (GONE, READ_ONLY, FULL) and name:
        so = _GONE.get(kind.subject, "is no longer there") if why == GONE else why
        worst += " from full" if kind.below else ""
        return f"over after {after}: {subject(name)} {so}; {worst}"
    if why:
        return f"{kind.title}{f' ({subject(name)})' if name else ''}: {why} after {after}, {worst}"
    now = "" if value is None else f": {_state_then(kind, name, value)}"
    if kind.below and kind.unit == "s":  # what it will be full in says nothing now
        now, worst = f": {subject(name)} does not fill up any more", f"{worst} from full"
    return f"over after {after}{now}; {worst}"


def side(kind: Kind) -> str:
    return "under" if kind.below else "over"
