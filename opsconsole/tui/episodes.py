"""How an episode is put wherever the console shows one: its amounts, and where it stands now. Pure and harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsconsole.anomalies import Anomaly
from opsconsole.safety.sanitise import sanitise_name

_OF_THE_SAMPLE = {"cpu_high": "cpu", "memory_high": "memory", "disk_full": "disk:{}", "inode_full": "inodes:{}"}
"""Kinds whose value is a series as it is: what a graph beside them says is newer than the record of the episode."""


def amount(one: Anomaly, value: float | None) -> str:
    """The value with its unit, as the kind puts it."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    if value is None:
        return ""
    kind = KINDS.get(one.kind)
    return sanitise_name(f"{value:g} {one.unit}", limit=40) if kind is None else messages.amount(kind, value)


def sentence(one: Anomaly) -> str:
    """What it said of itself when it opened, or when it grew worse."""
    return sanitise_name(one.sentence or f"{one.kind} {one.subject}")


def shorter(one: Anomaly) -> Iterator[str]:
    """The sentence, then the same with less and less of what can be missed: what else is known, for how long."""
    said = sentence(one)
    yield said
    subject = sanitise_name(one.subject)
    begins = said.find(subject) + len(subject) if subject in said else 0
    for end in ("; ", ", over ", ", under "):
        at = said.find(end, begins)
        if at > 0:
            said = said[:at]
            yield said


def moved(one: Anomaly, values: Mapping[str, float] | None) -> str:
    """`now 94 %`, where the sentence says another value; empty where it holds or nobody knows. `values`: the newest
    of `samples.series`; None: nobody looks."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    kind = KINDS.get(one.kind)
    known = one.state.is_open and one.unknown_since is None
    if values is None or not known or kind is None or "{value}" not in kind.says:
        return ""
    value = values.get(_OF_THE_SAMPLE.get(one.kind, "").format(one.subject), one.value)
    level = one.threshold
    if one.sentence.startswith(messages.state_of(kind, one.subject, value, unlike=level)):
        return ""
    return f"now {messages.amount(kind, value, unlike=level)}"
