"""Every setting with its value, default, origin and documentation; and whether a new value can be."""

from __future__ import annotations

import copy
import re
import typing
from collections.abc import Container, Mapping
from dataclasses import dataclass, is_dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any, Literal

from opsconsole.errors import SettingsError
from opsconsole.models import MIB
from opsconsole.settings import SIZES, Settings, documented, range_of, settings_of, variable_of
from opsconsole.toml_files import NotTomlError, parse
from opsconsole.tui.screens.settings import toml_file
from opsconsole.tui.wording import shortened

Origin = Literal["default", "file", "environment"]
Kind = Literal["truth", "choice", "whole", "number", "size", "text", "list", "map"]
_UNITS = {"_s": "seconds", "_h": "hours", "_d": "days", "_days": "days", "_bps": "bytes per second"}
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Setting:
    """`value` is in force; `next` is what the file and the environment say now, and `in_file` the file alone."""

    name: str
    value: Any
    default: Any
    meaning: str
    origin: Origin
    next: Any
    in_file: Any
    """None: it is not there."""
    kind: Kind
    choices: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def key(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))

    @property
    def changed(self) -> bool:
        return bool(self.value != self.default)

    @property
    def pending(self) -> bool:
        """The file says something else by now."""
        return bool(self.next != self.value)

    @property
    def unit(self) -> str:
        if self.kind == "size":
            return "bytes per second" if self.key.endswith("_bps") else "bytes"
        return next((unit for end, unit in _UNITS.items() if self.key.endswith(end)), "")

    @property
    def range(self) -> str:
        """What it may be, in words."""
        if self.kind in ("truth", "choice"):
            return " or ".join(self.choices)
        if self.kind in ("whole", "number", "size"):
            sort = {"whole": "a whole number", "number": "a number", "size": "a size such as 64M"}[self.kind]
            return f"{sort}, {range_of(self.name) or 'at least 0'}"
        return {"list": "a list, with commas", "map": "a table on one line: {name = …}"}.get(self.kind, "text")


@dataclass(frozen=True, slots=True)
class Known:
    """All settings; `problem`: why the file was not understood, and nothing can be written to it."""

    settings: tuple[Setting, ...]
    file: Path
    there: bool
    problem: SettingsError | None = None


def read(in_force: Settings, file: Path, environ: Mapping[str, str]) -> Known:
    """What is in force, beside what file and environment say now."""
    problem: SettingsError | None = None
    data: dict[str, Any] = {}
    now = in_force
    try:
        data = toml_file.read(file)[1]
        now = settings_of(copy.deepcopy(data), environ, shortened(file))
    except SettingsError as error:
        problem = error
    found = [_setting(in_force, now, name, default, meaning, data, environ) for name, default, meaning in _documented()]
    return Known(tuple(found), file, file.is_file(), problem)


@lru_cache(1)
def _documented() -> tuple[tuple[str, Any, str], ...]:
    return tuple(documented())


def _setting(
    in_force: Settings, now: Settings, name: str, default: Any, meaning: str, data: Any, environ: Mapping[str, str]
) -> Setting:
    path = name.split(".")
    in_file = reduce(lambda at, part: at.get(part) if isinstance(at, Mapping) else None, path, data)
    by_environment = any(key.upper() == variable_of(name) for key in environ)
    origin: Origin = "environment" if by_environment else "default" if in_file is None else "file"
    kind, choices = _kind(name)
    value, after = (reduce(getattr, path, one) for one in (in_force, now))
    return Setting(name, value, default, meaning, origin, after, in_file, kind, choices)


@lru_cache(512)
def _kind(name: str) -> tuple[Kind, tuple[str, ...]]:
    *sections, key = name.split(".")
    hint = _hints(".".join(sections))[key]
    origin = typing.get_origin(hint)
    if hint is bool:
        return "truth", ("true", "false")
    if origin is Literal:
        return "choice", typing.get_args(hint)
    if key in SIZES:
        return "size", ()
    if hint in (int, float):
        return ("whole" if hint is int else "number"), ()
    return "list" if origin is tuple else "text" if hint is str else "map", ()


@lru_cache(64)
def _hints(section: str) -> dict[str, Any]:
    return typing.get_type_hints(type(reduce(getattr, section.split(".") if section else [], Settings())))


def shown(one: Setting, value: Any = _NOTHING) -> str:
    """A value as it would be typed. Outside text: not yet harmless."""
    value = one.value if value is _NOTHING else value
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if one.kind == "size" and isinstance(value, int):
        return size(value)
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, Mapping):
        return toml_file.literal(_plain(value)) if value else ""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def said(one: Setting, value: Any) -> str:
    """A value for people: what is empty can be seen."""
    return shown(one, value) or {"list": "none", "map": "none"}.get(one.kind, '""')


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def size(value: int) -> str:
    """As the settings take it: `64M`; what is no whole number of these is in bytes."""
    for unit, bytes_ in (("G", 1024 * MIB), ("M", MIB), ("K", 1024)):
        if value and value % bytes_ == 0:
            return f"{value // bytes_}{unit}"
    return str(value)


def typed(one: Setting, text: str) -> Any:
    """What was typed, as the file takes it. Raises SettingsError."""
    text = text.strip() if one.kind != "text" else text
    if one.kind == "truth":
        return text == "true"
    if one.kind in ("whole", "number", "size"):
        return _number(text)
    if one.kind == "list":
        words = re.split(r"\s*,\s*", text.strip("[] ")) if text.strip("[] ") else []
        return [_number(word) if one.key == "exit_codes" else word.strip("\"'") for word in words]
    if one.kind == "map":
        try:
            return parse(f"x = {text or '{}'}")["x"]
        except NotTomlError as error:
            raise SettingsError(f"that is no table of TOML: {error}", hint='such as {name = "value"}') from error
    return text


def _number(text: str) -> Any:
    """What is none stays a text, and is refused with the words for it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def must_be_there(one: Setting, value: Any, themes: Container[str]) -> None:
    """Raises SettingsError for a theme that there is not: the start would have another one, and say so."""
    if one.name == "console.theme" and value and str(value) not in themes:
        raise SettingsError(f"there is no theme called {value}", hint="the page Themes lists those there are")


def check(data: Mapping[str, Any], one: Setting, value: Any, environ: Mapping[str, str], where: str) -> Settings:
    """The settings there would be; None takes it out. Raises SettingsError, from the same code as at the start."""
    from opsconsole.monitoring.detection.thresholds import parse

    changed = copy.deepcopy(dict(data))
    toml_file.put(changed, one.path, value)
    settings_of(copy.deepcopy(changed), {}, where)  # what the environment hides must be sound too
    settings = settings_of(changed, environ, where)
    parse(settings.monitor.thresholds)
    return settings


def save(file: Path, one: Setting, value: Any, environ: Mapping[str, str]) -> Settings:
    """Write one value, or take it out (None); the settings there are now. Raises SettingsError, and changes nothing."""
    text, data = toml_file.read(file)
    settings = check(data, one, value, environ, shortened(file))
    toml_file.write(file, toml_file.changed(text, one.path, value))
    return settings
