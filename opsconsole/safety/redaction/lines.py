"""The rules over a stream, line by line; a long line in windows that overlap.

A line is looked at when it is whole. What of it stands before its first keyword is passed on at once: a progress bar
moves, a question is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from opsconsole.safety.redaction.rules import COARSE, COARSE_FOLDED, COARSE_WORDS, FOLD, LONGEST, RULES, Rule

WINDOW = 64 * 1024
OVERLAP = 2 * LONGEST
_CONTEXT = 16
"""Bytes before the place that a rule may look back at."""

Span = tuple[int, int, str]


@cache
def compiled(rule: Rule) -> re.Pattern[bytes]:
    """On first use: most rules are never needed."""
    return re.compile(rule.pattern, rule.flags)


@cache
def _coarse(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


class RuleSet:
    """Rules with their keywords, ready to be used. Immutable; share it."""

    def __init__(self, own: Iterable[Rule] = ()) -> None:
        self._by_keyword: dict[bytes, tuple[Rule, ...]] = {}
        self._words: tuple[bytes, ...] = COARSE_WORDS
        self.always: tuple[Rule, ...] = ()
        own = tuple(own)
        for rule in (*RULES, *own):
            for keyword in rule.keywords:
                self._by_keyword[keyword] = (*self._by_keyword.get(keyword, ()), rule)
            if not rule.keywords:
                self.always += (rule,)
        self._words += tuple(keyword for rule in own for keyword in rule.keywords)
        self._beginnings = {one[:length] for one in self._by_keyword for length in range(1, len(one))}
        self._longest = max(map(len, self._by_keyword), default=0)

    def suspicious(self, data: bytes) -> bool:
        """Whether a rule may match in `data`; quick."""
        folded = data.translate(FOLD)
        return (
            bool(self.always)
            or any(word in folded for word in self._words)
            or (COARSE_FOLDED[0] in folded and _coarse(COARSE_FOLDED[1]).search(folded) is not None)
            or any(sign in data and _coarse(pattern).search(data) is not None for sign, pattern in COARSE)
        )

    def decided(self, data: bytes) -> int:
        """How much of an unfinished line no rule can want any more."""
        if self.always:
            return 0
        folded = data.translate(FOLD)
        at = min((at for keyword in self._by_keyword if (at := folded.find(keyword)) >= 0), default=len(data))
        for length in range(min(self._longest, len(data)), 0, -1):
            if folded[-length:] in self._beginnings:
                return min(at, len(data) - length)
        return at

    def spans(self, data: bytes, begin: int = 0) -> list[Span]:
        """What is to be replaced from `begin` on, in order; where two meet, the first one's name counts."""
        folded = data.translate(FOLD)
        lines = sorted(self._lines_to_look_at(data, folded, begin))
        found: list[Span] = []
        for start, end in lines:
            line = folded[start:end]
            rules = dict.fromkeys(self.always)
            for keyword, those in self._by_keyword.items():
                if keyword in line:
                    rules.update(dict.fromkeys(those))
            if rules:
                found += _in_line(data, start, end, rules)
        return found

    def _lines_to_look_at(self, data: bytes, folded: bytes, begin: int) -> set[tuple[int, int]]:
        lines = set()
        if self.always:
            at = begin
            while at < len(data):
                lines.add(bounds := _line_around(data, at, begin))
                at = bounds[1] + 1
            return lines
        for word in self._words:
            at = folded.find(word, begin)
            while at >= 0:
                lines.add(bounds := _line_around(data, at, begin))
                at = folded.find(word, bounds[1])
        for (sign, source), text in ((COARSE_FOLDED, folded), *((coarse, data) for coarse in COARSE)):
            if sign not in text:
                continue
            pattern = _coarse(source)
            match = pattern.search(text, begin)
            while match is not None:
                lines.add(bounds := _line_around(data, match.start(), begin))
                match = pattern.search(text, max(bounds[1], match.start() + 1))
        return lines


def _line_around(data: bytes, at: int, begin: int) -> tuple[int, int]:
    start = max(data.rfind(b"\n", begin, at), data.rfind(b"\r", begin, at)) + 1
    end = data.find(b"\n", at)
    end = len(data) if end < 0 else end
    back = data.find(b"\r", at, end)
    return max(start, begin), end if back < 0 else back


def _in_line(data: bytes, start: int, end: int, rules: Iterable[Rule]) -> list[Span]:
    found: list[Span] = []
    for rule in rules:
        for match in compiled(rule).finditer(data, start, end):
            group = 1 if match.re.groups else 0
            if match.start(group) >= 0 and match.start(group) < match.end(group):
                found.append((match.start(group), match.end(group), rule.name))
    return _apart(found)


def _apart(spans: list[Span]) -> list[Span]:
    """In order; those that meet or overlap become one."""
    apart: list[Span] = []
    for start, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end), apart[-1][2])
        else:
            apart.append((start, end, name))
    return apart


def replaced(data: bytes, spans: Sequence[Span], begin: int = 0, end: int | None = None) -> bytes:
    """`data` from `begin` to `end` with the names of the rules in place of the spans."""
    parts: list[bytes] = []
    at = begin
    for start, stop, name in spans:
        if start >= at or stop > at:
            parts += (data[at : max(at, start)], b"[redacted:%s]" % name.encode())
            at = stop
    parts.append(data[at : len(data) if end is None else end])
    return b"".join(parts)


class RuleStream:
    """Streaming: bytes in, bytes without what the rules find out. At most `WINDOW` bytes ever wait."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._held = b""
        self._before = b""  # the end of what has gone out of this line
        self._column = 0  # bytes of this segment of the line that have gone out
        self._hidden = 0  # bytes from the beginning of what is held that a window has already replaced

    def feed(self, data: bytes) -> bytes:
        data = self._held + data if self._held else data
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        parts = []
        if cut:
            parts.append(self._whole_lines(data[:cut]))
            data = data[cut:]
        parts.append(self._begun_line(data))
        return b"".join(parts)

    def finish(self) -> bytes:
        data, self._held = self._held, b""
        out = self._line(data)
        self._begin_line()
        return out

    def _begin_line(self) -> None:
        self._before, self._column, self._hidden = b"", 0, 0

    def _whole_lines(self, data: bytes) -> bytes:
        """`data` ends with the end of a line. The first line may have begun earlier."""
        parts = []
        if self._before or self._column or self._hidden:
            end = _first_end(data)
            parts.append(self._line(data[:end]))
            data = data[end:]
            self._begin_line()
        if len(data) > WINDOW and (long := _long_line(data)) is not None:
            start, end = long
            parts += (replaced(data[:start], self._rules.spans(data[:start])), self._line(data[start:end]))
            self._begin_line()
            return b"".join((*parts, self._whole_lines(data[end:])))
        if data:
            parts.append(replaced(data, self._rules.spans(data)))
        return b"".join(parts)

    def _line(self, data: bytes) -> bytes:
        """The rest of a line that has come to its end."""
        parts = []
        while self._column + len(data) > WINDOW:
            out, data = self._window(data)
            parts.append(out)
        joined = self._before + data
        shift = len(self._before)
        spans = [span for span in self._rules.spans(joined, shift) if span[1] > shift + self._hidden]
        parts.append(replaced(joined, spans, shift + self._hidden))
        return b"".join(parts)

    def _begun_line(self, data: bytes) -> bytes:
        parts = []
        while self._column + len(data) > WINDOW:
            out, data = self._window(data)
            parts.append(out)
        decided = max(0, self._rules.decided(data))
        if decided and not self._hidden:
            parts.append(data[:decided])
            self._go_on(data[:decided])
            self._column += decided
            data = data[decided:]
        self._held = data
        return b"".join(parts)

    def _window(self, data: bytes) -> tuple[bytes, bytes]:
        """Look at the first `WINDOW` bytes of the segment, decide on all but the last `OVERLAP`.

        Where the windows stand depends on the line alone, not on how it was cut. A match that begins before the limit
        ends within `LONGEST` behind it, and one that begins there is seen whole.
        """
        limit = WINDOW - OVERLAP - self._column
        joined = self._before + data[: WINDOW - self._column]
        shift = len(self._before)
        spans = [
            span
            for span in self._rules.spans(joined, shift)
            if span[0] < shift + limit + LONGEST and span[1] > shift + self._hidden
        ]
        self._column = max(0, -limit)
        if limit <= 0:
            return b"", data
        begin, end = min(self._hidden, limit), limit
        out = replaced(joined, spans, shift + begin, max(shift + end, spans[-1][1] if spans else 0))
        self._hidden = max(0, self._hidden - limit, spans[-1][1] - shift - limit if spans else 0)
        self._go_on(data[:limit])
        return out, data[limit:]

    def _go_on(self, passed: bytes) -> None:
        self._before = (self._before + passed)[-_CONTEXT:]


def _first_end(data: bytes) -> int:
    """Where the first line ends, behind its end."""
    newline, back = data.find(b"\n"), data.find(b"\r")
    return min(at for at in (newline, back) if at >= 0) + 1


def _long_line(data: bytes) -> tuple[int, int] | None:
    """The first line that is longer than a window, with its end."""
    at = 0
    while len(data) - at > WINDOW:
        end = max(data.rfind(b"\n", at, at + WINDOW), data.rfind(b"\r", at, at + WINDOW)) + 1
        if not end:
            return at, at + _first_end(data[at:])
        at = end
    return None
