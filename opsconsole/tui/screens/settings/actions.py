"""What this mode can do on a key."""

from __future__ import annotations

from opsconsole.tui.action import Action, Danger, Where

_S = Where.SETTINGS

PAGES = (
    ("page_host", "H", "host", "What this host can enforce, and what is missing"),
    ("page_settings", "S", "settings", "Every setting: its value, where it comes from, what it means"),
    ("page_keys", "K", "keys", "Every key, and how to change it"),
    ("page_themes", "T", "themes", "Colours and glyphs, tried at once"),
    ("page_log", "L", "log", "What the console told and what went wrong"),
    ("page_about", "A", "about", "Versions, places, sizes, consoles, this terminal"),
)
"""The action that goes there, its key, the page's name, what it is."""
_ALSO = {"page_host": ("doctor",), "page_keys": ("map", "keymap"), "page_log": ("messages", "journal")}

ACTIONS: tuple[Action, ...] = (
    Action(
        "change_row", "enter", "change", "Change it: set a value, bind a key, keep a theme", _S, Danger.CHANGES,
        footer=True,
    ),
    Action("reset_row", "d", "default", "Back to the default: take it out of your file", _S, Danger.CHANGES),
    Action("only_changed", "c", "only changed", "Only what is not at its default, or what is not well", _S),
    Action("refresh_page", "r", "look again", "Look at all of it again", _S),
    Action("graph_glyphs", "b", "graphs", "Draw graphs in braille, blocks or ASCII", _S, Danger.CHANGES),
    Action("log_severity", "s", "severity", "Only what is as grave as that", _S),
    Action("log_follow", "f", "follow", "Stay at the newest line, or where you are", _S),
    Action("page_before", "left,h", "page before", "To the page before", _S),
    Action("page_after", "right,l", "next page", "To the next page", _S),
    *(Action(name, key, label, what, _S, also=_ALSO.get(name, ())) for name, key, label, what in PAGES),
)  # fmt: skip
