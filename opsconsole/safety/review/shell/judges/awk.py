"""An awk program, token by token: pipes, `system`, redirected output and loaded code are what acts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell import commands, options
from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.facts import Call
from opsconsole.safety.review.shell.judges import program as programs
from opsconsole.safety.review.shell.judges.program import ProgramError
from opsconsole.safety.review.shell.words import Word

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk


def judge(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    line = options.read(spec, args, stop=True)
    if line.has("-f", "--file", "-E", "--exec", "-e", "--source", "-i", "--include", "--version", "--help", "-V", "-h"):
        spec = replace(spec, operands=(("read", "..."),))
    else:
        spec = replace(spec, operands=(("awk", ""), ("read", "...")))
    if any("/inet" in word.shown for word in line.operands):
        walk.deny("network-device", "/inet/… opens a connection", call.span)
    commands.apply(walk, call, spec, line)


def program(walk: Walk, call: Call, word: Word) -> None:
    """Judge the program in `word`, which is literal."""
    programs.judge(walk, call, word, "awk", acts)


_TOKEN = lazy(
    r"""(?P<space>[ \t\r]+|\\\n|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<name>[A-Za-z_]\w*(?:::\w+)?)
      | (?P<op>\|\||\|&|&&|>>|[-+*/%^=!<>]=|\*\*=?|\+\+|--|[-+*/%^=!<>~?:,;(){}\[\]$|@])""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = lazy(r"/(?:[^/\\\n\[]|\\.|\[\^?\]?(?:\[:\w+:\]|[^\]\\\n]|\\.)*\])*/")
_ENDS_OPERAND = frozenset({")", "]", "++", "--"})
_KEYWORDS = frozenset(
    ["print", "printf", "return", "in", "if", "while", "for", "else", "do", "case", "delete", "exit", "getline"]
)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    operand = False
    last = ""
    while at < len(text):
        if text[at] == "/" and last == ")" and "/" in text[at + 1 :].partition("\n")[0]:
            raise ProgramError("a slash after a parenthesis: a division, or the beginning of a regular expression")
        if text[at] == "/" and not operand:
            match = _REGEX.match(text, at)
            if match is None:
                raise ProgramError("a regular expression without an end")
            yield "regex", match[0]
            at, operand, last = match.end(), True, "/"
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise ProgramError(f"{text[at]!r}")
        kind = str(match.lastgroup)
        at = match.end()
        if kind == "space":
            continue
        yield kind, match[0]
        last = match[0]
        operand = (kind in ("string", "number") or (kind == "name" and match[0] not in _KEYWORDS)
                   or match[0] in _ENDS_OPERAND)  # fmt: skip


def acts(text: str) -> Iterator[tuple[str, str | None]]:
    """(kind, target) of what reads other files, writes or executes. Raises ProgramError."""
    tokens = list(_tokens(text))
    printing = False
    depth = 0
    base = 0
    for index, (kind, sign) in enumerate(tokens):
        after = tokens[index + 1] if index + 1 < len(tokens) else ("", "")
        before = tokens[index - 1] if index else ("", "")
        if sign in "([" and kind == "op":
            depth += 1
        elif sign in ")]" and kind == "op":
            depth -= 1
        elif (kind == "newline" and before[1] not in (",", "&&", "||", "?", ":")) or sign in (";", "}", "{"):
            printing = False
        if kind == "name" and sign in ("print", "printf"):
            printing, base = True, depth
        elif kind == "name" and sign == "system":
            yield "execute", None
        elif kind == "name" and sign == "getline":
            place = _reads_file(tokens, index)
            if place is not None:
                named = _string(tokens[place])
                following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
                if named is None or following not in ("", ")", ";", "}", "\n", ">", "{", "&&", "||"):
                    raise ProgramError("getline from a file that is known only when it runs")
                yield "read", named
        elif kind == "op" and sign in ("|", "|&"):
            yield "execute", _string(before if after[1] == "getline" else after)
        elif kind == "op" and sign == "@":
            yield "execute", None
        elif kind == "op" and sign in (">", ">>") and printing and depth == base:
            single = index + 2 >= len(tokens) or tokens[index + 2][1] in (";", "}", "\n", ",")
            target = _string(after) if single else None
            if target not in ("/dev/stdout", "/dev/stderr", "/dev/null"):
                yield "write", target
        if kind == "string" and "/inet" in sign:
            yield "execute", sign


def _reads_file(tokens: Sequence[tuple[str, str]], index: int) -> int | None:
    """Where the file of `getline [var] < file` stands."""
    for at in range(index + 1, min(index + 8, len(tokens))):
        if tokens[at][1] == "<":
            return at + 1 if at + 1 < len(tokens) else None
        if tokens[at][1] in (";", "}", ")", "{"):
            return None
    return None


def _string(token: tuple[str, str]) -> str | None:
    return token[1][1:-1] if token[0] == "string" and "\\" not in token[1] else None
