"""Watching this host for one console's eyes alone: nothing is written, and nobody is told but whoever looks at it.

For consoles that change nothing, and where nothing can be written. Graphs and anomalies are in this process's memory;
where another console's monitor is seen at work, that one is followed.
"""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opsconsole.anomalies import Transition
from opsconsole.events import SampleTaken
from opsconsole.monitoring import control
from opsconsole.monitoring.monitor import Hearing, Monitor, MonitorStatus, Noticing, Parts
from opsconsole.monitoring.station import Station, redacting
from opsconsole.storage import frozen
from opsconsole.storage.beside import Beside

if TYPE_CHECKING:
    from opsconsole.monitoring.analysis import Analysis
    from opsconsole.storage.metrics import MetricsStore

_SILENT_S = 45.0
"""A monitor that has shown nothing for so long cannot write what it sees either, or has stopped: we look ourselves."""


class UnrecordedStation(Station):
    """As any other to whoever asks; its monitor takes nobody's place."""

    records = False

    def __init__(self, *args: Any, **known: Any) -> None:
        super().__init__(*args, **known)
        self._beside: Beside | None = None

    def start(self, *, by_hand: bool = True, wait_s: float = 0.0, door: str | None = None) -> bool:
        """Look at this host, unless another monitor is seen to. Asked again and again: that one may leave, or come.

        False: this console does not look itself.
        """
        self._door = door or self._door
        if self._seen_at_work():
            self._end_own()
            return False
        if self._beside is not None and self._beside.connection is not self._reads():
            self._end_own()  # the files have changed: what is on record is read anew
        monitor = self._monitor
        if monitor is not None and monitor.running:
            return True
        if not by_hand and (self._stopped_by_hand or (monitor is not None and monitor.failure is not None)):
            return False
        self._beside = self._beside or Beside(self._reads())
        if monitor is None:
            monitor = self._monitor = UnrecordedMonitor(
                self.settings.monitor, self.files, clock=self._clock, door=self._door, make_parts=self._make_parts,
                job=self._remember, publish=self._publish, redact=lru_cache(4096)(redacting(self.settings)),
                looked_at=lambda: self._looking > 0,
            )  # fmt: skip
        started = monitor.start()
        if wait_s:
            monitor.first_look.wait(wait_s)
        return started

    def stop(self) -> bool:
        """Only what this console does by itself."""
        running = self._monitor is not None and self._monitor.running
        self._end_own()
        return running

    def look(self) -> None:
        super().look()
        if self._monitor is not None:
            self._monitor.wake("look")

    def reload(self) -> None:
        if self._monitor is not None and self._monitor.running:
            self._monitor.wake("reload")
        elif not frozen.needed(self.files.control):
            super().reload()

    @property
    def alive(self) -> bool:
        return (self._monitor is not None and self._monitor.running) or self._seen_at_work()

    def status(self) -> MonitorStatus:
        found = super().status()
        return replace(found, recorded=False) if found.state == "running" else found

    def latest(self) -> SampleTaken | None:
        """The newest sample; an old one of a monitor that shows nothing any more is none."""
        own = self._monitor is not None and self._monitor.running
        return super().latest() if own or self._seen_at_work() else None

    def store(self) -> MetricsStore:
        """Of the past as much as can be read."""
        if self._store is None:
            from opsconsole.storage.metrics import MetricsStore

            path = self._paths.root / "metrics.db"
            self._store = MetricsStore(path, self.settings.monitor, self._clock, remembers=True)
        return super().store()

    def analyze(self, minutes: float = 15.0) -> Analysis:
        from opsconsole.monitoring.analysis.examination import examine, look

        looked = look(self._paths, self.settings.monitor, self._clock)
        return examine(
            self._paths, self.settings.monitor, looked, minutes, self._clock, open_ones=self.open_anomalies(),
            history=self.store(), alive=self.alive,
        )[0]  # fmt: skip

    def _seen_at_work(self) -> bool:
        if (found := control.holder(self.files)) is None:
            return False
        last = self._seen_elsewhere()
        newest_us = max(found.started_at, last.sample.time_us if last is not None else 0)
        patience_s = max(_SILENT_S, 3 * last.interval_s if last is not None else 0.0)
        return self._clock.now() - newest_us < patience_s * 1e6

    def _end_own(self) -> None:
        if self._monitor is not None:
            self._drawn.set()
            self._monitor.stop()
        if self._beside is not None:
            self._beside.end()
            self._beside = None

    def _remember(self, job: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        """What a monitor has a writer do is done at once, in tables that only we have."""
        done: Future[Any] = Future()
        beside = self._beside
        try:
            done.set_result(None if beside is None else job(beside.connection))
        except sqlite3.Error as error:
            done.set_exception(error)
        return done

    def _make_parts(self) -> Parts:
        parts = super()._make_parts()
        told = parts.refresh

        def refresh() -> Sequence[Transition]:
            if self._beside is not None:
                self._beside.refresh()
            return told()

        parts.refresh = refresh
        return parts


class UnrecordedMonitor(Monitor):
    """Takes no place, shows others nothing, and hears this process only."""

    def __init__(self, *args: Any, looked_at: Callable[[], bool], **known: Any) -> None:
        super().__init__(*args, **known)
        self._looked_at = looked_at

    def _taken(self, now: int) -> Hearing:
        return InnerEar()

    def _watcher(self) -> Noticing:
        return Onlooker(self._looked_at)

    def _show_others(self, taken: SampleTaken) -> None:
        """There is nothing to write it to."""


class InnerEar:
    """Hears what is said in this process."""

    def __init__(self) -> None:
        self._words: queue.SimpleQueue[str] = queue.SimpleQueue()

    def wait(self, seconds: float) -> list[str]:
        """The words that came, at once when they come; empty when the time is over."""
        words: list[str] = []
        try:
            words.append(self._words.get(timeout=max(0.0, seconds)))
            while True:
                words.append(self._words.get_nowait())
        except queue.Empty:
            return words

    def say(self, word: str) -> None:
        self._words.put(word)

    def close(self) -> None:
        """Nothing is held."""


class Onlooker:
    """Whether this console's screen looks."""

    def __init__(self, looked_at: Callable[[], bool]) -> None:
        self._looked_at = looked_at

    def anybody(self) -> bool:
        return self._looked_at()

    def close(self) -> None:
        """Nothing is held."""
