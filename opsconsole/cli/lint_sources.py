"""What `opsconsole lint` reads: files, folders, stdin, and text given with -c."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from opsconsole.errors import InterpreterMissing, ScriptNotFound
from opsconsole.execution import interpreters

STDIN = "-"
TEXT = "-c"
MOST_BYTES = 16 << 20
"""A script longer than this is none."""

_EXTENSIONS = frozenset(extension for known in interpreters.KNOWN.values() for extension in known.extensions)

Skipped = Callable[[str, str], None]
"""Told of each file in a folder that is not linted: its path and why."""


@dataclass(frozen=True, slots=True)
class Script:
    """Something to lint. `name` is the path as it was given, `-` for stdin or `-c`; `path` is None for these two."""

    name: str
    body: bytes
    path: str | None = None

    def text(self) -> str:
        """As the review reads it: what is no UTF-8 counts a character a byte."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            return self.body.decode("latin-1")


def read(name: str) -> Script:
    """A file by its path, or stdin for `-`. Raises ScriptNotFound."""
    try:
        with open(0 if name == STDIN else name, "rb", closefd=name != STDIN) as file:
            body = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ScriptNotFound(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    if len(body) > MOST_BYTES:
        raise ScriptNotFound(f"{name}: longer than {MOST_BYTES >> 20} MiB, so it is no script")
    return Script(name, body, None if name == STDIN else name)


def expand(name: str, skipped: Skipped, *, any_language: bool) -> Iterator[str]:
    """The scripts in a folder, recursively and sorted; another name as it is.

    A script has an extension of a language that is run here, or a shebang that names one (any one where the caller has
    chosen the interpreter). Hidden files and folders and symbolic links are left out. What cannot be read is among the
    names: `read` then says why.
    """
    if name == STDIN or not os.path.isdir(name):
        yield name
        return
    unreadable: list[str] = []
    for folder, folders, files in os.walk(name, onerror=lambda error: unreadable.append(str(error.filename))):
        for hidden in [one for one in folders if one.startswith(".")]:
            skipped(os.path.join(folder, hidden), "hidden")
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            path = os.path.join(folder, file)
            why_not = _why_not(path, file, any_language=any_language)
            if why_not:
                skipped(path, why_not)
            else:
                yield path
    yield from unreadable


def _why_not(path: str, file: str, *, any_language: bool) -> str:
    """Why this file of a folder is not linted, or nothing."""
    if file.startswith("."):
        return "hidden"
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "not a regular file"
        with open(path, "rb") as opened:
            head = opened.read(1024)
    except OSError:
        return ""
    if b"\0" in head:
        return "binary"
    if head.startswith(b"#!"):
        return "" if any_language else _foreign(head, file)
    return "" if os.path.splitext(file)[1].lower() in _EXTENSIONS else "not a script"


def _foreign(head: bytes, file: str) -> str:
    try:
        interpreters.choose(None, head, file, "bash")
    except InterpreterMissing as error:
        return error.message
    return ""


def given(names: Sequence[str], texts: Sequence[str]) -> tuple[list[str], list[Script]]:
    """The names once each, in order, and the scripts of -c, which are numbered when there are several."""
    called = [TEXT] if len(texts) == 1 else [f"{TEXT} {number}" for number in range(1, len(texts) + 1)]
    return list(dict.fromkeys(names)), [Script(*one) for one in zip(called, map(os.fsencode, texts), strict=True)]
