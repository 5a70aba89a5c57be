"""A series over any span: from samples, minutes or hours, whichever are fine enough and still kept.

What is not summed up yet is taken from the next finer rows, and what is not even committed from the recorder's memory,
so that the newest minute of a graph is as right as the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from opsconsole.storage.metrics.reader import Moment, Value
from opsconsole.storage.metrics.rollup import (
    HOUR_S,
    HOUR_US,
    MINUTE_S,
    MINUTE_US,
    SECOND_US,
    Figures,
    Point,
    figures_of,
    merged,
    point,
)

SAMPLE_US = 100_000
"""The shortest interval between samples that the settings allow."""


class Graph(list[Point | None]):
    """Buckets without a hole between them: number i begins at `begin_us` + i × `step_us`. None: nothing was recorded
    then."""

    def __init__(self, begin_us: int, step_us: int, points: Iterable[Point | None] = ()) -> None:
        super().__init__(points)
        self.begin_us = begin_us
        self.step_us = step_us


def step_of(span_us: int, points: int) -> int:
    """Width of a bucket: whole hours, minutes, seconds or tenths of one, and at most `points` of them in the span."""
    least = max(1, -(-span_us // max(1, points)))
    unit = next((unit for unit in (HOUR_US, MINUTE_US, SECOND_US) if least >= unit), SAMPLE_US)
    return -(-least // unit) * unit


def span_figures(moment: Moment | None, series: int | None, res: int, since_us: int, until_us: int) -> Figures | None:
    """Of a whole span, from samples (`res` 0) or from roll-ups, then of the minutes and hours that it touches."""
    found: Figures | None = None
    if moment is None or series is None:
        return None
    if res == 0:
        return figures_of([value for _, value in moment.raw(series, since_us, until_us)])
    unit = res * SECOND_US
    for figures in bucketed(moment, series, res, since_us // unit * unit, -(-until_us // unit) * unit, unit).values():
        found = merged(found, figures)
    return found


def bucketed(moment: Moment, series: int, res: int, since_us: int, until_us: int, step_us: int) -> dict[int, Figures]:
    """Bucket's number → figures, from roll-ups of `res` seconds and, where these are not written yet, finer rows."""
    found: dict[int, Figures] = {}
    step_s, since, until = step_us // SECOND_US, since_us // SECOND_US, until_us // SECOND_US
    if res == HOUR_S:
        found.update(moment.buckets(series, HOUR_S, since, min(until, moment.hours), step_s))
        since = max(since, moment.hours)
    for bucket, figures in moment.buckets(series, MINUTE_S, since, min(until, moment.minutes), step_s):
        found[bucket] = merged(found.get(bucket), figures)
    rest = moment.raw(series, max(since, moment.minutes) * SECOND_US, until_us)
    return add(found, rest, step_us)


def add(found: dict[int, Figures], values: Iterable[Value], step_us: int) -> dict[int, Figures]:
    """`found` with values put into their buckets; NaN and infinities are no values."""
    apart: dict[int, list[float]] = {}
    for time_us, value in values:
        apart.setdefault(time_us // step_us, []).append(value)
    for bucket, some in apart.items():
        figures = figures_of(some)
        if figures is not None:
            found[bucket] = merged(found.get(bucket), figures)
    return found


def fitting_step(times: Sequence[int], step_us: int, near_us: int) -> int:
    """A step at which the samples' own rhythm makes no holes, else `step_us` itself.

    Samples further apart than `near_us` have a gap between them. For others a bucket that stays empty only says that it
    is narrower than the interval: then the longest that samples have regularly (95 % of the time) is taken, or twice
    that, when samples come now a little early, now a little late.
    """
    apart = sorted(b - a for a, b in pairwise(times) if b - a <= near_us)
    if not apart or apart[-1] <= step_us:
        return step_us
    apart = apart[:-2] or apart[:1]  # one or two long ones are gaps, not a rhythm
    left = sum(apart) * 0.95
    rhythm = apart[-1]
    for interval in apart:
        left -= interval
        if left <= 0:
            rhythm = interval
            break
    unit = SECOND_US if rhythm > 0.95 * SECOND_US else SAMPLE_US
    once = max(step_us, (rhythm + unit // 2) // unit * unit)
    for step in (step_us, once):
        if not _holes(times, step, near_us):
            return step
    return max(step_us, 2 * once) if _holes(times, step_us, 2 * rhythm) else step_us


def _holes(times: Sequence[int], step_us: int, near_us: int) -> bool:
    return any(b // step_us - a // step_us > 1 for a, b in pairwise(times) if b - a <= near_us)


def graph(found: dict[int, Figures], since_us: int, until_us: int, step_us: int) -> Graph:
    first, last = since_us // step_us, -(-until_us // step_us)
    made = Graph(first * step_us, step_us)
    for bucket in range(first, last):
        figures = found.get(bucket)
        made.append(None if figures is None else point(bucket * step_us, figures))
    return made
