"""Where findings stand in the text, and where they move to while it is edited before the next review comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from opsconsole.tui.screens.editor.long_lines import is_long

_BLOCK = 512
"""Rows that are compared at once."""


class Painted(NamedTuple):
    """A range of the text, in rows and columns from 0, the end exclusive; `tone` is one of `tones.TONES`."""

    row: int
    start: int
    end_row: int
    end: int
    tone: str
    glyph: str
    message: str

    def on(self, row: int, length: int) -> tuple[int, int] | None:
        """The columns it has on a row of this length; a range of no width is one column wide."""
        if not self.row <= row <= self.end_row or (row == self.end_row and not self.end and self.end_row > self.row):
            return None
        start = self.start if row == self.row else 0
        end = self.end if row == self.end_row else length
        return start, max(end, start + 1)


class Change(NamedTuple):
    """Rows `first` to `last` (inclusive) of the old text became `first` to `new_last`.

    A change within one row has the columns it lies between; `start` is None otherwise.
    """

    first: int
    last: int
    new_last: int
    start: int | None = None
    end: int = 0
    new_end: int = 0


def change_between(old: Sequence[str], new: Sequence[str]) -> Change | None:
    """The smallest range of rows that differs; None if nothing does. Both are lists, or both tuples."""
    most = min(len(old), len(new))
    head = 0
    while head + _BLOCK <= most and old[head : head + _BLOCK] == new[head : head + _BLOCK]:
        head += _BLOCK
    while head < most and old[head] == new[head]:
        head += 1
    tail, ends = 0, (len(old), len(new))
    while tail + _BLOCK <= most - head and _above(old, ends[0] - tail) == _above(new, ends[1] - tail):
        tail += _BLOCK
    while tail < most - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    last, new_last = len(old) - tail - 1, len(new) - tail - 1
    if last < head and new_last < head:
        return None
    if last == head == new_last and not is_long(old[head]) and not is_long(new[head]):
        return Change(head, last, new_last, *_columns(old[head], new[head]))
    return Change(head, last, new_last)


def _above(lines: Sequence[str], end: int) -> Sequence[str]:
    return lines[end - _BLOCK : end]


def moved(painted: Iterable[Painted], change: Change) -> tuple[Painted, ...]:
    """What still holds: ranges below move with their lines, those on the edited lines go, but for what was not
    touched on a line that was edited within."""
    by = change.new_last - change.last
    kept: list[Painted] = []
    for one in painted:
        if one.end_row < change.first:
            kept.append(one)
        elif one.row > change.last:
            kept.append(one._replace(row=one.row + by, end_row=one.end_row + by))
        elif change.start is not None and one.row == one.end_row:
            if one.end <= change.start:
                kept.append(one)
            elif one.start >= change.end:
                shift = change.new_end - change.end
                kept.append(one._replace(start=one.start + shift, end=one.end + shift))
    return tuple(kept)


def _columns(old: str, new: str) -> tuple[int, int, int]:
    most = min(len(old), len(new))
    head = 0
    while head < most and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < most - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return head, len(old) - tail, len(new) - tail
