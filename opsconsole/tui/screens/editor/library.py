"""The scripts there are to open, by where they come from; and the operator's own folder of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.editor.autosave import Draft
from opsconsole.tui.screens.editor.script_text import write_file
from opsconsole.tui.scripts import samples

if TYPE_CHECKING:
    from opsconsole.engine import Engine

MOST = 500
_RECENT_TASKS = 200
_SHOWN_TASKS = 40


class Section(StrEnum):
    """The value is the heading."""

    UNSAVED = "unsaved"
    MINE = "mine"
    SAMPLES = "samples"
    GENERATED = "generated"
    HISTORY = "from history"


@dataclass(frozen=True, slots=True)
class Entry:
    """One script. `shown` and `summary` are harmless; exactly one of path, task and draft says what it is."""

    section: Section
    shown: str
    summary: str = ""
    path: Path | None = None
    task: int | None = None
    draft: str | None = None
    unsaved: bool = False
    """Its text here is another one than its file has."""

    @property
    def key(self) -> str:
        """The same script in another reading of the library."""
        return f"{self.section}:{self.path or self.task or self.draft}"


def _is_file(entry: os.DirEntry[str]) -> bool:
    """False for a link that leads nowhere, or round in a circle, too."""
    try:
        return entry.is_file()
    except OSError:
        return False


class NameTaken(Exception):
    """There is a script of that name."""


class Own:
    """The folder of the operator's own scripts: 0700, and so are the files in it. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> list[Entry]:
        try:
            with os.scandir(self.folder) as found:
                names = sorted(one.name for one in found if _is_file(one) and not one.name.startswith("."))
        except OSError:
            return []
        return [Entry(Section.MINE, sanitise_name(name), path=self.folder / name) for name in names[:MOST]]

    def place(self, name: str) -> Path:
        """Where a script of this name goes. Raises ValueError, with a sentence, for what is no name."""
        name = name.strip()
        if not name or name in (".", "..") or "/" in name or "\0" in name:
            raise ValueError("A name has at least one character, and no slash.")
        if name.startswith("."):
            raise ValueError("A name that begins with a dot would be hidden.")
        if len(os.fsencode(name)) > 200:
            raise ValueError("This name is too long.")
        return self.folder / name

    def create(self, name: str, data: bytes) -> Path:
        """A new script. Raises ValueError, NameTaken, OSError."""
        path = self.place(name)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if path.exists() or path.is_symlink():
            raise NameTaken(f"There is a script {sanitise_name(name)} already.")
        write_file(path, data, 0o700)
        return path

    def rename(self, path: Path, name: str) -> Path:
        """Raises ValueError, NameTaken, OSError."""
        target = path.parent / self.place(name).name
        if target == path:
            return path
        try:
            os.link(path, target, follow_symlinks=False)  # unlike rename, it never replaces what is there
        except FileExistsError as error:
            raise NameTaken(f"There is a script {sanitise_name(name)} already.") from error
        path.unlink()
        return target

    def free_name(self, name: str) -> str:
        """`name`, or the like of it that nothing is called yet: fix.sh, fix-2.sh, fix-3.sh …"""
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if stem else (name, "")
        number, found = 1, name
        while (self.folder / found).exists():
            number += 1
            found = f"{stem}-{number}{ending}"
        return found


def read_library(own: Own, drafts: Iterable[Draft] = (), unsaved: Collection[str] = ()) -> list[Entry]:
    """What the disk has to open, section by section; blocks for it. `unsaved` files are marked where they stand, and
    their drafts do not stand beside them."""
    mine = [replace(entry, unsaved=str(entry.path) in unsaved) for entry in own.entries()]
    marked = {str(entry.path) for entry in mine if entry.unsaved}
    entries = [
        Entry(Section.UNSAVED, sanitise_name(draft.name), sanitise_name(draft.path), draft=draft.id, unsaved=True)
        for draft in drafts
        if draft.path not in marked
    ]
    return entries + mine + [Entry(Section.SAMPLES, one.shown, one.summary, path=one.path) for one in samples()]


def from_history(engine: Engine) -> list[Entry]:
    """Scripts of recent tasks, each text once, the newest first. Raises OpsError."""
    from opsconsole.storage.history import Filter

    tasks = engine.tasks(Filter(limit=_RECENT_TASKS))
    seen: set[tuple[str, str]] = set()
    found: list[Entry] = []
    for task in tasks:
        what = (task.name, task.script_sha256)
        if what not in seen and len(found) < _SHOWN_TASKS:
            seen.add(what)
            found.append(
                Entry(Section.HISTORY, sanitise_name(task.name), f"#{task.id} {task.status.value}", task=task.id)
            )
    return found


def narrowed(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Those that have all words of `text` in their name, section or summary."""
    words = text.casefold().split()
    return [
        entry
        for entry in entries
        if all(word in f"{entry.shown} {entry.section} {entry.summary}".casefold() for word in words)
    ]
