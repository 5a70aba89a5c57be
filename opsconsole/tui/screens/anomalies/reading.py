"""What the anomalies' mode reads, in a thread and bounded: a span's episodes, its gaps, what was around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly
from opsconsole.errors import OpsError
from opsconsole.models import Status
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.anomalies.detail import Surroundings
from opsconsole.tui.screens.anomalies.facts import plot_of
from opsconsole.tui.screens.anomalies.filter import EpisodeFilter
from opsconsole.tui.screens.anomalies.graph import span_around
from opsconsole.tui.screens.anomalies.timeline import RunSpan
from opsconsole.tui.widgets.graph import Stretch

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.station import Station
    from opsconsole.storage.anomalies import AnomalyCounts, AnomalyFilter

LIMIT = 1000
"""Episodes that are read at once."""
RUNS = 500
_WELL = frozenset({Status.COMPLETED, Status.CANCELLED})
WATCHED_BY = "cpu"
"""The series that every look at a host records: where it has none, nobody looked."""
_POINTS = 240
_NOW_US = 5_000_000
"""So close to the end of a span nobody has looked yet."""
_SHOWN_RUNS = 8


@dataclass(frozen=True, slots=True)
class Query:
    """The span [since, until) in microseconds, and what of it is shown."""

    since_us: int
    until_us: int
    filter: EpisodeFilter


@dataclass(frozen=True, slots=True)
class Found:
    """`counts` are of the whole span, whatever the filter; `more`: it has more than was read."""

    query: Query
    episodes: list[Anomaly]
    counts: AnomalyCounts
    unwatched: list[tuple[int, int]]
    more: bool
    alive: bool
    runs: Sequence[RunSpan] = ()


def begins(found: Found) -> int | None:
    """When the record of the span begins: with the first look, episode or run in it; None: there is none."""
    since_us, until_us = found.query.since_us, found.query.until_us
    gap = next((end for begin, end in found.unwatched if begin <= since_us), since_us)
    looked = [gap] if gap < until_us - _NOW_US else []
    return min(
        [*looked, *(one.began_at for one in found.episodes), *(run.since_us for run in found.runs)], default=None
    )


def read(engine: Engine, query: Query) -> Found:
    """Raises OpsErrors."""
    from opsconsole.storage.anomalies import AnomalyFilter

    station = engine.monitoring
    whole = AnomalyFilter(since_us=query.since_us, until_us=query.until_us)
    counts = station.counts(whole)
    wanted = narrowed(query, counts)
    found = [] if wanted is None else station.anomalies(wanted)
    return Found(
        query, [one for one in found if query.filter.matches(one)], counts, unwatched(station, query),
        more=len(found) >= LIMIT, alive=station.alive, runs=runs_in(engine, query),
    )  # fmt: skip


def runs_in(engine: Engine, query: Query) -> list[RunSpan]:
    """What ran in the span, as far as `RUNS` go: those under way, then the newest."""
    from opsconsole.storage.history import Filter

    active = frozenset(one for one in Status if one.is_active)
    found = [*engine.tasks(Filter(statuses=active, limit=RUNS))]
    found += engine.tasks(Filter(ended_since_us=query.since_us, until_us=query.until_us, limit=RUNS))
    spans = {
        task.id: RunSpan(task.started_at, task.finished_at, task.status in _WELL or task.status.is_active)
        for task in found
        if task.started_at is not None and task.started_at < query.until_us
        and (task.finished_at is None or task.finished_at >= query.since_us)
    }  # fmt: skip
    return sorted(spans.values(), key=lambda one: one.since_us)


def narrowed(query: Query, counts: AnomalyCounts) -> AnomalyFilter | None:
    """As much of the filter as the record can answer; None: no kind passes it."""
    from opsconsole.storage.anomalies import AnomalyFilter

    shown = query.filter
    kinds = frozenset(kind for kind in counts.by_kind if shown.kind_matches(kind)) if shown.kinds else frozenset()
    if (shown.kinds and not kinds) or not shown.severities:
        return None
    return AnomalyFilter(
        kinds, min(shown.severities), shown.states, query.since_us, query.until_us, limit=LIMIT
    )  # fmt: skip


def unwatched(station: Station, query: Query) -> list[tuple[int, int]]:
    """The spans in which nothing was recorded; up to the first and after the last look too."""
    until_us = min(query.until_us, station.now())
    if until_us <= query.since_us:
        return []
    found = station.graph(WATCHED_BY, query.since_us, until_us, _POINTS)
    step = getattr(found, "step_us", None) or (until_us - query.since_us) // _POINTS
    gaps: list[tuple[int, int]] = []
    known = query.since_us
    for point in found:
        if point is None:
            continue
        if point.time_us - known > 2 * step:
            gaps.append((known, point.time_us))
        known = point.time_us + step
    if until_us - known > 2 * step:
        gaps.append((known, until_us))
    return gaps


def around(engine: Engine, one: Anomaly) -> Surroundings:
    """The series of its kind, and what ran at its peak; what cannot be read is said in it."""
    station = engine.monitoring
    now = station.now()
    plot, span = plot_of(one), span_around(one, now)
    try:
        runs = tuple(_run(engine, run) for run in one.runs[:_SHOWN_RUNS])
        recorded = [] if plot is None else station.graph(plot.series, *span, _POINTS)
    except OpsError as error:
        return Surroundings(one.id, problem=sanitise_name(error.message), read_at=now)
    step = getattr(recorded, "step_us", None) or max(1, (span[1] - span[0]) // _POINTS)
    stretches = tuple(
        Stretch(point.time_us, point.time_us + step, point.max) for point in recorded if point is not None
    )
    return Surroundings(one.id, plot, span, stretches, runs, read_at=now)


def _run(engine: Engine, execution_id: str) -> str:
    """Its task's name, if the record still has it."""
    number = execution_id.partition(".")[0]
    shown = sanitise_name(execution_id, limit=20)
    try:
        task = engine.task(int(number))
    except (OpsError, ValueError):
        return shown
    return f"{shown}  {sanitise_name(task.name)}"
