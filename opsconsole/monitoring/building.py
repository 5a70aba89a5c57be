"""Builds what the monitor's loop drives, and connects it. In the monitor's thread: loading takes a while."""

from __future__ import annotations

import itertools
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from opsconsole.anomalies import Transition
from opsconsole.clock import Clock
from opsconsole.errors import OpsError
from opsconsole.events import Event, Notice
from opsconsole.models import ExecutionResult, Priority
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.alerts import Alerts
from opsconsole.monitoring.detection.episodes import COOLDOWN_S, EpisodeBook
from opsconsole.monitoring.detection.host_sources import host_sources
from opsconsole.monitoring.detection.observation import Source
from opsconsole.monitoring.detection.process_sources import ProcessSource
from opsconsole.monitoring.detection.run_sources import ReadingFacts, RunSource
from opsconsole.monitoring.detection.smart_source import SmartSource
from opsconsole.monitoring.detection.thresholds import parse
from opsconsole.monitoring.detection.unusual import UnusualSource
from opsconsole.monitoring.detection.watch import Watch
from opsconsole.monitoring.monitor import Parts
from opsconsole.monitoring.sampling.runs import Active, RunSampler
from opsconsole.monitoring.sampling.sampler import Sampler
from opsconsole.paths import StatePaths
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings, load_settings
from opsconsole.storage import anomalies, database, opening, silences
from opsconsole.storage.metrics import MetricsStore
from opsconsole.storage.running import running
from opsconsole.storage.steadiness import Steadiness

Job = Callable[[sqlite3.Connection], Any]
_log = logging.getLogger("opsconsole.monitor")

METRICS = "metrics.db"
ALERT = "alert"
"""The level of a notice that should be heard: the console rings."""
STATES_EVERY = 10
"""Chores between two savings of what the detectors have learned: ten minutes of it can be lost."""
TRIM_EVERY = 5
KEEP_ANOMALIES_D = 365.0
_LEARNED = "learned/"
_BASELINE = "baseline/"


@dataclass
class Built:
    """The parts, and what the station asks of them."""

    parts: Parts
    store: MetricsStore
    watch: Watch
    alerts: Alerts | None

    def execution_ended(self, result: ExecutionResult, priority: Priority) -> None:
        if self.alerts is not None:
            self.alerts.on_execution(result, priority=priority)


def build(
    settings: Settings,
    paths: StatePaths,
    *,
    clock: Clock,
    host: str,
    job: Callable[[Job], Future[Any]],
    publish: Callable[[Event], None],
    submit: Callable[[str, str, Mapping[str, str]], object] | None,
    records: bool = True,
) -> Built:
    """Not `records`: nothing is written and nobody is told, but by `publish`. Raises SettingsError, StorageError,
    OSError.
    """
    own = settings.monitor
    thresholds = parse(own.thresholds)

    def tell(message: str) -> None:
        publish(Notice("warning", message))

    c, known = (database.connect(paths.database, read_only=True), True) if records else readable(paths)
    ids = itertools.count(anomalies.next_id(c))
    book = EpisodeBook(host, lambda: next(ids), thresholds, top_processes=own.top_processes)
    lately = anomalies.closed_since(c, clock.now() - round(COOLDOWN_S * 1e6))  # such ones may go on
    book.restore([*anomalies.open_ones(c), *lately], clock.now(), clock.monotonic())
    store = MetricsStore(paths.root / METRICS, own, clock, remembers=not records, tell=tell if known else _log.warning)
    reading = ReadingFacts(paths, clock)
    sources: list[Source] = [
        *host_sources(book.frozen), ProcessSource(thresholds, book.frozen), RunSource(reading, clock, book.following),
    ]  # fmt: skip
    if own.smart:
        sources.append(SmartSource(clock))
    unusual = UnusualSource(book.frozen, threshold=own.unusual_threshold) if own.learning else None
    if unusual is not None:
        sources.append(unusual)
    watch = Watch(thresholds, host, sources, book, tell)
    _restore(store, watch, unusual)
    alerts = None
    if records:
        redaction = Redaction.of(os.environ, settings.redaction)
        alerts = Alerts(
            settings.alerts, job, clock, host, submit, lambda message: publish(Notice(ALERT, message)),
            redaction=redaction,
        )  # fmt: skip
        alerts.start()
    chores = _Chores(c, store, watch, unusual, job, clock, own)

    def active() -> list[Active]:
        return [Active(one[0], paths.run_folder(one[0]), *one[1:]) for one in running(c)]

    def reload() -> MonitorSettings:
        fresh = load_settings()
        watch.reload(parse(fresh.monitor.thresholds))
        if alerts is not None:
            alerts.reload(fresh.alerts)
        return fresh.monitor

    def close() -> None:
        if records:
            chores.save_states()
        reading.close()
        c.close()

    parts = Parts(
        Sampler(own, clock), watch, store, alerts, RunSampler(active, keep=False, clock=clock).look,
        chores.all() if records else [],
        refresh=chores.refresh, open=book.open, reload=reload, close=close,
    )  # fmt: skip
    return Built(parts, store, watch, alerts)


def readable(paths: StatePaths) -> tuple[sqlite3.Connection, bool]:
    """What is on record, and True; nothing where that cannot be read, which is said elsewhere."""
    try:
        return opening.to_look(paths), True
    except OpsError:
        return database.nothing(), False


def _restore(store: MetricsStore, watch: Watch, unusual: UnusualSource | None) -> None:
    try:
        states = store.load_states()
    except OpsError:  # said by what writes, which also moves a damaged file aside; watching goes on without it
        store.save_states({})
        return
    watch.restore(_below(_BASELINE, states))
    if unusual is not None:
        unusual.restore(_below(_LEARNED, states))


def _below(prefix: str, states: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix(prefix): state for name, state in states.items() if name.startswith(prefix)}


class _Chores:
    """What is due about once a minute, in the monitor's thread; what writes goes to the writers' threads."""

    def __init__(
        self,
        c: sqlite3.Connection,
        store: MetricsStore,
        watch: Watch,
        unusual: UnusualSource | None,
        job: Callable[[Job], Future[Any]],
        clock: Clock,
        settings: MonitorSettings,
    ) -> None:
        self._c = c
        self._store = store
        self._watch = watch
        self._unusual = unusual
        self._job = job
        self._clock = clock
        self._rev = anomalies.revision(c)
        self._rounds = 0
        self._steadiness = Steadiness(clock)

    def all(self) -> list[Callable[[], object]]:
        return [self._round, self._save_open, self._trim, self._states]

    def _round(self) -> None:
        self._rounds += 1

    def refresh(self) -> list[Transition]:
        """What other consoles did to episodes since the last time."""
        self._rev, found = anomalies.changed_since(self._c, self._rev)
        return self._watch.refresh(found)

    def _save_open(self) -> None:
        """Between two transitions value, peak and `last_at` move on too."""
        found = self._watch.book.open()

        def job(c: sqlite3.Connection) -> None:
            for anomaly in found:
                anomalies.save(c, anomaly)

        if found:
            self._job(job)

    def _trim(self) -> None:
        now = self._steadiness.trusted_now()  # asked each round: it must see a clock that is set
        if self._rounds % TRIM_EVERY:
            return
        self._store.trim()
        if now is None:
            return

        def job(c: sqlite3.Connection) -> None:
            anomalies.trim(c, KEEP_ANOMALIES_D, now)
            silences.clean_up(c, int(KEEP_ANOMALIES_D * 86400 * 1e6), now)

        self._job(job)

    def _states(self) -> None:
        if self._rounds % STATES_EVERY == 0:
            self.save_states()

    def save_states(self) -> None:
        states = {_BASELINE + name: state for name, state in self._watch.state().items()}
        if self._unusual is not None:
            states |= {_LEARNED + name: state for name, state in self._unusual.states().items()}
        self._store.save_states(states)
