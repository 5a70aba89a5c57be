"""Looks for words in all that a run printed, however much that is. It runs in a thread, says how far it is, and stops
when it is told to.

What it looks through is redacted first: nobody finds out whether a secret is in there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from opsconsole.execution.output_lines import STREAMS, first_of_last
from opsconsole.execution.outputs import START, Chunk, Follower, Place, StreamName
from opsconsole.execution.showing import Hiding, Shown
from opsconsole.safety.redact import LEAD

_PIECE = 256 * 1024
_LONGEST = 64 * 1024  # of a line that has no end yet
_SGR = re.compile(rb"\x1b\[[0-9;:]{0,64}m")


@dataclass(frozen=True, slots=True)
class Needle:
    """What is looked for, in any (ASCII) case unless there is a capital in it."""

    text: str

    @property
    def exact(self) -> bool:
        return self.text != self.text.lower()

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Where it stands in a line."""
        line = line if self.exact else line.lower()
        found, at = [], line.find(self.text)
        while at >= 0:
            found.append((at, at + len(self.text)))
            at = line.find(self.text, at + len(self.text))
        return found

    def within(self, line: str) -> bool:
        return self.text in (line if self.exact else line.lower())

    def lines(self, data: bytes) -> Iterator[int]:
        """Offsets of the lines that hold it; colours do not count."""
        wanted = self.text.encode()
        if not self._may_be_in(data, wanted):
            return
        at = 0
        for line in data.split(b"\n"):
            if self._may_be_in(line, wanted):
                yield at
            at += len(line) + 1

    def _may_be_in(self, data: bytes, wanted: bytes) -> bool:
        if b"\x1b" in data:
            data = _SGR.sub(b"", data)
        return wanted in (data if self.exact else data.lower())


class _Searched:
    """One stream on its way through a search: what of it is shown, and where in the file that stands."""

    def __init__(self, shown: Shown, begin: int) -> None:
        self._shown = shown
        self._at = begin  # in the file
        self._came = begin  # as long as what is shown is
        self._shorter = [0, 0, 0]
        self._held = b""

    def feed(self, chunk: Chunk) -> Iterator[tuple[int, bytes]]:
        """Whole lines that can be searched now, and where they begin, or a little before."""
        if chunk.missing:
            yield self._begin, self._held
            self._held, self._came, self._shorter = b"", chunk.offset + chunk.lead, [0, 0, 0]
        fresh = self._shown.feed(chunk)
        if not self._held:  # what has been searched has no part in it any more
            self._shorter = self._shorter[-1:] * 3
        self._at = chunk.offset + len(chunk.data)
        self._came += len(fresh)
        data = self._held + fresh
        self._shorter = [*self._shorter[1:], self._at - self._came]
        whole = data.rfind(b"\n") + 1 if len(data) < _LONGEST or b"\n" in data else len(data)
        self._held = data
        begin = self._begin
        self._held = data[whole:]
        if whole:
            yield begin, data[:whole]

    def rest(self) -> tuple[int, bytes]:
        """The last line, without an end."""
        return self._begin, self._held + self._shown.finish()

    @property
    def _begin(self) -> int:
        """Of what is held. What a secret was shortened by, or is held back for, counts where it may stand before it."""
        return self._came - len(self._held) + min(self._shorter)


class Seeking:
    """One look through the output: from a place on for the first line, or up to a place for the last one."""

    def __init__(
        self, folder: Path, hiding: Hiding, needle: Needle, *, after: Place = START, until: Place | None = None,
        only: str | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._needle = needle
        self._after, self._until = after, until
        self._streams = {
            name: _Searched(hiding.stream(name), begin)
            for name, begin in zip(STREAMS, after, strict=True)
            if only in (None, name)
        }
        self.share = 0.0
        """How much has been looked through, 0 to 1."""
        self.cancelled = False
        """Set it to stop."""

    def run(self) -> Place | None:
        """Where the line begins, or None: there is none, or it was cancelled."""
        start = (max(0, self._after[0] - LEAD), max(0, self._after[1] - LEAD))
        follower = Follower(self._folder)
        found: dict[StreamName, int] = {}
        try:
            total = max(1, sum(self._until or follower.written) - sum(start))
            follower.go_to(start)
            while not self.cancelled:
                chunks = [] if self._past(follower.place) else follower.read(_PIECE)
                for name, at in self._look(chunks) if chunks else self._rest():
                    if self._until is not None or name not in found:
                        found[name] = at
                self.share = min(1.0, (sum(follower.place) - sum(start)) / total)
                if not chunks or (found and self._until is None):
                    break
        finally:
            follower.close()
        return None if self.cancelled or not found else self._place(found)

    def _place(self, found: dict[StreamName, int]) -> Place:
        """The first or last of these, in the order of writing, where its line begins."""
        follower = Follower(self._folder)
        try:
            places = []
            for name, at in found.items():
                begin = first_of_last(follower, name, at + 1, 1)
                places.append(follower.place_of(name, max(begin, self._after[STREAMS.index(name)])))
        finally:
            follower.close()
        return min(places, key=sum) if self._until is None else max(places, key=sum)

    def _look(self, chunks: list[Chunk]) -> Iterator[tuple[StreamName, int]]:
        for chunk in map(self._lead, chunks):
            if (stream := self._streams.get(chunk.stream)) is not None:
                for begin, data in stream.feed(chunk):
                    yield from self._hits(chunk.stream, begin, data)

    def _lead(self, chunk: Chunk) -> Chunk:
        """What comes before the place is read to know secrets by."""
        lead = min(len(chunk.data), self._after[STREAMS.index(chunk.stream)] - chunk.offset)
        return replace(chunk, lead=lead) if lead > 0 else chunk

    def _rest(self) -> Iterator[tuple[StreamName, int]]:
        for name, stream in self._streams.items():
            yield from self._hits(name, *stream.rest())

    def _hits(self, name: StreamName, begin: int, data: bytes) -> Iterator[tuple[StreamName, int]]:
        end = None if self._until is None else self._until[STREAMS.index(name)]
        for at in self._needle.lines(data):
            if end is None or begin + at < end:
                yield name, begin + at

    def _past(self, place: Place) -> bool:
        return self._until is not None and place[0] >= self._until[0] and place[1] >= self._until[1]
