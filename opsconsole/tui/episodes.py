"""How an episode is put wherever the console shows one: its amounts, and where it stands now. Pure and harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.cells import cell_len

from opsconsole.anomalies import Anomaly
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.widgets.cells import fit, fit_path
from opsconsole.wording import quantity, short_quantity

_OF_THE_SAMPLE = {"cpu_high": "cpu", "memory_high": "memory", "disk_full": "disk:{}", "inode_full": "inodes:{}"}
"""Kinds whose value is a series as it is: what a graph beside them says is newer than the record of the episode."""
_LEAST_SAID = 8
_SUBJECT, _LEAST_SUBJECT = 120, 4


def amount(one: Anomaly, value: float | None, *, narrow: bool = False) -> str:
    """The value with its unit, as the kind puts it; `narrow`: as columns have it."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    if value is None:
        return ""
    kind = KINDS.get(one.kind)
    if narrow:
        return short_quantity(value, one.unit if kind is None else kind.unit)
    return sanitise_name(quantity(value, one.unit), limit=40) if kind is None else messages.amount(kind, value)


def kind_words(kind: str) -> str:
    """What is wrong, in few words for where the subject stands beside it; of a kind that nobody knows its name."""
    from opsconsole.monitoring.detection.kinds import SHORT

    return SHORT.get(kind) or sanitise_name(kind, limit=60)


def subject_name(one: Anomaly) -> str:
    """Harmless; of an endless one the end, where a path and a process are told from others."""
    return sanitise_name(one.subject[-_SUBJECT:], limit=_SUBJECT)


def what(subject: str, words: str, width: int) -> str:
    """Whose it is, then what is wrong: the subject gives way, and its end, which tells it from others, stays."""
    room = width - cell_len(words) - 1
    return f"{fit_path(subject, room)} {words}" if subject and room >= _LEAST_SUBJECT else words


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


def value_now(one: Anomaly, values: Mapping[str, float] | None) -> float | None:
    """`values`: the newest of `samples.series`; None: nobody looks, and what was seen last is not how it is now."""
    if values is None or not one.state.is_open or one.unknown_since is not None:
        return None
    return values.get(_OF_THE_SAMPLE.get(one.kind, "").format(one.subject), one.value)


def moved(one: Anomaly, values: Mapping[str, float] | None) -> str:
    """`now 94 %`, where the sentence says another value; empty where it holds or nobody knows."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    kind, value = KINDS.get(one.kind), value_now(one, values)
    if value is None or kind is None or "{value}" not in kind.says:
        return ""
    level = one.threshold
    if one.sentence.startswith(messages.state_of(kind, one.subject, value, unlike=level)):
        return ""
    return f"now {messages.amount(kind, value, unlike=level)}"


def with_now(one: Anomaly, values: Mapping[str, float] | None, room: int | None = None) -> tuple[str, str]:
    """Its sentence, and ` · now 94 %` where that is so: as much of the sentence as leaves `room` for it, or only how it
    is now.
    """
    if not (now_is := moved(one, values)):
        return sentence(one), ""
    more = f" · {now_is}"
    if room is None:
        return sentence(one), more
    texts = list(shorter(one))
    text = next((text for text in texts if cell_len(text) + len(more) <= room), texts[-1])
    if cell_len(text) + len(more) > room >= cell_len(alone := stands(one, values)):
        return alone, ""
    if cell_len(text) > (left := room - len(more)) >= _LEAST_SAID:
        text = fit(text, left)
    return text, more


def stands(one: Anomaly, values: Mapping[str, float] | None) -> str:
    """`memory at 94 %`: how it is now, in no more words than that takes; where nobody knows, how it was."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    kind, value = KINDS.get(one.kind), value_now(one, values)
    if kind is None or value is None:
        return list(shorter(one))[-1]
    return messages.state_of(kind, one.subject, value, unlike=one.threshold)
