"""What is open in the editor: where it came from, what it was, and what is needed to save it or keep it as a draft."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from opsconsole.tui.screens.editor.autosave import Draft, new_id
from opsconsole.tui.screens.editor.languages import BY_ID, Language, interpreter_of, language_of
from opsconsole.tui.screens.editor.script_text import FileOnDisk, ScriptText, Stamp


@dataclass(slots=True)
class Opened:
    """`name` is as the file has it, not harmless. `saved` is the text that was opened or saved last, as the editor has
    it; None: it stands nowhere yet. `stamp` is what the file was then; without a path there is none."""

    name: str
    script: ScriptText
    language: Language
    saved: str | None
    path: Path | None = None
    stamp: Stamp | None = None
    key: str = ""
    """Of its entry in the library."""
    place: tuple[int, int] = (0, 0)
    """Where the cursor begins."""
    draft_id: str = field(default_factory=new_id)
    drafted: bool = False
    """There is, or will be, a file of the draft."""
    task: int = 0
    """The past run it is the script of, and is to run like; 0: none."""
    saved_newline: str = ""
    """How the lines of what is saved end; empty: as those of the text."""

    @classmethod
    def of_file(cls, file: FileOnDisk, *, writable: bool = True, key: str = "") -> Opened:
        """A file; one that is not `writable` is saved under another name."""
        script = ScriptText.of(file.data)
        language = language_of(script.text, file.path.name)
        return cls(
            file.path.name, script, language, script.text, file.path if writable else None,
            file.stamp if writable else None, key or f"mine:{file.path}",
        )  # fmt: skip

    @classmethod
    def of_text(
        cls, data: bytes, name: str, interpreter: str = "", *, kept: bool = False, key: str = "", task: int = 0
    ) -> Opened:
        """Text from elsewhere. `kept`: it stands somewhere (in the record), and is not lost when it is dropped."""
        script = ScriptText.of(data)
        language = language_of(script.text, name, interpreter)
        return cls(name, script, language, script.text if kept else None, key=key, task=task)

    @classmethod
    def of_draft(cls, draft: Draft, file: FileOnDisk | None) -> Opened:
        """As it was left. `file` is what its path has now; another one than it began from asks when it is saved."""
        script = ScriptText.of(draft.data)
        was = None if file is None else ScriptText.of(file.data)
        path = Path(draft.path) if draft.path else None
        stamp = Stamp(draft.base, draft.mode) if draft.base else None
        language = BY_ID.get(draft.language) or language_of(script.text, draft.name)
        key = f"mine:{path}" if path is not None else f"unsaved:{draft.id}"
        place = (draft.row, draft.column)
        return cls(
            draft.name, script, language, was.text if was else None, path, stamp, key, place, draft.id, drafted=True,
            task=draft.task, saved_newline=was.newline if was else "",
        )  # fmt: skip

    def modified(self, text: str) -> bool:
        return text != self.saved or self.script.newline != (self.saved_newline or self.script.newline)

    def end_lines_in(self, newline: str) -> None:
        """The same text with other line ends."""
        self.saved_newline = self.saved_newline or self.script.newline
        self.script = replace(self.script, newline=newline)

    def interpreter(self, text: str) -> str:
        return interpreter_of(text, self.language)

    def draft(self, text: str, at: int, place: tuple[int, int]) -> Draft:
        """The text as it is now."""
        return Draft(
            self.draft_id, self.name, self.language.id, at, str(self.path or ""),
            self.stamp.sha256 if self.stamp else "", self.stamp.mode if self.stamp else 0o700, *place,
            self.script.encoded(text), self.task,
        )  # fmt: skip

    def now_saved(self, path: Path, text: str, stamp: Stamp) -> None:
        self.path, self.name, self.saved, self.stamp, self.drafted = path, path.name, text, stamp, False
        self.key, self.saved_newline = f"mine:{path}", self.script.newline
