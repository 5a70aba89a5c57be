"""Toned text in lines of a width: broken between words, and within one only that is longer than a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.cells import cell_len

from opsconsole.tui.widgets.cells import Cell

_WORD = re.compile("[^ ]+ *| +")
_JOINTS = "/,:;=-_.&|"
"""After these a word may be broken that has to be."""


def folded(cells: Sequence[Cell], width: int, hang: int = 0) -> list[list[Cell]]:
    """Lines of at most `width` columns; from the second on the first `hang` are left free."""
    if sum(cell_len(cell.text) for cell in cells) <= width:
        return [list(cells)]
    lines: list[list[Cell]] = [[]]
    used = 0
    for cell in cells:
        for word in _words(cell.text, max(4, width - hang)):
            size = cell_len(word.rstrip(" "))
            if used + size > width and used > hang:
                lines.append([Cell(" " * hang, cell.tone)] if hang else [])
                used, word = hang, word.lstrip(" ")
            lines[-1].append(Cell(word, cell.tone))
            used += cell_len(word)
    return [_joined(line) for line in lines]


def in_lines(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` columns, without blanks at their edges but for those it begins with; none of
    an empty one."""
    if cell_len(text) == len(text):  # the usual way counts characters
        return wrap(text, width, break_on_hyphens=False)
    return ["".join(cell.text for cell in line).rstrip(" ") for line in folded([Cell(text.rstrip(" "), "")], width)]


def _words(text: str, longest: int) -> Iterator[str]:
    """Each with the blanks after it."""
    for word in _WORD.findall(text):
        rest = word
        while cell_len(rest.rstrip(" ")) > longest:
            piece = _fitting(rest, longest)
            at = 1 + max(piece.rfind(joint) for joint in _JOINTS)
            piece = piece[:at] if at > len(piece) // 2 else piece
            yield piece
            rest = rest[len(piece) :]
        yield rest


def _fitting(text: str, width: int) -> str:
    """What of its beginning is no wider; one character at the least."""
    used = 0
    for at, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[: max(1, at)]
    return text


def _joined(line: list[Cell]) -> list[Cell]:
    """Without a cell for each word."""
    cells: list[Cell] = []
    for cell in line:
        if cells and cells[-1].tone == cell.tone:
            cells[-1] = Cell(cells[-1].text + cell.text, cell.tone)
        else:
            cells.append(cell)
    return cells
