"""The recorded trace: what a host, its processes, its runs and its troubles were like around one moment, second 0.

`trace.jsonl` holds one JSON object a line, and its first key says what it is: `trace` (the host itself), `t` (a second
and the values of `series` then), `past` (the same, coarser, for the days before), `fact` (of the check-up), `process`,
`script`, `run` (of the last day), `ran` (of the weeks before: name, second, duration, exit code, actor, door, policy),
`episode`.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("trace.jsonl")
FOLD_S = 600.0
"""Behind its end the trace goes back and forth over its last seconds, so many of them."""
_FINE = 0.5
"""Of a series' own straying, what is added within a step."""


class Program(NamedTuple):
    """A process of the trace; `swing` is how far its CPU share strays, `growth` in MB a minute, `age` in s at 0."""

    pid: int
    ppid: int
    name: str
    user: str
    uid: int
    cpu: float
    swing: float
    rss_mb: float
    growth: float
    threads: int
    nice: int
    state: str
    age: float
    cmdline: str


class Ran(NamedTuple):
    """A run of the weeks before."""

    name: str
    at: float
    took: float
    exit: int
    actor: str
    door: str
    policy: str


@dataclass(slots=True)
class Trace:
    """Read whole: a few thousand short lines."""

    head: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    past: list[tuple[float, list[float]]] = field(default_factory=list)
    facts: list[tuple[str, ...]] = field(default_factory=list)
    """Of the check-up, as `checkup.Fact` begins: topic, name, state, found, effect, remedy."""
    processes: list[Program] = field(default_factory=list)
    scripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    routine: list[Ran] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def series(self) -> list[str]:
        found: list[str] = self.head["series"]
        return found

    @property
    def begins(self) -> float:
        return self.seconds[0]

    @property
    def ends(self) -> float:
        return self.seconds[-1]

    def folded(self, second: float) -> float:
        """The second of the trace that is shown at this one."""
        over = second - self.ends
        if over <= 0:
            return max(second, self.begins)
        return self.ends - FOLD_S + abs(over % (2 * FOLD_S) - FOLD_S)

    def values(self, second: float) -> dict[str, float]:
        """Every series at a second, also between two rows."""
        row, share = self._between(second)
        return {name: self._at(place, second, row, share) for place, name in enumerate(self.series)}

    def value(self, name: str, second: float) -> float:
        """One of them. Raises ValueError for a series it does not have."""
        return self._at(self.series.index(name), second, *self._between(second))

    def _between(self, second: float) -> tuple[int, float]:
        """The row behind a second, and how far it is on its way there from the one before."""
        at = self.folded(second)
        row = min(max(bisect_right(self.seconds, at), 1), len(self.seconds) - 1)
        begin, end = self.seconds[row - 1], self.seconds[row]
        return row, (at - begin) / (end - begin)

    def _at(self, place: int, second: float, row: int, share: float) -> float:
        before, after, strays = self.rows[row - 1][place], self.rows[row][place], self.head["strays"][place]
        fine = _FINE * strays * wobble(place, second) if strays else 0.0
        return max(0.0, before + (after - before) * share + fine)


def read(lines: Iterable[str]) -> Trace:
    """Raises ValueError for a line that is none of a trace's."""
    trace = Trace()
    for line in lines:
        found = json.loads(line)
        match next(iter(found)):
            case "trace":
                trace.head = found
            case "t":
                trace.seconds.append(found["t"])
                trace.rows.append(found["v"])
            case "past":
                trace.past.append((found["past"], found["v"]))
            case "fact":
                trace.facts.append(tuple(found["fact"]))
            case "process":
                trace.processes.append(Program(*found["process"]))
            case "script":
                trace.scripts[found["script"]] = found
            case "run":
                trace.runs.append(found["run"])
            case "ran":
                trace.routine.append(Ran(*found["ran"]))
            case "episode":
                trace.episodes.append(found["episode"])
            case other:
                raise ValueError(f"not a line of a trace: {other!r}")
    return trace


@cache
def recorded() -> Trace:
    """The one that is shipped."""
    with FILE.open(encoding="utf-8") as file:
        return read(file)


def chance(*numbers: int) -> float:
    """0 to 1, always the same for the same numbers."""
    mixed = 0x9E3779B97F4A7C15
    for number in numbers:
        mixed = ((mixed ^ (number & 0xFFFFFFFF)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        mixed ^= mixed >> 29
    return (mixed >> 11) / (1 << 53)


def wobble(key: int, second: float) -> float:
    """-1 to 1, without jumps, always the same for the same second."""
    knot = int(second // 2)
    share = second / 2 - knot
    before, after = chance(key, knot), chance(key, knot + 1)
    return 2 * (before + (after - before) * share) - 1
