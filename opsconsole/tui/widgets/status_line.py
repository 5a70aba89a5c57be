"""The first line of the screen (where am I, what is going on) and the last (which keys matter here)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.models import Status
from opsconsole.tui.facts import summary_counts
from opsconsole.tui.modes import MODES
from opsconsole.tui.widgets.task_table import Cell
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_APART = 3
_LEAST_ALARM = 30
_READ_ONLY = Cell("READ-ONLY", "warning")


class HeaderLine(Toned, Widget):
    """Name, host and user on the left, counts in the middle, the engine's state on the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    app: ConsoleApp

    def __init__(self, host: str, user: str) -> None:
        super().__init__()
        self._place = [Cell("opsconsole", "accent"), Cell(host, "strong"), Cell(user, "muted")]
        self._counts: list[Cell] = []
        self._state = Cell("starting …", "muted")
        self._alarm: Cell | None = None

    def show_counts(self, counts: Mapping[Status, int]) -> None:
        running, waiting, failed = summary_counts(counts)
        cells = [
            Cell(f"▶ {running} running", "good" if running else "faint"),
            Cell(f"◦ {waiting} queued", "plain" if waiting else "faint"),
            Cell(f"✗ {failed} failed in 24 h", "bad" if failed else "faint"),
        ]
        if cells != self._counts:
            self._counts = cells
            self.refresh()

    def show_state(self, text: str, tone: str = "faint") -> None:
        """Where the record is, or what is wrong with it."""
        if (text, tone) != self._state:
            self._state = Cell(text, tone)
            self.refresh()

    def show_alarm(self, alarm: Cell | None) -> None:
        """What is wrong with the host; it finds room before everything but the name."""
        if alarm != self._alarm:
            self._alarm = alarm
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        left, middle, state, room = self._fitting(width - 2)
        segments = [Segment(" ", base), *self._cells(left)]
        if self._alarm is not None:
            text, tone = self._alarm
            room -= _APART - 1
            text = text if cell_len(text) <= room else set_cell_size(text, max(0, room - 1)) + "…"
            segments += [Segment("   ", base), Segment(text, base + self.tone(tone))]
            room -= cell_len(text) - (_APART - 1)
        segments += [Segment(" " * max(1, room), base), *self._cells(middle)]
        if state.text:
            segments += [Segment("   ", base), Segment(state.text, base + self.tone(state.tone))]
        return Strip(segments).adjust_cell_length(width, base)

    def _fitting(self, width: int) -> tuple[list[Cell], list[Cell], Cell, int]:
        """The most that leaves room for the alarm, and how much room that is."""
        place, counts, nothing = self._place, self._counts, Cell("", "faint")
        name = place[:1]
        if self.app.read_only:
            name = [*name, _READ_ONLY]
            place = [*name, *place[1:]]
        host = place[: len(name) + 1]
        short = [Cell(" ".join(cell.text.split()[:2]), cell.tone) for cell in counts]
        alarm = self._alarm
        least = 0 if alarm is None else min(cell_len(alarm.text), _LEAST_ALARM) + 2 * _APART
        choices = [
            (place, counts, self._state), (place, counts, nothing), (host, counts, nothing), (name, counts, nothing),
        ]  # fmt: skip
        if alarm is not None:
            choices[3:] = [(host, short, nothing), (name, short, nothing), (name, [], nothing)]
        for left, middle, state in choices:
            used = _width(left) + _width(middle) + (cell_len(state.text) + _APART if state.text else 0)
            if width - used >= max(least, 1 if middle or state.text else 0):
                break
        return left, middle, state, width - used - (_APART if alarm is not None else 0)

    def _cells(self, cells: Sequence[Cell]) -> list[Segment]:
        segments: list[Segment] = []
        for cell in cells:
            if segments:
                segments.append(Segment("   ", self.rich_style))
            segments.append(Segment(cell.text, self.rich_style + self.tone(cell.tone)))
        return segments


def _width(cells: Sequence[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in cells) + 3 * max(0, len(cells) - 1)


class Key(NamedTuple):
    key: str
    label: str


class KeyLine(Toned, Widget):
    """The keys that make sense now, and the modes there are; what does not fit is in the help."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
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
        modes = self._modes(width - right - 1 - sum(_key_width(key) for key in self._keys))
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

    def _modes(self, room: int) -> list[Segment]:
        """All by name, with the one that is seen marked; else their keys only, where there is room for that."""
        if not self._always:  # something is being typed: no digit goes anywhere
            return []
        keys = [Key(self.app.key_display(self.app.keys_for(mode.id).split(",")[0]), mode.label) for mode in MODES]
        if sum(map(_key_width, keys)) + _APART > room:
            short = Key(f"{keys[0].key}…{keys[-1].key}", "modes")
            return self._hint(short) if _key_width(short) <= room else []
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
