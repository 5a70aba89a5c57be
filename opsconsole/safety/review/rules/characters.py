"""Bytes that other systems write into scripts, and that the shell takes for a part of a word."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from opsconsole.safety.review.model import Edit, Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell import words
from opsconsole.safety.review.shell.facts import Script

_ENDS = lazy(r"\r+(?=\n|\Z)")
_COMMENT = lazy(r"[ \t]*#(?!!)")


@rule("carriage-returns", Severity.ERROR, "Lines end in CR LF, and the CR becomes a part of the last word")
def carriage_returns(script: Script) -> Iterator[Finding]:
    """One finding for the script, at the first place where it does harm. Its fix leaves alone what is only data, unless
    the whole script has such line ends."""
    text = script.original
    ends = [Span(match.start(), match.end()) for match in _ENDS.finditer(text)]
    if not ends:
        return
    data = _data(script)
    harmful = [end for end in ends if not _inside(data, end.start) and not _is_comment(text, end.start)]
    if not harmful:
        return
    everywhere = text.count("\r\n") == text.count("\n")
    count = len(ends if everywhere else harmful)
    lines = "this line ends" if count == 1 else f"{count:,} lines end"
    message = f"{lines} in a carriage return (CR LF, as on Windows): the shell takes it for a part of the last word"
    fix = tuple(Edit(end.start, end.end, "") for end in (ends if everywhere else harmful))
    yield script.source.finding("carriage-returns", Severity.ERROR, message, harmful[0], fix)


def _data(script: Script) -> list[Span]:
    """Quoted texts and here-documents, in characters, by where they begin; none where the script cannot be parsed."""
    spans = []
    for node in words.every_node(script.tree):
        if node.get("Type") in ("SglQuoted", "DblQuoted"):
            spans.append(script.span(words.span_of(node)))
        elif hdoc := node.get("Hdoc"):
            spans.append(script.span(words.span_of(hdoc)))
    return sorted(spans, key=lambda span: (span.start, span.end))


def _inside(spans: list[Span], at: int) -> bool:
    """Those that begin before it are looked at from the nearest one on: few are nested."""
    last = bisect_right(spans, at, key=lambda span: span.start)
    return any(span.start <= at < span.end for span in spans[max(0, last - 8) : last])


def _is_comment(text: str, at: int) -> bool:
    start = text.rfind("\n", 0, at) + 1
    return _COMMENT.match(text, start) is not None


@rule("byte-order-mark", Severity.ERROR, "A byte-order mark stands before the first command")
def byte_order_mark(script: Script) -> Iterator[Finding]:
    if not script.original.startswith("\ufeff"):
        return
    what = "it hides the #! line" if script.original.startswith("#!", 1) else "the first command is not found"
    message = f"the script begins with a byte-order mark, which the shell takes for a part of the first word: {what}"
    yield script.source.finding("byte-order-mark", Severity.ERROR, message, Span(0, 1), (Edit(0, 1, ""),))
