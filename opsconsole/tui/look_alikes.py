"""Characters a terminal cannot show, replaced cell for cell by ones it can, in the one place every line passes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from opsconsole.tui.glyphs import takes_utf8

UNKNOWN = "?"
_ASCII = {
    # states; within a family every one stays distinct
    "▶": ">", "▷": "}", "‖": "=", "◦": "o", "◌": "z", "✔": "+", "✓": "+", "✗": "x", "✘": "x", "✕": "x", "■": "#",
    "□": "_", "◔": "@", "⊘": "%", "▲": "^", "△": "A", "◆": "*", "◇": "~", "·": ".", "●": "*", "○": "o", "◉": "@",
    "◎": "@", "◍": "@", "★": "*", "☆": "o", "‼": "X", "⚠": "!", "♦": "*", "•": "*", "∙": ".", "⏸": "=", "⏹": "#",
    "⏵": ">", "◷": "@", "◴": "@", "◵": "@", "◶": "@",
    "◐": "@", "◑": "@", "◒": "@", "◓": "@", "☐": "_", "☑": "x", "☒": "x", "✱": "*", "⚑": "P",
    # directions
    "▾": "v", "▴": "^", "▼": "v", "▽": "v", "▸": ">", "▹": ">", "◂": "<", "◀": "<", "◁": "<", "►": ">", "◄": "<",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "↔": "-", "↕": "|", "↗": "/", "↘": "\\", "↖": "\\", "↙": "/", "↵": "<",
    "⏎": "<", "↩": "<", "↪": ">", "↳": "`", "↲": "<", "└": "`",
    "↻": "@", "↺": "@", "⟳": "@", "⇧": "^", "⇥": ">", "⇤": "<", "⇒": ">", "⇐": "<", "⇞": "^",
    "⇟": "v", "⌃": "^", "⌄": "v", "❯": ">", "❮": "<", "›": ">", "‹": "<", "»": ">", "«": "<", "␣": "_", "⌫": "<",
    # words and figures
    "…": ".", "⋯": ".", "⋮": ":", "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "×": "x", "÷": "/", "µ": "u",
    "μ": "u", "§": "S", "≤": "<", "≥": ">", "≈": "~", "≠": "#", "±": "~", "Δ": "d", "¬": "!", "°": "o", "∞": "8",
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": ",", "\u00a0": " ", "√": "+", "∅": "0", "¶": "P",
    "∑": "S", "¤": "o", "¦": "|", "†": "+", "⌀": "0",
    # lines that are dashed and parts of blocks
    "┈": "-", "┄": "-", "╌": "-", "┉": "-", "┅": "-", "╍": "-", "┊": ":", "┆": ":", "╎": ":", "┋": ":", "┇": ":",
    "╏": ":", "╱": "/", "╲": "\\", "╳": "X", "━": "=", "╸": "=", "╺": "=", "═": "=", "▌": "|", "▐": "|", "█": "#",
    "▀": '"', "▄": "_", "░": ":", "▒": "%", "▓": "#", "▔": "-", "▕": "|", "▏": "|", "▎": "|", "▍": "|", "▋": "#",
    "▊": "#", "▉": "#", "▁": ".", "▂": ":", "▃": "-", "▅": "+", "▆": "*", "▇": "*", "▬": "-", "▪": "*", "▫": "o",
}  # fmt: skip
_CONSOLE_FONT = frozenset(
    "☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧"
    "╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀ßµδ∞φε∩≡±≥≤÷≈°∙·√²■"
)
"""What the fonts of Linux' own console have: those of code page 437."""
_CONSOLE = {
    "▶": "►", "▷": "»", "◀": "◄", "▸": "►", "▾": "▼", "▴": "▲", "◦": "∙", "✔": "√", "✓": "√", "●": "•", "◆": "♦",
    "╭": "┌", "╮": "┐", "╰": "└", "╯": "┘", "━": "═", "╸": "═", "╺": "═", "×": "x", "★": "☼",
}  # fmt: skip


class LookAlikes(LineFilter):
    """Every line of every screen passes here; one that has nothing to be replaced passes as it is."""

    def __init__(self, *, console_font: bool = False) -> None:
        """`console_font`: what Linux' own console has stays, and what is none of ours is left to it."""
        super().__init__()
        self._replace = on_linux_console if console_font else in_ascii

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isascii() for segment in segments):
            return segments
        replace = self._replace
        return [
            segment if segment.text.isascii() else Segment(replace(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def wanted(setting: str, environ: Mapping[str, str], encoding: str) -> LookAlikes | None:
    """The filter this terminal needs for the setting of glyphs, or None."""
    explicit = setting in ("braille", "block") and encoding.lower().replace("-", "").startswith("utf")
    if setting == "ascii" or not (explicit or takes_utf8(environ, encoding)):
        return LookAlikes()
    return LookAlikes(console_font=True) if environ.get("TERM", "").startswith("linux") else None


@lru_cache(4096)
def in_ascii(text: str) -> str:
    """As many cells of ASCII; what is in another script becomes question marks."""
    text = text.replace(" …", "..")  # what goes on, as more than the dot that ends a sentence, where there is room
    return _as_wide(text, "".join(char if char.isascii() else _ascii(char) for char in text))


@lru_cache(4096)
def on_linux_console(text: str) -> str:
    """Our own characters that the font lacks by what it has; whatever others wrote stays."""
    chars = (
        char if char.isascii() or char in _CONSOLE_FONT else _CONSOLE.get(char) or _ours(char) or char for char in text
    )
    return _as_wide(text, "".join(chars))


def _as_wide(text: str, replaced: str) -> str:
    """What several characters show together can be wider or narrower than they are one by one."""
    width = cell_len(text)
    return replaced if cell_len(replaced) == width else set_cell_size(replaced, width)


def _ascii(char: str) -> str:
    width = cell_len(char)
    found = _ours(char)
    if found is None:
        base = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
        found = base if len(base) == width and base.isprintable() else UNKNOWN * width
    return found


def _ours(char: str) -> str | None:
    """The look-alike of a character that the console itself draws."""
    if char in _ASCII:
        return _ASCII[char]
    code = ord(char)
    if 0x2800 <= code <= 0x28FF:
        return " .:-=+*##"[(code - 0x2800).bit_count()]
    if 0x2500 <= code < 0x2580:
        name = unicodedata.name(char)
        if "HORIZONTAL" in name and not any(word in name for word in ("VERTICAL", "UP", "DOWN")):
            return "-"
        return "|" if "VERTICAL" in name and "HORIZONTAL" not in name and not _bends(name) else "+"
    if 0x2580 <= code < 0x25A0:
        return "#"
    return None


def _bends(name: str) -> bool:
    return any(word in name for word in ("LEFT", "RIGHT"))
