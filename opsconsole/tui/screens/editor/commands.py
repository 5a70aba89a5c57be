"""What a key does to a script of the library, and to the text."""

from __future__ import annotations

import asyncio
from pathlib import Path

from opsconsole.errors import OpsError
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.past_scripts import LEFT_OUT, past_script
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.editor.dialogs import LanguageScreen, NameScreen
from opsconsole.tui.screens.editor.difference import DifferenceScreen, difference
from opsconsole.tui.screens.editor.find_line import FindLine
from opsconsole.tui.screens.editor.keeping import Keeping
from opsconsole.tui.screens.editor.languages import BY_ID as LANGUAGES
from opsconsole.tui.screens.editor.library import Entry, NameTaken, Section
from opsconsole.tui.screens.editor.library_pane import LibraryPane
from opsconsole.tui.screens.editor.opened import Opened
from opsconsole.tui.screens.editor.script_text import CannotOpen, read_file


class EditorCommands(Keeping):
    """The keys of the editor, but for those of the review."""

    def __init__(self) -> None:
        super().__init__()
        self.library = LibraryPane(id="library-list")
        self.find_line = FindLine(id="find")
        self._sought_from = (0, 0)

    def to_text(self) -> None:
        """The text has the focus."""
        raise NotImplementedError

    def read_library(self) -> None:
        """Read the list again, soon."""
        raise NotImplementedError

    # -- the library

    def action_open_script(self) -> None:
        entry = self.library.selected
        if entry is not None and self.focused is self.library:
            self.open_entry(entry)

    def open_entry(self, entry: Entry) -> None:
        """Open it, and go into the text."""
        self.run_worker(self._open_entry(entry), group="editor-open", exclusive=True)

    async def _open_entry(self, entry: Entry) -> None:
        if entry.draft is not None:
            draft = self._drafts.get(entry.draft)
            if draft is not None and (self.opened is None or self.opened.draft_id != draft.id):
                await self.open_draft(draft)
        elif entry.task is not None:
            if data := self._script_of(entry.task):
                self.take(Opened.of_text(data, entry.shown, kept=True, key=entry.key, task=entry.task))
        elif entry.path is not None:
            await self._open_file(entry.path, entry.section is not Section.SAMPLES, entry.key)
        self.to_text()

    def _script_of(self, task_id: int) -> bytes | None:
        try:
            shown, whole = past_script(self.engine, task_id)
        except OpsError as error:
            self.app.report(error)
            return None
        if not whole:
            self.app.tell(LEFT_OUT, "warning")
        return shown

    def action_new_script(self) -> None:
        self.run_worker(self._new(), group="editor-library", exclusive=True)

    async def _new(self) -> None:
        language_id = await self.app.push_screen_wait(LanguageScreen("A new script: in which language?"))
        if language_id is None:
            return
        language = LANGUAGES[language_id]
        name = await self._ask_name("Name of the new script", f"script{language.endings[0]}", "creates it")
        if name is not None:
            text = language.template.replace("NAME", name if name.isascii() else "NAME")
            if path := await self._create(name, text.encode()):
                await self._open_file(path, True, "")
                self.text_area.move_cursor(self.text_area.document.end)
                self.to_text()

    def action_duplicate_script(self) -> None:
        if entry := self.library.selected:
            self.run_worker(self._duplicate(entry), group="editor-library", exclusive=True)

    async def _duplicate(self, entry: Entry) -> None:
        data = await self._bytes_of(entry)
        if data is None:
            return
        name = await self._ask_name(f"Name of the copy of {entry.shown}", entry.shown, "copies it")
        if name is not None and (path := await self._create(name, data)):
            await self._open_file(path, True, "")
            self.to_text()

    async def _bytes_of(self, entry: Entry) -> bytes | None:
        if entry.draft is not None:
            draft = self._drafts.get(entry.draft)
            return draft.data if draft is not None else None
        if entry.task is not None:
            return self._script_of(entry.task)
        try:
            return (await asyncio.to_thread(read_file, entry.path or Path())).data
        except CannotOpen as error:
            self.app.tell(f"{error}.", "error")
            return None

    async def _ask_name(self, title: str, suggested: str, enter: str) -> str | None:
        hint = f"in {self.harmless(str(self.own.folder))}"
        name = self.own.free_name(Path(suggested).name)
        return await self.app.push_screen_wait(
            NameScreen(title, hint, name, enter=enter, wrong=self.wrong_name, replaced=True)
        )

    async def _create(self, name: str, data: bytes) -> Path | None:
        try:
            path = await asyncio.to_thread(self.own.create, name, data)
        except (ValueError, NameTaken) as error:
            self.app.tell(str(error), "error")
        except OSError as error:
            self.app.tell(f"{self.harmless(name)} was not created: {error.strerror or error}.", "error")
        else:
            self.read_library()
            return path
        return None

    def action_rename_script(self) -> None:
        if entry := self._mine("renamed"):
            self.run_worker(self._rename(entry), group="editor-library", exclusive=True)

    async def _rename(self, entry: Entry) -> None:
        assert entry.path is not None  # noqa: S101 - one of mine has a path
        name = await self.app.push_screen_wait(
            NameScreen(f"Rename {entry.shown}", "to", entry.shown, enter="renames it", wrong=self.wrong_name)
        )
        if name is None:
            return
        try:
            path = await asyncio.to_thread(self.own.rename, entry.path, name)
        except (ValueError, NameTaken) as error:
            self.app.tell(str(error), "error")
            return
        except OSError as error:
            self.app.tell(f"{entry.shown} was not renamed: {error.strerror or error}.", "error")
            return
        if self.opened is not None and self.opened.path == entry.path:
            self.opened.path, self.opened.name, self.opened.key = path, path.name, f"mine:{path}"
            if self.opened.drafted:
                self._drafts.pop(self.opened.draft_id, None)  # its path is another one now
                self.keep()
            self.opened_changed()
        self.read_library()

    def action_delete_script(self) -> None:
        entry = self.library.selected
        if entry is not None and entry.draft is not None:
            self.run_worker(self._delete_draft(entry), group="editor-library", exclusive=True)
        elif entry := self._mine("deleted"):
            self.run_worker(self._delete(entry), group="editor-library", exclusive=True)

    async def _delete(self, entry: Entry) -> None:
        assert entry.path is not None  # noqa: S101 - one of mine has a path
        path = entry.path
        sure = await self.app.push_screen_wait(
            ConfirmScreen(
                "Delete this script?",
                self.harmless(str(path)),
                ["The file is removed; runs of it stay in the history."],
                yes="Delete it", no="Keep it",
            )
        )  # fmt: skip
        if not sure:
            return
        try:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError as error:
            self.app.tell(f"{entry.shown} was not deleted: {error.strerror or error}.", "error")
            return
        if self.opened is not None and self.opened.path == path:
            self._drop_draft(self.opened)
            self.opened = None
            self.opened_changed()
        self.read_library()

    async def _delete_draft(self, entry: Entry) -> None:
        sure = await self.app.push_screen_wait(
            ConfirmScreen(
                "Discard this unsaved text?", entry.shown, ["It stands nowhere else."], yes="Discard it", no="Keep it"
            )
        )
        draft = self._drafts.pop(entry.draft or "", None) if sure else None
        if draft is None or self._autosave is None:
            return
        self._autosave.remove(draft.id)
        if self.opened is not None and self.opened.draft_id == draft.id:
            self.opened.drafted = False
            self.opened = None
            self.opened_changed()
        self.read_library()

    def _mine(self, done: str) -> Entry | None:
        entry = self.library.selected
        if entry is None or entry.section is not Section.MINE:
            key = self.app.key_display(BY_ID["duplicate_script"].keys)
            self.app.tell(f"Only your own scripts can be {done}. {key} makes a copy that is yours.")
            return None
        return entry

    def action_open_path(self) -> None:
        self.run_worker(self._open_path(), group="editor-library", exclusive=True)

    async def _open_path(self) -> None:
        try:
            relative = f"relative to {self.harmless(str(Path.cwd()))}"
        except OSError:
            relative = "a whole one: the folder this was started in is gone"
        path = await self.app.push_screen_wait(NameScreen("Open a file", f"a path; {relative}", enter="opens it"))
        if not path or not path.strip():
            return
        try:
            whole = Path(path.strip()).expanduser()
        except RuntimeError:
            self.app.tell(f"{self.harmless(path.strip())} cannot be opened: nobody here is called so.", "error")
            return
        await self._open_file(whole, True, "")
        self.to_text()

    # -- the text

    def action_show_difference(self) -> None:
        if self.opened is None:
            return
        lines = difference(self.opened.saved or "", self._known)
        if not lines:
            self.app.tell("Nothing was changed since it was saved.")
            return
        against = "against the saved version" if self.opened.saved is not None else "never saved"
        self.app.push_screen(DifferenceScreen(self.harmless(self.opened.name), lines, against))

    def action_wrap_lines(self) -> None:
        """For every text, until it is pressed again."""
        self.text_area.soft_wrap = not self.text_area.soft_wrap

    def action_undo_edit(self) -> None:
        self.text_area.undo()

    def action_redo_edit(self) -> None:
        self.text_area.redo()

    def action_toggle_comment(self) -> None:
        if self.opened is not None:
            self.text_area.toggle_comment(self.opened.language.comment)

    def action_switch_language(self) -> None:
        if self.opened is not None:
            self.run_worker(self._switch_language(self.opened), group="editor-language", exclusive=True)

    async def _switch_language(self, opened: Opened) -> None:
        chosen = await self.app.push_screen_wait(LanguageScreen("Which language is this text in?"))
        if chosen is not None and self.opened is opened:
            opened.language = LANGUAGES[chosen]
            self.text_area.speak(opened.language)
            self.text_changed()

    def action_find_text(self) -> None:
        if self.opened is not None:
            self._sought_from = self.text_area.cursor_location
            self.find_line.begin("find")

    def action_go_to_line(self) -> None:
        if self.opened is not None:
            self.find_line.begin("line")

    def action_find_next(self) -> None:
        if not self.find_line.words:
            self.action_find_text()
        elif not self.text_area.seek(self.find_line.words, self.text_area.after_cursor):
            self.app.tell("It is not in the text.")

    def on_find_line_typed(self, event: FindLine.Typed) -> None:
        if event.purpose == "line":
            return
        found = not event.text or self.text_area.seek(event.text, self._sought_from)
        self.text_area.show_found(event.text)
        count = self.text_area.count_of(event.text) if event.text else 0
        self.find_line.note(f"{count:,} found" if count else "" if found else "not in the text", wrong=not found)

    def on_find_line_entered(self, event: FindLine.Entered) -> None:
        if event.purpose == "find":
            self.text_area.seek(event.text, self.text_area.after_cursor)
            return
        last = self.text_area.document.line_count
        if event.text.strip().isdecimal() and 1 <= int(event.text) <= last:
            self.text_area.move_cursor((int(event.text) - 1, 0), center=True)
            self.find_line.hide()
            self.to_text()
        else:
            self.find_line.note(f"a number from 1 to {last:,}", wrong=True)

    def on_find_line_left(self) -> None:
        self.text_area.show_found("")
        self.to_text()
