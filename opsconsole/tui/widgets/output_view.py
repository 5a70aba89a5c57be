"""The output of one run, followed as it is written, or read from anywhere in it: bounded in memory, at most ten batches
a second.

It shows the end and goes with it, until somebody scrolls up. What lies further up than what is held, or is found
there, is read as a page of its own, which begins before what was seen last and so goes on where that was; following
goes back to the end. Meanwhile all of its lines are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.worker import Worker

from opsconsole.execution.output_lines import LineCounter
from opsconsole.execution.outputs import START, Place, StreamName
from opsconsole.execution.showing import Hiding
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.output_find import Needle, Seeking
from opsconsole.tui.output_source import WINDOW_BYTES, OutputSource, before, held_from
from opsconsole.tui.transcript import Line, Lines, Transcript
from opsconsole.tui.widgets.output_text import Kept, OutputText
from opsconsole.tui.wording import count_of

T = TypeVar("T")
MOST_LINES = 5_000
MOST_CHARACTERS = 4_000_000
_BATCH_S = 0.1
_QUIET_S = 0.25
_COUNTED_BYTES = 4 * 1024 * 1024  # at once

Land = Literal["top", "hit"] | int
"""What of a page is shown first: its beginning, the first line that was looked for, or so many rows before (-) or
behind the place up to which it is read first."""


@dataclass(frozen=True, slots=True)
class Total:
    """The lines of a run's output that are kept, as far as they are counted; `exact`: and there are no others."""

    lines: int
    exact: bool


class OutputView(OutputText, can_focus=True):
    """`follow_run` says whose output; keys and methods say what of it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Changed(Message):
        """More lines, or following, paging or searching went on or off."""

    @dataclass
    class NotFound(Message):
        """There is no more of it in this direction."""

        down: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.only: str | None = None
        """Lines of this stream only."""
        self._folder: Path | None = None
        self._hiding: Hiding | None = None
        self._source: OutputSource | None = None
        self._page: Place | None = None
        self._land: Land | None = None
        self._seeking: Seeking | None = None
        self._reading: Worker[None] | None = None
        self._dropped = 0
        self._seam: int | None = None
        self._transcript = Transcript(MOST_LINES)
        self._counter: LineCounter | None = None

    # -- what it shows

    @property
    def reading(self) -> bool:
        """Whether more may come."""
        return self._reading is not None and not self._reading.is_finished

    @property
    def seeking(self) -> float | None:
        """How much of the output has been searched so far, 0 to 1; None: nobody searches."""
        return None if self._seeking is None else self._seeking.share

    @property
    def paging(self) -> bool:
        """A page further up is shown, not the end."""
        return self._page is not None

    @property
    def total(self) -> Total:
        """Of the stream that is shown, or of both."""
        held = sum(kept.line.kind != "note" for kept in self._lines)
        source, counter = self._source, self._counter
        whole = source is not None and source.first == START and not self._dropped
        if whole and len(self._lines) == held and (self._page is None or not self.reading):
            return Total(held, exact=True)
        if counter is None:
            return Total(held, exact=False)
        return Total(max(held, counter.lines(self.only)), counter.caught_up and not counter.missing(self.only))

    def follow_run(
        self, folder: Path | None, empty: str, hiding: Hiding | None = None, started_at: int | None = None
    ) -> None:
        """Show the run in `folder` from its end on, without what is to be hidden; `empty` is said while there is
        nothing. None: only that.
        """
        self.stop_seeking()
        self._folder, self._hiding, self.started_at, self.needle = folder, hiding, started_at, None
        self.say_empty(empty)
        self.following = True
        self._counter = None
        self._open(None)
        if folder is not None:
            self._counter = LineCounter(folder)
            self.run_worker(self._count(self._counter), group="count", exclusive=True)
        else:
            self.workers.cancel_group(self, "count")

    def _open(self, page: Place | None, land: Land | None = None, until: Place | None = None) -> None:
        """Read from there on, first up to `until`; None: the end."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._clear()
        self._dropped = 0
        self._page, self._land, self._source, self._seam = page, land, None, None
        most = MOST_LINES if page is None else None  # of a page its first lines matter; they are no more than its bytes
        self._transcript = Transcript(most, self._hiding, timed=self.timed, only=self.only)
        self._resize()
        self.refresh()
        if self._folder is not None:
            self._source = OutputSource(self._folder, page, until)
            reading = self._read(self._source, self._transcript)
            self._reading = self.run_worker(reading, group="output", exclusive=True)

    # -- reading

    async def _read(self, source: OutputSource, transcript: Transcript) -> None:
        def batch() -> Lines | None:
            pieces = source.read()
            return transcript.add(pieces) if pieces else None

        try:
            while True:
                if self._may_read():
                    ended = source.ended  # asked first: what is written before the end is then not missed
                    lines = await _in_thread(batch)
                    if lines is not None and isinstance(self._land, int) and self._seam is None:
                        rest = await _in_thread(batch)  # both are one picture
                        self._take(lines)
                        self._seam = len(self._rows)
                        lines = rest or transcript.add(())
                    if lines is not None:
                        self._take(lines)
                    elif ended:
                        self._take(transcript.finish())
                        break
                    patient = (
                        lines is None or source.behind
                    )  # who prints faster than anybody reads gets less of our time
                    await asyncio.sleep(_QUIET_S if patient else _BATCH_S)
                else:
                    await asyncio.sleep(_QUIET_S)
        finally:
            source.close()
            self.call_later(self.post_message, self.Changed())

    def _may_read(self) -> bool:
        """Not while nobody can see it; and who reads further up keeps what he reads: then the files wait."""
        if self._page is not None:
            return self.is_on_screen and len(self._lines) < MOST_LINES and self._characters < MOST_CHARACTERS
        room = len(self._lines) < 2 * MOST_LINES and self._characters < 2 * MOST_CHARACTERS
        return self.is_on_screen and (self.following or room)

    def _take(self, batch: Lines) -> None:
        continues, added, left_out = batch
        top, first, dropped = self.scroll_offset.y, len(self._rows), self._dropped
        if continues and self._lines:
            self._drop_last()
            first = len(self._rows)
        if left_out and self._lines and not self.following:
            self._append(Line("note", f"⋯ {count_of(left_out, 'line')} not shown here ⋯"))
        else:
            self._dropped += left_out  # what was held before them goes with them
        for line in added:
            self._append(line)
        self._trim()
        self._resize()
        if (top, dropped) == (self.scroll_offset.y, self._dropped):
            self.refresh(Region(0, max(0, first - top), self.size.width, max(1, len(self._rows) - first)))
        else:
            self.refresh()
        self._show_landing()
        self.post_message(self.Changed())

    async def _count(self, counter: LineCounter) -> None:
        """All lines there are, until there will be no more."""
        try:
            while not counter.complete:
                if self.is_on_screen:
                    known = counter.lines(), counter.caught_up
                    await _in_thread(lambda: counter.look(_COUNTED_BYTES))
                    if known != (counter.lines(), counter.caught_up):
                        self.post_message(self.Changed())
                if not self.is_on_screen or not counter.ended:
                    await asyncio.sleep(_QUIET_S)  # who prints faster than this is counted when it has ended
        finally:
            counter.close()

    def _show_landing(self) -> None:
        if isinstance(self._land, int) and self._seam is None:
            return
        land, self._land = self._land, None
        if isinstance(land, int):
            self.jump(y=max(0, min(self.max_scroll_y, (self._seam or 0) + land)))
        elif land == "hit" and (found := self._hit_below(0)) is not None:
            self._mark(found)
        elif land == "hit" and self._may_read():
            self._land = land  # it stands a little further down

    def _trim(self) -> None:
        if not self.following:
            return
        while len(self._lines) > MOST_LINES or (self._characters > MOST_CHARACTERS and len(self._lines) > 1):
            self._drop_first()
            self._dropped += 1

    def _resize(self) -> None:
        super()._resize()
        if self.following:
            self.jump(y=self.max_scroll_y)

    # -- how it shows it

    def set_following(self, following: bool) -> None:
        """Go with the output, or stay."""
        changed = following != self.following
        self.following = following
        if following and self._page is not None:
            self._open(None)
        elif following:
            self._trim()
            self._resize()
            self.refresh()
        if changed:
            self.post_message(self.Changed())

    def set_timed(self, timed: bool) -> None:
        """Say when each line came, or not."""
        self.timed = timed
        self._folded_at = 0
        self._open(self._page)

    def set_only(self, stream: str | None) -> None:
        """Lines of this stream, or all."""
        self.only = stream
        self._open(self._page)

    # -- finding

    def find(self, text: str) -> None:
        """Look for it, from the newest line shown upwards; nothing: look for nothing any more."""
        self.stop_seeking()
        self.needle, self.hit = (Needle(text) if text else None), None
        self.refresh()
        self.post_message(self.Changed())
        if not text or self._folder is None:
            return
        bottom = self.scroll_offset.y + self.size.height
        if (found := self._hit_above(bottom) or self._hit_below(bottom)) is not None:
            self._mark(found)
        else:
            self._seek(down=self.paging, else_turn=True)

    def go_to_hit(self, *, down: bool) -> None:
        """The next line that holds it, or the one before; searched for in the file when none is held."""
        if self.needle is None or self._seeking is not None:
            return
        at = self._row_of(self.hit) if self.hit is not None else self.scroll_offset.y
        found = self._hit_below(at + (self.hit.rows if self.hit else 0)) if down else self._hit_above(at)
        if found is not None:
            self._mark(found)
        else:
            self._seek(down=down)

    def _mark(self, found: Kept) -> None:
        self.hit = found
        self.following = False
        row, top, height = self._row_of(found), self.scroll_offset.y, self.size.height
        if not top <= row < top + height:
            self.jump(y=max(0, min(self.max_scroll_y, row - height // 3)))
        self.refresh()
        self.post_message(self.Changed())

    def stop_seeking(self) -> bool:
        """Give the search up; whether there was one."""
        self.workers.cancel_group(self, "seek")  # one that looks for where to begin has nobody to tell it yet
        if self._seeking is None:
            return False
        self._seeking.cancelled = True
        self._seeking = None
        self.post_message(self.Changed())
        return True

    def _seek(self, *, down: bool, else_turn: bool = False) -> None:
        """In the file; `else_turn`: in the other direction too."""
        source = self._source
        if source is None or self._folder is None or self.needle is None:
            return
        seeking = self._seek_in(self._folder, source, self.needle, down, else_turn)
        self.run_worker(seeking, group="seek", exclusive=True)

    async def _seek_in(self, folder: Path, source: OutputSource, needle: Needle, down: bool, else_turn: bool) -> None:
        edge = source.place if down else await self._first_held(folder, source)
        span = {"after": edge} if down else {"until": edge}
        seeking = self._seeking = Seeking(folder, self._hiding or Hiding(), needle, only=self.only, **span)
        self.post_message(self.Changed())
        ticking = self.set_interval(_QUIET_S, lambda: self.post_message(self.Changed()))
        try:
            found = await asyncio.to_thread(seeking.run)
        finally:
            seeking.cancelled = True
            ticking.stop()
        if self._seeking is not seeking:
            return
        self._seeking = None
        if found is None and else_turn:
            self._seek(down=not down)
        elif found is None:
            self.post_message(self.NotFound(down))
        else:
            self.following = False
            self._open(found, "hit")
        self.post_message(self.Changed())

    # -- moving

    def _scroll(self, lines: int) -> None:
        if lines < 0 and self.max_scroll_y:
            self.set_following(False)
        before_it = self.scroll_offset.y
        if self._land == "hit":
            self._land = None  # who moves on waits for it no longer
        self.jump(y=max(0, before_it + lines))
        if lines < 0 and not before_it and self._rows:
            self.run_worker(self._page_before(lines), group="page", exclusive=True)
        elif lines > 0 and self._page is not None and before_it >= self.max_scroll_y:
            self.run_worker(self._page_after(lines), group="page", exclusive=True)

    async def _first_held(self, folder: Path, source: OutputSource) -> Place:
        """Where what is held begins."""
        if self._page is not None or not self._dropped:
            return self._page or source.first
        kinds = [kept.line.kind for kept in self._lines if kept.line.kind != "note"]
        if not kinds:
            return source.place
        stream: StreamName = "stderr" if kinds[0] == "stderr" else "stdout"
        return await asyncio.to_thread(held_from, folder, source.place, stream, kinds.count(stream))

    async def _page_before(self, rows: int) -> None:
        folder, source = self._folder, self._source
        if folder is None or source is None or self._land is not None:
            return
        first = await self._first_held(folder, source)
        if first == START:
            return
        page = await asyncio.to_thread(before, folder, first, WINDOW_BYTES)
        if source is self._source:
            self.following = False
            self._open(page, rows, first)

    async def _page_after(self, rows: int) -> None:
        folder, source = self._folder, self._source
        if folder is None or source is None or self._may_read() or not self.reading or self._land is not None:
            return  # more of this page comes by itself, or there is no more
        end = source.place
        page = await asyncio.to_thread(before, folder, end, WINDOW_BYTES)
        if source is self._source:
            self._open(page, rows - self.size.height, end)

    def action_up(self) -> None:
        self._scroll(-1)

    def action_down(self) -> None:
        self._scroll(1)

    def action_page_up(self) -> None:
        self._scroll(-max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        self._scroll(max(1, self.size.height - 1))

    def action_top(self) -> None:
        self.set_following(False)
        source = self._source
        if source is not None and (self._dropped or (self._page or source.first) != START):
            self._open(START, "top")
        else:
            self.jump(y=0)

    def action_bottom(self) -> None:
        self.set_following(True)

    def on_mouse_scroll_up(self) -> None:
        self.set_following(False)


async def _in_thread(work: Callable[[], T]) -> T:
    """As `to_thread`; but who is cancelled goes on only when the thread is done with what is closed then."""
    done = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        while not done.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([done])
        raise
