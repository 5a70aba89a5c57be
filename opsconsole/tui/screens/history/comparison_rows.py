"""Two runs beside each other as rows of a sheet; what differs is marked by a sign as well as by its colour."""

from __future__ import annotations

from itertools import zip_longest

from rich.cells import cell_len

from opsconsole.reporting.comparison import Comparison, Difference, Pair
from opsconsole.reporting.runs import Run
from opsconsole.reporting.wording import local_moment
from opsconsole.tui.screens.history.run_rows import folded_words, title
from opsconsole.tui.screens.history.sheet import Row
from opsconsole.tui.transcript import fold
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.wording import FACES

_LABEL = 17
_SAID = 16
_SIDE = 60
_TONES = {"+": "good", "-": "bad", "@": "accent", " ": "muted"}


def rows_of(found: Comparison, width: int) -> list[Row]:
    """Facts, then the differences of script and output."""
    room = max(8, min(_SIDE, (width - _LABEL - _SAID - 5) // 2))
    rows: list[Row] = [
        [
            Cell(fit("Comparison", _LABEL), "strong"), *_side(found.before, room), Cell("     ", ""),
            *_side(found.after, room),
        ],
        [],
    ]  # fmt: skip
    for pair in found.pairs_at(local_moment):
        if pair.before or pair.after:
            rows += _pair(pair, room)
    rows += _difference("Script", found.script, width)
    return rows + _difference("Output", found.output, width)


def _side(run: Run, room: int) -> list[Cell]:
    face = FACES[run.result.status]
    name = fit(f"{run.result.execution_id}  {run.harmless.line(run.task.name, 200)}", max(1, room - 2))
    return [Cell(f"{face.glyph} ", face.tone), Cell(name, "strong")]


def _pair(pair: Pair, room: int) -> list[Row]:
    """On one line; what differs is not cut off before it does."""
    tone = "bad" if pair.worse else "good" if pair.worse is False and pair.said else "strong"
    plain = "plain" if pair.differs else "muted"
    long = pair.differs and room < max(cell_len(pair.before), cell_len(pair.after))
    sides = [folded_words(text, room) if long else [text] for text in (pair.before, pair.after)]
    return [
        [
            Cell(fit("" if at else pair.label, _LABEL), "faint"), Cell(fit(one, room), plain),
            Cell("  ≠  " if pair.differs and not at else "     ", tone), Cell(fit(other, room), plain),
            Cell("" if at else f" {pair.said}", tone),
        ]
        for at, (one, other) in enumerate(zip_longest(*sides, fillvalue=""))
    ]  # fmt: skip


def _difference(caption: str, found: Difference, width: int) -> list[Row]:
    if found.same:
        return [*title(caption, "the same", width)]
    rows: list[Row] = [*title(caption, f"-{found.removed:,} +{found.added:,} lines", width)]
    if found.left_out:
        rows += [[Cell(str(piece), "warning")] for piece in fold(f"Not compared: {found.left_out}.", width)]
    if not found.lines:
        rows.append([Cell("What was compared is the same.", "muted")])
    for line in found.lines:
        tone = _TONES[line.sign]
        if line.sign == "@":
            rows.append([Cell(line.text, tone)])
            continue
        pieces = fold(line.text, max(8, width - 2))
        rows += [
            [Cell(f"{line.sign} " if not at else "  ", tone), Cell(str(piece), tone)] for at, piece in enumerate(pieces)
        ]
    return rows
