"""Drives that fail or wear out, as smartctl says; asked once an hour, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from opsconsole.clock import Clock
from opsconsole.monitoring.detection.asking import Asked, Start, in_thread
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.safety.sanitise import sanitise_name

if TYPE_CHECKING:
    from opsconsole.monitoring.sampling.smart_document import DriveHealth

Reading = Callable[[Sequence["DriveHealth"]], Sequence["DriveHealth"]]
"""The health now, given the last reading."""

KIND = "disk_health"
EVERY_S = 3600.0
FAILING = 100.0
"""The value of a failing drive; a worn one's is the number of its signs."""
_NAME = 64
_WHY = 300


class SmartSource:
    """`disk_health`: 0 healthy, from 1 on worn (medium), 100 failing (critical). A drive that is asleep, cannot be read
    or has no SMART has no value: that is neither good nor bad.
    """

    def __init__(
        self, clock: Clock, *, read: Reading | None = None, every_s: float = EVERY_S, start: Start = in_thread
    ) -> None:
        self._read = read
        self._previous: Sequence[DriveHealth] = ()
        self._asked = Asked(self._ask, clock, every_s=every_s, stale_s=3 * every_s, name="smartctl", start=start)

    def observe(self, look: Look) -> Iterator[Observation]:
        for drive in self._asked.answer() or ():
            subject = sanitise_name(drive.device.removeprefix("/dev/"), limit=_NAME)
            value = _value(drive)
            why = sanitise_name(drive.why, limit=_WHY)
            details = {"state": drive.state, "why": why, "figures": dict(drive.figures)} if value else None
            yield Observation(KIND, subject, value, details, words=why, aliases=(drive.device,))

    def _ask(self) -> Sequence[DriveHealth]:
        if self._read is None:
            from opsconsole.monitoring.sampling import smart

            self._read = smart.read
        found = self._read(self._previous)
        # Figures of a drive that sleeps now are still the last ones known.
        kept = {drive.device: drive for drive in self._previous}
        self._previous = [drive if drive.figures else kept.get(drive.device, drive) for drive in found]
        return found


def _value(drive: DriveHealth) -> float | None:
    if drive.state == "failing":
        return FAILING
    if drive.state == "worn":
        return float(min(1 + drive.why.count("; "), FAILING - 1))
    return 0.0 if drive.state == "ok" else None
