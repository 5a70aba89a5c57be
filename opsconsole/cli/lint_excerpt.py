"""The line of a script that a finding is on, with carets under the place: no secret in it, nothing a terminal obeys."""

from __future__ import annotations

from collections.abc import Callable

from opsconsole.cli.table import cell_width
from opsconsole.safety.review.model import Finding
from opsconsole.safety.sanitise import sanitise_name

_TAB = 8
_BEFORE = 60
"""Characters kept before the place when the line is too long to be shown whole."""


class Excerpts:
    """The lines of one script. `redact` takes secrets out of text."""

    def __init__(self, text: str, redact: Callable[[str], str]) -> None:
        self._lines = text.split("\n")
        self._same: dict[int, tuple[int, int]] = {}
        clean = redact(text)
        self._clean = self._lines if clean == text else _aligned(self._lines, clean.split("\n"))

    def show(self, finding: Finding, width: int) -> tuple[str, str]:
        """The line and the carets under it, at most about `width` cells. Empty where there is no such line."""
        number = finding.line - 1
        if not 0 <= number < len(self._lines):
            return "", ""
        original = self._lines[number].removesuffix("\r")
        line = self._clean[number].removesuffix("\r")
        start = min(max(finding.column - 1, 0), len(original))
        end = finding.end_column - 1 if finding.end_line == finding.line else len(original)
        end = min(max(end, start), len(original))
        if original != line:
            before, after = self._kept(number, original, line)
            start, end = (_moved(index, before, len(original) - after, len(line) - after) for index in (start, end))
        return _drawn(line, start, max(end, start + 1), width)

    def _kept(self, number: int, original: str, line: str) -> tuple[int, int]:
        """How much of a line's beginning and end stayed when secrets were taken out of it."""
        if number not in self._same:
            before = _common(original, line)
            self._same[number] = before, _common(original[before:][::-1], line[before:][::-1])
        return self._same[number]


def _aligned(lines: list[str], clean: list[str]) -> list[str]:
    """One clean line for each line: where some were joined (a key block), those in between are only named."""
    if len(lines) == len(clean):
        return clean
    most = min(len(lines), len(clean))
    before = next((i for i in range(most) if lines[i] != clean[i]), most)
    after = next((i for i in range(most - before) if lines[-1 - i] != clean[-1 - i]), most - before)
    hidden = ["[redacted]"] * (len(lines) - before - after)
    return [*clean[:before], *hidden, *(clean[len(clean) - after :])]


def _moved(index: int, before: int, after: int, now: int) -> int:
    """Where a place is once what was between `before` and `after` ends at `now`; one inside of it is its beginning."""
    if index <= before:
        return index
    return index - after + now if index >= after else before


def _common(one: str, other: str) -> int:
    """How many characters they begin with alike."""
    return next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )


def _drawn(line: str, start: int, end: int, width: int) -> tuple[str, str]:
    """Each character by itself, so that an escape sequence is seen in full and nothing moves."""
    first, shown = 0, ""
    if (len(line) > 4 * width or cell_width(line) > width) and start > _BEFORE:
        first, shown = start - _BEFORE, "…"
    cells = cell_width(shown)
    left, right = 0, 0
    for index in range(first, len(line) + 1):
        if index == start:
            left = cells
        if index <= end:
            right = cells
        if index == len(line):
            break
        if cells >= width:
            shown += "…"
            break
        piece = " " * (_TAB - cells % _TAB) if line[index] == "\t" else _visible(line[index])
        shown += piece
        cells += cell_width(piece)
    return shown, " " * left + "^" * max(right - left, 1)


def _visible(character: str) -> str:
    return character if character.isprintable() else sanitise_name(character)
