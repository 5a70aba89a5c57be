"""One look at everything: the sources observe, the book judges. No I/O, and no source can break it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opsconsole.anomalies import Anomaly, Transition
from opsconsole.monitoring.detection.episodes import EpisodeBook
from opsconsole.monitoring.detection.observation import Look, Observation, Source
from opsconsole.monitoring.detection.thresholds import Thresholds

FAILURES = 3
"""A source that fails so many times in a row is asked no more."""
_log = logging.getLogger("opsconsole.monitor")


class Watch:
    """`tell` hears what people should know of the watching itself: a source that was given up."""

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
        """Which sources were given up, for people."""
        self._sources = list(sources)
        self._failures: dict[int, int] = {}
        self._tell = tell
        self.book.thresholds = thresholds

    def reload(self, thresholds: Thresholds) -> None:
        """From the next look on these are in force; sources that have a `reload` are told them too."""
        self.book.thresholds = thresholds
        for source in self._sources:
            if (reload := getattr(source, "reload", None)) is not None:
                reload(thresholds)

    def look(self, look: Look) -> list[Transition]:
        """What begins, changes and ends."""
        found: list[Observation] = []
        failed: list[Source] = []
        for source in self._sources:
            try:
                found.extend(source.observe(look))
            except Exception as error:  # noqa: BLE001 - whatever a source does, the others are heard
                self._failed(source, error, failed)
            else:
                if self._failures:
                    self._failures.pop(id(source), None)
        for source in failed:
            self._sources.remove(source)
        return self.book.update(look, found)

    def _failed(self, source: Source, error: Exception, failed: list[Source]) -> None:
        name = type(source).__name__
        count = self._failures[id(source)] = self._failures.get(id(source), 0) + 1
        if count == 1:
            _log.error("the source %s failed", name, exc_info=error)
        if count >= FAILURES:
            failed.append(source)
            note = f"{name} failed {count} times in a row and is not asked any more: {type(error).__name__}: {error}"
            self.notes = (*self.notes, note)
            self._tell(note)

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
