"""One look at everything: the sources observe, the book judges. No I/O, and no source can break it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from opsconsole.anomalies import Anomaly, Transition
from opsconsole.monitoring.detection.episodes import EpisodeBook
from opsconsole.monitoring.detection.observation import Look, Observation, Source
from opsconsole.monitoring.detection.thresholds import Thresholds

FAILURES = 3
"""A source that fails so many times in a row is left alone for a while."""
PAUSE_S, PAUSE_MOST_S = 60.0, 1800.0
"""For how long, at first; twice as long each time that it fails again."""
_log = logging.getLogger("opsconsole.monitor")


class _Paused(NamedTuple):
    """A source that is left alone until that monotonic second."""

    until_s: float
    pause_s: float
    note: str


class Watch:
    """`tell` hears what people should know of the watching itself: a source that is left alone, or works again."""

    def __init__(
        self,
        thresholds: Thresholds,
        host: str,
        sources: Sequence[Source],
        book: EpisodeBook,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.book = book
        self.host = host
        self.notes: tuple[str, ...] = ()
        """Which sources are left alone just now, for people."""
        self._sources = list(sources)
        self._failures: dict[int, int] = {}
        self._paused: dict[int, _Paused] = {}
        self._tell = tell
        self.book.thresholds = thresholds

    def reload(self, thresholds: Thresholds) -> None:
        """From the next look on these are in force; sources that have a `reload` are told them too, and those that were
        left alone are asked again."""
        self.book.thresholds = thresholds
        self._failures.clear()
        self._paused.clear()
        self.notes = ()
        for source in self._sources:
            if (reload := getattr(source, "reload", None)) is not None:
                reload(thresholds)

    def look(self, look: Look) -> list[Transition]:
        """What begins, changes and ends."""
        found: list[Observation] = []
        now_s = look.sample.monotonic_s
        for source in self._sources:
            if self._paused and (paused := self._paused.get(id(source))) is not None and now_s < paused.until_s:
                continue
            try:
                found.extend(source.observe(look))
            except Exception as error:  # noqa: BLE001 - whatever a source does, the others are heard
                self._failed(source, error, now_s)
            else:
                if self._failures:
                    self._works(source)
        return self.book.update(look, found)

    def _failed(self, source: Source, error: Exception, now_s: float) -> None:
        name = type(source).__name__
        count = self._failures[id(source)] = self._failures.get(id(source), 0) + 1
        if count == 1:
            _log.error("the source %s failed", name, exc_info=error)
        if count < FAILURES:
            return
        before = self._paused.get(id(source))
        pause_s = PAUSE_S if before is None else min(2 * before.pause_s, PAUSE_MOST_S)
        why = f"{type(error).__name__}: {error}"
        note = f"{name} failed {FAILURES} times in a row and is asked only now and then: {why}"
        self._paused[id(source)] = _Paused(now_s + pause_s, pause_s, note)
        self.notes = tuple(paused.note for paused in self._paused.values())
        if before is None:
            self._tell(note)

    def _works(self, source: Source) -> None:
        self._failures.pop(id(source), None)
        if self._paused.pop(id(source), None) is not None:
            self.notes = tuple(paused.note for paused in self._paused.values())
            self._tell(f"{type(source).__name__} works again")

    def refresh(self, found: Iterable[Anomaly]) -> list[Transition]:
        """What other consoles did to episodes: acknowledged, silenced, noted, closed by hand."""
        return self.book.refresh(found)

    # -- what is kept over a restart

    def state(self) -> dict[str, bytes]:
        """Of every source that has a `name` and keeps a baseline."""
        return {name: source.state() for name, source in self._keeping()}

    def restore(self, states: Mapping[str, bytes]) -> None:
        """What `state` gave; one that cannot be read is begun anew, and logged."""
        for name, source in self._keeping():
            if name in states:
                try:
                    source.restore(states[name])
                except Exception:  # noqa: BLE001 - states come from a file; the worst is to begin anew
                    _log.exception("the state of %s could not be read: it begins anew", name)

    def _keeping(self) -> list[tuple[str, Any]]:
        return [
            (str(getattr(source, "name")), source)  # noqa: B009 - not part of the protocol
            for source in self._sources
            if all(hasattr(source, part) for part in ("name", "state", "restore"))
        ]
