"""The filter language of the task list: words of the name, and `key:value` for everything else.

backup state:failed policy:elevated exit:3 by:deploy #17
text:WORD looks into the script and into what was printed, as `history --text` does
`=` does as well as `:`
state: takes a status, its beginning, several with commas, or one of open, active, ended, bad
failed, here as in every count of the console, is also what timed out and what was abandoned
a bare word that is a status (`failed`, `running`, `timeout`) finds that as well as names with the word
"""

from __future__ import annotations

from difflib import get_close_matches

from opsconsole.models import ENDED, OPEN, Status, Task
from opsconsole.values import dataclass

FAILED = frozenset({Status.FAILED, Status.TIMED_OUT, Status.ABANDONED})
"""What every count of failures counts, and what `state:failed` finds."""
BAD = FAILED | {Status.REFUSED}
_MOST = 2**63 - 1
"""What the database can hold, and be asked for."""
_GROUPS = {
    "failed": FAILED,
    "open": OPEN,
    "active": frozenset(status for status in Status if status.is_active),
    "ended": ENDED,
    "bad": BAD,
}


_SPOKEN = {
    **{status.value: frozenset({status}) for status in Status},
    "failed": FAILED,
    "timeout": frozenset({Status.TIMED_OUT}), "timed-out": frozenset({Status.TIMED_OUT}),
    "canceled": frozenset({Status.CANCELLED}), "succeeded": frozenset({Status.COMPLETED}),
}  # fmt: skip
"""What somebody types for a status without `state:`."""
_NAMED = {**_SPOKEN, **_GROUPS, "ok": frozenset({Status.COMPLETED})}
Either = tuple[str, frozenset[Status]]
"""A word that is also a status: one of the two is enough."""


class FilterError(ValueError):
    """Raised when a filter cannot be understood; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What the list shows. Empty fields let everything through; words must all be in the name; `#17` is an id."""

    words: tuple[str, ...] = ()
    either: tuple[Either, ...] = ()
    statuses: frozenset[Status] = frozenset()
    policy: str = ""
    actor: str = ""
    exit_code: int | None = None
    task_id: int | None = None
    text: tuple[str, ...] = ()
    """Words that only the record can look for."""

    def __bool__(self) -> bool:
        return self != EVERYTHING

    def matches(self, task: Task) -> bool:
        """Whether the task is shown."""
        name = task.name.casefold()
        return (
            (not self.statuses or task.status in self.statuses)
            and task.policy.value.startswith(self.policy)
            and self.actor in task.actor.casefold()
            and (self.exit_code is None or task.exit_code == self.exit_code)
            and all(word in name for word in self.words)
            and all(word in name or task.status in statuses for word, statuses in self.either)
            and self.task_id in (None, task.id)
        )


EVERYTHING = TaskFilter()


def parse(line: str) -> TaskFilter:
    """The filter that `line` says. Raises FilterError."""
    words: list[str] = []
    either: tuple[Either, ...] = ()
    statuses: frozenset[Status] = frozenset()
    policy = actor = ""
    text: tuple[str, ...] = ()
    exit_code: int | None = None
    task_id: int | None = None
    for word in line.casefold().split():
        key, colon, value = parted(word)
        if word.startswith("#"):
            task_id = _number(word[1:], "#")
        elif not colon and word in _SPOKEN:
            either += ((word, _SPOKEN[word]),)
        elif not colon:
            words.append(word)
        elif key in ("state", "status", "s"):
            statuses |= _statuses(value)
        elif key == "policy":
            policy = value
        elif key in ("by", "actor", "user"):
            actor = value
        elif key in ("text", "grep"):
            text += (value,) if value else ()
        elif key == "exit":
            exit_code = _number(value, "exit:")
        else:
            raise FilterError(f"{key}{colon} is not one of state: policy: exit: by: text:")
    return TaskFilter(tuple(words), either, statuses, policy, actor, exit_code, task_id, text)


def parted(word: str) -> tuple[str, str, str]:
    """Key, sign and value, by the first `:` or `=`; no sign: a bare word."""
    places = [at for sign in ":=" if (at := word.find(sign)) > 0]
    at = min(places, default=len(word))
    return word[:at], word[at : at + 1], word[at + 1 :]


def _statuses(value: str) -> frozenset[Status]:
    found: set[Status] = set()
    for part in filter(None, value.split(",")):
        named = set(_NAMED.get(part) or _beginning_with(part.replace("-", "_")))
        if not named:
            raise FilterError(f"no such state: {part}")
        found |= named
    return frozenset(found)


def _beginning_with(part: str) -> set[Status]:
    found = {status for status in Status if status.value.startswith(part)}
    return found | FAILED if Status.FAILED in found else found


def suggestion(line: str, *, more: str = "") -> str:
    """What to try where nothing passed the filter; empty: nothing comes to mind. `more` goes with a status."""
    for word in line.casefold().split():
        key, colon, value = parted(word)
        if colon and key not in ("state", "status", "s"):
            continue
        spoken = next(iter(get_close_matches(value if colon else word, _NAMED if colon else _SPOKEN, 1, 0.75)), "")
        if spoken and (not colon or value != spoken):
            return f"try state:{spoken}{more}"
    return ""


def _number(value: str, key: str) -> int | None:
    if not value:
        return None
    try:
        number = int(value)
    except ValueError:
        raise FilterError(f"{key} takes a number") from None
    if abs(number) > _MOST:
        raise FilterError(f"{key} takes no number as large as that")
    return number
