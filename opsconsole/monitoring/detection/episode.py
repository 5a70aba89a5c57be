"""One episode: pending → open → (flapping) → closed, by durations of the monotonic clock.

It opens after its condition has held for `for_s`; time that is not beyond the level counts back twice, and a value that
has recovered ends the wait. It closes after recovery has lasted `clear_for_s`; time between clear and level counts back
once, a value beyond the level begins anew. Time without data counts for nothing, and neither does suspend; of an
interval that came late (on a host that thrashes, all do) a little counts, where both its ends are the same.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, NamedTuple

from opsconsole.anomalies import COMES_AND_GOES, NO_DATA_NOW, Anomaly, AnomalyState, Change, Severity
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.observation import Observation
from opsconsole.monitoring.detection.thresholds import Threshold
from opsconsole.wording import long_duration

FLIPS, FLIP_SPAN_S = 3, 600.0
"""So many recoveries within that time are flapping."""
REOPENINGS = 3
"""So are as many openings anew, each soon after the last close."""
HOLD_S, HOLD_FACTOR, HOLD_MOST_S = 300.0, 1.5, 3600.0
"""How long the recovery of a flapping episode must last; it grows with every further flip."""
UNKNOWN_AFTER_S = 30.0
"""Data may miss a look or two without anybody hearing of it."""
MISSED = 2
"""After so many looks without data the interval back to a bad value counts; else every other one without would hide it.
"""
FORGET_PENDING_S = 300.0
FOR_GOOD = frozenset({"process", "run"})
"""What never comes back under the same name once it is gone."""
MOST_AWAY_S = 30 * 86400.0
"""After so long nobody can tell whether the monitor was away, or only a clock was set: it counts for nothing."""
CONTEXT_EVERY_S = 10.0
_ALMOST = 1e-6  # sums of intervals such as 0.1


class Moment(NamedTuple):
    """`step_s` counts towards how long a condition holds: the time since the last look, part of it where that was late,
    0 after suspend. `clear_s` counts towards recovery: the same, of a late one still less."""

    time_us: int
    monotonic_s: float
    step_s: float
    clear_s: float


class Side(Enum):
    BAD = 1
    BETWEEN = 0
    GOOD = -1


class Outcome(Enum):
    """DROPPED: what was pending did not last, nobody need hear of it."""

    NOTHING = 0
    DROPPED = 1
    OPENED = 2
    CHANGED = 3
    CLOSED = 4


CHANGES = {Outcome.OPENED: Change.OPENED, Outcome.CHANGED: Change.CHANGED, Outcome.CLOSED: Change.CLOSED}


class Episode:
    """Mutable; `snapshot` is its Anomaly. `what` says for people what the last outcome was."""

    def __init__(self, kind: str, subject: str, threshold: Threshold, now: Moment) -> None:
        self.kind, self.subject, self.threshold = kind, subject, threshold
        self.state = AnomalyState.PENDING
        self.id = 0
        self.severity = Severity.INFO
        self.began_at, self.began_s = now.time_us, now.monotonic_s
        self.opened_at = self.last_at = now.time_us
        self.closed_at: int | None = None
        self.closed_s = 0.0
        self.value = self.peak = 0.0
        self.peak_at: int | None = None
        self.total = 0.0
        self.count = 0
        self.flips = 0
        self.reopenings = 0
        self.message = self.what = ""
        self.details: dict[str, Any] | None = None
        self.unknown_since: int | None = None
        self.wants_context = False
        self.context_s = -CONTEXT_EVERY_S
        self.processes: tuple[dict[str, Any], ...] = ()
        self.runs: tuple[str, ...] = ()
        self.links: tuple[dict[str, Any], ...] = ()
        self.notes: tuple[dict[str, Any], ...] = ()
        self.acknowledged_at: int | None = None
        self.acknowledged_by: str | None = None
        self.silenced_until: int | None = None
        self.seen_at_look = 0
        self.aliases: tuple[str, ...] = ()
        self._side: Side | None = None
        self._was_bad = False
        self._reached = -1  # the severity of the last value, -1: not beyond the mildest level
        self._held = [0.0] * len(Severity)  # for how long a severity, or a graver one, has held
        self._over_s: list[float | None] = [None] * len(Severity)  # since when the value is over that severity's level
        self._good_s = 0.0
        self._flip_times: deque[float] = deque(maxlen=FLIPS)
        self._hold_s = 0.0
        self._unknown_s = 0.0
        self._unknown_told = False
        self._misses = 0
        self._gone_s: float | None = None
        self._told = Severity.INFO  # how grave its sentence says that it is
        self._level: float | None = None  # what it was beyond when it opened, or rose

    # -- a look with data

    def see(self, observation: Observation, value: float, now: Moment) -> Outcome:
        """What becomes of it with this value."""
        threshold = self.threshold
        severity = threshold.severity(value)
        self._over(severity, now)
        if severity is not None and observation.most is not None:
            severity = min(severity, observation.most)
        told_unknown, self._unknown_told, self.unknown_since = self._unknown_told, False, None
        self._gone_s, self._misses = None, 0
        side = Side.BAD if severity is not None else Side.GOOD if threshold.recovered(value) else Side.BETWEEN
        before, self._side = self._side, side
        self.value = value
        self._hold(-1 if severity is None else severity, now.step_s)
        if severity is not None:
            self._note(observation, value, now)
        elif self.details is not None and messages.GETS in self.details:
            self.details = observation.details
        outcome = self._live(observation, severity, before, now)
        if told_unknown and outcome is Outcome.NOTHING and self.state.is_open:
            self.what = "data again"
            return Outcome.CHANGED
        return outcome

    def _live(self, observation: Observation, severity: Severity | None, before: Side | None, now: Moment) -> Outcome:
        if self.state.is_open:
            if severity is not None:
                self._good_s, self._was_bad = 0.0, True
                return self._rise(observation, severity, now)
            return self._recover(observation, before, now)
        if severity is None:
            return self._wait(now)
        if self.state is AnomalyState.CLOSED:
            self.state = AnomalyState.PENDING
            self._held = [0.0] * len(Severity)
        if self._held[0] < self.threshold.for_s - _ALMOST:
            return Outcome.NOTHING
        return self._open(observation, severity, now)

    def _over(self, reached: Severity | None, now: Moment) -> None:
        """Of the value as it is, whatever it may be taken for: that is what the sentence speaks of."""
        over = self._over_s
        for severity in range(len(over)):
            if reached is None or severity > reached:
                over[severity] = None
            elif over[severity] is None:
                over[severity] = now.monotonic_s

    def _hold(self, reached: int, step: float) -> None:
        """Time counts where the severity was reached at both ends of the interval."""
        held, both = self._held, min(reached, self._reached)
        for severity in range(len(held)):
            if severity <= both:
                held[severity] += step
            elif severity > reached:
                held[severity] = max(0.0, held[severity] - 2 * step)
        self._reached = reached

    def _note(self, observation: Observation, value: float, now: Moment) -> None:
        worse = value < self.peak if self.threshold.kind.below else value > self.peak
        if self.count == 0 or worse:
            self.peak, self.peak_at = value, now.time_us
            self.wants_context |= now.monotonic_s - self.context_s >= CONTEXT_EVERY_S
        self.count += 1
        self.total += value
        self.last_at = now.time_us
        if observation.details is not None or observation.baseline is not None:
            details = dict(observation.details or {})
            if observation.baseline is not None:
                details["baseline"] = observation.baseline
            self.details = details

    def _lasting(self, severity: Severity) -> Severity:
        """The gravest up to this one that has held for long enough."""
        least = self.threshold.for_s - _ALMOST
        return max(each for each in Severity if each <= severity and (each == 0 or self._held[each] >= least))

    def _open(self, observation: Observation, severity: Severity, now: Moment) -> Outcome:
        again = self.id != 0
        self.state = AnomalyState.OPEN
        self.severity = max(self.severity, self._lasting(severity))
        self._good_s, self._was_bad, self.wants_context = 0.0, True, True
        self.closed_at = None
        if again:
            self.reopenings += 1
            self.what = "again"
            if self.reopenings >= REOPENINGS:
                self._hold_s = min(self._hold_s * HOLD_FACTOR, HOLD_MOST_S)
                self._flap()
                self.what = "again and again: it flaps"
        else:
            self.opened_at, self.what = now.time_us, ""
        self._say(observation, now)
        return Outcome.OPENED

    def _rise(self, observation: Observation, severity: Severity, now: Moment) -> Outcome:
        if severity <= self._told or (lasting := self._lasting(severity)) <= self._told:
            return Outcome.NOTHING
        if lasting > self.severity:
            self.severity, self.wants_context = lasting, True
            self.what = f"severity rose to {lasting.word}"
        else:  # it has opened anew, with a milder value than it once had
            self.what = f"{lasting.word} again"
        self._say(observation, now)
        return Outcome.CHANGED

    def _recover(self, observation: Observation, before: Side | None, now: Moment) -> Outcome:
        if self._side is Side.BETWEEN:
            self._good_s = max(0.0, self._good_s - now.step_s)
            return Outcome.NOTHING
        if before is Side.GOOD:
            self._good_s += now.clear_s
        flapping = self._was_bad and self._flip(now)
        self._was_bad = False
        needed = self.threshold.clear_for_s
        if self.state is AnomalyState.FLAPPING:
            needed = max(needed, min(self._hold_s, self.threshold.kind.held_s))
        if self._good_s >= needed - _ALMOST:
            return self.close("", now)
        if flapping:
            self.what = f"it flaps: over for now, and kept open until that lasts {long_duration(self._hold_s)}"
            return Outcome.CHANGED
        return Outcome.NOTHING

    def _flip(self, now: Moment) -> bool:
        """It has recovered after it was bad. True: with that it has begun to flap."""
        self.flips += 1
        self._flip_times.append(now.monotonic_s)
        if self.state is AnomalyState.FLAPPING:
            self._hold_s = min(self._hold_s * HOLD_FACTOR, HOLD_MOST_S)
            return False
        if len(self._flip_times) < FLIPS or now.monotonic_s - self._flip_times[0] > FLIP_SPAN_S:
            return False
        self._flap()
        return True

    def _flap(self) -> None:
        self.state = AnomalyState.FLAPPING
        self._hold_s = max(self._hold_s, HOLD_S)

    def _wait(self, now: Moment) -> Outcome:
        """Pending, or closed a short while ago, and not bad at this look."""
        if self.state is AnomalyState.CLOSED or (self._side is Side.BETWEEN and self._held[0] > 0):
            return Outcome.NOTHING
        return self._drop()

    def _drop(self) -> Outcome:
        self._held = [0.0] * len(Severity)
        if self.id:
            self.state = AnomalyState.CLOSED
        return Outcome.DROPPED

    def _say(self, observation: Observation, now: Moment) -> None:
        passed = self.threshold.passed(self.value, self.severity)
        self._level = self.threshold.level_of(self.severity) if passed is None else passed
        reached = self.threshold.severity(self.value)
        self._told = self.severity if reached is None else min(reached, self.severity)
        since = None if reached is None else self._over_s[min(reached, self.severity)]
        lasted = 0.0 if since is None else now.monotonic_s - since
        self.message = messages.begun(
            self.threshold, self.subject, self.value, self.severity, lasted, observation.words, observation.details
        )

    # -- a look without

    def miss(self, now: Moment) -> Outcome:
        """No data: it stays as it is, and after a while that is said."""
        if self.unknown_since is None:
            self.unknown_since, self._unknown_s = now.time_us, now.monotonic_s
        self._side = None
        missing = now.monotonic_s - self._unknown_s
        self._misses += 1
        if self._misses > MISSED:
            self._reached, self._over_s = -1, [None] * len(Severity)
        if self.state is AnomalyState.PENDING and missing >= FORGET_PENDING_S:
            return self._drop()
        flapping = self.state is AnomalyState.FLAPPING  # its data may come and go with it
        if not self.state.is_open or self._unknown_told or missing < (self._hold_s if flapping else UNKNOWN_AFTER_S):
            return Outcome.NOTHING
        self._unknown_told = True
        self.what = f"no data for {long_duration(missing, whole=True)}: not known whether it is over"
        return Outcome.CHANGED

    @property
    def missing_since_s(self) -> float | None:
        """The monotonic time of the first look without data."""
        return None if self.unknown_since is None else self._unknown_s

    def gone(self, why: str, now: Moment) -> Outcome:
        """Its subject is not there any more. One that comes and goes is held open like any that flaps; what was
        foreseen is not, once it has come."""
        if self._gone_s is None:
            self._gone_s = now.monotonic_s
        held = self.threshold.kind.subject not in FOR_GOOD and why != messages.FULL
        if self.state is AnomalyState.FLAPPING and held:
            self._side = None
            if self.unknown_since is None:
                self.unknown_since, self._unknown_s = now.time_us, now.monotonic_s
            if now.monotonic_s - self._gone_s < self._hold_s - _ALMOST:
                return Outcome.NOTHING
        return self.close(why, now)

    def close(self, why: str, now: Moment) -> Outcome:
        """`why` it ends without a recovery; empty: it has recovered."""
        if not self.state.is_open:
            return self._drop()
        self.state = AnomalyState.CLOSED
        self.closed_at, self.closed_s = max(now.time_us, self.began_at), now.monotonic_s
        self.what = why or "recovered"
        lasted = now.monotonic_s - self.began_s
        value = None if why else self.value
        self.message = messages.ended(self.threshold.kind, self.subject, value, self.peak, lasted, why)
        self._good_s = 0.0
        if why:
            self.unknown_since = None
        return Outcome.CLOSED

    # -- the rest

    def shift(self, jump_us: int) -> None:
        """The wall clock jumped: its times are put on the new one, so that their differences stay true."""
        self.began_at += jump_us
        self.opened_at += jump_us
        self.last_at += jump_us
        for name in ("peak_at", "unknown_since", "closed_at"):
            if (at := getattr(self, name)) is not None:
                setattr(self, name, at + jump_us)

    def snapshot(self, host: str) -> Anomaly:
        message = self.message
        if self._unknown_told and self.state.is_open:
            message += NO_DATA_NOW
        elif self.state is AnomalyState.FLAPPING:
            message += COMES_AND_GOES
        return Anomaly(
            id=self.id, kind=self.kind, subject=self.subject, host=host, severity=self.severity, state=self.state,
            began_at=self.began_at, opened_at=self.opened_at, last_at=self.last_at, closed_at=self.closed_at,
            value=self.value, peak=self.peak, mean=self.total / max(self.count, 1), count=self.count,
            threshold=self._level, unit=self.threshold.kind.unit, message=message,
            peak_at=self.peak_at, flips=self.flips, unknown_since=self.unknown_since, processes=self.processes,
            runs=self.runs, links=self.links, notes=self.notes, acknowledged_at=self.acknowledged_at,
            acknowledged_by=self.acknowledged_by, silenced_until=self.silenced_until, details=self.details,
        )  # fmt: skip

    @classmethod
    def restored(cls, anomaly: Anomaly, threshold: Threshold, now: Moment) -> Episode:
        """Continued after a restart: unknown until there are data; a closed one, which may begin again, as it is."""
        self = cls(anomaly.kind, anomaly.subject, threshold, now)
        for name in (
            "id", "state", "severity", "began_at", "opened_at", "last_at", "closed_at", "value", "peak", "peak_at",
            "count", "flips", "message", "details", "processes", "runs", "links", "notes", "acknowledged_at",
            "acknowledged_by", "silenced_until",
        ):  # fmt: skip
            setattr(self, name, getattr(anomaly, name))
        self.message = anomaly.sentence
        self.total, self._level = anomaly.mean * anomaly.count, anomaly.threshold
        self._told = anomaly.severity
        if anomaly.closed_at is not None:
            self.closed_s = now.monotonic_s - (now.time_us - anomaly.closed_at) / 1e6
        else:
            self.unknown_since = anomaly.last_at if anomaly.unknown_since is None else anomaly.unknown_since
            self._unknown_s, self._unknown_told, self._was_bad = now.monotonic_s, True, True
            away_us = now.time_us - anomaly.last_at
            if not 0 <= away_us <= MOST_AWAY_S * 1e6:
                self.shift(away_us)
        self.began_s = now.monotonic_s - max(0, now.time_us - self.began_at) / 1e6
        if anomaly.state is AnomalyState.FLAPPING:
            self._flap()
        return self
