"""Private keys in PEM: replaced from BEGIN to END, also when END never comes."""

from __future__ import annotations

import re
from functools import cache

BOUND = 16 * 1024
"""Bytes after BEGIN that are hidden while END has not come."""
MARK = b"[redacted:private-key]"
TORN = b"[redacted:torn]"
"""In place of a word that may be the end of a secret whose beginning is not there."""

_OPENING = b"-----BEGIN "
_NAME = rb"(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BEGIN = rb"-----BEGIN " + _NAME
_END = rb"-----END " + _NAME
_LONGEST_BEGIN = 100
_BODY = (
    rb"[A-Za-z0-9+/]{16}|\A\W*\Z|\A\W*(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash):|"
    rb"\A[^A-Za-z0-9]*[A-Za-z0-9+/]{1,64}={0,2}[^A-Za-z0-9]*\Z|-----END "
)
_INSIDE = rb"[A-Za-z0-9+/]{40,}={0,2}\s*\Z"


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    """On first use: most texts have no dashes."""
    return re.compile(pattern)


class BlockStream:
    """Streaming: bytes in, bytes without private keys out.

    BEGIN is replaced at once, what follows is dropped line by line. A line that cannot be part of a key ends it: a key
    that was cut off, or a text that only speaks of one. `torn`: it may begin in the middle of one.
    """

    def __init__(self, *, torn: bool = False) -> None:
        self._held = b""
        self._inside = False
        self._maybe = torn
        self._dropped = 0
        self._broken = False  # a newline was among what was dropped

    def feed(self, data: bytes) -> bytes:
        if not self._held and not self._inside and not self._maybe and b"-" not in data:
            return data
        return self._take(self._held + data, final=False)

    def finish(self) -> bytes:
        return self._take(self._held, final=True)

    def _take(self, data: bytes, *, final: bool) -> bytes:
        self._held = b""
        parts: list[bytes] = []
        while data:
            if self._maybe:
                rest = self._look_whether_inside(data, parts, final)
            elif self._inside:
                rest = self._drop(data, parts, final)
            else:
                rest = self._pass(data, parts, final)
            if rest is None:
                break
            data = rest
        return b"".join(parts)

    def _pass(self, data: bytes, parts: list[bytes], final: bool) -> bytes | None:
        """Up to the next BEGIN; what comes after it, or None when no more can be said now."""
        begin = _compiled(_BEGIN).search(data) if _OPENING in data else None
        if begin is None:
            hold = len(data) if final else _where_one_may_begin(data)
            parts.append(data[:hold])
            self._held = data[hold:]
            return None
        parts += (data[: begin.start()], MARK)
        self._inside, self._broken, self._dropped = True, False, 0
        return data[begin.end() :]

    def _look_whether_inside(self, data: bytes, parts: list[bytes], final: bool) -> bytes | None:
        line = data[: data.find(b"\n") + 1]
        if not line and not final and len(data) < BOUND:
            self._held = data
            return None
        if line and line.strip() in (b"", TORN):
            parts.append(line)
            return data[len(line) :]
        self._maybe = False
        if _compiled(_INSIDE).fullmatch(line or data):
            parts.append(MARK)
            self._inside, self._broken, self._dropped = True, False, 0
        return data

    def _drop(self, data: bytes, parts: list[bytes], final: bool) -> bytes | None:
        room = BOUND - self._dropped
        newline = data.find(b"\n", 0, room)
        line = data[: newline + 1] if newline >= 0 else data[:room]
        end = _compiled(_END).search(line)
        if end is not None:
            self._inside = False
            return data[end.end() :]
        whole = newline >= 0 or len(data) >= room
        if not whole and not final:
            self._held = data
            return None
        if len(line) < room and not _compiled(_BODY).search(line):
            return self._leave(data, parts)
        self._dropped += len(line)
        self._broken = self._broken or newline >= 0
        return data[len(line) :] if self._dropped < BOUND else self._leave(data[len(line) :], parts)

    def _leave(self, rest: bytes, parts: list[bytes]) -> bytes:
        self._inside = False
        if self._broken:
            parts.append(b"\n")
        return rest


def _where_one_may_begin(data: bytes) -> int:
    """From there on, `data` may be the beginning of a BEGIN."""
    at = data.rfind(_OPENING, max(0, len(data) - _LONGEST_BEGIN))
    if at >= 0 and b"\n" not in data[at:]:
        return at
    for length in range(len(_OPENING), 0, -1):
        if data.endswith(_OPENING[:length]):
            return len(data) - length
    return len(data)
