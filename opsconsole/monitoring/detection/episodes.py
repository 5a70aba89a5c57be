"""The book of episodes: at most one per kind and subject, continued over restarts, gaps and short recoveries."""

from __future__ import annotations

import heapq
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from opsconsole.anomalies import ACKNOWLEDGED, Anomaly, AnomalyState, Change, Transition
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.episode import CHANGES, Episode, Moment, Outcome
from opsconsole.monitoring.detection.kinds import GONE_AFTER_S, KINDS
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.monitoring.detection.thresholds import Thresholds, parse
from opsconsole.samples import ProcessSample, Sample
from opsconsole.storage.anomalies import CLOSED_BY_HAND

COOLDOWN_S = 300.0
"""What begins again within that time after its end is the same episode, not a new one."""
RECENT = 100
_BY_MEMORY = (
    "memory_high",
    "memory_pressure",
    "swap_thrash",
    "oom_killed",
    "process_memory_high",
    "process_memory_leak",
)
_OF_NOBODY_HERE = frozenset({"limit_killed"})
"""What the host's largest processes have no part in."""
USUAL_STEP_S, LATE_STEPS, LATE_S = 1.0, 2.0, 5.0
"""Of a late interval counts that a condition held for twice the last ordinary interval; where one is late after the
other, for 5 s: a host that thrashes, on which all of them are late, must not be thought well for that."""

Key = tuple[str, str]
_log = logging.getLogger("opsconsole.monitor")


class EpisodeBook:
    """Not for several threads, but `recent`, `open` and `frozen` may be asked from any: they only read.

    `next_id` gives ids for new episodes; nobody else may give any meanwhile (the monitor's lock sees to that).
    """

    def __init__(
        self,
        host: str,
        next_id: Callable[[], int],
        thresholds: Thresholds | None = None,
        *,
        top_processes: int = 5,
    ) -> None:
        self.thresholds = parse() if thresholds is None else thresholds
        self._host = host
        self._next_id = next_id
        self._top = top_processes
        self._episodes: dict[Key, Episode] = {}
        self._recent: OrderedDict[int, Anomaly] = OrderedDict()
        self._last_s: float | None = None
        self._usual_step_s = USUAL_STEP_S
        self._was_late = False
        self._looks = 0
        self._odd: set[str] = set()
        self._by_cpu: tuple[dict[str, Any], ...] | None = None
        self._by_memory: tuple[dict[str, Any], ...] | None = None

    # -- asking

    def frozen(self, kind: str, subject: str = "") -> bool:
        """Whether it is in an episode now, or about to be: a baseline must not learn from that time."""
        episode = self._episodes.get((kind, subject))
        return episode is not None and episode.state is not AnomalyState.CLOSED

    def following(self, kind: str) -> list[str]:
        """Subjects that a source must go on listing: they are in an episode, or about to be."""
        return [
            subject
            for (name, subject), episode in list(self._episodes.items())
            if name == kind and episode.state is not AnomalyState.CLOSED
        ]

    def open(self) -> list[Anomaly]:
        """As they are now, newest first."""
        episodes = [episode for episode in list(self._episodes.values()) if episode.state.is_open]
        return sorted((each.snapshot(self._host) for each in episodes), key=lambda one: one.id, reverse=True)

    def recent(self) -> list[Anomaly]:
        """The last hundred, open ones as they are now, newest first."""
        found = {**dict(self._recent), **{anomaly.id: anomaly for anomaly in self.open()}}
        return [found[id] for id in sorted(found, reverse=True)[:RECENT]]

    # -- a look

    def update(self, look: Look, observations: Iterable[Observation]) -> list[Transition]:
        """What begins, changes and ends with what was observed at this look."""
        now = self._moment(look.sample)
        self._by_cpu = self._by_memory = None
        self._looks = number = self._looks + 1
        found: list[Transition] = []
        episodes, lookup, host = self._episodes, self.thresholds.lookup, self._host
        for observation in observations:
            kind, subject, value = observation[0], observation[1], observation[2]
            episode = episodes.get((kind, subject))
            if episode is None and value is None:
                continue
            try:
                threshold = lookup(kind, subject, host, observation.aliases)
            except KeyError:
                self._say_odd(kind)
                continue
            if episode is None:
                level = threshold.levels[0][1]
                if value is None or not (value < level if threshold.kind.below else value > level):
                    continue
                if not threshold.enabled or not math.isfinite(value) or observation.gone:
                    continue
                episode = episodes[kind, subject] = Episode(kind, subject, threshold, now)
            if episode.seen_at_look == number:
                continue  # two sources speak of the same thing: time must not count twice
            episode.threshold, episode.aliases = threshold, observation.aliases
            episode.seen_at_look = number
            self._conclude(episode, self._judge(episode, observation, now), look, now, found)
        if episodes:
            self._others(number, look, now, found)
        return found

    def _moment(self, sample: Sample) -> Moment:
        last, self._last_s = self._last_s, sample.monotonic_s
        if sample.clock_jump_s:  # it may come with a gap, too
            for episode in self._episodes.values():
                episode.shift(round(sample.clock_jump_s * 1e6))
        step = 0.0 if last is None or sample.gap == "suspend" else max(0.0, sample.monotonic_s - last)
        clear, late, was_late = step, sample.gap == "late", self._was_late
        self._was_late = late
        if late:
            usual = self._usual_step_s
            step, clear = min(step, max(LATE_STEPS * usual, LATE_S * was_late)), min(step, usual)
        elif step:
            self._usual_step_s = step
        return Moment(sample.time_us, sample.monotonic_s, step, clear)

    def _judge(self, episode: Episode, observation: Observation, now: Moment) -> Outcome:
        if not episode.threshold.enabled:
            return episode.close("switched off in the settings", now)
        if observation.gone:
            return episode.gone(observation.words or messages.GONE, now)
        value = observation.value
        if value is None or not math.isfinite(value):
            return episode.miss(now)
        return episode.see(observation, value, now)

    def _others(self, number: int, look: Look, now: Moment, found: list[Transition]) -> None:
        """Those nobody spoke of: no data, or gone for good, or closed for so long that they are forgotten."""
        for key, episode in list(self._episodes.items()):
            if episode.state is AnomalyState.CLOSED:
                if now.monotonic_s - episode.closed_s > COOLDOWN_S:
                    del self._episodes[key]
            elif episode.seen_at_look != number:
                self._conclude(episode, self._unseen(episode, look, now), look, now, found)

    def _unseen(self, episode: Episode, look: Look, now: Moment) -> Outcome:
        if not self._enabled(episode):
            return episode.close("switched off in the settings", now)
        since = episode.missing_since_s
        outcome = episode.miss(now)
        if since is None or _exists(episode, look) is not False:
            return outcome
        missing = now.monotonic_s - since
        lasting = missing >= GONE_AFTER_S[KINDS[episode.kind].subject]
        return episode.gone(messages.GONE, now) if lasting else outcome

    def _enabled(self, episode: Episode) -> bool:
        return self.thresholds.lookup(episode.kind, episode.subject, self._host, episode.aliases).enabled

    def _conclude(self, episode: Episode, outcome: Outcome, look: Look, now: Moment, found: list[Transition]) -> None:
        if outcome is Outcome.DROPPED:
            if not episode.id:
                self._episodes.pop((episode.kind, episode.subject), None)
            return
        if episode.wants_context and (episode.state.is_open or outcome is Outcome.OPENED):
            self._add_context(episode, look, now)
        if outcome is Outcome.NOTHING:
            return
        if not episode.id:
            episode.id = self._next_id()
        anomaly = episode.snapshot(self._host)
        self._remember(anomaly)
        found.append(Transition(CHANGES[outcome], anomaly, episode.what))

    def _remember(self, anomaly: Anomaly) -> None:
        self._recent[anomaly.id] = anomaly
        self._recent.move_to_end(anomaly.id)
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def _say_odd(self, kind: str) -> None:
        if kind not in self._odd:
            self._odd.add(kind)
            _log.error("a source speaks of a kind that is not known: %.100r", kind)

    # -- who was there at the peak

    def _add_context(self, episode: Episode, look: Look, now: Moment) -> None:
        if episode.kind not in _OF_NOBODY_HERE and (look.processes or not episode.processes):
            episode.processes = self._top_of(look, by_memory=episode.kind in _BY_MEMORY)
        episode.runs = tuple(usage.execution_id for usage in look.runs)
        episode.wants_context, episode.context_s = False, now.monotonic_s

    def _top_of(self, look: Look, *, by_memory: bool) -> tuple[dict[str, Any], ...]:
        """Made at most once a look: there may be thousands of processes, and many episodes."""
        if by_memory:
            if self._by_memory is None:
                self._by_memory = _named(heapq.nlargest(self._top, look.processes, key=lambda one: one.rss_bytes))
            return self._by_memory
        if self._by_cpu is None:
            self._by_cpu = _named(heapq.nlargest(self._top, look.processes, key=lambda one: one.cpu_percent))
        return self._by_cpu

    # -- restart, and what others do

    def restore(self, anomalies: Iterable[Anomaly], time_us: int, monotonic_s: float) -> None:
        """Continue these of this host, under their ids: open ones as unknown until there are data, and those closed
        within COOLDOWN_S (`storage.anomalies.closed_since`) as what may begin again."""
        now = Moment(time_us, monotonic_s, 0.0, 0.0)
        for anomaly in sorted(anomalies, key=lambda one: (one.state.is_open, one.id)):
            if anomaly.host != self._host or anomaly.kind not in KINDS:
                continue
            if not anomaly.state.is_open and not _just_closed(anomaly, time_us):
                continue
            threshold = self.thresholds.lookup(anomaly.kind, anomaly.subject, self._host)
            episode = Episode.restored(anomaly, threshold, now)
            self._episodes[anomaly.kind, anomaly.subject] = episode
            self._remember(episode.snapshot(self._host))

    def refresh(self, anomalies: Iterable[Anomaly]) -> list[Transition]:
        """What people did to episodes, as storage has it (`storage.anomalies.changed_since`)."""
        by_id = {episode.id: episode for episode in self._episodes.values() if episode.id}
        found: list[Transition] = []
        for stored in anomalies:
            episode = by_id.get(stored.id)
            closed_by = [link for link in stored.links if link.get("kind") == CLOSED_BY_HAND]
            if closed_by and episode is not None and stored.state is AnomalyState.CLOSED:
                was_open = episode.state.is_open
                self.forget(stored.id)
                self._remember(stored)
                if not was_open:
                    continue
                by = messages.subject(str(closed_by[-1].get("ref") or "somebody"))
                found.append(Transition(Change.CLOSED, stored, f"closed by {by}"))
            elif episode is not None:
                if what := _operators_part(episode, stored):
                    anomaly = episode.snapshot(self._host)
                    self._remember(anomaly)
                    found.append(Transition(Change.CHANGED, anomaly, what))
            elif stored.id in self._recent:
                known = self._recent[stored.id]
                self._recent[stored.id] = replace(known, **{name: getattr(stored, name) for name in _OPERATORS})
        return found

    def forget(self, id: int) -> bool:
        """Drop an episode that was closed by hand; a condition that still holds begins another one."""
        for key, episode in list(self._episodes.items()):
            if episode.id == id:
                del self._episodes[key]
                return True
        return False


def _just_closed(anomaly: Anomaly, now_us: int) -> bool:
    """Not so long ago that it is over for good, and not by somebody's hand."""
    if anomaly.closed_at is None or any(link.get("kind") == CLOSED_BY_HAND for link in anomaly.links):
        return False
    return 0 <= now_us - anomaly.closed_at <= COOLDOWN_S * 1e6


_OPERATORS = ("links", "notes", "acknowledged_at", "acknowledged_by", "silenced_until")


def _operators_part(episode: Episode, stored: Anomaly) -> str:
    """Take over what people did; what that was, in words."""
    said = []
    if stored.acknowledged_at != episode.acknowledged_at and stored.acknowledged_at is not None:
        said.append(f"acknowledged by {messages.subject(stored.acknowledged_by or 'somebody')}")
    if stored.silenced_until != episode.silenced_until:
        said.append("silenced" if stored.silenced_until is not None else "no longer silenced")
    if len(stored.notes) > len(episode.notes):
        said.append("noted")
    before = sum(link.get("kind") != ACKNOWLEDGED for link in episode.links)
    if len(stored.done) > before:
        said.append("linked to what was done about it")
    for name in _OPERATORS:
        setattr(episode, name, getattr(stored, name))
    return ", ".join(said)


def _exists(episode: Episode, look: Look) -> bool | None:
    """Whether the look, which carries things of that class, has the subject; None: it carries none."""
    subject, sample = episode.subject, look.sample
    match KINDS[episode.kind].subject:
        case "process":
            pid = subject[subject.rfind("[") + 1 : -1]
            return any(str(one.pid) == pid for one in look.processes) if look.processes else None
        case "mount":
            return any(disk.mount == subject for disk in sample.disks) if sample.disks else None
        case "drive":
            return any(drive.name == subject for drive in sample.drives) if sample.drives else None
        case "interface":
            return any(card.name == subject for card in sample.interfaces) if sample.interfaces else None
        case "series":
            return subject in look.values if look.values else None
        case "run":
            return any(usage.execution_id == subject for usage in look.runs)
    return None


def _named(processes: Iterable[ProcessSample]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "pid": one.pid,
            "start_time": one.start_time,
            "name": messages.subject(one.name),
            "cpu_percent": one.cpu_percent,
            "rss_bytes": one.rss_bytes,
        }
        for one in processes
    )
