"""How severities and verdicts look: a glyph of one cell, a word, a tone. Never by colour alone."""

from __future__ import annotations

from typing import NamedTuple

from opsconsole.safety.review.model import Severity


class Face(NamedTuple):
    glyph: str
    word: str
    tone: str


SEVERITIES = {
    Severity.CATASTROPHIC: Face("⊘", "catastrophic", "alarm"),
    Severity.ERROR: Face("✗", "error", "bad"),
    Severity.WARNING: Face("!", "warning", "warning"),
    Severity.INFO: Face("·", "info", "muted"),
}

VERDICTS = {
    "allow": Face("✔", "allowed", "good"),
    "confirm": Face("?", "needs a confirmation", "warning"),
    "refuse": Face("✗", "refused", "bad"),
}
