"""Station: what every door may ask of monitoring, and tell it. `engine.monitoring` is one.

Questions are answered from the database and the metrics file, whoever runs the monitor; the monitor itself runs in the
console that holds the lock.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from opsconsole.anomalies import Anomaly, Severity
from opsconsole.clock import Clock
from opsconsole.errors import ConsoleError
from opsconsole.events import Event, ExecutionFinished, SampleTaken
from opsconsole.monitoring import control, live
from opsconsole.monitoring.monitor import Monitor, MonitorStatus, Parts
from opsconsole.paths import StatePaths
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.storage.database import translate

if TYPE_CHECKING:
    from opsconsole.monitoring.analysis import Analysis, Health
    from opsconsole.monitoring.building import Built
    from opsconsole.storage.anomalies import AnomalyCounts, AnomalyFilter
    from opsconsole.storage.metrics import MetricsStore, Point

T = TypeVar("T")
Submit = Callable[[str, str, Mapping[str, str]], object]
"""(text of a script, policy, environment): the command notifier runs under a policy like anything else."""

_FRESH_S = 90.0
_DRAWN_S = 0.3
"""So long the first look at most is waited for to be drawn, before everything else is loaded."""
_STOP_S = 20.0


class Station:
    """`job` runs something on the writer's connection, `reads` gives a connection to read on, `publish` may be called
    from any thread."""

    records: ClassVar[bool] = True
    """What this console's own monitor sees is written down, and told to whom the settings name."""

    def __init__(
        self,
        settings: Settings,
        paths: StatePaths,
        *,
        clock: Clock,
        host: str,
        actor: str,
        door: str,
        job: Callable[[Callable[[sqlite3.Connection], Any]], Future[Any]],
        reads: Callable[[], sqlite3.Connection],
        publish: Callable[[Event], None],
        submit: Submit | None = None,
    ) -> None:
        self.settings = settings
        self._paths = paths
        self._clock = clock
        self._host = host
        self._actor = actor
        self._door = door
        self._job = job
        self._reads = reads
        self._publish = publish
        self._submit = submit
        self.files = control.Files(paths.root)
        self._monitor: Monitor | None = None
        self._built: Built | None = None
        self._gaze = control.Gaze(self.files)
        self._looking = 0
        self._store: MetricsStore | None = None
        self._live: tuple[tuple[int, int], SampleTaken | None] | None = None
        self._drawn = threading.Event()

    # -- life

    def start(self, *, by_hand: bool = True, wait_s: float = 0.0, door: str | None = None) -> bool:
        """Watch this host, unless another console does. By hand: also after somebody had stopped it by hand.

        False: nothing was started. `wait_s`: how long to wait for the first sample. `door`: how it is
        called in the status. Raises StorageError.
        """
        if by_hand:
            self.files.off.unlink(missing_ok=True)
        elif self._stopped_by_hand:
            return False
        if self._monitor is None:
            self._door = door or self._door
            self._monitor = Monitor(
                self.settings.monitor, self.files, clock=self._clock, door=self._door, make_parts=self._make_parts,
                job=self._job, publish=self._publish, redact=lru_cache(4096)(redacting(self.settings)),
                alone=self._gaze.alone,
            )  # fmt: skip
        started = self._monitor.start()
        if started and wait_s:
            self._monitor.first_look.wait(wait_s)
        return started

    def stop(self) -> bool:
        """Stop the monitor of this state directory, wherever it runs, until somebody starts it by hand.

        False: none was running. Raises ConsoleError, when it does not end.
        """
        self.files.off.touch(mode=0o600)
        if self._monitor is not None and self._monitor.running:
            self._drawn.set()
            self._monitor.stop()
            return True
        if control.holder(self.files) is None:
            return False
        heard = control.tell(self.files, "stop")
        until = time.monotonic() + _STOP_S
        while control.holder(self.files) is not None:
            heard = heard or control.tell(self.files, "stop")  # it has its place a moment before it listens
            if time.monotonic() > until:
                raise ConsoleError("the monitor did not stop", hint="`opsconsole monitor status` names its process")
            time.sleep(0.01)
        return True

    def close(self) -> None:
        """This console leaves: its monitor ends, another console may go on. Can be called twice."""
        self._gaze.end()
        self._drawn.set()
        if self._monitor is not None:
            self._monitor.stop()
        if self._store is not None:
            self._store.close()
            self._store = None

    def status(self) -> MonitorStatus:
        monitor = self._monitor
        if monitor is not None and monitor.running:
            last = monitor.last
            return MonitorStatus(
                "running", _own_pid(), monitor.started_at, self._door, last.interval_s if last else None,
                last.sample.time_us if last else None, monitor.slowed,
            )  # fmt: skip
        if (found := control.holder(self.files)) is not None:
            last = self._seen_elsewhere()
            if last is not None and last.sample.time_us < found.started_at:
                last = None  # an earlier monitor's
            return MonitorStatus(
                "elsewhere", found.pid, found.started_at, found.door, last.interval_s if last else None,
                last.sample.time_us if last else None,
            )  # fmt: skip
        return MonitorStatus("stopped" if self._stopped_by_hand else "off")

    @property
    def _stopped_by_hand(self) -> bool:
        return os.path.exists(self.files.off)

    @property
    def alive(self) -> bool:
        """Somebody watches this host, here or in another console."""
        return (self._monitor is not None and self._monitor.running) or control.holder(self.files) is not None

    @property
    def failure(self) -> str | None:
        """Why this console's monitor ended by itself."""
        return None if self._monitor is None else self._monitor.failure

    def reload(self) -> None:
        """The settings have changed: the monitor reads them again, wherever it runs."""
        control.tell(self.files, "reload")

    def heard(self, event: Event) -> None:
        """An event of the engine, for the alerts about runs."""
        if isinstance(event, ExecutionFinished) and self._built is not None:
            from opsconsole.storage import tasks

            task = tasks.get(self._reads(), event.result.task_id)
            self._built.execution_ended(event.result, task.priority)

    def _make_parts(self) -> Parts:
        if self._hastens and not self._drawn.is_set():
            self._glance()
            self._drawn.wait(_DRAWN_S)
            self._drawn.set()
        from opsconsole.monitoring import building

        self._built = building.build(
            self.settings, self._paths, clock=self._clock, host=self._host, job=self._job, publish=self._publish,
            submit=self._submit, records=self.records,
        )  # fmt: skip
        return self._built.parts

    @property
    def glancing(self) -> bool:
        """The first look is on its way to a screen: who says `drawn` when it is there sees it sooner if nothing else is
        loaded meanwhile."""
        return self._hastens and not self._drawn.is_set() and self._monitor is not None and self._monitor.running

    def drawn(self) -> None:
        """The first look is on the screen."""
        self._drawn.set()

    @property
    def _hastens(self) -> bool:
        """Somebody waits before a screen."""
        return self._door == "tui"

    def _glance(self) -> None:
        """A look goes out, and is drawn, before all is loaded that judges and keeps looks."""
        from opsconsole.monitoring.sampling.sampler import Sampler

        sampler = Sampler(self.settings.monitor, self._clock)
        try:
            self._publish(SampleTaken(*sampler.take(), self.settings.monitor.interval_s))
        finally:
            sampler.close()

    # -- the present

    def now(self) -> int:
        """Microseconds since the epoch, of the clock everything here is stamped with."""
        return self._clock.now()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While a screen looks, samples come at the short interval."""
        self.look()
        try:
            yield
        finally:
            self.look_away()

    def look(self) -> None:
        self._looking += 1
        if self._looking == 1:
            self._gaze.begin()

    def look_away(self) -> None:
        self._looking -= 1
        if self._looking == 0:
            self._gaze.end()

    def latest(self) -> SampleTaken | None:
        """The newest sample, of this console's monitor or of another's; None: nobody has looked lately."""
        if self._monitor is not None and self._monitor.running:
            return self._monitor.last
        if control.holder(self.files) is None:
            return None
        return self._seen_elsewhere()

    def health(self) -> Health:
        """One state, and why."""
        from opsconsole.monitoring.analysis import health

        taken = self.latest()
        fresh = taken is not None and self._clock.now() - taken.sample.time_us < (taken.interval_s + _FRESH_S) * 1e6
        sample = taken.sample if taken is not None and fresh else None
        return health(self.open_anomalies(), sample, self.alive)

    def analyze(self, minutes: float = 15.0) -> Analysis:
        """The bottleneck, who causes it, what would help: two looks of our own, a second apart, and the record."""
        from opsconsole.monitoring.analysis.examination import examine, look

        looked = look(self._paths, self.settings.monitor, self._clock)
        return examine(self._paths, self.settings.monitor, looked, minutes, self._clock)[0]

    def glance(self) -> SampleTaken:
        """Two looks of our own, `interval_s` apart, that nobody records. Takes that long."""
        from opsconsole.monitoring.sampling.sampler import Sampler

        settings = self.settings.monitor
        with closing(Sampler(settings, self._clock)) as sampler:
            sampler.take()
            time.sleep(settings.interval_s)
            return SampleTaken(*sampler.take(), settings.interval_s)  # nothing was due: it cannot be late

    def _seen_elsewhere(self) -> SampleTaken | None:
        """What another console's monitor saw last; the file is read again when it is another one."""
        try:
            info = os.stat(self.files.live)
        except OSError:
            return None
        if not stat.S_ISREG(info.st_mode):
            return None
        stamp = (info.st_mtime_ns, info.st_ino)
        if self._live is None or self._live[0] != stamp:
            self._live = (stamp, live.read(self.files.live))
        return self._live[1]

    def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Raises StorageError."""
        try:
            return question(self._reads())
        except sqlite3.Error as error:
            raise translate(error, self._paths.database) from error

    # -- the past

    def store(self) -> MetricsStore:
        """The metrics, to be read."""
        if self._built is not None and self._monitor is not None and self._monitor.running:
            return self._built.store
        if self._store is None:
            from opsconsole.storage.metrics import MetricsStore

            self._store = MetricsStore(
                self._paths.root / "metrics.db", self.settings.monitor, self._clock, read_only=True
            )
        return self._store

    def graph(self, name: str, since_us: int, until_us: int, points: int = 600) -> list[Point | None]:
        """One series over any span; None where nothing was recorded."""
        return self.store().graph(name, since_us, until_us, points)

    # -- anomalies

    def anomalies(self, filter: AnomalyFilter | None = None) -> list[Anomaly]:
        """Newest first."""
        from opsconsole.storage import anomalies

        return self._read(lambda c: anomalies.find(c, filter or anomalies.AnomalyFilter()))

    def open_anomalies(self) -> list[Anomaly]:
        from opsconsole.storage import anomalies

        return self._read(lambda c: anomalies.open_ones(c))

    def anomaly(self, id: int) -> Anomaly:
        """Raises AnomalyNotFound."""
        from opsconsole.storage import anomalies

        return self._read(lambda c: anomalies.get(c, id))

    def counts(self, filter: AnomalyFilter | None = None) -> AnomalyCounts:
        """By kind and by severity."""
        from opsconsole.storage import anomalies

        return self._read(lambda c: anomalies.counts(c, filter or anomalies.AnomalyFilter()))

    def acknowledge(self, id: int) -> Anomaly:
        """Somebody has seen it: it is not told again, unless it becomes worse. Raises AnomalyNotFound."""
        from opsconsole.storage import anomalies

        return self._change(lambda c: anomalies.acknowledge(c, id, self._actor, self._clock.now()), id)

    def note(self, id: int, text: str) -> Anomaly:
        """Raises AnomalyNotFound."""
        from opsconsole.storage import anomalies

        return self._change(lambda c: anomalies.note(c, id, self._actor, text, self._clock.now()), id)

    def silence(self, id: int, seconds: float, reason: str = "") -> Anomaly:
        """Nobody is told of it, nor of its kind and subject, for that long. Raises AnomalyNotFound."""
        from opsconsole.storage import anomalies, silences

        until = self._clock.now() + int(seconds * 1e6)
        anomaly = self.anomaly(id)

        def job(c: sqlite3.Connection) -> None:
            silences.add(
                c, kind=anomaly.kind, subject=anomaly.subject, until_us=until, by=self._actor, reason=reason,
                now=self._clock.now(),
            )  # fmt: skip
            anomalies.silence(c, id, until)

        return self._change(job, id)

    def clear(self, filter: AnomalyFilter | None = None) -> int:
        """Remove closed episodes from the list; the open ones stay. Their number."""
        from opsconsole.storage import anomalies

        wanted = filter or anomalies.AnomalyFilter()
        return int(self._job(lambda c: anomalies.clear(c, wanted)).result())

    def _change(self, job: Callable[[sqlite3.Connection], Any], id: int) -> Anomaly:
        self._job(job).result()
        control.tell(self.files, "refresh")
        return self.anomaly(id)


def redacting(settings: Settings) -> Callable[[str], str]:
    """Takes the secrets of this console out of a text."""
    return Redaction.of(os.environ, settings.redaction).text


def worst(found: list[Anomaly]) -> Anomaly | None:
    """Of the open ones: by severity, then the newest."""
    return max(found, key=lambda one: (one.severity, one.opened_at), default=None)


def is_paging(anomaly: Anomaly) -> bool:
    return anomaly.severity >= Severity.HIGH


def _own_pid() -> int:
    import os

    return os.getpid()
