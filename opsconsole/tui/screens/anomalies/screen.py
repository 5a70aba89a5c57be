"""Mode 4, anomalies: what was wrong when, what is wrong now, and what to do about it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical

from opsconsole.anomalies import Anomaly
from opsconsole.errors import OpsError
from opsconsole.events import AnomalyEvent, Event
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import series
from opsconsole.tui.actions import BY_ID, mode_bindings
from opsconsole.tui.keys import shown_keys
from opsconsole.tui.screens.anomalies.counts import CountLine, EpisodeFilterLine, counted
from opsconsole.tui.screens.anomalies.detail import EpisodeDetail, Surroundings
from opsconsole.tui.screens.anomalies.filter import EVERYTHING, EpisodeFilterError, parse
from opsconsole.tui.screens.anomalies.graph import is_whole
from opsconsole.tui.screens.anomalies.jumping import EpisodeJumps, culprits, runs_of
from opsconsole.tui.screens.anomalies.reading import Found, Query, around, begins, read
from opsconsole.tui.screens.anomalies.table import EpisodeTable
from opsconsole.tui.screens.anomalies.timeline import Timeline
from opsconsole.tui.screens.anomalies.window import Narrowing, Window, why_empty
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.filter_line import FilterLine

if TYPE_CHECKING:
    from opsconsole.storage.anomalies import AnomalyFilter
    from opsconsole.tui.app import ConsoleApp

_SECOND_US = 1_000_000
_TICK_S = 1.0
_REFRESH_S = 0.1
_READ_EVERY = 5
_LATE_S = 5.0
"""So much later than it was due the next look at the host may come; after that nobody knows how it is now."""
_KEYS = (
    "back", "open_episode", "acknowledge_episode", "silence_episode", "note_episode", "go_to_process", "go_to_its_run",
    "filter", "severity", "zoom_in", "zoom_out", "pan_back", "watch", "clear_episodes",
)  # fmt: skip


class AnomaliesScreen(EpisodeJumps):
    """Reads the record in a thread; keys become commands of the station on the selected episode."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]  # noqa: RUF012 - as Textual has it
    MODE = "anomalies"
    KEYS = _KEYS
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("anomalies")
    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self._timeline = Timeline(id="timeline")
        self._counts = CountLine(id="episode-counts")
        self._table = EpisodeTable(id="episodes")
        self._filter = EpisodeFilterLine()
        self._detail = EpisodeDetail(id="episode")
        self._window = Window(self.clock)
        self._narrowing = Narrowing()
        self._found: Found | None = None
        self._around: Surroundings | None = None
        self._problem: OpsError | None = None
        self._due = self._reading = self._again = False
        self._reading_around = False
        self._filter_wrong = False
        self._ticks = 0
        self._wanted: int | None = None
        self._sought: int | None = None
        """What is looked up to be shown."""
        self._uncovered: int | None = None
        """What nothing hides any more."""
        self._values: dict[str, float] | None = None

    def compose_body(self) -> ComposeResult:
        yield self._timeline
        yield self._counts
        with Container(id="episodes-body"):
            with Vertical(id="episodes-list"):
                yield self._table
                yield self._filter
            yield self._detail

    def on_mount(self) -> None:
        self._detail.harmless = self.harmless
        self._table.say_empty("Reading the record …")
        self._show_timeline()
        self.set_focus(self._table)

    def begin(self) -> None:
        self.set_interval(_TICK_S, self._tick)

    def look(self) -> None:
        self.app.look_at_health()
        self._values = self._newest()
        self._table.tick(self._now, self._values)
        self._schedule()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_selected)

    def go_to(self, episode_id: int) -> None:
        """Select an episode, as soon as the record has been read; the time is moved to it, and filters that hide it
        are dropped."""
        self._wanted = episode_id
        self._uncovered = None
        self._schedule()

    # -- facts come up

    def hear(self, event: Event) -> None:
        """An engine event, on the loop's thread: noted now, read soon."""
        if isinstance(event, AnomalyEvent):
            self._schedule()

    def _tick(self) -> None:
        if not self.looks or not self.is_attached:
            return
        self._ticks += 1
        before, self._values = self._values, self._newest()
        self._table.tick(self._now, self._values)
        if self._values != before:
            self._detail.show(self.selected, self._around, self._now, self._values)
        if self._window.follows:
            self._show_timeline()
        if not self._ticks % _READ_EVERY:
            self._schedule()

    def _newest(self) -> dict[str, float] | None:
        """What the last look at the host saw, if that was just now."""
        try:
            taken = self.engine.monitoring.latest()
        except OpsError:  # the record says so, which is read as well
            return None
        if taken is None or self._now - taken.sample.time_us > (taken.interval_s + _LATE_S) * _SECOND_US:
            return None
        return series(taken.sample)

    @property
    def _now(self) -> int:
        return self.engine.monitoring.now() if self.begun else self.clock()

    @property
    def selected(self) -> Anomaly | None:
        return self._table.selected

    # -- reading

    def _schedule(self) -> None:
        if not self._due and self.looks and self.is_attached:
            self._due = True
            self.set_timer(_REFRESH_S, self._read_now)

    def _read_now(self) -> None:
        self._due = False
        if self._reading:
            self._again = True
        elif self.is_attached:
            self.run_worker(self._read(), group="anomalies")

    async def _read(self) -> None:
        self._reading = True
        try:
            while True:
                self._again = False
                uncovered = self._uncovered
                place, (since, until) = self._window.place, self._window.span
                query = Query(since, until + (_SECOND_US if self._window.follows else 0), self._narrowing.filter)
                try:
                    found = await asyncio.to_thread(read, self.engine, query)
                except OpsError as error:
                    self._say_failed(error)
                    return
                if self._window.place != place:
                    continue  # somebody went to another time, of which this says nothing
                if self._window.fit(begins(found)):
                    continue  # of the shorter span, its counts are others, and what is drawn is finer
                self._take(found, uncovered)
                if not self._again:
                    return
        finally:
            self._reading = False

    def _take(self, found: Found, uncovered: int | None) -> None:
        if not self.is_attached:
            return
        if (shown := self._narrowing.filter) != found.query.filter:  # else what was left out meanwhile came back
            found = replace(found, episodes=[one for one in found.episodes if shown.matches(one)])
        self._found, self._problem = found, None
        self._table.show(found.episodes, self._now)
        self._select_wanted(found, uncovered)
        self._show_timeline()
        self._show_counts()
        self._show_selected(reread=True)

    def _select_wanted(self, found: Found, uncovered: int | None) -> None:
        """What another mode sent the operator here for; where it is not shown, its time and all kinds are, once.
        `uncovered`: what nothing hid any more when this was asked for."""
        wanted = self._wanted
        if wanted is None:
            return
        if any(one.id == wanted for one in found.episodes):
            self._wanted = None
            self._table.select(wanted)
        elif uncovered == wanted:
            self._wanted = None
            self.app.tell(f"Episode {wanted} is not on record any more.")
        elif wanted not in (self._sought, self._uncovered):
            self._sought = wanted
            self.run_worker(self._seek(wanted), group="seek", exclusive=True)

    async def _seek(self, wanted: int) -> None:
        try:
            one = await self.app.attempt(asyncio.to_thread(self.engine.monitoring.anomaly, wanted))
        finally:
            if self._sought == wanted:
                self._sought = None
        if self._wanted != wanted:
            return  # somebody was sent elsewhere meanwhile
        if one is None:
            self._wanted = None
            return
        self._uncovered = wanted
        if not self._narrowing.filter.matches(one):
            self._narrowing.drop()
            self._narrowing.typed = EVERYTHING
            self._filter.clear()
        self._window.show(one.began_at, None if one.state.is_open else one.closed_at or one.last_at)
        self._moved()

    def _say_failed(self, error: OpsError) -> None:
        """Told once, until it works again; said where the episodes would be all the while."""
        if self._problem is None:
            self.app.report(error)
        self._problem = error
        self._show_counts()

    def _show_timeline(self) -> None:
        found = self._found
        now = self._now
        since, until = self._window.span
        title = [Cell(" ", "plain"), Cell(self._window.words, "strong")]
        if found is None:
            self._timeline.show(title, (), since, until, now)
        else:
            self._timeline.show(title, found.episodes, since, until, now, found.unwatched, found.runs)

    def _show_counts(self) -> None:
        """The line of counts, and what stands in place of no episode."""
        found, problem = self._found, self._problem
        if problem is not None:
            words = sanitise_name(problem.message)
            self._counts.show([Cell(f"✗ {words}", "bad")])
            self._table.say_empty("The record cannot be read.", words, sanitise_name(problem.hint or ""))
            return
        if found is None:
            return
        left_out = self._narrowing.said
        self._counts.show(
            list(counted(found.counts, left_out, len(found.episodes), more=found.more, watched=found.alive))
        )
        if self._filter.text and not self._filter_wrong:
            self._note_filter(f"{len(found.episodes):,} shown")
        keys = {name: known[0] for name, known in shown_keys(self).items()}
        self._table.say_empty(*why_empty(found, self._window, keys))

    def _note_filter(self, text: str, *, wrong: bool = False) -> None:
        self._filter_wrong = wrong
        self._filter.note(sanitise_name(text), wrong=wrong)

    # -- the selected one

    def on_episode_table_moved(self) -> None:
        self._show_selected(reread=True)

    def on_timeline_picked(self, event: Timeline.Picked) -> None:
        self._table.select(event.episode.id)

    def _show_selected(self, *, reread: bool = False) -> None:
        one = self.selected
        self._timeline.choose(None if one is None else one.id)
        self._detail.show(one, self._around, self._now, self._values)
        self.show_keys()
        if one is None or not self._detail.display:
            return
        known = self._around if self._around is not None and self._around.episode_id == one.id else None
        if known is None or (reread and not is_whole(one, known.read_at)):
            self._read_around_now()

    def _read_around_now(self) -> None:
        if not self._reading_around and self.is_attached:
            self.run_worker(self._read_around(), group="around")

    async def _read_around(self) -> None:
        self._reading_around = True
        try:
            while (one := self.selected) is not None:
                self._around = await asyncio.to_thread(around, self.engine, one)
                now_on = self.selected
                self._detail.show(now_on, self._around, self._now, self._values)
                if now_on is None or now_on.id == one.id:
                    return
        finally:
            self._reading_around = False

    # -- keys

    def label_of(self, action_id: str) -> str | None:
        if not self._makes_sense(action_id):
            return None
        one = BY_ID[action_id]
        return one.opposite if action_id == "watch" and self._found is not None and self._found.alive else one.label

    def _makes_sense(self, name: str) -> bool:
        one = self.selected
        if name == "back":
            return self.has_class("-zoomed")
        if name == "acknowledge_episode":
            return one is not None and not one.seen
        if name in ("silence_episode", "note_episode"):
            return one is not None
        if name == "go_to_process":
            return one is not None and bool(culprits(one))
        if name == "go_to_its_run":
            return one is not None and bool(runs_of(one))
        if name == "open_episode":
            return one is not None and not self.has_class("-zoomed")
        if name == "clear_episodes":
            return self._found is not None and self._found.counts.total > self._found.counts.open
        return True

    def shown_span(self) -> tuple[AnomalyFilter | None, str]:
        return self._narrowing.clearable(() if self._found is None else self._found.counts.by_kind, self._window)

    def look_again(self) -> None:
        if self.is_attached:
            self.app.look_at_health()
            self._schedule()

    def action_open_episode(self) -> None:
        if self.selected is not None:
            self._zoomed(True)

    def action_back(self) -> None:
        """One step: the whole screen, the typed filter, the quick ones."""
        if self.has_class("-zoomed"):
            self._zoomed(False)
        elif self._filter.text:
            self._filter.clear()
        elif self._narrowing.said:
            self._narrowing.drop()
            self._refilter()
        else:
            self.set_focus(self._table)

    def _zoomed(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self.set_focus(self._detail if zoomed else self._table)
        self.call_after_refresh(self._show_selected)

    def action_filter(self) -> None:
        if self.has_class("-zoomed"):
            self._zoomed(False)
        self._filter.begin(self._table)
        self.show_keys()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        try:
            self._narrowing.typed = parse(event.text)
            self._filter_wrong = False
        except EpisodeFilterError as error:
            self._note_filter(str(error), wrong=True)
            return
        if not event.text:
            self._note_filter("")
        self._refilter()

    def on_filter_line_left(self) -> None:
        self.set_focus(self._table)

    def _refilter(self) -> None:
        """What is there already is narrowed at once; the record follows."""
        found, shown = self._found, self._narrowing.filter
        if found is not None:
            self._found = replace(found, episodes=[one for one in found.episodes if shown.matches(one)])
            self._table.show(self._found.episodes, self._now)
            self._show_timeline()
            self._show_counts()
        self._schedule()

    def action_severity(self) -> None:
        self._narrowing.next_least()
        self._refilter()

    def action_only_open(self) -> None:
        self._narrowing.only_open = not self._narrowing.only_open
        self._refilter()

    def action_this_kind(self) -> None:
        self._narrowing.kind = "" if self._narrowing.kind or not self.selected else self.selected.kind.casefold()
        self._refilter()

    def action_zoom_in(self) -> None:
        self._zoom(-1)

    def action_zoom_out(self) -> None:
        self._zoom(1)

    def _zoom(self, by: int) -> None:
        if self._window.zoom(by):
            self._moved()
        else:
            self.app.tell(f"{self._window.length} is the {'longest' if by > 0 else 'shortest'} time.")

    def action_pan_back(self) -> None:
        self._window.pan(-1)
        self._moved()

    def action_pan_on(self) -> None:
        self._window.pan(1)
        self._moved()

    def action_pan_now(self) -> None:
        self._window.to_now()
        self._moved()

    def _moved(self) -> None:
        self._show_timeline()
        self._schedule()
