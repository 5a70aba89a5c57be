"""What the text takes in and gives out, and what of Textual's TextArea has to change for lines of any length."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from textual import events
from textual.actions import SkipAction
from textual.document._document import Document, EditResult, Location
from textual.document._edit import Edit
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import TextArea

from opsconsole.tui.screens.editor.languages import too_large_for_colours
from opsconsole.tui.screens.editor.rows import RowNavigator, Rows
from opsconsole.tui.screens.editor.script_text import cannot_hold, drawn, shown

_BRACKET_WITHIN = 20_000
"""Characters from a bracket in which its other half is looked for."""
_PRINTABLE_FROM = 0xA0


class HeldArea(TextArea, inherit_bindings=False):
    """Text in which hidden characters are held (see `script_text`). What is typed or pasted is held on its way in;
    what could not be written back as it came is refused, all of it."""

    _coloured = False
    _too_large = ""
    _copied = ("", "")  # as the clipboard has it, and as it is held

    @dataclass
    class Refused(Message, namespace="script_area"):
        """What was typed or pasted is not in the text: `why` says what is wrong with it; empty: nothing may be."""

        why: str = ""

    @property
    def coloured(self) -> bool:
        """Whether there are colours: the language has a grammar, and the text is not too large."""
        return self._coloured

    @property
    def plain_because(self) -> str:
        """What there is too much of for colours; empty: nothing."""
        return self._too_large

    # -- in and out

    def edit(self, edit: Edit) -> EditResult:
        """Every change comes through here: typed, pasted, or a fix."""
        edit.text = shown(edit.text.replace("\r\n", "\n").replace("\r", "\n"))
        self._give_up_colours(edit)
        return super().edit(edit)

    def _take(self, text: str) -> None:
        if self.read_only:
            self.post_message(self.Refused())
        elif why := cannot_hold(text):
            self.post_message(self.Refused(why))
        elif result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self._take(event.text)

    async def _on_key(self, event: events.Key) -> None:
        character = event.character or ""
        if len(character) == 1 and ord(character) >= _PRINTABLE_FROM and not event.is_printable:
            event.stop()
            event.prevent_default()
            self._take(character)

    def action_copy(self) -> None:
        if not self.selected_text:
            raise SkipAction
        self._give(self.selected_text)

    def action_cut(self) -> None:
        if self.read_only:
            self.post_message(self.Refused())
            return
        start, end = self.selection
        result = self._delete_cursor_line() if start == end else self._delete_via_keyboard(start, end)
        if result is not None:
            self._give(result.replaced_text)

    def _give(self, held: str) -> None:
        """Others get pictures of what is hidden: a clipboard's escape sequences would go to the next terminal."""
        self._copied = (drawn(held), held)
        self.app.copy_to_clipboard(self._copied[0])

    def action_paste(self) -> None:
        said, held = self._copied
        if self.app.clipboard != said:
            self._take(self.app.clipboard)
        elif self.read_only:
            self.post_message(self.Refused())
        elif result := self._replace_via_keyboard(held, *self.selection):
            self.move_cursor(result.end_location)

    # -- much text

    def _give_up_colours(self, edit: Edit) -> None:
        """Before the text grows too large for them, lest the parser reads all of it. They come back with `speak`."""
        if not self._coloured:
            return
        lines, new = self.document.lines, edit.text.split("\n")
        (top, left), (bottom, right) = edit.top, edit.bottom
        new[0] = lines[top][:left] + new[0]
        new[-1] += lines[bottom][right:]
        self._too_large = too_large_for_colours([*lines[:top], *new, *lines[bottom + 1 :]])
        if self._too_large:
            self._coloured = False
            self.set_reactive(TextArea.language, None)
            self._set_document_here(None)

    def _set_document_here(self, language: str | None) -> None:
        """The same text; undo stays, and the place."""
        where, scroll = self.selection, self.scroll_offset
        self._set_document(self.text, language)
        self.selection = where
        self.scroll_to(*scroll, animate=False, immediate=True)

    def _set_document(self, text: str, language: str | None) -> None:
        """A plain text may be a million lines, and Textual would measure each of them three times."""
        if language:
            super()._set_document(text, language)
        else:
            self._highlight_query = None
            self.document = Document(text)
        self.wrapped_document = Rows(self.document, self.wrap_width, tab_width=self.indent_width)
        self.navigator = RowNavigator(self.wrapped_document)
        if not language:
            self._build_highlight_map()
            self.move_cursor((0, 0))
        self._refresh_size()

    @property
    def rows(self) -> Rows:
        """Which rows the lines take."""
        assert isinstance(self.wrapped_document, Rows)  # noqa: S101 - but while Textual makes a document
        return self.wrapped_document

    # -- wrapped, or not

    def _watch_soft_wrap(self) -> None:
        """What stood at the top stays there, unless the cursor would be off the screen that was on it."""
        _, y = self.scroll_offset
        top, _ = self.rows.row_at(y)
        cursor_seen = y <= self.rows.location_to_offset(self.cursor_location).y < y + self.size.height
        self._rewrap_and_refresh_virtual_size()
        self.scroll_to(0, self.rows.location_to_offset((top, 0)).y, animate=False, immediate=True)
        if cursor_seen:
            self.scroll_cursor_visible()
        self.record_cursor_width()
        self.refresh()

    def _on_resize(self) -> None:
        """Other rows, where they are wrapped: the line at the top stays, and the cursor where it is seen."""
        y, before = self.scroll_offset.y, self.rows.height
        top, _ = self.rows.row_at(y)
        self._rewrap_and_refresh_virtual_size()
        if self.soft_wrap and self.rows.height != before:
            self.scroll_to(0, self.rows.location_to_offset((top, 0)).y, animate=False, immediate=True)

    def _rewrap_and_refresh_virtual_size(self) -> None:
        if isinstance(self.wrapped_document, Rows):  # else it is made just now
            self.rows.rewrap(self.wrap_width, self.indent_width)
            self._refresh_size()

    def _refresh_size(self) -> None:
        """Set the ordinary way, `virtual_size` lays the whole screen out again at every longer line."""
        rows = self.wrapped_document
        if not isinstance(rows, Rows):
            return
        extent = Size(0 if self.soft_wrap else rows.width + self.gutter_width + 1, rows.height)
        if extent != self.virtual_size:
            self.set_reactive(Widget.virtual_size, extent)
            self._scroll_update(extent)

    def _yield_character_locations(self, start: Location) -> Iterable[tuple[str, Location]]:
        return islice(super()._yield_character_locations(start), _BRACKET_WITHIN)

    def _yield_character_locations_reverse(self, start: Location) -> Iterable[tuple[str, Location]]:
        return islice(super()._yield_character_locations_reverse(start), _BRACKET_WITHIN)
