"""The first line of the screen. What is wrong finds room before everything but the name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.facts import queue_words
from opsconsole.tui.head import Head
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell, squeezed

_APART = 3
_LEAST_ALARM = 30
_ALARM_SHARE, _SHARE_OF_NAMED = 0.4, 0.6
_LEAST_WHOSE = 10
"""Of a path or a name in it: about a file's own name."""
_BUSY, _OVERLOADED = 1.0, 2.0
_CEILINGS = {"elevated": "faint", "standard": "faint", "restricted": "muted", "safe": "muted"}
_MARKS = "warning"
_SHORT_FIRST = 2  # words go before figures
_HEALTH = 4.5  # how the host is, in a word, goes nearly last


class Piece(NamedTuple):
    """One thing to say, at length and shorter; the least `weight` shrinks first, and goes when it is shortest."""

    weight: float
    variants: tuple[tuple[Cell, ...], ...]
    then: float = 0.0
    """The weight of what is left once it is shorter; 0: the same."""


class HeaderLine(BareLines, Widget):
    """Draws a `Head`; only what changed is sent again."""

    def __init__(self) -> None:
        super().__init__()
        self._head = Head("", "")
        self._line: list[tuple[str, str]] = []
        self._made: tuple[int, list[Cell]] = (-1, [])

    @property
    def head(self) -> Head:
        """What it shows."""
        return self._head

    def show(self, head: Head) -> None:
        """Draw what differs from what is there."""
        if head == self._head:
            return
        self._head = head
        width = self.size.width
        cells = self._cells(width)
        self._made = width, cells
        before, self._line = self._line, _spread(cells)
        if changed := [at for at, (old, new) in enumerate(zip_longest(before, self._line)) if old != new]:
            first = min(changed[0], self.size.width - 1)
            self.refresh(Region(max(0, first), 0, changed[-1] - first + 1, 1))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        if self._made[0] != width:
            self._made = width, self._cells(width)
            self._line = _spread(self._made[1])
        cells = self._made[1]
        segments = [Segment(cell.text, base + self.tone(cell.tone) if cell.tone else base) for cell in cells]
        return Strip(segments).adjust_cell_length(width, base)

    def _cells(self, width: int) -> list[Cell]:
        head, gap = self._head, Cell(" " * _APART, "")
        left, right = _left(head), _right(head)
        least = 0 if head.alarm is None else self._least(head.alarm.text, width) + _APART
        _shrink([left, right], width - 3 - least)
        cells = [Cell(" ", ""), *_joined(left, gap)]
        tail = _joined(right, gap)
        room = width - _width(cells) - _width(tail) - 1
        if head.alarm is not None:
            room -= _APART
            text = squeezed(head.alarm.text, head.whose, room - 1)
            text = text if cell_len(text) <= room - 1 else set_cell_size(text, max(0, room - 2)) + "…"
            cells += [gap, Cell(text, head.alarm.tone)]
            room -= cell_len(text)
        return [*cells, Cell(" " * max(1, room), ""), *tail, Cell(" ", "")]

    def _least(self, alarm: str, width: int) -> int:
        """So many cells the alarm has at the least: its share, and more where a name in it has given way already."""
        most, needed = max(_LEAST_ALARM, int(width * _ALARM_SHARE)), cell_len(alarm)
        if self._head.whose and self._head.whose in alarm:
            needed = min(needed, cell_len(squeezed(alarm, self._head.whose, most, _LEAST_WHOSE)))
            most = max(most, int(width * _SHARE_OF_NAMED))
        return min(needed, most)


def _left(head: Head) -> list[Piece]:
    name = Piece(9, ((Cell("opsconsole", "accent"),), (Cell("ops", "accent"),)))
    marks = [Piece(99, ((Cell(mark, _MARKS),),)) for mark in head.marks]
    host = Piece(8, ((Cell(head.host, "strong"),), (Cell(set_cell_size(head.host, 12).rstrip(), "strong"),)))
    user = Piece(3, ((Cell(head.user, "muted"),), ()))
    return [name, *marks, host, user]


def _right(head: Head) -> list[Piece]:
    pieces = []
    if head.state.text and head.alarm is None:
        word = Cell(head.state.text.partition(":")[0], head.state.tone)
        pieces.append(Piece(1, ((head.state,), (word,), ()), _HEALTH))
    if head.load is not None:
        share = head.load / max(1, head.cores)
        tone = "bad" if share >= _OVERLOADED else "warning" if share >= _BUSY else "muted"
        pieces.append(Piece(4, ((Cell("load ", "faint"), Cell(f"{head.load:.2f}", tone)), ())))
    if head.counted:
        pieces.append(_counts(head))
    if head.ceiling is not None:
        most = f"≤ {head.ceiling.upper()}" if head.ceiling else "runs nothing"
        pieces.append(Piece(2.5, ((Cell(most, _CEILINGS.get(head.ceiling, "muted")),), ())))
    if head.clock:
        pieces.append(Piece(5, ((Cell(head.clock, "muted"),), (Cell(head.clock[:5], "muted"),), ())))
    return pieces


def _counts(head: Head) -> Piece:
    running = "good" if head.running else "faint"
    waits = head.queued + head.waiting
    waiting = "plain" if waits else "faint"
    failed = "bad" if head.failed else "faint"
    long = (
        Cell(f"▶ {head.running} running", running), Cell(f"  ◦ {queue_words(head.queued, head.waiting)}", waiting),
        Cell(f"  ✗ {head.failed} failed in 24 h", failed),
    )  # fmt: skip
    some = f"  ◦ {waits} {'waiting' if head.waiting else 'queued'}"
    middle = (long[0], Cell(some, waiting), Cell(f"  ✗ {head.failed} failed", failed))
    brief = (long[0], Cell(f"  ◦ {waits}", waiting), middle[2])
    short = (Cell(f"▶ {head.running}", running), Cell(f" ◦ {waits}", waiting), Cell(f" ✗ {head.failed}", failed))
    return Piece(_SHORT_FIRST, (long, middle, brief, short))


def _shrink(sides: list[list[Piece]], room: int) -> None:
    """Make the least important shorter, until all fit."""
    while sum(_width(_joined(side, Cell(" " * _APART, ""))) for side in sides) + _APART > room:
        able = [piece for side in sides for piece in side if len(piece.variants) > 1]
        if not able:
            return
        least = min(able, key=lambda piece: piece.weight)
        shorter = Piece(least.then or least.weight, least.variants[1:], least.then)
        for side in sides:
            side[:] = [shorter if one is least else one for one in side]


def _joined(pieces: Sequence[Piece], gap: Cell) -> list[Cell]:
    cells: list[Cell] = []
    for piece in pieces:
        if piece.variants[0]:
            cells += [gap, *piece.variants[0]] if cells else piece.variants[0]
    return cells


def _width(cells: Sequence[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in cells)


def _spread(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """A column each, so that two lines can be laid over each other; a wide character is both of its columns."""
    found: list[tuple[str, str]] = []
    before = 0
    for cell in cells:
        for char in cell.text:
            if width := cell_len(char):
                found += [(char, cell.tone)] * width
                before = width
            elif before:  # it belongs to what stands before it
                found[-before:] = [(found[-1][0] + char, cell.tone)] * before
    return found
