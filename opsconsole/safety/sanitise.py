"""The one place where untrusted text is made harmless for a terminal and for Textual and Rich widgets.

What goes in: script output, process names, file names, titles, messages. What comes out:

==========================================  ==============================================================
in                                          out
==========================================  ==============================================================
printable text, newline, tab                unchanged
invalid UTF-8                               U+FFFD
SGR: ESC [, at most 64 digits ; and :, m    kept when colours are on, otherwise dropped silently
every other escape sequence                 one U+241B (the picture of ESC)
OSC, DCS, APC, PM, SOS                      one U+241B; the content goes, up to BEL or ST, and never past
                                            the end of the line, CAN, SUB, another ESC or 4,096 characters
8-bit forms of these (U+0090, 98, 9B-9F)    exactly as their 7-bit forms; a kept SGR leaves as 7-bit
other C1 (U+0080-U+009F)                    U+FFFD
other C0 (BS of an overstrike too), DEL     their pictures, U+2400 + n and U+2421
bidi controls, zero-width, tag and format   U+FFFD: every default-ignorable code point but the variation
characters, U+2028, U+2029, surrogates      selectors FE00-FE0F, which emoji need
CR LF                                       newline
a run of CR                                 newline (a log keeps what a terminal would overwrite); nothing
                                            at the start of a line, where there is nothing to overwrite
a line longer than ``max_line``             folded by newlines; SGR does not count, all else counts one
==========================================  ==============================================================

Console markup (``[bold]``) is ordinary text and stays: give widgets a ``Text``, a ``Content`` or
``markup=False``.
"""

import codecs
import re

_MARK = "\u241b"
_UNKNOWN = "\ufffd"
_RESET = "\x1b[0m"
_PLAIN = bytes((9, 10, *range(0x20, 0x7F)))

_EIGHT_BIT = re.compile("[\x90\x98\x9b-\x9f]")

# Group 1 is an SGR. Groups 2, 3 and 4 are what ends a string, a CSI and any other sequence: when no group
# took part, the sequence is unfinished. Repeats are bounded, so that it neither grows nor hides what follows.
_SEQUENCE = re.compile(
    r"""\x1b(?:
        (\[[0-9;:]{0,64}m)
      | [\]PX^_] [^\x07\n\r\x18\x1a\x1b]{0,4096} (?:(\x07|\x1b\\)|\x1b\Z)?
      | \[ [0-?]{0,4096} [\x20-/]{0,16} ([@-~])?
      | [\x20-/]{0,16} ([0-~])?
    )""",
    re.VERBOSE,
)
_RETURNS = re.compile(r"\r+(\n?)")
_NEWLINE_OR_SGR = re.compile(r"(\n|\x1b\[[0-9;:]*m)")

# ESC is in neither of these: where they are used, only that of an SGR is left.
_CONTROLS = "\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f"
_PICTURES = (
    "".join(chr(n if n in (9, 10, 27) else 0x2400 + n) for n in range(32))
    + "".join(map(chr, range(32, 127)))
    + "\u2421"
)
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_CONTROLS}{_IGNORABLE}]")


class Sanitiser:
    """Streaming: bytes in, harmless text out; state survives any split of the input.

    Each stage is a transducer of its own whose output does not depend on how its input was cut, so neither
    does that of the whole. An unfinished sequence or a CR at the end of a chunk waits for the next chunk or
    for ``finish``; no more than about 4,120 characters ever wait.

    ``max_line`` is in visible characters. Raises ``ValueError`` when it is below 1.
    """

    def __init__(self, *, colours: bool = True, max_line: int = 10_000) -> None:
        if max_line < 1:
            raise ValueError(f"max_line must be at least 1, not {max_line}")
        self._colours = colours
        self._max_line = max_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begin()

    def _begin(self) -> None:
        self._decoder.reset()
        self._sequence = ""  # an unfinished escape sequence
        self._held_return = False  # a CR that may turn out to be the first half of CR LF
        self._at_line_start = True
        self._coloured = False  # an SGR other than a reset is in force
        self._room = self._max_line  # visible characters that still fit on the current line

    def feed(self, data: bytes) -> str:
        """The harmless text of ``data``, without what only the next chunk can decide."""
        if self._is_plain(data):
            text = data.decode("ascii")
            self._at_line_start = text.endswith("\n") if text else self._at_line_start
            return self._fold(text)
        return self._clean(self._decoder.decode(data), final=False)

    def finish(self) -> str:
        """What is still pending, and a reset if a colour is in force; the object then stands as new."""
        text = self._clean(self._decoder.decode(b"", final=True), final=True)
        self._begin()
        return text

    def _is_plain(self, data: bytes) -> bool:
        pending = self._sequence or self._held_return or self._decoder.getstate()[0]
        return not pending and not data.translate(None, _PLAIN)

    def _clean(self, text: str, *, final: bool) -> str:
        text = self._resolve_sequences(text, final=final)
        text = self._resolve_returns(text, final=final)
        text = self._fold(_show_hidden(text))
        return text + self._reset() if final else text

    def _reset(self) -> str:
        return _RESET if self._coloured else ""

    def _resolve_sequences(self, text: str, *, final: bool) -> str:
        """``text`` with no ESC but those of SGR. An unfinished sequence is kept back unless ``final``."""
        if not text.isascii():
            text = _EIGHT_BIT.sub(_seven_bit, text)
        text, self._sequence = self._sequence + text, ""
        if "\x1b" not in text:
            return text
        end = len(text)

        def replacement(match: re.Match[str]) -> str:
            kind = match.lastindex
            if kind == 1:
                return match[0] if self._colours else ""
            if kind is None and match.end() == end and not final:
                self._sequence = match[0]
                return ""
            return _MARK

        text = _SEQUENCE.sub(replacement, text)
        last = text.rfind("\x1b")
        if last >= 0:
            self._coloured = text[last + 2 : text.index("m", last)].strip("0;") != ""
        return text

    def _resolve_returns(self, text: str, *, final: bool) -> str:
        """``text`` without CR. One at the end is kept back unless ``final``."""
        if self._held_return:
            text, self._held_return = "\r" + text, False
        if "\r" in text:
            if not final and text.endswith("\r"):
                text, self._held_return = text.rstrip("\r"), True
            text = _RETURNS.sub(self._newline_for, text)
        if text:
            self._at_line_start = text.endswith("\n")
        return text

    def _newline_for(self, match: re.Match[str]) -> str:
        start = match.start()
        at_line_start = match.string[start - 1] == "\n" if start else self._at_line_start
        return match[1] if at_line_start else "\n"

    def _fold(self, text: str) -> str:
        """``text`` with a newline before each visible character that does not fit on its line; none is lost.

        Lengths with their SGR bound the visible ones from above: nearly always one ``rfind`` for every
        ``max_line`` characters shows that nothing needs folding.
        """
        start = 0
        while len(text) - start > self._room:
            newline = text.rfind("\n", start, start + self._room + 1)
            if newline < 0:
                return text[:start] + self._fold_exactly(text[start:])
            start = newline + 1
            self._room = self._max_line
        newline = text.rfind("\n", start)
        if newline >= 0:
            start = newline + 1
            self._room = self._max_line
        self._room -= len(_NEWLINE_OR_SGR.sub("", text[start:]))
        return text

    def _fold_exactly(self, text: str) -> str:
        parts: list[str] = []
        for piece in _NEWLINE_OR_SGR.split(text):
            start = 0
            if piece == "\n":
                self._room = self._max_line
            elif not piece.startswith("\x1b"):
                while len(piece) - start > self._room:
                    parts += (piece[start : start + self._room], "\n")
                    start += self._room
                    self._room = self._max_line
                self._room -= len(piece) - start
            parts.append(piece[start:])
        return "".join(parts)


def sanitise(text: str | bytes, *, colours: bool = False, keep_newlines: bool = True) -> str:
    """The whole of ``text`` made harmless, folded as ``Sanitiser`` folds by default.

    Without ``keep_newlines`` the result is one line, unfolded: newline and CR are shown as their pictures.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    stream = Sanitiser(colours=colours)
    if keep_newlines:
        return stream._clean(text, final=True)
    line = _show_hidden(stream._resolve_sequences(text, final=True))
    return line.replace("\n", "\u240a") + stream._reset()


def sanitise_name(text: str | bytes, *, limit: int = 200) -> str:
    """``text`` as one line for names and titles: no colours, newline and tab shown too.

    At most ``limit`` characters, the last of them an ellipsis when something was cut. Raises ``ValueError``
    when ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not (text.isascii() and text.isprintable()):
        text = sanitise(text, keep_newlines=False).replace("\t", "\u2409")
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def _seven_bit(match: re.Match[str]) -> str:
    """ESC and the letter that stand for an 8-bit control (ECMA-48, 5.3)."""
    return "\x1b" + chr(ord(match[0]) - 0x40)


def _show_hidden(text: str) -> str:
    """``text`` with every control and invisible character visible, but newline, tab and the ESC of an SGR."""
    return text.translate(_PICTURES) if text.isascii() else _HIDDEN.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _PICTURES[code] if code < len(_PICTURES) else _UNKNOWN
