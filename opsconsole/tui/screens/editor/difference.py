"""What was changed since the text was saved, as a page: + and - say it, colours only underline it."""

from __future__ import annotations

import difflib
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.editor.script_text import drawn
from opsconsole.tui.screens.editor.title_line import OneLine
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.line_view import ReadingView
from opsconsole.tui.widgets.tones import Toned

_CONTEXT = 3
_SIDEWAYS = 8
_TONES = {"+": "good", "-": "bad", " ": "plain", "@": "faint"}


class Line(NamedTuple):
    """`sign` is +, -, a blank, or @ for what is left out; numbers from 1, 0 for none. `text` is harmless."""

    sign: str
    old: int
    new: int
    text: str


def difference(old: str, new: str) -> list[Line]:
    """The lines that differ, with some around them; texts as the editor has them."""
    before, after = old.split("\n"), new.split("\n")
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    lines: list[Line] = []
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first = group[0]
        lines.append(Line("@", 0, 0, f"line {first[3] + 1}"))
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                lines += (
                    Line(" ", old_from + n + 1, new_from + n + 1, _shown(before[old_from + n]))
                    for n in range(old_to - old_from)
                )
                continue
            lines += (Line("-", n + 1, 0, _shown(before[n])) for n in range(old_from, old_to))
            lines += (Line("+", 0, n + 1, _shown(after[n])) for n in range(new_from, new_to))
    return lines


def counted(lines: list[Line]) -> tuple[int, int]:
    """How many were added and removed."""
    return sum(line.sign == "+" for line in lines), sum(line.sign == "-" for line in lines)


def _shown(text: str) -> str:
    return drawn(text).expandtabs(4)


class DifferenceView(Toned, ReadingView, can_focus=True):
    """Scrolls by lines, and sideways by the arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.MOTION), ("left,h", "sideways(-1)", "left"), ("right,l", "sideways(1)", "right"),
    ]  # fmt: skip

    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self._lines = lines
        self._figures = len(str(max((max(line.old, line.new) for line in lines), default=1)))

    def on_mount(self) -> None:
        widest = max((len(line.text) for line in self._lines), default=0)
        self.set_extent(widest + 2 * self._figures + 6, len(self._lines))

    def action_sideways(self, by: int) -> None:
        self.jump(x=max(0, self.scroll_offset.x + by * _SIDEWAYS))
        self.refresh(Region(0, 0, *self.size))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        at = y + self.scroll_offset.y
        if at >= len(self._lines):
            return Strip.blank(width, base)
        line = self._lines[at]
        tone = base + self.tone(_TONES[line.sign])
        if line.sign == "@":
            return Strip([Segment(f"── {line.text} ", tone)]).adjust_cell_length(width, base)
        figures = f"{line.old or '':>{self._figures}} {line.new or '':>{self._figures}} "
        text = Strip([Segment(line.text, tone)])
        text = text.crop(self.scroll_offset.x, self.scroll_offset.x + width)
        head = Strip([Segment(figures, base + self.tone("faint")), Segment(f"{line.sign} ", tone)])
        return Strip.join([head, text]).adjust_cell_length(width, base)


class DifferenceScreen(Screen[None]):
    """The page. `name` must be harmless."""

    CSS_PATH = "difference.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,f4,d", "leave", "Back to the text")]

    def __init__(self, name: str, lines: list[Line], against: str) -> None:
        super().__init__()
        self._title = OneLine(id="difference-title")
        self._view = DifferenceView(lines)
        added, removed = counted(lines)
        counts = (Cell(f"+{added}", "good"), Cell(f"-{removed}", "bad"))
        self._said = [Cell(name, "strong"), *counts, Cell(against, "muted")]

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._view

    def on_mount(self) -> None:
        self._title.show(self._said, Cell("esc back to the text", "faint"))
        self.set_focus(self._view)

    def action_leave(self) -> None:
        self.dismiss()
