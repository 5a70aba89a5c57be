"""The statuses and every transition between them, as one table.

An execution is born PREPARING and uses the same table without QUEUED and WAITING (a launch that never took its claim
is deleted, and its task goes back to QUEUED).
"""

from __future__ import annotations

from opsconsole.errors import IllegalTransition
from opsconsole.models import ENDED, Status

_S = Status
_RESULTS = frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.TIMED_OUT, _S.ABANDONED})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    # a slot is free; held or made to wait; cancelled; the verdict changed before the claim
    _S.QUEUED: frozenset({_S.PREPARING, _S.WAITING, _S.CANCELLED, _S.REFUSED, _S.FAILED, _S.ABANDONED}),
    # released, due, or what it waits for succeeded; cancelled, or what it waits for did not succeed
    _S.WAITING: frozenset({_S.QUEUED, _S.CANCELLED, _S.ABANDONED}),
    # spawned; never claimed; a retry is due later; it ended before anybody looked
    _S.PREPARING: frozenset({_S.RUNNING, _S.PAUSED, _S.QUEUED, _S.WAITING, _S.REFUSED}) | _RESULTS,
    _S.RUNNING: frozenset({_S.PAUSED, _S.WAITING}) | _RESULTS,
    _S.PAUSED: frozenset({_S.RUNNING, _S.WAITING}) | _RESULTS,
    **{ended: frozenset() for ended in ENDED},
}


def sources(target: Status) -> frozenset[Status]:
    """The statuses from which `target` can be reached in one step."""
    return frozenset(status for status, targets in TRANSITIONS.items() if target in targets)


def check(current: Status, target: Status) -> None:
    """Raises IllegalTransition."""
    if target not in TRANSITIONS[current]:
        raise IllegalTransition(f"a task that is {current} cannot become {target}")
