"""A run's output for a screen: the end of it first, then what comes, never more than a screen can use.

What stands before that end comes along as a lead, which is not shown: a secret that begins there is then known for one.

Reads files and nothing else: it runs in a thread, so that a slow disk or a long index never holds up a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from opsconsole.execution.output_lines import before_lead, between, first_of_last, lead_up_to
from opsconsole.execution.outputs import START, Chunk, Follower, Place, StreamName
from opsconsole.safety.redact import LEAD

LAST_BYTES = 256 * 1024
"""Of each stream, when a run is first looked at."""
SKIP_BYTES = 16 * 1024
"""Of each stream, when the screen fell behind."""
BATCH_BYTES = 256 * 1024
WINDOW_BYTES = 32 * 1024
"""At once, from a place on: the lines that matter are the first ones."""
_BEHIND_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Passed:
    """So many bytes are in the record and not on the screen; besides, so many were `missing` among them: not kept."""

    bytes: int
    missing: int = 0


Piece = Chunk | Passed


class OutputSource:
    """Follows the run in `folder`; `read` gives what is new: from the end on, or from a place on and then all of it."""

    def __init__(self, folder: Path, at: Place | None = None, until: Place | None = None) -> None:
        """`until`: the first `read` ends there, if that is behind the place it begins at."""
        self._folder = folder
        self._at = at
        self._until = until
        self.first: Place = START
        """Where what was read begins; known after the first `read`."""
        self._end: Place = at or START
        self.behind = False
        """The last `read` left something out."""
        self._follower: Follower | None = None
        self._lead: Callable[[Chunk], Chunk] = lambda chunk: chunk
        self._later: list[Piece] = []

    def read(self) -> list[Piece]:
        """At most about `BATCH_BYTES`; [] when there is nothing now."""
        most = BATCH_BYTES if self._at is None else WINDOW_BYTES
        if self._later and self._follower is not None:
            later, self._later = self._later, []
            return [*later, *map(self._lead, self._follower.read(most))]
        passed = None
        if self._follower is None:
            follower = self._follower = Follower(self._folder)
            passed = self._begin(follower)
            most += sum(self.first) - sum(before_lead(self.first))
            if self._until is not None:
                return self._read_until(self._until, [passed] if passed else [])
        elif self._catches_up(self._follower):
            passed = self._catch_up(self._follower)
            most += 2 * LEAD
        self.behind = passed is not None
        chunks = [self._lead(chunk) for chunk in self._follower.read(most)]
        return [passed, *chunks] if passed else [*chunks]

    def _read_until(self, until: Place, pieces: list[Piece]) -> list[Piece]:
        """Up to a place that is at most about a window further down; what comes with it is for the next `read`."""
        assert self._follower is not None  # noqa: S101 - the caller opened it
        ends: dict[StreamName, int] = dict(zip(("stdout", "stderr"), until, strict=True))
        while any(have < wanted for have, wanted in zip(self._follower.place, until, strict=True)):
            chunks = self._follower.read(WINDOW_BYTES)
            if not chunks:
                break
            for chunk in map(self._lead, chunks):
                room = ends[chunk.stream] - chunk.offset
                if room >= len(chunk.data):
                    pieces.append(chunk)
                elif room <= 0:
                    self._later.append(chunk)
                else:
                    pieces.append(replace(chunk, data=chunk.data[:room], lead=min(chunk.lead, room)))
                    rest = replace(chunk, data=chunk.data[room:], offset=chunk.offset + room, missing=0, lead=0)
                    self._later.append(rest)
        return pieces

    @property
    def ended(self) -> bool:
        """When `read` gives nothing now, there will be nothing more."""
        return self._follower is not None and self._follower.ended and not self._later

    @property
    def place(self) -> Place:
        """Where the next `read` goes on."""
        return self._end if self._follower is None else self._follower.place

    def close(self) -> None:
        if self._follower is not None:
            self._end = self._follower.place
            self._follower.close()
            self._follower = None

    def _begin(self, follower: Follower) -> Passed | None:
        self.first = follower.before(follower.written, LAST_BYTES) if self._at is None else self._at
        follower.go_to(before_lead(self.first))
        self._lead = lead_up_to(self.first)
        return _passed(follower, START, self.first)

    def _catches_up(self, follower: Follower) -> bool:
        """Whether it is too far behind to read it all."""
        if self._at is not None or follower.ended:
            return False
        return sum(self._written()) - sum(follower.place) >= _BEHIND_BYTES

    def _catch_up(self, follower: Follower) -> Passed | None:
        before, written = follower.place, follower.written
        follower.skip_to_last(SKIP_BYTES + LEAD)
        self._lead = follower.lead(LEAD)
        after = max(0, written[0] - SKIP_BYTES), max(0, written[1] - SKIP_BYTES)
        return _passed(follower, before, (max(before[0], after[0]), max(before[1], after[1])))

    def _written(self) -> list[int]:
        """Bytes of each stream so far, while the run goes on: what was not kept is a hole."""
        sizes = []
        for name in ("stdout", "stderr"):
            try:
                sizes.append((self._folder / name).stat().st_size)
            except OSError:
                sizes.append(0)
        return sizes


def _passed(follower: Follower, begin: Place, end: Place) -> Passed | None:
    """What is between, if anything is."""
    part = between(follower, end, begin)
    lost = sum(part.missing.values())
    return Passed(part.kept, lost) if part.kept or lost else None


def before(folder: Path, place: Place, length: int) -> Place:
    """About `length` kept bytes further up, where a line begins. Reads the whole index."""
    follower = Follower(folder)
    try:
        return follower.before(place, length)
    finally:
        follower.close()


def held_from(folder: Path, end: Place, stream: StreamName, lines: int) -> Place:
    """Where the first of the last lines of a stream begins, up to `end`, in the order of writing."""
    follower = Follower(folder)
    try:
        at = first_of_last(follower, stream, end[0 if stream == "stdout" else 1], lines)
        return follower.place_of(stream, at)
    finally:
        follower.close()
