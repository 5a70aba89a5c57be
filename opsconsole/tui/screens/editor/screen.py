"""Mode 5, the editor: scripts at the left, the text, and beside it what the text would do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static, TextArea

from opsconsole.errors import OpsError
from opsconsole.tui.actions import BY_ID, mode_bindings
from opsconsole.tui.screens.editor.library import Entry, from_history, narrowed, read_library
from opsconsole.tui.screens.editor.library_pane import LibraryPane
from opsconsole.tui.screens.editor.live_review import State
from opsconsole.tui.screens.editor.reviewing import Reviewing
from opsconsole.tui.screens.editor.script_text import held_in
from opsconsole.tui.screens.editor.title_line import OneLine
from opsconsole.tui.screens.mode import WIDE
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.key_line import Key
from opsconsole.tui.wording import count_of

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_TYPED = (
    "save_script", "run_script", "next_finding", "apply_fix", "cycle_policy", "show_difference", "find_text",
    "go_to_line", "toggle_comment", "toggle_review", "wrap_lines",
)  # fmt: skip
_NEEDS_TEXT = frozenset({*_TYPED, "edit_text", "discard_changes", "find_next", "switch_language", "previous_finding"})


class EditorScreen(Reviewing):
    """Layout, focus, the library, and what the lines around the text say."""

    MODE = "editor"
    CSS_PATH: ClassVar[Any] = ["screen.tcss", "review.tcss"]
    KEYS = (
        "open_script", "edit_text", "new_script", "run_script", "save_script", "apply_fix", "next_finding",
        "cycle_policy", "show_difference", "filter", "open_path", "delete_script", "wrap_lines",
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("editor")
    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self._filter = FilterLine()
        self._title = OneLine(id="script-title")
        self._place = OneLine(id="script-place")
        self._entries: list[Entry] = []
        self._read_again = False
        self._reads = self._shown_read = 0

    def compose_body(self) -> ComposeResult:
        with Container(id="editor-body"):
            with Vertical(id="library"):
                yield self.library
                yield self._filter
            with Container(id="work"):
                with Vertical(id="script-side"):
                    yield self._title
                    yield self.text_area
                    yield Static(self._nothing_open(), id="nothing-open", markup=False)
                    yield self.find_line
                    yield self._place
                yield self.review

    def _nothing_open(self) -> str:
        ways = ["enter opens the one at the left"]
        for name, words in (("new_script", "begins a new one"), ("open_path", "opens a file by its path")):
            if self.app.allows(name):
                ways.append(f"{self._key(name)} {words}")
        return f"No script is open.\n\n{', '.join(ways)}."

    # -- life

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.library)
        self.fit()
        self.opened_changed()

    def begin(self) -> None:
        self.run_worker(self._begin(), group="editor-begin")  # what is opened meanwhile must not end it

    async def _begin(self) -> None:
        drafts = await self.start_drafts()
        if drafts and await self.open_draft(drafts[0], instead=False):
            others = len(drafts) - 1
            more = f", {others} more {'is' if others == 1 else 'are'} in the list" if others else ""
            key = self._key("show_difference")
            name = self.harmless(drafts[0].name, 40)
            self.app.tell(f"Unsaved text of {name} is here again{more}; {key} shows what was changed.")
        self.read_library()

    def look(self) -> None:
        self.read_library()
        if self.opened is not None and not self.live.state.current:
            self.submit()

    def on_unmount(self) -> None:
        self._read_again = True  # no more of that
        self.live.close()
        super().on_unmount()

    def on_resize(self) -> None:
        self.fit()

    def fit(self) -> None:
        wide = self.size.width >= WIDE
        reading = self.has_class("-reading")
        self.review.narrow = not wide and not reading

    # -- what is open

    def opened_changed(self) -> None:
        is_open = self.opened is not None
        self.set_class(not is_open, "-empty")
        self.library.mark_open(self.opened.key if self.opened is not None else "")
        self.text_area.show_painted(())
        if not is_open:
            self.review.show(State())
            if self.focused is self.text_area:
                self.set_focus(self.library)
        self.text_changed()
        self.state_changed()

    def text_changed(self) -> None:
        self._say_title()
        self.say_place()
        if self.opened is not None:
            self.submit()

    def state_changed(self) -> None:
        self._say_title()
        self.read_library()

    def _say_title(self) -> None:
        opened = self.opened
        if opened is None:
            self._title.show([Cell("no script", "muted")], Cell("", "faint"))
            return
        unsaved = "never saved" if opened.saved is None else "modified"
        cells = [Cell(self.harmless(opened.name, 200), "strong")]
        cells += [Cell(f"● {unsaved}", "accent")] if self.modified else []
        cells += [Cell(opened.language.label, "muted")]
        if not self.text_area.coloured and opened.language.grammar:
            large = self.text_area.plain_because
            cells.append(Cell(f"no colours: {large or 'its grammar is not installed'}", "muted"))
        if opened.script.newline == "\r\n":
            cells.append(Cell("CR LF", "muted"))
        if opened.script.hidden and (hidden := held_in(self._known)):
            cells.append(Cell(count_of(hidden, "hidden character"), "warning"))
        if opened.script.locked:
            cells.append(Cell(f"read-only: {opened.script.locked}", "warning"))
        elif self.app.read_only:
            cells.append(Cell("read-only console", "muted"))
        run = f"{self._key('run_script')} run" if self.app.allows("run_script") else ""
        self._title.show(cells, Cell(run, "faint"))

    def say_place(self) -> None:
        if self.opened is None:
            self._place.show([], Cell("", "faint"))
            return
        row, column = self.text_area.cursor_location
        here = Cell(f"{row + 1}:{column + 1}", "faint")
        found = self.text_area.painted_on(row)
        selected = self.review.selected
        if selected is not None and len(found) > 1:  # the same one that is shown beside the text
            said_there = self.harmless(selected.message, 200)
            found = sorted(found, key=lambda one: one.message != said_there)
        said = [Cell(found[0].glyph, found[0].tone), Cell(found[0].message, "plain")] if found else []
        if len(found) > 1:
            said.append(Cell(f"and {len(found) - 1} more", "faint"))
        self._place.show(said, here)

    def _key(self, action_id: str) -> str:
        return self.app.key_display(self.app.keys_for(action_id).split(",")[0])

    # -- the library

    def read_library(self) -> None:
        if not self.looks or self._read_again:
            return
        self._read_again = True
        self.run_worker(self._read_library(), group="editor-list")

    async def _read_library(self) -> None:
        self._read_again = False
        self._reads += 1
        turn = self._reads
        entries = await asyncio.to_thread(read_library, self.own, self.drafts, self.unsaved_paths)
        if turn < self._shown_read:
            return  # one that began later was faster
        self._shown_read = turn
        try:
            entries += from_history(self.engine)
        except OpsError as error:
            self.fail(error)
        else:
            self.works()
        if self.is_attached:
            self._entries = entries
            self._show_library()

    def _show_library(self) -> None:
        shown = narrowed(self._entries, self._filter.text)
        before, held = self.library.selected, self.library.holds
        self.library.show(shown, "no script is called so" if self._entries else "no scripts")
        self._filter.note(f"{len(shown):,} shown" if self._filter.text else "")
        if self.opened is not None and not held and (before is None or self.focused is not self.library):
            self.library.select(self.opened.key)

    def action_filter(self) -> None:
        self.add_class("-library")
        self._filter.begin(self.library)

    def on_filter_line_changed(self) -> None:
        self._show_library()

    def on_filter_line_left(self) -> None:
        self.set_focus(self.library)

    def on_library_pane_chosen(self, event: LibraryPane.Chosen) -> None:
        self.open_entry(event.entry)

    def action_toggle_library(self) -> None:
        wide = self.size.width >= WIDE
        shown = not self.has_class("-folded") if wide else self.has_class("-library")
        if shown and self.focused in (self.library, self.query_one("#filter-text")):
            self.to_text()
        self.set_class(shown, "-folded") if wide else self.set_class(not shown, "-library")

    # -- focus and keys

    def to_text(self) -> None:
        if self.opened is not None:
            self.remove_class("-library", "-reading")
            self.fit()
            self.set_focus(self.text_area)
            self.library.select(self.opened.key)

    def action_edit_text(self) -> None:
        self.to_text()

    def action_back(self) -> None:
        if self.has_class("-reading"):
            self.to_text()
        elif self.focused is not self.library:
            self.add_class("-library")
            self.remove_class("-folded")
            self.set_focus(self.library)
        elif self._filter.text:
            self._filter.clear()
        elif self.opened is not None:
            self.remove_class("-library")

    def label_of(self, action_id: str) -> str | None:
        if action_id == "open_script":
            return BY_ID[action_id].label if self.focused is self.library else None
        if self.opened is None and action_id in _NEEDS_TEXT:
            return None
        return BY_ID[action_id].label

    def show_keys(self) -> None:
        super().show_keys()
        typing = isinstance(self.focused, TextArea)
        keys = [("next_finding", "next"), ("apply_fix", "fix")] if typing else []
        self.review.name_keys([(self._key(name), word) for name, word in keys if self.app.allows(name)])

    def typing_keys(self) -> list[Key]:
        if isinstance(self.focused, TextArea):
            keys = [Key("esc", "scripts")]
            return keys + [Key(self._key(name), BY_ID[name].label) for name in _TYPED if self.app.allows(name)]
        if self.focused is not None and self.find_line in self.focused.ancestors:
            return [Key("enter", "next" if self.find_line.purpose == "find" else "go"), Key("esc", "back to the text")]
        return super().typing_keys()

    def on_text_area_selection_changed(self) -> None:
        self.select_here()
        self.say_place()
