"""Known secrets, found by exact match in each form in which programs print them."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterable
from functools import lru_cache

from opsconsole.safety.redaction.names import SHORTEST, Secret

LONGEST = 8 * 1024
"""Bytes. Of a longer value only its first part is looked for, and hidden."""
TORN = 4
"""So many bytes of a secret before a cut are taken for its beginning."""

_UNQUOTED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_LABEL = r"[^A-Za-z0-9_.-]"


@lru_cache(maxsize=512)
def spellings(value: bytes) -> tuple[bytes, ...]:
    """The value itself, in base64 (each of the three places it can begin at, both alphabets), URL-encoded, in hex,
    and as JSON, a shell and `printf %q` escape it. What came out too short is left out.

    In base64 the one or two characters that mix the secret with its neighbours stay; they hold at most 6 bits of it.
    """
    found = [value]
    for shift in range(3):
        coded = binascii.b2a_base64(bytes(shift) + value, newline=False)
        core = coded[(0, 2, 3)[shift] : (shift + len(value)) * 8 // 6]
        found += [core, core.translate(bytes.maketrans(b"+/", b"-_"))]
    for digits in ("%{:02X}", "%{:02x}"):
        for spared in (b"", b"/"):
            quoted = "".join(chr(byte) if byte in _UNQUOTED + spared else digits.format(byte) for byte in value)
            found += [quoted.encode(), quoted.replace("%20", "+").encode()]
    found += [value.hex().encode(), value.hex().upper().encode()]
    text = value.decode("utf-8", "surrogateescape")
    for escaped in (
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.replace("'", "'\\''"),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", text, flags=re.ASCII),
    ):
        found.append(escaped.encode("utf-8", "surrogateescape"))
    return tuple(dict.fromkeys(one for one in found if len(one) >= SHORTEST))


class Known:
    """Known secrets, ready to be looked for. Immutable; share it."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        marks: dict[bytes, bytes] = {}
        for value, label in secrets:
            if len(value) >= SHORTEST:
                mark = f"[redacted:{re.sub(_LABEL, '-', label)[:64] or 'secret'}]".encode()
                for spelling in spellings(value[:LONGEST]):
                    marks.setdefault(spelling, mark)
        self._marks = dict(sorted(marks.items(), key=lambda item: -len(item[0])))

    def __bool__(self) -> bool:
        return bool(self._marks)

    def within(self, data: bytes) -> list[bytes]:
        """Those that are in `data`, the longest first."""
        return [spelling for spelling in self._marks if spelling in data]

    def spans(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """(begin, end, what stands there instead) of each in `data`."""
        found = self.within(data)
        if not found:
            return []
        return [(m.start(), m.end(), self._marks[m[0]]) for m in _any_of(tuple(found)).finditer(data)]

    def begun(self, data: bytes, least: int = 1) -> list[int]:
        """Where in `data` at least `least` bytes, up to its end, are the beginning of one and not all of it."""
        found = set()
        length = len(data)
        for spelling in self._marks:
            at = data.find(spelling[:1], max(0, length - len(spelling) + 1), length - least + 1)
            while at >= 0:
                if spelling.startswith(data[at:]):
                    found.add(at)
                at = data.find(spelling[:1], at + 1, length - least + 1)
        return sorted(found)

    def mark_of(self, beginning: bytes) -> bytes:
        """What stands in place of the secret that begins so."""
        return next(mark for spelling, mark in self._marks.items() if spelling.startswith(beginning))


@lru_cache(maxsize=64)
def _any_of(spellings: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """The longest is tried first."""
    return re.compile(b"|".join(map(re.escape, spellings)))


class KnownStream:
    """Streaming: bytes in, bytes without known secrets out. What may be the beginning of one waits."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data if self._held else data
        begun = self._known.begun(data)
        spans = self._known.spans(data)
        if not begun and not spans:
            self._held = b""
            return data
        parts: list[bytes] = []
        at = 0
        for start, end, mark in spans:
            if any(at <= place <= start for place in begun):
                break  # a longer one may begin here, or one that comes first
            parts += (data[at:start], mark)
            at = end
        hold = next((place for place in begun if place >= at), len(data))
        parts.append(data[at:hold])
        self._held = data[hold:]
        return b"".join(parts)

    def finish(self, *, torn: bool) -> bytes:
        """What waits. `torn`: more was there and is not to come; the beginning of a secret goes too."""
        data, self._held = self._held, b""
        parts: list[bytes] = []
        at = 0
        for start, end, mark in self._known.spans(data):
            parts += (data[at:start], mark)
            at = end
        rest = data[at:]
        if torn and (begun := self._known.begun(rest, TORN)):
            rest, beginning = rest[: begun[0]], rest[begun[0] :]
            return b"".join((*parts, rest, self._known.mark_of(beginning)))
        return b"".join((*parts, rest))
