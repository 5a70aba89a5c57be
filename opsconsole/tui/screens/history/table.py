"""What has ended, in a table of any length: only what is seen is drawn, only the pages looked at are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.models import ExecutionPolicy, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.history.listing import Listing
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import Toned
from opsconsole.tui.wording import FACES, age, duration, name_of, outcome, running_for

AHEAD = 40
"""Lines around those that are seen are read as well."""


@dataclass(frozen=True, slots=True)
class Column:
    """`width` 0 takes what is left; a table narrower than `from_width` leaves the column out."""

    key: str
    title: str
    width: int
    right: bool = False
    from_width: int = 0


COLUMNS = (
    Column("mark", "", 1),
    Column("glyph", "", 1),
    Column("id", "ID", 6, right=True),
    Column("name", "NAME", 0),
    Column("policy", "POLICY", 10, from_width=70),
    Column("actor", "BY", 10, from_width=88),
    Column("host", "HOST", 12, from_width=104),
    Column("door", "VIA", 8, from_width=124),
    Column("age", "ENDED", 5, right=True, from_width=44),
    Column("duration", "TIME", 7, right=True),
    Column("result", "RESULT", 9),
)


class HistoryTable(Toned, CursorList, can_focus=True):
    """Line 0 is the heading. The cursor is on a task, by its id, wherever that moves to."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Moved(Message):
        """The cursor is on another task (None: there is none)."""

        task_id: int | None

    @dataclass
    class Looked(Message):
        """These lines are seen, or nearly: their rows are wanted."""

        first: int
        last: int

    def __init__(self, clock: Callable[[], int], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._listing = Listing()
        self._cursor = 0
        self._marked: int | None = None
        self._empty: tuple[str, ...] = ()
        self._drawn: dict[int, tuple[dict[str, Cell] | None, bool]] = {}

    # -- what it shows

    @property
    def listing(self) -> Listing:
        return self._listing

    @property
    def line(self) -> int:
        """The cursor's, from 0."""
        return self._cursor

    @property
    def selected_id(self) -> int | None:
        return self._listing.ids[self._cursor] if self._cursor < len(self._listing) else None

    @property
    def selected(self) -> Task | None:
        """The task under the cursor, once it has been read."""
        return self._listing.at(self._cursor)

    def show(self, listing: Listing) -> None:
        """The cursor stays on its task, or on its line when the task is gone."""
        before, was = self.selected_id, self._cursor
        self._listing = listing
        found = listing.line_of(before) if before is not None else None
        self._cursor = max(0, min(was, len(listing) - 1)) if found is None else found
        self._drawn.clear()
        self.set_extent(1, len(listing) + 1)
        self._reveal()
        self.refresh()
        if before != self.selected_id:
            self.post_message(self.Moved(self.selected_id))
        self.look()

    def rows_came(self) -> None:
        """Rows of the listing were read, or changed."""
        self._draw_changes()

    def mark(self, task_id: int | None) -> None:
        """The one that another is to be compared with."""
        self._marked = task_id
        self._draw_changes()

    def say_empty(self, *lines: str) -> None:
        """What stands in the middle while there is no task."""
        if lines != self._empty:
            self._empty = lines
            if not len(self._listing):
                self.refresh()

    def tick(self) -> None:
        """Time has passed: draw the ages that read differently now."""
        self._draw_changes()

    def select(self, task_id: int) -> bool:
        """Put the cursor on a task, if it is in the list."""
        line = self._listing.line_of(task_id)
        if line is not None:
            self._go(line)
        return line is not None

    def look(self) -> None:
        """Say which lines are seen."""
        top = self.scroll_offset.y
        self.post_message(self.Looked(top - AHEAD, top + self.size.height + AHEAD))

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._listing)

    def _moved_to(self) -> Message:
        return self.Moved(self.selected_id)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.look()

    def on_resize(self) -> None:
        super().on_resize()
        self.look()

    # -- drawing

    def _draw_changes(self) -> None:
        for y in range(1, self.size.height if len(self._listing) else 0):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, y: int) -> tuple[dict[str, Cell] | None, bool]:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < len(self._listing):
            return None, False
        task = self._listing.at(line)
        marked = self._listing.ids[line] == self._marked
        content = unread(self._listing.ids[line]) if task is None else cells(task, self._clock())
        return {**content, "mark": Cell("◆" if marked else " ", "accent")}, line == self._cursor

    def _spans(self) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths."""
        total = self.size.width - 1  # a column for the scrollbar, whether it is there or not
        shown = [column for column in COLUMNS if total >= column.from_width]
        left = max(4, total - 1 - sum(column.width + 1 for column in shown))
        return [(column, column.width or left) for column in shown]

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if not len(self._listing):
            line = y - (self.size.height - len(self._empty)) // 2
            text = self._empty[line] if 0 <= line < len(self._empty) else ""
            said = Segment(text.center(width), base + self.tone("muted" if line else "plain"))
            return Strip([said]).adjust_cell_length(width, base)
        if y == 0:
            heading = self.get_component_rich_style("table--heading")
            return self._strip({c.key: Cell(c.title, "") for c in COLUMNS}, " ", heading, heading, width)
        content, cursor = self._drawn[y] = self._line(y)
        if content is None:
            return Strip.blank(width, base)
        if not cursor:
            return self._strip(content, " ", base, base, width)
        style = self.get_component_rich_style("table--cursor")
        return self._strip(content, "▌" if self.has_focus else " ", style, style + self.tone("accent"), width)

    def _strip(self, content: dict[str, Cell], mark: str, base: Style, marked: Style, width: int) -> Strip:
        segments = [Segment(mark, marked)]
        for column, cell_width in self._spans():
            text, tone = content[column.key]
            style = base + self.tone(tone) if tone else base
            segments += [Segment(fit(text, cell_width, right=column.right), style), Segment(" ", base)]
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)


def cells(task: Task, now: int) -> dict[str, Cell]:
    """A task as a row: what went wrong is the loudest."""
    face = FACES[task.status]
    loud = face.tone == "bad" or task.status is Status.REFUSED
    elevated = task.policy is ExecutionPolicy.ELEVATED
    ended = task.finished_at if task.finished_at is not None else task.queued_at
    return {
        "glyph": Cell(face.glyph, face.tone),
        "id": Cell(str(task.id), "muted"),
        "name": Cell(name_of(task) + (" ★" if task.pinned else ""), "plain"),
        "policy": Cell(task.policy.value, "warning" if elevated else "faint"),
        "actor": Cell(sanitise_name(task.actor), "muted"),
        "host": Cell(sanitise_name(task.host), "muted"),
        "door": Cell(sanitise_name(task.door), "faint"),
        "age": Cell(age(now - ended) if not task.status.is_open else "open", "muted"),
        "duration": Cell(duration(running_for(task, now), ticking=task.status.is_active), "muted"),
        "result": Cell(outcome(task, now), face.tone if loud else "muted"),
    }


def unread(task_id: int) -> dict[str, Cell]:
    """A row that is still being read."""
    blank = dict.fromkeys((column.key for column in COLUMNS), Cell("", "faint"))
    return {**blank, "id": Cell(str(task_id), "faint"), "name": Cell("…", "faint")}
