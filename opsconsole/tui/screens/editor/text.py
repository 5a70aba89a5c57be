"""The text that is edited: Textual's TextArea, with a drawing of its own that redraws only the lines that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import Selection
from textual.document._edit import Edit
from textual.document._syntax_aware_document import SyntaxAwareDocument
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import TextArea

from opsconsole.tui.screens.editor.held_area import HeldArea
from opsconsole.tui.screens.editor.languages import Language, grammar_of, query_of, too_large_for_colours
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


class ScriptArea(Toned, HeldArea, inherit_bindings=False):
    """Text in which hidden characters are held (see `script_text`)."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"syntax--{layer}" for layer in LAYERS), "text--hidden", "text--found",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        # at once: what comes in the same piece after it (see terminal.KeyParser) is no text any more
        Binding("escape", "screen.back", show=False, priority=True),
        *(
            Binding(keys, action, show=False)
            for keys, action in (
                ("up", "cursor_up"), ("down", "cursor_down"), ("left", "cursor_left"), ("right", "cursor_right"),
                ("ctrl+left,alt+b", "cursor_word_left"), ("ctrl+right,alt+f", "cursor_word_right"),
                ("home,ctrl+a", "cursor_first"), ("end,ctrl+e", "cursor_line_end"),
                ("ctrl+home,alt+less_than_sign", "text_start"), ("ctrl+end,alt+greater_than_sign", "text_end"),
                ("pageup", "cursor_page_up"), ("pagedown", "cursor_page_down"),
                ("shift+up", "cursor_up(True)"), ("shift+down", "cursor_down(True)"),
                ("shift+left", "cursor_left(True)"), ("shift+right", "cursor_right(True)"),
                ("ctrl+shift+left", "cursor_word_left(True)"), ("ctrl+shift+right", "cursor_word_right(True)"),
                ("shift+home", "cursor_line_start(True)"), ("shift+end", "cursor_line_end(True)"),
                ("alt+a", "select_all"), ("backspace", "delete_left"), ("delete,ctrl+d", "delete_right"),
                ("ctrl+w,alt+backspace", "delete_word_left"), ("alt+d", "delete_word_right"),
                ("ctrl+u", "delete_to_start_of_line"), ("ctrl+k", "delete_to_end_of_line_or_delete_line"),
                ("ctrl+x", "cut"), ("ctrl+c", "copy"), ("ctrl+v", "paste"),
                ("ctrl+underscore,ctrl+z", "undo"), ("ctrl+y", "redo"), ("shift+tab", "dedent"),
            )
        )
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:
        self._blocks: dict[int, dict[int, list[tuple[int, int, str]]]] = {}
        self._strips: dict[tuple[Look, Frame], Strip] = {}
        self._drawn: dict[int, tuple[Look, Frame]] = {}
        self._styles_known: dict[str, Style] | None = None
        self._painted: tuple[Painted, ...] = ()
        self._by_row: dict[int, list[Painted]] = {}
        self._before: list[str] = [""]
        self._found_words = ""
        self._due = False
        super().__init__(
            soft_wrap=False, tab_behavior="indent", show_line_numbers=True, max_checkpoints=200, id=id, compact=True
        )
        self.cursor_blink = False

    # -- what it holds

    def show_text(self, text: str, language: Language, *, locked: bool) -> None:
        """Another text: its past is forgotten. `text` is as `script_text.shown` has it."""
        self._painted, self._by_row = (), {}
        self._use(language, text.split("\n"))
        self.load_text(text)
        self.read_only = locked

    def speak(self, language: Language) -> None:
        """The same text in another language; undo stays."""
        self._use(language, self.document.lines)
        self._set_document_here(self.language)

    def _use(self, language: Language, lines: Sequence[str]) -> None:
        self.indent_width = language.indent
        self._too_large = too_large_for_colours(lines)
        grammar = None if self._too_large else grammar_of(language)
        self._coloured = grammar is not None
        if grammar is not None and language.id not in self._languages:
            self.register_language(language.id, grammar, query_of(language))
        self.set_reactive(TextArea.language, language.id if grammar is not None else None)

    def replace_all(self, changes: Iterable[tuple[tuple[int, int], tuple[int, int], str]]) -> None:
        """Several changes that are one step for undo; they must not overlap, and are in places of the text as it is."""
        ordered = sorted(changes)
        if not ordered:
            return
        first, last = ordered[0][0], ordered[-1][1]
        pieces, at = list[str](), first
        for start, end, text in ordered:
            pieces += (self.document.get_text_range(at, start), text)
            at = end
        self.history.checkpoint()
        self.edit(Edit("".join(pieces), first, last, maintain_selection_offset=True))
        self.history.checkpoint()

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
        words = shown(words).lower()
        if words != self._found_words:
            self._found_words = words
            self.refresh()

    # -- finding

    @property
    def after_cursor(self) -> tuple[int, int]:
        """From where the next one is looked for: what is selected is this one."""
        return max(self.selection)

    def seek(self, words: str, start: tuple[int, int]) -> bool:
        """Select the first place of these words from there on, beginning again at the top; capitals do not count."""
        wanted, lines = shown(words).lower(), self.document.lines
        if not wanted:
            return False
        first, column = start
        for step in range(len(lines) + 1):
            row = (first + step) % len(lines)
            at = lines[row].lower().find(wanted, column if step == 0 else 0)
            if at >= 0:
                self.selection = Selection((row, at), (row, at + len(wanted)))
                self.scroll_cursor_visible()
                return True
        return False

    def count_of(self, words: str) -> int:
        wanted = shown(words).lower()
        return sum(line.lower().count(wanted) for line in self.document.lines) if wanted else 0

    # -- editing by line

    def action_cursor_first(self) -> None:
        """To the first character that is not blank; from there to the margin."""
        row, column = self.cursor_location
        line = self.document.get_line(row)
        first = len(line) - len(line.lstrip())
        self.move_cursor((row, 0 if column == first else first))

    def action_text_start(self) -> None:
        self.move_cursor((0, 0))

    def action_text_end(self) -> None:
        self.move_cursor(self.document.end)

    def action_dedent(self) -> None:
        def dedented(line: str) -> str:
            blanks = min(self.indent_width, len(line) - len(line.lstrip(" ")))
            return line[blanks:] if blanks else line.removeprefix("\t")

        self._each_line(dedented)

    def indent(self) -> None:
        self._each_line(lambda line: " " * self.indent_width + line if line.strip() else line)

    def toggle_comment(self, mark: str) -> None:
        """Comment the selected lines out, or in again if they all are."""
        first, last = self._rows()
        lines = [self.document.get_line(row) for row in range(first, last + 1)]
        filled = [line for line in lines if line.strip()]
        if filled and all(line.lstrip().startswith(mark) for line in filled):
            self._each_line(lambda line: _uncommented(line, mark))
        elif filled:
            margin = min(len(line) - len(line.lstrip()) for line in filled)
            self._each_line(lambda line: f"{line[:margin]}{mark} {line[margin:]}" if line.strip() else line)

    def _rows(self) -> tuple[int, int]:
        """First and last row of the selection; a last row of which nothing is selected is not meant."""
        (first, _), (last, column) = sorted(self.selection)
        return first, last - 1 if last > first and column == 0 else last

    def _each_line(self, change: Callable[[str], str]) -> None:
        if self.read_only:
            self.post_message(self.Refused())
            return
        first, last = self._rows()
        old = [self.document.get_line(row) for row in range(first, last + 1)]
        new = [change(line) for line in old]
        if new == old:
            return
        (start_row, start), (end_row, end) = self.selection
        self.history.checkpoint()
        self.edit(Edit("\n".join(new), (first, 0), (last, len(old[-1])), maintain_selection_offset=True))
        self.history.checkpoint()

        def place(row: int, column: int) -> tuple[int, int]:
            if not first <= row <= last:
                return row, column
            return row, max(0, column + len(new[row - first]) - len(old[row - first]))

        self.selection = Selection(place(start_row, start), place(end_row, end))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.prevent_default()  # it is the screen's: from the text to the list
            return
        if self.read_only and (event.is_printable or event.key in ("enter", "tab")):
            event.stop()
            event.prevent_default()
            self.post_message(self.Refused())
            return
        if event.key == "tab" and not self.selection.is_empty and len(range(*self._rows())):
            event.stop()
            event.prevent_default()
            self.indent()
            return
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            row, column = min(self.selection)
            line = self.document.get_line(row)[:column]
            self._replace_via_keyboard("\n" + line[: len(line) - len(line.lstrip())], *self.selection)
            return
        # What is not prevented here, TextArea does: Textual calls the handlers of all bases.

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
        row = y + self.scroll_offset.y
        if row >= self.document.line_count:
            self._drawn.pop(y, None)
            return Strip.blank(self.size.width, self._styles_of_lines["base"])
        key = (self._look(row), self._frame)
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

    def _look(self, row: int) -> Look:
        text = self.document.get_line(row)
        selection = self.selection
        (top, left), (bottom, right) = sorted(selection)
        cursor_row, cursor = selection.end
        selected = None
        if not selection.is_empty and top <= row <= bottom:
            selected = (left if row == top else 0, right if row == bottom else len(text) + 1)
        bracket, brackets = self._matching_bracket_location, list[int]()
        if bracket is not None and selection.is_empty and self.has_focus:
            brackets = [at for where, at in (bracket, selection.end) if where == row]
        held = self._by_row.get(row, ())
        painted = () if is_long(text) else reversed(held)
        findings = [(*columns, one.tone) for one in painted if (columns := one.on(row, len(text)))]
        begun = next(((one.glyph, one.tone) for one in held if one.row == row), ("", ""))
        return Look(
            text, str(row + 1), begun, tuple(self._colours(row)), tuple(findings), selected, tuple(brackets),
            tuple(self._places(text)), cursor if cursor_row == row and self.has_focus else None, cursor_row == row,
        )  # fmt: skip

    def _places(self, text: str) -> Iterable[tuple[int, int]]:
        words = self._found_words
        if not words:
            return
        first, end = self._seen(text, len(words)) if is_long(text) else (0, len(text))
        text = text[first:end].lower()
        at = text.find(words)
        while at >= 0:
            yield first + at, first + at + len(words)
            at = text.find(words, at + len(words))

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
        top, frame, end = self.scroll_offset.y, self._frame, self.document.line_count
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


def _column(line: str, byte: int) -> int:
    """The character that begins at a byte of the line, as tree-sitter counts."""
    if line.isascii():
        return min(byte, len(line))
    return len(line.encode("utf-8", "surrogatepass")[:byte].decode("utf-8", "ignore"))


def _uncommented(line: str, mark: str) -> str:
    margin = len(line) - len(line.lstrip())
    rest = line[margin:]
    return line[:margin] + rest.removeprefix(mark).removeprefix(" ") if rest.startswith(mark) else line
