"""A key for an action: whether it can be, and writing it to the operator's keymap."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsconsole.errors import SettingsError
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.keymap import FIXED, Clash, canonical, clashes, lost
from opsconsole.tui.screens.settings import toml_file
from opsconsole.tui.wording import shortened


def refusal(action_id: str, key: str, in_force: Mapping[str, str]) -> str:
    """Why this key cannot be the action's; empty: it can."""
    try:
        key = canonical(key)
    except ValueError:
        return "That is no key a keymap can name."
    if key == "escape":
        return "esc goes back, everywhere."
    if key in FIXED:
        return f"The key {key} is taken ({FIXED[key]})."
    if why := lost(key):
        return f"The key {key} does not come through everywhere: {why}."
    before = set(clashes(in_force))
    for clash in clashes({**in_force, action_id: key}):
        if clash not in before and action_id in (clash.first, clash.second):
            return f"The key {key} is taken: {_other(clash, action_id)}."
    return ""


def _other(clash: Clash, action_id: str) -> str:
    other = BY_ID[clash.second if clash.first == action_id else clash.first]
    return f"{other.label} ({other.description[:1].lower()}{other.description[1:]})"


def write(file: Path, action_id: str, keys: str | None) -> None:
    """One line of `[keys]`; None takes it out: the usual keys hold. Raises SettingsError, and changes nothing."""
    text, data = toml_file.read(file)
    if not isinstance(data.get("keys", {}), dict):
        raise SettingsError(f"{shortened(file)}: keys is no section", hint="repair it; it was not touched")
    if not text and keys is not None:
        text = "# Keys of the console, by action; what is not here has its usual keys.\n"
    toml_file.write(file, toml_file.changed(text, ("keys", action_id), keys))
