"""Braille, blocks and lines of the screen as shapes: fonts differ in how wide they draw them, and whether at all.

A cell is 4 units wide and 8 high: the dots of braille stand 2 apart, an eighth of a block is 1 high.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

WIDE, HIGH = 4, 8
_LINE, _THICK = 0.5, 1.0
_BELOW = 0.08  # so that no seam is seen between lines of the screen
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
_ARMS = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru",
    "┼": "lrud", "╴": "l", "╵": "u", "╶": "r", "╷": "d",
    "━": "LR", "┃": "UD", "╸": "L", "╹": "U", "╺": "R", "╻": "D", "┏": "RD", "┓": "LD", "┗": "RU", "┛": "LU",
}  # fmt: skip
"""Where the lines of a character go from its middle; capitals are thick."""
_ROUND = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}
"""Which way they go: right or left, down or up."""
_DASHES = {"╌": (2, _LINE), "┄": (3, _LINE), "┈": (4, _LINE), "╍": (2, _THICK), "┅": (3, _THICK), "┉": (4, _THICK)}
_UPRIGHT = {"╎": (2, _LINE), "┆": (3, _LINE), "┊": (4, _LINE)}
_QUARTERS = {
    "▖": "c",
    "▗": "d",
    "▘": "a",
    "▙": "acd",
    "▚": "ad",
    "▛": "abc",
    "▜": "abd",
    "▝": "b",
    "▞": "bc",
    "▟": "bcd",
}
_SHADES = {"░": 1, "▒": 2, "▓": 3}
SHAPED = re.compile(f"[\u2800-\u28ff\u2580-\u259f{''.join((*_ARMS, *_ROUND, *_DASHES, *_UPRIGHT))}]+")
"""What `outline` draws."""


class _Box(NamedTuple):
    y: float
    x: float
    width: float
    height: float


def outline(cells: list[tuple[int, str]]) -> str:
    """The path of these characters, each with the column it stands in; in units, from the first column's corner."""
    boxes: list[_Box] = []
    curves: list[str] = []
    for column, char in cells:
        if char in _ROUND:
            curves.append(_curve(column * WIDE, *_ROUND[char]))
        else:
            boxes += [box._replace(x=box.x + column * WIDE) for box in _boxes(char)]
    return _path(_joined(sorted(boxes))) + "".join(curves)


def _joined(boxes: list[_Box]) -> Iterator[_Box]:
    """Those that touch side by side are one."""
    last: _Box | None = None
    for box in boxes:
        if last is not None and (box.y, box.height) == (last.y, last.height) and box.x <= last.x + last.width:
            last = last._replace(width=max(last.width, box.x + box.width - last.x))
            continue
        if last is not None:
            yield last
        last = box
    if last is not None:
        yield last


def _path(boxes: Iterator[_Box]) -> str:
    """Each begins where the one before began: small steps have short numbers."""
    said: list[str] = []
    x = y = 0.0
    for box in boxes:
        width = _short(box.width)
        said.append(
            f"{'m' if said else 'M'}{_short(box.x - x)} {_short(box.y - y)}h{width}v{_short(box.height)}h-{width}z"
        )
        x, y = box.x, box.y
    return "".join(said)


def _curve(left: float, right: int, down: int) -> str:
    """A quarter of a rounded frame."""

    def put(*numbers: float) -> str:
        return " ".join(map(_short, numbers))

    start = put(left + 2 + 2 * right, 4 - 0.25 * down)
    outer = f"h{put(-0.5 * right)}q{put(-1.75 * right, 0, -1.75 * right, 1.75 * down)}v{put(2.5 * down)}"
    inner = f"h{put(0.5 * right)}v{put(-2.5 * down)}q{put(0, -1.25 * down, 1.25 * right, -1.25 * down)}"
    return f"M{start}{outer}{inner}h{put(0.5 * right)}z"


@lru_cache(512)
def _boxes(char: str) -> tuple[_Box, ...]:
    """What one character is made of."""
    code = ord(char)
    if code >= 0x2800:
        return tuple(
            _Box(0.5 + 2 * row, 0.5 + 2 * column, 1, 1)
            for bit, (column, row) in enumerate(_DOTS)
            if (code - 0x2800) >> bit & 1
        )
    if char in _ARMS:
        return tuple(_arm(one) for one in _ARMS[char])
    if char in _DASHES:
        count, thick = _DASHES[char]
        step = WIDE / count
        return tuple(_Box(4 - thick / 2, step * (at + 0.2), step * 0.6, thick) for at in range(count))
    if char in _UPRIGHT:
        count, thick = _UPRIGHT[char]
        step = HIGH / count
        return tuple(_Box(step * (at + 0.2), 2 - thick / 2, thick, step * 0.6) for at in range(count))
    if char in _SHADES:
        return _shade(_SHADES[char])
    if char in _QUARTERS:
        corners = {"a": (0, 0), "b": (2, 0), "c": (0, 4), "d": (2, 4)}
        return tuple(_Box(corners[one][1], corners[one][0], 2, 4) for one in _QUARTERS[char])
    return (_block(code),)


def _block(code: int) -> _Box:
    """▀, ▁ to █, ▉ to ▏, ▐, ▔, ▕."""
    if 0x2581 <= code <= 0x2588:
        height = code - 0x2580
        return _Box(HIGH - height, 0, WIDE, height + _BELOW)
    if 0x2589 <= code <= 0x258F:
        return _Box(0, 0, (0x2590 - code) / 2, HIGH + _BELOW)
    return {
        0x2580: _Box(0, 0, WIDE, 4), 0x2590: _Box(0, 2, 2, HIGH + _BELOW), 0x2594: _Box(0, 0, WIDE, 1),
        0x2595: _Box(0, 3.5, 0.5, HIGH + _BELOW),
    }[code]  # fmt: skip


def _arm(one: str) -> _Box:
    """From the middle to an edge, and as far beyond the middle as another arm is thick."""
    half = (_THICK if one.isupper() else _LINE) / 2
    return {
        "l": _Box(4 - half, 0, 2 + half, 2 * half), "r": _Box(4 - half, 2 - half, 2 + half, 2 * half),
        "u": _Box(0, 2 - half, 2 * half, 4 + half), "d": _Box(4 - half, 2 - half, 2 * half, 4 + half + _BELOW),
    }[one.lower()]  # fmt: skip


def _shade(quarters: int) -> tuple[_Box, ...]:
    """So many of every four units."""
    wanted = ((0, 0), (1, 1), (0, 1))[:quarters]
    return tuple(_Box(2 * row + y, 2 * column + x, 1, 1) for row in range(4) for column in range(2) for x, y in wanted)


def _short(number: float) -> str:
    """`.5`, `-.25`, `3`."""
    said = f"{number:.2f}".rstrip("0").rstrip(".")
    if said in ("", "-0", "-", "0"):
        return "0"
    return said.replace("0.", ".", 1) if said.startswith(("0.", "-0.")) else said
