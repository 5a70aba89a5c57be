"""As much of a terminal as the console uses: cursor moves, colours and attributes, wide characters."""

from __future__ import annotations

import re

from rich.cells import get_character_cell_size

_PIECE = re.compile(
    r"\x1b\[([?>=]?)([\d;]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]|\n|\r|.", re.S
)

_BEGUN = re.compile(r"\x1b(\[[?>=]?[\d;]*|\][^\x07\x1b]*|[()])?$")

Look = tuple[str, str, frozenset[str]]
_ON_BLANKS = {"4", "7", "9"}
_ATTRIBUTES = {"1", "2", "3", "4", "7", "9"}


class Terminal:
    """`cells` by line and column: the character, and foreground, background and attributes."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells: list[list[tuple[str, Look]]] = [[(" ", ("", "", frozenset()))] * width for _ in range(height)]
        self.sgr: list[str] = []
        self._x = self._y = 0
        self._look: Look = ("", "", frozenset())
        self._begun = ""

    @property
    def lines(self) -> list[str]:
        return ["".join(char for char, _ in row) for row in self.cells]

    @property
    def seen(self) -> list[list[tuple[str, Look]]]:
        """What an eye can tell apart: a blank has no colour of a letter, and is not bold."""
        return [
            [(char, look if char != " " or look[2] & _ON_BLANKS else ("", look[1], frozenset())) for char, look in row]
            for row in self.cells
        ]

    def feed(self, text: str) -> None:
        text = self._begun + text
        whole = len(text) - len(match[0]) if (match := _BEGUN.search(text)) else len(text)
        text, self._begun = text[:whole], text[whole:]
        for match in _PIECE.finditer(text):
            piece = match[0]
            if match[3] == "H" and not match[1]:
                y, _, x = match[2].partition(";")
                self._y, self._x = int(y or 1) - 1, int(x or 1) - 1
            elif match[3] == "m" and not match[1]:
                self.sgr.append(match[2])
                self._paint((match[2] or "0").split(";"))
            elif match[3] == "J" and not match[1]:
                self.cells = [[(" ", ("", "", frozenset()))] * self.width for _ in range(self.height)]
            elif piece == "\n":
                self._y += 1
            elif piece == "\r":
                self._x = 0
            elif not piece.startswith("\x1b"):
                self._put(piece)

    def _put(self, char: str) -> None:
        width = get_character_cell_size(char)
        if self._y >= self.height or (not width and not self._x):
            return
        row = self.cells[self._y]
        if not width:
            row[self._x - 1] = row[self._x - 1][0] + char, row[self._x - 1][1]
            return
        for at, part in ((self._x, char), (self._x + 1, ""))[:width]:
            if at < self.width:
                row[at] = part, self._look
        self._x += width

    def _paint(self, codes: list[str]) -> None:
        colour, ground, attributes = self._look
        while codes:
            code = codes.pop(0)
            if code in ("38", "48"):
                count = 4 if codes[0] == "2" else 2
                code, codes = ";".join([code, *codes[:count]]), codes[count:]
            if code == "0":
                colour, ground, attributes = "", "", frozenset()
            elif code in _ATTRIBUTES:
                attributes |= {code}
            elif code.startswith(("4", "10")):
                ground = "" if code == "49" else code
            else:
                colour = "" if code == "39" else code
        self._look = colour, ground, attributes
