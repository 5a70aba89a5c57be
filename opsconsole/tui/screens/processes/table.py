"""The processes of the host, a line each: the cursor is on a process, and only what changed is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.processes.listing import SORTS, Identity, Listing, Wish, without_folder
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.column_list import Column
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.wording import duration, short_size

COLUMNS = (
    Column("tag", "", 1),
    Column("pid", "PID", 7, right=True),
    Column("user", "USER", 9, from_width=60),
    Column("cpu", "CPU%", 6, right=True),
    Column("rss", "RSS", 5, right=True),
    Column("state", "S", 2),
    Column("threads", "THR", 4, right=True, from_width=66),
    Column("nice", "NI", 3, right=True, from_width=90),
    Column("time", "TIME", 7, right=True, from_width=84),
    Column("run", "RUN", 6, from_width=92),
    Column("name", "NAME", 16, from_width=140),
    Column("command", "COMMAND", 0),
)
_BUSY_PERCENT = 5
_LEAST = 8
_STRIPS = 400
"""Lines that are remembered as they were drawn: the next line down draws one, and not all that have moved up."""


class _Look(NamedTuple):
    """What a line looks like; another look is drawn."""

    cells: tuple[Cell, ...]
    cursor: bool
    tagged: bool


class ProcessTable(BareLines, CursorList, can_focus=True, inherit_bindings=False):
    """Shows a `Listing`. Line 0 is the heading; `selected` is where the cursor is; `tagged` are marked; with
    `followed` the cursor stays, wherever that moves, until somebody moves the cursor.

    ← and → are not its own.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Moved(Message):
        """The cursor is on another process (None: there is none)."""

        process: ProcessSample | None

    @dataclass
    class Sorted(Message):
        """Somebody clicked on the heading of a column that the list can be sorted by."""

        column: str

    def __init__(self, harmless: Callable[[str], str], *, id: str | None = None) -> None:
        """`harmless`: a command line as it may be shown, without secrets; it should remember what it said."""
        super().__init__(id=id)
        self._harmless = harmless
        self._listing = Listing()
        self._wish = Wish()
        self._cursor = 0
        self._moved = False
        self._empty: tuple[str, ...] = ()
        self._drawn: dict[int, _Look | None] = {}
        self._drawn_from = 0
        self._spans: list[tuple[Column, int]] = []
        self._strips: dict[tuple[_Look, bool], Strip] = {}
        self._strips_of: tuple[Style, int, list[tuple[Column, int]]] | None = None
        self._runs: Mapping[int, str] = {}
        self.tagged: set[Identity] = set()
        self.followed: Identity | None = None

    # -- what it shows

    @property
    def selected(self) -> ProcessSample | None:
        """The process under the cursor."""
        found = self._listing.processes
        return found[self._cursor] if found else None

    @property
    def listing(self) -> Listing:
        return self._listing

    def show(self, listing: Listing, wish: Wish, runs: Mapping[int, str], *, anew: bool = False) -> None:
        """Take these; the cursor stays on its process, or on its line when the process is gone. `runs`: whose they
        are, by pid.

        As long as nobody has moved it, it does not take the view along: then it goes back to the first line,
        as it does when the list begins `anew`.
        """
        before = self.selected
        count, was = len(listing.processes), self._cursor
        fits = bool(runs) == bool(self._runs)
        if wish != self._wish or not fits or bool(count) != bool(self._listing.processes):
            self.refresh()
        self._listing, self._wish, self._runs = listing, wish, runs
        if not fits:
            self._spans = self._fitting()
        self._cursor = max(0, min(was, count - 1))
        if self._stay(before and before.identity, listing.index.get):
            self._moved = self._cursor > 0
        elif not self._moved and (anew or not 0 <= self._cursor - self.scroll_offset.y < self._body):
            self._cursor = 0
        if self.followed is not None:
            self._cursor = listing.index.get(self.followed, self._cursor)
        self.set_extent(1, count + 1)
        if self._cursor != was or self.followed is not None:
            self._reveal()
        self._draw_changes()
        now_on = self.selected
        if (before and before.identity) != (now_on and now_on.identity):
            self.post_message(self.Moved(now_on))

    def say_empty(self, *lines: str) -> None:
        """What stands in the middle while there is no process."""
        if lines != self._empty:
            self._empty = lines
            if not self._listing.processes:
                self.refresh()

    def select(self, pid: int) -> bool:
        """Put the cursor on a process; False: it is not shown."""
        at = next((at for at, one in enumerate(self._listing.processes) if one.pid == pid), None)
        if at is not None:
            self._go(at)
            self._moved = True
        return at is not None

    def redraw(self) -> None:
        """The tags have changed."""
        self._draw_changes()

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._listing.processes)

    @property
    def _whose(self) -> Identity | None:
        return None if self.selected is None else self.selected.identity

    def _moved_to(self) -> Message:
        return self.Moved(self.selected)

    def _go(self, line: int) -> None:
        self._moved = min(line, self._count - 1) > 0
        if line != self._cursor:
            self.followed = None
        super()._go(line)

    @property
    def _body(self) -> int:
        """Lines below the heading."""
        return max(1, self.size.height - 1)

    def on_resize(self) -> None:
        """Before the base's own, which draws."""
        self._spans = self._fitting()

    def on_click(self, event: events.Click) -> None:
        """On the heading: sort. A line is the base's own."""
        if event.y:
            return
        left = 1
        for column, width in self._spans:
            if left <= event.x < left + width + 1 and column.key in SORTS:
                self.post_message(self.Sorted(column.key))
            left += width + 1

    # -- drawing

    def _fitting(self) -> list[tuple[Column, int]]:
        """The columns there is room for, with their widths."""
        total = self.size.width - 1  # a column for the scrollbar, whether it is there or not
        shown = [column for column in COLUMNS if total >= column.from_width and (self._runs or column.key != "run")]
        left = max(_LEAST, total - 2 - sum(column.width + 1 for column in shown))
        return [(column, column.width or left) for column in shown]

    def _draw_changes(self) -> None:
        if not self._listing.processes:
            return
        width, height = self.size
        if self._drawn_from != self.scroll_offset.y:  # nothing stands where it stood
            self._drawn_from = self.scroll_offset.y
            self._drawn.clear()
            self.refresh(Region(0, 0, width, height))
            return
        changed = [
            Region(0, y, width, 1) for y in range(1, height) if y not in self._drawn or self._drawn[y] != self._look(y)
        ]
        if changed:
            self.refresh(*changed)

    def _look(self, y: int) -> _Look | None:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < len(self._listing.processes):
            return None
        one = self._listing.processes[line]
        tagged = one.identity in self.tagged
        branch = self._listing.branches[line] if self._listing.branches else ""
        aside = one.pid in self._listing.around
        cells = tuple([self._cell(column.key, one, branch, tagged, aside) for column, _ in self._spans])
        return _Look(cells, line == self._cursor, tagged)

    def _cell(self, key: str, one: ProcessSample, branch: str, tagged: bool, aside: bool) -> Cell:
        quiet = "faint" if aside else "muted"
        match key:
            case "command":
                text = self._harmless(one.cmdline) if one.cmdline else f"[{sanitise_name(one.name)}]"
                text = text if self._wish.paths else without_folder(text, one.name)
                if below := self._listing.below.get(one.identity):
                    text = f"▸ +{below:,} {text}"
                return Cell(branch + text, "faint" if aside else "plain")
            case "name":
                return Cell(sanitise_name(one.name), quiet)
            case "pid":
                return Cell(str(one.pid), quiet)
            case "cpu":
                if not self._listing.measured:
                    return Cell("–", "faint")
                return Cell(f"{one.cpu_percent:.1f}", "plain" if one.cpu_percent >= _BUSY_PERCENT else quiet)
            case "rss":
                return Cell(short_size(one.rss_bytes), quiet if aside else "plain")
            case "state":  # D and Z do not die by a signal
                return Cell(one.state, "strong" if one.state in "RDZ" else "faint")
            case "user":
                return Cell(sanitise_name(one.user or str(one.uid)), quiet)
            case "run":
                return Cell(sanitise_name(self._runs.get(one.pid, ""), limit=20), "plain")
            case "threads":
                return Cell(str(one.threads), quiet)
            case "nice":
                return Cell(str(one.nice), "plain" if one.nice else "faint")
            case "time":
                return Cell(duration(one.cpu_time_s, ticking=True), quiet)
            case _:
                return Cell("●" if tagged else "", "accent")

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        if not self._listing.processes:
            line = y - (self.size.height - len(self._empty)) // 2
            text = self._empty[line] if 0 <= line < len(self._empty) else ""
            tone = self.tone("muted" if line else "plain")
            return Strip([Segment(text.center(width), base + tone)]).adjust_cell_length(width, base)
        if y == 0:
            heading = self.get_component_rich_style("table--heading")
            return self._strip(self._headings(), " ", heading, heading, width)
        look = self._drawn[y] = self._look(y)
        if look is None:
            return Strip.blank(width, base)
        if self._strips_of != (base, width, self._spans) or len(self._strips) > _STRIPS:
            self._strips, self._strips_of = {}, (base, width, self._spans)
        key = look, look.cursor and self.has_focus
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._drawn_anew(look, base, width)
        return strip

    def _drawn_anew(self, look: _Look, base: Style, width: int) -> Strip:
        if not look.cursor:
            return self._strip(look.cells, " ", base, base, width)
        style = self.get_component_rich_style("table--cursor")
        mark = "▌" if self.has_focus else " "
        return self._strip(look.cells, mark, style, self.over(style, "accent"), width)

    def notify_style_update(self) -> None:
        """Another theme: the same tones have other colours."""
        self._strips_of = None
        super().notify_style_update()

    def _headings(self) -> tuple[Cell, ...]:
        """The column they are sorted by has a sign."""
        wish = self._wish
        down = SORTS[wish.sort][1] is not wish.reverse
        return tuple(
            Cell(column.title + ("▾" if down else "▴") * (column.key == wish.sort), "") for column, _ in self._spans
        )

    def _strip(self, cells: tuple[Cell, ...], mark: str, base: Style, marked: Style, width: int) -> Strip:
        segments = [Segment(mark, marked)]
        for (column, cell_width), (text, tone) in zip(self._spans, cells, strict=True):
            fitted = fit(text, cell_width, right=column.right)
            segments.append(Segment(fitted + " ", self.over(base, tone) if tone else base))
        return Strip(segments).adjust_cell_length(width, base)
