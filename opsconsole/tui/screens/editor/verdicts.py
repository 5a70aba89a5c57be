"""What the review pane says of a review: the verdict and why, the ladder of the policies, a finding in full."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsconsole.models import ExecutionPolicy, TaskSpec
from opsconsole.safety.review.model import Finding, Review
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.editor.effects import deeds
from opsconsole.tui.screens.editor.faces import SEVERITIES, VERDICTS
from opsconsole.tui.screens.editor.live_review import State
from opsconsole.tui.screens.editor.said import Lines, folded
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import POLICIES

if TYPE_CHECKING:
    from opsconsole.settings import Settings

_WHY = {
    ("safe", "refuse"): "safe runs only what is proven to change nothing",
    ("restricted", "refuse"): "it has to be named before it runs",
    ("standard", "refuse"): "it has to be named before it runs",
    ("elevated", "refuse"): "it has to be named before it runs",
    ("restricted", "confirm"): "you are asked before it runs, contained",
    ("standard", "confirm"): "you are asked before it runs",
    ("elevated", "confirm"): "it asks for a reason, which the record keeps",
}
NOTHING = "Nothing to review yet. Type a script, or open one from the library."


def verdict_line(state: State, policy: str) -> list[Cell]:
    """`✗ restricted: refused`, and what is still being done."""
    if state.kind == "failed":
        return [Cell(" ! no review", "warning")]
    if state.kind == "put off":
        return [Cell(" not reviewed while you type", "muted")]
    if state.reviewed is None:
        return [Cell(" reviewing …" if state.kind == "reviewing" else " review", "muted")]
    review = state.reviewed.review
    face = VERDICTS[review.verdict]
    late = state.kind == "reviewing"
    line = [
        Cell(f" {face.glyph} ", "muted" if late else face.tone),
        Cell(review.policy, "muted" if late else "strong"),
        Cell(f": {face.word}", "muted" if late else face.tone),
    ]
    return [*line, Cell("   reviewing …", "accent")] if late else line


def why(review: Review) -> str:
    """One sentence, for somebody who sits before the form and not before the command line."""
    if review.verdict == "allow":
        return ""
    what = _WHY.get((review.policy, review.verdict), "")
    short = in_short(review.reason)
    if short == sanitise_name(review.reason, limit=400):
        return what or short
    return f"{short}; {what}"


def in_short(reason: str) -> str:
    """`line 4: what is found there`, of a review's reason: its rule is beside it, and options are for a command line.
    Another reason stays as it is. Harmless.
    """
    said, bracket, _ = reason.partition("]; ")
    if not bracket:
        return sanitise_name(reason, limit=400)
    place, _, message = said.rpartition(" [")[0].partition(": ")
    return sanitise_name(f"{place.partition(',')[0]}: {message}", limit=400)


def ladder(verdicts: Mapping[str, str], chosen: str) -> list[Cell]:
    """All four policies with their verdicts in one line."""
    cells = []
    for policy in POLICIES:
        face = VERDICTS.get(verdicts.get(policy, ""))
        cells.append(Cell(f" {policy} ", "strong" if policy == chosen else "muted"))
        cells.append(Cell(face.glyph if face else "…", face.tone if face else "muted"))
    return cells


def head(state: State, policy: str, contained: tuple[str, str], width: int) -> Lines:
    """The first lines of the pane."""
    lines: list[list[Cell]] = [verdict_line(state, policy)]
    if state.kind == "failed":
        lines += folded(f"{state.problem}. It runs with the review that is made when it starts.", width, 4, "plain")
    if state.kind == "put off":
        return [*lines, *folded(state.problem, width, 3, "plain")]
    if state.reviewed is None:
        return [*lines, *(folded(NOTHING, width, 3, "muted") if state.kind == "idle" else [])]
    review = state.reviewed.review
    lines += folded(why(review), width, 3, "plain")
    lines.append(ladder(state.reviewed.ladder, review.policy))
    if contained[0]:
        lines += folded(contained[0], width, 2, contained[1])
    for note in review.notes[:2]:
        lines += folded(sanitise_name(note, limit=200), width, 2, "faint")
    return lines


def detail(finding: Finding | None, preview: str, width: int, fix_key: str = "F") -> Lines:
    """The selected finding in full, and what its fix makes of the line, on which key."""
    if finding is None:
        return []
    face = SEVERITIES[finding.severity]
    head = [Cell(f" {face.glyph} {face.word} ", face.tone), Cell(sanitise_name(finding.rule), "muted")]
    lines: list[list[Cell]] = [head, *folded(sanitise_name(finding.message, limit=600), width, 3, "plain")]
    if preview:
        lines.append([Cell(f" {fix_key} ", "accent"), Cell("→ ", "muted"), Cell(preview, "plain")])
    elif finding.fix:
        lines.append([Cell(f" {fix_key} ", "accent"), Cell("removes it", "muted")])
    else:
        lines.append([Cell(" advice only: no fix can be made for you", "faint")])
    return lines


def summary(state: State, policy: str, worst: Finding | None, width: int, fix_key: str = "F") -> Lines:
    """The three lines below the text where there is no room for a pane. `fix_key` fixes the worst; empty: none does."""
    first = verdict_line(state, policy)
    if state.reviewed is None:
        said = state.problem if state.kind in ("failed", "put off") else NOTHING if state.kind == "idle" else ""
        return [first, [Cell(f" {said}", "muted")], []]
    reviewed = state.reviewed
    used = sum(len(cell.text) for cell in first)
    steps = ladder(reviewed.ladder, reviewed.review.policy)
    if used + sum(len(cell.text) for cell in steps) + 2 <= width:
        first = [*first, Cell("  ", ""), *steps]
    count = len(reviewed.review.findings)
    if worst is None:
        second = [Cell(" no findings", "muted")]
    else:
        face = SEVERITIES[worst.severity]
        more = f" +{count - 1}" if count > 1 else ""
        second = [
            Cell(f" {face.glyph} ", face.tone),
            Cell(f"{worst.line}:{worst.column}{more} ", "muted"),
            Cell(f"{fix_key} " if worst.fix and fix_key else "", "accent"),
            Cell(sanitise_name(worst.message, limit=300), "plain"),
        ]
    third: list[Cell] = [Cell(" ", "")]
    for deed in deeds(reviewed.review.effects):
        third.append(Cell(f"{deed.verb} ", "strong" if deed.changes else "muted"))
        third.append(Cell(f"{deed.target}  ", "plain"))
    return [first, second, third if len(third) > 1 else [Cell(" it would change and read nothing known", "muted")]]


def worst_of(review: Review) -> Finding | None:
    """The first of the worst."""
    return min(review.findings, key=lambda one: (-one.severity, one.line, one.column), default=None)


def containment_words(policy: str, settings: Settings) -> tuple[str, str]:
    """How a run under this policy would be held here, with a tone; it does not depend on the script. Takes a moment:
    it asks what this host has.
    """
    from opsconsole.execution import containing

    spec = TaskSpec(script="true", policy=ExecutionPolicy(policy))
    try:
        here = os.getcwd()
    except FileNotFoundError:
        here = "/"
    ahead = containing.look_ahead(spec, os.environ, here)
    if ahead.refusal:
        return sanitise_name(f"It cannot be contained here: {ahead.refusal}", limit=300), "warning"
    if ahead.provider == "none":
        who = "as root" if policy == "elevated" else "as you"
        return f"not contained: it runs {who}", "muted"
    degraded = f"; {'; '.join(ahead.degraded)}" if ahead.degraded else ""
    return sanitise_name(f"contained by {ahead.provider}{degraded}", limit=300), "muted"
