"""The recorded episodes: what each was like at a moment, and what happens to them while somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from opsconsole.anomalies import Anomaly, AnomalyState, Change, Severity, Transition
from opsconsole.demo.host import PlayedHost
from opsconsole.demo.moment import DemoClock
from opsconsole.demo.trace import wobble
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.observation import Look
from opsconsole.monitoring.detection.thresholds import parse

_TOP = 5
_SERIES = {"memory_high": "memory", "memory_pressure": "psi_memory", "cpu_high": "cpu", "disk_full": "disk:{}"}
"""Episodes whose value is a series of the trace."""


class Troubles:
    """Episodes by number, from 1 in the order of the trace. `run_of` gives the execution of a script that was under
    way at a second, or None."""

    def __init__(self, host: PlayedHost, clock: DemoClock, run_of: Callable[[str, float], str | None]) -> None:
        self._host = host
        self._clock = clock
        self._run_of = run_of
        self._thresholds = parse()
        self.recorded: Sequence[dict[str, Any]] = host.trace.episodes
        self.numbers = range(1, len(self.recorded) + 1)

    def at(self, number: int, second: float) -> Anomaly | None:
        """What it was like; None: it had not begun."""
        episode = self.recorded[number - 1]
        begins, until = float(episode["at"]), float(episode.get("until", inf))
        if second < begins:
            return None
        closed = second >= until
        ends = min(second, until)
        severity = self._severity(episode, ends)
        value, peak = self._value(episode, ends), self._peak(episode, begins, ends)
        kind = self._thresholds.general(episode["kind"])
        subject, lasted = episode.get("subject", ""), ends - begins
        now = episode["values"][2] if closed else value
        text = (
            messages.ended(kind.kind, subject, now, peak, lasted + kind.kind.for_s, "")
            if closed
            else messages.begun(kind, subject, self._told(episode, second), severity, kind.kind.for_s, "")
        )
        run = self._run_of(episode["run"], begins) if "run" in episode else None
        state = AnomalyState.CLOSED if closed else AnomalyState.OPEN
        return Anomaly(
            id=number, kind=episode["kind"], subject=subject, host=self._host.trace.head["host"]["name"],
            severity=severity, state=state, began_at=self._us(begins - kind.kind.for_s), opened_at=self._us(begins),
            last_at=self._us(ends), closed_at=self._us(ends) if closed else None, value=round(now, 2),
            peak=round(peak, 2), mean=round((value + peak) / 2, 2), count=max(1, round(lasted)),
            threshold=kind.level_of(severity), unit=kind.kind.unit, message=text,
            peak_at=self._us(begins + 0.8 * (ends - begins)), flips=episode.get("flips", 0),
            processes=self._top(episode["kind"], ends), runs=(run,) if run else (), details=episode.get("details"),
        )  # fmt: skip

    def people(self, number: int) -> tuple[str | None, list[tuple[str, str]]]:
        """Who acknowledged it, and the notes: (by, text)."""
        episode = self.recorded[number - 1]
        return episode.get("by"), [(by, text) for by, text in episode.get("notes", ())]

    def _us(self, second: float) -> int:
        return self._clock.at(second)

    def _severity(self, episode: dict[str, Any], second: float) -> Severity:
        """The last one that it rose to; of one that is long over, the one that was recorded."""
        found = Severity.parse(episode["severity"])
        for at, severity in episode.get("rises", ()):
            if at <= second:
                found = Severity.parse(severity)
        return found

    def _told(self, episode: dict[str, Any], second: float) -> float:
        """Its value when it opened, or when its severity rose: what its sentence is about."""
        rose = [float(at) for at, _ in episode.get("rises", ()) if at <= second]
        if self._series(episode):
            return self._value(episode, max(rose, default=float(episode["at"])))
        return float(episode["values"][1 if rose else 0])

    def _series(self, episode: dict[str, Any]) -> str | None:
        name = _SERIES.get(episode["kind"], "").format(episode.get("subject", ""))
        return name if name and episode["at"] >= self._host.trace.begins else None

    def _value(self, episode: dict[str, Any], second: float) -> float:
        if series := self._series(episode):
            return self._host.trace.value(series, second)
        begun, peak, now = (float(value) for value in episode["values"])
        if second < 0 or episode["at"] < self._host.trace.begins or episode["kind"] == "run_failure_rate":
            return now if second >= 0 else peak
        return now + abs(peak - begun) * 0.02 * wobble(len(episode["kind"]), second)

    def _peak(self, episode: dict[str, Any], begins: float, ends: float) -> float:
        if series := self._series(episode):
            steps = max(1, round((ends - begins) / 5))
            found = (begins + (ends - begins) * step / steps for step in range(steps + 1))
            return max(self._host.trace.value(series, second) for second in found)
        return float(episode["values"][1])

    def _top(self, kind: str, second: float) -> tuple[dict[str, Any], ...]:
        if second < self._host.trace.begins:
            return ()
        large = kind.startswith(("memory", "process_memory", "oom"))
        found = sorted(
            self._host.processes(second), key=lambda one: one.rss_bytes if large else one.cpu_percent, reverse=True
        )
        return tuple(
            {
                "pid": one.pid, "start_time": one.start_time, "name": one.name, "cpu_percent": one.cpu_percent,
                "rss_bytes": one.rss_bytes,
            }
            for one in found[:_TOP]
        )  # fmt: skip


class PlayedWatch:
    """In the detectors' place: tells what the trace says happens. For the monitor's thread."""

    def __init__(self, troubles: Troubles, clock: DemoClock) -> None:
        self._troubles = troubles
        self._clock = clock
        self._known: dict[int, Anomaly] = {}
        self._known = {one.id: one for one in self._now(0.0)}

    def look(self, look: Look) -> list[Transition]:
        found = []
        for one in self._now(self._clock.second()):
            before = self._known.get(one.id)
            if before is None:
                found.append(Transition(Change.OPENED, one))
            elif before.state.is_open and not one.state.is_open:
                found.append(Transition(Change.CLOSED, one))
            elif one.severity > before.severity:
                found.append(Transition(Change.CHANGED, one, f"severity rose to {one.severity.word}"))
            self._known[one.id] = one
        return found

    def open(self) -> list[Anomaly]:
        """As they are now."""
        return [one for one in self._known.values() if one.state.is_open]

    def _now(self, second: float) -> list[Anomaly]:
        over = [one for one in self._known.values() if not one.state.is_open]
        done = {one.id for one in over}
        found = (self._troubles.at(number, second) for number in self._troubles.numbers if number not in done)
        return [*over, *(one for one in found if one is not None)]
