"""What has ended, in a table of any length: only what is seen is drawn, only the pages looked at are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.models import ExecutionPolicy, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.history.listing import Listing
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.column_list import Column, ColumnList, Content
from opsconsole.tui.wording import FACES, age, duration, name_of, outcome, running_for

AHEAD = 40
"""Lines around those that are seen are read as well."""


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
    Column("result", "RESULT", 12, from_width=84),
    Column("ended", "RESULT", 10),
)


class HistoryTable(ColumnList, can_focus=True):
    """Line 0 is the heading. The cursor is on a task, by its id, wherever that moves to."""

    COLUMNS = COLUMNS
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
        self._to_end = False  # of a list of which only the beginning is here
        self._drawn = {}
        self._when_drawn: Callable[[], object] | None = None

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
        before, was, had = self.selected_id, self._cursor, len(self._listing)
        self._listing = listing
        self._cursor = max(0, min(was, len(listing) - 1))
        self._stay(before, listing.line_of)
        if self._to_end and listing.whole:
            self._cursor, self._to_end = max(0, len(listing) - 1), False
        self.set_extent(1, len(listing) + 1)
        if not self.size and len(listing) >= self.app.size.height:
            self.show_vertical_scrollbar = True  # else it comes when all is drawn, and all is drawn again beside it
        self._reveal()
        if had and listing.ids:
            self._draw_changes()
        else:
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

    def tick(self) -> None:
        """Time has passed: draw the ages that read differently now."""
        self._draw_changes()

    def select(self, task_id: int) -> bool:
        """Put the cursor on a task, if it is in the list."""
        line = self._listing.line_of(task_id)
        if line is not None:
            self._go(line)
        return line is not None

    def when_drawn(self, call: Callable[[], object]) -> None:
        """Call back when what it shows now is on the screen: with its heading, which is drawn again for that."""
        self._when_drawn = call
        if self.size:
            self.refresh(Region(0, 0, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        if (call := self._when_drawn) is not None:
            self._when_drawn = None
            self.call_later(call)
        return super().render_lines(crop)

    def look(self) -> None:
        """Say which lines are seen."""
        top = self.scroll_offset.y
        self.post_message(self.Looked(top - AHEAD, top + self.size.height + AHEAD))

    # -- moving

    def action_bottom(self) -> None:
        super().action_bottom()
        self._to_end = not self._listing.whole

    def _go(self, line: int) -> None:
        self._to_end = False
        super()._go(line)

    @property
    def _count(self) -> int:
        return len(self._listing)

    @property
    def _whose(self) -> int | None:
        return self.selected_id

    def _moved_to(self) -> Message:
        return self.Moved(self.selected_id)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.look()

    def on_resize(self) -> None:
        super().on_resize()
        self.look()

    def _shown(self, total: int) -> list[Column]:
        """What came of it is there once, in full or in short."""
        shown = super()._shown(total)
        in_full = any(column.key == "result" for column in shown)
        return [column for column in shown if not (in_full and column.key == "ended")]

    def _content(self, line: int) -> Content:
        task = self._listing.at(line)
        marked = self._listing.ids[line] == self._marked
        content = unread(self._listing.ids[line]) if task is None else cells(task, self._clock())
        return {**content, "mark": Cell("◆" if marked else " ", "accent")}


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
        "ended": Cell(outcome(task, now, 10), face.tone if loud else "muted"),
    }


def unread(task_id: int) -> dict[str, Cell]:
    """A row that is still being read."""
    blank = dict.fromkeys((column.key for column in COLUMNS), Cell("", "faint"))
    return {**blank, "id": Cell(str(task_id), "faint"), "name": Cell("…", "faint")}
