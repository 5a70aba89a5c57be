"""Runs that fail, take longer than they ever did, or do nothing.

The facts come from the queue's database every few seconds, in a thread of their own; what a run uses now comes with
the look. `run_facts.facts` is the query.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from math import inf

from opsconsole.anomalies import Severity
from opsconsole.clock import Clock
from opsconsole.monitoring.detection.asking import Asked, Start, in_thread
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.monitoring.detection.run_facts import LAST, LONG_S, ActiveRun, RunFacts, ScriptEnds, Usual, facts
from opsconsole.paths import StatePaths
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import RunUsage, Sample
from opsconsole.wording import long_duration

FAILURE_RATE, UNUSUAL, QUICK, STUCK = "run_failure_rate", "run_unusual_duration", "run_unusually_quick", "run_stuck"

EVERY_S = 15.0
STALE_S = 90.0
OVERALL = "all scripts"
"""The subject of the failure rate of everything; said only where more than one script fails."""
MADS, TIMES = 5.0, 2.0
"""Unusually long: over the median by so many deviations (scaled to a normal distribution's), and so many times it."""
QUICK_TIMES, QUICK_LEAST_S = 5.0, 10.0
"""Unusually quick: a fifth of the usual time and half of the shortest ever, of what usually takes so long."""
STUCK_AFTER_S = 300.0
ALIVE_SHARE = 0.005
"""A run that uses this share of a core is doing something; what only waits and looks at a clock uses less."""
ALIVE_BYTES = 64 * 1024
WATCHED_MOST_S = 90.0
"""How much of the time between two looks counts as time that a run was watched; what it did in a longer one, and in
suspend, nobody saw."""
_MARK_S = 60.0
_NORMAL_MAD = 1.4826
_NAME = 120


def limit_s(usual: Usual) -> float:
    """Seconds from which a run takes unusually long."""
    return max(usual.median_s + MADS * _NORMAL_MAD * usual.mad_s, TIMES * usual.median_s, LONG_S)


def times_longer(took_s: float, usual: Usual) -> float:
    """Its time as a multiple of the usual one; where that is not unusual for it, 1 at the most."""
    ratio = took_s / max(usual.median_s, 0.001)
    return ratio if took_s > limit_s(usual) else min(ratio, 1.0)


def times_quicker(took_s: float, usual: Usual) -> float:
    """The usual time as a multiple of its own; where that is not unusual for it, 1 at the most."""
    ratio = usual.median_s / max(took_s, 0.001)
    odd = usual.median_s >= QUICK_LEAST_S and ratio >= QUICK_TIMES and took_s < usual.least_s / 2
    return ratio if odd else min(ratio, 1.0)


class ReadingFacts:
    """`facts` on a read-only connection of its own, opened at the first call. From any thread."""

    def __init__(self, paths: StatePaths, clock: Clock) -> None:
        self._paths = paths
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def __call__(self) -> RunFacts:
        """Raises sqlite3.Error, also after `close`."""
        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError("closed")
            if self._connection is None:
                from opsconsole.storage.database import connect

                self._connection = connect(self._paths.database, read_only=True, busy_s=1.0)
            return facts(self._connection, self._paths, self._clock.now())

    def close(self) -> None:
        """Waits for a question that is under way. Can be called twice."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None


class RunSource:
    """`query` gives the facts; `following(kind)` the subjects whose episodes are open or about to be."""

    def __init__(
        self,
        query: Callable[[], RunFacts],
        clock: Clock,
        following: Callable[[str], Iterable[str]],
        *,
        every_s: float = EVERY_S,
        start: Start = in_thread,
    ) -> None:
        self._asked = Asked(query, clock, every_s=every_s, stale_s=max(STALE_S, 3 * every_s), name="runs", start=start)
        self._following = following
        self._ages = _Ages()
        self._stillness: dict[str, _Stillness] = {}
        self._last_s: float | None = None
        self._watched_s = 0.0

    def observe(self, look: Look) -> Iterator[Observation]:
        sample = look.sample
        last, self._last_s = self._last_s, sample.monotonic_s
        if last is not None and sample.gap != "suspend":
            self._watched_s += min(max(sample.monotonic_s - last, 0.0), WATCHED_MOST_S)
        found = self._asked.answer()
        if found is None:
            return
        self._ages.look(found, sample)
        yield from self._failures(found)
        yield from self._durations(found, sample.monotonic_s)
        yield from self._stuck(found, look)

    # -- failures

    def _failures(self, found: RunFacts) -> Iterator[Observation]:
        """Of the last hour; an episode goes on over fewer runs than it began with, and ends after a day without."""
        following = set(self._following(FAILURE_RATE))
        ran = failed = failing = 0
        for ends in found.ends:
            ran, failed, failing = ran + ends.ran, failed + ends.failed, failing + (ends.failed > 0)
            subject = _named(ends.name)
            if subject == OVERALL or not (ends.ran >= LAST or subject in following):
                continue
            following.discard(subject)
            yield _failure_rate(subject, ends)
        if ran >= LAST and (failing > 1 or OVERALL in following):
            following.discard(OVERALL)
            most = None if failing > 1 else Severity.LOW
            details = {"failed": failed, "of": ran, "scripts": failing}
            yield Observation(FAILURE_RATE, OVERALL, failed / ran * 100, details, most=most)
        for subject in following:
            yield Observation(FAILURE_RATE, subject, gone=True)

    # -- durations

    def _durations(self, found: RunFacts, now_s: float) -> Iterator[Observation]:
        longest: dict[str, Observation] = {}
        for run in found.active:
            usual = found.usual.get(run.task_id)
            if usual is not None and run.started_at is not None and run.status != "paused":
                took = self._ages.seconds(run.execution_id, now_s)
                _add(longest, _unusual(run.name, run.task_id, took, usual, f"{run.execution_id} has run for"))
        yield from self._ended(found, longest)
        yield from longest.values()
        for subject in self._following(UNUSUAL):
            if subject not in longest:
                yield Observation(UNUSUAL, subject, gone=True)

    def _ended(self, found: RunFacts, longest: dict[str, Observation]) -> Iterator[Observation]:
        """What ended a moment ago, lest it is missed between two questions."""
        quick: set[str] = set()
        for run in found.ended:
            usual = found.usual.get(run.task_id)
            if usual is None:
                continue
            _add(longest, _unusual(run.name, run.task_id, run.duration_s, usual, f"{run.task_id} took"))
            times = times_quicker(run.duration_s, usual)
            if QUICK in KINDS and _named(run.name) not in quick:
                quick.add(_named(run.name))
                words = f"{run.task_id} took {long_duration(run.duration_s)}, usual are {long_duration(usual.median_s)}"
                details = {"task_id": run.task_id, "took_s": run.duration_s, "usual_s": usual.median_s}
                yield Observation(QUICK, _named(run.name), times, details, words=words)
        if QUICK in KINDS:
            yield from (Observation(QUICK, each, gone=True) for each in self._following(QUICK) if each not in quick)

    # -- runs that do nothing

    def _stuck(self, found: RunFacts, look: Look) -> Iterator[Observation]:
        usages = {usage.execution_id: usage for usage in look.runs}
        following = set(self._following(STUCK))
        active = {run.execution_id: run for run in found.active if run.started_at is not None}
        now_s = self._watched_s
        for gone in [each for each in self._stillness if each not in active]:
            del self._stillness[gone]
        for execution_id, run in active.items():
            still = self._stillness.get(execution_id)
            if still is None:
                quiet_s = _quiet_s(run, found.time_us) if execution_id in following else 0.0
                still = self._stillness[execution_id] = _Stillness(now_s - quiet_s)
            still.look(run, usages.get(execution_id), now_s)
            if self._ages.seconds(execution_id, look.sample.monotonic_s) < STUCK_AFTER_S:
                continue
            value = still.seconds(now_s)
            details = {"execution_id": execution_id, "task_id": run.task_id, "name": _named(run.name)}
            words = f"it runs {_named(run.name)}"
            yield Observation(STUCK, execution_id, value, details, words=words, aliases=(_named(run.name),))
        for subject in following - active.keys():
            yield Observation(STUCK, subject, gone=True)


class _Ages:
    """For how long runs have been under way. The wall clock is asked once for each, since it may be set meanwhile, and
    goes on in suspend; from then on the monotonic one counts."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}  # the monotonic second at which each run began
        self._facts: RunFacts | None = None
        self._facts_s = 0.0  # when those came

    def look(self, found: RunFacts, sample: Sample) -> None:
        if found is self._facts:
            return
        now_s = sample.monotonic_s
        # what the answer before did not have has begun since it was asked for, whatever the wall clock says
        most = inf if self._facts is None else now_s - self._facts_s + STALE_S
        late_us = min(max(sample.time_us - found.time_us, 0), STALE_S * 1e6)
        begun: dict[str, float] = {}
        for run in found.active:
            if run.started_at is not None:
                age = (found.time_us + late_us - run.started_at) / 1e6
                begun[run.execution_id] = self._begun.get(run.execution_id, now_s - min(max(age, 0.0), most))
        self._begun, self._facts, self._facts_s = begun, found, now_s

    def seconds(self, execution_id: str, now_s: float) -> float:
        return now_s - self._begun[execution_id]


def _quiet_s(run: ActiveRun, time_us: int) -> float:
    """For how long it has written nothing, at the most since it began: all that is known of the time before."""
    return max(0, time_us - max(run.started_at or time_us, run.written_at or 0)) / 1e6


class _Stillness:
    """Since when a run has given no sign of life: no output, no report, no CPU, no I/O. In seconds it was watched."""

    __slots__ = ("_alive_s", "_at_s", "_cpu_s", "_io", "_seen_s", "_written")

    def __init__(self, since_s: float) -> None:
        self._alive_s = since_s
        self._written: tuple[int | None, int] | None = None
        self._seen_s: float | None = None
        self._at_s = 0.0
        self._cpu_s: float | None = None
        self._io = 0

    def look(self, run: ActiveRun, usage: RunUsage | None, now_s: float) -> None:
        written = (run.written_at, run.written_bytes)
        if run.status == "paused" or self._written not in (None, written):
            self._alive_s = now_s
        self._written = written
        if usage is None:
            return
        self._seen_s = now_s
        io = (usage.read_bytes or 0) + (usage.write_bytes or 0)
        if usage.cpu_time_s is None:
            self._cpu_s = None
            if usage.cpu_percent is None or usage.cpu_percent >= ALIVE_SHARE * 100:
                self._alive_s = now_s
            return
        if self._cpu_s is None:
            self._mark(usage.cpu_time_s, io, now_s)
            return
        used = usage.cpu_time_s - self._cpu_s
        elapsed = now_s - self._at_s
        if used >= ALIVE_SHARE * max(elapsed, _MARK_S) or used < 0 or abs(io - self._io) >= ALIVE_BYTES:
            self._alive_s = now_s
            self._mark(usage.cpu_time_s, io, now_s)
        elif elapsed >= _MARK_S:
            self._mark(usage.cpu_time_s, io, now_s)

    def _mark(self, cpu_s: float, io: int, now_s: float) -> None:
        self._cpu_s, self._io, self._at_s = cpu_s, io, now_s

    def seconds(self, now_s: float) -> float | None:
        """None: nobody measured what it uses lately."""
        if self._seen_s is None or now_s - self._seen_s > STALE_S:
            return None
        return now_s - self._alive_s


def _failure_rate(subject: str, ends: ScriptEnds) -> Observation:
    if ends.ran >= LAST:
        failed, of = ends.failed, ends.ran
    else:
        failed, of = sum(ends.last), len(ends.last)
    value = failed / of * 100 if of >= LAST else None
    details = {"failed": failed, "of": of, "last_failed_task": ends.last_failed}
    return Observation(FAILURE_RATE, subject, value, details, words=f"{failed} of {of}")


def _unusual(name: str, task_id: int, took_s: float, usual: Usual, words: str) -> Observation:
    details = {"task_id": task_id, "took_s": round(took_s, 3), "usual_s": round(usual.median_s, 3), "of": usual.of}
    words = f"{words} {long_duration(took_s)}, usual are {long_duration(usual.median_s)}"
    return Observation(UNUSUAL, _named(name), times_longer(took_s, usual), details, words=words)


def _add(longest: dict[str, Observation], observation: Observation) -> None:
    """Of several runs of one script, the one that is worst."""
    other = longest.get(observation.subject)
    if other is None or (other.value or -inf) < (observation.value or -inf):
        longest[observation.subject] = observation


def _named(name: str) -> str:
    return sanitise_name(name, limit=_NAME)
