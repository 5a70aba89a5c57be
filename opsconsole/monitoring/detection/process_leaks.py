"""Which processes' memory is watched for growth: few, the large ones, each in its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from opsconsole.monitoring.detection import process_identity
from opsconsole.monitoring.detection.memory_growth import LEAST_GROWTH, LEAST_SPAN_S, MIB, POINT_S, Growth, History
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.samples import ProcessSample

KIND = "process_memory_leak"
MOST = 64
SETTLED_S = 300.0
"""A process is not watched for growth before it is this old: starting is growing."""
_LEAST_RSS = 32 * MIB
_LEAST_SHARE = 0.005
_LEAST_GROWTH_SHARE = 0.0025
_ROUND_S = 60.0
_REMEMBERED = 4096


class _Watched:
    __slots__ = ("growth", "history", "identity", "listed", "process", "subject", "who")

    def __init__(self, process: ProcessSample, *, listed: bool) -> None:
        self.process = process
        self.identity = process.identity
        self.subject = process_identity.subject(process)
        self.who: dict[str, Any] | None = None
        self.history = History()
        self.growth: Growth | None = None
        self.listed = listed
        """It grew, or is in an episode: what it does is told at every look."""


class Leaks:
    """The part of `ProcessSource` that watches for growth."""

    def __init__(self, frozen: Callable[[str, str], bool]) -> None:
        self._frozen = frozen
        self._watched: dict[int, _Watched] = {}
        self._had_turn: set[tuple[int, int]] = set()
        self._turn: list[int] = []
        self._point_at: float | None = None

    @property
    def pids(self) -> Iterable[int]:
        return self._watched

    def least_rss(self, total: int) -> float:
        """Bytes from which a process can matter here."""
        return max(total * _LEAST_SHARE, _LEAST_RSS)

    def resume(self, process: ProcessSample, subject: str) -> None:
        """It may be in an episode from before a restart: then it is watched again, whatever its size."""
        if len(self._watched) < MOST and self._frozen(KIND, subject):
            self._watched[process.pid] = _Watched(process, listed=True)

    def observe(
        self, look: Look, large: Sequence[ProcessSample], alive: Mapping[int, ProcessSample]
    ) -> Iterable[Observation]:
        """`large` are the processes above `least_rss`; `alive` has those of `pids` that are there."""
        sample = look.sample
        for pid, watched in list(self._watched.items()):
            process = alive.get(pid)
            if process is None or process.identity != watched.identity:
                del self._watched[pid]
                if watched.listed:
                    yield Observation(KIND, watched.subject, gone=True)
            else:
                watched.process = process
        now = sample.monotonic_s
        if self._point_at is None or now - self._point_at >= POINT_S:
            self._point_at = now
            for watched in self._watched.values():
                watched.history.add(now, watched.process.rss_bytes)
            self._admit([one for one in large if one.pid not in self._watched], sample.time_us / 1e6)
        self._judge(look)
        yield from self._told(look)

    def _admit(self, waiting: list[ProcessSample], now_s: float) -> None:
        """The largest first; a full table gives the place of one that has not grown to one that had no turn yet."""
        waiting = [one for one in waiting if now_s - one.start_time >= SETTLED_S]
        if not waiting:
            return
        fresh = [one for one in waiting if one.identity not in self._had_turn]
        if not fresh or len(self._had_turn) > _REMEMBERED:
            self._had_turn.clear()
            fresh = waiting
        fresh.sort(key=lambda one: one.rss_bytes, reverse=True)
        for process in fresh:
            if len(self._watched) >= MOST and not self._make_room():
                return
            self._watched[process.pid] = _Watched(process, listed=False)

    def _make_room(self) -> bool:
        for pid, watched in self._watched.items():
            if not watched.listed and watched.history.span_s >= LEAST_SPAN_S and watched.history.grew < LEAST_GROWTH:
                del self._watched[pid]
                self._had_turn.add(watched.identity)
                return True
        return False

    def _judge(self, look: Look) -> None:
        """A few at a look, each about once a minute: together they would be a hiccup."""
        memory = look.sample.memory
        count = max(1, ceil(len(self._watched) * (look.sample.interval_s or 1.0) / _ROUND_S))
        for _ in range(min(count, len(self._watched))):
            if not self._turn:
                self._turn = list(self._watched)
            watched = self._watched.get(self._turn.pop())
            if watched is not None:
                least = max(LEAST_GROWTH, memory.total * _LEAST_GROWTH_SHARE)
                watched.growth = watched.history.growth(
                    memory.available, least, known=watched.growth is not None or watched.listed
                )
                watched.listed = watched.listed or watched.growth is not None

    def _told(self, look: Look) -> Iterable[Observation]:
        for watched in self._watched.values():
            if not watched.listed:
                continue
            growth = watched.growth
            if growth is not None:
                share = growth.slope_bps * 3600 / look.sample.memory.total * 100
                yield Observation(KIND, watched.subject, share, _details(watched, growth))
            elif self._frozen(KIND, watched.subject):
                enough = watched.history.span_s >= LEAST_SPAN_S
                yield Observation(KIND, watched.subject, 0.0 if enough else None)
            else:
                watched.listed = False


def _details(watched: _Watched, growth: Growth) -> dict[str, Any]:
    if watched.who is None:
        watched.who = process_identity.details(watched.process)
    return {
        **watched.who,
        "slope_bps": round(growth.slope_bps, 1),
        "eta_s": round(growth.eta_s),
        "span_s": round(growth.span_s),
        "grew_bytes": round(growth.grew_bytes),
    }
