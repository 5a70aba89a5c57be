"""The keys of a screen's actions as they are bound now, for footers and the help."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from opsconsole.tui.actions import BY_ID

_NAMES = {"enter": "enter", "escape": "esc"}


def shown_keys(screen: Screen[Any]) -> dict[str, list[str]]:
    """Action's id → its keys, of every action that works on the screen with what is focused there."""
    keys: dict[str, list[str]] = {}
    for active in screen.active_bindings.values():
        if active.binding.id in BY_ID:
            shown = _NAMES.get(active.binding.key) or screen.app.get_key_display(active.binding)
            keys.setdefault(active.binding.id, []).append(shown)
    return keys
