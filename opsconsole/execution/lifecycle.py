"""The statuses and every transition between them, as one table; a property test holds the SQL of `storage.tasks` to it.

An execution is born PREPARING and uses the same table without QUEUED and WAITING (a launch that never took its claim
is deleted, and its task goes back to QUEUED).
"""

from __future__ import annotations

from opsconsole.models import ENDED, Status

_S = Status
_RESULTS = frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.TIMED_OUT, _S.ABANDONED})

BORN = frozenset({_S.QUEUED, _S.WAITING, _S.REFUSED, _S.FAILED})
"""How a task comes in: FAILED is one whose interpreter is missing."""

TRANSITIONS: dict[Status, frozenset[Status]] = {
    # claimed; held; cancelled
    _S.QUEUED: frozenset({_S.PREPARING, _S.WAITING, _S.CANCELLED}),
    # released, due, or what it waits for succeeded; cancelled, or what it waits for did not succeed
    _S.WAITING: frozenset({_S.QUEUED, _S.CANCELLED}),
    # spawned; never claimed; not allowed or not possible to launch; it ended before anybody looked, for a retry perhaps
    _S.PREPARING: frozenset({_S.RUNNING, _S.QUEUED, _S.WAITING, _S.REFUSED}) | _RESULTS,
    _S.RUNNING: frozenset({_S.PAUSED, _S.WAITING}) | _RESULTS,
    _S.PAUSED: frozenset({_S.RUNNING, _S.WAITING}) | _RESULTS,
    **{ended: frozenset() for ended in ENDED},
}
