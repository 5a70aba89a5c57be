"""What a run's script would do, or did: the verdict, the findings by line, the effects, and the script itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opsconsole.models import ExecutionResult, Status
from opsconsole.safety.review.model import describe_recorded
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell

_SIGNS = {"catastrophic": ("✗", "bad"), "error": ("✗", "bad"), "warning": ("!", "warning"), "info": ("·", "muted")}
_VERDICTS = {"allow": ("✔", "good"), "confirm": ("!", "warning"), "refuse": ("⊘", "bad")}
_WORDS = {"allow": "allowed", "confirm": "runs with a confirmation", "refuse": "refused"}
_MOST_SCRIPT = 5_000


def review_lines(result: ExecutionResult, script: Sequence[str]) -> Iterator[Line]:
    """`script` is harmless, line by line."""
    yield _verdict(result)
    if result.status is Status.REFUSED and result.reason:
        yield Cell("    ", ""), Cell(sanitise_name(result.reason), "warning")
    findings = sorted(result.findings, key=lambda one: (-_rank(one), int(one.get("line") or 0)))
    yield ()
    yield (Cell(f"Findings  {len(findings)}" if findings else "Findings", "strong"),)
    for one in findings:
        sign, tone = _SIGNS.get(str(one.get("severity")), ("·", "muted"))
        place = f"{one.get('line', '?')}:{one.get('column', '?')}"
        yield (
            Cell(f"{sign} ", tone), Cell(f"{place:>7}  ", "muted"),
            Cell(f"{sanitise_name(str(one.get('rule') or ''))}  ", tone if tone == "bad" else "plain"),
            Cell(sanitise_name(str(one.get("message") or "")), "plain"),
        )  # fmt: skip
    if not findings:
        yield (Cell("  none" if result.verdict else "  it was not reviewed", "muted"),)
    yield ()
    yield (Cell("Does" if result.started_at is not None else "Would do", "strong"),)
    effects = describe_recorded(result.effects)
    for phrase in effects:
        yield Cell("  ", ""), Cell(sanitise_name(phrase), "plain")
    if not effects:
        yield (Cell("  nothing that a review can see", "muted"),)
    yield ()
    yield from _script(script, {int(one.get("line") or 0): one for one in reversed(findings)})


def _verdict(result: ExecutionResult) -> Line:
    sign, tone = _VERDICTS.get(result.verdict or "", ("·", "muted"))
    word = _WORDS.get(result.verdict or "", "not reviewed")
    return Cell(f"{sign} ", tone), Cell(f"{word} ", tone), Cell(f"under {sanitise_name(result.policy)}", "muted")


def _rank(finding: Any) -> int:
    return list(_SIGNS)[::-1].index(finding.get("severity")) if finding.get("severity") in _SIGNS else -1


def _script(script: Sequence[str], marked: dict[int, Any]) -> Iterator[Line]:
    yield (Cell("Script", "strong"), Cell(f"  {len(script):,} lines" if len(script) != 1 else "  1 line", "muted"))
    digits = len(str(len(script)))
    for number, text in enumerate(script[:_MOST_SCRIPT], 1):
        sign, tone = " ", "faint"
        if number in marked:
            sign, tone = _SIGNS.get(str(marked[number].get("severity")), ("·", "muted"))
        yield Cell(f"{sign} ", tone), Cell(f"{number:>{digits}}  ", "faint"), Cell(text, "plain")
    if len(script) > _MOST_SCRIPT:
        yield (Cell(f"  … {len(script) - _MOST_SCRIPT:,} more", "muted"),)
