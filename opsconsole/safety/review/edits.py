"""Edits of findings, applied to the text: together where they can be."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from opsconsole.safety.review.model import Edit, Finding


def choose(findings: Iterable[Finding]) -> list[Finding]:
    """Those whose fixes can be applied together; of two that touch the same place the worse one, then the first."""
    taken: list[tuple[int, int]] = []  # start and end of all, in order; no two overlap
    texts: list[tuple[int, int]] = []  # of those that are no plain deletions; no two touch but those of one finding
    chosen = []
    for finding in sorted(findings, key=lambda one: (-one.severity, one.start, one.rule)):
        edits = finding.fix or ()
        if not edits or any(_overlaps(edit, taken) or (edit.text and _touches(edit, texts)) for edit in edits):
            continue
        for edit in edits:
            insort(taken, (edit.start, edit.end))
            if edit.text:
                insort(texts, (edit.start, edit.end))
        chosen.append(finding)
    return sorted(chosen, key=lambda one: one.start)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made. They do not overlap."""
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def _overlaps(edit: Edit, taken: list[tuple[int, int]]) -> bool:
    before = bisect_left(taken, (max(edit.end, edit.start + 1), 0))
    return before > 0 and taken[before - 1][1] > edit.start and taken[before - 1][0] < edit.end


def _touches(edit: Edit, taken: list[tuple[int, int]]) -> bool:
    """Neighbours count as touching: the order of two texts at one place is nobody's to guess."""
    before = bisect_left(taken, (edit.end + 1, 0))
    return before > 0 and taken[before - 1][1] >= edit.start
