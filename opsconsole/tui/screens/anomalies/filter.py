"""The filter language of the episodes: words of what they say, and `key=value` for everything else.

disk kind=disk_full severity>=high state=open subject=/var
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.errors import SpecError
from opsconsole.tui.episodes import kind_words

OPEN_STATES = frozenset(state for state in AnomalyState if state.is_open)
_TERM = re.compile(r"(\w+)(>=|<=|=|:|>|<)(.*)\Z")
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq, ":": operator.eq,
}  # fmt: skip
_STATES = {
    "open": OPEN_STATES,
    "flapping": frozenset({AnomalyState.FLAPPING}),
    "closed": frozenset({AnomalyState.CLOSED}),
    "over": frozenset({AnomalyState.CLOSED}),
}
PLACEHOLDER = "words, kind=cpu_high, severity>=high, state=open, subject=/var"


class EpisodeFilterError(ValueError):
    """Raised when a filter cannot be understood; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class EpisodeFilter:
    """What the mode shows. Empty fields let everything through; words must all be in what an episode says."""

    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Any of these; the beginning of a kind is enough."""
    subjects: tuple[str, ...] = ()
    severities: frozenset[Severity] = frozenset(Severity)
    states: frozenset[AnomalyState] = frozenset()

    def __bool__(self) -> bool:
        return self != EVERYTHING

    def kind_matches(self, kind: str) -> bool:
        return not self.kinds or kind.casefold().startswith(self.kinds)

    def matches(self, one: Anomaly) -> bool:
        """Whether the episode is shown."""
        if one.severity not in self.severities or (self.states and one.state not in self.states):
            return False
        if not self.kind_matches(one.kind):
            return False
        subject = one.subject.casefold()
        if not all(word in subject for word in self.subjects):
            return False
        said = f"{one.kind} {kind_words(one.kind).casefold()} {subject} {one.message.casefold()} #{one.id}"
        return all(word in said for word in self.words)


EVERYTHING = EpisodeFilter()


def parse(line: str) -> EpisodeFilter:
    """The filter that `line` says. Raises EpisodeFilterError."""
    words: list[str] = []
    kinds: list[str] = []
    subjects: list[str] = []
    severities = frozenset(Severity)
    states: frozenset[AnomalyState] = frozenset()
    for word in line.casefold().split():
        term = _TERM.match(word)
        if term is None:
            words.append(word)
            continue
        key, sign, value = term.groups()
        if not value:
            continue  # it is being typed
        if key in ("severity", "sev"):
            severities &= _severities(sign, value)
        elif sign not in ("=", ":"):
            raise EpisodeFilterError(f"{key} is not compared: {key}={value}")
        elif key == "kind":
            kinds += value.split(",")
        elif key == "subject":
            subjects.append(value)
        elif key == "state":
            states |= _states(value)
        else:
            raise EpisodeFilterError(f"{key} is not one of kind severity state subject")
    return EpisodeFilter(tuple(words), tuple(filter(None, kinds)), tuple(subjects), severities, states)


def _severities(sign: str, value: str) -> frozenset[Severity]:
    found: set[Severity] = set()
    for name in filter(None, value.split(",")):
        try:
            level = Severity.parse(name)
        except SpecError:
            named = [one for one in Severity if one.word.startswith(name)]
            if len(named) != 1:
                raise EpisodeFilterError(
                    f"no such severity: {name} (one of {', '.join(one.word for one in Severity)})"
                ) from None
            level = named[0]
        found |= {one for one in Severity if _COMPARED[sign](one, level)}
    return frozenset(found)


def _states(value: str) -> frozenset[AnomalyState]:
    found: frozenset[AnomalyState] = frozenset()
    for name in filter(None, value.split(",")):
        named = [states for word, states in _STATES.items() if word.startswith(name)]
        if not named:
            raise EpisodeFilterError(f"no such state: {name} (one of {', '.join(_STATES)})")
        found = found.union(*named)
    return found
