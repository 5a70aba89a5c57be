"""Unsaved text on disk: one file a draft in `drafts/` of the state directory, written whole or not at all.

A draft is a line of JSON (what was opened, when) and then the exact bytes of the text. Each console holds a lock for
as long as it lives, and its drafts carry its name: the drafts of a console that is dead are taken over by renaming
them, those of one that lives are left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from opsconsole.atomic import write_atomically

DELAY_S = 1.0
"""From a change to its being written, at most, while somebody types on."""
_ENDING, _LOCK, _BAD = ".draft", ".lock", ".bad"
_TOLD = "told"
"""The file that says which drafts a start has told of."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBERS = range(1 << 31)
_TRY_S, _TRIES = 0.01, 500
"""Who only asks whether an owner lives has its lock, shared, for a moment."""
_NAMES = 20
_LARGEST = 1 << 26
"""Bytes of a draft; a larger file is none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Text that was not saved. `path` is the file it is to become, empty for a new script; `base` is the SHA-256 of
    what was opened, empty if there was nothing; `at` is in microseconds since the epoch."""

    id: str
    name: str
    language: str
    at: int
    path: str = ""
    base: str = ""
    mode: int = 0o700
    row: int = 0
    column: int = 0
    data: bytes = b""
    task: int = 0
    """The past run it is the script of; 0: none."""

    def encoded(self) -> bytes:
        head = {key: value for key, value in asdict(self).items() if key != "data"}
        return json.dumps(head).encode() + b"\n" + self.data

    @classmethod
    def decoded(cls, raw: bytes) -> Draft:
        """Raises ValueError for what is no draft."""
        head, _, data = raw.partition(b"\n")
        try:
            draft = cls(**json.loads(head), data=data)
        except (TypeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        texts = (draft.id, draft.name, draft.language, draft.path, draft.base)
        numbers = (draft.at, draft.mode, draft.row, draft.column, draft.task)
        if not all(isinstance(one, str) for one in texts) or not all(isinstance(one, int) for one in numbers):
            raise ValueError("not a draft")
        if (
            not _ID.fullmatch(draft.id)
            or "\0" in draft.name + draft.path
            or any(one not in _NUMBERS for one in numbers[2:4])
        ):
            raise ValueError("not a draft of ours")
        if not 0 <= draft.mode <= 0o7777 or not abs(draft.at) < 1 << 63 or not 0 <= draft.task < 1 << 63:
            raise ValueError("not a draft of ours")
        for one in (draft.name, draft.path):
            os.fsencode(one)  # half a surrogate pair is in no name
        return draft


class DraftStore:
    """The drafts of one console. Calls block for a file's write; `Autosave` makes them in a thread.

    Raises OSError where the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = self.folder = folder
        self.bad: list[str] = []
        """Files that `drafts` has set aside: they could not be read as drafts."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock: int | None = None
        for _ in range(_NAMES):  # until its lock is held, a console that starts at the same time may think it is dead
            self.owner = uuid4().hex[:12]
            if (lock := self._take_lock(self.owner, create=True)) is not None:
                self._lock = lock
                return
        raise OSError(f"the lock of a new console is taken: {folder / self.owner}")

    def close(self) -> None:
        """Let go; drafts that are left are for the next console."""
        if self._lock is not None:
            if not self._files(self.owner):
                self._file(self.owner, _LOCK).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def write(self, draft: Draft) -> None:
        """Whole or not at all, readable by its owner only, on the disk when this returns."""
        write_atomically(self._path_of(draft.id), draft.encoded())

    def remove(self, draft_id: str) -> None:
        """It was saved or discarded."""
        self._path_of(draft_id).unlink(missing_ok=True)

    def drafts(self) -> list[Draft]:
        """Ours and those of consoles that died, which are ours from now on; the newest first."""
        for lock in self._folder.glob(f"*{_LOCK}"):
            if lock.stem != self.owner:
                self._take_over(lock.stem)
        found = []
        for file in self._files(self.owner):
            try:
                draft = _read(file)
                if file != self._path_of(draft.id):
                    raise ValueError("not the draft it is called after")
                found.append(draft)
            except ValueError:
                self._set_aside(file)
            except OSError:
                continue
        return sorted(found, key=lambda draft: -draft.at)

    def _set_aside(self, file: Path) -> None:
        """Whatever it is, it is not read again, and not lost."""
        with contextlib.suppress(OSError):
            self.bad.append(file.rename(file.with_name(file.name + _BAD)).name)

    def _take_over(self, owner: str) -> None:
        lock = self._take_lock(owner)
        if lock is None:
            return  # it lives
        try:
            for file in self._files(owner):
                with contextlib.suppress(OSError):
                    file.rename(self._folder / f"{self.owner}.{file.name.partition('.')[2]}")
            if not self._files(owner):
                self._file(owner, _LOCK).unlink(missing_ok=True)
        finally:
            os.close(lock)

    def _take_lock(self, owner: str, *, create: bool = False) -> int | None:
        """The descriptor that holds it; None if somebody else does, or nobody can."""
        path = self._file(owner, _LOCK)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError:
            return None
        for _ in range(_TRIES):
            if _gets(descriptor, fcntl.LOCK_EX):
                if os.fstat(descriptor).st_nlink:  # else its owner has just left and taken the file along
                    return descriptor
                break
            if not _gets(descriptor, fcntl.LOCK_SH):
                break  # its owner has it, or who takes over
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            time.sleep(_TRY_S)
        os.close(descriptor)
        return None

    def _files(self, owner: str) -> list[Path]:
        return list(self._folder.glob(f"{owner}.*{_ENDING}"))

    def _file(self, owner: str, ending: str) -> Path:
        return self._folder / f"{owner}{ending}"

    def _path_of(self, draft_id: str) -> Path:
        return self._folder / f"{self.owner}.{draft_id}{_ENDING}"


def _gets(descriptor: int, lock: int) -> bool:
    """Whether it can be had now."""
    try:
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def left_behind(folder: Path) -> list[str]:
    """Names of the texts that consoles which are dead did not save, each told once; takes nothing over. Not harmless.

    A text that was changed since it was told is told again.
    """
    found: dict[str, str] = {}
    for lock in folder.glob(f"*{_LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # it lives
        finally:
            os.close(descriptor)  # and who wants to take them over may
        for file in folder.glob(f"{lock.stem}.*{_ENDING}"):
            with contextlib.suppress(OSError, ValueError):
                draft = _read(file)
                found[f"{draft.id} {draft.at}"] = draft.name
    told = _told(folder)
    if new := [one for one in found if one not in told]:
        with contextlib.suppress(OSError):  # it is told again then
            write_atomically(folder / _TOLD, "\n".join(found).encode())
    return [found[one] for one in new]


def _told(folder: Path) -> set[str]:
    """`ID AT` of each draft that was told of."""
    try:
        descriptor = os.open(folder / _TOLD, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as opened:
            return set(opened.read(_LARGEST).decode(errors="replace").split("\n"))
    except OSError:
        return set()


def _read(file: Path) -> Draft:
    """Raises OSError, and ValueError for what is no draft."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as opened:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_size > _LARGEST:
            raise ValueError("not a draft")
        return Draft.decoded(opened.read())


def new_id() -> str:
    return uuid4().hex


class Autosave:
    """Writes drafts in one thread, in the order they were given; of several of one text only the last is written.

    `failed` is called, in that thread, with the error of a write.
    """

    def __init__(self, store: DraftStore, failed: Callable[[Exception], object]) -> None:
        self._store = store
        self._failed = failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drafts")
        self._wanted: dict[str, Draft | None] = {}

    def write(self, draft: Draft) -> Future[None]:
        self._wanted[draft.id] = draft
        return self._thread.submit(self._do, draft.id)

    def remove(self, draft_id: str) -> Future[None]:
        self._wanted[draft_id] = None
        return self._thread.submit(self._do, draft_id)

    def read(self) -> Future[list[Draft]]:
        """All drafts there are, when what was asked for before is on disk."""
        return self._thread.submit(self._store.drafts)

    def close(self) -> None:
        """Returns when all is written; bounded by one write."""
        self._thread.shutdown(wait=True)
        self._store.close()

    def _do(self, draft_id: str) -> None:
        try:
            wanted = self._wanted.pop(draft_id)
        except KeyError:
            return  # a later one has been written already
        try:
            if wanted is None:
                self._store.remove(draft_id)
            else:
                self._store.write(wanted)
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody has to know that the text is not kept
            self._failed(error)
