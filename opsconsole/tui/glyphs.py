"""What graphs, sparks and bars are drawn with: braille, blocks or ASCII, by what the terminal can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from opsconsole.values import dataclass

GLYPH_CHOICES = ("auto", "braille", "block", "ascii")
_LEFT_DOTS = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT_DOTS = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_BARE_TERMINALS = ("vt", "ansi", "cygwin", "sun", "cons", "wsvt")


@dataclass(frozen=True, slots=True)
class GlyphSet:
    """`columns` values stand side by side in a cell, each 0 (nothing) to `levels` high."""

    name: str
    columns: int
    levels: int
    cells: tuple[str, ...]
    """What is drawn, by the height of the left value and then of the right one."""
    bar: tuple[str, str, str]
    """A bar's cell when it is full, half full (as full as that, if there is no such glyph) and empty."""

    def cell(self, left: int, right: int = 0) -> str:
        """One cell; `right` is for sets with two columns."""
        return self.cells[left * (self.levels + 1) + right if self.columns == 2 else left]


BRAILLE = GlyphSet(
    "braille", 2, 4,
    tuple(chr(0x2800 + left + right) if left or right else " " for left, right in product(_LEFT_DOTS, _RIGHT_DOTS)),
    ("━", "╸", "─"),
)  # fmt: skip
BLOCK = GlyphSet("block", 1, 8, tuple(" ▁▂▃▄▅▆▇█"), ("█", "▌", "░"))
HALF_BLOCK = GlyphSet("block", 1, 2, tuple(" ▄█"), ("█", "▌", "░"))
"""Of the eight blocks the font of Linux' own console has these."""
ASCII = GlyphSet("ascii", 1, 7, tuple(" .:-=+*#"), ("#", "+", "-"))


def glyphs_of(app: object) -> GlyphSet:
    """What this app draws with; an app that has nothing to say about it, as one in a test, draws with braille."""
    found = getattr(app, "glyphs", BRAILLE)
    return found if isinstance(found, GlyphSet) else BRAILLE


def choose(setting: str, environ: Mapping[str, str], encoding: str) -> GlyphSet:
    """The set for a setting of GLYPH_CHOICES; `encoding` is that of the file the screen is written to.

    `auto` is braille where a terminal takes UTF-8, blocks on Linux' own console, and ASCII elsewhere.
    """
    term = environ.get("TERM", "")
    blocks = HALF_BLOCK if term.startswith("linux") else BLOCK
    if setting == "ascii" or not _is_utf8(encoding):
        return ASCII
    if setting in ("braille", "block"):
        return BRAILLE if setting == "braille" else blocks
    if not takes_utf8(environ, encoding) or term.startswith(_BARE_TERMINALS):
        return ASCII
    return blocks if term.startswith("linux") else BRAILLE


def takes_utf8(environ: Mapping[str, str], encoding: str) -> bool:
    """Whether characters beyond ASCII arrive: Python encodes them so, and the locale does not say otherwise.

    (With LC_ALL=C Python writes UTF-8 all the same; whoever set it has a terminal that does not.)
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    name, _, codeset = locale.partition("@")[0].partition(".")
    if codeset:
        return _is_utf8(encoding) and _is_utf8(codeset)
    return _is_utf8(encoding) and name not in ("C", "POSIX")


def levels(values: Sequence[float | None], width: int, glyphs: GlyphSet, top: float) -> list[int]:
    """Heights of the newest values, as many as there is room for in `width` cells; what is missing has none."""
    room = width * glyphs.columns
    shown = list(values[-room:]) if room > 0 else []
    most = top or max((value for value in shown if value is not None), default=0.0)
    return [0] * (room - len(shown)) + [level(value, most, 1, 0, glyphs) for value in shown]


def pairs(heights: Sequence[int], glyphs: GlyphSet) -> list[tuple[int, ...]]:
    """Heights, cell by cell."""
    if glyphs.columns == 1:
        return [(height,) for height in heights]
    return list(zip(heights[::2], heights[1::2], strict=True))


def level(value: float | None, top: float, rows: int, floor: int, glyphs: GlyphSet) -> int:
    """How high a value reaches in a row of cells that begins `floor` levels up; what is there at all has one level."""
    if value is None:
        return 0
    share = min(1.0, max(0.0, value) / top) if top > 0 else 0.0
    return max(0, min(glyphs.levels, max(1, round(share * rows * glyphs.levels)) - floor))


def _is_utf8(name: str) -> bool:
    return name.lower().replace("-", "").replace("_", "").startswith("utf8")
