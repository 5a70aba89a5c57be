"""The filter language of the history: that of the tasks, and what only a record can answer.

kernel panic state:failed exit:3 policy:elevated by:deploy #17     as in the tasks; bare words are looked for in the
                                                                   script, the name and the end of the output
name:backup*  host:db-07  door:tui  since:24h  until:2h            ended in that time
since:today  since:yesterday  until:yesterday                      from the day's beginning, to its end
longer:10s  shorter:1m  pinned  label:team=db                      `=` does as well as `:`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from opsconsole.models import ENDED, ExecutionPolicy, Status
from opsconsole.storage.history import Filter
from opsconsole.tui.filters import FilterError, suggestion
from opsconsole.tui.filters import parse as parse_of_tasks

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DAYS = {"today": 0, "yesterday": 1}
_KEYS = "state: exit: policy: by: host: name: door: since: until: longer: shorter: pinned label:"


@dataclass(frozen=True, slots=True)
class Query:
    """`words` are those of the full text, to be shown where they stand."""

    filter: Filter
    words: tuple[str, ...] = ()
    text: str = ""


def parse(line: str, now_us: int) -> Query:
    """What `line` asks for; what has ended, unless it says otherwise. Raises FilterError."""
    shown, shared = Filter(), list[str]()
    for word in line.split():
        key, value = _split(word)
        if key in _OWN:
            if value:
                shown = _OWN[key](shown, value, now_us)
        elif word.casefold() in ("pinned", "unpinned"):
            shown = replace(shown, pinned=word.casefold() == "pinned")
        else:
            shared.append(f"{key}:{value}" if key else word)
    return _with_shared(shown, " ".join(shared), line)


def try_instead(query: Query) -> str:
    """What to try where nothing passed; empty: nothing comes to mind."""
    if said := suggestion(query.text, more="" if "since:" in query.text else " since:24h"):
        return said
    if query.filter.ended_since_us is not None:
        return "try a longer time: since:7d, since:30d"
    return "try state:failed since:24h, or name:…*" if query.words else ""


def _split(word: str) -> tuple[str, str]:
    """Key and value, parted by the first `:` or `=`; no key: a bare word."""
    places = [at for sign in ":=" if (at := word.find(sign)) > 0]
    if not places or word.startswith("#"):
        return "", word
    return word[: min(places)].casefold(), word[min(places) + 1 :]


def _with_shared(shown: Filter, line: str, whole: str) -> Query:
    try:
        asked = parse_of_tasks(line)
    except FilterError as error:
        begin, unknown, _ = str(error).partition(" is not one of")
        raise FilterError(f"{begin} is not one of {_KEYS}" if unknown else str(error)) from None
    policies = frozenset(policy.value for policy in ExecutionPolicy if policy.value.startswith(asked.policy))
    if asked.policy and not policies:
        raise FilterError(f"no such policy: {asked.policy}")
    words = (*asked.words, *asked.text)
    spoken = frozenset[Status]().union(*(statuses for _, statuses in asked.either))
    shown = replace(
        shown, statuses=asked.statuses or ENDED | spoken, exit_code=asked.exit_code, task_id=asked.task_id,
        policies=policies if asked.policy else frozenset(), actor_part=asked.actor or None,
        text=" ".join(words) or None, text_or_status=asked.either,
    )  # fmt: skip
    return Query(shown, (*words, *(word for word, _ in asked.either)), whole.strip())


def _seconds(value: str, key: str) -> float:
    folded = value.casefold()
    unit = _UNITS.get(folded[-1:])
    try:
        seconds = float(folded[:-1]) * unit if unit else float(folded)
    except ValueError:
        days = ", today, yesterday" if key in ("since", "until") else ""
        raise FilterError(f"{key}: takes a time such as 10s, 5m, 24h, 7d{days}") from None
    if not 0 <= seconds < 1e10:
        raise FilterError(f"{key}: takes a time such as 10s, 5m, 24h, 7d")
    return seconds


def _ago(value: str, key: str, now_us: int) -> int:
    if (back := _DAYS.get(value.casefold())) is not None:
        day = datetime.fromtimestamp(now_us / 1e6).date() - timedelta(days=back - (key == "until"))
        return int(datetime(day.year, day.month, day.day).timestamp() * 1_000_000)  # the operator's own midnight
    return now_us - int(_seconds(value, key) * 1_000_000)


def _label(shown: Filter, value: str, now_us: int) -> Filter:
    key, sign, wanted = value.partition("=")
    return replace(shown, label=(key, wanted if sign else None))


_OWN: dict[str, Callable[[Filter, str, int], Filter]] = {
    "name": lambda shown, value, _: replace(shown, name=value),
    "host": lambda shown, value, _: replace(shown, host_part=value),
    "door": lambda shown, value, _: replace(shown, door=value.casefold()),
    "since": lambda shown, value, now: replace(shown, ended_since_us=_ago(value, "since", now)),
    "until": lambda shown, value, now: replace(shown, ended_until_us=_ago(value, "until", now)),
    "longer": lambda shown, value, _: replace(shown, longer_s=_seconds(value, "longer")),
    "shorter": lambda shown, value, _: replace(shown, shorter_s=_seconds(value, "shorter")),
    "label": _label,
    "pinned": lambda shown, value, _: replace(shown, pinned=value.casefold() not in ("no", "false", "0")),
}
