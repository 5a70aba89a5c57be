"""What suggestions are made from, and how their evidence and rank are put."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opsconsole.anomalies import Anomaly, Severity
from opsconsole.monitoring.analysis.model import Bottleneck, Cause, Reading, clean
from opsconsole.monitoring.analysis.use import Host
from opsconsole.monitoring.analysis.vital import Care
from opsconsole.samples import ProcessSample, Sample
from opsconsole.wording import long_duration

LOW, MEDIUM, HIGH = "low", "medium", "high"
"""Risks: nothing is lost; something may be interrupted; something may be lost for good."""
BY_SEVERITY = {
    Severity.INFO: 10.0, Severity.LOW: 30.0, Severity.MEDIUM: 45.0, Severity.HIGH: 70.0, Severity.CRITICAL: 90.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What suggestions are made from."""

    sample: Sample | None
    values: Mapping[str, float]
    host: Host
    readings: Mapping[str, Reading]
    bottleneck: Bottleneck | None
    causes: Mapping[str, tuple[Cause, ...]]
    processes: Sequence[ProcessSample]
    anomalies: Sequence[Anomaly]
    over: str
    """The time the values stand for: "now" or "over the last 15 min"."""
    care: Mapping[int, Care] = field(default_factory=dict)
    """Of the pids that are named, those that are not to be stopped."""

    def open(self, *kinds: str) -> list[Anomaly]:
        """The open episodes of these kinds, the worst first."""
        found = [each for each in self.anomalies if each.kind in kinds and each.state.is_open]
        return sorted(found, key=lambda each: (-each.severity, each.began_at, each.id))


def waiting_rank(found: Found, resource: str, score: float) -> float:
    """The rank of what is waited for: the bottleneck first."""
    first = found.bottleneck is not None and found.bottleneck.resource == resource
    return min(100.0, 50.0 + score / 2 + (15.0 if first else 0.0))


def at_least(rank: float, anomalies: Sequence[Anomaly]) -> float:
    """A rank that open episodes may raise."""
    return max([rank, *(BY_SEVERITY[each.severity] for each in anomalies)])


def said(anomalies: Sequence[Anomaly]) -> tuple[str, ...]:
    """The episodes as evidence."""
    return tuple(f"open: {clean(each.message or each.kind, 200)}" for each in anomalies[:3])


def waited(found: Found, resource: str) -> tuple[str, ...]:
    """The share of the time in which work waited, as evidence; none where it is not known."""
    reading = found.readings[resource]
    if reading.waiting is None:
        return ()
    return (f"{reading.basis} {reading.waiting:.0f} % of the time, {found.over}",)


def of_resource(found: Found, resource: str, *whats: str) -> list[Cause]:
    """The causes of these sorts."""
    return [cause for cause in found.causes.get(resource, ()) if cause.what in whats]


def care_for(found: Found, cause: Cause) -> Care | None:
    """Why none of it is to be stopped: for the sake of one of its processes."""
    return next((found.care[pid] for pid in cause.pids if pid in found.care), None)


def with_care(label: str, care: Care, question: str) -> tuple[str, str, str]:
    """(title, evidence, risk) in the place of stopping it; the question is "what keeps it busy"."""
    if care.own:
        return f"Lower the cost of opsconsole itself, {label}: {care.instead}", f"{label} is {care.why}", LOW
    return f"Find out {question}: {care.instead}", f"{label} is {care.why}", HIGH


def quoted_name(name: str) -> str:
    """A name for a shell; "" for one that cannot be shown as it is, since a changed one would be another's."""
    return shlex.quote(name) if name and clean(name, 4096) == name and not name.startswith("-") else ""


def ago(found: Found, anomaly: Anomaly) -> str:
    """For how long the episode has been going on."""
    until = found.sample.time_us if found.sample is not None else anomaly.last_at
    return long_duration((until - anomaly.began_at) / 1e6, whole=True)
