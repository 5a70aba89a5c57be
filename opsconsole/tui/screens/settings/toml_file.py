"""Change one value of a TOML file and leave every other byte as it is: comments, order, spaces.

The change is made on the text, then the text is parsed: where that does not give exactly what was meant (a form this
module does not know), nothing is written. A file that cannot be parsed is never touched.
"""

from __future__ import annotations

import copy
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsconsole.atomic import write_atomically
from opsconsole.errors import SettingsError
from opsconsole.toml_files import NotTomlError, parse, read_text
from opsconsole.tui.wording import shortened

Name = tuple[str, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.?)""")
_BY_HAND = "change it in an editor"


@dataclass(frozen=True, slots=True)
class _Statement:
    """`[a.b]` or `key = value`: its full name, and where it and its value stand in the text."""

    path: Name
    table: Name
    """The section it stands in, or opens."""
    opens: bool
    begin: int
    value: int
    value_end: int
    end: int


def read(file: Path) -> tuple[str, dict[str, Any]]:
    """The text and what it says; nothing of a file that is not there. Raises SettingsError."""
    name, repair = shortened(file), "repair it; it was not touched"
    try:
        text = read_text(file)
        return text, parse(text)
    except (FileNotFoundError, NotADirectoryError):
        return "", {}
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not text in UTF-8: {error}", hint=repair) from error
    except NotTomlError as error:
        raise SettingsError(f"{name} is not valid TOML: {error}", hint=repair) from error


def changed(text: str, path: Name, value: Any) -> str:
    """The text with this value; None takes the setting out. Raises SettingsError for a form that is not known."""
    meant = tomllib.loads(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    put(meant, path, value)
    try:
        found = _without(text, path) if value is None else _with(text, path, literal(value), newline)
        if tomllib.loads(found) == meant:
            return found
    except (tomllib.TOMLDecodeError, _Unknown):
        pass
    raise SettingsError(f"{'.'.join(path)} is written in a way that is not changed from here", hint=_BY_HAND)


def write(file: Path, text: str) -> None:
    """All of it or nothing; where the file is a link, what it points to. Raises SettingsError."""
    try:
        target = file.resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            raise SettingsError(f"{shortened(file)} is no ordinary file: it was not touched")
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        write_atomically(target, text.encode("utf-8"), mode)
    except OSError as error:
        raise SettingsError(f"{shortened(file)} cannot be written: {error.strerror}", hint="it is as it was") from error


def literal(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {"inf": "inf", "-inf": "-inf"}.get(str(value), "nan")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))} = {literal(one)}" for key, one in value.items()) + "}"
    return "[" + ", ".join(map(literal, value)) + "]"


class _Unknown(Exception):
    """The text has a form that is not known here."""


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else literal(name)


def put(data: dict[str, Any], path: Name, value: Any) -> None:
    """Set one value in what a file says; None takes it out. Raises SettingsError."""
    *sections, last = path
    at: Any = data
    for part in sections:
        if value is None and part not in at:
            return
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise SettingsError(f"{'.'.join(path)}: {part} is a value in the file, not a section", hint=_BY_HAND)
    if value is None:
        at.pop(last, None)
    else:
        at[last] = copy.deepcopy(list(value) if isinstance(value, tuple) else value)


def _with(text: str, path: Name, value: str, newline: str) -> str:
    statements = _statements(text)
    for one in statements:
        if one.path == path and not one.opens:
            return text[: one.value] + value + text[one.value_end :]
    section, line = path[:-1], f"{_key(path[-1])} = {value}{newline}"
    own = [one for one in statements if one.table == section and (one.opens or section == ())]
    if own:
        last = [one for one in statements if one.table == section][-1]
        return _inserted(text, last.end, line, newline)
    dotted = [one for one in statements if not one.opens and one.path[: len(section)] == section and section]
    if dotted:
        last = dotted[-1]
        if last.table != section[: len(last.table)]:
            raise _Unknown
        name = ".".join(map(_key, path[len(last.table) :]))
        return _inserted(text, last.end, f"{name} = {value}{newline}", newline)
    if not section:
        return _before_sections(text, statements, line, newline)
    gap = newline if text.strip() else ""
    return _inserted(text, len(text), f"{gap}[{'.'.join(map(_key, section))}]{newline}{line}", newline)


def _before_sections(text: str, statements: Sequence[_Statement], line: str, newline: str) -> str:
    """A setting of no section in a file that has only sections: before the first, and before the comment over it."""
    if not statements:
        return _inserted(text, len(text), line, newline)
    at = statements[0].begin
    while at > 0:
        before = text.rfind("\n", 0, at - 1) + 1
        if not text[before:at].lstrip().startswith("#"):
            break
        at = before
    return text[:at] + line + newline + text[at:]


def _inserted(text: str, at: int, line: str, newline: str) -> str:
    gap = "" if at == 0 or text[at - 1] == "\n" else newline
    return text[:at] + gap + line + text[at:]


def _without(text: str, path: Name) -> str:
    for one in _statements(text):
        if one.path == path and not one.opens:
            return text[: one.begin] + text[one.end :]
    return text


def _statements(text: str) -> list[_Statement]:
    """Every heading and every key of a sound file, in order."""
    found: list[_Statement] = []
    table: Name = ()
    at = 0
    while at < len(text):
        end = _end_of_line(text, at)
        line = text[at:end].strip()
        if not line or line.startswith("#"):
            at = end
            continue
        if line.startswith("["):
            inner = line.split("#", 1)[0].strip() if '"' not in line and "'" not in line else line
            many = inner.startswith("[[")
            table, _ = _name(inner, 2 if many else 1, "]")
            if many:
                table = (*table, "[]")  # each is another one: nothing in it is ours to change
            found.append(_Statement(table, table, True, at, at, at, end))
        else:
            path, value = _name(text, at, "=")
            value += len(text[value:]) - len(text[value:].lstrip(" \t"))
            value_end = _end_of_value(text, value)
            end = _end_of_line(text, value_end)
            found.append(_Statement((*table, *path), table, False, at, value, value_end, end))
        at = end
    return found


def _end_of_line(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)


def _name(text: str, at: int, until: str) -> tuple[Name, int]:
    """A dotted key from `at`, and where what follows `until` begins. Raises _Unknown."""
    parts: list[str] = []
    while match := _WORD.match(text, at):
        word, at = match[1], match.end()
        parts.append(tomllib.loads(f"x = {word}")["x"] if word[0] in "\"'" else word)
        if not match[2]:
            break
    if not parts or not text.startswith(until, at):
        raise _Unknown
    return tuple(parts), at + 1


def _end_of_value(text: str, at: int) -> int:
    """Where a value ends: over the lines of an array or of a long text."""
    depth, last = 0, at
    while at < len(text):
        here = text[at]
        if here in "\"'":
            at = last = _end_of_text(text, at)
            continue
        if here == "#":
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            if depth == 0:
                break
            continue
        if here == "\n" and depth == 0:
            break
        depth += (here in "[{") - (here in "]}")
        at += 1
        if not here.isspace():
            last = at
    return last


def _end_of_text(text: str, at: int) -> int:
    quote = text[at]
    if text.startswith(quote * 3, at):
        at += 3
        while not text.startswith(quote * 3, at):
            at += 2 if text[at] == "\\" and quote == '"' else 1
            if at >= len(text):
                raise _Unknown
        at += 3
        while text.startswith(quote, at):  # one or two more belong to the text
            at += 1
        return at
    at += 1
    while text[at] != quote:
        at += 2 if text[at] == "\\" and quote == '"' else 1
    return at + 1
