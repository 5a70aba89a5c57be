"""The last line of the screen: which keys matter here, and which modes there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.modes import MODES
from opsconsole.tui.widgets.tones import Toned

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_SHARE = 5
"""Of the room for keys, the part that the way to other modes may always take."""
_APART = 3


class Key(NamedTuple):
    key: str
    label: str


class KeyLine(Toned, Widget):
    """The keys that make sense now, and the modes there are; what does not fit is in the help."""

    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []
        self._always: list[Key] = []

    def show(self, keys: list[Key], always: list[Key]) -> None:
        """`always` stands at the right end whatever the width."""
        if (keys, always) != (self._keys, self._always):
            self._keys, self._always = keys, always
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        right = sum(_key_width(key) for key in self._always)
        segments, used = [Segment(" ", base)], 1
        modes = self._modes(width - right - 1, sum(_key_width(key) for key in self._keys))
        room = width - right - sum(segment.cell_length for segment in modes)
        for key in self._keys:
            if used + _key_width(key) > room:
                break
            segments += self._hint(key)
            used += _key_width(key)
        segments.append(Segment(" " * max(0, room - used), base))
        segments += modes
        for key in self._always:
            segments += self._hint(key)
        return Strip(segments).adjust_cell_length(width, base)

    def _modes(self, room: int, taken: int) -> list[Segment]:
        """All by name, with the one that is seen marked; else their keys only, which go before the last of `taken`:
        without them nobody finds the other modes."""
        if not self._always:  # something is being typed: no digit goes anywhere
            return []
        keys = [Key(self.app.key_display(self.app.keys_for(mode.id).split(",")[0]), mode.label) for mode in MODES]
        if sum(map(_key_width, keys)) + _APART > room - taken:
            short = Key(f"{keys[0].key}…{keys[-1].key}", "modes")
            return self._hint(short) if _key_width(short) <= max(room - taken, room // _SHARE) else []
        current = self.app.modes.name_of(self.screen)
        segments = [hint for mode, key in zip(MODES, keys, strict=True) for hint in self._hint(key, mode.id == current)]
        return [*segments, Segment(" " * _APART, self.rich_style)]

    def _hint(self, key: Key, marked: bool = False) -> list[Segment]:
        base = self.rich_style
        return [
            Segment(key.key, base + self.tone("accent")),
            Segment(f" {key.label}  ", base + self.tone("strong" if marked else "muted")),
        ]


def _key_width(key: Key) -> int:
    return cell_len(key.key) + cell_len(key.label) + 3
