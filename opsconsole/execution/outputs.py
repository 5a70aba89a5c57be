"""Reading a run's output: both streams in the order of the timing index, live or afterwards.

The supervisor may give the middle of a stream back to the file system while we read. Holes are found with SEEK_DATA,
and the closed-up file of an ended run is mapped by the gap in its result; either way missing bytes are counted.

A place is a pair of offsets, in stdout and stderr: somewhere in the output, in the order it was written.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

StreamName = Literal["stdout", "stderr"]
Place = tuple[int, int]
START: Place = (0, 0)

_ENTRY = re.compile(rb"([oe]) ([0-9]+\.[0-9]+) ([0-9]{1,18})")
_LETTERS = (b"o", b"e")
_NEAR = 64 * 1024
"""So far from a place the beginning of a line is looked for."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one stream. `elapsed_s`: seconds since the start; `missing` bytes were not kept before `data`.

    `offset` of `data` in the stream (-1: behind the chunk before). The first `lead` bytes are from before the place
    that was asked for: they only help to recognise what stands there.
    """

    stream: StreamName
    data: bytes
    elapsed_s: float | None
    missing: int = 0
    offset: int = -1
    lead: int = 0


class StreamReader:
    """One stream by its logical offsets: what the script wrote, kept or not."""

    def __init__(self, path: Path, look_for_result: Callable[[], object] = lambda: None) -> None:
        self._path = path
        self._look_for_result = look_for_result
        self._fd = -1
        self.position = 0
        self.gap: dict[str, int] | None = None
        """`offset`, `bytes`, `lost_at_end` of the closed-up file, once the run has ended."""
        self.kept = 0
        """Bytes the closed-up file has."""

    def read(self, most: int) -> tuple[int, bytes]:
        """(bytes missing before it, data); (0, b"") when there is nothing now."""
        if not self._opened():
            return 0, b""
        with self._locked():
            missing, data = self._read_closed(most) if self._is_closed_up() else self._read_live(most)
        self.position += missing + len(data)
        return missing, data

    def peek(self, at: int, most: int) -> bytes:
        """What is kept from this offset on, without gaps; the next `read` goes on where it was."""
        position, self.position = self.position, at
        try:
            missing, data = self.read(most)
            return b"" if missing else data
        finally:
            self.position = position

    @property
    def end(self) -> int:
        """The offset behind the last byte so far, what was not kept included."""
        if not self._opened():
            return 0
        with self._locked():
            size = os.fstat(self._fd).st_size
            return size + (self.gap["bytes"] if self.gap is not None and self._is_closed_up() else 0)

    def hole(self) -> tuple[int, int]:
        """Where what was not kept begins and ends; (0, 0): all was."""
        if not self._opened():
            return 0, 0
        with self._locked():
            if self.gap is not None and self._is_closed_up():
                return self.gap["offset"], self.gap["offset"] + self.gap["bytes"]
            return self._punched()

    def _punched(self) -> tuple[int, int]:
        if not hasattr(os, "SEEK_HOLE"):
            return 0, 0
        try:
            size = os.fstat(self._fd).st_size
            begin = os.lseek(self._fd, 0, os.SEEK_HOLE) if size else 0
            return (begin, os.lseek(self._fd, begin, os.SEEK_DATA)) if begin < size else (0, 0)
        except OSError:
            return 0, 0

    def _opened(self) -> bool:
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return False
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The supervisor closes the gap and writes the result under its own lock."""
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        try:
            self._look_for_result()
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _is_closed_up(self) -> bool:
        """While what a run left behind still writes, the file has a hole where the gap is, whatever the result says."""
        return self.gap is not None and os.fstat(self._fd).st_size <= self.kept

    def _read_live(self, most: int) -> tuple[int, bytes]:
        start, end = self._next_piece(self.position, most)
        data = os.pread(self._fd, end - start, start)
        if self._next_piece(start, len(data)) != (start, start + len(data)):
            return 0, b""  # punched while we read: look again next time
        return (start - self.position, data) if data else (0, b"")

    def _next_piece(self, position: int, most: int) -> tuple[int, int]:
        """Where the next bytes that are kept begin and end, from `position` on; an empty piece where there are none."""
        if not hasattr(os, "SEEK_DATA"):
            return position, position + most
        try:
            start = os.lseek(self._fd, position, os.SEEK_DATA)
            return start, min(start + most, os.lseek(self._fd, start, os.SEEK_HOLE))
        except OSError as error:
            if error.errno == errno.ENXIO:
                return position, position
            return position, position + most

    def _read_closed(self, most: int) -> tuple[int, bytes]:
        assert self.gap is not None  # noqa: S101 - the caller looked
        offset, gap = self.gap["offset"], self.gap["bytes"]
        if self.position < offset:
            return 0, os.pread(self._fd, min(most, offset - self.position), self.position)
        if self.position < offset + gap:
            return offset + gap - self.position, os.pread(self._fd, most, offset)
        return 0, os.pread(self._fd, most, self.position - gap)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Follower:
    """What a run writes, as it writes it. `last`: begin at most that many bytes before each stream's end; `start`:
    begin at these offsets of stdout and stderr.

    `every_byte`: the supervisor gives nothing back that was not read here, as long as this reader keeps moving.
    """

    def __init__(
        self, folder: Path, *, last: int | None = None, start: tuple[int, int] | None = None, every_byte: bool = False
    ) -> None:
        self._folder = folder
        self._following = _hold(folder) if every_byte else -1
        self._streams = {
            letter: StreamReader(folder / name, self._look_for_result)
            for letter, name in ((b"o", "stdout"), (b"e", "stderr"))
        }
        self._timing = -1
        self._partial = b""
        self._pending: deque[tuple[bytes, float, int]] = deque()
        self._indexed = {b"o": 0, b"e": 0}
        self._ended = False
        if last is not None:
            self.skip_to_last(last)
        if start is not None:
            self._skip_to(start)

    @property
    def place(self) -> tuple[int, int]:
        """Where in stdout and stderr the next `read` goes on."""
        return self._streams[b"o"].position, self._streams[b"e"].position

    def read(self, most: int = 1 << 20) -> list[Chunk]:
        """What is new, in order, at most about `most` bytes; [] when there is nothing now."""
        ended = self._look_for_result()
        self._read_index()
        chunks: list[Chunk] = []
        room = most
        while self._pending and room > 0:
            taken = self._take_pending(chunks, room)
            if not taken and not ended:
                break
            room -= taken
        if ended and not self._pending and room > 0:
            for letter in (b"o", b"e"):
                self._take(chunks, letter, room, None)
        if self._following >= 0 and chunks:
            read = [self._streams[letter].position for letter in (b"o", b"e")]
            os.pwrite(self._following, struct.pack("<QQ", *read), 0)
        return chunks

    @property
    def ended(self) -> bool:
        """The run has written its result: when `read` gives nothing now, there will be nothing more."""
        return self._ended

    @property
    def written(self) -> Place:
        """Where both streams end by now, what was not kept included."""
        return self._streams[b"o"].end, self._streams[b"e"].end

    def look_for_end(self) -> bool:
        """Whether the run has ended by now."""
        return self._look_for_result()

    def stream(self, name: StreamName) -> StreamReader:
        """One of them by itself. It has no other position than the `read` of both."""
        return self._streams[b"o" if name == "stdout" else b"e"]

    def before(self, place: Place, length: int) -> Place:
        """The place about `length` kept bytes before this one, in the order of writing, where a line begins if one does
        near there; never within what was not kept. Ask before the first `read`.
        """
        at = dict(zip(_LETTERS, place, strict=True))
        holes = {letter: stream.hole() for letter, stream in self._streams.items()}
        for letter, count in reversed(self._up_to(place)):
            end = at[letter]
            at[letter] = end - count
            begin, behind = holes[letter]
            upper = end - max(at[letter], min(behind, end))
            kept = upper + max(0, min(begin, end) - at[letter])
            if kept >= length:
                cut = end - length if upper >= length else min(begin, end) - (length - upper)
                at[letter] = self._line_from(letter, cut, end)
                break
            length -= kept
        for letter, (begin, behind) in holes.items():
            if begin < at[letter] < behind:
                at[letter] = begin
        return at[b"o"], at[b"e"]

    def place_of(self, name: StreamName, offset: int) -> Place:
        """Where the other stream was when this byte of one was written. Ask before the first `read`."""
        self._read_index()
        wanted = b"o" if name == "stdout" else b"e"
        at = dict.fromkeys(_LETTERS, 0)
        for letter, _, count in self._pending:
            if letter == wanted and at[letter] + count > offset:
                break
            at[letter] += count
        at[wanted] = offset
        return at[b"o"], at[b"e"]

    def go_to(self, place: Place) -> None:
        """Let the first `read` begin there."""
        self._skip_to(place)

    def _up_to(self, place: Place) -> list[tuple[bytes, int]]:
        """The streams' turns up to there; what is not in the index is the last one."""
        self._read_index()
        left = dict(zip(_LETTERS, place, strict=True))
        passed: list[tuple[bytes, int]] = []
        for letter, _, count in self._pending:
            if taken := min(count, left[letter]):
                passed.append((letter, taken))
                left[letter] -= taken
        return passed + [(letter, rest) for letter, rest in left.items() if rest]

    def _line_from(self, letter: bytes, at: int, end: int) -> int:
        """Where the first line begins that begins at `at` or behind it; `at` when none does before `end`."""
        stream = self._streams[letter]
        if not at or stream.peek(at - 1, 1) == b"\n":
            return at
        newline = stream.peek(at, min(_NEAR, end - at)).find(b"\n")
        return at + newline + 1 if 0 <= newline < end - at - 1 else at

    def lead(self, length: int) -> Callable[[Chunk], Chunk]:
        """Ask before the first `read`: marks so many bytes of each stream that does not begin at its beginning."""
        ends = {
            name: stream.position + length if stream.position else 0
            for name, stream in (("stdout", self._streams[b"o"]), ("stderr", self._streams[b"e"]))
        }

        def mark(chunk: Chunk) -> Chunk:
            lead = min(len(chunk.data), ends[chunk.stream] - chunk.offset)
            return replace(chunk, lead=lead) if lead > 0 else chunk

        return mark

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        if self._timing >= 0:
            os.close(self._timing)
            self._timing = -1
        if self._following >= 0:
            os.close(self._following)
            self._following = -1

    # -- the index

    def _read_index(self) -> None:
        if self._timing < 0:
            try:
                self._timing = os.open(self._folder / "timing", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return
        while data := os.read(self._timing, 1 << 18):
            *lines, self._partial = (self._partial + data).split(b"\n")
            for line in lines:
                entry = _ENTRY.fullmatch(line)
                if entry is None:
                    continue  # torn by a full disk: the bytes still come, at the end
                letter, elapsed, count = entry.groups()
                self._indexed[letter] += int(count)
                self._pending.append((letter, float(elapsed), int(count)))

    def _take_pending(self, chunks: list[Chunk], room: int) -> int:
        """Serve the first pending entry, or a part of it; bytes taken."""
        letter, elapsed, count = self._pending[0]
        taken = self._take(chunks, letter, min(room, count), elapsed)
        if taken >= count:
            self._pending.popleft()
            self._give_up(letter, taken - count)
        elif taken:
            self._pending[0] = (letter, elapsed, count - taken)
        elif self._ended:
            self._pending.popleft()
        return taken

    def _give_up(self, letter: bytes, surplus: int) -> None:
        """A hole swallowed more than its entry: take it off the entries that follow."""
        while surplus > 0:
            index = next((i for i, entry in enumerate(self._pending) if entry[0] == letter), None)
            if index is None:
                return
            _, elapsed, count = self._pending[index]
            if count > surplus:
                self._pending[index] = (letter, elapsed, count - surplus)
                return
            del self._pending[index]
            surplus -= count

    def _take(self, chunks: list[Chunk], letter: bytes, most: int, elapsed: float | None) -> int:
        missing, data = self._streams[letter].read(most)
        if missing or data:
            offset = self._streams[letter].position - len(data)
            chunks.append(Chunk("stdout" if letter == b"o" else "stderr", data, elapsed, missing, offset))
        return missing + len(data)

    # -- the end, and where to begin

    def _look_for_result(self) -> bool:
        if self._ended:
            return True
        try:
            with open(self._folder / "result.json", "rb") as file:
                result: dict[str, Any] = json.loads(file.read())
        except (OSError, ValueError):
            return False
        output = result.get("output") or {}
        for letter, name in ((b"o", "stdout"), (b"e", "stderr")):
            stream = self._streams[letter]
            gap = output.get(f"{name}_gap")
            if gap and gap["bytes"]:
                stream.gap = gap
                stream.kept = output[f"{name}_bytes"] - gap["bytes"] - gap["lost_at_end"]
        self._ended = True
        return True

    def skip_to_last(self, last: int) -> None:
        """Go on at most so many bytes before each stream's end; never back."""
        self._look_for_result()
        self._read_index()
        for letter, stream in self._streams.items():
            surplus = self._indexed[letter] - last - stream.position
            if surplus > 0:
                stream.position += surplus
                self._give_up(letter, surplus)

    def _skip_to(self, start: tuple[int, int]) -> None:
        self._look_for_result()
        self._read_index()
        surplus = dict(zip((b"o", b"e"), start, strict=True))
        for letter, stream in self._streams.items():
            stream.position = surplus[letter]
        left: deque[tuple[bytes, float, int]] = deque()
        for letter, elapsed, count in self._pending:
            taken = min(surplus[letter], count)
            surplus[letter] -= taken
            if count > taken:
                left.append((letter, elapsed, count - taken))
        self._pending = left


def _hold(folder: Path) -> int:
    """Be the reader that the supervisor waits for (`supervisor/following.py`); -1: somebody else is."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(folder / "following", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(fd, bytes(16), 0)
    except OSError:
        os.close(fd)
        return -1
    return fd


def bytes_not_kept(output: Mapping[str, Any]) -> int:
    """Of both streams, as the result says."""
    gaps = [output.get(f"{name}_gap") or {} for name in ("stdout", "stderr")]
    return sum(gap.get("bytes", 0) + gap.get("lost_at_end", 0) for gap in gaps)


def gap_note(output: dict[str, Any], name: str) -> str | None:
    """What is missing from a stream's file, in words, or None."""
    gap = output.get(f"{name}_gap")
    if not gap:
        return None
    parts = []
    if gap["bytes"]:
        parts.append(f"{gap['bytes']} bytes of {name} after the first {gap['offset']} were not kept")
    if gap["lost_at_end"]:
        parts.append(f"the last {gap['lost_at_end']} bytes of {name} could not be kept")
    return "; ".join(parts)
