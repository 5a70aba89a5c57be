"""What an analysis says, as data. Every string in it is made harmless already; names of the host were sanitised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import floor
from typing import TYPE_CHECKING, Any, Protocol

from opsconsole.models import rfc3339
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample

if TYPE_CHECKING:
    from opsconsole.storage.metrics import Graph, Point


class History(Protocol):
    """What is asked of `storage.metrics.MetricsStore`. None in a list is a time without data."""

    def names(self) -> Sequence[str]: ...
    def graph(self, series: str, since_us: int, until_us: int, points: int = ...) -> Graph: ...
    def stats(self, series: str, since_us: int, until_us: int) -> Point | None: ...
    def same_hour(self, series: str, time_us: int, days: int = ...) -> Sequence[Point | None]: ...


class State(StrEnum):
    """Of a resource. BUSY: much used, nobody waits. SATURATED: work waits for it, or there is next to none left.
    FAILING: it gives errors, or there is none left. UNKNOWN is not OK."""

    OK = "ok"
    BUSY = "busy"
    SATURATED = "saturated"
    FAILING = "failing"
    UNKNOWN = "unknown"


TITLES = {
    "cpu": "CPU",
    "steal": "The hypervisor",
    "memory": "Memory",
    "io": "I/O",
    "disk": "Disk space",
    "network": "Network",
    "processes": "Processes",
}
"""Names for people; "steal" is what the host of a virtual machine takes, the others are resources."""
RESOURCES = ("cpu", "memory", "io", "disk", "network", "processes")


@dataclass(frozen=True, slots=True)
class Reading:
    """A resource by the USE method, at a moment or as the mean of a span.

    `utilisation`: percent of `subject` (the busiest drive, the fullest file system, "" for the host). `waiting`:
    percent of the time in which work waited for it, of `basis` ("cpu.some", "io.full", "iowait", "run queue", …);
    None where the host does not tell. `score` orders what is waited for (0–100, an estimate where there is no PSI).
    """

    state: State = State.UNKNOWN
    utilisation: float | None = None
    subject: str = ""
    waiting: float | None = None
    basis: str = ""
    score: float = 0.0
    saturation: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """A series over the span: `above` is the share (0–1) of the buckets with data whose mean lies above `limit`."""

    series: str
    unit: str
    mean: float
    max: float
    limit: float | None
    above: float | None
    buckets: int


@dataclass(frozen=True, slots=True)
class Usual:
    """The mean of the span against the median of the same hour on `days` earlier days; `ratio` is None where that
    median is next to nothing."""

    series: str
    unit: str
    value: float
    median: float
    days: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Since:
    """When it began: `at_least` if it began before that. `basis`: "anomaly" (exact) or "history" (to the bucket)."""

    resource: str
    time_us: int
    at_least: bool
    basis: str
    why: str


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """A resource now, over the span, and against earlier days; None where that is not known."""

    resource: str
    now: Reading | None
    past: Reading | None
    trends: tuple[Trend, ...] = ()
    usual: tuple[Usual, ...] = ()

    @property
    def state(self) -> State:
        """Now; over the span where nobody looks now."""
        return (self.now or self.past or Reading()).state


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What is waited for most. `resource` is cpu, memory, io or steal; `waiting` as in `Reading`."""

    resource: str
    waiting: float | None
    basis: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Who uses a resource. `what` is process, group (processes of one name), run, or unseen (nobody can tell who).

    `value` in `unit`: percent of one core, bytes, or bytes per second. `share` is the part (0–1) of all that is there:
    of the cores, of the memory; None where the whole is not known."""

    resource: str
    what: str
    label: str
    value: float | None
    unit: str
    share: float | None = None
    pids: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to do, and why it is thought to help.

    `template` is the issue `opsconsole fix` has a script for, None where a script cannot do it. `look` are commands
    that only read. `rank` 0–100: what to do first."""

    category: str
    title: str
    evidence: tuple[str, ...]
    expected_effect: str
    risk: str
    template: str | None
    look: tuple[str, ...]
    rank: float


@dataclass(frozen=True, slots=True)
class Span:
    """The time looked back over; `buckets` of which `recorded` have data, and the `gaps` between (begin, end)."""

    since_us: int
    until_us: int
    buckets: int
    recorded: int
    gaps: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """`verdict` is one sentence. `bottleneck` is that of now, `past_bottleneck` that of the span."""

    time_us: int
    minutes: float
    verdict: str
    bottleneck: Bottleneck | None
    past_bottleneck: Bottleneck | None
    resources: tuple[ResourceUse, ...]
    causes: tuple[Cause, ...]
    since: Since | None
    suggestions: tuple[Suggestion, ...]
    span: Span | None
    notes: tuple[str, ...] = ()

    def resource(self, name: str) -> ResourceUse:
        """Raises KeyError."""
        return {use.resource: use for use in self.resources}[name]

    def to_json(self) -> dict[str, Any]:
        """The object of `analyze --json`; times are RFC 3339."""
        found = asdict(self)
        for use, own in zip(found["resources"], self.resources, strict=True):
            use["state"] = own.state.value
        found["time"] = rfc3339(found.pop("time_us"))
        found["since"] = _timed(found["since"])
        found["span"] = _timed(found["span"])
        if self.span is not None:
            found["span"]["gaps"] = [[rfc3339(begin), rfc3339(end)] for begin, end in self.span.gaps]
        return {"time": found.pop("time"), **found}


def _timed(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """`…_us` fields as RFC 3339 under the name without it."""
    if found is None:
        return None
    return {key.removesuffix("_us"): rfc3339(value) if key.endswith("_us") else value for key, value in found.items()}


def label(process: ProcessSample) -> str:
    """`name[pid]`, harmless."""
    return f"{clean(process.name)}[{process.pid}]"


def clean(name: str, limit: int = 48) -> str:
    """A name from the host as one harmless line."""
    return sanitise_name(name, limit=limit)


def percent_words(share: float) -> str:
    """Whole percents; what is not quite all is not said to be all: 99.6."""
    return f"{floor(10 * share) / 10:.1f}" if 99.5 <= share < 100 else f"{share:.0f}"
