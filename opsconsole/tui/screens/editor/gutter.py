"""A review as paint on the text. Rows and columns from 0, columns in characters."""

from __future__ import annotations

from typing import NamedTuple

from opsconsole.safety.review.model import Review, Severity
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.editor.faces import SEVERITIES

_LONGEST = 200


class Span(NamedTuple):
    """What is painted: `end` is exclusive; an empty place is one character wide."""

    row: int
    start: int
    end_row: int
    end: int
    tone: str
    severity: Severity
    message: str


def spans(review: Review) -> list[Span]:
    """By severity, so that the worse is painted over the milder."""
    found = []
    for finding in sorted(review.findings, key=lambda one: (one.severity, one.line, one.column)):
        row, start = finding.line - 1, finding.column - 1
        end_row, end = finding.end_line - 1, finding.end_column - 1
        if (end_row, end) <= (row, start):
            end_row, end = row, start + 1
        said = sanitise_name(finding.message, limit=_LONGEST)
        found.append(Span(row, start, end_row, end, SEVERITIES[finding.severity].tone, finding.severity, said))
    return found
