"""The text that is edited: its keys, its language, editing by line, finding in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import Selection
from textual.document._edit import Edit
from textual.widgets import TextArea

from opsconsole.tui.screens.editor.drawn_area import DrawnArea, sought
from opsconsole.tui.screens.editor.languages import Language, grammar_of, query_of, too_large_for_colours


class ScriptArea(DrawnArea, inherit_bindings=False):
    """Text in which hidden characters are held (see `script_text`)."""

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

    # -- finding

    @property
    def after_cursor(self) -> tuple[int, int]:
        """From where the next one is looked for: what is selected is this one."""
        return max(self.selection)

    def seek(self, words: str, start: tuple[int, int]) -> bool:
        """Select the first place of these words from there on, beginning again at the top; capitals do not count."""
        wanted, lines = sought(words), self.document.lines
        if wanted is None:
            return False
        first, column = start
        for step in range(len(lines) + 1):
            row = (first + step) % len(lines)
            if found := wanted.search(lines[row], column if step == 0 else 0):
                self.selection = Selection((row, found.start()), (row, found.end()))
                self.scroll_cursor_visible()
                return True
        return False

    def count_of(self, words: str) -> int:
        wanted = sought(words)
        return sum(len(wanted.findall(line)) for line in self.document.lines) if wanted is not None else 0

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
        if event.key.startswith("alt+"):
            event.prevent_default()  # a terminal sends the letter with it, which is not meant
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


def _uncommented(line: str, mark: str) -> str:
    margin = len(line) - len(line.lstrip())
    rest = line[margin:]
    return line[:margin] + rest.removeprefix(mark).removeprefix(" ") if rest.startswith(mark) else line
