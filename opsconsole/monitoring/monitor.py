"""The loop that sees: sample, record, watch, tell; a thread of its own, one per state directory.

The loop never waits for anybody: rows go to the writer's thread, metrics to the store's, messages to the sender's. A
part that fails is said once and left out; the others go on.
"""

from __future__ import annotations

import functools
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import field
from typing import Any, Protocol

from opsconsole.anomalies import Anomaly, Transition
from opsconsole.clock import Clock
from opsconsole.errors import OpsError, StorageError
from opsconsole.events import AnomalyEvent, Event, Notice, SampleTaken
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring import control, live
from opsconsole.monitoring.detection.observation import Look
from opsconsole.samples import ProcessSample, RunUsage, Sample, series
from opsconsole.values import dataclass
from opsconsole.wording import long_duration

Job = Callable[[sqlite3.Connection], Any]
_log = logging.getLogger("opsconsole.monitor")

LOOK_S = 1.0
"""How often an idle monitor asks whether somebody has begun to look, should the word have been lost."""
CHORES_S = 60.0
LIVE_WHILE_IDLE_S = 15.0
"""How often the view for other consoles is written while none of them looks."""
KEEP_S = 10.0
"""How often open episodes are stored between their changes, and what could not be stored is tried again."""
RELIEVED = 0.7
"""It samples at the wanted pace again when a look costs this share of what it may."""
SAY_SLOW_S = 3600.0
_COST_SPAN = 20


class Samples(Protocol):
    def take(self, expected_s: float | None = None) -> tuple[Sample, tuple[ProcessSample, ...]]: ...

    def close(self) -> None: ...


class Watching(Protocol):
    def look(self, look: Look) -> list[Transition]: ...


class Recording(Protocol):
    def record(self, time_us: int, values: Mapping[str, float]) -> None: ...

    def trim(self) -> object: ...

    def close(self) -> None: ...


class Telling(Protocol):
    def on_transition(self, transition: Transition) -> None: ...

    def tick(self) -> None: ...

    def stop(self) -> None: ...


class Hearing(Protocol):
    def wait(self, seconds: float) -> list[str]: ...

    def say(self, word: str) -> None: ...

    def close(self) -> None: ...


class Noticing(Protocol):
    def anybody(self) -> bool: ...

    def close(self) -> None: ...


@dataclass
class Parts:
    """What the loop drives. `chores` run about once a minute, one a tick; `runs` gives what our runs use now."""

    sampler: Samples
    watch: Watching
    store: Recording | None = None
    alerts: Telling | None = None
    runs: Callable[[], Sequence[RunUsage]] = tuple
    chores: list[Callable[[], object]] = field(default_factory=list)
    refresh: Callable[[], Sequence[Transition]] = tuple
    """What other consoles did to episodes: acknowledged, silenced, closed by hand."""
    open: Callable[[], Sequence[Anomaly]] = tuple
    """The open episodes as they are now."""
    reload: Callable[[], MonitorSettings | None] = lambda: None
    """Thresholds, alerts and intervals as the settings say now."""
    close: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """`state`: running (here), elsewhere (another console's), stopped (by hand), off (nobody runs one)."""

    state: str
    pid: int | None = None
    started_at: int | None = None
    door: str | None = None
    interval_s: float | None = None
    last_sample_at: int | None = None
    slowed: str | None = None
    recorded: bool = True
    """What it sees is written down; else only this console sees it."""

    def to_json(self) -> dict[str, Any]:
        from opsconsole.models import rfc3339

        return {
            "state": self.state, "pid": self.pid, "started_at": rfc3339(self.started_at), "door": self.door,
            "interval_s": self.interval_s, "last_sample_at": rfc3339(self.last_sample_at), "slowed": self.slowed,
            "recorded": self.recorded and self.state in ("running", "elsewhere"),
        }  # fmt: skip


class Monitor:
    """`start` takes the lock and returns at once; `stop` ends the loop at once. `make_parts` runs in the thread, since
    loading them takes longer than a console may take to start. `publish` is called from the thread."""

    def __init__(
        self,
        settings: MonitorSettings,
        files: control.Files,
        *,
        clock: Clock,
        door: str,
        make_parts: Callable[[], Parts],
        job: Callable[[Job], Future[Any]],
        publish: Callable[[Event], None],
        redact: Callable[[str], str] = str,
        alone: Callable[[], bool] = lambda: False,
    ) -> None:
        """`alone`: whoever looks is told by `publish`, and nobody waits for the view for other consoles."""
        self._settings = settings
        self._files = files
        self._clock = clock
        self._door = door
        self._make_parts = make_parts
        self._job = job
        self._publish = publish
        self._redact = redact
        self._alone = alone
        self._ear: Hearing | None = None
        self._lock = control.Lock(files)
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._costs: deque[float] = deque(maxlen=_COST_SPAN)
        self._slowed: str | None = None
        self._said_slow_s = -SAY_SLOW_S
        self._interval = settings.idle_interval_s
        self._failed: set[str] = set()
        self._live_due = float("-inf")
        # by id: the newest state of an episode that the writer was given, and those that it could not store
        self._given: dict[int, Transition] = {}
        self._unsaved: dict[int, Transition] = {}
        self._kept: dict[int, tuple[int, float]] = {}
        self._keeping: Future[Any] | None = None
        self.started_at: int | None = None
        self.last: SampleTaken | None = None
        self.failure: str | None = None
        """Why it ended by itself."""
        self.first_look = threading.Event()
        """Set when the first sample is there, or there will be none."""

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def slowed(self) -> str | None:
        """Why it samples more slowly than it should; None: it does not."""
        return self._slowed

    def start(self) -> bool:
        """False: somebody else watches this state directory. Raises StorageError."""
        if self.running:
            return True
        now = self._clock.now()
        if (ear := self._taken(now)) is None:
            return False
        self._ear = ear
        self.started_at, self._stopping, self.failure = now, False, None
        self._thread = threading.Thread(target=self._live, name="opsconsole-monitor", daemon=True)
        self._thread.start()
        return True

    def _taken(self, now: int) -> Hearing | None:
        """Take the state directory's one place of a monitor; None: somebody else has it. Raises StorageError."""
        if not self._lock.take(now, self._door):
            return None
        try:
            return control.Ear(self._files)
        except OSError as error:
            self._lock.release()
            raise StorageError(f"{self._files.control} cannot be made: {error.strerror}") from error

    def _watcher(self) -> Noticing:
        return control.Watcher(self._files)

    def _show_others(self, taken: SampleTaken) -> None:
        live.write(self._files.live, taken, self._redact)

    def stop(self) -> None:
        """Ends the loop, writes what is left, gives the lock back. Can be called twice."""
        thread, self._stopping = self._thread, True
        if thread is not None:
            self.wake()
            thread.join()

    def wake(self, word: str = "wake") -> None:
        """Somebody began to look, or the settings changed."""
        ear = self._ear
        if ear is not None:
            ear.say(word)

    # -- the thread

    def _live(self) -> None:
        parts: Parts | None = None
        watcher = self._watcher()
        assert self._ear is not None  # noqa: S101 - made by start
        try:
            parts = self._make_parts()
            self._loop(parts, watcher)
        except Exception as error:  # noqa: BLE001 - the outermost frame of the thread: it is said and logged
            _log.exception("the monitor failed")
            self.failure = told = error.message if isinstance(error, OpsError) else f"{type(error).__name__}: {error}"
            self._publish(Notice("error", f"the monitor stopped: {told}"))
        finally:
            self.first_look.set()
            if parts is not None:
                self._close(parts)
            watcher.close()
            self._ear.close()
            self._ear = None
            self._lock.release()

    def _loop(self, parts: Parts, watcher: Noticing) -> None:
        ear = self._ear
        assert ear is not None  # noqa: S101 - made by start
        due = self._clock.monotonic()
        chores_due = due + CHORES_S
        keep_due = due + KEEP_S
        chores: list[Callable[[], object]] = []
        longest = 0.0  # the interval planned for since the last look: more than that is a gap
        while not self._stopping:
            looked_at = watcher.anybody()
            now = self._clock.monotonic()
            self._interval = self._pace(looked_at=looked_at)
            longest = max(longest, self._interval)
            due = min(due, now + self._interval)
            words = ear.wait(max(0.0, min(due - now, LOOK_S)))
            if "stop" in words:
                return
            if words or now < due:
                if "reload" in words:
                    self._settings = self._guard("settings", parts.reload) or self._settings
                if "refresh" in words:
                    self._refresh(parts)
                if "look" in words:
                    due = self._clock.monotonic()
                continue
            following = due + self._interval
            due = following if following > now else now + self._interval  # a late tick is not made up for
            self._tick(parts, longest, looked_at=looked_at)
            longest = self._interval
            if now >= keep_due:
                keep_due = now + KEEP_S
                self._keep(parts)
            if now >= chores_due:
                chores_due = now + CHORES_S
                chores = list(parts.chores)
                self._refresh(parts)
            if chores:  # one a tick: together they would be a hiccup
                self._guard("chore", chores.pop(0))

    def _pace(self, *, looked_at: bool) -> float:
        wanted = self._settings.interval_s if looked_at else self._settings.idle_interval_s
        if len(self._costs) < 3:
            return wanted
        cost = sorted(self._costs)[len(self._costs) // 2]
        least = cost / self._settings.max_share
        if least <= wanted * (RELIEVED if self._slowed else 1.0):
            self._slowed = None
            return wanted
        least = max(least, wanted)
        if self._slowed is None:
            self._slowed = f"a look at this host takes {long_duration(cost)}: sampling every {long_duration(least)}"
            now = self._clock.monotonic()
            if now - self._said_slow_s >= SAY_SLOW_S:
                self._said_slow_s = now
                self._publish(Notice("warning", self._slowed))
        return least

    def _tick(self, parts: Parts, expected_s: float, *, looked_at: bool) -> None:
        begun = time.thread_time()
        sample, processes = parts.sampler.take(expected_s)
        values = series(sample)
        usages = self._guard("runs", parts.runs) or ()
        store, alerts = parts.store, parts.alerts
        if store is not None:
            self._guard("history", lambda: store.record(sample.time_us, values))
        look = Look(sample, values, processes, usages)
        for transition in self._guard("watch", lambda: parts.watch.look(look)) or ():
            self._tell(parts, transition)
        if alerts is not None:
            self._guard("alerts", alerts.tick)
        self.last = taken = SampleTaken(sample, processes, self._interval)
        self._costs.append(time.thread_time() - begun)
        if sample.monotonic_s >= self._live_due or (looked_at and not self._alone()):
            self._live_due = sample.monotonic_s + LIVE_WHILE_IDLE_S
            self._guard("view for other consoles", lambda: self._show_others(taken))
        self.first_look.set()
        self._publish(taken)

    def _tell(self, parts: Parts, transition: Transition) -> None:
        saved = self._save(transition)
        if (alerts := parts.alerts) is not None:
            self._guard("alerts", functools.partial(alerts.on_transition, transition))
        saved.add_done_callback(functools.partial(self._saved, AnomalyEvent(transition)))

    def _save(self, transition: Transition) -> Future[Any]:
        from opsconsole.storage import anomalies

        anomaly = transition.anomaly
        self._unsaved.pop(anomaly.id, None)
        self._given[anomaly.id] = transition
        saved = self._job(lambda c: anomalies.save(c, anomaly))
        saved.add_done_callback(functools.partial(self._stored, transition))
        return saved

    def _stored(self, transition: Transition, future: Future[Any]) -> None:
        """In the writer's thread. What could not be stored is kept, unless something newer of it is on its way."""
        id = transition.anomaly.id
        if self._given.get(id) is not transition:
            return
        del self._given[id]
        if not future.cancelled() and future.exception() is not None:
            self._unsaved[id] = transition

    def _keep(self, parts: Parts) -> None:
        """What could not be stored is tried again, with its alert; open episodes are stored as far as they have come,
        for other consoles, and for whoever continues them after a kill."""
        from opsconsole.storage import anomalies

        for transition in list(self._unsaved.values()):
            self._save(transition)
            if (alerts := parts.alerts) is not None:
                self._guard("alerts", functools.partial(alerts.on_transition, transition))
        if self._keeping is not None and not self._keeping.done():
            return  # a slow disk must not pile them up
        found = self._guard("watch", parts.open) or ()
        changed = [
            one for one in found if one.id not in self._given and self._kept.get(one.id) != (one.count, one.value)
        ]
        self._kept = {one.id: (one.count, one.value) for one in found}
        if not changed:
            return

        def job(c: sqlite3.Connection) -> None:
            for one in changed:
                anomalies.save(c, one)

        self._keeping = self._job(job)

    def _refresh(self, parts: Parts) -> None:
        """What people did to episodes is stored already; it is told like everything else."""
        for transition in self._guard("refresh", parts.refresh) or ():
            if (alerts := parts.alerts) is not None:
                self._guard("alerts", functools.partial(alerts.on_transition, transition))
            self._publish(AnomalyEvent(transition))

    def _saved(self, event: AnomalyEvent, future: Future[Any]) -> None:
        """It is told when it is in the record, so that whoever hears of it finds it there."""
        self._publish(event)
        if not future.cancelled() and (error := future.exception()) is not None:
            self._say_once("anomalies", f"an anomaly could not be stored: {error}")

    def _guard(self, name: str, call: Callable[[], Any]) -> Any:
        """What it returns; a failure is said once until it works again."""
        try:
            found = call()
        except Exception as error:  # noqa: BLE001 - a part's bug must not end the others
            if name not in self._failed:
                _log.exception("the monitor's %s failed", name)
            self._say_once(name, f"the monitor's part {name} failed: {error}")
            return None
        self._failed.discard(name)
        return found

    def _say_once(self, name: str, message: str) -> None:
        if name not in self._failed:
            self._failed.add(name)
            self._publish(Notice("warning", message))

    def _close(self, parts: Parts) -> None:
        self._keep(parts)
        for name, call in (
            ("alerts", parts.alerts.stop if parts.alerts else None),
            ("parts", parts.close),
            ("history", parts.store.close if parts.store else None),
            ("sampler", parts.sampler.close),
        ):
            if call is not None:
                self._guard(name, call)
