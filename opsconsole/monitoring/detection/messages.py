"""The sentences of anomalies: our own words, numbers, and names made harmless."""

from __future__ import annotations

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


def state_of(kind: Kind, name: str, value: float, *, unlike: float | None = None) -> str:
    """`/var is 91 % full`; of what is counted, `the kernel killed nothing more` in place of a 0."""
    says = kind.says_none if kind.says_none and not value else kind.says
    return says.format(subject=subject(name), value=amount(kind, value, unlike=unlike))


def begun(threshold: Threshold, name: str, value: float, severity: Severity, lasted_s: float, words: str) -> str:
    """`CPU at 97 %, over 85 % for 60 s; nothing waits for it`."""
    kind = threshold.kind
    level = threshold.passed(value, severity)
    told = state_of(kind, name, value, unlike=level)
    if level and kind.unit != "× the threshold":  # "over 0 processes" says nothing, nor does "over 1 ×"
        told += f", {side(kind)} {amount(kind, level)}"
    if lasted_s >= 1:
        told += f" for {long_duration(lasted_s, whole=True)}"
    return f"{told}; {words}" if words else told


def ended(kind: Kind, name: str, value: float | None, peak: float, lasted_s: float, why: str) -> str:
    """`over after 12 min: CPU at 40 %; at its worst 97 %`; `why` where it was no recovery."""
    worst, after = f"at its worst {amount(kind, peak)}", long_duration(lasted_s, whole=True)
    if why in (GONE, READ_ONLY) and name:
        so = _GONE.get(kind.subject, "is no longer there") if why == GONE else why
        worst += " from full" if kind.below else ""
        return f"over after {after}: {subject(name)} {so}; {worst}"
    if why:
        return f"{kind.title}{f' ({subject(name)})' if name else ''}: {why} after {after}, {worst}"
    now = "" if value is None else f": {state_of(kind, name, value)}"
    if kind.below and kind.unit == "s":  # what it will be full in says nothing now
        now, worst = f": {subject(name)} does not fill up any more", f"{worst} from full"
    return f"over after {after}{now}; {worst}"


def side(kind: Kind) -> str:
    return "under" if kind.below else "over"
