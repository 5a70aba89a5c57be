"""The keys of actions as they are bound now, for footers and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.keys import Keys
from textual.screen import Screen

from opsconsole.tui.actions import ACTIONS, BY_ID

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_NAMES = {"enter": "enter", "escape": "esc"}
"""Of every key that was asked for, once: a footer asks for some eighty."""
_NO_TEXT = frozenset(key.value for key in Keys) - {"space"}


def shown_keys(screen: Screen[Any]) -> dict[str, list[str]]:
    """Action's id → its keys, of every action that works on the screen with what is focused there."""
    app, keys = cast("ConsoleApp", screen.app), dict[str, list[str]]()
    for active in screen.active_bindings.values():
        name = active.binding.id
        if name in BY_ID and app.allows(name):
            shown = key_name(app, active.binding.key)
            if shown not in (known := keys.setdefault(name, [])):
                known.append(shown)
    return keys


def keys_of(app: ConsoleApp) -> dict[str, list[str]]:
    """Action's id → its keys, of every action that there is to be had, wherever it works."""
    return {
        action.id: [key_name(app, key) for key in app.keys_for(action.id).split(",")]
        for action in ACTIONS
        if app.allows(action.id)
    }


def key_name(app: ConsoleApp, key: str) -> str:
    """A key as footer and help have it."""
    if (name := _NAMES.get(key)) is None:
        name = _NAMES[key] = app.key_display(key)
    return name


def is_text(key: str) -> bool:
    """Whether a line of text takes it: a letter, a digit, a sign; not a key with a name, nor one with ctrl or alt."""
    return key not in _NO_TEXT and ("+" not in key or key.startswith("shift+"))
