"""What the terminal shows is remembered, so that only cells that have changed are sent, with the shortest colour codes.

Textual sends whole regions that widgets call dirty, from the left edge of the widget, and every piece of text with all
of its colours and a reset. A second of an idle Overview or Processes takes a sixth of those bytes here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

_A_JUMP = 8
"""Bytes of a jump over cells that have not changed; fewer are sent all the same."""


class Codes(NamedTuple):
    """A style as the terminal is told: attributes, foreground, background, and the link (of Textual's own widgets)."""

    attributes: str = ""
    foreground: str = ""
    background: str = ""
    link: str = ""


Cell = tuple[str, Codes]
"""A wide character has one with its text and then an empty one."""
_UNKNOWN: Cell = ("\0", Codes())
_PLAIN = Codes()
_ON_BLANKS = frozenset({"4", "7", "9", "21", "53"})
_CODES = itemgetter(1)
_NARROW = re.compile(r"[ -~\u00a0-\u00ac\u00ae-\u02ff\u2500-\u257f\u2800-\u28ff]*").fullmatch
"""Each character is one cell, whatever stands beside it: Latin letters, lines of boxes, braille."""


class Frame:
    """The cells of the terminal, as far as they were sent."""

    def __init__(self) -> None:
        self._rows: list[list[Cell]] = []
        self._width = 0

    def forget(self) -> None:
        """Somebody else has drawn on the terminal, or cleared it. From a signal handler too: what is being written then
        is written, and not remembered."""
        self._rows, self._width = [], 0

    def changes(self, update: CompositorUpdate) -> CompositorUpdate:
        """The same update, that sends less."""
        return _Less(update, self._render) if isinstance(update, ChopsUpdate | LayoutUpdate) else update

    def _render(self, update: CompositorUpdate, console: Console) -> str:
        system = console._color_system or ColorSystem.TRUECOLOR
        if isinstance(update, LayoutUpdate):
            region = update.region
            if region.x or region.y:
                self.forget()
                return update.render_segments(console)
            width = self._width = region.width
            self._rows = [[_UNKNOWN] * width for _ in update.strips]
            spans = ((y, 0, _cells(line, system)[:width]) for y, line in enumerate(update.strips))
            return _write(self._rows, spans)
        if not (isinstance(update, ChopsUpdate) and self._rows):
            return update.render_segments(console)
        return _write(self._rows, self._spans(update, system))

    def _spans(self, update: ChopsUpdate, system: ColorSystem) -> Iterable[tuple[int, int, list[Cell]]]:
        """Where a piece of a line begins, and its cells."""
        width, height = self._width, len(self._rows)
        for y, x1, x2 in update.spans:
            if not 0 <= y < height:
                continue
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                first, last = max(x, x1, 0), min(end, x2, width)
                if first < last:
                    cells = _cells((strip.crop(first - x, last - x),), system)
                    yield y, first, cells[: last - first]


def _write(rows: list[list[Cell]], spans: Iterable[tuple[int, int, list[Cell]]]) -> str:
    """What makes `rows` what the spans say, for the terminal, and in `rows`."""
    out = _Writer()
    for y, x, new in spans:
        row = rows[y]
        old = row[x : x + len(new)]
        if old == new:
            continue
        old = [*old, *[_UNKNOWN] * (len(new) - len(old))]
        for first, last in _runs(old, new):
            out.at(x + first, y)
            for codes, alike in groupby(new[first:last], _CODES):
                out.put("".join([text for text, _ in alike]), codes)
        row[x : x + len(new)] = new
    return out.done()


class _Less(CompositorUpdate):
    """Rendered at the moment it is written: what is never written is not remembered."""

    def __init__(self, update: CompositorUpdate, render: Callable[[CompositorUpdate, Console], str]) -> None:
        self._update, self._render = update, render

    def render_segments(self, console: Console) -> str:
        return self._render(self._update, console)

    def __rich_console__(self, console: Console, options: Any) -> Any:
        return self._update.__rich_console__(console, options)  # type: ignore[attr-defined]


class _Writer:
    """Texts and the codes between them: what stays as it is is not said again."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._codes = _PLAIN

    def at(self, x: int, y: int) -> None:
        self._parts.append(f"\x1b[{y + 1};{x + 1}H")

    def put(self, text: str, codes: Codes) -> None:
        if not (text.strip(" ") or _shows_on_blanks(codes) or _shows_on_blanks(self._codes)):
            codes = self._codes._replace(background=codes.background, link=codes.link)  # nobody sees the rest
        if codes is not self._codes and codes != self._codes:
            self._parts.append(_between(self._codes, codes))
            self._codes = codes
        self._parts.append(text)

    def done(self) -> str:
        if self._codes != _PLAIN:
            self._parts.append(_between(self._codes, _PLAIN))
        return "".join(self._parts)


@lru_cache(4096)
def _shows_on_blanks(codes: Codes) -> bool:
    """Underlined, reversed, struck: that is seen without a letter."""
    return not _ON_BLANKS.isdisjoint(codes.attributes.split(";"))


@lru_cache(4096)
def _ground(codes: Codes) -> Codes:
    """What is left of a style where nothing is written: two blanks that look alike are the same."""
    return codes if _shows_on_blanks(codes) else Codes("", "", codes.background, codes.link)


@lru_cache(8192)
def _between(before: Codes, after: Codes) -> str:
    """The shortest way from one style to the other."""
    links = ""
    if before.link != after.link:
        links = f"\x1b]8;{after.link or ';'}\x1b\\"
    full = ";".join(code for code in after[:3] if code)
    shortest = f"\x1b[0;{full}m" if full else "\x1b[0m"
    removed = any(was and not now for was, now in zip(before[:3], after[:3], strict=True))
    if before[:3] == after[:3]:
        shortest = ""
    elif not removed and (before.attributes == after.attributes or not before.attributes):
        changed = (now for was, now in zip(before[:3], after[:3], strict=True) if was != now)
        shortest = min(shortest, f"\x1b[{';'.join(changed)}m", key=len)
    return links + shortest


@lru_cache(4096)
def _codes(style: Style, system: ColorSystem) -> Codes:
    only = style.without_color
    colour, ground = style.color, style.bgcolor
    return Codes(
        Strip.render_ansi(only, system) if only else "",
        ";".join(colour.downgrade(system).get_ansi_codes()) if colour is not None else "",
        ";".join(ground.downgrade(system).get_ansi_codes(foreground=False)) if ground is not None else "",
        f"id={style.link_id};{style.link}" if style.link else "",
    )


def _cells(strips: Iterable[Strip], system: ColorSystem) -> list[Cell]:
    cells: list[Cell] = []
    for strip in strips:
        for segment in strip:
            text, style, control = segment
            if control:
                continue
            codes = _codes(style, system) if style is not None else _PLAIN
            if not text.strip(" "):
                codes = _ground(codes)
            if text.isascii() or _NARROW(text):
                cells += [(char, codes) for char in text]
            else:
                _add_wide(cells, segment, codes)
    return cells


def _add_wide(cells: list[Cell], segment: Segment, codes: Codes) -> None:
    text = segment.text
    widths = [get_character_cell_size(char) for char in text]
    if sum(widths) != cell_len(text):  # several characters are one picture: they are sent together or not at all
        cells.append((text, codes))
        cells += [("", codes)] * (cell_len(text) - 1)
        return
    for char, width in zip(text, widths, strict=True):
        if width == 0:  # it belongs to what stands before it; at the edge of a cut nothing does
            if not cells:
                continue
            at = next((at for at in range(len(cells) - 1, -1, -1) if cells[at][0]), len(cells) - 1)
            cells[at] = cells[at][0] + char, cells[at][1]
        else:
            cells.append((char, codes))
            cells += [("", codes)] * (width - 1)


def _runs(old: list[Cell], new: list[Cell]) -> Iterable[tuple[int, int]]:
    """First and one past the last cell of what is to be sent, near ones as one; never half of a wide character."""
    changed = [at for at, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
    cuts = [
        (last + 1, at) for last, at in pairwise(changed) if at - last > 1 and not _joins(new, last + 1, at)
    ]  # fmt: skip
    begins, ends = [changed[0], *(at for _, at in cuts)], [*(last for last, _ in cuts), changed[-1] + 1]
    for first, last in zip(begins, ends, strict=True):
        while first > 0 and not (new[first][0] and old[first][0]):
            first -= 1
        while last < len(new) and not (new[last][0] and old[last][0]):
            last += 1
        yield first, last


def _joins(new: list[Cell], last: int, at: int) -> bool:
    """Whether the cells between two runs are sent too."""
    between, codes = new[last:at], new[at][1]
    if len(between) > _A_JUMP or any(one[1] != codes for one in (new[last - 1], *between)):
        return False
    return sum(len(text.encode(errors="replace")) for text, _ in between) <= _A_JUMP
