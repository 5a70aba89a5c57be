"""What is waited for most, and the one sentence that says so."""

from __future__ import annotations

from collections.abc import Mapping

from opsconsole.monitoring.analysis.model import RESOURCES, TITLES, Bottleneck, Reading, State, clean
from opsconsole.monitoring.analysis.use import NOBODY, WAITS, steal_score
from opsconsole.wording import long_duration

_LITTLE = 20.0
"""Score below which the bottleneck is one only for want of a larger."""
_WAITED = {
    "cpu.some": "tasks waited for a core {:.0f} % of {}",
    "cpu limit": "a CPU limit held tasks back {:.0f} % of {}",
    "memory.full": "all tasks waited for memory {:.0f} % of {}",
    "memory.some": "some tasks waited for memory {:.0f} % of {}",
    "io.full": "all tasks waited for a drive {:.0f} % of {}",
    "io.some": "some tasks waited for a drive {:.0f} % of {}",
    "iowait": "iowait was {:.0f} % in {}",
    "steal": "it took {:.0f} % of the CPU in {}",
}
_ESTIMATED = {
    "run queue": "the run queue is longer than there are cores",
    "swap rate": "pages are swapped in and out",
    "blocked tasks": "tasks are blocked on a drive that is always busy",
}


def bottleneck(readings: Mapping[str, Reading], values: Mapping[str, float], over: str) -> Bottleneck | None:
    """The most waited for, if anything is waited for; `over` names the time: "the last 15 min"."""
    steal = steal_score(values)
    candidates = [
        (reading.score, name, reading)
        for name in ("memory", "io", "cpu")
        if (reading := readings[name]).score >= WAITS[name]
    ]
    if steal >= WAITS["steal"]:
        candidates.append((steal, "steal", Reading(waiting=steal, basis="steal", score=steal)))
    if not candidates:
        return None
    score, name, reading = max(candidates, key=lambda each: each[0])
    return Bottleneck(name, reading.waiting, reading.basis, score, _why(name, reading, over))


def _why(name: str, reading: Reading, over: str) -> str:
    words = _WAITED.get(reading.basis)
    if words is not None and reading.waiting is not None:
        said = [words.format(reading.waiting, over)]
    else:
        said = [_ESTIMATED.get(reading.basis, f"tasks wait for it in {over}")]
    if name == "io" and reading.subject and reading.utilisation is not None:
        said.append(f"{clean(reading.subject)} {reading.utilisation:.0f} % busy")
    elif name in ("cpu", "memory") and reading.utilisation is not None:
        said.append(f"{reading.utilisation:.0f} % used")
    return "; ".join([*said, *reading.saturation])


def sentence(
    now: Mapping[str, Reading] | None,
    current: Bottleneck | None,
    past: Bottleneck | None,
    minutes: float,
) -> str:
    """The verdict. `now` is None where nobody looked just now: then it is of the span."""
    span = span_of(minutes)
    if now is None:
        if past is None:
            return f"Nothing was waited for over {span}; how it is now is not known"
        return f"{_headline(past)}, over {span}: {past.why}; how it is now is not known"
    serious = _serious(now)
    also = f"; and {'; '.join(serious)}" if serious else ""
    if current is not None:
        if past is not None and past.resource == current.resource and past.waiting is not None:
            just = f" ({current.waiting:.0f} % now)" if current.waiting is not None else ""
            if just and current.basis != past.basis:
                just = f" (now {current.basis} {current.waiting:.0f} %)"
            first = past.why.partition("; ")[0]
            rest = current.why.partition("; ")[2]  # of now, as all that stands beneath the verdict
            return f"{_headline(past)}: {first}{just}{'; ' if rest else ''}{rest}{also}"
        return f"{_headline(current)}: {current.why}{also}"
    if past is not None:
        title = TITLES[past.resource]
        return f"Nothing is waited for just now; over {span} {_lower(title)} was the bottleneck: {past.why}{also}"
    if serious:
        return f"{_upper('; '.join(serious))}; nothing is waited for"
    return _quiet(now)


def _headline(found: Bottleneck) -> str:
    if found.score < _LITTLE:
        return f"{TITLES[found.resource]} is what is waited for most, though little"
    return f"{TITLES[found.resource]} is the bottleneck"


def _serious(now: Mapping[str, Reading]) -> list[str]:
    """What fails, or is about to, besides waiting."""
    said: list[str] = []
    for name in RESOURCES:
        reading = now[name]
        if name == "processes" and reading.state in (State.SATURATED, State.FAILING):
            said += reading.saturation
        elif reading.state is State.FAILING:
            said += reading.errors
        elif reading.state is State.SATURATED and name in ("disk", "network"):
            said += reading.saturation
        elif reading.state is State.SATURATED and name == "memory" and reading.score < WAITS["memory"]:
            said.append(f"memory is {reading.utilisation or 0:.0f} % used")
    return said


def _quiet(now: Mapping[str, Reading]) -> str:
    busy = [name for name in RESOURCES if now[name].state is State.BUSY]
    if busy:
        return f"{_upper(', '.join(_busy(name, now[name]) for name in busy))}: busy, but {_nobody(now)}"
    known = [name for name in ("cpu", "memory") if now[name].utilisation is not None]
    if not known:
        return "Nothing can be said: there is too little data"
    used = ", ".join(f"{_lower(TITLES[name])} {now[name].utilisation:.0f} % used" for name in known)
    return f"Nothing is short: {used}, and {_nobody(now)}"


def _busy(name: str, reading: Reading) -> str:
    if name in ("disk", "processes") and (reading.saturation or reading.errors):
        return ", ".join((*reading.saturation, *reading.errors))
    subject = clean(reading.subject) if reading.subject else _lower(TITLES[name])
    return f"{subject} {reading.utilisation or 0:.0f} %"


def _nobody(now: Mapping[str, Reading]) -> str:
    """What is known of nobody waiting, no more."""
    waits = [now[name] for name in ("cpu", "memory", "io")]
    known = [each for each in waits if each.waiting is not None]
    if len(known) < len(waits):
        estimated = any(each.basis for each in waits)
        return "nothing seems to be waited for" if estimated else "whether anybody waits is not known"
    most = max(known, key=_most_of)
    said = f"({most.basis} {most.waiting:.0f} %)"
    return f"nobody waits {said}" if _most_of(most) < NOBODY else f"there is little waiting {said}"


def _most_of(reading: Reading) -> float:
    return max(reading.waiting or 0.0, reading.score)


def span_of(minutes: float) -> str:
    """ "the last 15 min", as part of a sentence."""
    return f"the last {long_duration(60 * minutes)}"


_OWN_WORDS = ("no", "almost", "the", "memory", "inodes")


def _upper(words: str) -> str:
    """A capital at the beginning, but of a name of the host."""
    return words[:1].upper() + words[1:] if words.partition(" ")[0] in _OWN_WORDS else words


def _lower(title: str) -> str:
    return title if title[:2].isupper() or title.startswith("I/") else title[:1].lower() + title[1:]
