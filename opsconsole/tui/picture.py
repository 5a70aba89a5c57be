"""What is on the screen, as a picture (SVG) and as text: two files, well-formed whatever the screen showed."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len

from opsconsole.atomic import held_folder
from opsconsole.tui.picture_shapes import SHAPED, WIDE, outline

if TYPE_CHECKING:
    from textual.app import App

FOLDER = "pictures"
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}\s*")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT = re.compile(
    r'<text class="(?P<kind>[^"]*)" x="(?P<x>[^"]*)" y="(?P<y>[^"]*)" textLength="(?P<length>[^"]*)" '
    r'clip-path="(?P<clip>[^"]*)">(?P<text>[^<]*)</text>'
)
_APART = re.compile(rf"{SHAPED.pattern}| {{2,}}")
_ALIKE = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_FOOT = 18.5
"""How far below the top of its line Rich puts the foot of a text."""
_FONTS = "font-family: Fira Code, DejaVu Sans Mono, Menlo, Consolas"


def svg_of(app: App[Any], title: str = "opsconsole") -> str:
    """The screen as SVG. Nothing in it is fetched from elsewhere: a viewer's own monospace font draws it."""
    drawn = app.export_screenshot(title=_NOT_XML.sub("\ufffd", title))
    drawn = _FONT_FACE.sub("", _COMMENT.sub("", drawn)).replace("font-family: Fira Code", _FONTS)
    return _TEXT.sub(_in_its_cells, _NOT_XML.sub("\ufffd", drawn))


@contextmanager
def without_notices(app: App[Any]) -> Iterator[None]:
    """What is drawn inside has none of the notices that come and go; the terminal sees nothing of this."""
    from textual.widgets._toast import ToastRack

    racks = [rack for screen in app.screen_stack for rack in screen.query(ToastRack) if rack.children]
    if not racks:
        yield
        return

    def show(shown: bool) -> None:
        for rack in racks:
            rack.display = shown
            rack.screen._compositor.reflow(rack.screen, rack.screen.size)

    with app.batch_update():
        show(False)
        try:
            yield
        finally:
            show(True)


def _in_its_cells(match: re.Match[str]) -> str:
    """Each character where it stood in the terminal, whatever font a viewer has for it, if any.

    Viewers differ in what they do with spaces and with `textLength`, and some place only the first letter of a text:
    what a font may draw too wide is drawn as a shape, and a text begins anew after each gap.
    """
    text = html.unescape(match["text"]).replace("\u00a0", " ")
    cell = float(match["length"]) / max(1, cell_len(text))
    place = _Place(float(match["x"]), float(match["y"]), cell)
    drawn, column = [], 0
    shapes: list[tuple[int, str]] = []
    for piece in _pieces(text):
        if SHAPED.match(piece):
            shapes += enumerate(piece, column)
        elif piece.strip(" "):
            drawn.append(place.text(piece, column))
        column += cell_len(piece)
    if shapes:
        drawn.insert(0, place.shapes(shapes))
    inside = "".join(drawn)
    return f'<g class="{match["kind"]}" clip-path="{match["clip"]}">{inside}</g>' if inside else ""


def _pieces(text: str) -> Iterator[str]:
    """Shapes, gaps, and what is a text of its own between them."""
    at = 0
    for found in _APART.finditer(text):
        yield from _texts(text[at : found.start()])
        yield found[0]
        at = found.end()
    yield from _texts(text[at:])


def _texts(text: str) -> list[str]:
    """ASCII, which monospace fonts have, apart from what another font may have to draw."""
    if text.isascii() or not all(cell_len(char) for char in text):  # an accent belongs to the letter before it
        return [text]
    return _ALIKE.findall(text)


class _Place(NamedTuple):
    """Where the text of one style begins, and how wide a cell is."""

    x: float
    y: float
    cell: float

    def text(self, piece: str, column: int) -> str:
        """A space at its end would be lost, as one at its beginning."""
        shown = piece.strip(" ")
        column += len(piece) - len(piece.lstrip(" "))
        widths = [cell_len(char) for char in shown]
        said, left = html.escape(shown, quote=False).replace(" ", "\u00a0"), self.x + self.cell * column
        if shown.isascii() or not all(widths):
            return (
                f'<text x="{_short(left)}" y="{_short(self.y)}" textLength="{_short(self.cell * cell_len(shown))}">'
                f"{said}</text>"
            )
        starts = accumulate(widths[:-1], initial=0)
        return (
            f'<text x="{" ".join(_short(left + self.cell * start) for start in starts)}" y="{_short(self.y)}">'
            f"{said}</text>"
        )

    def shapes(self, cells: list[tuple[int, str]]) -> str:
        """As high as two cells are wide, from the top of the line, which is above the text's foot."""
        top = self.y - _FOOT
        unit = f"{self.cell / WIDE:.3f}".rstrip("0").rstrip(".")
        return f'<path transform="translate({_short(self.x)},{_short(top)}) scale({unit})" d="{outline(cells)}"/>'


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def text_of(app: App[Any]) -> str:
    """The screen as lines of text, without spaces at their ends."""
    strips = app.screen._compositor.render_strips()
    return "".join("".join(segment.text for segment in strip).rstrip() + "\n" for strip in strips)


def save(svg: str, text: str, folder: Path, name: str, now_us: int) -> tuple[Path, Path]:
    """Write both; names carry the local time, no file is written over, and no link is followed. Raises OSErrors."""
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now_us / 1e6))}"
    both = {"svg": svg.encode("utf-8", "replace"), "txt": text.encode("utf-8", "replace")}
    number, free = 1, stem
    with held_folder(folder) as held:
        while not held.put({f"{free}.{kind}": data for kind, data in both.items()}):
            number += 1
            free = f"{stem}-{number}"
    return folder / f"{free}.svg", folder / f"{free}.txt"
