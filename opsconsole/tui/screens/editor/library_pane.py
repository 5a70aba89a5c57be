"""The scripts at the left: sections with a heading each, and a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.editor.library import Entry, Section
from opsconsole.tui.widgets.cells import fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import Toned

Row = Entry | Section


class LibraryPane(Toned, CursorList, can_focus=True):
    """Headings are passed over; the cursor stays on its script when the list is read again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    ALIKE: ClassVar[bool] = False
    BINDINGS = bindings(Where.MOTION)

    @dataclass
    class Moved(Message):
        """The cursor is on another script."""

        entry: Entry | None

    @dataclass
    class Chosen(Message):
        """It was clicked on, while it was the current one."""

        entry: Entry

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[Row] = []
        self._cursor = 0
        self._open = ""
        self._note = ""
        self._drawn: dict[int, object] = {}

    # -- what it shows

    def show(self, entries: Sequence[Entry], note: str = "") -> None:
        """`note` stands in place of the list when there is nothing in it. It must be harmless."""
        before = self.selected
        rows: list[Row] = []
        for entry in entries:
            if not rows or entry.section is not rows[-1].section:  # type: ignore[union-attr]
                rows.append(entry.section)
            rows.append(entry)
        self._rows, self._note = rows, note
        lines = {row.key: line for line, row in enumerate(rows) if isinstance(row, Entry)}
        self._cursor = min(self._cursor, max(0, len(rows) - 1))
        self._stay(before and before.key, lines.get)
        self._off_headings(1)
        self.set_extent(1, len(rows) + 1)
        self._reveal()
        self._draw_changes()

    def mark_open(self, key: str) -> None:
        """The script that is in the editor."""
        if key != self._open:
            self._open = key
            self._draw_changes()

    @property
    def selected(self) -> Entry | None:
        row = self._rows[self._cursor] if self._cursor < len(self._rows) else None
        return row if isinstance(row, Entry) else None

    @property
    def entries(self) -> list[Entry]:
        return [row for row in self._rows if isinstance(row, Entry)]

    def select(self, key: str) -> None:
        """Put the cursor on a script, if it is shown."""
        for line, row in enumerate(self._rows):
            if isinstance(row, Entry) and row.key == key:
                self._go(line)

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._rows)

    @property
    def _whose(self) -> str | None:
        return None if self.selected is None else self.selected.key

    def _moved_to(self) -> Message:
        return self.Moved(self.selected)

    def _go(self, line: int) -> None:
        line = max(0, min(line, self._count - 1))
        step = 1 if line >= self._cursor else -1
        while 0 <= line < self._count and isinstance(self._rows[line], Section):
            line += step
        if line < 0:  # the first heading: what is below it
            line = next((at for at, row in enumerate(self._rows) if isinstance(row, Entry)), 0)
        super()._go(line)
        if line == 1:
            self.jump(y=0)  # with its heading

    def _off_headings(self, step: int) -> None:
        while self._cursor < len(self._rows) and isinstance(self._rows[self._cursor], Section):
            self._cursor += step

    def on_click(self, event: events.Click) -> None:
        before = self.selected
        super().on_click(event)
        if event.y > 0 and self.selected is not None and self.selected is before:
            self.post_message(self.Chosen(self.selected))

    def on_focus(self) -> None:
        self._draw_changes()

    def on_blur(self) -> None:
        self._draw_changes()

    # -- drawing

    def _line(self, y: int) -> object:
        """All that decides how a line looks."""
        if y == 0:
            return "heading", self.has_focus
        line = y - 1 + self.scroll_offset.y
        if line >= len(self._rows):
            return self._note if y == 2 and not self._rows else ""
        row = self._rows[line]
        opened = isinstance(row, Entry) and row.key == self._open
        return row, opened, line == self._cursor and self.has_focus, line == self._cursor

    def _draw_changes(self) -> None:
        for y in range(self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        line = self._drawn[y] = self._line(y)
        if y == 0:
            title = base + self.tone("accent" if self.has_focus else "strong")
            return Strip([Segment(" Scripts", title), Segment(" enter opens", base + self.tone("faint"))]
                         ).adjust_cell_length(width, base)  # fmt: skip
        if not isinstance(line, tuple):
            return Strip([Segment(f" {line}", base + self.tone("muted"))]).adjust_cell_length(width, base)
        row, opened, focused, current = line
        if isinstance(row, Section):
            return Strip([Segment(f" {row.value}", base + self.tone("faint"))]).adjust_cell_length(width, base)
        style = self.get_component_rich_style("table--cursor") if current else base
        mark = Segment("▌" if focused else " ", style + self.tone("accent"))
        glyph = Segment("● " if row.unsaved else "▸ " if opened else "  ", style + self.tone("accent"))
        note = row.summary.partition(" ")[0] if row.section is Section.HISTORY else ""
        room = width - 4 - (len(note) + 1 if note else 0)
        segments = [
            mark,
            glyph,
            Segment(fit(row.shown, max(1, room)), style + self.tone("strong" if opened else "plain")),
        ]
        if note:
            segments.append(Segment(f" {note}", style + self.tone("faint")))
        return Strip(segments).adjust_cell_length(width, style)
