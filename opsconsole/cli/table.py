"""Aligned columns for people: fitted to the terminal's width, whole where there is none."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """`right` for numbers. A column that `yields` is shortened (not below `least`) when the terminal is narrow."""

    title: str
    right: bool = False
    yields: bool = False
    least: int = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """Harmless text, and the colour sequence it is shown in."""

    text: str
    colour: str = ""


def render(columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], width: int | None) -> str:
    """The table with its titles, one line a row, no trailing blanks."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    widths = [
        max([cell_width(column.title), *(cell_width(row[index].text) for row in cells)])
        for index, column in enumerate(columns)
    ]
    if width is not None:
        _shorten(columns, widths, width)
    titles = [Cell(column.title) for column in columns]
    return "".join(_line(columns, row, widths) + "\n" for row in [titles, *cells])


def _shorten(columns: Sequence[Column], widths: list[int], width: int) -> None:
    surplus = sum(widths) + len(GAP) * (len(widths) - 1) - width
    for index, column in enumerate(columns):
        if column.yields and surplus > 0:
            taken = min(surplus, max(0, widths[index] - column.least))
            widths[index] -= taken
            surplus -= taken


def _line(columns: Sequence[Column], row: Sequence[Cell], widths: Sequence[int]) -> str:
    shown = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        text = _cut(cell.text, width)
        blank = " " * (width - cell_width(text))
        if cell.colour:
            text = f"\x1b[{cell.colour}m{text}\x1b[0m"
        shown.append(blank + text if column.right else text + blank)
    return GAP.join(shown).rstrip()


def _cut(text: str, width: int) -> str:
    if cell_width(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += cell_width(character)
        if used > width - 1:
            break
        kept += character
    return kept + "…"


def cell_width(text: str) -> int:
    """Terminal cells the text takes."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
