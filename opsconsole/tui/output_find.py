"""Looks for words in all that a run printed, however much that is. It runs in a thread, says how far it is, and stops
when it is told to.

What it looks through is redacted first: nobody finds out whether a secret is in there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsconsole.execution.outputs import Chunk, Follower, StreamName
from opsconsole.execution.showing import Hiding
from opsconsole.safety.redact import LEAD
from opsconsole.tui.output_source import START, Place

_PIECE = 256 * 1024
_LONGEST = 64 * 1024  # of a line that has no end yet
_SGR = re.compile(rb"\x1b\[[0-9;:]{0,64}m")
_STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")


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


class Seeking:
    """One look through the output: from a place on for the first line, or up to a place for the last one."""

    def __init__(
        self, folder: Path, hiding: Hiding, needle: Needle, *, after: Place = START, until: Place | None = None,
        only: str | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._needle = needle
        self._after, self._until = after, until
        self._streams = {name: hiding.stream(name) for name in _STREAMS if only in (None, name)}
        self._held = dict.fromkeys(_STREAMS, b"")
        self._at = dict(zip(_STREAMS, after, strict=True))
        self.share = 0.0
        """How much has been looked through, 0 to 1."""
        self.cancelled = False
        """Set it to stop."""

    def run(self) -> Place | None:
        """Where the line begins, or None: there is none, or it was cancelled."""
        start = (max(0, self._after[0] - LEAD), max(0, self._after[1] - LEAD))
        total = max(1, self._total() - sum(start))
        follower = Follower(self._folder, start=start)
        found: Place | None = None
        try:
            while not self.cancelled and not self._past(follower.place):
                before = tuple(self._at.values())
                chunks = follower.read(_PIECE)
                hits = self._look(chunks)
                self.share = min(1.0, (sum(follower.place) - sum(start)) / total)
                if not chunks:
                    hits = self._rest()
                hits = [hit for hit in hits if self._until is None or hit[1] < self._until[_STREAMS.index(hit[0])]]
                if hits:
                    found = _place(before, hits, last=self._until is not None)
                    if self._until is None:
                        return found
                if not chunks:
                    break
        finally:
            follower.close()
        return None if self.cancelled else found

    def _look(self, chunks: list[Chunk]) -> list[tuple[str, int]]:
        fresh: dict[StreamName, list[bytes]] = {name: [] for name in self._streams}
        for chunk in chunks:
            name = chunk.stream
            if name not in fresh:
                continue
            if chunk.missing:
                self._held[name], fresh[name] = b"", []
            end = chunk.offset + len(chunk.data)
            fresh[name].append(self._streams[name].feed(chunk))
            self._at[name] = end
        found = []
        for name, parts in fresh.items():
            data = self._held[name] + b"".join(parts)
            begin = self._at[name] - len(data)
            whole = data.rfind(b"\n") + 1 if len(data) < _LONGEST or b"\n" in data else len(data)
            self._held[name] = data[whole:]
            found += self._hits(name, begin, data[:whole])
        return found

    def _rest(self) -> list[tuple[str, int]]:
        """Last lines without an end."""
        found = []
        for name, stream in self._streams.items():
            data = self._held[name] + stream.finish()
            found += self._hits(name, self._at[name] - len(self._held[name]), data)
        return found

    def _hits(self, name: str, begin: int, data: bytes) -> list[tuple[str, int]]:
        least = self._after[_STREAMS.index(name)]
        return [(name, begin + at) for at in self._needle.lines(data) if begin + at >= least]

    def _past(self, place: Place) -> bool:
        return self._until is not None and place[0] >= self._until[0] and place[1] >= self._until[1]

    def _total(self) -> int:
        """Bytes up to where it looks."""
        if self._until is not None:
            return sum(self._until)
        written = 0
        for name in _STREAMS:
            try:
                written += (self._folder / name).stat().st_size
            except OSError:
                continue
        return written


def _place(before: tuple[int, ...], hits: list[tuple[str, int]], *, last: bool) -> Place:
    """The first or last of them; the other stream as it stood then, as far as that is known."""
    name, at = hits[-1] if last else hits[0]
    if len({one for one, _ in hits}) > 1 and not last:
        return before[0], before[1]
    return (at, before[1]) if name == "stdout" else (before[0], at)
