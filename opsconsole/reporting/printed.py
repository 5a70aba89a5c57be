"""What a run printed, as much of it as a person reads: its first and last lines, and what is left out between them.

That is counted in the files, not guessed: a number of lines here is true, or bytes are told in its place. What was not
kept is always told, in bytes: nobody knows its lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from opsconsole.execution.output_lines import STREAMS, between, pieces
from opsconsole.execution.outputs import START, Chunk, Follower, Place
from opsconsole.execution.showing import Hiding
from opsconsole.reporting.wording import size
from opsconsole.safety.sanitise import sanitise


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a note stands for: `lines` that were kept, of `kept` bytes, and by stream the bytes that were not.

    `lines` None: they were too many bytes to count.
    """

    lines: int | None = 0
    kept: int = 0
    missing: tuple[tuple[str, int], ...] = ()

    @property
    def not_kept(self) -> int:
        return sum(count for _, count in self.missing)

    @property
    def said(self) -> str:
        return self._say(" left out", [f"{size(n)} ({n:,} bytes) of {name} not kept" for name, n in self.missing])

    @property
    def in_short(self) -> str:
        return self._say("", [f"{size(n)} of {name} not kept" for name, n in self.missing])

    def _say(self, word: str, lost: list[str]) -> str:
        if self.lines is None or (self.kept and not self.lines):
            lost = [f"{size(self.kept)}{word}", *lost]
        elif self.lines:
            lost = [f"{self.lines:,} line{'' if self.lines == 1 else 's'}{word}", *lost]
        return f"⋯ {', '.join(lost)} ⋯"


class Printed(NamedTuple):
    """A line of output, harmless; `stream` is `stdout`, `stderr`, or `note`: ours, in place of what is left out.

    `goes_on`: the other stream came between, or a note; the line is counted where it ends.
    """

    stream: str
    text: str
    left: LeftOut | None = None
    goes_on: bool = False


def note(left: LeftOut) -> Printed:
    return Printed("note", left.said, left)


def read_output(folder: Path, hiding: Hiding, head: int, tail: int, count: int | None = None) -> list[Printed]:
    """Both streams in the order they came. Of no more than about `head` + `tail` bytes lines are made; those between
    are counted, if they have no more than `count` bytes. A run without output has no lines.
    """
    follower = Follower(folder)
    last = Follower(folder)
    try:
        end = follower.written
        kept = between(follower, end).kept
        if kept <= head + tail:
            return _lines(pieces(follower, START, end), hiding, whole=True)
        head_end = follower.before(end, kept - head)
        begin = follower.before(end, tail)
        begin = max(head_end[0], begin[0]), max(head_end[1], begin[1])
        part = between(follower, begin, head_end, count)
        lines = None if part.lines is None else part.lines + _open_ends(follower, head_end, begin, end)
        left = note(LeftOut(lines, part.kept, tuple(part.missing.items())))
        first = _lines(pieces(follower, START, head_end), hiding, whole=False, more=_beyond(head_end, end))
        return [*first, left, *_lines(pieces(last, begin, end), hiding, whole=True)]
    finally:
        follower.close()
        last.close()


def lost_at_the_end(output: Mapping[str, Any]) -> list[Printed]:
    """What a full disk or the like cost, as a result says it."""
    gaps = [(name, (output.get(f"{name}_gap") or {}).get("lost_at_end", 0)) for name in STREAMS]
    return [
        Printed("note", f"⋯ the last {lost:,} bytes of {name} could not be kept ⋯", LeftOut(0, 0, ((name, lost),)))
        for name, lost in gaps
        if lost
    ]


def shortened(lines: Sequence[Printed], head: int, tail: int) -> list[Printed]:
    """The first and last lines, with what is left out between them, whatever stands for lines already among it."""
    if len(lines) <= head + tail + 1:
        return list(lines)
    return [*lines[:head], note(sum_of(lines[head:-tail])), *lines[-tail:]]


def sum_of(lines: Iterable[Printed]) -> LeftOut:
    """What is left out when all of these are."""
    counted: int | None = 0
    kept, missing = 0, Counter[str]()
    for one in lines:
        left = one.left or (LeftOut() if one.stream == "note" else _of_a_line(one))
        counted = None if counted is None or left.lines is None else counted + left.lines
        kept += left.kept
        missing.update(dict(left.missing))
    return LeftOut(counted, kept, tuple(missing.items()))


def _of_a_line(one: Printed) -> LeftOut:
    return LeftOut(int(not one.goes_on), len(one.text.encode()) + (not one.goes_on))


def left_out(lines: Iterable[Printed]) -> LeftOut:
    """All that the notes among these stand for."""
    return sum_of(one for one in lines if one.stream == "note")


def line_count(lines: Iterable[Printed]) -> str:
    """`291,000 lines`, `≥ 9,362,112 lines` where some were not kept; empty: they were not counted."""
    found = sum_of(lines)
    if found.lines is None:
        return f"{size(found.kept)}"
    return f"{'≥ ' if found.missing else ''}{found.lines:,} line{'' if found.lines == 1 else 's'}"


def _open_ends(follower: Follower, head_end: Place, begin: Place, end: Place) -> int:
    """Streams that end in between, without a newline."""
    places = zip(STREAMS, head_end, begin, end, strict=True)
    return sum(
        first < here == last and follower.stream(name).peek(last - 1, 1) != b"\n" for name, first, here, last in places
    )


def _beyond(place: Place, end: Place) -> frozenset[str]:
    """The streams that have more than that."""
    return frozenset(name for name, at, last in zip(STREAMS, place, end, strict=True) if at < last)


def _lines(
    chunks: Iterable[Chunk], hiding: Hiding, *, whole: bool, more: frozenset[str] = frozenset()
) -> list[Printed]:
    """What stands at the end of a head may be half a secret: it is shown only of a `whole` output, or a tail. `more`:
    the streams that go on behind it.
    """
    shown = {name: hiding.stream(name) for name in STREAMS}
    parts: list[tuple[str, bytes | LeftOut]] = []
    for chunk in chunks:
        if chunk.missing:
            parts.append(("note", LeftOut(0, 0, ((chunk.stream, chunk.missing),))))
        parts.append((chunk.stream, shown[chunk.stream].feed(chunk)))
    parts += [(name, stream.finish()) for name, stream in shown.items() if whole or name not in more]
    return _split(parts, more)


def _split(parts: Sequence[tuple[str, bytes | LeftOut]], more: frozenset[str]) -> list[Printed]:
    """Neighbours of one stream are one text, sanitised as a whole; a line ends with its stream's turn."""
    found: list[Printed] = []
    last = {stream: at for at, (stream, what) in enumerate(parts) if what}
    at = 0
    while at < len(parts):
        stream, what = parts[at]
        if isinstance(what, LeftOut):
            found.append(note(what))
            at += 1
            continue
        data = [what]
        at += 1
        while at < len(parts) and (parts[at][0] == stream or not parts[at][1]):
            then = parts[at][1]
            if isinstance(then, LeftOut):
                break
            data.append(then)
            at += 1
        text = b"".join(data)
        lines = [Printed(stream, line) for line in sanitise(text).expandtabs(8).splitlines()]
        if lines and not text.endswith(b"\n") and (stream in more or last[stream] >= at):
            lines[-1] = lines[-1]._replace(goes_on=True)
        found += lines
    return found
