"""One state of the host, and why: the header line of the console.

What decides is the open episodes, since they have hysteresis; a single sample does not. How they count:

====================  ==========================================================================
no data, no monitor   `unknown`, whatever was open when it stopped: absence is never `ok`
info                  shown in the counts, changes nothing
low, medium           `watch`
high                  `degraded`
critical              `critical`
acknowledged          one state better, for somebody is at it, until it becomes worse than it was then; not
                      better than `watch`, for it goes on
silenced              `watch`: nobody wants to be told, which does not make it right
flapping              as its severity says; the sentence says that it comes and goes
no data of its own    as before: no data is not recovery
====================  ==========================================================================

Of those that count alike, one that nobody has seen is named before one that somebody has, then the gravest, then the
newest: `anomalies.most_urgent_first`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opsconsole.anomalies import Anomaly, AnomalyState, most_urgent_first, silenced, step
from opsconsole.clock import SYSTEM, Clock
from opsconsole.monitoring.analysis.model import clean
from opsconsole.samples import Sample

OK, WATCH, DEGRADED, CRITICAL, UNKNOWN = "ok", "watch", "degraded", "critical", "unknown"
_LADDER = (OK, WATCH, DEGRADED, CRITICAL)
_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Health:
    """`worst` is the episode that decides; `counts` the open ones by severity, and how many of them are flapping,
    acknowledged and silenced; only what is not 0."""

    state: str
    why: str
    worst: Anomaly | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        worst = None if self.worst is None else self.worst.to_json()
        return {"state": self.state, "why": self.why, "worst": worst, "counts": self.counts}


def health(
    anomalies: Sequence[Anomaly], sample: Sample | None, monitor_alive: bool, *, clock: Clock | None = None
) -> Health:
    """The state, from every episode that may be open. Silences end by `clock`, else by the sample's own time."""
    now = clock.now() if clock is not None else sample.time_us if sample is not None else SYSTEM.now()
    open_now = [anomaly for anomaly in anomalies if anomaly.state.is_open]
    worst = next(iter(most_urgent_first(open_now, now)), None)
    counts = _counts(open_now, now)
    if not monitor_alive:
        return Health(UNKNOWN, _last_known("the monitor is not running", open_now, worst), worst, counts)
    if sample is None:
        return Health(UNKNOWN, _last_known("there is no data yet", open_now, worst), worst, counts)
    if worst is None:
        return Health(OK, "nothing is wrong", None, counts)
    state = _LADDER[step(worst, now)]
    if state == OK:
        return Health(OK, f"nothing is wrong; for your information: {_said(worst)}", worst, counts)
    return Health(state, _why(worst, len(open_now) - 1, now), worst, counts)


def _counts(open_now: Sequence[Anomaly], now: int) -> dict[str, int]:
    by_severity = Counter(anomaly.severity for anomaly in open_now)
    found = {severity.word: by_severity[severity] for severity in sorted(by_severity, reverse=True)}
    found["flapping"] = sum(anomaly.state is AnomalyState.FLAPPING for anomaly in open_now)
    found["acknowledged"] = sum(anomaly.seen for anomaly in open_now)
    found["silenced"] = sum(silenced(anomaly, now) for anomaly in open_now)
    return {word: count for word, count in found.items() if count}


def _said(anomaly: Anomaly) -> str:
    return clean(anomaly.message or f"{anomaly.kind} {anomaly.subject}".strip(), _MESSAGE)


def _why(worst: Anomaly, others: int, now: int) -> str:
    said = _said(replace(worst, message=worst.sentence))
    if worst.state is AnomalyState.FLAPPING:
        said += f" (comes and goes, {worst.flips} times)"
    if worst.unknown_since is not None:
        said += " (no data since)"
    if silenced(worst, now):
        said += " (silenced)"
    elif worst.seen:
        said += f" (acknowledged by {clean(worst.acknowledged_by or 'somebody')})"
    return said + (f"; and {others} more" if others else "")


def _last_known(reason: str, open_now: Sequence[Anomaly], worst: Anomaly | None) -> str:
    if worst is None:
        return reason
    was = "1 episode is" if len(open_now) == 1 else f"{len(open_now)} episodes are"
    return f"{reason}; {was} on record as open: {_said(worst)}"
