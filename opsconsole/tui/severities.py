"""How grave something is, for the eye: a glyph and a word as well as a tone, so that no colour is needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly, Severity
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.widgets.cells import Cell

if TYPE_CHECKING:
    from opsconsole.monitoring.analysis import Health

GLYPHS = {severity: severity.glyph for severity in Severity}
TONES = {
    Severity.CRITICAL: "alarm", Severity.HIGH: "bad", Severity.MEDIUM: "warning", Severity.LOW: "plain",
    Severity.INFO: "muted",
}  # fmt: skip
WORDS = {
    Severity.CRITICAL: "CRIT", Severity.HIGH: "HIGH", Severity.MEDIUM: "MED", Severity.LOW: "LOW",
    Severity.INFO: "info",
}  # fmt: skip
_HEALTH = {"ok": "good", "watch": "warning", "degraded": "bad", "critical": "alarm", "unknown": "muted"}


def health_cell(health: Health) -> Cell:
    """The state of the host for the first line of the screen: the worst of it, and how much more there is."""
    if health.worst is None:
        return Cell(sanitise_name(f"{health.state}: {health.why}"), _HEALTH.get(health.state, "plain"))
    glyph = "?" if health.state == "unknown" else GLYPHS[health.worst.severity]
    return Cell(f"{glyph} {health.state}: {sanitise_name(health.why)}", _HEALTH.get(health.state, "plain"))


def worst_mark(found: Iterable[Anomaly]) -> Cell | None:
    """The sign of the worst of them; None: there is none."""
    worst = max((one.severity for one in found), default=None)
    return None if worst is None else Cell(GLYPHS[worst], TONES[worst])
