"""The fix of a finding as edits of the text it was found in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from opsconsole.safety.review.edits import apply, choose
from opsconsole.safety.review.model import Edit, Finding, Source
from opsconsole.safety.sanitise import sanitise_name

Place = tuple[int, int]
"""Row and column, both from 0, in characters."""
_MANY = 20
"""Edits, from which on a table of all lines is made."""


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace what lies between two places by `text`."""

    start: Place
    end: Place
    text: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The new text, and the edits that make it: the last place first, so that none moves another."""

    text: str
    edits: tuple[TextEdit, ...]
    done: tuple[Finding, ...]


def apply_fix(text: str, finding: Finding) -> Fixed | None:
    """None: there is no fix that can be made here. `text` is the one the finding was made of."""
    return apply_all(text, [finding])


def apply_all(text: str, findings: Iterable[Finding]) -> Fixed | None:
    """As many of the fixes as go together, the worse findings first; None: there is none."""
    if not _is_text(text):  # the review counted other characters than these
        return None
    done = tuple(choose(one for one in findings if one.fix and _lies_in(text, one.fix)))
    edits = [edit for finding in done for edit in finding.fix or ()]
    if not edits:
        return None
    placed, place = [], partial(_place, text)
    if len(edits) > _MANY:
        source = Source(text)
        place = partial(_looked_up, source)
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        placed.append(TextEdit(place(edit.start), place(edit.end), edit.text))
    return Fixed(apply(text, edits), tuple(placed), done)


def preview(text: str, finding: Finding, limit: int = 200) -> str:
    """The line of the finding as its fix makes it, harmless; empty: there is none."""
    edits = finding.fix or ()
    if not edits or not _lies_in(text, edits):
        return ""
    start = text.rfind("\n", 0, min(edit.start for edit in edits)) + 1
    end = text.find("\n", max(edit.end for edit in edits))
    before = text[start : end if end >= 0 else len(text)]
    if not _is_text(before):
        return ""
    after = apply(before, [Edit(edit.start - start, edit.end - start, edit.text) for edit in edits])
    lines = zip_longest(before.split("\n"), after.split("\n"), fillvalue="")
    changed = next((new for old, new in lines if old != new), "")
    return sanitise_name(changed.strip(), limit=limit)


def _place(text: str, offset: int) -> Place:
    """Without a table of all lines: most fixes have a few places, and a text may have many lines."""
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def _looked_up(source: Source, offset: int) -> Place:
    line, column = source.place(offset)
    return line - 1, column - 1


def _lies_in(text: str, edits: Iterable[Edit]) -> bool:
    return all(0 <= edit.start <= edit.end <= len(text) for edit in edits)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
