"""How an episode is put wherever the console shows one: its amounts, and where it stands now. Pure and harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.cells import cell_len

from opsconsole.anomalies import Anomaly
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.widgets.cells import fit, fit_path, squeezed
from opsconsole.wording import quantity, short_quantity

_OF_THE_SAMPLE = {"cpu_high": "cpu", "memory_high": "memory", "disk_full": "disk:{}", "inode_full": "inodes:{}"}
"""Kinds whose value is a series as it is: what a graph beside them says is newer than the record of the episode."""
_LEAST_SAID = 8
ALL, FAILS = "all scripts", "fails"
"""The one subject that is many, and what is said of it."""
_SUBJECT, _LEAST_SUBJECT, _LEAST_NAMED = 120, 4, 12


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


def gets_of(one: Anomaly) -> str:
    """Of a process that wants more of the CPU than it gets, what it gets; empty: it is not held back."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    kind = KINDS.get(one.kind)
    gets = None if kind is None else messages.gets_of(kind, one.value, one.details)
    return "" if gets is None else f"{gets:.0f} %"


def kind_words(kind: str) -> str:
    """What is wrong, in few words for where the subject stands beside it; of a kind that nobody knows its name."""
    from opsconsole.monitoring.detection.kinds import SHORT

    return SHORT.get(kind) or sanitise_name(kind, limit=60)


def subject_name(one: Anomaly) -> str:
    """Harmless; of an endless one the end, where a path and a process are told from others."""
    return sanitise_name(one.subject[-_SUBJECT:], limit=_SUBJECT)


def named(one: Anomaly) -> str:
    """The subject as a sentence about it has it; empty: none has."""
    from opsconsole.monitoring.detection import messages

    return messages.subject(one.subject) if one.subject else ""


def what(subject: str, words: str, width: int) -> str:
    """Whose it is, then what is wrong: the subject gives way, and its end, which tells it from others, stays."""
    room = width - cell_len(words) - 1
    if subject == ALL and words == FAILS:
        words = "fail"
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
    if one.sentence.startswith(messages.state_of(kind, one.subject, value, unlike=level, details=one.details)):
        return ""
    return messages.now_is(kind, value, unlike=level, details=one.details)


def with_now(
    one: Anomaly, values: Mapping[str, float] | None, room: int | None = None, *, whole_name: bool = False
) -> tuple[str, str]:
    """Its sentence, and ` · now 94 %` where that is so: as much of the sentence as leaves `room` for it, or only how it
    is now. A long path in it gives way first, so that what is wrong is said, unless its `whole_name` is wanted.
    """
    now_is = moved(one, values)
    more = f" · {now_is}" if now_is else ""
    if room is None:
        return sentence(one), more
    name = "" if whole_name else named(one)
    if not more and not name:
        return sentence(one), ""
    left = room - len(more)
    texts = [squeezed(text, name, left, _LEAST_NAMED) for text in shorter(one)]
    text = next((text for text in texts if cell_len(text) <= left), texts[-1])
    if not more:
        return squeezed(text, fit_path(name, _LEAST_NAMED), left, _LEAST_SUBJECT), ""
    if cell_len(text) > left and cell_len(alone := squeezed(stands(one, values), name, room)) <= room:
        return alone, ""
    if cell_len(text) > left >= _LEAST_SAID:
        text = fit(text, left)
    return text, more


def stands(one: Anomaly, values: Mapping[str, float] | None) -> str:
    """`memory at 94 %`: how it is now, in no more words than that takes; where nobody knows, how it was."""
    from opsconsole.monitoring.detection import messages
    from opsconsole.monitoring.detection.kinds import KINDS

    kind, value = KINDS.get(one.kind), value_now(one, values)
    if kind is None or value is None:
        return list(shorter(one))[-1]
    return messages.state_of(kind, one.subject, value, unlike=one.threshold, details=one.details)
