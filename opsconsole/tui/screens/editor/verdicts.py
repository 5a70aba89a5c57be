"""What the review pane says of a review: the verdict and why, the ladder of the policies, a finding in full."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opsconsole.models import ExecutionPolicy, TaskSpec
from opsconsole.safety.policy import ceiling
from opsconsole.safety.review.model import Finding, Review
from opsconsole.safety.review.shellcheck import ONLY_ADVICE, errors_beside, wiki
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
_OPTIONS = re.compile(r" \(--[^()]*\)$")
NOTHING_ABOVE: Mapping[str, str] = {}
NOTHING = "Nothing to review yet. Type a script, or open one from the library."


Above = Mapping[str, str]
"""Policy → why this console may not run anything under it."""
_NOT_HERE = "–"


def verdict_line(state: State, policy: str, above: Above = NOTHING_ABOVE) -> list[Cell]:
    """`✗ restricted: refused`, and what is still being done."""
    if state.kind == "failed":
        return [Cell(" ! no review", "warning")]
    if state.kind == "put off":
        return [Cell(" not reviewed while you type", "muted")]
    if state.reviewed is None:
        word = {"reviewing": "reviewing …", "waiting": "reading …"}.get(state.kind, "review")
        return [Cell(f" {word}", "muted")]
    review = state.reviewed.review
    face = VERDICTS[review.verdict]
    glyph, word, tone = face.glyph, face.word, face.tone
    if review.policy in above:
        glyph, word, tone = _NOT_HERE, "not available here", "bad"
    late = state.kind == "reviewing"
    line = [
        Cell(f" {glyph} ", "muted" if late else tone),
        Cell(review.policy, "muted" if late else "strong"),
        Cell(f": {word}", "muted" if late else tone),
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
    Another reason stays as it is, but for such options. Harmless.
    """
    said, bracket, _ = reason.partition("]; ")
    if not bracket:
        return sanitise_name(_OPTIONS.sub("", reason), limit=400)
    place, _, message = said.rpartition(" [")[0].partition(": ")
    return sanitise_name(f"{place.partition(',')[0]}: {message}", limit=400)


def ladder(verdicts: Mapping[str, str], chosen: str, above: Above = NOTHING_ABOVE) -> list[list[Cell]]:
    """Each policy with its verdict before it; those that are not to be had here without one."""
    steps = []
    for policy in POLICIES:
        if policy in above:
            glyph, tone, name = _NOT_HERE, "muted", "faint"
        else:
            face = VERDICTS.get(verdicts.get(policy, ""))
            glyph, tone, name = face.glyph if face else "…", face.tone if face else "muted", "muted"
        steps.append([Cell(glyph, tone), Cell(f" {policy}", "strong" if policy == chosen else name)])
    return steps


def laid_out(steps: Sequence[Sequence[Cell]], width: int) -> list[list[Cell]]:
    """In one line, or below each other in columns where that line would be cut."""
    if _width([cell for step in steps for cell in step]) + 2 * len(steps) - 1 <= width:
        return [[Cell(" ", ""), *in_line(steps)]]
    column = max(map(_width, steps)) + 2
    rows = -(-len(steps) // max(1, (width + 1) // column))
    beside, lines = -(-len(steps) // rows), []
    for at in range(0, len(steps), beside):
        row = [(*step, Cell(" " * (column - _width(step)), "")) for step in steps[at : at + beside]]
        lines.append([Cell(" ", ""), *(cell for step in row for cell in step)])
    return lines


def in_line(steps: Sequence[Sequence[Cell]]) -> list[Cell]:
    """Two columns apart: else a verdict would stand nearer to the policy before it."""
    return [cell for step in steps for cell in (*step, Cell("  ", ""))][:-1]


def _width(cells: Sequence[Cell]) -> int:
    return sum(len(cell.text) for cell in cells)


def head(state: State, policy: str, contained: tuple[str, str], width: int, above: Above = NOTHING_ABOVE) -> Lines:
    """The first lines of the pane."""
    lines: list[list[Cell]] = [verdict_line(state, policy, above)]
    if state.kind == "failed":
        lines += folded(f"{state.problem}. It runs with the review that is made when it starts.", width, 4, "plain")
    if state.kind == "put off":
        return [*lines, *folded(state.problem, width, 3, "plain")]
    if state.reviewed is None:
        return [*lines, *(folded(NOTHING, width, 3, "muted") if state.kind == "idle" else [])]
    review = state.reviewed.review
    lines += folded(sanitise_name(above.get(review.policy) or why(review), limit=400), width, 3, "plain")
    lines += laid_out(ladder(state.reviewed.ladder, review.policy, above), width)
    if above and review.policy not in above:
        lines += folded(sanitise_name(f"{_NOT_HERE} {next(iter(above.values()))}", limit=400), width, 2, "faint")
    if contained[0] and review.policy not in above:
        lines += folded(contained[0], width, 2, contained[1])
    if review.verdict == "allow" and errors_beside(review.findings):
        lines += folded(ONLY_ADVICE, width, 2, "warning")
    for note in review.notes[:2]:
        lines += folded(sanitise_name(note, limit=200), width, 2, "faint")
    return lines


def detail(finding: Finding | None, preview: str, width: int, fix_key: str = "F") -> Lines:
    """The selected finding in full, and what its fix makes of the line, on which key."""
    if finding is None:
        return []
    face = SEVERITIES[finding.severity]
    head = [Cell(f" {face.glyph} {face.word} ", face.tone), Cell(sanitise_name(finding.rule), "muted")]
    if wiki(finding.rule):
        head.append(Cell("  ShellCheck's: not in the verdict", "faint"))
    lines: list[list[Cell]] = [head, *folded(sanitise_name(finding.message, limit=600), width, 3, "plain")]
    if preview:
        lines.append([Cell(f" {fix_key} ", "accent"), Cell("→ ", "muted"), Cell(preview, "plain")])
    elif finding.fix:
        lines.append([Cell(f" {fix_key} ", "accent"), Cell("removes it", "muted")])
    else:
        lines.append([Cell(" advice only: no fix can be made for you", "faint")])
    return lines


def summary(
    state: State, policy: str, worst: Finding | None, width: int, fix_key: str = "F", above: Above = NOTHING_ABOVE
) -> Lines:
    """The three lines below the text where there is no room for a pane. `fix_key` fixes the worst; empty: none does."""
    first = verdict_line(state, policy, above)
    if state.reviewed is None:
        said = state.problem if state.kind in ("failed", "put off") else NOTHING if state.kind == "idle" else ""
        return [first, [Cell(f" {said}", "muted")], []]
    reviewed = state.reviewed
    steps = in_line(ladder(reviewed.ladder, reviewed.review.policy, above))
    if why_not := above.get(reviewed.review.policy):
        first = [*first, Cell(f": {sanitise_name(why_not, limit=300)}", "plain")]
    elif _width(first) + _width(steps) + 2 <= width:
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


def above_ceiling(settings: Settings, door: str, actor: str) -> dict[str, str]:
    """The policies that this user may not run anything under through this door, and why."""
    door_settings = settings.doors.of(door)
    said = {policy: ceiling(ExecutionPolicy(policy), door, actor, door_settings) for policy in POLICIES}
    return {policy: why_not for policy, why_not in said.items() if why_not}


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
