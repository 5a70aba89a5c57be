"""A run's output for a screen: the end of it first, then what comes, never more than a screen can use.

What stands before that end comes along as a lead, which is not shown: a secret that begins there is then known for one.

Reads files and nothing else: it runs in a thread, so that a slow disk or a long index never holds up a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsconsole.execution.outputs import Chunk, Follower
from opsconsole.safety.redact import LEAD

LAST_BYTES = 256 * 1024
"""Of each stream, when a run is first looked at."""
SKIP_BYTES = 64 * 1024
"""Of each stream, when the screen fell behind."""
BATCH_BYTES = 256 * 1024
_BEHIND_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Passed:
    """So many bytes are in the record and not on the screen."""

    bytes: int


Piece = Chunk | Passed


class OutputSource:
    """Follows the run in `folder`; `read` gives what is new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._follower: Follower | None = None
        self._lead: Callable[[Chunk], Chunk] = lambda chunk: chunk
        self._position = 0

    def read(self) -> list[Piece]:
        """At most about `BATCH_BYTES`; [] when there is nothing now."""
        passed = self._begin(LAST_BYTES) if self._follower is None else self._catch_up()
        assert self._follower is not None  # noqa: S101 - it was just opened
        chunks = [self._lead(chunk) for chunk in self._follower.read(BATCH_BYTES + LEAD)]
        self._position += sum(len(chunk.data) + chunk.missing for chunk in chunks)
        return [Passed(passed), *chunks] if passed else [*chunks]

    @property
    def ended(self) -> bool:
        """When `read` gives nothing now, there will be nothing more."""
        return self._follower is not None and self._follower.ended

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def _begin(self, last: int) -> int:
        written = self._written()
        self._follower = Follower(self._folder, last=last + LEAD)
        self._lead = self._follower.lead(LEAD)
        self._position = sum(max(0, count - last - LEAD) for count in written)
        return sum(max(0, count - last) for count in written)

    def _catch_up(self) -> int:
        assert self._follower is not None  # noqa: S101 - the caller looked
        if self._follower.ended or sum(self._written()) - self._position < _BEHIND_BYTES:
            return 0
        before = self._position
        self.close()
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
