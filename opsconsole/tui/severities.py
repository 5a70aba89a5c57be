"""How grave something is, for the eye: a glyph and a word as well as a tone, so that no colour is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.episodes import named, stands
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


def health_cell(health: Health, values: Mapping[str, float] | None = None) -> Cell:
    """The state of the host for the first line of the screen: the worst of it as it is now, and how much more there is.
    `values`: the newest of `samples.series`.
    """
    worst, tone = health.worst, _HEALTH.get(health.state, "plain")
    if worst is None:
        return Cell(sanitise_name(f"{health.state}: {health.why}"), tone)
    if health.state in ("unknown", "ok"):
        glyph = "?" if health.state == "unknown" else GLYPHS[worst.severity]
        return Cell(f"{glyph} {health.state}: {sanitise_name(health.why)}", tone)
    others = sum(health.counts.get(severity.word, 0) for severity in Severity) - 1
    marks = "".join(f" ({word})" for word in _standing(worst, health))
    more = f" · and {others} more" if others > 0 else ""
    return Cell(f"{GLYPHS[worst.severity]} {stands(worst, values)}{marks}{more}", tone)


def whose(health: Health) -> str:
    """What is wrong is wrong with this, as `health_cell` names it; empty: with the host."""
    return "" if health.worst is None else named(health.worst)


def _standing(worst: Anomaly, health: Health) -> Iterator[str]:
    """What else decides how grave it is taken."""
    if worst.state is AnomalyState.FLAPPING:
        yield "comes and goes"
    if worst.unknown_since is not None:
        yield "no data"
    if worst.seen:
        yield "seen"
    elif health.state == "watch" and worst.severity > Severity.MEDIUM:
        yield "silenced"


def worst_mark(found: Iterable[Anomaly]) -> Cell | None:
    """The sign of the worst of them; None: there is none."""
    worst = max((one.severity for one in found), default=None)
    return None if worst is None else Cell(GLYPHS[worst], TONES[worst])
