"""Mode 1, the host: graphs, what is wrong, what runs, who is busy. While it is on top, samples come quickly."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from opsconsole.anomalies import Anomaly, Severity
from opsconsole.errors import OpsError
from opsconsole.events import AnomalyEvent, Event, ExecutionFinished, RunSampled, SampleTaken, TaskChanged
from opsconsole.models import ACTIVE, Status
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import RunUsage
from opsconsole.tui import host_rows as say
from opsconsole.tui.actions import BY_ID, OF_APP, Where, bindings
from opsconsole.tui.keys import shown_keys
from opsconsole.tui.widgets.fact_line import FactLine
from opsconsole.tui.widgets.host_graphs import HostGraphs
from opsconsole.tui.widgets.lines import Lines
from opsconsole.tui.widgets.status_line import HeaderLine, Key, KeyLine
from opsconsole.tui.widgets.task_table import Cell

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.analysis import Health
    from opsconsole.monitoring.monitor import MonitorStatus
    from opsconsole.tui.app import ConsoleApp

_LOOK_S = 1.0
_REFRESH_S = 0.1
_KEYS = ("analysis", "sort_processes", "acknowledge", "watch")
_ALWAYS = ("help", "quit")
_SHOWN_ANOMALIES = 50
_SHOWN_RUNS = 20
_SHOWN_PROCESSES = 60
_SLOW = 1.5
_NOTHING_WRONG = (Cell("Nothing is wrong, and nothing was lately.", "muted"),)
_NOTHING_KNOWN = (Cell("None on record, and nobody looks for new ones.", "muted"),)


class HostScreen(Screen[None]):
    """Draws what the monitor sees, whichever console runs it."""

    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.HOST),
        *bindings(Where.CONSOLE, but=("submit", "filter", *OF_APP)),
    ]
    app: ConsoleApp

    def __init__(self, host: str, user: str, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._header = HeaderLine(host, user)
        self._graphs = HostGraphs(id="graphs")
        self._facts = FactLine(id="facts")
        self._trouble = Lines("Anomalies", id="trouble")
        self._runs = Lines(id="runs")
        self._processes = Lines(id="processes", cut=True)
        self._keys = KeyLine()
        self._by_memory = False
        self._looks = False
        self._failed = False
        self._filled = False
        self._due = False
        self._last: SampleTaken | None = None
        self._open: list[Anomaly] = []
        self._guilty: dict[int, Severity] = {}
        self._usages: dict[str, RunUsage] = {}
        self._commands: dict[str, str] = {}
        self._redaction: Redaction | None = None

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._graphs
        yield self._facts
        with Container(id="lists"):
            with Container(id="side"):
                yield self._trouble
                yield self._runs
            yield self._processes
        yield self._keys

    def on_mount(self) -> None:
        self._redaction = Redaction.of(os.environ, self.app.settings.redaction)
        self.set_interval(_LOOK_S, self._look)

    def on_screen_resume(self) -> None:
        if not self._looks:
            self._looks = True
            self._engine.monitoring.look()
        self.call_after_refresh(self._look_again)  # first the screen, then what is read for it

    def on_screen_suspend(self) -> None:
        if self._looks:
            self._looks = False
            self._engine.monitoring.look_away()

    # -- facts come up

    def hear(self, event: Event) -> None:
        """An engine event, on the loop's thread."""
        if isinstance(event, SampleTaken):
            self._take(event)
        elif isinstance(event, RunSampled):
            self._usages[event.usage.execution_id] = event.usage
        elif isinstance(event, ExecutionFinished):
            self._usages.pop(event.result.execution_id, None)
        if isinstance(event, AnomalyEvent | RunSampled | TaskChanged) and self._looks and not self._due:
            self._due = True
            self.set_timer(_REFRESH_S, self._show_lists)

    def show_health(self, health: Health) -> None:
        """The line at the top: an alarm where something is open, else a quiet word."""
        cell = say.health_cell(health)
        self._header.show_alarm(cell if health.worst is not None else None)
        self._header.show_state(*(cell if health.worst is None else ("", "faint")))

    def _look_again(self) -> None:
        self._fill()
        self._look()

    def _look(self) -> None:
        """Another console's monitor is read from its file; ours tells by itself."""
        if not self.is_attached or not self._looks:
            return
        station = self._engine.monitoring
        try:
            if (taken := station.latest()) is not None:
                self._take(taken)
            self._graphs.pass_time(station.now())
            self._show_lists()
            self._header.show_counts(self._engine.counts())
            self.app.look_at_health()
        except OpsError as error:
            self._report(error)

    def _report(self, error: OpsError) -> None:
        """Once, until it works again: a look is taken every second."""
        if not self._failed:
            self._failed = True
            self.app.report(error)

    def _fill(self) -> None:
        """The last minutes, from the record."""
        sample = None if self._last is None else self._last.sample
        self._filled = sample is not None
        try:
            self._graphs.fill(self._engine.monitoring, sample)
        except OpsError as error:
            self._report(error)

    def _take(self, taken: SampleTaken) -> None:
        sample = taken.sample
        if self._last is not None and sample.time_us <= self._last.sample.time_us:
            return
        self._last = taken
        self._graphs.show(sample)
        if self._looks and not self._filled:
            self._fill()  # the first sample names the interfaces
        self._show_processes()

    def _show_processes(self) -> None:
        taken = self._last
        if taken is None:
            self._processes.show([], "", self._why_empty(), headings=())
            return
        found = sorted(
            taken.processes,
            key=lambda one: (one.rss_bytes, one.cpu_percent) if self._by_memory else (one.cpu_percent, one.rss_bytes),
            reverse=True,
        )[: max(_SHOWN_PROCESSES, self.size.height)]
        commands = [say.command_of(one) for one in found]
        self._commands = {text: self._commands.get(text) or self._harmless(text) for text in commands}
        guilty = self._guilty
        pairs = zip(found, commands, strict=True)
        self._processes.show(
            [say.process_row(one, self._commands[text], guilty.get(one.pid)) for one, text in pairs],
            Cell(say.process_note(taken.sample, len(taken.processes)), "faint"),
            headings=say.process_headings(by_memory=self._by_memory),
        )

    def _harmless(self, command: str) -> str:
        assert self._redaction is not None  # noqa: S101 - made on mount
        return sanitise_name(self._redaction.text(command))

    def _why_empty(self) -> tuple[Cell, ...]:
        if self._engine.monitoring.alive:
            return (Cell("The first look is under way …", "muted"),)
        nobody = Cell("Nobody watches this host.", "strong")
        if key := shown_keys(self).get("watch"):
            return (nobody, Cell(f"Press {key[0]} to start the monitor.", "muted"))
        return (nobody,)

    def _show_lists(self) -> None:
        """Anomalies, runs, and what there is to say about the look itself."""
        from opsconsole.storage.anomalies import AnomalyFilter

        self._due = False
        if not self.is_attached:
            return
        station = self._engine.monitoring
        now = station.now()
        try:
            self._open = say.in_order(station.open_anomalies())
            recent = station.anomalies(AnomalyFilter(limit=_SHOWN_ANOMALIES))
            self._show_runs()
            status = station.status()
        except OpsError as error:
            self._report(error)
            return
        self._failed = False
        shown = [*self._open, *say.in_order(one for one in recent if not one.state.is_open)]
        watched = status.state not in ("off", "stopped")
        self._trouble.show(
            [say.anomaly_row(one, now) for one in shown],
            self._trouble_note(watched=watched),
            _NOTHING_WRONG if watched else _NOTHING_KNOWN,
        )
        self._graphs.mark(self._open)
        self._show_facts(status)
        self._show_keys()
        before, self._guilty = self._guilty, say.guilty(self._open)
        if not watched:
            self._last = None
        if self._last is None or before != self._guilty:
            self._show_processes()

    def _trouble_note(self, *, watched: bool) -> Cell:
        unseen = sum(one.acknowledged_at is None for one in self._open)
        seen = f", {len(self._open) - unseen} seen" if unseen != len(self._open) else ""
        if self._open and not watched:
            return Cell(f"{len(self._open)} open when the monitor stopped", "warning")
        return Cell(f"{len(self._open)} open{seen}" if self._open else "", "muted")

    def _show_facts(self, status: MonitorStatus) -> None:
        taken = self._last
        if taken is None:
            self._facts.show()
            return
        sample, notes = taken.sample, []
        if status.slowed:
            notes.append((Cell(sanitise_name(status.slowed), "warning"),))
        elif status.state in ("running", "elsewhere") and taken.interval_s > _SLOW * self._wanted_interval:
            notes.append((Cell(f"a look only every {taken.interval_s:g} s", "warning"),))
        if sample.gap:
            notes.append((Cell(f"looks were missed: {sanitise_name(sample.gap)}", "warning"),))
        notes += [(Cell(sanitise_name(note), "muted"),) for note in sample.notes]
        if status.state == "elsewhere":
            notes.append((Cell(f"watched by another console (process {status.pid})", "faint"),))
        self._facts.show(say.facts(sample, self._open), notes)

    @property
    def _wanted_interval(self) -> float:
        return self._engine.settings.monitor.interval_s

    def _show_runs(self) -> None:
        from opsconsole.storage.history import Filter

        active = self._engine.tasks(Filter(statuses=ACTIVE, limit=_SHOWN_RUNS))
        active.sort(key=lambda task: (task.status is not Status.RUNNING, -task.id))
        self._runs.set_class(bool(active), "-shown")
        now = self._engine.monitoring.now()
        rows = [say.run_row(task, self._usages.get(task.execution_id), now) for task in active]
        self._runs.show(rows, headings=say.RUN_HEADINGS)

    # -- keys

    def _show_keys(self) -> None:
        keys = {name: found[0] for name, found in shown_keys(self).items()}
        labels = {name: BY_ID[name].label for name in (*_KEYS, *_ALWAYS)}
        if self._engine.monitoring.alive:
            labels["watch"] = BY_ID["watch"].opposite
        wanted = [name for name in _KEYS if name != "acknowledge" or self._unseen()]
        self._keys.show(
            [Key(keys[name], labels[name]) for name in wanted if name in keys],
            [Key(keys[name], labels[name]) for name in _ALWAYS if name in keys],
        )

    def action_back(self) -> None:
        self.app.action_tasks()

    def action_sort_processes(self) -> None:
        self._by_memory = not self._by_memory
        self._show_processes()

    def _unseen(self) -> list[Anomaly]:
        """As they are on the screen: nobody acknowledges what came up while the key went down."""
        return [one for one in self._open if one.acknowledged_at is None]

    def action_analysis(self) -> None:
        from opsconsole.tui.screens.analysis import AnalysisScreen

        self.app.push_screen(AnalysisScreen(self._engine))

    def action_acknowledge(self) -> None:
        if not (unseen := self._unseen()):
            self.app.tell("No open anomaly waits for somebody to see it.")
            return
        worst = unseen[0]
        try:
            self._engine.monitoring.acknowledge(worst.id)
        except OpsError as error:
            self.app.report(error)
            return
        self.app.tell(f"Seen: {worst.message}")
        self._look()

    def action_watch(self) -> None:
        """Start the monitor; or stop it wherever it runs, after a question."""
        if not self._engine.monitoring.alive:
            self.run_worker(self._start(), group="monitor")
            return
        from opsconsole.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._stop(), group="monitor")

        open_ones = "the open anomaly" if len(self._open) == 1 else f"the {len(self._open)} open anomalies"
        consequences = [
            "Nothing is measured, recorded or alerted of, in no console, until somebody starts it again.",
            *([f"What becomes of {open_ones} will not be seen."] if self._open else []),
        ]
        question = ConfirmScreen(
            "Stop watching this host?", "the monitor", consequences, yes="Yes, stop it", no="No, go on"
        )
        self.app.push_screen(question, answered)

    async def _start(self) -> None:
        try:
            self._engine.monitoring.start()
        except OpsError as error:
            self.app.report(error)
        self._look()

    async def _stop(self) -> None:
        try:
            await asyncio.to_thread(self._engine.monitoring.stop)
            self.app.tell("Nobody watches this host now.")
        except OpsError as error:
            self.app.report(error)
        self._look()
