"""Mode 3, Processes: everything that runs on this host, a look every second while the screen is on top."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widgets import Input
from textual.worker import Worker

from opsconsole.errors import OpsError
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample
from opsconsole.tui.actions import BY_ID, mode_bindings
from opsconsole.tui.screens.mode import WIDE
from opsconsole.tui.screens.processes.actions import ACTIONS
from opsconsole.tui.screens.processes.detail import ProcessDetail
from opsconsole.tui.screens.processes.facts import Line, facts, rate, summary
from opsconsole.tui.screens.processes.filter import FilterError, parse
from opsconsole.tui.screens.processes.listing import Identity, Wish, arrange
from opsconsole.tui.screens.processes.owners import owners
from opsconsole.tui.screens.processes.seeking import ProcessSeeking, Sought
from opsconsole.tui.screens.processes.table import ProcessTable
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.fact_line import FactLine
from opsconsole.tui.widgets.filter_line import FilterLine

if TYPE_CHECKING:
    from opsconsole.monitoring.sampling.processes import ProcessSampler
    from opsconsole.monitoring.sampling.selected import ProcessDetails
    from opsconsole.settings import Settings
    from opsconsole.storage.running import Running
    from opsconsole.tui.recorded import Processes
    from opsconsole.tui.screens.tasks.screen import TasksScreen

_LOOK_S = 1.0
_SOON_S = 0.4
_SETTLED_S = 0.15
_INSPECTED = 3
"""So many looks at all for one at everything about the selected one, which can be a hundred times as dear."""

_MOVING_S = 0.3
_PUT_OFF = 8
"""Looks that are put off at most while somebody moves the cursor: a key comes first."""
_KEPT_S = 30.0
_COMMANDS = 8192
_LONGEST = 500
_OF_ONE = ("back", "signal", "renice", "go_to_run")
_FOR_ONE = ("inspect", "signal", "renice", "follow_process", "tag")
_EXAMPLE = "words, cpu>5 and user=www, rss>100M, name~^ng, state=Z, run=14, not (…)"
_FIRST_LOOK = ("The first look is under way …",)
_NOTHING_FOUND = ("No process passes this filter.", "", "Press esc to see all.")
_GONE: list[Line] = [(Cell("It has ended.", "muted"),)]


class Taken(NamedTuple):
    """One look. `interval_s`: since the one before, None at the first: then nothing is known of CPU. `runs`: which
    processes belong to which run of ours, by pid."""

    processes: list[ProcessSample]
    interval_s: float | None
    runs: Mapping[int, str] = {}


def new_sampler() -> ProcessSampler:
    """What the screen looks with."""
    from opsconsole.monitoring.sampling.processes import ProcessSampler

    return ProcessSampler()


class ProcessesScreen(ProcessSeeking):
    """Looks by itself, whether a monitor runs or not; stands still while a question is asked, or when it is frozen."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (40, "-tall")]  # noqa: RUF012 - as Textual has it
    MODE = "processes"
    STILL = True
    KEYS = ("back", "inspect", "filter", *(one.id for one in ACTIONS if one.footer and one.id != "inspect"))
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("processes")

    def __init__(self) -> None:
        super().__init__()
        self._sampler: Processes | None = None
        self._harmless = lru_cache(_COMMANDS)(self._made_harmless)
        self._summary = FactLine(id="process-summary")
        self._table = ProcessTable(self._harmless, id="process-table")
        self._filter = FilterLine()
        self._detail = ProcessDetail(id="process-detail")
        self._processes: list[ProcessSample] = []
        self._runs: Mapping[int, str] = {}
        self._moved_at = 0.0
        self._put_off = 0
        self._to_tell = False
        self._frozen = False
        self._busy = False
        self._shares_known = False
        self._looks = 0
        self._misunderstood = ""
        self._taken: tuple[Taken, int] | None = None
        self._details: ProcessDetails | None = None
        self._rate_awaited = False
        self._settling: Timer | None = None
        self._leaving: Timer | None = None
        self._again: Timer | None = None

    def compose_body(self) -> ComposeResult:
        with Container(id="process-body"):
            with Vertical(id="process-list"):
                yield self._summary
                yield self._table
                yield self._filter
            yield self._detail

    def on_mount(self) -> None:
        self._filter.query_one(Input).placeholder = _EXAMPLE
        self._table.say_empty(*_FIRST_LOOK)
        self.set_focus(self._table)

    def begin(self) -> None:
        self.set_interval(_LOOK_S, self._look)

    def on_unmount(self) -> None:
        self._let_go(anyway=True)

    def configured(self, settings: Settings) -> None:
        """What is a secret may be another thing now."""
        self._harmless.cache_clear()
        self._table.redraw()

    def look(self) -> None:
        if self._leaving is not None:
            self._leaving.stop()
            self._leaving = None
        self._look()

    def leave(self) -> None:
        """A question may be asked, or another mode be shown: what is held is given back when that takes long."""
        if self._leaving is None and self.is_attached:
            self._leaving = self.set_timer(_KEPT_S, self._let_go)

    def _let_go(self, *, anyway: bool = False) -> None:
        self._leaving = None
        if self._sampler is not None and (anyway or not self.looks):
            self._sampler.close()
            self._sampler = None

    def _made_harmless(self, command: str) -> str:
        return self.harmless(command, _LONGEST)

    # -- facts come up

    def _look(self) -> None:
        if not self.looks or not self.is_attached:
            return
        if time.monotonic() - self._moved_at < _MOVING_S and self._put_off < _PUT_OFF:
            if not self._put_off or self._again is None:
                self._again = self.set_timer(_MOVING_S, self._look_after_all)
            self._put_off += 1
            return
        self.look_again()

    def _look_after_all(self) -> None:
        self._again = None
        self._look()

    def look_again(self) -> None:
        if self.looks and not self._busy and self.is_attached:
            self._busy, self._put_off = True, 0
            _: Worker[None] = self.run_worker(self._look_once, group="processes")

    async def _look_once(self) -> None:
        """Another look, in a thread, and everything about the selected process."""
        sought = self.sought
        try:
            taken = await asyncio.to_thread(self._sample, self.engine.under_way())
            if self.looks and self.is_attached:
                self._take(taken, sought)
                if self._rate_awaited or self._looks % _INSPECTED == 0:
                    await self._inspect()
                self._looks += 1
                self.works()
        except OpsError as error:
            if self.looks and self.is_attached:
                self._cannot_look(error)
        finally:
            self._busy = False

    def _cannot_look(self, error: OpsError) -> None:
        """Told once, until it works again; said where the processes would be all the while."""
        self.fail(error)
        words = sanitise_name(error.message, limit=400)
        self._summary.show([(Cell(f"✗ {words}", "bad"),)])
        self._table.say_empty("The processes cannot be read.", words, sanitise_name(error.hint or "", limit=400))

    def _sample(self, running: Sequence[Running]) -> Taken:
        sampler = self._sampler
        if sampler is None:
            recorded = self.app.recorded
            sampler = self._sampler = new_sampler() if recorded is None else recorded.sampler()
        found = sampler.sample()
        return Taken(found, sampler.interval_s, owners(found, running))

    def _take(self, taken: Taken, sought: Sought | None = None) -> None:
        """`sought`: who was, when this look began."""
        if not self._frozen:
            self._processes, self._runs = taken.processes, taken.runs
            self._forget_the_ended()
            anew, self._shares_known = not self._shares_known, taken.interval_s is not None
            self._show(anew=anew)  # whoever came first at the first look came so for want of shares
            if not self._shares_known:
                self.set_timer(_SOON_S, self._look)
            self.select_sought(sought)
        self._taken = taken, self.engine.monitoring.now()
        self._follow()

    def _forget_the_ended(self) -> None:
        """Tags, folds and whom the cursor follows are of processes that are there."""
        followed, folded = self._table.followed, self._wish.folded
        if not (self._table.tagged or folded or followed):
            return
        alive = {one.identity for one in self._processes}
        self._table.tagged &= alive
        if folded - alive:
            self._wish = replace(self._wish, folded=folded & alive)
        if followed is not None and followed not in alive:
            self._table.followed = None
            self.app.tell(f"Process {followed[0]}, which the cursor followed, has ended.")
            self.show_keys()

    def _follow(self) -> None:
        """What the last look found of the selected process, in its graphs."""
        selected = self._table.selected
        if selected is None or not self._closely or self._taken is None:
            return
        (processes, interval_s, _), time_us = self._taken
        identity = selected.identity
        found = next((one for one in processes if one.pid == selected.pid and one.identity == identity), None)
        if found is not None:
            self._detail.add(found, time_us, interval_s)

    @property
    def _closely(self) -> bool:
        """One process is shown in detail."""
        return self.size.width >= WIDE or self.has_class("-zoomed")

    def _show(self, *, anew: bool = False) -> None:
        """The list as the operator wants it, of the last look that was taken over."""
        wish, now = self._wish_now, self.engine.monitoring.now() / 1e6
        listing = arrange(self._processes, wish, now, self._runs, measured=self._shares_known, memory=self.memory)
        self._table.show(listing, wish, self._runs, anew=anew)
        if self._processes:
            self._table.say_empty(*_NOTHING_FOUND)
        if not self._misunderstood:
            self._filter.note(f"{listing.found:,} of {len(self._processes):,}" if self._wish.filter else "")
        self._show_summary()
        self._show_selected()

    @property
    def _wish_now(self) -> Wish:
        """By CPU is by memory, as long as nothing is known of CPU."""
        unknown = self._wish.sort == "cpu" and not self._shares_known
        return replace(self._wish, sort="rss") if unknown else self._wish

    def show_list(self) -> None:
        self._show()

    def _show_summary(self) -> None:
        if self._processes:
            tagged, following, measured = len(self._table.tagged), self._following(), self._shares_known
            self._summary.show(
                summary(
                    self._table.listing,
                    len(self._processes),
                    self._wish,
                    tagged,
                    frozen=self._frozen,
                    following=following,
                    measured=measured,
                )
            )

    def _following(self) -> str:
        """Whom the cursor follows, in words."""
        followed = self._table.followed
        one = next((one for one in self._processes if one.identity == followed), None) if followed else None
        if one is None:
            return ""
        hidden = "" if one.identity in self._table.listing.index else ", not shown now"
        return f"{one.pid} {sanitise_name(one.name, limit=30)}{hidden}"

    def _show_selected(self) -> None:
        if self._closely:
            selected, before = self._table.selected, self._detail.identity
            self._detail.show(selected, self._run_of(selected))
            if self._detail.identity != before:
                self._follow()

    def _run_of(self, process: ProcessSample | None) -> str:
        """The execution it belongs to, harmless; empty: none of ours."""
        return sanitise_name(self._runs.get(process.pid, ""), limit=20) if process is not None else ""

    async def _inspect(self) -> None:
        """Everything about the selected process; the kernel is asked in a thread."""
        selected = self._table.selected
        if selected is None or not self._closely:
            return
        from opsconsole.monitoring.sampling.selected import details

        identity, run = selected.identity, self._named(self._run_of(selected))
        recorded = self.app.recorded
        look = details if recorded is None else recorded.details
        known = before = self._details
        if before is not None and (before.pid, before.start_ticks) != identity:
            before = None
        now_us = self.engine.monitoring.now()

        def work() -> tuple[ProcessDetails | None, list[Line]]:
            found = look(*identity)
            if found is None:
                return None, _GONE
            return found, facts(found, before, self._without_secrets_of(found), now_us / 1e6, run)

        found, lines = await asyncio.to_thread(work)
        if not self.is_attached or self._identity() != identity or self._details is not known:
            return  # also where another look at it was faster
        self._details, moved = found, None
        if found is not None and before is not None and (moved := rate(found, before)) is not None:
            self._detail.add_transfer(identity, now_us, found.monotonic_s - before.monotonic_s, moved)
        self._rate_awaited = found is not None and before is None and found.read_bytes is not None
        self._detail.say(identity, lines, ended=found is None, moves=self._rate_awaited or moved is not None)

    def _without_secrets_of(self, found: ProcessDetails) -> Callable[[str], str]:
        """Nothing that its own environment calls a secret is shown, wherever it stands."""
        redaction = Redaction.of(dict(found.environment), self.app.settings.redaction)
        return lambda text: self._made_harmless(redaction.text(text))

    def _named(self, execution: str) -> str:
        """A run with the name of its task, harmless."""
        if not execution:
            return ""
        try:
            return f"{execution}  {sanitise_name(self.engine.task(int(execution.partition('.')[0])).name, limit=80)}"
        except (OpsError, ValueError):
            return execution

    def _identity(self) -> Identity | None:
        selected = self._table.selected
        return None if selected is None else selected.identity

    def on_process_table_moved(self) -> None:
        self._moved_at = time.monotonic()
        if not self._to_tell:  # what has moved is drawn first, and then what else that means
            self._to_tell = True
            self.call_after_refresh(self._tell_moved)

    def _tell_moved(self) -> None:
        self._to_tell = False
        if not self.is_attached:
            return
        self._show_selected()
        self._show_summary()
        self.show_keys()
        if self._closely:  # who runs down the list looks at none of them
            if self._settling is not None:
                self._settling.stop()
            self._settling = self.set_timer(_SETTLED_S, self._settled)

    def _settled(self) -> None:
        if self.is_attached and self._closely:
            _: Worker[None] = self.run_worker(self._inspect, group="inspection", exclusive=True)

    # -- keys

    def on_resize(self) -> None:
        self._show_selected()
        self._settled()

    def label_of(self, action_id: str) -> str | None:
        one = BY_ID[action_id]
        if action_id in _FOR_ONE and self._table.selected is None:
            return None
        if action_id == "go_to_run" and not self._run_of(self._table.selected):
            return None
        if self.has_class("-zoomed"):
            return one.label if action_id in _OF_ONE else None
        turned = {
            "freeze": self._frozen, "tree": self._wish.tree, "full_paths": self._wish.paths,
            "follow_process": self._table.followed is not None and self._table.followed == self._identity(),
        }  # fmt: skip
        if turned.get(action_id):
            return one.opposite
        return None if action_id == "back" else one.label

    def action_inspect(self) -> None:
        if self._table.selected is not None:
            self._zoom(True)

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self._zoom(False)
        else:
            self._filter.clear()

    def _zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self.set_focus(self._detail.facts if zoomed else self._table)
        self._show_selected()
        self._settled()
        self.show_keys()

    def action_filter(self) -> None:
        self._zoom(False)
        self._filter.begin(self._table)

    def action_filter_processes(self) -> None:
        self.action_filter()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        try:
            wanted = parse(event.text)
        except FilterError as error:  # the list stays as the last filter has it that was understood
            self._misunderstood = sanitise_name(str(error))
            self._filter.note(self._misunderstood, wrong=True)
            return
        self._misunderstood = ""
        self._want(replace(self._wish, filter=wanted))

    def on_filter_line_left(self) -> None:
        self.set_focus(self._table)

    def action_follow_process(self) -> None:
        """The cursor stays with it until somebody moves the cursor."""
        identity = self._identity()
        self._table.followed = None if identity == self._table.followed else identity
        self._show_summary()
        self.show_keys()

    def action_go_to_run(self) -> None:
        if run := self._run_of(self._table.selected):
            tasks = cast("TasksScreen", self.app.go("tasks"))
            tasks.go_to(int(run.partition(".")[0]))
        else:
            self.app.tell("It belongs to none of the runs of this host's consoles.")

    def action_freeze(self) -> None:
        self._frozen = not self._frozen
        self._show_summary()
        self.show_keys()

    def action_tag(self) -> None:
        if (identity := self._identity()) is None:
            return
        self._table.tagged ^= {identity}
        self._table.redraw()
        self._table.action_down()
        self._show_summary()

    def action_untag(self) -> None:
        self._table.tagged = set()
        self._table.redraw()
        self._show_summary()

    # -- for the commands

    @property
    def chosen(self) -> list[ProcessSample]:
        if self._table.tagged and not self.has_class("-zoomed"):
            return [one for one in self._processes if one.identity in self._table.tagged]
        return [] if self._table.selected is None else [self._table.selected]

    def hidden_of(self, chosen: list[ProcessSample]) -> int:
        return sum(one.identity not in self._table.listing.index for one in chosen)
