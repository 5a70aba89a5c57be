"""What a script would do, in words: the gravest first, each thing once with the lines it is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.safety.review.model import EFFECTS, Effect, Review
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.widgets.cells import fit
from opsconsole.tui.widgets.folding import in_lines
from opsconsole.tui.widgets.line_view import LineView
from opsconsole.tui.widgets.tones import Toned

_VERBS = {
    "delete": "deletes",
    "kill": "signals",
    "system": "changes",
    "privilege": "runs as",
    "write": "writes",
    "execute": "runs",
    "network": "contacts",
    "service": "asks",
    "interactive": "opens",
    "read": "reads",
}
"""By weight."""
_UNKNOWN = {
    "delete": "files named at run time",
    "kill": "processes",
    "system": "the host",
    "privilege": "another user, or with other rights",
    "write": "files named at run time",
    "execute": "code that cannot be read from here",
    "network": "hosts named at run time",
    "service": "a service",
    "interactive": "something that needs a terminal",
    "read": "files named at run time",
}
_MOST_LINES = 4
_FOLDS = 3
"""Lines of one thing at most."""
_QUIET = frozenset({"read", "service", "network"})


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing it does. All texts are harmless; `known` is False where its target shows only at run time."""

    verb: str
    target: str
    lines: tuple[int, ...]
    known: bool
    changes: bool

    @property
    def places(self) -> str:
        more = "…" if len(self.lines) > _MOST_LINES else ""
        return ",".join(map(str, self.lines[:_MOST_LINES])) + more


def deeds(effects: Iterable[Effect]) -> list[Deed]:
    """The gravest first, then by line; a kind nobody knows is among the grave ones."""
    effects = list(effects)
    named = {effect.line for effect in effects if effect.kind == "network" and effect.target}
    lines: dict[tuple[str, str, bool], set[int]] = {}
    for effect in effects:
        if effect.kind == "network" and not effect.target and effect.line in named:
            continue  # the command, and beside it the host that it names
        lines.setdefault((effect.kind, *_target(effect)), set()).add(effect.line)
    weight = {kind: number for number, kind in enumerate(_VERBS)}
    found = sorted(lines.items(), key=lambda item: (weight.get(item[0][0], -1), min(item[1])))
    return [
        Deed(_VERBS.get(kind) or sanitise_name(kind, limit=10), target, tuple(sorted(where)), known, kind not in _QUIET)
        for (kind, target, known), where in found
    ]


def _target(effect: Effect) -> tuple[str, bool]:
    """To what it is done, and whether that is known now. `detail` is a phrase, or `COMMAND: what it does`."""
    if effect.target:
        return sanitise_name(effect.target, limit=300), True
    unknown = _UNKNOWN.get(effect.kind, "something unknown")
    command, colon, _ = (effect.detail or "").partition(": ")
    if not colon:
        return sanitise_name(effect.detail, limit=300) if effect.detail else unknown, False
    said = sanitise_name(command, limit=60)
    return (said, True) if effect.kind == "system" else (f"{unknown} ({said})", False)


def caveat(review: Review) -> str:
    """What has to be said of the list: that nothing is known, or that there may be more. Empty: it is all."""
    if not review.parsed:
        return "It cannot be read, so what it does is not known."
    if review.interpreter.rpartition("/")[2] not in _JUDGED:
        return f"Nothing is known of scripts for {sanitise_name(review.interpreter, limit=30) or 'this interpreter'}."
    if any(effect.kind == "execute" for effect in review.effects):
        return "What it runs may do more than this."
    return ""


_JUDGED = frozenset(
    {"bash", "sh", "dash", "exec", "python", "python3", "powershell", "pwsh", "applescript", "osascript"}
)
assert _VERBS.keys() == EFFECTS.keys() == _UNKNOWN.keys()  # noqa: S101 - a new kind needs its words


class EffectsView(Toned, LineView, can_focus=True, inherit_bindings=False):
    """Line 0 is a heading; it scrolls where there are more than fit."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._deeds: list[Deed] = []
        self._rows: list[tuple[Deed, str]] = []
        self._caveat = ""
        self._empty = ""

    def show(self, deeds: list[Deed], caveat: str = "", empty: str = "") -> None:
        if (deeds, caveat, empty) == (self._deeds, self._caveat, self._empty):
            return
        same = (caveat, empty) == (self._caveat, self._empty)
        before, self._deeds, self._caveat, self._empty = self._rows, deeds, caveat, empty
        self._extend()
        if not same or len(self._rows) != len(before):
            self.refresh()
            return
        for at, (old, new) in enumerate(zip(before, self._rows, strict=True), 1):
            if old != new:
                self.refresh(Region(0, at - self.scroll_offset.y, self.size.width, 1))

    @property
    def wanted_height(self) -> int:
        """All of it."""
        rows = sum(1 for _ in self._folded(self.size.width))
        return rows + 1 + max(len(self._said(self.size.width)), not rows)

    def _said(self, width: int) -> list[str]:
        """What is said below the list, in lines."""
        return in_lines(self._caveat or self._empty, max(8, width - 2))

    def _extend(self) -> None:
        self._rows = list(self._folded(self.size.width))
        self.set_extent(1, len(self._rows) + 1 + len(self._said(self.size.width)))

    @property
    def _verb(self) -> int:
        """Cells of the first column."""
        return max((cell_len(one.verb) for one in self._deeds), default=0) + 1

    def _room(self, deed: Deed, width: int) -> int:
        return max(1, width - 3 - self._verb - cell_len(deed.places))

    def _folded(self, width: int) -> Iterable[tuple[Deed, str]]:
        """What stands on each line: a deed, and as much of its target; of a long one the rest is left out."""
        for deed in self._deeds:
            lines = in_lines(deed.target, self._room(deed, width)) if width else [deed.target]
            if len(lines) > _FOLDS:
                lines[_FOLDS - 1 :] = [" ".join(lines[_FOLDS - 1 :])]
            for line in lines or [""]:
                yield deed, line

    def on_resize(self) -> None:
        self._extend()

    def _go(self, y: float) -> None:
        self.jump(y=round(max(0, min(y, self.wanted_height))))
        self.refresh()

    def action_up(self) -> None:
        self._go(self.scroll_y - 1)

    def action_down(self) -> None:
        self._go(self.scroll_y + 1)

    def action_page_up(self) -> None:
        self._go(self.scroll_y - self.size.height + 1)

    def action_page_down(self) -> None:
        self._go(self.scroll_y + self.size.height - 1)

    def action_top(self) -> None:
        self._go(0)

    def action_bottom(self) -> None:
        self._go(len(self._rows))

    def on_focus(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    def on_blur(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y == 0:
            style = self.get_component_rich_style("table--heading")
            mark = "▌" if self.has_focus else " "
            segments = [Segment(mark, style + self.tone("accent")), Segment("it would", style + self.tone("strong"))]
            if self._deeds:
                note = f"{'lines' if width > 40 else 'line'} "
                room = width - 9 - len(note)
                segments.append(Segment(" " * max(0, room) + note, style + self.tone("muted")))
            return Strip(segments).adjust_cell_length(width, style)
        at = y - 1 + int(self.scroll_offset.y)
        if at < len(self._rows):
            deed, target = self._rows[at]
            return self._deed(deed, target, width, first=at == 0 or self._rows[at - 1][0] is not deed)
        said, below = self._said(width), at - len(self._rows)
        text = said[below] if below < len(said) else ""
        return Strip([Segment(f" {fit(text, max(1, width - 1))}", base + self.tone("muted"))])

    def _deed(self, deed: Deed, target: str, width: int, *, first: bool) -> Strip:
        base = self.rich_style
        verb, places = (deed.verb, deed.places) if first else ("", "")
        segments = [
            Segment(f" {fit(verb, self._verb)}", base + self.tone("strong" if deed.changes else "muted")),
            Segment(fit(target, self._room(deed, width)), base + self.tone("plain" if deed.known else "muted")),
            Segment(f" {places} ", base + self.tone("muted")),
        ]
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)
