"""The findings of a review as a list: the cursor stays on its finding when others come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.safety.review.model import Finding
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.editor.faces import SEVERITIES
from opsconsole.tui.widgets.cells import fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import Toned

_FIX = "F"
_Row = tuple[Finding | None, bool]


def ordered(findings: Iterable[Finding], *, by_severity: bool) -> list[Finding]:
    """By place, or the worst first."""
    if by_severity:
        return sorted(findings, key=lambda one: (-one.severity, one.line, one.column, one.rule))
    return sorted(findings, key=lambda one: (one.line, one.column, -one.severity, one.rule))


def same_again(before: Finding, findings: Sequence[Finding]) -> int | None:
    """Where the finding is now: the one of its rule and message that is nearest to where it was."""
    alike = [at for at, one in enumerate(findings) if (one.rule, one.message) == (before.rule, before.message)]
    return min(alike, key=lambda at: (abs(findings[at].line - before.line), at), default=None)


class FindingsList(Toned, CursorList, can_focus=True, inherit_bindings=False):
    """Line 0 says how many there are and what can be done."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.MOTION),
        Binding("enter", "choose", "to its place in the text", show=False),
        Binding("F", "fix", "apply its fix", show=False),
        Binding("E", "explain", "explain its rule", show=False),
        Binding("O", "order", "by place, by severity", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Go to its place. `stays`: the cursor only moved onto it, and the list keeps the focus."""

        finding: Finding
        stays: bool

    @dataclass
    class FixWanted(Message):
        """Apply its fix."""

        finding: Finding

    @dataclass
    class ExplainWanted(Message):
        """Show its whole text and the page of its rule."""

        finding: Finding

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._findings: list[Finding] = []
        self._cursor = 0
        self._drawn: dict[int, _Row] = {}
        self._empty = ""
        self._places = 0
        self._heading: tuple[int, bool, bool] = (0, False, False)
        self.by_severity = False
        self.keys_while_typing: list[tuple[str, str]] = []

    # -- what it shows

    @property
    def findings(self) -> Sequence[Finding]:
        return self._findings

    @property
    def selected(self) -> Finding | None:
        return self._findings[self._cursor] if self._findings else None

    def show(self, findings: Iterable[Finding], empty: str = "") -> None:
        """`empty` stands there where there are none; without it nobody has looked yet."""
        found = ordered(findings, by_severity=self.by_severity)
        before = self.selected
        if bool(found) != bool(self._findings) or empty != self._empty:
            self.refresh()
        self._findings, self._empty = found, empty
        self._places = max((len(_place(one)) for one in found), default=0)
        at = same_again(before, found) if before is not None else None
        self._cursor = at if at is not None else max(0, min(self._cursor, len(found) - 1))
        self.set_extent(1, len(found) + 1)
        self._reveal()
        self._draw_changes()

    def name_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Keys that work where somebody types, with their words; none: nobody types."""
        self.keys_while_typing = list(keys)
        self._draw_all()

    @property
    def fix_key(self) -> str:
        """The key that applies a fix now."""
        return next((key for key, word in self.keys_while_typing if word == "fix"), _FIX)

    @property
    def wanted_height(self) -> int:
        """All of it."""
        return 1 + max(1, len(self._findings))

    def select(self, finding: Finding) -> None:
        """Put the cursor on it, and say nothing."""
        if finding in self._findings and finding != self.selected:
            self._cursor = self._findings.index(finding)
            self._reveal()
            self._draw_changes()

    # -- what a key does

    def action_choose(self) -> None:
        if self.selected is not None:
            self.post_message(self.Chosen(self.selected, stays=False))

    def action_fix(self) -> None:
        if self.selected is not None:
            self.post_message(self.FixWanted(self.selected))

    def action_explain(self) -> None:
        if self.selected is not None:
            self.post_message(self.ExplainWanted(self.selected))

    def action_order(self) -> None:
        self.by_severity = not self.by_severity
        self.refresh(Region(0, 0, self.size.width, 1))
        self.show(self._findings, self._empty)

    def on_click(self, event: events.Click) -> None:
        super().on_click(event)
        if event.chain == 2:
            self.action_choose()

    def on_focus(self) -> None:
        self._draw_all()

    def on_blur(self) -> None:
        self._draw_all()

    # -- moving and drawing

    @property
    def _count(self) -> int:
        return len(self._findings)

    def _moved_to(self) -> Message:
        return self.Chosen(self._findings[self._cursor], stays=True)

    @property
    def _mendable(self) -> bool:
        return any(one.fix for one in self._findings)

    def _draw_all(self) -> None:
        self._drawn.clear()
        self.refresh()

    def _draw_changes(self) -> None:
        heading = (len(self._findings), self.by_severity, self._mendable)
        if heading != self._heading:
            self._heading = heading
            self.refresh(Region(0, 0, self.size.width, 1))
        for y in range(1, self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, y: int) -> _Row:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < len(self._findings):
            return None, False
        return self._findings[line], line == self._cursor

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y == 0:
            return Strip(self._head(width)).adjust_cell_length(width, self.get_component_rich_style("table--heading"))
        if not self._findings:
            return Strip.blank(width, base)
        finding, cursor = self._drawn[y] = self._line(y)
        if finding is None:
            return Strip.blank(width, base)
        style = self.get_component_rich_style("table--cursor") if cursor else base
        mark = "▌" if cursor and self.has_focus else " "
        face = SEVERITIES[finding.severity]
        places = self._places
        key = self.fix_key
        room = max(1, width - 6 - places - len(key))
        said = fit(sanitise_name(finding.message, limit=300), room)
        segments = [
            Segment(mark, style + self.tone("accent")),
            Segment(face.glyph, style + self.tone(face.tone)),
            Segment(f" {_place(finding):>{places}} ", style + self.tone("muted")),
            Segment(said, style),
            Segment(f" {key if finding.fix else ' ' * len(key)} ", style + self.tone("accent")),
        ]
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, style)

    def _head(self, width: int) -> list[Segment]:
        base = self.get_component_rich_style("table--heading")
        count = len(self._findings)
        said = f" {count} {'finding' if count == 1 else 'findings'}" if count else f" {self._empty or 'findings'}"
        segments = [Segment(said, base + self.tone("strong"))]
        used = len(said)
        order = "by place" if self.by_severity else "by severity"
        own = [("enter", "go there"), (_FIX, "fix"), ("E", "explain"), ("O", order)]
        keys = (self.keys_while_typing or own) if count else []
        for key, word in keys:
            if word == "fix" and not self._mendable:
                continue
            if used + len(key) + len(word) + 4 > width:
                break
            segments += [Segment(f"  {key} ", base + self.tone("accent")), Segment(word, base + self.tone("muted"))]
            used += len(key) + len(word) + 3
        return segments


def _place(finding: Finding) -> str:
    return f"{finding.line}:{finding.column}"
