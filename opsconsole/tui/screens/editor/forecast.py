"""What a run would be, in a few lines of a form: its verdict, what was found, what it would do, what would hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opsconsole.models import TaskSpec
from opsconsole.safety.review.model import Effect, Severity
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.confirming import unnamed
from opsconsole.tui.screens.editor.effects import deeds
from opsconsole.tui.screens.editor.faces import SEVERITIES, VERDICTS
from opsconsole.tui.screens.editor.said import Lines, folded
from opsconsole.tui.screens.editor.verdicts import in_short
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import count_of, limit

if TYPE_CHECKING:
    from opsconsole.execution.submission import Plan

_NOUNS = {"catastrophic": "catastrophic finding", "error": "error", "warning": "warning", "info": "remark"}
_NAMED = 3
"""So many targets of one kind are named; of the others the number is."""


def told(planned: Plan, spec: TaskSpec, width: int) -> Lines:
    """The verdict and why, the findings by gravity, what it would do, what would hold the run and what is weaker
    than it should be."""
    decision = planned.decision
    face = VERDICTS[decision.verdict]
    word = {"allow": "it runs", "confirm": "it asks first", "refuse": "it is refused"}[decision.verdict]
    first = [Cell(f" {face.glyph} ", face.tone), Cell(word, face.tone)]
    reason = in_short(decision.reason)
    if missing := getattr(planned, "missing", None):
        first = [Cell(" ! ", "warning"), Cell("it cannot run here", "warning")]
        reason = sanitise_name(f"{missing.message}: {missing.hint}" if missing.hint else missing.message, limit=400)
    elif unnamed(planned, spec):
        reason = f"type the rule's name to run it all the same. {reason}"
    counts = found_in(planned)
    if reason:
        lines = [*_wrapped([*first, Cell(f": {reason}", "plain")], width, 2), [Cell("   ", ""), *counts]]
    else:
        lines = [[*first, Cell(" · ", "muted"), *counts]]
    if would := what_it_would_do(planned.spec.get("effects", ())):
        lines += folded(would, width, 2, "plain", "   ")
    held = _held(planned.spec)
    return [*lines, *folded(held, width, 2, "muted", "   ")] if held else lines


def grave(planned: Plan) -> bool:
    """Whether there is a finding that somebody should have seen before it runs."""
    return any(found["severity"] != str(Severity.INFO) for found in planned.spec.get("findings", ()))


def found_in(planned: Plan) -> list[Cell]:
    """`1 error · 2 warnings`; harmless."""
    counted = Counter(found["severity"] for found in planned.spec.get("findings", ()))
    cells: list[Cell] = []
    for severity in sorted(Severity, reverse=True):
        if number := counted[str(severity)]:
            cells += [Cell(" · ", "muted")] * bool(cells)
            cells.append(Cell(count_of(number, _NOUNS[str(severity)]), SEVERITIES[severity].tone))
    return cells or [Cell("no findings", "muted")]


def what_it_would_do(effects: Iterable[Mapping[str, Any]]) -> str:
    """`deletes /tmp/a, /tmp/b · contacts https://…`, the gravest first, from a record's JSON; harmless."""
    targets: dict[str, list[str]] = {}
    for deed in deeds(Effect(**effect) for effect in effects):
        known = targets.setdefault(deed.verb, [])
        if deed.target not in known:
            known.append(deed.target)
    said = []
    for verb, found in targets.items():
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        said.append(f"{verb} {', '.join(sanitise_name(one, limit=60) for one in found[:_NAMED])}{more}")
    return " · ".join(said)


def _wrapped(cells: list[Cell], width: int, most: int) -> list[list[Cell]]:
    """The last cell flows on below."""
    *fixed, last = cells
    used = sum(len(cell.text) for cell in fixed)
    if len(last.text) + used < width:
        return [cells]
    cut = last.text.rfind(" ", 0, max(1, width - used - 1))
    cut = cut if cut > 0 else width - used - 1
    head, rest = last.text[:cut], last.text[cut:].strip()
    return [[*fixed, Cell(head, last.tone)], *folded(rest, width, most - 1, last.tone, "   ")]


def _held(stored: Mapping[str, Any]) -> str:
    """`contained by bwrap · memory 512 MiB (cgroup2)`; harmless."""
    provider = stored.get("provider") or "none"
    parts = ["not contained" if provider == "none" else f"contained by {provider}"]
    for name, each in (stored.get("limits") or {}).items():
        if isinstance(each, Mapping) and name != "core":
            parts.append(f"{name.replace('_', ' ')} {limit(name, each['value'])} ({each['tier'] or 'not enforced'})")
    parts += [*stored.get("containment_degraded", ()), *stored.get("limits_degraded", ())]
    return sanitise_name(" · ".join(parts), limit=500)
