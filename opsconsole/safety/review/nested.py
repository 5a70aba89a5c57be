"""A program inside a program: what its judge found, told in places of the outer text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from opsconsole.safety.review.model import Edit, Finding, Judgement, Source, Span

Shell = Callable[[str, int], Judgement]
"""A judge of shell text: the text, and the offset in the script of the word it was taken from. The places in what it
returns are those in the text it was given; `absorb` moves them."""


def absorb(outer: Judgement, inner: Judgement, source: Source, text: str, span: Span) -> None:
    """Takes what was found in `text`, which was written at `span` of the source, into `outer`.

    A finding keeps its own place where the text stands in the source as it is; where it was decoded, joined or
    unescaped, the finding is on the whole span. Fixes are dropped: they were edits of the inner text.
    """
    verbatim = source.text.find(text, span.start, span.end) if text else -1

    def moved(finding: Finding) -> Finding:
        place = span if verbatim < 0 else Span(verbatim + finding.start, verbatim + finding.end)
        return source.finding(finding.rule, finding.severity, finding.message, place)

    outer.findings.extend(map(moved, inner.findings))
    outer.denials.extend(map(moved, inner.denials))
    line, column = source.place(span.start)
    for effect in inner.effects:
        at = line + effect.line - 1 if verbatim >= 0 else line
        outer.effects.append(replace(effect, line=at, column=effect.column if at != line else column))
    outer.notes.extend(inner.notes)


def by_one(found: Judgement, source: Source) -> Judgement:
    """What was found in the text of `source` without its first character, at its places in that."""

    def moved(one: Finding) -> Finding:
        fix = None if one.fix is None else tuple(Edit(edit.start + 1, edit.end + 1, edit.text) for edit in one.fix)
        return source.finding(one.rule, one.severity, one.message, Span(one.start + 1, one.end + 1), fix)

    found.findings, found.denials = [*map(moved, found.findings)], [*map(moved, found.denials)]
    found.effects = [replace(one, column=one.column + 1) if one.line == 1 else one for one in found.effects]
    return found
