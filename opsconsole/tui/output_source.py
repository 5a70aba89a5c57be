"""A run's output for a screen: the end of it first, then what comes, never more than a screen can use.

What stands before that end comes along as a lead, which is not shown: a secret that begins there is then known for one.

Reads files and nothing else: it runs in a thread, so that a slow disk or a long index never holds up a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from opsconsole.execution.outputs import Chunk, Follower
from opsconsole.safety.redact import LEAD

LAST_BYTES = 256 * 1024
"""Of each stream, when a run is first looked at."""
SKIP_BYTES = 16 * 1024
"""Of each stream, when the screen fell behind."""
BATCH_BYTES = 256 * 1024
WINDOW_BYTES = 64 * 1024
"""At once, from a place on: the lines that matter are the first ones."""
_BEHIND_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Passed:
    """So many bytes are in the record and not on the screen."""

    bytes: int


Piece = Chunk | Passed

Place = tuple[int, int]
"""Offsets in stdout and stderr: somewhere in the output, in the order it was written."""
START: Place = (0, 0)


class OutputSource:
    """Follows the run in `folder`; `read` gives what is new: from the end on, or from a place on and then all of it."""

    def __init__(self, folder: Path, at: Place | None = None) -> None:
        self._folder = folder
        self._at = at
        self.first: Place = START
        """Where what was read begins; known after the first `read`."""
        self._end: Place = at or START
        self.behind = False
        """The last `read` left something out."""
        self._follower: Follower | None = None
        self._lead: Callable[[Chunk], Chunk] = lambda chunk: chunk
        self._position = 0

    def read(self) -> list[Piece]:
        """At most about `BATCH_BYTES`; [] when there is nothing now."""
        passed = self._begin(LAST_BYTES) if self._follower is None else self._catch_up()
        assert self._follower is not None  # noqa: S101 - it was just opened
        most = BATCH_BYTES if self._at is None else WINDOW_BYTES
        chunks = [self._lead(chunk) for chunk in self._follower.read(most + LEAD)]
        self._position += sum(len(chunk.data) + chunk.missing for chunk in chunks)
        self.behind = passed > 0
        return [Passed(passed), *chunks] if passed else [*chunks]

    @property
    def ended(self) -> bool:
        """When `read` gives nothing now, there will be nothing more."""
        return self._follower is not None and self._follower.ended

    @property
    def place(self) -> Place:
        """Where the next `read` goes on."""
        return self._end if self._follower is None else self._follower.place

    def close(self) -> None:
        if self._follower is not None:
            self._end = self._follower.place
            self._follower.close()
            self._follower = None

    def _begin(self, last: int) -> int:
        if self._at is not None:
            return self._begin_at(self._at)
        written = self._written()
        if self._follower is None:
            self.first = (max(0, written[0] - last), max(0, written[1] - last))
        if self._follower is None:
            self._follower = Follower(self._folder, last=last + LEAD)
        else:
            self._follower.skip_to_last(last + LEAD)  # a new one would read the whole index again
        self._lead = self._follower.lead(LEAD)
        self._position = sum(max(0, count - last - LEAD) for count in written)
        return sum(max(0, count - last) for count in written)

    def _begin_at(self, place: Place) -> int:
        self.first = place
        start = (max(0, place[0] - LEAD), max(0, place[1] - LEAD))
        self._follower = Follower(self._folder, start=start)
        self._lead = _lead_up_to(place)
        return sum(place)

    def _catch_up(self) -> int:
        assert self._follower is not None  # noqa: S101 - the caller looked
        if self._at is not None or self._follower.ended or sum(self._written()) - self._position < _BEHIND_BYTES:
            return 0
        before = self._position
        return max(0, self._begin(SKIP_BYTES) - before)

    def _written(self) -> list[int]:
        """Bytes of each stream so far, those included that were not kept (holes count until the run has ended)."""
        sizes = []
        for name in ("stdout", "stderr"):
            try:
                sizes.append((self._folder / name).stat().st_size)
            except OSError:
                sizes.append(0)
        return sizes


def _lead_up_to(place: Place) -> Callable[[Chunk], Chunk]:
    """Marks what comes before the place: it is read to know secrets by, and not shown."""
    ends = {"stdout": place[0], "stderr": place[1]}

    def mark(chunk: Chunk) -> Chunk:
        lead = min(len(chunk.data), ends[chunk.stream] - chunk.offset)
        return replace(chunk, lead=lead) if lead > 0 else chunk

    return mark


def before(folder: Path, place: Place, length: int) -> Place:
    """About `length` bytes further up. Reads the whole index."""
    follower = Follower(folder)
    try:
        return follower.before(place, length)
    finally:
        follower.close()
