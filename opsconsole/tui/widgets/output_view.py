"""The output of one run, followed as it is written: bounded in memory, at most ten batches a second."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.worker import Worker

from opsconsole.execution.showing import Hiding
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.output_source import OutputSource
from opsconsole.tui.transcript import Line, Lines, Transcript, fold
from opsconsole.tui.widgets.line_view import LineView
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned

MOST_LINES = 5_000
MOST_CHARACTERS = 4_000_000
_BATCH_S = 0.1
_QUIET_S = 0.25
_GUTTER = 2


@dataclass(slots=True)
class _Kept:
    line: Line
    rows: int


class OutputView(Toned, LineView, can_focus=True):
    """Shows the end of a run's output and goes with it, until somebody scrolls up."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES | {"output--note"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Changed(Message):
        """More lines, or following went on or off."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.wrapping = True
        self._empty = ""
        self._forget()
        self._reading: Worker[None] | None = None
        self._folded_at = 0

    # -- what it shows

    @property
    def line_count(self) -> int:
        """Lines held, at most about `MOST_LINES`."""
        return len(self._lines)

    @property
    def reading(self) -> bool:
        """Whether more may come."""
        return self._reading is not None and not self._reading.is_finished

    def follow_run(self, folder: Path | None, empty: str, hiding: Hiding | None = None) -> None:
        """Show the run in `folder` from its end on, without what is to be hidden; `empty` is said while there is
        nothing. None: only that.
        """
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._forget(hiding)
        self.say_empty(empty)
        self.following = True
        self._resize()
        self.refresh()
        if folder is not None:
            self._reading = self.run_worker(self._read(folder), group="output", exclusive=True)

    def say_empty(self, text: str) -> None:
        """What stands here while there is no output; it must be harmless."""
        if text != self._empty:
            self._empty = text
            if not self._rows:
                self.refresh()

    def _forget(self, hiding: Hiding | None = None) -> None:
        self._lines: deque[_Kept] = deque()
        self._rows: deque[tuple[str, str | Text]] = deque()
        self._characters = self._dropped = 0
        self._transcript = Transcript(MOST_LINES, hiding)

    # -- reading

    async def _read(self, folder: Path) -> None:
        source = OutputSource(folder)
        try:
            while True:
                if self._may_read():
                    ended = source.ended  # asked first: what is written before the end is then not missed
                    pieces = await asyncio.to_thread(source.read)
                    if pieces:
                        self._take(self._transcript.add(pieces))
                    elif ended:
                        self._take(self._transcript.finish())
                        break
                    await asyncio.sleep(_BATCH_S if pieces else _QUIET_S)
                else:
                    await asyncio.sleep(_QUIET_S)
        finally:
            source.close()
            self.call_later(self.post_message, self.Changed())

    def _may_read(self) -> bool:
        """Not while nobody can see it; and who reads further up keeps what he reads: then the files wait."""
        return self.is_on_screen and (self.following or len(self._lines) < 2 * MOST_LINES)

    def _take(self, batch: Lines) -> None:
        continues, added = batch
        top, first, dropped = self.scroll_offset.y, len(self._rows), self._dropped
        if continues and self._lines:
            kept = self._lines.pop()
            self._characters -= len(kept.line.body)
            for _ in range(kept.rows):
                self._rows.pop()
            first = len(self._rows)
        for line in added:
            self._append(line)
        self._trim()
        self._resize()
        if (top, dropped) == (self.scroll_offset.y, self._dropped):
            self.refresh(Region(0, max(0, first - top), self.size.width, max(1, len(self._rows) - first)))
        else:
            self.refresh()
        self.post_message(self.Changed())

    def _append(self, line: Line) -> None:
        pieces = fold(line.body, self._text_width) if self.wrapping else [line.body]
        self._lines.append(_Kept(line, len(pieces)))
        self._rows.extend((line.kind, piece) for piece in pieces)
        self._characters += len(line.body)

    def _trim(self) -> None:
        if not self.following:
            return
        while len(self._lines) > MOST_LINES or (self._characters > MOST_CHARACTERS and len(self._lines) > 1):
            kept = self._lines.popleft()
            self._dropped += 1
            self._characters -= len(kept.line.body)
            for _ in range(kept.rows):
                self._rows.popleft()

    # -- size and place

    @property
    def _text_width(self) -> int:
        return max(10, self.size.width - _GUTTER - 1)  # a column for the scrollbar, whether it is there or not

    def _resize(self) -> None:
        width = 1 if self.wrapping else _GUTTER + max((_cells(piece) for _, piece in self._rows), default=0)
        self.set_extent(width, len(self._rows))
        if self.following:
            self.jump(y=self.max_scroll_y)

    def on_resize(self) -> None:
        if self._folded_at != self._text_width:
            self._fold_again()
        self._resize()

    def _fold_again(self) -> None:
        self._folded_at = self._text_width
        lines = [kept.line for kept in self._lines]
        self._lines.clear()
        self._rows.clear()
        self._characters = 0
        for line in lines:
            self._append(line)
        self._resize()
        self.refresh()

    def set_following(self, following: bool) -> None:
        """Go with the output, or stay."""
        if following != self.following:
            self.following = following
            self.post_message(self.Changed())
        if following:
            self._trim()
            self._resize()
            self.refresh()

    def toggle_wrapping(self) -> None:
        self.wrapping = not self.wrapping
        self.styles.overflow_x = "hidden" if self.wrapping else "auto"
        self.jump(x=0)
        self._fold_again()

    def _scroll(self, lines: int) -> None:
        if lines < 0 and self.max_scroll_y:
            self.set_following(False)
        self.jump(y=max(0, self.scroll_offset.y + lines))

    def action_up(self) -> None:
        self._scroll(-1)

    def action_down(self) -> None:
        self._scroll(1)

    def action_page_up(self) -> None:
        self._scroll(-max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        self._scroll(max(1, self.size.height - 1))

    def action_top(self) -> None:
        self._scroll(-len(self._rows))

    def action_bottom(self) -> None:
        self.set_following(True)

    def on_mouse_scroll_up(self) -> None:
        self.set_following(False)

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        index = y + self.scroll_offset.y
        if not self._rows:
            text = self._empty if y == 0 else ""
            return Strip([Segment("  " + text, base + self.tone("muted"))]).adjust_cell_length(width, base)
        if index >= len(self._rows):
            return Strip.blank(width, base)
        kind, piece = self._rows[index]
        if kind == "note":
            note = self.get_component_rich_style("output--note")
            return Strip([Segment("  " + str(piece), note)]).adjust_cell_length(width, note)
        bar = Segment("▌ ", base + self.tone("bad")) if kind == "stderr" else Segment("  ", base)
        if isinstance(piece, str):
            body = Strip([Segment(piece, base)])
        else:
            body = Strip([segment for segment in piece.render(self.app.console) if segment.text])
            body = body.apply_style(base)
        left = self.scroll_offset.x
        body = body.crop(left, left + width - _GUTTER)
        return Strip([bar, *body]).adjust_cell_length(width, base)


def _cells(piece: str | Text) -> int:
    plain = piece if isinstance(piece, str) else piece.plain
    return len(plain) if plain.isascii() else cell_len(plain)
