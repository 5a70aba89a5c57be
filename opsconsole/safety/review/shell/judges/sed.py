"""A sed program, command by command: which of them write a file or run a shell command (`w`, `W`, `e`, `s///e`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
    line = options.read(spec, args)
    if line.has("-e", "--expression", "-f", "--file"):
        from dataclasses import replace

        spec = replace(spec, operands=(("read", "..."),))
    commands.apply(walk, call, spec, line)


def program(walk: Walk, call: Call, word: Word) -> None:
    """Judge the program in `word`, which is literal."""
    programs.judge(walk, call, word, "sed", acts)


_ADDRESS = lazy(r"(?:\d+(?:~\d+)?|\$|[+~]\d+)")
_PLAIN = frozenset("=dDgGhHlLnNpPqQxzF")


def acts(text: str) -> Iterator[tuple[str, str | None]]:
    """(kind, target) of each command that reads, writes or executes. Raises ProgramError."""
    at = 0
    depth = 0
    while at < len(text):
        if text[at] in " \t\n;":
            at += 1
            continue
        if text[at] == "#":
            at = _line_end(text, at)
            continue
        at = _addresses(text, at)
        while at < len(text) and text[at] in " \t!":
            at += 1
        if at >= len(text):
            raise ProgramError("an address without a command")
        command = text[at]
        at += 1
        if command == "{":
            depth += 1
        elif command == "}":
            depth -= 1
        elif command in _PLAIN:
            at = _spaces(text, at)
            while at < len(text) and text[at].isdigit():
                at += 1
            at = _end(text, at)
        elif command in ":btTv":
            at = _label(text, _spaces(text, at))
        elif command in "aic":
            at = _text_end(text, at)
        elif command in "rRwW":
            end = _line_end(text, at)
            name = text[at:end].strip()
            at = end
            if command in "rR":
                yield "read", name
            elif name not in ("/dev/stdout", "/dev/stderr"):
                yield "write", name
        elif command == "e":
            end = _line_end(text, at)
            yield "execute", text[at:end].strip() or None
            at = end
        elif command in "sy":
            at = _substitution(text, at)
            if command == "s":
                found, at = _flags(text, at)
                yield from found
            else:
                at = _end(text, at)
        else:
            raise ProgramError(f"the command {command!r}")
    if depth:
        raise ProgramError("braces that do not match")


def _addresses(text: str, at: int) -> int:
    for _ in range(2):
        match = _ADDRESS.match(text, at)
        if match:
            at = match.end()
        elif text[at : at + 1] == "/" or (text[at : at + 1] == "\\" and at + 1 < len(text)):
            delimiter = "/" if text[at] == "/" else text[at + 1]
            at = _until(text, at + (1 if text[at] == "/" else 2), delimiter)
            while at < len(text) and text[at] in "IM":
                at += 1
        else:
            return at
        at = _spaces(text, at)
        if text[at : at + 1] != ",":
            return at
        at = _spaces(text, at + 1)
    return at


_BRACKET = lazy(r"\[\^?\]?(?:\[[:.=].*?[:.=]\]|[^\]])*\]", re.DOTALL)


def _until(text: str, at: int, delimiter: str, *, regex: bool = True) -> int:
    """The index after the next `delimiter` that no backslash escapes. One in brackets is read in two ways."""
    if delimiter in "\n\\":
        raise ProgramError("that delimiter")
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == delimiter:
            return at + 1
        elif text[at] == "[" and regex:
            bracket = _BRACKET.match(text, at)
            if bracket and delimiter in bracket[0]:
                raise ProgramError(f"{delimiter!r} in brackets")
            at += 1
        else:
            at += 1
    raise ProgramError(f"{delimiter!r} is missing")


def _substitution(text: str, at: int) -> int:
    if at >= len(text):
        raise ProgramError("an unfinished command")
    delimiter = text[at]
    at = _until(text, at + 1, delimiter)
    return _until(text, at, delimiter, regex=False)


def _flags(text: str, at: int) -> tuple[list[tuple[str, str | None]], int]:
    """What the flags of `s` do, and where they end."""
    found: list[tuple[str, str | None]] = []
    while at < len(text):
        flag = text[at]
        if flag == "w":
            end = _line_end(text, at)
            name = text[at + 1 : end].strip()
            if name not in ("/dev/stdout", "/dev/stderr"):
                found.append(("write", name))
            return found, end
        if flag == "e":
            found.append(("execute", None))
        elif flag not in "gpiImM" and not flag.isdigit():
            break
        at += 1
    return found, _end(text, at)


def _end(text: str, at: int) -> int:
    at = _spaces(text, at)
    if at < len(text) and text[at] not in ";\n}#":
        raise ProgramError(f"{text[at]!r} after a command")
    return at


def _spaces(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _label(text: str, at: int) -> int:
    while at < len(text) and text[at] not in "; \t\n}":
        at += 1
    return at


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _text_end(text: str, at: int) -> int:
    """After the text of a, i or c: it goes on after a line that ends in a backslash."""
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "\n":
            return at
        else:
            at += 1
    return len(text)
