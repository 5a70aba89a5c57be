"""The last line of the screen: which modes there are, and which keys matter here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.modes import MODES
from opsconsole.tui.widgets.tones import Toned

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_ENOUGH = 40
"""So many columns of keys are left before the modes are named in full; what is rarer than that is in the help."""
_FEW = 30
"""So many are left before the modes have names at all, but for the one that is seen: about the three or four keys that
somebody came for."""
_LEAST = 10
"""About one key, which is left beside the shortest names."""
_APART = 2


class Key(NamedTuple):
    key: str
    label: str


class Gaps(NamedTuple):
    """Columns between a key and its label, and after them."""

    inside: int
    after: int


_WIDE, _CLOSE, _TIGHT = Gaps(1, 2), Gaps(1, 1), Gaps(0, 1)


class KeyLine(Toned, Widget):
    """The modes by name, and the keys that make sense now; the keys that do not fit are in the help.

    The keys that matter most here go before the names of the modes where there is no room for both; that there are
    others, and how to get there, is always said.
    """

    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []
        self._always: list[Key] = []
        self._typing = False

    def show(self, keys: list[Key], always: list[Key], *, typing: bool = False) -> None:
        """`always` stands at the right end whatever the width; while somebody is `typing` a digit goes nowhere."""
        if (keys, always, typing) != (self._keys, self._always, self._typing):
            self._keys, self._always, self._typing = keys, always, typing
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        modes, gaps = self._modes(width - 1)
        always = [segment for key in self._always for segment in self._hint(key, gaps)]
        room = width - _length(modes) - _length(always)
        segments, used = [Segment(" ", base)], 1
        for key in self._keys:
            hint = self._hint(key, gaps)
            if used + _length(hint) <= room:
                segments += hint
                used += _length(hint)
        segments.append(Segment(" " * max(0, room - used), base))
        return Strip([*segments, *modes, *always]).adjust_cell_length(width, base)

    def _modes(self, width: int) -> tuple[list[Segment], Gaps]:
        """In full where that leaves room for all keys, or enough of them; else shorter, down to where the modes are.
        And how far apart all of the line then is."""
        names = [self.app.key_display(self.app.keys_for(mode.id).split(",")[0]) for mode in MODES]
        ends = f"{names[0]}–{names[-1]}"
        room = width - self._taken(self._always, _WIDE)
        taken = self._taken(self._keys, _WIDE)
        if self._typing:
            way = self._hint(Key(f"esc {ends}", "modes"), _WIDE)
            return (way if _length(way) <= room - taken else []), _WIDE
        for short in (False, True):
            named = self._named(names, short, _WIDE)
            if _length(named) + _APART <= room - min(taken, _ENOUGH):
                return [*named, Segment(" " * _APART, self.rich_style)], _WIDE
        room = width - self._taken(self._always, _CLOSE)
        taken = self._taken(self._keys, _CLOSE)
        for named, least in ((self._named(names, True, _TIGHT), _FEW), (self._numbered(names), _LEAST)):
            if _length(named) <= room - min(taken, least):
                return named, _CLOSE
        where = self._hint(Key(ends, "modes"), _CLOSE)
        return (where if _length(where) <= room - _LEAST else []), _CLOSE

    def _named(self, names: list[str], short: bool, gaps: Gaps) -> list[Segment]:
        """All modes, with the one that is seen marked."""
        current = self.app.modes.name_of(self.screen)
        found: list[Segment] = []
        for mode, name in zip(MODES, names, strict=True):
            found += self._hint(Key(name, mode.short if short else mode.label), gaps, mode.id == current)
        return found

    def _numbered(self, names: list[str]) -> list[Segment]:
        """Only their keys, and where one is."""
        current, base = self.app.modes.name_of(self.screen), self.rich_style
        found: list[Segment] = []
        for mode, name in zip(MODES, names, strict=True):
            if mode.id == current:
                edge = base + self.tone("faint")
                found += [Segment("[", edge), *self._hint(Key(name, mode.short), Gaps(1, 0), True), Segment("] ", edge)]
            else:
                found.append(Segment(f"{name} ", base + self.tone("accent")))
        return found

    def _taken(self, keys: list[Key], gaps: Gaps) -> int:
        return sum(_length(self._hint(key, gaps)) for key in keys)

    def _hint(self, key: Key, gaps: Gaps, marked: bool = False) -> list[Segment]:
        base, tone = self.rich_style, "strong" if marked else "muted"
        label = " " * gaps.inside + key.label + " " * gaps.after
        return [Segment(key.key, base + self.tone("accent")), Segment(label, base + self.tone(tone))]


def _length(segments: list[Segment]) -> int:
    return sum(segment.cell_length for segment in segments)
