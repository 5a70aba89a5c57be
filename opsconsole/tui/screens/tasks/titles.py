"""Lines above the panes: what is in them, and the keys that change it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.models import Status
from opsconsole.tui.filters import FAILED
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.tones import Toned
from opsconsole.tui.wording import FACES

_RUNNING = (Status.PREPARING, Status.RUNNING)
_FAILED = (Status.FAILED, *sorted(FAILED - {Status.FAILED}))
_UNDERLINED = Style(underline=True)
_QUIET = ("muted", "faint")
GAP = Cell("  ", "")
"""Between two pages."""


class TitleLine(Toned, Widget):
    """Cells from the left, and some at the right end, which stay; a cell of tone `tab` is the page that is shown."""

    def __init__(self, *, id: str | None = None, keep_right: int = 0) -> None:
        """What is loud of the right end has room, up to `keep_right`, if need be over what stands on the left; what is
        quiet gives way to that, its last words first."""
        super().__init__(id=id)
        self._keep_right = keep_right
        self._left: Sequence[Cell] = ()
        self._right: Sequence[Cell] = ()
        self._marked = False

    def show(self, left: Sequence[Cell], right: Sequence[Cell] = ()) -> None:
        """Draw it, if it is different."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def has_room(self, left: Sequence[Cell], right: Sequence[Cell]) -> bool:
        """Whether all of it would be seen, if need be with narrow gaps; unknown before it is laid out, and then yes."""
        gaps = sum(cell == GAP for cell in left)
        return not self.size.width or _width(left) - gaps + _width(right) <= self.size.width - 2

    def mark(self, marked: bool) -> None:
        """Whether the keys go to the pane below."""
        if marked != self._marked:
            self._marked = marked
            self.refresh(Region(0, 0, 1, 1))

    @property
    def text(self) -> str:
        return "".join(cell.text for cell in (*self._left, *self._right))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        left, right = self._shared(width - 2)
        used = sum(cell_len(cell.text) for cell in right)
        segments = [Segment("▌", base + self.tone("accent")) if self._marked else Segment(" ", base)]
        room = width - used - 2
        for cell in left:
            text = cell.text if cell_len(cell.text) <= room else fit(cell.text, room) if room > 0 else ""
            room -= cell_len(text)
            segments.append(Segment(text, base + self._style(cell.tone)))
        segments.append(Segment(" " * max(0, room), base))
        segments += [Segment(cell.text, base + self._style(cell.tone)) for cell in right]
        return Strip(segments).adjust_cell_length(width, base)

    def _shared(self, width: int) -> tuple[Sequence[Cell], Sequence[Cell]]:
        """What of either end there is room for. Gaps on the left are narrow where something would not be said."""
        left, right = self._left, list(self._right)
        if _width(left) + _width(right) > width:
            left = [Cell(" ", cell.tone) if cell == GAP else cell for cell in left]
        room = width - _width(left)
        for at in reversed([at for at, cell in enumerate(right) if cell.tone in _QUIET]):
            if _width(right) > room:
                del right[at]
        while right and _width(right) > max(room, self._keep_right):
            right.pop()
        return left, right

    def _style(self, tone: str) -> Style:
        return self.tone("strong") + _UNDERLINED if tone == "tab" else self.tone(tone) if tone else Style()


def _width(cells: Sequence[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in cells)


def counts_cells(counts: dict[Status, int]) -> list[Cell]:
    """`2 running · 5 queued · 3 waiting · 3 failed`; those that ended are of the last 24 hours."""
    groups = (
        ("running", _RUNNING, "good"), ("paused", (Status.PAUSED,), "warning"), ("queued", (Status.QUEUED,), "plain"),
        ("waiting", (Status.WAITING,), "plain"),
        ("failed", _FAILED, "bad"), ("refused", (Status.REFUSED,), "warning"),
    )  # fmt: skip
    found: list[Cell] = []
    for word, statuses, tone in groups:
        number = sum(counts.get(status, 0) for status in statuses)
        if number:
            if found:
                found.append(Cell(" · ", "faint"))
            glyph = FACES[statuses[-1]].glyph
            found.append(Cell(f"{FACES[_FAILED[0]].glyph if word == 'failed' else glyph} {number:,} {word}", tone))
    return found


def tabs_cells(pages: Sequence[tuple[str, str]], shown: str, keys: dict[str, str]) -> list[Cell]:
    """(action, word) of each page, with its key; the one that is shown is marked twice over."""
    cells: list[Cell] = []
    for action, word in pages:
        here = action == shown
        if key := keys.get(action):
            cells.append(Cell(f"{key} ", "accent"))
        cells.append(Cell(f"[{word}]" if here else word, "tab" if here else "muted"))
        cells.append(GAP)
    return cells[:-1]
