"""The last runs of one name, one under the other: whether this one was as they usually are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsconsole.models import Status, Task
from opsconsole.reporting.wording import duration
from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.screens.history.run_rows import title
from opsconsole.tui.screens.history.sheet import Row
from opsconsole.tui.widgets.bar import bar_cells
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.wording import FACES, outcome, time_of_day

_BESIDE, _LEAST_BAR, _MOST_BAR = 46, 6, 40


def rows_of(kin: Sequence[Task], task_id: int, width: int, now: int, glyphs: GlyphSet) -> Iterator[Row]:
    """How each ended and how long it took, beside the longest of them; nothing where it is the only one."""
    if len(kin) < 2:
        return
    good = sum(one.status is Status.COMPLETED for one in kin)
    yield from title("Last runs of it", f"{good} of {len(kin)} ok", width)
    longest = max((one.duration_s or 0.0 for one in kin), default=0.0)
    bar = max(_LEAST_BAR, min(_MOST_BAR, width - _BESIDE))
    for one in kin:
        face, here = FACES[one.status], one.id == task_id
        took = one.duration_s
        share = None if took is None or not longest else took / longest
        bad = face.tone == "bad"
        yield [
            Cell(f"{face.glyph} ", face.tone),
            Cell(f"{one.id:>6}  ", "strong" if here else "muted"),
            Cell(fit(_ended(one, now), 11), "strong" if here else "muted"),
            Cell(f"{'' if took is None else duration(took):>8}  ", "strong" if here else "plain"),
            *(bar_cells(share, bar, glyphs, "bad" if bad else "graph") if share is not None else [Cell(" " * bar, "")]),
            Cell(f"  {outcome(one, now) if bad else ''}", face.tone),
        ]


def _ended(one: Task, now: int) -> str:
    """On another day its date, without the seconds."""
    said = "" if one.finished_at is None else time_of_day(one.finished_at, now)
    return said if len(said) <= len("hh:mm:ss") else said[5:-3]
