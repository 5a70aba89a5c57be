"""A station without a monitor: the same reads and commands as `opsconsole.monitoring.station.Station`, in memory."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

from opsconsole.anomalies import Anomaly, AnomalyState, Change, Severity, Transition
from opsconsole.errors import OpsError
from opsconsole.events import AnomalyEvent, Event, EventBus, SampleTaken
from opsconsole.monitoring.analysis import Analysis, Health, analyze, health
from opsconsole.monitoring.monitor import MonitorStatus
from opsconsole.samples import Cpu, Memory, ProcessSample, Sample, Swap
from opsconsole.storage.metrics import Point

if TYPE_CHECKING:
    from opsconsole.storage.anomalies import AnomalyCounts, AnomalyFilter

SECOND = 1_000_000
GB = 1_000_000_000


def sample(time_us: int, **fields: Any) -> Sample:
    """A look at a host where little happens."""
    blank: dict[str, Any] = {
        "monotonic_s": time_us / 1e6, "interval_s": 1.0, "cpu": Cpu(percent=7.0, cores=4.0), "load": (0.31, 0.2, 0.1),
        "memory": Memory(40.0, 16 * GB, 6_400_000_000, 9_600_000_000), "swap": Swap(0.0, 0, 0),
    }  # fmt: skip
    return Sample(time_us=time_us, **{**blank, **fields})


def process(pid: int, name: str, **fields: Any) -> ProcessSample:
    blank: dict[str, Any] = {
        "ppid": 1, "start_time": 1.0, "state": "S", "uid": 0, "user": "root", "cpu_percent": 0.0,
        "rss_bytes": 4_000_000,
    }  # fmt: skip
    return ProcessSample(pid=pid, name=name, **{**blank, **fields})


class FakeStation:
    """`state` is what `status` says: running, elsewhere, off or stopped. `calls` has every command; `refusal` is raised
    by the next call of any kind that can raise."""

    def __init__(self, bus: EventBus, now: int) -> None:
        self.time = now
        self.state = "off"
        self.slowed: str | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.refusal: OpsError | None = None
        self.broken: OpsError | None = None
        """Raised by every read of the record of anomalies."""
        self.looking = 0
        self.glancing = False
        """A first look is on its way, that everything else waits for."""
        self.recorded: dict[str, list[Point | None]] = {}
        self._bus = bus
        self._taken: SampleTaken | None = None
        self._anomalies: dict[int, Anomaly] = {}

    # -- for tests

    def take(self, taken: Sample, *processes: ProcessSample, interval_s: float = 1.0, tell: bool = True) -> None:
        """The monitor has looked; `tell=False`: another console's has."""
        self.state = "running" if tell else "elsewhere"
        self.time = max(self.time, taken.time_us)
        self._taken = SampleTaken(taken, processes, interval_s)
        if tell:
            self._publish(self._taken)

    def drawn(self) -> None:
        self.glancing = False

    def put(self, kind: str, message: str, severity: Severity, **fields: Any) -> Anomaly:
        """An anomaly opened, or changed."""
        id = fields.pop("id", None) or len(self._anomalies) + 1
        opened = fields.pop("opened_at", self.time)
        blank = Anomaly(
            id=id, kind=kind, subject="", host="web-03", severity=severity, state=AnomalyState.OPEN, began_at=opened,
            opened_at=opened, last_at=self.time, closed_at=None, value=1.0, peak=1.0, mean=1.0, count=1, threshold=None,
            unit="%", message=message,
        )  # fmt: skip
        self._anomalies[id] = found = dataclasses.replace(blank, **fields)
        self._publish(AnomalyEvent(Transition(Change.OPENED, found)))
        return found

    def _publish(self, event: Event) -> None:
        self._bus.publish(event)

    def _may_refuse(self) -> None:
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal

    # -- life

    def start(self, *, by_hand: bool = True, wait_s: float = 0.0) -> bool:
        self.calls.append(("start",))
        self._may_refuse()
        self.state = "running"
        return True

    def stop(self) -> bool:
        self.calls.append(("stop",))
        self._may_refuse()
        self.state, self._taken = "stopped", None
        return True

    def status(self) -> MonitorStatus:
        pid = 4242 if self.alive else None
        return MonitorStatus(self.state, pid=pid, slowed=self.slowed)

    @property
    def alive(self) -> bool:
        return self.state in ("running", "elsewhere")

    def look(self) -> None:
        self.looking += 1

    def look_away(self) -> None:
        self.looking -= 1

    # -- reads

    def now(self) -> int:
        return self.time

    def latest(self) -> SampleTaken | None:
        return self._taken if self.alive else None

    def analyze(self, minutes: float = 15.0) -> Analysis:
        self._may_refuse()
        assert self._taken is not None
        found = self.open_anomalies()
        return analyze(self._taken.sample, self._taken.processes, None, found, minutes=minutes)

    def health(self) -> Health:
        taken = self.latest()
        return health(self.open_anomalies(), taken.sample if taken else None, self.alive)

    def open_anomalies(self) -> list[Anomaly]:
        self._may_refuse()
        return [one for one in reversed(self._anomalies.values()) if one.state.is_open]

    def anomalies(self, filter: AnomalyFilter | None = None) -> list[Anomaly]:
        self._may_refuse_reads()
        found = self._passing(filter)
        return found[: filter.limit if filter else None]

    def anomaly(self, id: int) -> Anomaly:
        return self._anomalies[id]

    def counts(self, filter: AnomalyFilter | None = None) -> AnomalyCounts:
        from opsconsole.storage.anomalies import AnomalyCounts

        self._may_refuse_reads()
        found = self._passing(filter)
        kinds = Counter(one.kind for one in found)
        severities = Counter(one.severity for one in found)
        return AnomalyCounts(
            len(found), sum(one.state.is_open for one in found), dict(kinds.most_common()),
            {one.word: severities[one] for one in reversed(Severity)},
        )  # fmt: skip

    def _passing(self, filter: AnomalyFilter | None) -> list[Anomaly]:
        """As `opsconsole.storage.anomalies.find` has it, but for patterns of subjects."""
        found = sorted(self._anomalies.values(), key=lambda one: -one.id)
        if filter is None:
            return found
        return [
            one
            for one in found
            if (not filter.kinds or one.kind in filter.kinds)
            and (filter.severity is None or one.severity >= filter.severity)
            and (not filter.states or one.state in filter.states)
            and (filter.since_us is None or one.closed_at is None or one.closed_at >= filter.since_us)
            and (filter.until_us is None or one.opened_at < filter.until_us)
        ]

    def _may_refuse_reads(self) -> None:
        if self.broken is not None:
            raise self.broken

    def graph(self, name: str, since_us: int, until_us: int, points: int = 600) -> list[Point | None]:
        return [
            None if point is None or not since_us <= point.time_us < until_us else point
            for point in self.recorded.get(name, [])
        ]

    # -- commands

    def acknowledge(self, id: int) -> Anomaly:
        self.calls.append(("acknowledge", id))
        self._may_refuse()
        found = dataclasses.replace(self._anomalies[id], acknowledged_at=self.time, acknowledged_by="deploy")
        self._anomalies[id] = found
        return found

    def note(self, id: int, text: str) -> Anomaly:
        self.calls.append(("note", id, text))
        note = {"at": self.time, "by": "deploy", "text": text}
        return self._change(id, notes=(*self._anomalies[id].notes, note))

    def silence(self, id: int, seconds: float, reason: str = "") -> Anomaly:
        self.calls.append(("silence", id, seconds))
        return self._change(id, silenced_until=self.time + int(seconds * SECOND))

    def clear(self, filter: AnomalyFilter | None = None) -> int:
        self.calls.append(("clear", filter))
        self._may_refuse()
        gone = [one.id for one in self._passing(filter) if not one.state.is_open]
        for id in gone:
            del self._anomalies[id]
        return len(gone)

    def _change(self, id: int, **fields: Any) -> Anomaly:
        self._may_refuse()
        self._anomalies[id] = found = dataclasses.replace(self._anomalies[id], **fields)
        return found
