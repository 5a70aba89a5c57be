"""The real engine with a recorded host below it: runs are played, samples and episodes come from the trace."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from opsconsole.anomalies import Change, Transition
from opsconsole.demo.host import PlayedHost, PlayedProcesses, PlayedSampler
from opsconsole.demo.moment import DemoClock
from opsconsole.demo.seed import Seeding
from opsconsole.demo.stage import PlayedPool, Stage
from opsconsole.demo.trace import Trace, recorded
from opsconsole.demo.troubles import PlayedWatch, Troubles
from opsconsole.engine import Engine
from opsconsole.events import Event, RunSampled, SampleTaken
from opsconsole.execution import submission
from opsconsole.execution.pool import SlotPool
from opsconsole.models import ACTIVE, Origin, Status, Task, TaskSpec
from opsconsole.monitoring.monitor import Parts
from opsconsole.monitoring.station import Station
from opsconsole.settings import Settings
from opsconsole.storage import anomalies, database
from opsconsole.storage.metrics import MetricsStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opsconsole.checkup.fact import Fact, State
    from opsconsole.monitoring.analysis import Analysis
    from opsconsole.monitoring.sampling.selected import ProcessDetails

_TIMETABLE = ("import-orders", "resize-images", "warm-cdn", "reindex-orders")
"""What runs when the queue of the trace is empty, over and over."""
_LEAST_RUNNING = 2
_UNDER_WAY = (*ACTIVE, Status.QUEUED)
_ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
CONCURRENCY = 3
"""As many as the trace has running: what is queued waits until one of them ends."""


class RecordedHost:
    """What the modes that look by themselves look at in a demo."""

    refusal = "This is a demo: nothing is signalled."

    def __init__(self, host: PlayedHost, folder: Path, pictures: Path | None = None) -> None:
        self._host = host
        self._folder = folder
        self.pictures = pictures or folder

    def sampler(self) -> PlayedProcesses:
        return PlayedProcesses(self._host)

    def details(self, pid: int, start_ticks: int) -> ProcessDetails | None:
        return self._host.details(pid, start_ticks)

    def facts(self) -> Iterator[Fact]:
        from opsconsole.checkup import Fact

        for topic, name, state, found, effect, remedy in self._host.trace.facts:
            yield Fact(topic, name, cast("State", state), found, effect, remedy)

    def owns(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self._folder.resolve())


def demo_settings(settings: Settings) -> Settings:
    """How the console looks is the operator's; what it runs, watches and tells is the demo's."""
    from opsconsole.monitor_settings import MonitorSettings

    plain = Settings()
    monitor = MonitorSettings(learning=False, smart=False, idle_interval_s=1.0)
    others = {"console": replace(settings.console, read_only=False), "monitor": monitor}
    return replace(
        plain, execution=replace(plain.execution, concurrency=CONCURRENCY, min_free=0), redaction=settings.redaction,
        others=others,
    )  # fmt: skip


class DemoEngine(Engine):
    """Fills its directory when it starts. Nothing it claims is ever started, nothing it watches is this host."""

    def __init__(self, settings: Settings, *, state_dir: Path, clock: DemoClock, trace: Trace | None = None) -> None:
        self.trace = trace or recorded()
        known = self.trace.head["host"]
        origin = Origin(known["name"], "tui", known["user"], known["ssh_client"])
        super().__init__(settings, state_dir=state_dir, origin=origin, clock=clock, watches=True)
        self._demo_clock = clock
        self.stage = Stage(self.trace, clock)
        self.host = PlayedHost(self.trace, clock, self.stage.cast)
        self._encores = 0
        self.seeding = Seeding(self.trace, clock, self.stage, self.paths, settings)
        self._later: asyncio.Future[None] | None = None
        self.troubles = Troubles(self.host, clock, self.seeding.run_of)

    async def start(self) -> None:
        """Raises OpsErrors."""
        self._fill()  # thousands of small files and statements: in a thread beside this one it would take twice as long
        await super().start()
        self._later = asyncio.get_running_loop().run_in_executor(None, self.seeding.long_ago, self.host)
        if self._demo_clock.frozen:  # a picture is to be the same each time
            await self._later

    async def close(self) -> None:
        self.seeding.stopped = True
        await super().close()
        if self._later is not None:
            await asyncio.gather(self._later, return_exceptions=True)
        self.stage.close()

    def _fill(self) -> None:
        self.seeding.tasks()
        self.seeding.episodes(self.troubles)
        self.seeding.just_now(self.host)

    def add_detached(self, spec: TaskSpec) -> Task:
        """This console claims it: no worker is started."""
        return self.add(spec)

    def _new_pool(self) -> SlotPool:
        return PlayedPool(self.stage, self._demo_clock, self.paths.log, self._on_slot_lost)

    def _new_station(self, **known: Any) -> Station:
        return DemoStation(self, **known)

    def _tick(self, *, liveness: bool) -> None:
        self.stage.advance()
        super()._tick(liveness=liveness)
        self._go_on()

    def _go_on(self) -> None:
        """What the timetable of such a host would run next, where hardly anything is left to see."""
        open_tasks = self.counts()
        if self._demo_clock.frozen or sum(open_tasks.get(status, 0) for status in _UNDER_WAY) >= _LEAST_RUNNING:
            return
        name = _TIMETABLE[self._encores % len(_TIMETABLE)]
        self._encores += 1
        spec = TaskSpec(script=self.trace.scripts[name]["body"], name=name, cwd="/", confirmed=True)
        origin = replace(self.origin, door="schedule", ssh_client=None)
        self._insert([submission.build(spec, self.settings, origin, self._environments, self.paths, environ=_ENVIRON)])

    def _look_at_runs(self) -> None:
        for usage in self.stage.usages():
            self.bus.publish(RunSampled(usage))


class DemoStation(Station):
    """The monitor's loop, its lock and its record are real; what it looks at was recorded."""

    def __init__(self, engine: DemoEngine, **known: Any) -> None:
        super().__init__(engine.settings, engine.paths, **known)
        self._engine = engine
        self._recording: MetricsStore | None = None

    def heard(self, event: Event) -> None:
        """A demo alerts nobody."""

    def analyze(self, minutes: float = 15.0) -> Analysis:
        from opsconsole.monitoring.analysis.examination import Looked, examine

        engine = self._engine
        looked = Looked(engine.host.sample(), engine.host.processes(), None, engine.stage.usages())
        return examine(self._paths, self.settings.monitor, looked, minutes, self._clock)[0]

    def glance(self) -> SampleTaken:
        with closing(PlayedSampler(self._engine.host)) as sampler:
            return SampleTaken(*sampler.take(), self.settings.monitor.interval_s)

    def store(self) -> MetricsStore:
        if self._recording is not None and self._monitor is not None and self._monitor.running:
            return self._recording
        return super().store()

    def _make_parts(self) -> Parts:
        engine, clock = self._engine, self._clock
        self._recording = store = MetricsStore(engine.paths.root / "metrics.db", self.settings.monitor, clock)
        watch = PlayedWatch(engine.troubles, engine._demo_clock)
        reads = database.connect(engine.paths.database, read_only=True)

        def reload() -> None:
            """The settings of a demo are its own."""

        refresh = _Refresh(reads)
        return Parts(
            PlayedSampler(engine.host), watch, store, None, engine.stage.usages, [], refresh=refresh, open=watch.open,
            reload=reload, close=reads.close,
        )  # fmt: skip


class _Refresh:
    """What people did to episodes since the last time: acknowledged, silenced, noted."""

    def __init__(self, reads: Any) -> None:
        self._reads = reads
        self._rev = anomalies.revision(reads)
        self._known: dict[int, tuple[object, ...]] = {}

    def __call__(self) -> list[Transition]:
        self._rev, changed = anomalies.changed_since(self._reads, self._rev)
        found = []
        for one in changed:
            done = (one.acknowledged_at, one.notes, one.silenced_until, one.links)
            if self._known.get(one.id) != done:
                found.append(Transition(Change.CHANGED, one))
            self._known[one.id] = done
        return found
