"""A word of the script, dequoted as bash does it: what is known of it before anything runs.

A word is literal (its `text` is known), or it is known only at run time; then `prefix` is the part before the first
expansion. `splits` says whether it may become none or several words (an unquoted expansion, a glob, a brace).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.patterns import lazy

Node = dict[str, Any]


class Unreadable(Exception):
    """A node of the tree that this code does not know: the script cannot be proven."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


@dataclass(slots=True)
class Word:
    """One word. `text` is None when it is known only at run time. `span` is in bytes of the parsed text."""

    span: Span
    text: str | None
    prefix: str = ""
    quoted: bool = False  # some part of it stands in quotes or behind a backslash
    splits: bool = False
    numeric: bool = False  # it can only be a number
    tilde: bool = False
    glob: bool = False
    parts: list[Node] = field(default_factory=list)
    verbatim: int | None = None  # offset (bytes) of its text in the source, if it stands there unchanged
    vanishes: bool = False  # nothing but unquoted variables that are not set: no word at all
    appended: bool = False  # not in the script: what xargs, find or "$@" puts there

    @property
    def literal(self) -> bool:
        return self.text is not None

    @property
    def shown(self) -> str:
        """For messages: the text, or its known beginning and an ellipsis."""
        return self.text if self.text is not None else self.prefix + "…"

    @property
    def may_be_option(self) -> bool:
        """Whether at run time it could begin with a dash."""
        if self.numeric:
            return False
        return self.shown.startswith("-") if self.prefix or self.text is not None else not self.tilde


def literal(text: str, span: Span) -> Word:
    """A word that a judge makes up (the inner command of a wrapper)."""
    return Word(span, text, text)


def unknown(span: Span, *, splits: bool = False) -> Word:
    return Word(span, None, "", splits=splits, appended=True)


_SPECIAL = lazy(r"[\\*?\[{~]")
_BRACE = lazy(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_GLOB_SET = lazy(r"\[.[^]]*\]")


def lit(node: Node) -> str | None:
    """The text of a Word node that is one plain literal."""
    parts = node.get("Parts", [])
    return parts[0]["Value"] if len(parts) == 1 and parts[0]["Type"] == "Lit" else None


_NAMES = lazy(r"[A-Za-z_]\w*")
_PLACES = frozenset(
    """
    Pos End ValuePos ValueEnd Position Semicolon OpPos Left Right ThenPos FiPos ForPos DoPos DonePos WhilePos InPos
    Lparen Rparen Lbrace Rbrace Dollar Case In Esac Let Time Coproc Hash Comments
""".split()
)


def flat(node: Node) -> str:
    """The text of a Word node as bash would join it, with a mark (a NUL) for each part that is not known."""
    out = []
    for part in node.get("Parts", []):
        kind = part["Type"]
        if kind == "Lit":
            out.append(_unescape(part["Value"])[0])
        elif kind == "SglQuoted":
            try:
                out.append(ansi_c(part.get("Value", "")) if part.get("Dollar") else part.get("Value", ""))
            except Unreadable:
                out.append("\0")
        elif kind == "DblQuoted":
            out += [
                inner["Value"].replace("\\", "") if inner["Type"] == "Lit" else "\0" for inner in part.get("Parts", [])
            ]
        else:
            out.append("\0")
    return "".join(out)


def names_in(node: Node) -> list[str]:
    """What in a Word node could be the name of a variable; that glued to an option (`-vx`) too."""
    text = flat(node)
    found = _NAMES.findall(text)
    if text.startswith("-") and found:
        found += [found[0][start:] for start in range(1, min(len(found[0]), 12))]
    return found


def every_node(tree: Node) -> list[Node]:
    """All nodes below a tree, without those that only say where something stands."""
    found: list[Node] = []
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            found.append(node)
            stack += [child for key, child in node.items() if key not in _PLACES and type(child) in (dict, list)]
        else:
            stack += node
    return found


def span_of(node: Node) -> Span:
    start, end = node.get("Pos"), node.get("End")
    first = start["Offset"] if start else 0
    return Span(first, max(first, end["Offset"]) if end else first)


def read(node: Node, is_numeric: Callable[[Node], bool], known: Callable[[Node], str | None] | None = None) -> Word:
    """The Word of a `Word` node. Expansions inside are not looked at: the walker visits them.

    `is_numeric` tells of an expansion whether it can only be a number, `known` how its value begins: "" when it has
    none (it is not set), "/" for a path; None when that is not known. Raises Unreadable.
    """
    parts: list[Node] = node.get("Parts", [])
    span = span_of(node)
    if len(parts) == 1 and parts[0]["Type"] == "Lit" and not _SPECIAL.search(parts[0]["Value"]):
        text = parts[0]["Value"]
        verbatim = span.start if span.end - span.start == len(text.encode("utf-8", "surrogateescape")) else None
        return Word(span, text, text, parts=parts, verbatim=verbatim)
    begins: list[str] = []
    word = Word(span, None, "", parts=parts)
    dynamic = False
    numeric = bool(parts)
    pieces = _Pieces(word, is_numeric, known or (lambda _: None))
    for index, part in enumerate(parts):
        for text, splits, is_number in pieces.of(part, index == 0):
            if text is None:
                dynamic = True
                word.splits |= splits
                numeric &= is_number
            else:
                numeric &= text.isdigit() or not text
                if not dynamic:
                    begins.append(text)
    word.prefix = "".join(begins)
    word.vanishes = pieces.unset and not word.prefix and not word.quoted and not dynamic
    if _BRACE.search("".join(_raw(part) for part in parts)):
        dynamic = word.splits = True
        word.prefix = word.prefix.partition("{")[0]
        numeric = False
    if word.glob:
        dynamic = word.splits = True
        numeric = False
    if not dynamic:
        word.text = word.prefix
        if len(parts) == 1 and parts[0]["Type"] == "SglQuoted" and not parts[0].get("Dollar"):
            word.verbatim = span.start + 1
        elif len(parts) == 1 and parts[0]["Type"] == "DblQuoted":
            inner = parts[0].get("Parts", [])
            if len(inner) == 1 and inner[0]["Type"] == "Lit" and "\\" not in inner[0]["Value"]:
                word.verbatim = span.start + 1
    word.numeric = numeric and dynamic
    return word


def _raw(part: Node) -> str:
    if part["Type"] == "Lit":
        return re.sub(r"\\.", "", part["Value"], flags=re.DOTALL)
    return "\0" if part["Type"] != "SglQuoted" else "q"


class _Pieces:
    """What each part contributes to a word: (text or None, whether it splits, whether it is a number)."""

    def __init__(self, word: Word, is_numeric: Callable[[Node], bool], known: Callable[[Node], str | None]) -> None:
        self.word = word
        self.is_numeric = is_numeric
        self.known = known
        self.unset = False

    def of(self, part: Node, first: bool) -> Iterator[tuple[str | None, bool, bool]]:
        kind = part["Type"]
        if kind == "Lit":
            yield from self._literal(part["Value"], first)
        elif kind == "SglQuoted":
            self.word.quoted = True
            yield (ansi_c(part.get("Value", "")) if part.get("Dollar") else part.get("Value", "")), False, False
        elif kind == "DblQuoted":
            self.word.quoted = True
            yield from self._quoted(part)
        elif kind == "ProcSubst":
            yield "/dev/fd/", False, False
            yield None, False, False
        elif kind in ("ParamExp", "CmdSubst", "ArithmExp", "ExtGlob"):
            yield from self._expanded(part, quoted=False)
        else:
            raise Unreadable(f"{kind} in a word", part)

    def _literal(self, value: str, first: bool) -> Iterator[tuple[str | None, bool, bool]]:
        if first and value.startswith("~"):
            self.word.tilde = True
        text, glob = _unescape(value)
        if glob is None:
            self.word.quoted |= text != value
            yield text, False, False
        else:
            self.word.glob = True
            yield text[:glob], False, False
            yield None, True, False

    def _quoted(self, part: Node) -> Iterator[tuple[str | None, bool, bool]]:
        for inner in part.get("Parts", []):
            if inner["Type"] == "Lit":
                yield re.sub(r"\\([$`\"\\\n])", lambda m: "" if m[1] == "\n" else m[1], inner["Value"]), False, False
            elif inner["Type"] in ("ParamExp", "CmdSubst", "ArithmExp"):
                yield from self._expanded(inner, quoted=True)
            else:
                raise Unreadable(f"{inner['Type']} inside quotes", inner)
        if not part.get("Parts"):
            yield "", False, False

    def _expanded(self, part: Node, *, quoted: bool) -> Iterator[tuple[str | None, bool, bool]]:
        number = self.is_numeric(part)
        begins = self.known(part)
        if begins == "":
            self.unset = True
            yield "", False, False
            return
        if begins is not None:
            yield begins, False, False
        many = part["Type"] == "ParamExp" and _is_list(part)
        if (
            number
            and part["Type"] == "ParamExp"
            and part["Param"]["Value"] not in ("#", "?", "$")
            and not part.get("Length")
        ):
            number_splits = not quoted  # it may not have been set yet: no word at all
            yield None, number_splits, True
            return
        yield None, many if quoted else not number and begins is None, number


def _is_list(node: Node) -> bool:
    """`"$@"` and `"${a[@]}"` are any number of words."""
    if node.get("Param", {}).get("Value") == "@" or node.get("Names") == "@":
        return True
    index = node.get("Index")
    parts = index.get("Parts", []) if index else []
    return len(parts) == 1 and parts[0].get("Value") == "@"


def _unescape(value: str) -> tuple[str, int | None]:
    """An unquoted literal without its backslashes, and where in it the first active glob character is."""
    out: list[str] = []
    glob: int | None = None
    index = 0
    while index < len(value):
        character = value[index]
        if character == "\\" and index + 1 < len(value):
            if value[index + 1] != "\n":
                out.append(value[index + 1])
            index += 2
            continue
        if glob is None and (character in "*?" or (character == "[" and _GLOB_SET.match(value, index))):
            glob = len(out)
        out.append(character)
        index += 1
    return "".join(out), glob


_ANSI = lazy(
    r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|c(.))",
    re.DOTALL,
)
_NAMED = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def ansi_c(value: str) -> str:
    r"""The text of `$'…'`. A NUL ends it, as in bash. Raises Unreadable for bytes that are no characters."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return _NAMED.get(match[1], match[1])
        if match[6]:
            return chr(ord(match[6].upper()) ^ 0x40) if ord(match[6]) < 128 else match[6]
        digits, base = next((match[n], 8 if n == 2 else 16) for n in (2, 3, 4, 5) if match[n])
        code = int(digits, base)
        if match[2] or match[3]:
            code &= 0xFF
            if code > 0x7F:
                raise Unreadable("a byte that is not ASCII, spelled as a number")
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise Unreadable("a character that does not exist")
        return chr(code)

    return _ANSI.sub(one, value).partition("\0")[0]


def heredoc_text(node: Node) -> str | None:
    """The text of a here-document, or None when something in it is expanded."""
    out = []
    for part in node.get("Parts", []):
        if part["Type"] != "Lit":
            return None
        out.append(re.sub(r"\\([$`\\\n])", lambda m: "" if m[1] == "\n" else m[1], part["Value"]))
    return "".join(out)
