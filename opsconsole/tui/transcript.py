"""Bytes of two streams become lines for a screen: harmless, coloured where the script coloured them, bounded."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from rich.ansi import AnsiDecoder
from rich.cells import cell_len, chop_cells
from rich.style import Style
from rich.text import Text

from opsconsole.execution.outputs import Chunk
from opsconsole.execution.showing import Hiding, Shown
from opsconsole.safety.sanitise import Sanitiser
from opsconsole.tui.output_source import Passed, Piece
from opsconsole.tui.wording import size

_RESET = "\x1b[0m"
_NEITHER_HIDDEN_NOR_BLINKING = Style(conceal=False, blink=False, blink2=False)


class Line(NamedTuple):
    """`kind` is `stdout`, `stderr` or `note` (ours); plain text is a str, coloured text a Text."""

    kind: str
    body: str | Text
    at: float | None = None
    """Seconds since the start, where the transcript is `timed`."""


class Lines(NamedTuple):
    """What a batch adds; `continues`: its first line replaces the last one before it; `left_out`: so many lines stand
    before what is added."""

    continues: bool
    added: list[Line]
    left_out: int = 0


class _Stream:
    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.clean = Sanitiser(colours=True)
        self.decoder = AnsiDecoder()


class Transcript:
    """Keeps what the next batch needs: colours in force, half sequences and secrets, the line that is not finished."""

    def __init__(
        self, most_lines: int | None, hiding: Hiding | None = None, *, timed: bool = False, only: str | None = None
    ) -> None:
        """`most_lines` of a batch are kept, its last ones; None: all of them. `timed`: lines know when they came, to a
        tenth of a second. `only`: lines of this stream.
        """
        self._most = most_lines
        self._timed = timed
        self._only = only
        self._began: float | None = None
        hiding = hiding or Hiding()
        self._streams = {name: _Stream(hiding.stream(name)) for name in ("stdout", "stderr")}
        self._open: str | None = None  # the stream whose unfinished line is the last one shown
        self._tail = ""
        self._left_out = 0

    def add(self, pieces: Iterable[Piece]) -> Lines:
        """The lines of a batch; of a huge one perhaps only the last."""
        continues, added = False, []
        first = True
        self._left_out = 0
        for piece in _joined(self._wanted(pieces), timed=self._timed):
            if isinstance(piece, Passed):
                self._begin_anew()
                added.append(Line("note", _said(piece)))
                first = False
                continue
            if piece.missing:
                self._begin_anew()
                added.append(Line("note", f"⋯ {size(piece.missing)} not kept ⋯"))
                first = False
            goes_on = self._open == piece.stream
            at = self._began if goes_on else piece.elapsed_s
            lines = self._lines(piece.stream, self._harmless(piece))
            if not lines:
                continue
            if self._timed:
                lines = [line._replace(at=piece.elapsed_s if number else at) for number, line in enumerate(lines)]
                self._began = lines[-1].at
            if goes_on and not first and added:
                added.pop()
            elif goes_on and first:
                continues = True
            first = False
            added += lines
            if self._most is not None and (over := len(added) - self._most) > 0:
                self._left_out += over
                del added[:over]
        return Lines(continues, added, self._left_out)

    def finish(self) -> Lines:
        """What was still held back, now that nothing more comes."""
        added: list[Line] = []
        continues = False
        for name, stream in self._streams.items():
            text = stream.clean.feed(stream.shown.finish()) + stream.clean.finish()
            if text not in ("", _RESET):
                continues = continues or (self._open == name and not added)
                added += self._lines(name, text)
        return Lines(continues, added)

    def _wanted(self, pieces: Iterable[Piece]) -> Iterable[Piece]:
        for piece in pieces:
            if self._only is None or not isinstance(piece, Chunk) or piece.stream == self._only:
                yield piece

    def _harmless(self, chunk: Chunk) -> str:
        """Redacted, then sanitised."""
        stream = self._streams[chunk.stream]
        return stream.clean.feed(stream.shown.feed(chunk))

    def _begin_anew(self) -> None:
        self._streams = {name: _Stream(stream.shown) for name, stream in self._streams.items()}
        self._open, self._tail = None, ""

    def _lines(self, stream: str, text: str) -> list[Line]:
        if not text:
            return []
        if self._open == stream:
            text = self._tail + text
        *whole, tail = text.rsplit("\n", -1 if self._most is None else self._most)
        if self._most is not None and whole and "\n" in whole[0]:
            self._left_out += whole[0].count("\n")
            whole[0] = whole[0].rpartition("\n")[2]
        decoder = self._streams[stream].decoder
        lines = [Line(stream, _decoded(decoder, line)) for line in whole]
        self._open, self._tail = None, ""
        style = decoder.style
        if tail and len(shown := _decoded(decoder, tail)):
            decoder.style = style  # the whole line is decoded again when it is whole
            self._open, self._tail = stream, tail
            lines.append(Line(stream, shown))
        return lines


def _said(passed: Passed) -> str:
    parts = [f"{size(passed.bytes)} not shown here"] if passed.bytes else []
    return f"⋯ {' and '.join([*parts, *([f'{size(passed.missing)} not kept'] if passed.missing else [])])} ⋯"


def _joined(pieces: Iterable[Piece], *, timed: bool) -> Iterable[Piece]:
    """Neighbours of one stream become one: a chatty script is cut into very small pieces. `timed`: of one moment."""
    held: Chunk | None = None
    data: list[bytes] = []
    lead = 0
    for piece in pieces:
        if isinstance(piece, Chunk) and held is not None and _go_together(held, piece, timed=timed):
            data.append(piece.data)
            lead += piece.lead
            continue
        if held is not None:
            yield replace(held, data=b"".join(data), lead=lead)
        held, data, lead = (piece, [piece.data], piece.lead) if isinstance(piece, Chunk) else (None, [], 0)
        if isinstance(piece, Passed):
            yield piece
    if held is not None:
        yield replace(held, data=b"".join(data), lead=lead)


def _go_together(held: Chunk, piece: Chunk, *, timed: bool) -> bool:
    if piece.stream != held.stream or piece.missing:
        return False
    return not timed or int((held.elapsed_s or 0) * 10) == int((piece.elapsed_s or 0) * 10)


def _decoded(decoder: AnsiDecoder, line: str) -> str | Text:
    line = line.expandtabs() if "\t" in line else line
    if "\x1b" not in line and not decoder.style:
        return line
    text = decoder.decode_line(line)
    if not text.spans:
        return text.plain
    text.stylize(_NEITHER_HIDDEN_NOR_BLINKING)
    return text


def fold(body: str | Text, width: int) -> list[str | Text]:
    """The line in pieces of at most `width` cells; an empty one is one piece."""
    plain = body if isinstance(body, str) else body.plain
    if len(plain) <= width and (plain.isascii() or cell_len(plain) <= width):
        return [body]
    if plain.isascii():
        cuts = list(range(width, len(plain), width))
    else:
        cuts, at = [], 0
        for piece in chop_cells(plain, width)[:-1]:
            at += len(piece)
            cuts.append(at)
    if isinstance(body, Text):
        return list(body.divide(cuts))
    edges = [0, *cuts, len(plain)]
    return [plain[start:end] for start, end in itertools.pairwise(edges)]
