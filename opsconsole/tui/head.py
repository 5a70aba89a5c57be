"""What the first line of every screen says: where one is, what is wrong, what runs, what time it is."""

from __future__ import annotations

import time
from collections.abc import Mapping

from opsconsole.models import Status
from opsconsole.safety.policy import ORDER, ceiling
from opsconsole.settings import Settings
from opsconsole.tui.facts import summary_counts
from opsconsole.tui.widgets.cells import Cell
from opsconsole.values import dataclass

_STARTING = Cell("starting …", "muted")
LOOKING = Cell("looking …", "muted")
"""The monitor runs, and has seen nothing yet."""


@dataclass(frozen=True, slots=True)
class Head:
    """All texts are harmless. `alarm`: the worst that is open; `state`: a quiet word where nothing is."""

    host: str
    user: str
    ceiling: str | None = None
    """The widest policy that this operator may ask for here, as far as is known; empty: nothing runs."""
    marks: tuple[str, ...] = ()
    """What is special about this console: READ-ONLY, DEMO."""
    alarm: Cell | None = None
    whose: str = ""
    """What in the alarm can give way without anybody missing what is wrong: a path, the name of a script."""
    state: Cell = _STARTING
    load: float | None = None
    """Of the last minute."""
    cores: int = 1
    running: int = 0
    queued: int = 0
    waiting: int = 0
    """For a time, another task or somebody: it has not its turn in the queue yet."""
    failed: int = 0
    """In the last 24 hours."""
    counted: bool = False
    now_us: int = 0

    def with_counts(self, counts: Mapping[Status, int]) -> dict[str, int | bool]:
        """The fields that say how many tasks there are."""
        running, _, failed = summary_counts(counts)
        queued, waiting = counts.get(Status.QUEUED, 0), counts.get(Status.WAITING, 0)
        return {"running": running, "queued": queued, "waiting": waiting, "failed": failed, "counted": True}

    @property
    def clock(self) -> str:
        """Local time of day."""
        return time.strftime("%H:%M:%S", time.localtime(self.now_us / 1e6)) if self.now_us else ""


def ceiling_of(settings: Settings, user: str) -> str:
    """The widest policy this user may ask for at this door; empty: none."""
    door = settings.doors.of("tui")
    allowed = [policy.value for policy in ORDER if ceiling(policy, "tui", user, door) is None]
    return allowed[-1] if allowed else ""


def ceiling_known(ceiling: str, becomes_root: bool | None) -> str | None:
    """What can be said of it; nothing, where it hangs on an answer that nobody has asked for (`becomes_root` None)."""
    if becomes_root is None and ceiling == "elevated":
        return None
    return ceiling if becomes_root is not False else without_root(ceiling)


def without_root(ceiling: str | None) -> str | None:
    """The ceiling where nobody can become root."""
    return "standard" if ceiling == "elevated" else ceiling
