"""The only module that writes to stdout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.cli.channel import Channel
from opsconsole.errors import ConsoleError

stdout = Channel(1)


def write(data: bytes) -> None:
    """Bytes as they are. Raises ReaderGone, ConsoleError."""
    try:
        stdout.write(data)
    except OSError as error:
        raise ConsoleError(f"stdout cannot be written: {error.strerror}") from error


def text(words: str) -> None:
    """Text that is harmless already. Raises ReaderGone, ConsoleError."""
    write(words.encode("utf-8", "replace"))


def ndjson(objects: Iterable[Mapping[str, Any]]) -> None:
    """One object a line. Raises ReaderGone, ConsoleError."""
    for value in objects:
        write(json_line(value))


def json_line(value: Mapping[str, Any]) -> bytes:
    """ASCII only: what hides in a name is escaped, and no terminal obeys it."""
    return json.dumps(value).encode() + b"\n"
