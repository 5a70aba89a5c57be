"""The text as it is drawn: only the rows that look different are drawn again, over SSH every cell counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from rich.style import Style
from textual.document._syntax_aware_document import SyntaxAwareDocument
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from opsconsole.tui.screens.editor.held_area import HeldArea
from opsconsole.tui.screens.editor.long_lines import column_at, is_long
from opsconsole.tui.screens.editor.marks import Painted, change_between, moved
from opsconsole.tui.screens.editor.painting import LAYERS, ORDER, Frame, Look, draw
from opsconsole.tui.screens.editor.script_text import shown
from opsconsole.tui.widgets.tones import TONES, Toned

_BLOCK = 64
"""Rows that are asked for their colours at once."""
_KEPT = 4000
_SPARE = 1
_TONES_OF_FINDINGS = ("alarm", "bad", "warning", "muted", "plain", "strong", "faint", "good", "accent", "graph")


class DrawnArea(Toned, HeldArea, inherit_bindings=False):
    """With a drawing of its own: mark, number, colours, findings, what was found, hidden characters."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"syntax--{layer}" for layer in LAYERS), "text--hidden", "text--found",
    }  # fmt: skip

    def __init__(self, **options: Any) -> None:
        self._blocks: dict[int, dict[int, list[tuple[int, int, str]]]] = {}
        self._strips: dict[tuple[Look, Frame], Strip] = {}
        self._drawn: dict[int, tuple[Look, Frame]] = {}
        self._styles_known: dict[str, Style] | None = None
        self._painted: tuple[Painted, ...] = ()
        self._by_row: dict[int, list[Painted]] = {}
        self._before: list[str] = [""]
        self._found_words = ""
        self._found: re.Pattern[str] | None = None
        self._due = False
        super().__init__(**options)

    # -- findings

    def show_painted(self, painted: Iterable[Painted]) -> None:
        """What is underlined and marked from now on."""
        self._paint_over(tuple(painted))
        self.refresh()

    @property
    def painted(self) -> tuple[Painted, ...]:
        return self._painted

    def painted_on(self, row: int) -> list[Painted]:
        """What begins, goes on or ends on a row, the worst first."""
        return self._by_row.get(row, [])

    def _paint_over(self, painted: tuple[Painted, ...]) -> None:
        self._painted = painted
        rows: dict[int, list[Painted]] = {}
        for one in painted:
            for row in range(one.row, min(one.end_row, one.row + 5000) + 1):
                rows.setdefault(row, []).append(one)
        for held in rows.values():
            held.sort(key=lambda one: _TONES_OF_FINDINGS.index(one.tone))
        self._by_row = rows

    def show_found(self, words: str) -> None:
        """Mark all places of these words, as `find` looks for them; none if empty."""
        if words != self._found_words:
            self._found_words, self._found = words, sought(words)
            self.refresh()

    # -- drawing

    @property
    def gutter_width(self) -> int:
        return len(str(self.document.line_count)) + 2 + _SPARE

    def _build_highlight_map(self) -> None:
        """After every change of the text. Colours are asked for when a line is drawn."""
        self._blocks.clear()
        lines = self.document.lines
        if self._painted and (change := change_between(self._before, lines)) is not None:
            self._paint_over(moved(self._painted, change))
        self._before = list(lines)

    def _colours(self, row: int) -> list[tuple[int, int, str]]:
        block = row - row % _BLOCK
        if block not in self._blocks:
            self._blocks[block] = self._query(block, block + _BLOCK)
        return self._blocks[block].get(row, [])

    def _query(self, first: int, end: int) -> dict[int, list[tuple[int, int, str]]]:
        """Layers of these rows, in the order they are painted."""
        found: dict[int, list[tuple[int, int, str]]] = {}
        if self._highlight_query is None or not isinstance(self.document, SyntaxAwareDocument):
            return found
        captures = self.document.query_syntax_tree(self._highlight_query, (first, 0), (end, 0))
        lines = self.document.lines
        for layer in captures.keys() & ORDER.keys():
            for node in captures[layer]:
                (top, start), (bottom, stop) = node.start_point, node.end_point
                for row in range(max(top, first), min(bottom, end - 1, len(lines) - 1) + 1):
                    line = lines[row]
                    left = _column(line, start) if row == top else 0
                    right = _column(line, stop) if row == bottom else len(line)
                    if right > left:
                        found.setdefault(row, []).append((left, right, layer))
        for highlights in found.values():  # they come in any order, another one each time
            highlights.sort(key=lambda one: (ORDER[one[2]], one))
        return found

    def render_lines(self, crop: Region) -> list[Strip]:
        return ScrollView.render_lines(self, crop)

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        if at >= self.rows.height:
            self._drawn.pop(y, None)
            return Strip.blank(self.size.width, self._styles_of_lines["base"])
        key = (self._look(at), self._frame)
        self._drawn[y] = key
        return self._strip(key)

    def _strip(self, key: tuple[Look, Frame]) -> Strip:
        if is_long(key[0].text):  # kept, each key typed would keep all of it
            return draw(*key, self._styles_of_lines)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) > _KEPT:
                self._strips.clear()
            strip = self._strips[key] = draw(*key, self._styles_of_lines)
        return strip

    @property
    def _frame(self) -> Frame:
        return Frame(self.scrollable_content_region.width, self.scroll_offset.x, self.gutter_width, self.indent_width)

    def _look(self, at: int) -> Look:
        """How a row looks; where long lines are wrapped it shows a part of one, and its columns are of that part."""
        row, section = self.rows.row_at(at)
        line = self.document.get_line(row)
        first, end = self.rows.span(row, section)
        last = end == len(line)
        text = line[first:end]
        selection = self.selection
        (top, left), (bottom, right) = sorted(selection)
        cursor_row, cursor = selection.end
        here = cursor_row == row and first <= cursor and (last or cursor < end)
        selected = None
        if not selection.is_empty and top <= row <= bottom:
            left, right = left if row == top else 0, right if row == bottom else len(line) + 1
            selected = _part((left, right), first, end + last)
        bracket, brackets = self._matching_bracket_location, list[int]()
        if bracket is not None and selection.is_empty and self.has_focus:
            places = [column for where, column in (bracket, selection.end) if where == row]
            brackets = [column - first for column in places if first <= column < end]
        held = self._by_row.get(row, ())
        painted = () if is_long(text) else reversed(held)
        findings = [
            (*part, one.tone)
            for one in painted
            if (columns := one.on(row, len(line))) and (part := _part(columns, first, end + last))
        ]
        begun = next((one for one in held if one.row == row and first <= one.start and (last or one.start < end)), None)
        highlights = self._colours(row)
        if first or not last:
            highlights = [
                (*part, name) for *span, name in highlights if (part := _part((span[0], span[1]), first, end))
            ]
        return Look(
            text, "" if section else str(row + 1), (begun.glyph, begun.tone) if begun is not None else ("", ""),
            tuple(highlights), tuple(findings), selected, tuple(brackets),
            tuple(self._places(line, first, end)), cursor - first if here and self.has_focus else None, here,
        )  # fmt: skip

    def _places(self, line: str, first: int, end: int) -> Iterable[tuple[int, int]]:
        """Where what was found is in this part of a line; it may begin before it and end after it."""
        if self._found is None:
            return
        more = len(self._found_words)
        begin, stop = max(0, first - more), min(len(line), end + more)
        if is_long(line[first:end]):
            begin, stop = self._seen(line, more)
        for found in self._found.finditer(line, begin, stop):
            if part := _part(found.span(), first, end):
                yield part

    def _seen(self, text: str, more: int) -> tuple[int, int]:
        """The columns of a long line that are on the screen, and some to each side."""
        frame = self._frame
        first, _ = column_at(text, frame.scroll_x, frame.tab)
        return max(0, first - more), first + frame.width + more

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Any:
        """With nothing said about where, only lines that look different are drawn: over SSH every cell counts."""
        if regions or layout or recompose or not repaint or not self.is_attached or not self._drawn:
            return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        if not self._due:
            self._due = True
            self.call_next(self._draw_changes)
        return self

    def refresh_lines(self, y_start: int, line_count: int = 1) -> Any:
        """The cursor's line, or a bracket's: whatever it is, it is found out."""
        return self.refresh()

    def _draw_changes(self) -> None:
        self._due = False
        top, frame, end = self.scroll_offset.y, self._frame, self.rows.height
        width = self.size.width
        changed = []
        for y in range(self.size.height):
            now = (self._look(y + top), frame) if y + top < end else None
            if now != self._drawn.get(y):
                changed.append(Region(0, y, width, 1))
        if changed:
            super().refresh(*changed)

    def _redraw(self) -> None:
        self._styles_known = None
        self._strips.clear()
        self._drawn.clear()
        super().refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._redraw()

    def _app_theme_changed(self) -> None:
        super()._app_theme_changed()
        self._redraw()

    def _watch_has_focus(self, focus: bool) -> None:
        super()._watch_has_focus(focus)
        self.refresh()

    @property
    def _styles_of_lines(self) -> dict[str, Style]:
        if self._styles_known is None:
            self._styles_known = self._make_styles()
        return self._styles_known

    def _make_styles(self) -> dict[str, Style]:
        parts = {
            "gutter": "text-area--gutter", "cursor-gutter": "text-area--cursor-gutter", "hidden": "text--hidden",
            "cursor": "text-area--cursor", "cursor-line": "text-area--cursor-line", "found": "text--found",
            "selection": "text-area--selection", "bracket": "text-area--matching-bracket",
        }  # fmt: skip
        base = self.rich_style
        styles = {"base": base}
        for name, part in parts.items():
            styles[name] = self.get_component_styles(part).partial_rich_style
        for layer in LAYERS:
            style = self.get_component_styles(f"syntax--{layer}").partial_rich_style
            styles[layer] = Style(color=style.color, bold=style.bold, dim=style.dim, italic=style.italic)
        for tone in TONES:
            style = self.tone(tone)
            styles[f"tone-{tone}"] = style
            styles[f"finding-{tone}"] = style + Style(underline=True)
        return styles


def sought(words: str) -> re.Pattern[str] | None:
    """What finds these words in shown text; capitals do not count. None for no words."""
    return re.compile(re.escape(shown(words)), re.IGNORECASE) if words else None


def _part(columns: tuple[int, int], first: int, end: int) -> tuple[int, int] | None:
    """What of them is between these two, counted from the first; None: nothing."""
    left, right = max(columns[0], first), min(columns[1], end)
    return (left - first, right - first) if left < right else None


def _column(line: str, byte: int) -> int:
    """The character that begins at a byte of the line, as tree-sitter counts."""
    if line.isascii():
        return min(byte, len(line))
    return len(line.encode("utf-8", "surrogatepass")[:byte].decode("utf-8", "ignore"))
