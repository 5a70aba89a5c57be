"""Lines of a megabyte, measured without reading all of them at each key."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len

from opsconsole.tui.screens.editor.languages import COLOURED_LINE

_PIECE = 1024


def is_long(line: str) -> bool:
    return len(line) > COLOURED_LINE


@lru_cache(4096)
def _end_of(piece: str, start: int, tab: int) -> int:
    """The cell after a piece that begins in cell `start`, which is below `tab`."""
    if piece.isascii():
        return len((" " * start + piece).expandtabs(tab))
    cell = start
    for character in piece:
        cell = after(character, cell, tab)
    return cell


def after(character: str, cell: int, tab: int) -> int:
    """The cell after a character that stands in this one."""
    if character == "\t":
        return cell + tab - cell % tab
    return cell + (1 if character.isascii() else cell_len(character))


def width_of(line: str, tab: int) -> int:
    """How many cells a line has."""
    return len(line) if line.isascii() and "\t" not in line else cells_before(line, len(line), tab)


def cells_before(line: str, column: int, tab: int) -> int:
    """How many cells lie to the left of a column. Pieces are known again, wherever they stand."""
    cell = 0
    for at in range(0, min(column, len(line)), _PIECE):
        begin = cell % tab
        cell += _end_of(line[at : min(at + _PIECE, column)], begin, tab) - begin
    return cell


def column_at(line: str, cell: int, tab: int) -> tuple[int, int]:
    """The column whose character covers this cell, and the cell in which it begins."""
    here = column = 0
    while column < len(line):
        begin = here % tab
        end = here + _end_of(line[column : column + _PIECE], begin, tab) - begin
        if end > cell:
            break
        here, column = end, min(len(line), column + _PIECE)
    while column < len(line) and (end := after(line[column], here, tab)) <= cell:
        here, column = end, column + 1
    return column, here
