"""What the editor shows of a file, and how the same bytes come out again.

The bytes are decoded as UTF-8. What a terminal must never get - control characters, bidi and zero-width ones, bytes
that are no UTF-8 - is held as one private-use character each, so that lines and columns stay as they are: `shown` and
`true` are each other's inverse. A file whose every line ends in CR LF keeps that; any other CR is a hidden character.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from opsconsole.atomic import write_atomically
from opsconsole.safety.sanitise import sanitise_name

LARGEST = 1024 * 1024
"""Bytes; more is refused."""
_LOW = 0x100000
_RANGES = (
    # first, last (inclusive), what it becomes: the first is at `to`
    (0x1BCA0, 0x1BCA3, 0xF1000), (0x1D173, 0x1D17A, 0xF1010), (0xE0000, 0xE0FFF, 0xF0000),
)  # fmt: skip
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_HELD = re.compile("[\U000f0000-\U000f1fff\U00100000-\U0010ffff]")


_NOT_TO_BE_HELD = re.compile("[\ud800-\udfff\U000f0000-\U000f1fff\U00100000-\U0010ffff]")
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class CannotOpen(Exception):
    """Raised with a sentence that says why, and what to do."""


def shown(text: str) -> str:
    """True text, with every hidden character held as a private-use one; as long as before."""
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_hold, text)


def true(text: str) -> str:
    """The inverse of `shown`."""
    return text if text.isascii() else _HELD.sub(_release, text)


def cannot_hold(text: str) -> str:
    """Why this text, typed or pasted, cannot be taken in and written back exactly; empty where it can."""
    found = _NOT_TO_BE_HELD.search(text)
    return f"it has U+{ord(found[0]):04X}, which could not be written back exactly" if found else ""


def to_bytes(text: str) -> bytes:
    """True text as it stands in a file. Never raises: what stands for no byte and is no character is U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _NO_BYTE.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def picture(held: str) -> str:
    """What is drawn for a held character: one cell, harmless."""
    hidden = _release_one(held)
    code = ord(hidden)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def is_held(character: str) -> bool:
    return character >= "\U000f0000" and _HELD.match(character) is not None


def held_in(text: str) -> int:
    """How many characters of shown text are held."""
    return 0 if text.isascii() else len(_HELD.findall(text))


def drawn(text: str) -> str:
    """Shown text as it may be drawn: held characters are pictures. As long as before."""
    return text if text.isascii() else _HELD.sub(lambda match: picture(match[0]), text)


@dataclass(frozen=True, slots=True)
class ScriptText:
    """The text as the editor has it (lines end in LF), and what is needed to write the same bytes.

    `locked` is the sentence that says why it must not be edited; empty where it may be.
    """

    text: str
    newline: str = "\n"
    locked: str = ""
    hidden: int = 0
    """How many characters of the text were held when it was opened."""

    @classmethod
    def of(cls, data: bytes) -> ScriptText:
        """Never raises: every sequence of bytes has a text, and `encoded` gives it back."""
        decoded = data.decode("utf-8", "surrogateescape")
        if _HELD.search(decoded):
            # It would be taken for something hidden when it is written.
            safe = _HELD.sub("\ufffd", decoded)
            return cls(shown(safe), locked="it has private-use characters, which could not be written back exactly")
        newline = "\n"
        if "\r\n" in decoded and decoded.count("\n") == decoded.count("\r\n"):
            newline = "\r\n"
            decoded = decoded.replace("\r\n", "\n")
        text = shown(decoded)
        return cls(text, newline, hidden=held_in(text))

    def true(self, text: str) -> str:
        """`text`, of the editor, as it stands in the file: what is reviewed and what runs."""
        text = true(text)
        return text if self.newline == "\n" else text.replace("\n", self.newline)

    def encoded(self, text: str) -> bytes:
        """The bytes of `text`, of the editor."""
        return to_bytes(self.true(text))

    def place(self, true_text: str, offset: int) -> tuple[int, int]:
        """Row and column, from 0, in the editor of a character of the true text."""
        start = true_text.rfind("\n", 0, offset) + 1
        column = offset - start
        if self.newline == "\r\n":
            end = true_text.find("\n", start)
            column = min(column, (len(true_text) if end < 0 else end - 1) - start)
        return true_text.count("\n", 0, start), column


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file was when it was read: enough to see that somebody else has written it since."""

    sha256: str
    mode: int = 0o700

    @classmethod
    def of(cls, data: bytes, mode: int = 0o700) -> Stamp:
        return cls(sha256(data).hexdigest(), mode)


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    path: Path
    data: bytes = field(repr=False)
    stamp: Stamp


def read_file(path: Path) -> FileOnDisk:
    """Raises CannotOpen, with the reason and what to do."""
    name = sanitise_name(str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise CannotOpen(f"{name} is not a file: the editor opens scripts only")
            if info.st_size > LARGEST:
                raise CannotOpen(
                    f"{name} has {info.st_size:,} bytes; the editor opens up to {LARGEST:,}. "
                    "Run it as it is with n in the tasks, or split it"
                )
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise CannotOpen(f"{name} cannot be opened: {error.strerror or error}") from error
    except ValueError as error:  # NUL, half a surrogate pair
        raise CannotOpen(f"{name} cannot be opened: no file can be called so") from error
    if len(data) > LARGEST:
        raise CannotOpen(f"{name} grows while it is read: the editor opens scripts only")
    return FileOnDisk(path, data, Stamp.of(data, stat.S_IMODE(info.st_mode)))


def changed_since(path: Path, stamp: Stamp | None) -> bool:
    """Whether the file is another one than was read; a file that is gone counts as not changed. Raises OSError."""
    try:
        if path.stat().st_size > LARGEST:
            return True
        data = path.read_bytes()
    except FileNotFoundError:
        return False
    return stamp is None or Stamp.of(data).sha256 != stamp.sha256


def write_file(path: Path, data: bytes, mode: int = 0o700) -> Stamp:
    """Write it whole or not at all; a link is followed, an existing file keeps its mode and owner. Raises OSError."""
    path = path.resolve()
    owner = None
    try:
        info = path.stat()
        mode, owner = stat.S_IMODE(info.st_mode), (info.st_uid, info.st_gid)
    except FileNotFoundError:
        pass
    write_atomically(path, data, mode, owner)
    return Stamp.of(data, mode)


def _hold(match: re.Match[str]) -> str:
    code = ord(match[0])
    for first, last, to in _RANGES:
        if first <= code <= last:
            return chr(to + code - first)
    return chr(_LOW + code)


def _release(match: re.Match[str]) -> str:
    return _release_one(match[0])


def _release_one(held: str) -> str:
    code = ord(held)
    if code >= _LOW:
        return chr(code - _LOW) if _HIDDEN.match(chr(code - _LOW)) else held
    for first, last, to in _RANGES:
        if to <= code <= to + last - first:
            return chr(first + code - to)
    return held
