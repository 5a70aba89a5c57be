"""Theme files (TOML) become Textual themes; one that is wrong is named and skipped, and never stops the start."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

DEFAULT_THEME = "opsconsole"
MONOCHROME_THEME = "ansi-dark"
_COLOURS = frozenset(
    {
        "primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface",
        "panel", "boost",
    }
)  # fmt: skip
_KEYS = frozenset({"name", "dark", "ansi", "colours", "variables"})


class ThemeError(ValueError):
    """Raised when a theme file says something that makes no theme."""


@dataclass(frozen=True, slots=True)
class LoadedThemes:
    """What a folder held: the themes, and a sentence about each file that is none."""

    themes: list[Theme] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def load_themes(folders: Iterable[Path]) -> LoadedThemes:
    """All `*.toml` of the folders, in order of name; a missing folder holds none."""
    loaded = LoadedThemes()
    for folder in folders:
        for file in sorted(folder.glob("*.toml")):
            try:
                loaded.themes.append(read_theme(file))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ThemeError) as error:
                loaded.failures.append(f"theme {file.name} was skipped: {error}")
    return loaded


def read_theme(file: Path) -> Theme:
    """Raises OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ThemeError."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    _reject_unknown(data, _KEYS, "key")
    colours: dict[str, Any] = dict(_strings(data, "colours"))
    _reject_unknown(colours, _COLOURS, "colour")
    if "primary" not in colours:
        raise ThemeError("colours.primary is missing")
    for name, value in colours.items():
        try:
            Color.parse(value)
        except ColorParseError as error:
            raise ThemeError(f"colours.{name}: {value!r} is not a colour") from error
    return Theme(
        name=str(data.get("name", file.stem)),
        dark=bool(data.get("dark", True)),
        ansi=bool(data.get("ansi", False)),
        variables=_strings(data, "variables"),
        **colours,
    )


def _strings(data: Mapping[str, Any], key: str) -> dict[str, str]:
    section = data.get(key, {})
    if not isinstance(section, dict) or not all(isinstance(value, str) for value in section.values()):
        raise ThemeError(f"{key} must be a section of texts")
    return section


def _reject_unknown(data: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    if unknown := sorted(set(data) - known):
        raise ThemeError(f"unknown {what} {unknown[0]!r}")
