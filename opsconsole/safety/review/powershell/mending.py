"""Text that the grammar reads wrongly or not at all, respelled byte for byte before it is parsed.

The tree is made of the mended bytes, the words are always taken from the original ones at the same offsets. Every
change keeps what PowerShell would do: case is folded (the language has none), a bare word in a list of arguments
becomes a number of the same length (`Select-Object Name, CPU`), a path after a variable becomes part of its name
(`$env:TEMP\\x`), `.ForEach(` becomes another method name. The walk refuses such a number or variable anywhere but
among arguments, so that a wrong guess here is a refusal, never an oversight.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb"""
    (?P<skip> <\#.*?(?:\#>|\Z) | @"[ \t]*\r?\n.*?(?:\n"@|\Z) | @'[ \t]*\r?\n.*?(?:\n'@|\Z)
            | (?<![^\s;{}(),|&=])\#[^\n]* | "(?:[^"`]|`.|"")*(?:"|\Z) | '[^']*(?:'|\Z) | `. )
  | (?P<comma> ,\s* )
  | (?P<each> \.foreach(?=\() )
  | (?P<path> \$(?:env:)?\w+(?:\\[\w.*?~-]*)+ )
  | (?P<word> (?<![^\s,])[a-z0-9_*~\\.][\w.:\\/*?~-]* )
    """,
    re.DOTALL | re.VERBOSE,
)
_BEFORE_COMMA = re.compile(rb"[ \t]*,")
_KEYWORDS = frozenset((b"return", b"throw", b"exit", b"in", b"else"))
_NOT_A_WORD = re.compile(rb"[ \t]*[=\]]")

# PowerShell takes these for quotes, dashes and blanks, the grammar does not: it would read another program.
CONFUSING = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2013-\u2015\u2018-\u201e\u2028-\u202f\u205f-\u206f\u3000"
    r"\ufeff\ud800-\udfff]|\r(?!\n)|(?<=`)\r",
)
_MARK = b"\xef\xbb\xbf"  # PowerShell passes over a byte-order mark


def mend(raw: bytes) -> bytes:
    """The same number of bytes, for the parser."""
    if raw.startswith(_MARK):
        raw = b"   " + raw[3:]
    low = raw.lower()  # ASCII only, for bytes
    pieces: list[bytes] = []
    end = 0
    after_comma = -1
    for match in _TOKEN.finditer(low):
        kind = match.lastgroup
        start, stop = match.span()
        found = match.group()
        if kind == "comma":
            after_comma = stop
            continue
        if kind == "each":
            replaced = b".fffeach"
        elif kind == "path":
            replaced = b"$" + b"x" * (len(found) - 1)
        elif kind == "word":
            listed = after_comma == start or _BEFORE_COMMA.match(low, stop)
            if not listed or found in _KEYWORDS or _NOT_A_WORD.match(low, stop):
                continue
            replaced = b"1" * len(found)
        else:
            continue
        pieces += (low[end:start], replaced)
        end = stop
    pieces.append(low[end:])
    return b"".join(pieces)
