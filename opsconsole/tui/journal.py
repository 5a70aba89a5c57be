"""The log of the console itself: what it told and what went wrong, in memory and in a file that outlives it.

Texts come in redacted and sanitised. Nothing in here ever stops the console: what cannot be written is counted, and
the reason is `trouble`. The file is written by a thread of its own, so that a slow disk never holds a key press up.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, get_args

from opsconsole.clock import SYSTEM
from opsconsole.values import dataclass

Severity = Literal["information", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
CAPACITY = 1000
ROTATE_BYTES = 1024 * 1024
_LEAVE_S = 0.5
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z (information|warning|error) +(.*?)(?: \(×(\d{1,9})\))?")
_NEWLINE = " ⏎ "


@dataclass(frozen=True, slots=True)
class Entry:
    """`time_us` is when it was last said; `text` may have several lines; `count`: how often, one after the other."""

    time_us: int
    severity: Severity
    text: str
    count: int = 1


class Journal:
    """The last `CAPACITY` entries, oldest first; without a file until `keep_in`."""

    def __init__(self, now: Callable[[], int] = SYSTEM.now, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._now = now
        self._rotate_bytes = rotate_bytes
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._made = 0
        self._listeners: list[Callable[[], object]] = []
        self._file: Path | None = None
        self._lines: SimpleQueue[Entry | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._unwritten = True
        self.since = now()
        """When it began, µs since the epoch."""
        self.unread_errors = 0
        self.lost = 0
        """Lines that could not be written."""
        self.trouble = ""
        """Why, of the last of them; empty when it works again."""

    @property
    def entries(self) -> list[Entry]:
        return list(self._entries)

    @property
    def numbered(self) -> list[tuple[int, Entry]]:
        """With numbers that stay the same when the oldest ones go."""
        return list(enumerate(self._entries, self._made - len(self._entries)))

    @property
    def file(self) -> Path | None:
        return self._file

    def keep_in(self, file: Path) -> None:
        """From now on it is in this file too, with all that was said before."""
        if self._file is not None:
            return
        self._file = file
        for entry in list(self._entries)[:-1]:
            self._write(entry)
        if self._entries:
            self._unwritten = True
        atexit.register(self.close)

    def add(self, severity: str, text: str) -> None:
        """Note it. What is said again and again is one entry with a count; its line is written when it is over."""
        known: Severity = next((one for one in SEVERITIES if one == severity), "information")
        last = self._entries[-1] if self._entries else None
        if last is not None and (last.severity, last.text) == (known, text):
            self._entries[-1] = replace(last, time_us=self._now(), count=last.count + 1)
        else:
            self._write_last()
            self._entries.append(Entry(self._now(), known, text))
            self._made += 1
        self._unwritten = True
        if known == "error":
            self.unread_errors += 1
            if self._entries[-1].count == 1:  # at once: the console may be about to die of it
                self._write_last()
        for listener in list(self._listeners):
            listener()

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Called after each `add`, on its thread; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def read(self) -> None:
        """Somebody has seen the errors."""
        self.unread_errors = 0

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all of it is in the file, or could not be written; False: not in time."""
        self._write_last()
        done = threading.Event()
        if self._thread is None or not self._thread.is_alive():
            return True
        self._lines.put(done)
        return done.wait(timeout_s)

    def close(self) -> None:
        """Write what is left, for half a second at the most."""
        atexit.unregister(self.close)
        self.flush(_LEAVE_S)
        self._lines.put(None)
        self._thread = None

    # -- the file

    def _write_last(self) -> None:
        if self._file is not None and self._unwritten and self._entries:
            self._write(self._entries[-1])
            self._unwritten = False

    def _write(self, entry: Entry) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_for_ever, name="journal", daemon=True)
            self._thread.start()
        self._lines.put(entry)

    def _write_for_ever(self) -> None:
        while (given := self._lines.get()) is not None:
            if isinstance(given, threading.Event):
                given.set()
                continue
            try:
                self._append(line_of(given))
                self.trouble = ""
            except OSError as error:
                self.lost += 1
                self.trouble = error.strerror or str(error)

    def _append(self, line: str) -> None:
        """In one write, after turning the file over where it is full. Raises OSError."""
        assert self._file is not None  # noqa: S101 - there is no thread before there is a file
        data = line.encode("utf-8", "replace")
        fd = _locked(self._file)
        try:
            if os.fstat(fd).st_size + len(data) > self._rotate_bytes:
                os.replace(self._file, older(self._file))
                os.close(fd)
                fd = -1
                fd = _locked(self._file)
            if os.write(fd, data) < len(data):
                raise OSError("the disk is full")
        finally:
            if fd >= 0:
                os.close(fd)


def older(file: Path) -> Path:
    """Where the lines before those of `file` are."""
    return file.with_name(file.name + ".1")


def line_of(entry: Entry) -> str:
    """One line of the file; entries of several lines have them joined."""
    when = datetime.fromtimestamp(entry.time_us / 1e6, UTC)
    text = _NEWLINE.join(entry.text.splitlines()) or "-"
    repeated = f" (×{entry.count})" if entry.count > 1 else ""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z {entry.severity:<11} {text}{repeated}\n"


def read_file(file: Path, limit: int = 5000) -> list[Entry]:
    """The last entries of earlier consoles, oldest first; lines that are none are left out. Raises no OSError."""
    lines: list[str] = []
    for one in (older(file), file):
        try:
            with open(one, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - 2 * ROTATE_BYTES))
                lines += stream.read(2 * ROTATE_BYTES).decode("utf-8", "replace").split("\n")
        except OSError:
            continue
    found: list[Entry] = []
    for line in lines[-limit:]:
        if (match := _LINE.fullmatch(line)) and (entry := _entry(match)):
            if found and _begins_again(found[-1], entry):
                found.pop()
            found.append(entry)
    return found


def _begins_again(before: Entry, entry: Entry) -> bool:
    """An error is written at once, and once more with how often it came."""
    return (before.severity, before.text) == (entry.severity, entry.text) and entry.count > before.count


def _entry(match: re.Match[str]) -> Entry | None:
    try:
        when = datetime.fromisoformat(match[1] + "+00:00")
    except ValueError:
        return None
    severity: Severity = match[2]  # type: ignore[assignment]
    return Entry(round(when.timestamp() * 1e6), severity, match[3].replace(_NEWLINE, "\n"), int(match[4] or 1))


def _locked(file: Path) -> int:
    """The file, open at its end, and nobody else's until it is closed: consoles of one state directory share it."""
    while True:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_ino == os.stat(file).st_ino:
                return fd
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # it was turned over while we waited
