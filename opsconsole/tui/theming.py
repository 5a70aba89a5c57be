"""Theme files (TOML) become Textual themes; one that is wrong is named with its line and skipped, and stops nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.design import ColorSystem
from textual.theme import Theme

from opsconsole.safety.sanitise import sanitise_name
from opsconsole.toml_files import NotTomlError, parse, read_text
from opsconsole.tui.widgets.shades import SHADED
from opsconsole.values import dataclass

DEFAULT_THEME = "opsconsole"
MONOCHROME_THEME = "monochrome"
SIXTEEN_THEME = "terminal-16"
_COLOURS = frozenset(
    {
        "primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface",
        "panel", "boost",
    }
)  # fmt: skip
_KEYS = frozenset({"name", "dark", "ansi", "colourless", "colours", "variables"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OWN = frozenset({"foreground-disabled", *filter(None, SHADED.values())})
_FLAG = "(?:not )?(?:bold|dim|italic|underline|reverse|strike|b|i|u)"
_STYLE = re.compile(f"none|{_FLAG}(?: {_FLAG})*")
_WHOLE = frozenset({"background-darken-1", "primary-lighten-1"})
"""Textual works other colours out of these, and takes no share of one."""
_WITH_SHARE = re.compile(r"(\S+)(?: +\d{1,3}%)?")
_MOST_BYTES = 65_536
_DEEP = ("truecolor", "24bit")


class ThemeError(ValueError):
    """Raised when a theme file says something that makes no theme; `key` is where."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class ReadTheme:
    theme: Theme
    colourless: bool
    """Nothing is drawn in any colour, not even the terminal's own."""
    file: Path


@dataclass(frozen=True, slots=True)
class LoadedThemes:
    """What the folders held, a sentence about each file that is no theme, and what else is worth knowing."""

    read: dict[str, ReadTheme] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def themes(self) -> list[Theme]:
        return [one.theme for one in self.read.values()]

    @property
    def colourless(self) -> frozenset[str]:
        return frozenset(name for name, one in self.read.items() if one.colourless)


def load_themes(folders: Iterable[Path]) -> LoadedThemes:
    """All `*.toml` of the folders, in order of name; a missing folder holds none. Of two themes with one name that of
    the later folder is taken, within a folder the first one."""
    loaded = LoadedThemes()
    for folder in folders:
        for file in _files(folder, loaded):
            try:
                one = read_theme(file)
            except (OSError, UnicodeDecodeError, NotTomlError, ThemeError) as error:
                loaded.failures.append(f"theme {sanitise_name(file.name)} was skipped: {sanitise_name(str(error))}")
                continue
            _keep(one, loaded)
    return loaded


def _files(folder: Path, loaded: LoadedThemes) -> list[Path]:
    try:
        return sorted(folder.glob("*.toml"))
    except OSError as error:
        loaded.failures.append(f"themes of {sanitise_name(str(folder))} were skipped: {error.strerror}")
        return []


def _keep(one: ReadTheme, loaded: LoadedThemes) -> None:
    name = one.theme.name
    before = loaded.read.get(name)
    if before is not None and before.file.parent == one.file.parent:
        loaded.failures.append(
            f"theme {sanitise_name(one.file.name)} was skipped: {sanitise_name(before.file.name)} is called {name} too"
        )
        return
    if before is not None:
        loaded.notes.append(f"your theme {name} ({sanitise_name(one.file.name)}) stands in for the shipped one")
    loaded.read[name] = one


def read_theme(file: Path) -> ReadTheme:
    """Raises OSError, UnicodeDecodeError, NotTomlError, ThemeError."""
    text = read_text(file, _MOST_BYTES)
    try:
        return _theme_of(parse(text), file)
    except ThemeError as error:
        line = _line_of(error.key, text)
        raise ThemeError(f"line {line}: {error}" if line else str(error), error.key) from error


def _theme_of(data: dict[str, Any], file: Path) -> ReadTheme:
    _reject_unknown(data, _KEYS, "key")
    name = data.get("name", file.stem)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ThemeError(f"{name!r:.80} is no name: letters, digits, - _ and ., 64 at the most", "name")
    colours: dict[str, Any] = dict(_strings(data, "colours"))
    _reject_unknown(colours, _COLOURS, "colour")
    if "primary" not in colours:
        raise ThemeError("colours.primary is missing")
    for key, value in colours.items():
        if not _is_colour(value):
            raise ThemeError(f"colours.{key}: {value!r:.80} is not a colour", key)
    variables = _strings(data, "variables")
    _reject_unknown(variables, _variables(), "variable")
    for key, value in variables.items():
        if not (_is_style(value) if _is_for_style(key) else _is_value(key, value)):
            raise ThemeError(f"variables.{key}: {value!r:.80} is not a {_kind(key)}", key)
    dark, ansi, colourless = (_flag(data, key) for key in ("dark", "ansi", "colourless"))
    theme = Theme(name=name, dark=True if dark is None else dark, ansi=bool(ansi), variables=variables, **colours)
    return ReadTheme(theme, bool(colourless), file)


def theme_for(environ: Mapping[str, str], setting: str, available: Iterable[str]) -> tuple[str, str | None]:
    """The theme to begin with, and what is to be said about it: that the wished one is not there.

    NO_COLOR goes before the setting, that before TEXTUAL_THEME, that before what suits the terminal.
    """
    names = set(available)
    usual = SIXTEEN_THEME if has_sixteen_colours(environ) else DEFAULT_THEME
    usual = usual if usual in names else "textual-dark"
    if "NO_COLOR" in environ:
        return (MONOCHROME_THEME if MONOCHROME_THEME in names else "ansi-dark"), None
    wished = setting or environ.get("TEXTUAL_THEME", "")
    if wished and wished not in names:
        return usual, f"there is no theme called {sanitise_name(wished, limit=64)}; {usual} is used"
    return wished or usual, None


def has_sixteen_colours(environ: Mapping[str, str]) -> bool:
    """Whether the terminal says that it has no more: finer ones would be rounded to what they are not."""
    term = environ.get("TERM", "")
    if not term or environ.get("COLORTERM", "").strip().lower() in _DEEP:
        return False
    return not term.endswith(("256color", "-direct", "kitty", "truecolor", "24bit"))


@lru_cache(1)
def _variables() -> frozenset[str]:
    """What a theme can set: Textual's own names, in dark themes and in those of the terminal's colours."""
    plain, ansi = ColorSystem("#000000", dark=True), ColorSystem("ansi_blue", ansi=True)
    return frozenset(plain.generate()) | frozenset(ansi.generate()) | _OWN


@lru_cache(1)
def _contrasting() -> frozenset[str]:
    """What may be `auto`, which suits the ground it stands on: sheets have the others where that means nothing."""
    return frozenset(name for name, value in ColorSystem("#000000").generate().items() if value.startswith("auto"))


def _is_colour(value: str) -> bool:
    try:
        Color.parse(value)
    except ColorParseError:
        return False
    return "auto" not in value


def _is_value(key: str, value: str) -> bool:
    """A colour, of which a share may be had where the sheets can."""
    match = _WITH_SHARE.fullmatch(value)
    if match is None or (key in _WHOLE and match[0] != match[1]):
        return False
    return _is_colour(match[1]) or (match[1] == "auto" and key in _contrasting())


def _is_style(value: str) -> bool:
    return _STYLE.fullmatch(" ".join(value.split())) is not None


def _is_for_style(key: str) -> bool:
    return "-style" in key  # link-style-hover is one too


def _kind(key: str) -> str:
    return "text style" if _is_for_style(key) else "colour"


def _flag(data: Mapping[str, Any], key: str) -> bool | None:
    value = data.get(key)
    if value is not None and not isinstance(value, bool):
        raise ThemeError(f"{key} must be true or false", key)
    return value


def _strings(data: Mapping[str, Any], key: str) -> dict[str, str]:
    section = data.get(key, {})
    if not isinstance(section, dict) or not all(isinstance(value, str) for value in section.values()):
        raise ThemeError(f"{key} must be a section of texts", key)
    return section


def _reject_unknown(data: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    if unknown := sorted(set(data) - known):
        raise ThemeError(f"unknown {what} {unknown[0]!r:.80}", unknown[0])


def _line_of(key: str, text: str) -> int | None:
    """The first line that sets the key, or begins its section."""
    sets = re.compile(rf"\s*(?:\[\s*)?[\"']?{re.escape(key)}[\"']?\s*[\]=]") if key else None
    found = (number for number, line in enumerate(text.splitlines(), 1) if sets and sets.match(line))
    return next(found, None)
