"""What is open in the editor, and that nothing of it is lost: opening, saving, drafts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual._time import get_time
from textual.timer import Timer
from textual.worker import Worker, WorkerState, WorkType

from opsconsole.paths import scripts_folder
from opsconsole.tui.leaving import Unsaved
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.editor.autosave import DELAY_S, Autosave, Draft, DraftStore
from opsconsole.tui.screens.editor.dialogs import NameScreen
from opsconsole.tui.screens.editor.library import NameTaken, Own
from opsconsole.tui.screens.editor.opened import Opened
from opsconsole.tui.screens.editor.script_text import (
    CannotOpen,
    FileOnDisk,
    Stamp,
    changed_since,
    read_file,
    to_bytes,
    write_file,
)
from opsconsole.tui.screens.editor.text import ScriptArea
from opsconsole.tui.screens.mode import ModeScreen

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp


_NOT_THE_DEMOS = "this is a demo, and nothing of yours is changed"


class Keeping(ModeScreen):
    """The half of the editor that knows files. The first change is in a draft at once, the next ones within `DELAY_S`,
    and what is modified also when the editor is left, until it is saved or discarded."""

    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self.text_area = ScriptArea(id="script-text")
        self.opened: Opened | None = None
        self.own = Own(scripts_folder())
        self._drafts: dict[str, Draft] = {}
        self._autosave: Autosave | None = None
        self._due: Timer | None = None
        self._kept_at = -DELAY_S
        self._known = ""
        self._unkept = False
        self._saving = asyncio.Lock()
        """Held by whoever brings text and file together: one after the other."""

    # -- work

    def run_worker(
        self,
        work: WorkType[Any],
        name: str | None = "",
        group: str = "default",
        description: str = "",
        exit_on_error: bool = False,
        start: bool = True,
        exclusive: bool = False,
        thread: bool = False,
    ) -> Worker[Any]:
        """What fails in the background is told: with an unsaved text open, nothing of it may end the console."""
        return super().run_worker(work, name, group, description, exit_on_error, start, exclusive, thread)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        error = event.worker.error
        if event.state is WorkerState.ERROR and error is not None and self.is_attached:
            why = self.harmless(f"{type(error).__name__}: {error}", 300)
            self.app.tell(f"That failed inside the editor, which goes on: {why}", "error")

    # -- for the other half

    def opened_changed(self) -> None:
        """Another text is open, or none."""
        raise NotImplementedError

    def text_changed(self) -> None:
        """It was edited."""
        raise NotImplementedError

    def state_changed(self) -> None:
        """It was saved, or its draft came or went: titles and the list may differ."""
        raise NotImplementedError

    # -- what is open

    @property
    def modified(self) -> bool:
        """It differs from what is saved."""
        return self.opened is not None and self.opened.modified(self._known)

    def unsaved(self) -> Unsaved | None:
        if self.opened is None or not self.modified:
            return None
        return Unsaved(self.harmless(self.opened.name, 60), kept=self._autosave is not None and not self._unkept)

    @property
    def true_text(self) -> str:
        """The text as it would stand in the file."""
        return self.opened.script.true(self._known) if self.opened is not None else ""

    @property
    def drafts(self) -> list[Draft]:
        """Unsaved texts, the newest first; that of an open file is not among them."""
        here = self.opened.draft_id if self.opened is not None and self.opened.path is not None else ""
        return sorted((one for one in self._drafts.values() if one.id != here), key=lambda one: -one.at)

    @property
    def unsaved_paths(self) -> set[str]:
        """The files that have another text here than they hold."""
        return {draft.path for draft in self._drafts.values() if draft.path}

    def take(self, opened: Opened | None) -> None:
        """Show this text; what was open before is kept as a draft if it was modified."""
        self.keep()
        self.opened = opened
        self._known = opened.script.text if opened is not None else ""
        if opened is not None:
            locked = bool(opened.script.locked) or self.app.read_only
            self.text_area.show_text(opened.script.text, opened.language, locked=locked)
            self.text_area.move_cursor(opened.place)
            if self.modified and not opened.drafted:
                self._schedule()
        self.opened_changed()

    def on_text_area_changed(self) -> None:
        text = self.text_area.text
        if self.opened is None or text == self._known:
            return
        self._known = text
        self._schedule()
        self.text_changed()

    def open_text(self, text: str, name: str, interpreter: str, task: int = 0) -> None:
        """Text from elsewhere, that stands nowhere yet: it is unsaved until it is saved. `task`: whose script it is."""
        self.take(Opened.of_text(to_bytes(text), name, interpreter, task=task))

    def open_file(self, path: str | Path, *, writable: bool = True, key: str = "") -> None:
        """A file; with its draft, if there is one. What cannot be opened is said."""
        self.run_worker(self._open_file(Path(path), writable, key), group="editor-open", exclusive=True)

    async def _open_file(self, path: Path, writable: bool, key: str) -> None:
        try:
            path = path.absolute()
        except OSError:
            name = self.harmless(str(path))
            self.app.tell(f"{name} cannot be opened: the folder it begins in is gone. Give a whole path.", "error")
            return
        if self.opened is not None and self.opened.path == path:
            self.opened_changed()
            return
        draft = next((one for one in self._drafts.values() if one.path == str(path)), None)
        try:
            file = await asyncio.to_thread(read_file, path)
        except CannotOpen as error:
            self.app.tell(f"{error}.", "error")
            return
        if draft is not None:
            self.take_draft(draft, file)
            return
        opened = Opened.of_file(file, writable=writable, key=key)
        if writable and not self.may_write(path):
            opened.script = replace(opened.script, locked=_NOT_THE_DEMOS)
        self.take(opened)

    def may_write(self, path: Path) -> bool:
        """Whether saving there is to be had: a demo writes nothing but its own."""
        return self.app.recorded is None or self.app.recorded.owns(path)

    async def open_draft(self, draft: Draft, *, instead: bool = True) -> bool:
        """As it was left, whether it is; not `instead` of what somebody opened while its file was read."""
        file = await asyncio.to_thread(_read_again, draft)
        if self.opened is not None and not instead:
            return False
        self.take_draft(draft, file)
        return True

    def take_draft(self, draft: Draft, file: FileOnDisk | None) -> None:
        self.take(Opened.of_draft(draft, file))
        if file is not None and draft.base and file.stamp.sha256 != draft.base:
            self.app.tell(
                f"{self.harmless(draft.name)} was written by somebody else meanwhile: saving asks.", "warning"
            )

    # -- drafts

    async def start_drafts(self) -> list[Draft]:
        """Drafts of this and of dead consoles. Without a folder for them, that is said."""
        if self.app.read_only:
            return []
        loop = asyncio.get_running_loop()

        def failed(error: Exception) -> None:
            loop.call_soon_threadsafe(self._draft_failed, error)

        try:
            store = await asyncio.to_thread(DraftStore, self.engine.paths.drafts)
        except OSError as error:
            self._draft_failed(error)
            return []
        self._autosave = Autosave(store, failed)
        try:
            found = await asyncio.wrap_future(self._autosave.read())
        except Exception as error:  # noqa: BLE001 - a folder of whatever: new drafts are written nevertheless
            self._draft_failed(error)
            found = []
        if store.bad:
            folder, names = (
                self.harmless(str(store.folder)),
                ", ".join(self.harmless(one, 120) for one in store.bad[:3]),
            )
            self.app.tell(f"Drafts that cannot be read were set aside in {folder}: {names}", "warning")
        self._drafts |= {draft.id: draft for draft in found}
        self.keep()  # what was opened before
        return found

    def _draft_failed(self, error: Exception) -> None:
        self._unkept = True
        if self.is_attached:
            why = self.harmless(getattr(error, "strerror", None) or str(error) or type(error).__name__, 200)
            self.app.tell(f"Unsaved text is not kept against a crash: {why}. Save it.", "error")

    def writable_again(self) -> None:
        """Drafts that could not be written are."""
        if self._unkept:
            self.run_worker(self._keep_again(), group="editor-drafts")

    async def _keep_again(self) -> None:
        self._unkept = False
        if self._autosave is None:
            await self.start_drafts()
        if self._autosave is not None:
            for draft in self._drafts.values():
                self._autosave.write(draft)
        self.keep()

    def _schedule(self) -> None:
        if self._due is not None:
            return
        if (wait_s := self._kept_at + DELAY_S - get_time()) > 0:
            self._due = self.set_timer(wait_s, self.keep)
        else:
            self.call_later(self.keep)

    def keep(self) -> None:
        """Bring the draft up to date, now, in a thread."""
        if self._due is not None:
            self._due.stop()
            self._due = None
        opened = self.opened
        if opened is None or self._autosave is None:
            return
        if self.modified:
            draft = opened.draft(self._known, self.clock(), self.text_area.cursor_location)
            known = self._drafts.get(opened.draft_id)
            if known is not None and known.data == draft.data:
                return
            new = known is None
            self._kept_at = get_time()
            self._drafts[draft.id] = draft
            opened.drafted = True
            self._autosave.write(draft)
            if new:
                self.state_changed()
        elif opened.drafted:
            self._drop_draft(opened)

    def _drop_draft(self, opened: Opened) -> None:
        opened.drafted = False
        self._drafts.pop(opened.draft_id, None)
        if self._autosave is not None:
            self._autosave.remove(opened.draft_id)
        self.state_changed()

    def leave(self) -> None:
        self.keep()

    def on_unmount(self) -> None:
        self.keep()
        if self._autosave is not None:
            self._autosave.close()
            self._autosave = None

    # -- saving

    def action_save_script(self) -> None:
        self.run_worker(self.save(), group="editor-save")

    async def save(self) -> bool:
        """Whether it is saved; asks for a name where there is none, and before writing over somebody else's change."""
        async with self._saving:
            return await self._save()

    async def _save(self) -> bool:
        opened, text = self.opened, self._known  # another one may be open before the file is written
        if opened is None:
            self.app.tell("No script is open.")
            return False
        if opened.script.locked:
            self.app.tell(f"This text is read-only: {opened.script.locked}.", "warning")
            return False
        path, stamp = opened.path, opened.stamp
        if path is not None and not self.may_write(path):  # it may be a link since it was opened
            self.app.tell(f"Not saved: {_NOT_THE_DEMOS}.", "warning")
            return False
        if path is None:
            path, stamp = await self._ask_for_place(opened), None
            if path is None:
                return False
        try:
            changed = opened.path is not None and await asyncio.to_thread(changed_since, path, stamp)
            if changed and not await self._may_write_over(path):
                return False
            await self._write(opened, text, path, stamp)
        except OSError as error:
            self.app.tell(f"{self.harmless(str(path))} was not saved: {error.strerror or error}.", "error")
            return False
        return True

    async def _ask_for_place(self, opened: Opened) -> Path | None:
        suggested = self.own.free_name(self.harmless(Path(opened.name).name or "script", 200))
        name = await self.app.push_screen_wait(
            NameScreen(
                "Save the script as", f"in {self.harmless(str(self.own.folder))}", suggested, enter="saves it",
                wrong=self.wrong_name, replaced=True,
            )
        )  # fmt: skip
        return None if name is None else self.own.place(name)

    def wrong_name(self, name: str) -> str:
        """What is the matter with the name of a new script; empty: nothing."""
        try:
            path = self.own.place(name)
        except ValueError as error:
            return str(error)
        return "There is a script of that name." if path.exists() else ""

    async def _may_write_over(self, path: Path) -> bool:
        question = ConfirmScreen(
            "Write over it?", self.harmless(str(path)),
            ["It was changed by somebody else since it was opened here; that change would be lost.",
             "Your text is safe in a draft either way."],
            yes="Write over it", no="Leave it as it is",
        )  # fmt: skip
        return await self.app.push_screen_wait(question) is True

    async def _write(self, opened: Opened, text: str, path: Path, stamp: Stamp | None) -> None:
        data = opened.script.encoded(text)
        mode = stamp.mode if stamp is not None else 0o700
        try:
            if opened.path is None:
                await asyncio.to_thread(self.own.create, path.name, data)
                written = Stamp.of(data)
            else:
                written = await asyncio.to_thread(write_file, path, data, mode)
        except NameTaken as error:
            raise FileExistsError(17, str(error)) from error
        opened.now_saved(path, text, written)
        typed_on = self._drafts.get(opened.draft_id) if self.opened is not opened else None
        if typed_on is not None and typed_on.data != data and self._autosave is not None:  # and then opened another one
            draft = replace(typed_on, name=path.name, path=str(path), base=written.sha256, mode=written.mode)
            self._drafts[draft.id], opened.drafted = draft, True
            self._autosave.write(draft)
            self.state_changed()
        else:
            self._drop_draft(opened)
            if self.opened is opened and self.modified:  # somebody typed on
                self._schedule()
        self.app.tell(f"Saved: {self.harmless(str(path))}")

    # -- discarding

    def action_discard_changes(self) -> None:
        if self.opened is None or not self.modified:
            self.app.tell("Nothing was changed.")
            return
        self.run_worker(self._discard(self.opened), group="editor-discard", exclusive=True)

    async def _discard(self, opened: Opened) -> None:
        async with self._saving:
            if self.opened is opened and self.modified:  # else it was just being saved
                await self._ask_and_discard(opened)

    async def _ask_and_discard(self, opened: Opened) -> None:
        back = "what was saved last" if opened.saved is not None else "nothing: it was never saved"
        sure = await self.app.push_screen_wait(
            ConfirmScreen(
                "Discard the changes?", self.harmless(opened.name), [f"The text goes back to {back}."],
                yes="Discard them", no="Keep them",
            )
        )  # fmt: skip
        if not sure or self.opened is not opened:
            return
        if opened.saved is None:
            self._drop_draft(opened)
            self.opened = None
            self.opened_changed()
            return
        area = self.text_area
        opened.end_lines_in(opened.saved_newline or opened.script.newline)
        area.replace_all([((0, 0), area.document.end, opened.saved)])
        self._known = area.text
        self._drop_draft(opened)
        self.text_changed()


def _read_again(draft: Draft) -> FileOnDisk | None:
    try:
        return read_file(Path(draft.path)) if draft.path else None
    except CannotOpen:
        return None
