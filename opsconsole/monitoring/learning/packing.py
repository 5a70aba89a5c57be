"""A detector as bytes: its numbers and arrays one after another, compressed, with a version and a checksum."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from math import isfinite
from struct import Struct, error
from typing import ClassVar, Protocol, TypeAlias

MAGIC = b"ocd1" + sys.byteorder[:1].encode()
"""Version, and the order of bytes in the arrays: a state does not move to a host of the other kind."""
MOST = 1 << 20
"""Bytes a state unpacks to at most; it takes some 60,000."""
_HEAD = Struct("<5sI")


class Part(Protocol):
    """A piece of the detector whose plain numbers are attributes named in NUMBERS."""

    NUMBERS: ClassVar[tuple[str, ...]]


Store: TypeAlias = "array[float] | bytearray | list[float]"
"""Arrays keep their length; lists are at most as long as told."""


def pack(parts: Sequence[Part], stores: Sequence[tuple[Store, int]]) -> bytes:
    """The bytes `unpack` reads."""
    numbers = array("d", [float(getattr(part, name)) for part in parts for name in part.NUMBERS])
    pieces = [numbers.tobytes()]
    for store, _ in stores:
        if isinstance(store, list):
            pieces.append(array("d", [float(len(store)), *store]).tobytes())
        else:
            pieces.append(bytes(store))
    body = b"".join(pieces)
    return _HEAD.pack(MAGIC, zlib.crc32(body)) + zlib.compress(body, 1)


def unpack(data: bytes, parts: Sequence[Part], stores: Sequence[tuple[Store, int]]) -> None:
    """Fill parts and stores in place. Raises ValueError if the bytes are broken, foreign or of another version."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"the state of a detector is bytes, not {type(data).__name__}")
    try:
        magic, checksum = _HEAD.unpack_from(data)
        opened = zlib.decompressobj()
        body = opened.decompress(data[_HEAD.size :], MOST)
    except (error, zlib.error) as cause:
        raise ValueError("not the state of a detector") from cause
    if magic != MAGIC or zlib.crc32(body) != checksum:
        raise ValueError("the state of a detector is broken, or of another version")
    reader = _Reader(body)
    for part in parts:
        for name, number in zip(part.NUMBERS, reader.doubles(len(part.NUMBERS)), strict=True):
            kind = type(getattr(part, name))
            setattr(part, name, kind(number))
    for store, most in stores:
        _fill(store, most, reader)
    reader.end()


def _fill(store: Store, most: int, reader: _Reader) -> None:
    if isinstance(store, list):
        (count,) = reader.doubles(1)
        if not 0 <= count <= most or count != int(count):
            raise ValueError("the state of a detector has a list of impossible length")
        store[:] = reader.doubles(int(count))
    elif isinstance(store, bytearray):
        store[:] = reader.take(len(store))
    else:
        filled = array("f" if store.typecode == "f" else "d")
        filled.frombytes(reader.take(len(store) * store.itemsize))
        store[:] = filled


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._body[self._at : self._at + size]
        if len(piece) != size:
            raise ValueError("the state of a detector ends too early")
        self._at += size
        return piece

    def doubles(self, count: int) -> list[float]:
        numbers = array("d")
        numbers.frombytes(self.take(8 * count))
        if not all(map(isfinite, numbers)):
            raise ValueError("the state of a detector holds what is no number")
        return list(numbers)

    def end(self) -> None:
        if self._at != len(self._body):
            raise ValueError("the state of a detector is longer than it should be")
