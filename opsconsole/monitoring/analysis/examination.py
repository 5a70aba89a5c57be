"""An examination of this host: two looks a second apart, held against what the state directory has on record.

Reads only, and creates nothing: it also serves where no monitor has ever run.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opsconsole.clock import SYSTEM, Clock
from opsconsole.errors import OpsError
from opsconsole.paths import StatePaths
from opsconsole.samples import ProcessSample, RunUsage, Sample

if TYPE_CHECKING:
    from opsconsole.anomalies import Anomaly
    from opsconsole.monitor_settings import MonitorSettings
    from opsconsole.monitoring.analysis import Analysis, Health, IoSeen
    from opsconsole.monitoring.analysis.model import History
    from opsconsole.monitoring.sampling.runs import Active
    from opsconsole.storage.metrics import MetricsStore

_BETWEEN_S = 1.0
"""Between the two looks that make rates."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The second of two looks, with the rates between them."""

    sample: Sample
    processes: Sequence[ProcessSample]
    io: IoSeen | None
    runs: Sequence[RunUsage] = ()


def look(
    paths: StatePaths, settings: MonitorSettings, clock: Clock = SYSTEM, wait: Callable[[float], object] = time.sleep
) -> Looked:
    """Look twice, a second apart."""
    from opsconsole.monitoring.analysis import process_io
    from opsconsole.monitoring.sampling.runs import RunSampler
    from opsconsole.monitoring.sampling.sampler import Sampler

    active = _active(paths)
    with closing(Sampler(settings, clock)) as sampler:
        runs = RunSampler(lambda: active, keep=False, clock=clock)
        runs.look()
        _, processes = sampler.take()
        before, begun = process_io.totals(processes), clock.monotonic()
        wait(_BETWEEN_S)
        sample, processes = sampler.take()
        seconds = clock.monotonic() - begun
        io = process_io.between(before, process_io.totals(processes), seconds)
        usages = runs.look()
    return Looked(sample, processes, io, usages)


def _active(paths: StatePaths) -> list[Active]:
    """What runs now; nothing where the record cannot be read: that is said elsewhere."""
    from opsconsole.monitoring.sampling.runs import Active
    from opsconsole.storage.database import connect, is_there
    from opsconsole.storage.running import running

    if not is_there(paths.database):
        return []
    try:
        with closing(connect(paths.database, read_only=True)) as c:
            return [Active(one[0], paths.run_folder(one[0]), *one[1:]) for one in running(c)]
    except sqlite3.Error:
        return []


def examine(
    paths: StatePaths, settings: MonitorSettings, looked: Looked, minutes: float, clock: Clock = SYSTEM, *,
    open_ones: list[Anomaly] | None = None, history: MetricsStore | None = None, alive: bool | None = None,
) -> tuple[Analysis, Health]:  # fmt: skip
    """What was looked at, against what the state directory has on record; reads only, and creates nothing.

    What a caller has seen itself stands in place of the record: open episodes, the `history`, that somebody watches.
    """
    from opsconsole.monitoring.analysis import analyze, health
    from opsconsole.monitoring.control import Files, holder

    notes: list[str] = []
    anomalies = _anomalies(paths, notes) if open_ones is None else open_ones
    own = _store(paths, settings, clock) if history is None else None

    def analysis(history: History | None) -> Analysis:
        return analyze(
            looked.sample, looked.processes, history, anomalies, minutes=minutes, clock=clock, runs=looked.runs,
            io=looked.io,
        )  # fmt: skip

    try:
        found = analysis(history if own is None else own)
    except (OpsError, sqlite3.Error) as error:
        notes.append(f"the history cannot be read: {error}")
        found = analysis(None)
    finally:
        if own is not None:
            own.close()
    alive = holder(Files(paths.root)) is not None if alive is None else alive
    state = health(anomalies, looked.sample, alive, clock=clock)
    return replace(found, notes=(*found.notes, *notes)), state


def _store(paths: StatePaths, settings: MonitorSettings, clock: Clock) -> MetricsStore | None:
    from opsconsole.storage.database import is_there
    from opsconsole.storage.metrics import MetricsStore

    path = paths.root / "metrics.db"
    return MetricsStore(path, settings, clock, read_only=True) if is_there(path) else None


def _anomalies(paths: StatePaths, notes: list[str]) -> list[Anomaly]:
    from opsconsole.storage.anomalies import open_ones
    from opsconsole.storage.database import connect, is_there

    if not is_there(paths.database):
        return []
    try:
        with closing(connect(paths.database, read_only=True)) as connection:
            return list(open_ones(connection))
    except (OpsError, sqlite3.Error) as error:
        notes.append(f"open anomalies cannot be read: {error}")
        return []
