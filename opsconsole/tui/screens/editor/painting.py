"""One line of text as it is drawn: colours of the language, findings, selection, cursor, hidden characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from opsconsole.tui.screens.editor.long_lines import after, cells_before, column_at, is_long
from opsconsole.tui.screens.editor.script_text import is_held, picture

LAYERS = ("string", "option", "type", "number", "variable", "function", "operator", "keyword", "comment")
"""What a highlight query captures; of two that lie over each other, the later one is seen."""
_NO_CELLS = 1000
"""So many characters without a width of their own are drawn of a part of a long line."""
_SELECTORS = "\ufe0e\ufe0f"
"""As text or as a picture, one cell or two: terminals do not agree on it, and where they do not, a row that is drawn in
part goes to pieces. They get what every one of them draws in one cell."""
_GOES_ON = "…"
ORDER = {name: place for place, name in enumerate(LAYERS)}


class Look(NamedTuple):
    """All that decides how a line looks; equal looks are drawn once."""

    text: str
    number: str
    mark: tuple[str, str]
    """Glyph and tone beside the number; both empty for none."""
    highlights: tuple[tuple[int, int, str], ...]
    """Columns and layer, in the order they are painted."""
    findings: tuple[tuple[int, int, str], ...]
    """Columns and tone."""
    selected: tuple[int, int] | None
    brackets: tuple[int, ...]
    found: tuple[tuple[int, int], ...]
    cursor: int | None
    on_cursor_line: bool


class Frame(NamedTuple):
    """What is the same for all lines."""

    width: int
    scroll_x: int
    gutter: int
    tab: int


def draw(look: Look, frame: Frame, styles: Mapping[str, Style]) -> Strip:
    """The whole row: mark, number, text; exactly `frame.width` cells.

    Where text goes on beyond an edge is a sign: at the right in the last cell, unless the cursor is there; at the left
    before the text.
    """
    base = styles["base"]
    if look.on_cursor_line:
        base += styles["cursor-line"]
    gutter = _gutter(look, frame, styles)
    room = max(0, frame.width - frame.gutter)
    text = look.text
    plain = text.isascii() and "\t" not in text
    first, last, at = 0, len(text) + 1, 0
    if plain:
        first, last = min(frame.scroll_x, len(text)), min(last, frame.scroll_x + room)
    elif is_long(text):
        first, at = column_at(text, frame.scroll_x, frame.tab)
        last = min(last, first + room + _NO_CELLS)
    segments = _runs(look, first, last, base, frame.tab, styles, at)
    strip = Strip(segments, max(0, last - first)) if plain else Strip(segments)
    if plain:
        goes_on = len(text) > frame.scroll_x + room
    else:
        goes_on = last <= len(text) or strip.cell_length - 1 > frame.scroll_x - at + room
        strip = strip.crop(frame.scroll_x - at, frame.scroll_x - at + room)
    if goes_on and room > 1 and not _has_cursor_at(look, frame.scroll_x + room - 1, frame.tab):
        strip = Strip.join([strip.crop(0, room - 1), Strip([Segment(_GOES_ON, base + styles["gutter"])], 1)])
    return Strip.join([gutter, strip.adjust_cell_length(room, base)])


def _has_cursor_at(look: Look, cell: int, tab: int) -> bool:
    return look.cursor is not None and cells_before(look.text, look.cursor, tab) == cell


def _gutter(look: Look, frame: Frame, styles: Mapping[str, Style]) -> Strip:
    number = styles["cursor-gutter" if look.on_cursor_line else "gutter"]
    glyph, tone = look.mark
    base = styles["base"] + number
    figures = f"{look.number:>{frame.gutter - 2}}{_GOES_ON if frame.scroll_x and look.text else ' '}"
    if not glyph:
        return Strip([Segment(" " + figures, base)], frame.gutter)
    return Strip([Segment(glyph, base + styles[f"tone-{tone}"]), Segment(figures, base)], frame.gutter)


def _runs(
    look: Look, first: int, last: int, base: Style, tab: int, styles: Mapping[str, Style], cell: int
) -> list[Segment]:
    """Neighbours of one style are one segment. `cell`: where the first column begins."""
    text, count = look.text, last - first
    layers: list[tuple[str, ...]] = [()] * count

    def paint(start: int, end: int, name: str, over: bool = True) -> None:
        for at in range(max(start, first) - first, min(end, last) - first):
            layers[at] = (*layers[at], name) if over else (name,)

    for start, end, layer in look.highlights:
        paint(start, end, layer, over=False)
    for start, end, tone in look.findings:
        paint(start, end, f"finding-{tone}")
    for start, end in look.found:
        paint(start, end, "found")
    if look.selected is not None:
        paint(*look.selected, "selection")
    for at in look.brackets:
        paint(at, at + 1, "bracket")
    characters = list(text[first:last].ljust(count))
    if not text.isascii() or "\t" in text:
        _make_drawable(characters, layers, tab, cell)
    if look.cursor is not None:
        paint(look.cursor, look.cursor + 1, "cursor")
    segments: list[Segment] = []
    begin = 0
    for at in range(1, count + 1):
        if at == count or layers[at] != layers[begin]:
            style = base
            for name in layers[begin]:
                style += styles[name]
            segments.append(Segment("".join(characters[begin:at]), style))
            begin = at
    return segments


def _make_drawable(characters: list[str], layers: list[tuple[str, ...]], tab: int, column: int) -> None:
    """Tabs become blanks up to the next stop, held characters their pictures, selectors nothing."""
    for at, character in enumerate(characters):
        end = after(character, column, tab)
        if character == "\t":
            characters[at] = " " * (end - column)
        elif character in _SELECTORS:
            characters[at] = ""
        elif is_held(character):
            characters[at] = picture(character)
            layers[at] = (*layers[at], "hidden")
        column = end
