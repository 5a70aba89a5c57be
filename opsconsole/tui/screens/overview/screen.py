"""Mode 1, Overview: what is wrong, what runs, what happened since the operator last looked; and the graphs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.worker import WorkType

from opsconsole.anomalies import Anomaly
from opsconsole.errors import OpsError
from opsconsole.events import AnomalyEvent, Event, ExecutionFinished, RunSampled, SampleTaken, TaskChanged, TasksRemoved
from opsconsole.models import ACTIVE, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.facts import queue_words
from opsconsole.tui.keys import keys_of
from opsconsole.tui.screens.overview import rows as say
from opsconsole.tui.screens.overview.graphs import NAMES, HostGraphs, Recorded, read_recorded
from opsconsole.tui.screens.overview.looking import Looking
from opsconsole.tui.screens.overview.navigation import OverviewKeys
from opsconsole.tui.screens.overview.panes import USED_SHOWN, ProcessPane, RunningPane, SincePane, TroublePane
from opsconsole.tui.screens.overview.plan import Plan, Wants, plan
from opsconsole.tui.widgets.cells import Cell
from opsconsole.wording import long_duration

if TYPE_CHECKING:
    from opsconsole.monitoring.monitor import MonitorStatus
    from opsconsole.samples import Sample
    from opsconsole.settings import Settings
    from opsconsole.tui.app import ConsoleApp

_TICK_S = 1.0
_REFRESH_S = 0.2
_LISTS_EVERY = 5
_SINCE_EVERY = 30
_MOST_RUNS = 500
_COMMANDS = 8192
_FRAME = 2
_SLOW = 1.5
_PRESSURE_FROM = 150
_BY_SIGNAL = 128


class OverviewScreen(OverviewKeys):
    """Draws what the monitor sees, whichever console runs it. While it is on top, samples come quickly.

    Events are noted and drawn soon; what only other consoles know is read every few seconds.
    """

    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self.trouble = TroublePane(self._now, id="trouble")
        self.graphs = HostGraphs(id="graphs")
        self.running = RunningPane(self._now, id="running")
        self.since = SincePane(self._now, id="since")
        self._commands = lru_cache(_COMMANDS)(self.harmless)
        self.processes = ProcessPane(self._commands, id="processes")
        self._looking = Looking()
        self._plan: Plan | None = None
        self._shared_out: tuple[Size, Wants, bool, bool] | None = None
        self._last: SampleTaken | None = None
        self._found: list[Anomaly] = []
        self._hurries = self._filled = self._due = self._lists_due = self._since_due = self._sampled = False
        self._pressure: bool | None = None
        self._has_pressure = True
        self._was_watched: bool | None = None
        self._judged = False
        """A look was judged. The first is shown before there is anybody who judges."""
        self._ticks = 0
        self._revision: object = None

    def compose_body(self) -> ComposeResult:
        with Container(id="overview"):
            yield self.trouble
            yield self.graphs
            with Container(id="lists"):
                with Vertical(id="side"):
                    yield self.running
                    yield self.since
                yield self.processes
        yield self.zoomed
        yield self.filter_line

    def on_mount(self) -> None:
        self.zoomed.display = False
        self.share_out()
        self.set_focus(self.trouble)
        if (taken := self.app.first_look()) is not None:
            self._take(taken)
            self.processes.tell(taken.processes, [_how_many(taken)], ())

    # -- how the room is shared out

    def on_resize(self) -> None:
        self.share_out()

    def share_out(self) -> None:
        """Only where something changed: a layout sends the whole screen."""
        if not self.size.width:
            return
        pressure = self._shows_pressure
        wants = Wants(len(self.trouble.items), len(self.running.items), len(self.since.items))
        if (room := (self.size, wants, pressure, self.filter_seen)) == self._shared_out:
            return
        self._shared_out = room
        shown = [name for name in NAMES if name != "pressure" or pressure]
        if pressure and self.size.width < 110:
            shown.remove("network")  # two rows of two
        height = self.size.height - _FRAME
        wanted = plan(self.size.width, height, wants, len(shown))
        if self.filter_seen and not wanted.processes:  # else these give the line for it
            wanted = plan(self.size.width, height - 1, wants, len(shown))
        if wanted == self._plan:
            return
        self._plan = wanted
        self.graphs.set_out(wanted.per_row, shown, feet=wanted.feet, lines=wanted.graphs)
        heights = (
            (self.trouble, wanted.trouble), (self.graphs, wanted.graphs), (self.running, wanted.running),
            (self.since, wanted.since),
        )  # fmt: skip
        for pane, lines in heights:
            pane.display = bool(lines)
            pane.styles.height = lines
        self.set_class(not wanted.stacked, "-beside")
        self.processes.display = bool(wanted.processes)
        if self.focused is self.processes and not wanted.processes:
            self.set_focus(self.trouble)

    @property
    def _shows_pressure(self) -> bool:
        """As the operator wishes; else where there is room for it, and a kernel that tells it."""
        if self._pressure is not None:
            return self._pressure
        return self._has_pressure and self.size.width >= _PRESSURE_FROM

    # -- life

    def begin(self) -> None:
        self.running.run_folder = self.engine.paths.run_folder
        try:
            self._looking.start(self.engine.last_look(), self._now())
        except OpsError as error:
            self._looking.start(None, self._now())
            self.app.report(error)
        self.app.heart.every(_TICK_S, self._pass_second)

    def look(self) -> None:
        if not self._hurries:
            self._hurries = True
            self.engine.monitoring.look()
        self._looking.begin(self._now())
        self._lists_due = self._since_due = True
        self._tick()
        if self._last is not None or not self.engine.monitoring.glancing:  # else a sample comes, and then the record
            self._fill()

    def leave(self) -> None:
        if self._hurries:
            self._hurries = False
            self.engine.monitoring.look_away()
        self._write_down(self._looking.end(self._now()))

    def on_unmount(self) -> None:
        """The console ends. By a signal: nobody knows what was still seen."""
        if self.begun and (self.app.return_code or 0) < _BY_SIGNAL:
            self._write_down(self._looking.end(self._now()))

    def _write_down(self, at_us: int | None) -> None:
        """Other consoles of this operator know it then, too; a read-only one tells nobody."""
        if at_us is None or self.app.read_only:
            return
        try:
            self.engine.looked(at_us)
        except OpsError as error:
            self.fail(error)

    def configured(self, settings: Settings) -> None:
        """What is a secret may be another thing now."""
        self._commands.cache_clear()
        self.processes.forget_rows()

    @property
    def newest(self) -> Sample | None:
        return None if self._last is None else self._last.sample

    # -- facts come up

    def hear(self, event: Event) -> None:
        if isinstance(event, SampleTaken):
            self._take(event)
            if self.looks:
                self._sampled = True
                self._tick()
        elif isinstance(event, RunSampled):
            self.running.sampled(event.usage)
        elif isinstance(event, ExecutionFinished):
            self.running.ended(event.result.execution_id)
        elif isinstance(event, AnomalyEvent | TaskChanged | TasksRemoved):
            self._lists_due = True
            if not isinstance(event, TaskChanged) or not event.task.status.is_open:
                self._since_due = True
        if not isinstance(event, SampleTaken) and self.looks and not self._due:
            self._due = True
            self.set_timer(_REFRESH_S, self._show_events)

    def _show_events(self) -> None:
        self._due = False
        if self.is_attached and self.looks:
            self._read_lists()

    def look_again(self) -> None:
        self._lists_due = True
        self._tick()

    def _pass_second(self) -> None:
        """Samples keep the time as long as they come each second: what they change and what has grown older by one is
        drawn together."""
        if self._sampled:
            self._sampled = False
        else:
            self._tick()

    def _tick(self) -> None:
        """Another console's monitor is read from its file; ours tells by itself."""
        if not self.is_attached or not self.looks:
            return
        station = self.engine.monitoring
        self._ticks += 1
        self._since_due |= not self._ticks % _SINCE_EVERY
        try:
            self._lists_due |= not self._ticks % _LISTS_EVERY and self._is_rewritten()
            status = station.status()
            if (taken := station.latest()) is not None:
                self._lists_due |= not self._judged  # from now on it is known whether all is well
                self._judged = True
                self._take(taken)
            elif not _watched(status):
                self._last, self._judged = None, False
                self.trouble.sampled(None)
        except OpsError as error:
            self._fail(error)
            return
        if self._was_watched != (watched := _watched(status)):
            self._was_watched, self._lists_due = watched, True
            self.show_keys()
        self.graphs.pass_time(station.now())
        self._show_processes(status)
        self._read_lists()
        self.say_found()
        self.tick_zoomed()

    def _is_rewritten(self) -> bool:
        """Somebody has written since this was asked last; or it is long ago, and what is due at a time may be."""
        before, self._revision = self._revision, self.engine.revision()
        return before != self._revision or not self._ticks % _SINCE_EVERY

    def _take(self, taken: SampleTaken) -> None:
        sample = taken.sample
        if self._last is not None and sample.time_us <= self._last.sample.time_us:
            return
        first = self._last is None
        told = sample.pressure is not None
        self._has_pressure = told or (self._has_pressure and not first)
        self._last = taken
        self.trouble.sampled(taken)
        if not self.is_attached:
            return
        if first:
            self.share_out()  # the kernel may have no figures of pressure
        self.graphs.show(sample, taken.processes)
        if self.graphs.lacks_record():
            self._filled = False
        if self.looks and not self._filled:  # the first sample names drives and interfaces
            self._filled = True
            self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        """The last minutes, from the record."""
        self._filled = self._last is not None
        read: WorkType[None] = self._read_recorded
        self.run_worker(read, group="fill", exclusive=True)  # one that was asked for earlier comes too late

    async def _read_recorded(self) -> None:
        try:
            found: Recorded = await asyncio.to_thread(
                read_recorded, self.engine.monitoring, self.newest, self.graphs.disk_series
            )
        except OpsError as error:
            self._fail(error)
            return
        if self.is_attached:
            self.graphs.fill(found)

    def _read_lists(self) -> None:
        """Anomalies, runs, and what happened: as far as something may have changed."""
        try:
            if self._lists_due:
                self._lists_due = False
                self._read_trouble()
                self._read_running()
            else:
                self.trouble.redraw()
                self.running.redraw()
            if self._since_due:
                self._since_due = False
                self.since.tell(self.engine.happened(self._looking.since), self._looking.known)
            self.works()
        except OpsError as error:
            self._lists_due = self._since_due = True
            self._fail(error)
        self.share_out()

    def _fail(self, error: OpsError) -> None:
        """Told once; said where the trouble would be all the while."""
        self.fail(error)
        words = [Cell(f"✗ {sanitise_name(error.message)}", "bad")]
        self.trouble.show(self.trouble.items, note=words if self.trouble.items else [], calm=words)

    def _read_trouble(self) -> None:
        from opsconsole.anomalies import AnomalyState, most_urgent_first
        from opsconsole.storage.anomalies import AnomalyFilter

        station = self.engine.monitoring
        found = most_urgent_first(station.open_anomalies(), self._now())
        last: list[Anomaly] = []
        if not found:
            last = station.anomalies(AnomalyFilter(states=frozenset({AnomalyState.CLOSED}), limit=1))
        keys, status = keys_of(self.app), station.status()
        self.trouble.tell(
            found, next(iter(last), None), watched=_watched(status), looked=self._judged,
            start_key=next(iter(keys.get("watch", ())), None), recorded=status.recorded,
        )  # fmt: skip
        if found != self._found:
            self._found = found
            self.graphs.mark(found, self.newest)
            self.processes.accuse(say.guilty(found))
            self.show_keys()

    def _read_running(self) -> None:
        from opsconsole.storage.history import Filter

        engine = self.engine
        counts = engine.counts()
        active: list[Task] = []
        if any(counts.get(status, 0) for status in ACTIVE):
            active = engine.tasks(Filter(statuses=ACTIVE, limit=_MOST_RUNS))
            active.sort(key=lambda task: (task.status is not Status.RUNNING, -task.id))
        queued, delayed = counts.get(Status.QUEUED, 0), counts.get(Status.WAITING, 0)
        queue = None
        if queued + delayed:
            following = engine.next_queued() if queued else None
            if following is None and delayed:
                following = next(iter(engine.tasks(Filter(statuses=frozenset({Status.WAITING}), limit=1))), None)
            if following is not None:
                queue = say.Running(following, max(0, queued - 1), delayed)
        before = bool(self.running.items)
        self.running.tell(
            active, queue, queue_words(queued, delayed), next(iter(keys_of(self.app).get("submit", ())), None)
        )
        if before != bool(self.running.items):
            self.show_keys()
        if unmeasured := self.running.unmeasured():
            self.run_worker(self._read_used(unmeasured), group="used")

    async def _read_used(self, executions: Sequence[str]) -> None:
        """What runs have used that were there before the console."""
        from opsconsole.monitoring.sampling.runs import read_series

        folder = self.engine.paths.run_folder
        for execution_id in executions:
            found = await asyncio.to_thread(read_series, folder(execution_id), USED_SHOWN)
            if self.is_attached:
                self.running.fill(found)

    # -- processes

    def _show_processes(self, status: MonitorStatus) -> None:
        taken = self._last
        if taken is None:
            watched = _watched(status)
            words = "the first look is under way …" if watched else "nobody looks at them"
            self.processes.tell((), (), [Cell(words, "muted")])
            return
        self.processes.tell(taken.processes, [*self._notes(taken, status), _how_many(taken)], ())

    def _notes(self, taken: SampleTaken, status: MonitorStatus) -> list[Cell]:
        """What is not as it should be with the looks themselves."""
        sample, words = taken.sample, list[tuple[str, str]]()
        if status.slowed:
            words.append((sanitise_name(status.slowed), "warning"))
        elif _watched(status) and taken.interval_s > _SLOW * self.engine.settings.monitor.interval_s:
            words.append((f"a look only every {long_duration(taken.interval_s)}", "warning"))
        if sample.gap:
            words.append((f"looks were missed: {sanitise_name(sample.gap)}", "warning"))
        words += [(sanitise_name(note), "muted") for note in sample.notes]
        if status.state == "elsewhere":
            words.append((f"watched by another console (process {status.pid})", "faint"))
        return [Cell(f"{text} · ", tone) for text, tone in words]

    def action_sort_processes(self) -> None:
        self.processes.by_memory = not self.processes.by_memory
        if self.begun:
            self._show_processes(self.engine.monitoring.status())

    # -- keys of its own

    @property
    def tagged(self) -> list[int]:
        return []

    def go_to(self, task_id: int) -> None:
        """What was just submitted is seen in the list of runs."""
        self._lists_due = True
        if self.begun:
            self._read_lists()

    def action_mark_seen(self) -> None:
        if not self.begun:
            return
        self._write_down(self._looking.all_seen(self._now()))
        self._since_due = True
        self._read_lists()
        self.show_keys()

    def action_graph_pressure(self) -> None:
        self._pressure = not self._shows_pressure
        self._plan = self._shared_out = None
        self.share_out()


def _watched(status: MonitorStatus) -> bool:
    return status.state not in ("off", "stopped")


def _how_many(taken: SampleTaken) -> Cell:
    return Cell(f"{taken.sample.processes or len(taken.processes)} processes", "faint")
