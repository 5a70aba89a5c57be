"""Mode 3, Processes: everything that runs on this host, a look every second while the screen is on top."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widgets import Input
from textual.worker import Worker

from opsconsole.errors import OpsError
from opsconsole.events import Event
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample
from opsconsole.tui.actions import BY_ID, OF_APP, Where, bindings
from opsconsole.tui.host_rows import health_cell
from opsconsole.tui.keys import shown_keys
from opsconsole.tui.process_filter import FilterError, parse
from opsconsole.tui.screens.processes_actions import ACTIONS, SORTS
from opsconsole.tui.screens.processes_commands import ProcessCommands
from opsconsole.tui.widgets.fact_line import FactLine
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.process_detail import ProcessDetail
from opsconsole.tui.widgets.process_facts import Line, facts, summary
from opsconsole.tui.widgets.process_list import Identity, Wish, arrange
from opsconsole.tui.widgets.process_table import ProcessTable
from opsconsole.tui.widgets.status_line import HeaderLine, Key, KeyLine
from opsconsole.tui.widgets.task_table import Cell

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.analysis import Health
    from opsconsole.monitoring.sampling.processes import ProcessSampler
    from opsconsole.monitoring.sampling.selected import ProcessDetails

_LOOK_S = 1.0
_SOON_S = 0.4
_SETTLED_S = 0.15
_INSPECTED = 3
"""So many looks at all for one at everything about the selected one, which can be a hundred times as dear."""

_KEPT_S = 30.0
_COMMANDS = 8192
_LONGEST = 500
_ALWAYS = ("help", "quit")
_WIDE = 110
_EXAMPLE = "words, cpu>5 and user=www, rss>100M, state=Z, not (…)"
_FIRST_LOOK = ("The first look is under way …",)
_NOTHING_FOUND = ("No process passes this filter.", "", "Press esc to see all.")
_GONE: list[Line] = [(Cell("It has ended.", "muted"),)]


class Taken(NamedTuple):
    """One look. `interval_s`: since the one before, None at the first: then nothing is known of CPU."""

    processes: list[ProcessSample]
    interval_s: float | None


def new_sampler() -> ProcessSampler:
    """What the screen looks with."""
    from opsconsole.monitoring.sampling.processes import ProcessSampler

    return ProcessSampler()


class ProcessesScreen(ProcessCommands):
    """Looks by itself, whether a monitor runs or not; stands still while a question is asked, or when it is frozen."""

    HORIZONTAL_BREAKPOINTS = [(_WIDE, "-wide")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.PROCESSES),
        *bindings(Where.CONSOLE, but=("submit", *OF_APP)),
    ]

    def __init__(self, host: str, user: str, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._sampler: ProcessSampler | None = None
        self._harmless = lru_cache(_COMMANDS)(self._made_harmless)
        self._redaction: Redaction | None = None
        self._header = HeaderLine(host, user)
        self._summary = FactLine(id="process-summary")
        self._table = ProcessTable(self._harmless, id="process-table")
        self._filter = FilterLine()
        self._detail = ProcessDetail(id="process-detail")
        self._keys = KeyLine()
        self._wish = Wish()
        self._processes: list[ProcessSample] = []
        self._frozen = False
        self._on_top = False
        self._busy = False
        self._failed = False
        self._shares_known = False
        self._looks = 0
        self._misunderstood = ""
        self._details: ProcessDetails | None = None
        self._settling: Timer | None = None
        self._leaving: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._header
        with Container(id="process-body"):
            with Vertical(id="process-list"):
                yield self._summary
                yield self._table
                yield self._filter
            yield self._detail
        yield self._keys

    def on_mount(self) -> None:
        self._redaction = Redaction.of(os.environ, self.app.settings.redaction)
        self._filter.query_one(Input).placeholder = _EXAMPLE
        self._header.show_state("")
        self._table.say_empty(*_FIRST_LOOK)
        self.set_focus(self._table)
        self.set_interval(_LOOK_S, self._look)
        self.set_timer(_SOON_S, self._look)  # shares need two looks

    def on_unmount(self) -> None:
        self._on_top = False
        self._let_go()

    def on_screen_resume(self) -> None:
        self._on_top = True
        if self._leaving is not None:
            self._leaving.stop()
            self._leaving = None
        self.call_after_refresh(self._look)
        self._show_keys()

    def on_screen_suspend(self) -> None:
        """A question may be asked, or another mode be shown: what is held is given back when that takes long."""
        self._on_top = False
        if self._leaving is None and self.is_attached:
            self._leaving = self.set_timer(_KEPT_S, self._let_go)

    def _let_go(self) -> None:
        self._leaving = None
        if self._sampler is not None and not self._on_top:
            self._sampler.close()
            self._sampler = None

    def _made_harmless(self, command: str) -> str:
        assert self._redaction is not None  # noqa: S101 - made on mount
        return sanitise_name(self._redaction.text(command), limit=_LONGEST)

    # -- facts come up

    def hear(self, event: Event) -> None:
        """An engine event: it looks by itself."""

    def show_health(self, health: Health) -> None:
        """What is wrong with the host, where something is."""
        self._header.show_alarm(None if health.worst is None else health_cell(health))

    def _look(self) -> None:
        if self._on_top and not self._busy and self.is_attached:
            self._busy = True
            _: Worker[None] = self.run_worker(self._look_once, group="processes")

    async def _look_once(self) -> None:
        """Another look, in a thread, and everything about the selected process."""
        try:
            taken = await asyncio.to_thread(self._sample)
            if self._on_top and self.is_attached:
                self._take(taken)
                if self._looks % _INSPECTED == 0:
                    await self._inspect()
                self._looks += 1
                self._header.show_counts(self._engine.counts())
                self._failed = False
        except OpsError as error:
            if self._on_top and not self._failed:  # once, until it works again: a look is taken every second
                self._failed = True
                self.app.report(error)
        finally:
            self._busy = False

    def _sample(self) -> Taken:
        sampler = self._sampler
        if sampler is None:
            sampler = self._sampler = new_sampler()
        return Taken(sampler.sample(), sampler.interval_s)

    def _take(self, taken: Taken) -> None:
        if not self._frozen:
            self._processes = taken.processes
            self._show(anew=not self._shares_known)  # whoever came first at the first look came so by chance
            self._shares_known = taken.interval_s is not None
        self._follow(taken)

    def _follow(self, taken: Taken) -> None:
        """The graphs of the selected process."""
        selected = self._table.selected
        if selected is None or not self._closely:
            return
        now_us, identity = self._engine.monitoring.now(), selected.identity
        found = next((one for one in taken.processes if one.pid == selected.pid and one.identity == identity), None)
        if found is not None:
            self._detail.add(found, now_us, taken.interval_s)

    @property
    def _closely(self) -> bool:
        """One process is shown in detail."""
        return self.size.width >= _WIDE or self.has_class("-zoomed")

    def _show(self, *, anew: bool = False) -> None:
        """The list as the operator wants it, of the last look that was taken over."""
        listing = arrange(self._processes, self._wish, self._engine.monitoring.now() / 1e6)
        if self._table.tagged:
            self._table.tagged &= {one.identity for one in self._processes}
        self._table.show(listing, self._wish, anew=anew)
        if self._processes:
            self._table.say_empty(*_NOTHING_FOUND)
        if not self._misunderstood:
            self._filter.note(f"{listing.found:,} of {len(self._processes):,}" if self._wish.filter else "")
        self._show_summary()
        self._show_selected()

    def _show_summary(self) -> None:
        if self._processes:
            self._summary.show(summary(self._processes, self._wish, len(self._table.tagged), frozen=self._frozen))

    def _show_selected(self) -> None:
        if self._closely:
            self._detail.show(self._table.selected)

    async def _inspect(self) -> None:
        """Everything about the selected process; the kernel is asked in a thread."""
        selected = self._table.selected
        if selected is None or not self._closely:
            return
        from opsconsole.monitoring.sampling.selected import details

        identity = selected.identity
        found = await asyncio.to_thread(details, *identity)
        before, self._details = self._details, found
        if not self.is_attached or self._identity() != identity:
            return
        same = before is not None and (before.pid, before.start_ticks) == identity
        now_s = self._engine.monitoring.now() / 1e6
        lines = _GONE if found is None else facts(found, before if same else None, self._harmless, now_s)
        self._detail.say(identity, lines)

    def _identity(self) -> Identity | None:
        selected = self._table.selected
        return None if selected is None else selected.identity

    def on_process_table_moved(self) -> None:
        self._show_selected()
        self._show_keys()
        if self._closely:  # who runs down the list looks at none of them
            if self._settling is not None:
                self._settling.stop()
            self._settling = self.set_timer(_SETTLED_S, self._settled)

    def _settled(self) -> None:
        if self.is_attached and self._closely:
            _: Worker[None] = self.run_worker(self._inspect, group="inspection", exclusive=True)

    # -- keys

    def on_descendant_focus(self) -> None:
        self._show_keys()

    def on_resize(self) -> None:
        self._show_selected()
        self._settled()

    def _show_keys(self) -> None:
        if isinstance(self.focused, Input):
            self._keys.show([Key("enter", "keep the filter"), Key("esc", "drop it")], [])
            return
        keys = {name: found[0] for name, found in shown_keys(self).items()}
        zoomed = self.has_class("-zoomed")
        wanted = ["back", "signal", "renice"] if zoomed else [one.id for one in ACTIONS if one.footer] + ["filter"]
        labels = {name: BY_ID[name].label for name in (*wanted, *_ALWAYS) if name in BY_ID}
        if self._frozen and "freeze" in labels:
            labels["freeze"] = BY_ID["freeze"].opposite
        self._keys.show(
            [Key(keys[name], labels[name]) for name in wanted if name in keys],
            [Key(keys[name], labels[name]) for name in _ALWAYS if name in keys],
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a line of text all keys are text."""
        return not (isinstance(self.focused, Input) and action in BY_ID and BY_ID[action].opens_text)

    def action_inspect(self) -> None:
        if self._table.selected is not None:
            self._zoom(True)

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self._zoom(False)
        elif self._filter.text:
            self._filter.clear()
        else:
            self.app.action_tasks()

    def _zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self.set_focus(self._detail.facts if zoomed else self._table)
        self._show_selected()
        self._settled()
        self._show_keys()

    def action_filter(self) -> None:
        self._zoom(False)
        self._filter.begin()

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

    def _want(self, wish: Wish) -> None:
        self._wish = wish
        self._show()

    def action_sort_next(self) -> None:
        self._want(self._wish.next_sort())

    def action_sort_reverse(self) -> None:
        self._want(replace(self._wish, reverse=not self._wish.reverse))

    def action_sort_cpu(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_cpu"]))

    def action_sort_memory(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_memory"]))

    def action_sort_name(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_name"]))

    def action_sort_pid(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_pid"]))

    def action_sort_user(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_user"]))

    def action_tree(self) -> None:
        self._want(replace(self._wish, tree=not self._wish.tree))

    def action_freeze(self) -> None:
        self._frozen = not self._frozen
        self._show_summary()
        self._show_keys()

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

    def look_again(self) -> None:
        self._look()
