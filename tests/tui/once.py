"""What every console reads at its start is read once, and not once for each of a thousand tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from opsconsole.tui import theming

_MOST = 2000
_parse_rules = Stylesheet._parse_rules
_read_theme = theming.read_theme
_rules: dict[tuple[Any, ...], list[RuleSet]] = {}
_colours: dict[int, tuple[dict[str, str], frozenset[tuple[str, str]]]] = {}
"""By the id of what they were made of, which is held, so that its id stays its own."""
_themes: dict[tuple[Path, str], theming.ReadTheme] = {}


def rules_of(self: Stylesheet, css: str, read_from: Any, *more: Any, **known: Any) -> list[RuleSet]:
    """In the place of `Stylesheet._parse_rules`: the same text, from the same place, with the same colours."""
    key = (css, read_from, more, *sorted(known.items()), _colours_of(self._variables))
    if (found := _rules.get(key)) is None:
        found = _parse_rules(self, css, read_from, *more, **known)
        _keep(_rules, key, found)
    return found


def _colours_of(variables: dict[str, str]) -> frozenset[tuple[str, str]]:
    found = _colours.get(id(variables))
    if found is None:
        found = variables, frozenset(variables.items())
        _keep(_colours, id(variables), found)
    return found[1]


def theme_in(file: Path) -> theming.ReadTheme:
    """In the place of `theming.read_theme`: the same file with the same text. What it refuses is refused each time."""
    key = file, theming.read_text(file, theming._MOST_BYTES)
    if (found := _themes.get(key)) is None:
        found = _read_theme(file)
        _keep(_themes, key, found)
    return found


def _keep(known: dict[Any, Any], key: Any, found: Any) -> None:
    if len(known) >= _MOST:
        known.clear()
    known[key] = found
