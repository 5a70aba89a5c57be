"""Episodes over time: a lane for each kind, worst severity of each cell by glyph and colour, and the hours below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.tui.episodes import kind_words, subject_name, what
from opsconsole.tui.severities import GLYPHS, TONES
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.tones import Toned

UNWATCHED = "░"
FLAPS = "≈"
UNKNOWN = "?"
GOES_ON = "▶"
CAME = "◀"
RAN = "■"
FAILED = "✗"
_TICK = "┊"
_LABEL = 34
_LEAST_LABEL = 16
_SECOND_US = 1_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_STEPS_S = (
    _MINUTE_S, 5 * _MINUTE_S, 10 * _MINUTE_S, 15 * _MINUTE_S, 30 * _MINUTE_S, _HOUR_S, 2 * _HOUR_S, 3 * _HOUR_S,
    6 * _HOUR_S, 12 * _HOUR_S, _DAY_S, 2 * _DAY_S, 7 * _DAY_S,
)  # fmt: skip


class Lane(NamedTuple):
    """`subject` and `name` are harmless; `episodes` are drawn the worst over the others."""

    name: str
    episodes: tuple[Anomaly, ...]
    subject: str = ""

    def label(self, width: int) -> str:
        return what(self.subject, self.name, width)


class Tick(NamedTuple):
    column: int
    text: str


class Mark(NamedTuple):
    """What stands in a cell of a lane; `chosen`: it belongs to the selected episode."""

    glyph: str
    tone: str
    chosen: bool = False


class RunSpan(NamedTuple):
    """A run, from when to when (None: it goes on); `well`: it did not fail."""

    since_us: int
    until_us: int | None
    well: bool


_NOTHING = Mark(" ", "faint")


class Timeline(Toned, Widget):
    """The first line is a title, the last the time of day; the lanes are between them: those of the episodes, then the
    one of our own runs, then when nobody watched."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"timeline--chosen"}

    class Picked(Message):
        """Somebody clicked on an episode."""

        def __init__(self, episode: Anomaly) -> None:
            super().__init__()
            self.episode = episode

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title: Sequence[Cell] = ()
        self._episodes: Sequence[Anomaly] = ()
        self._since_us, self._until_us, self._now_us = 0, 1, 1
        self._unwatched: Sequence[tuple[int, int]] = ()
        self._runs: Sequence[RunSpan] = ()
        self._chosen: int | None = None
        self._drawn: dict[int, Strip] = {}
        self._had_height = 0
        self._longest = _LEAST_LABEL

    # -- what it shows

    def show(
        self, title: Sequence[Cell], episodes: Sequence[Anomaly], since_us: int, until_us: int, now_us: int,
        unwatched: Sequence[tuple[int, int]] = (), runs: Sequence[RunSpan] = (),
    ) -> None:  # fmt: skip
        """The span [since, until) in microseconds; `unwatched`: when nobody looked, as spans too."""
        same = (
            episodes is self._episodes and unwatched is self._unwatched and runs is self._runs
            and title == self._title
            and until_us - since_us == self._until_us - self._since_us
            and since_us // self.cell_us == self._since_us // self.cell_us
        )  # fmt: skip
        if same and self._drawn:
            return  # it would be the same to the cell
        if episodes is not self._episodes:
            self._longest = _longest_label(episodes)
        self._title, self._episodes = title, episodes
        self._since_us, self._until_us, self._now_us = since_us, max(until_us, since_us + 1), now_us
        self._unwatched, self._runs = unwatched, runs
        if self._wanted_height() != self._had_height:
            self._had_height = self._wanted_height()
            self.refresh(layout=True)
        self._draw_changes()

    def _wanted_height(self) -> int:
        """Title, time of day, and a lane for everything."""
        lanes = len({(one.kind, one.subject) for one in self._episodes})
        return 2 + max(1, lanes) + self._below

    @property
    def _below(self) -> int:
        """Lines under the lanes of the episodes, but for the time of day."""
        return bool(self._runs) + bool(self._unwatched)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._wanted_height()

    def choose(self, episode_id: int | None) -> None:
        """The lane of this episode is marked, and the episode in it."""
        if episode_id != self._chosen:
            self._chosen = episode_id
            self._draw_changes()

    @property
    def lanes(self) -> list[Lane]:
        return lanes_of(self._episodes, max(1, self.size.height - 2 - self._below))

    @property
    def _label(self) -> int:
        """As wide as the longest needs, within bounds."""
        return min(_LABEL, max(8, self.size.width // 4), self._longest)

    @property
    def cells(self) -> int:
        """Columns that time has; one more at the right end is for what goes on."""
        return max(1, self.size.width - self._label - 2)

    @property
    def cell_us(self) -> float:
        return (self._until_us - self._since_us) / self.cells

    def on_click(self, event: events.Click) -> None:
        at, column = event.y - 1, event.x - self._label - 1
        lanes = self.lanes
        if 0 <= at < len(lanes) and 0 <= column <= self.cells:
            found = [one for one in lanes[at].episodes if column in self._columns(one)]
            if found:
                self.post_message(self.Picked(max(found, key=lambda one: (one.severity, one.opened_at))))

    def on_resize(self) -> None:
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn.clear()
        self.refresh()

    # -- drawing

    def _draw_changes(self) -> None:
        if not self.size.width:
            return
        before, self._drawn = self._drawn, {}
        lines = self._lines()
        for y, strip in enumerate(lines):
            self._drawn[y] = strip
            if before.get(y) != strip:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        if y not in self._drawn:
            self._drawn = dict(enumerate(self._lines()))
        return self._drawn.get(y, Strip.blank(self.size.width, self.rich_style))

    def _lines(self) -> list[Strip]:
        height = self.size.height
        ticks = ticks_of(self._since_us, self._until_us, self.cells)
        lines = [self._strip([(cell.text, self._style(cell.tone)) for cell in self._title])]
        lines += [self._strip(self._lane(lane, ticks)) for lane in self.lanes]
        while len(lines) < height - self._below - 1:
            lines.append(self._strip(self._lane(Lane("", ()), ticks)))
        if self._runs:
            lines.append(self._strip(self._ran()))
        if self._unwatched:
            lines.append(self._strip(self._watch()))
        return [*lines[: height - 1], self._strip(self._axis(ticks))]

    def _strip(self, pieces: Iterable[tuple[str, Style]]) -> Strip:
        return Strip([Segment(text, style) for text, style in pieces]).adjust_cell_length(
            self.size.width, self.rich_style
        )

    def _style(self, tone: str, chosen: bool = False) -> Style:
        base = self.get_component_rich_style("timeline--chosen") if chosen else self.rich_style
        return base + self.tone(tone)

    def _lane(self, lane: Lane, ticks: Sequence[Tick]) -> Iterable[tuple[str, Style]]:
        chosen = any(one.id == self._chosen for one in lane.episodes)
        yield "▌" if chosen else " ", self._style("accent", chosen)
        room = self._label - 1
        yield fit(lane.label(room), room) + " ", self._style("strong" if chosen else "muted", chosen)
        at = {tick.column for tick in ticks}
        marks = self._marks(lane.episodes)
        for column in at:
            if column < self.cells and marks[column] is _NOTHING:
                marks[column] = Mark(_TICK, "faint")
        for (tone, here), same in groupby(marks, key=lambda mark: (mark.tone, mark.chosen)):
            yield "".join(mark.glyph for mark in same), self._style(tone, here)

    def _marks(self, episodes: Iterable[Anomaly]) -> list[Mark]:
        cells, now = self.cells, self._now_us
        marks = [_NOTHING] * (cells + 1)
        order = sorted(episodes, key=lambda one: (one.id == self._chosen, one.severity, one.opened_at))
        for one in order:
            columns = self._columns(one)
            if not columns:
                continue
            tone, chosen, glyph = TONES[one.severity], one.id == self._chosen, GLYPHS[one.severity]
            marks[columns.start : columns.stop] = [Mark(glyph, tone, chosen)] * len(columns)
            if one.state is AnomalyState.FLAPPING or one.flips > 0:
                for column in columns[1::2]:
                    marks[column] = Mark(FLAPS, tone, chosen)
            if one.unknown_since is not None:
                for column in range(max(self._column(one.unknown_since), columns.start) + 1, columns.stop):
                    marks[column] = Mark(UNKNOWN, tone, chosen)
            if one.state.is_open or self._end_of(one, now) > self._until_us:
                marks[cells] = Mark(GOES_ON, tone, chosen)
            if one.began_at < self._since_us and len(columns) > 1:
                marks[0] = Mark(CAME, tone, chosen)
        return marks

    def _columns(self, one: Anomaly) -> range:
        """The cells it lasted for; at least one."""
        cells, cell_us, since_us = self.cells, self.cell_us, self._since_us
        end = min(self._end_of(one, self._now_us), self._until_us)
        first, last = int((one.began_at - since_us) // cell_us), int((end - 1 - since_us) // cell_us)
        if last < 0 or first >= cells:
            return range(0)
        first = max(0, first)
        return range(first, max(first, min(last, cells - 1)) + 1)

    def _column(self, time_us: int) -> int:
        return int((time_us - self._since_us) // self.cell_us)

    def _end_of(self, one: Anomaly, now: int) -> int:
        return now if one.state.is_open else max(one.closed_at or one.last_at, one.began_at + 1)

    def _ran(self) -> Iterable[tuple[str, Style]]:
        """Our own runs, all in one lane; what failed is over what went well."""
        marks = [Mark("─" if at <= self._column(self._now_us) else " ", "faint") for at in range(self.cells)]
        goes_on = False
        for well, (glyph, tone) in ((True, (RAN, "graph")), (False, (FAILED, "plain"))):
            for since_us, until_us, ended_well in self._runs:
                if ended_well is well:
                    goes_on = goes_on or until_us is None
                    first = max(0, self._column(since_us))
                    last = self._column(max(since_us, (self._now_us if until_us is None else until_us) - 1))
                    for column in range(first, min(max(first, last), self.cells - 1) + 1):
                        marks[column] = Mark(glyph, tone)
        yield " " + fit(f"runs {len(self._runs):,}", self._label), self._style("muted")
        for tone, same in groupby(marks, key=lambda mark: mark.tone):
            yield "".join(mark.glyph for mark in same), self._style(tone)
        if goes_on and self._until_us >= self._now_us:
            yield GOES_ON, self._style("graph")

    def _watch(self) -> Iterable[tuple[str, Style]]:
        """When nobody watched: no episode then does not mean that all was well."""
        dark = self._dark()
        until = self._column(self._now_us)
        cells = (UNWATCHED if dark[at] else "─" if at <= until else " " for at in range(self.cells))
        yield " " + fit("nobody watched ░", self._label), self._style("faint")
        yield "".join(cells), self._style("faint")

    def _dark(self) -> list[bool]:
        """Which cells nobody watched, at all."""
        dark = [False] * self.cells
        for since_us, until_us in self._unwatched:
            first = -int(-(since_us - self._since_us) // self.cell_us)
            for column in range(max(0, first), min(self.cells, self._column(until_us))):
                dark[column] = True
        return dark

    def _axis(self, ticks: Sequence[Tick]) -> Iterable[tuple[str, Style]]:
        line = [" "] * (self.size.width + 1)
        for tick in ticks:
            at = 1 + self._label + tick.column
            line[at : at + len(tick.text)] = tick.text
        yield "".join(line)[: self.size.width], self._style("faint")


def lanes_of(episodes: Sequence[Anomaly], room: int) -> list[Lane]:
    """A lane for each kind and subject, where they find room; else one for each kind; the last takes what is left.

    Open ones first, then the worst, then by name, so that lanes stay where they are.
    """
    by_subject: dict[tuple[str, str], list[Anomaly]] = {}
    by_kind: dict[tuple[str, str], list[Anomaly]] = {}
    for one in episodes:
        by_subject.setdefault((one.kind, one.subject), []).append(one)
        by_kind.setdefault((one.kind, ""), []).append(one)
    found = by_subject if len(by_subject) <= room else by_kind

    def rank(item: tuple[tuple[str, str], list[Anomaly]]) -> tuple[bool, Severity, tuple[str, str]]:
        alive = [one for one in item[1] if one.state.is_open]
        worst = max((one.severity for one in alive or item[1]), default=Severity.INFO)
        return not alive, Severity(Severity.CRITICAL - worst), item[0]

    ordered = sorted(found.items(), key=rank)
    if len(ordered) > room:
        kept, rest = ordered[: max(0, room - 1)], ordered[max(0, room - 1) :]
        others = tuple(one for _, ones in rest for one in ones)
        of = "others" if found is by_subject else "other kinds"
        return [*(_lane(key, ones) for key, ones in kept), Lane(f"{len(rest)} {of}", others)]
    return [_lane(key, ones) for key, ones in ordered]


def _lane(key: tuple[str, str], episodes: Iterable[Anomaly]) -> Lane:
    """Of a kind with all its subjects, its title says what they are."""
    from opsconsole.monitoring.detection.kinds import KINDS

    kind, subject = key
    found = tuple(episodes)
    known = KINDS.get(kind)
    if subject or known is None or not any(one.subject for one in found):
        return Lane(kind_words(kind), found, subject_name(found[0]) if subject else "")
    return Lane(known.title, found)


def _longest_label(episodes: Iterable[Anomaly]) -> int:
    """The cells that lanes of them need, with a blank behind."""
    each = {(one.kind, one.subject): one for one in episodes}
    said = (f"{subject_name(one)} {kind_words(kind)}".strip() for (kind, _), one in each.items())
    return 1 + max(_LEAST_LABEL, *map(cell_len, said), 0)


def ticks_of(since_us: int, until_us: int, cells: int) -> list[Tick]:
    """Whole hours (minutes, days) of local time, as close together as their labels allow."""
    cell_us = (until_us - since_us) / max(1, cells)
    for step_s in _STEPS_S:
        if step_s * _SECOND_US / cell_us >= (8 if step_s < _DAY_S else 9):
            break
    ticks: list[Tick] = []
    first = datetime.fromtimestamp(since_us / 1e6)
    day = datetime(first.year, first.month, first.day)
    days = max(1, step_s // _DAY_S)
    day -= timedelta(days=day.toordinal() % days)
    end = datetime.fromtimestamp(until_us / 1e6)
    while day <= end:
        for second in range(0, _DAY_S, min(step_s, _DAY_S)):
            wall = day + timedelta(seconds=second)
            column = int((round(wall.timestamp() * 1e6) - since_us) // cell_us)
            text = wall.strftime("%H:%M" if second or step_s < _DAY_S else "%a %d.%m")
            if step_s < _DAY_S and not second:
                text = wall.strftime("%a %d")
            if 0 <= column <= cells - cell_len(text) and (not ticks or column >= ticks[-1].column + 7):
                ticks.append(Tick(column, text))
        day += timedelta(days=days)
    return ticks
