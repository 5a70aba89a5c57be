"""A part of a run's output, and how many lines there are in it: read and counted in the files, of whatever size.

A line is what a newline ends, and what stands behind the last one. What was not kept has lines too; nobody knows how
many, so it is told in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from opsconsole.execution.outputs import START, Chunk, Follower, Place, StreamName, StreamReader
from opsconsole.safety.redact import LEAD

STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")
_PIECE = 256 * 1024  # counting holds up other threads for as long as one piece takes


class LineCounter:
    """Of a run's output as it grows: `look` goes on where it stopped. Made for a thread."""

    def __init__(self, folder: Path) -> None:
        self._follower = Follower(folder)
        self._lines = dict.fromkeys(STREAMS, 0)
        self._open = dict.fromkeys(STREAMS, False)
        self._missing = dict.fromkeys(STREAMS, 0)
        self.caught_up = False
        """Whatever was there when it looked is counted."""
        self.ended = False
        """The run writes nothing more."""

    def look(self, most: int) -> None:
        """Count at most about so many bytes of each stream."""
        self.ended = self._follower.look_for_end()  # asked first: what is written before the end is then counted
        found = [self._look(name, most) for name in STREAMS]
        self.caught_up = all(found)

    @property
    def complete(self) -> bool:
        """It is all counted, and nothing more will come."""
        return self.ended and self.caught_up

    def _look(self, name: StreamName, most: int) -> bool:
        stream = self._follower.stream(name)
        while most > 0:
            missing, data = stream.read(min(_PIECE, most))
            self._missing[name] += missing
            if not data:
                return not missing
            self._lines[name] += data.count(b"\n")
            self._open[name] = not data.endswith(b"\n")
            most -= len(data)
        return False

    def lines(self, only: str | None = None) -> int:
        """So far, of one stream or both."""
        return sum(self._lines[name] + self._open[name] for name in STREAMS if only in (None, name))

    def missing(self, only: str | None = None) -> int:
        """Bytes that were not kept, as far as it has looked."""
        return sum(self._missing[name] for name in STREAMS if only in (None, name))

    def close(self) -> None:
        self._follower.close()


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two places. `lines` None: they were too many bytes to count; `missing`: bytes of each stream
    that were not kept, besides the `kept` ones.
    """

    lines: int | None
    kept: int
    missing: dict[StreamName, int] = field(default_factory=dict)


def pieces(follower: Follower, begin: Place, end: Place) -> Iterator[Chunk]:
    """What stands from `begin` up to `end`, with its lead. `follower` is one that nobody has read from."""
    follower.go_to(before_lead(begin))
    mark = lead_up_to(begin)
    ends = dict(zip(STREAMS, end, strict=True))
    while any(have < wanted for have, wanted in zip(follower.place, end, strict=True)):
        chunks = follower.read(_PIECE)
        if not chunks:
            return
        for chunk in map(mark, chunks):
            room = ends[chunk.stream] - chunk.offset
            missing = min(chunk.missing, max(0, room + chunk.missing))
            if room > 0 or missing:
                data = chunk.data[: max(0, room)]
                yield replace(chunk, data=data, missing=missing, lead=min(chunk.lead, len(data)))


def before_lead(place: Place) -> Place:
    return max(0, place[0] - LEAD), max(0, place[1] - LEAD)


def lead_up_to(place: Place) -> Callable[[Chunk], Chunk]:
    """Marks what comes before the place: it is read to know secrets by, and not shown. What was not kept before it is
    not told either: that has been told with all the rest that stands there.
    """
    ends = dict(zip(STREAMS, place, strict=True))

    def mark(chunk: Chunk) -> Chunk:
        behind = chunk.offset - ends[chunk.stream]
        if behind >= chunk.missing:
            return chunk
        return replace(chunk, lead=max(0, min(len(chunk.data), -behind)), missing=max(0, behind))

    return mark


def between(follower: Follower, end: Place, begin: Place = START, most: int | None = 0) -> Part:
    """How much stands from `begin` up to `end`. `most`: count the lines of so many kept bytes at the most."""
    kept, missing = 0, dict[StreamName, int]()
    for name, first, last in zip(STREAMS, begin, end, strict=True):
        hole, behind = follower.stream(name).hole()
        lost = max(0, min(behind, last) - max(hole, first))
        kept += max(0, last - first) - lost
        if lost:
            missing[name] = lost
    if most is not None and kept > most:
        return Part(None, kept, missing)
    lines = sum(
        _newlines(follower.stream(name), first, last) for name, first, last in zip(STREAMS, begin, end, strict=True)
    )
    return Part(lines, kept, missing)


def first_of_last(follower: Follower, name: StreamName, end: int, lines: int) -> int:
    """Where the first of the last `lines` lines of a stream begins, up to `end`; never before what was not kept."""
    stream = follower.stream(name)
    least = stream.hole()[1] if stream.hole()[1] <= end else 0
    left = lines + (stream.peek(end - 1, 1) == b"\n" if end else 0)
    while end > least:
        begin = max(least, end - _PIECE)
        data = stream.peek(begin, end - begin)
        if (found := data.count(b"\n")) >= left:
            at = len(data)
            for _ in range(left):
                at = data.rfind(b"\n", 0, at)
            return begin + at + 1
        left -= found
        end = begin
    return least


def _newlines(stream: StreamReader, begin: int, end: int) -> int:
    """Between two offsets of one stream."""
    position, stream.position = stream.position, begin
    found = 0
    try:
        while stream.position < end:
            missing, data = stream.read(min(_PIECE, end - stream.position))
            if not missing and not data:
                break
            found += data[: len(data) - max(0, stream.position - end)].count(b"\n")
    finally:
        stream.position = position
    return found
