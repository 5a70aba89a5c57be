"""A run's output for eyes and for the index: without its secrets, from the first byte on and before any cutting.

The known values of a task go with its end, so where they stand is noted then (`hidden` in the run's folder: places and
names, no values): whoever looks later hides the same places.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsconsole.execution.outputs import Chunk, Follower, StreamName
from opsconsole.safety.redact import LEAD, NOTHING, Redaction

Place = tuple[int, int, str]
"""Offset, length, and the name that stands there instead."""
HIDDEN = "hidden"
_MOST_PLACES = 200_000


@dataclass(frozen=True, slots=True)
class Hiding:
    """What is to be hidden of one run."""

    redaction: Redaction = NOTHING
    places: Mapping[str, Sequence[Place]] = field(default_factory=dict)

    def stream(self, name: str) -> Shown:
        return Shown(self.redaction, self.places.get(name) or ())


class Shown:
    """One stream on its way to a screen: chunks in, bytes without secrets out."""

    def __init__(self, redaction: Redaction, places: Sequence[Place] = ()) -> None:
        self._redaction = redaction
        self._places = places
        self._next = 0
        self._stream = redaction.stream()
        self._expected = 0

    def feed(self, chunk: Chunk) -> bytes:
        """What can be shown. What was held back before a gap may be half a secret, and is not shown."""
        offset = self._expected if chunk.offset < 0 else chunk.offset
        if chunk.missing or offset != self._expected:
            self._stream = self._redaction.stream(torn=not chunk.lead)
        self._expected = offset + len(chunk.data)
        if not chunk.lead:
            return self._stream.feed(self._without_places(offset, chunk.data))
        self._stream.feed(self._without_places(offset, chunk.data[: chunk.lead]))
        return self._stream.feed(self._without_places(offset + chunk.lead, chunk.data[chunk.lead :]))

    def finish(self) -> bytes:
        """What is still held back, now that nothing more comes."""
        return self._stream.finish()

    def _without_places(self, offset: int, data: bytes) -> bytes:
        if not self._places or not data:
            return data
        parts: list[bytes] = []
        at, end = offset, offset + len(data)
        if self._next and self._places[self._next - 1][0] >= offset:
            self._next = 0
        while self._next < len(self._places) and self._places[self._next][0] < end:
            start, length, name = self._places[self._next]
            if start + length > at:
                if start >= at:
                    parts += (data[at - offset : start - offset], f"[redacted:{name}]".encode())
                at = min(end, start + length)
            if start + length > end:
                break
            self._next += 1
        parts.append(data[at - offset :])
        return b"".join(parts)


def hiding(folder: Path, redaction: Redaction) -> Hiding:
    """With the places that were noted at the run's end, if it has ended."""
    try:
        noted = json.loads((folder / HIDDEN).read_bytes())
        places = {name: [(int(at), int(length), str(what)) for at, length, what in noted[name]] for name in noted}
    except (OSError, ValueError, TypeError, KeyError):
        places = {}
    return Hiding(redaction, places)


def note_places(folder: Path, redaction: Redaction) -> None:
    """Write down where the known values stand in the output of a run that has ended. Raises OSError."""
    if not redaction.known:
        return
    found: dict[StreamName, list[Place]] = {"stdout": [], "stderr": []}
    held = {"stdout": (0, b""), "stderr": (0, b"")}
    follower = Follower(folder)
    try:
        while chunks := follower.read():
            for chunk in chunks:
                start, before = held[chunk.stream]
                if chunk.missing or not before:
                    start, before = chunk.offset, b""
                held[chunk.stream] = _look(start, before + chunk.data, redaction, found[chunk.stream])
    finally:
        follower.close()
    if not any(found.values()):
        return
    temporary = folder / f"{HIDDEN}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(json.dumps(found).encode())
    temporary.rename(folder / HIDDEN)


def _look(start: int, data: bytes, redaction: Redaction, found: list[Place]) -> tuple[int, bytes]:
    """What of `data` has to be looked at again with what comes next, with its offset."""
    last = found[-1][0] + found[-1][1] if found else 0
    for begin, end, mark in redaction.known.spans(data):
        if start + begin >= last and len(found) < _MOST_PLACES:
            found.append((start + begin, end - begin, mark[10:-1].decode()))
    begun = redaction.known.begun(data)
    keep = begun[0] if begun else len(data)
    return start + keep, data[keep:]


def printed_end(folder: Path, last: int, redaction: Redaction) -> str:
    """The last bytes of both streams, one after the other, for the index: redacted, then sanitised.

    Raises OSError.
    """
    from opsconsole.safety.sanitise import sanitise

    texts: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    streams = {name: Shown(redaction) for name in texts}
    follower = Follower(folder, last=last + LEAD)
    try:
        lead = follower.lead(LEAD)
        while chunks := follower.read():
            for chunk in chunks:
                texts[chunk.stream].append(streams[chunk.stream].feed(lead(chunk)))
    finally:
        follower.close()
    for name, stream in streams.items():
        texts[name].append(stream.finish())
    return "\n".join(filter(str.strip, (sanitise(b"".join(parts)) for parts in texts.values())))


def forget_places(folder: Path) -> None:
    """The files have been rewritten without secrets: the places are others now."""
    with contextlib.suppress(OSError):
        (folder / HIDDEN).unlink()
