"""The operator's own keys: `keymap.toml` beside the configuration, `[keys]` with `action-id = "key,key"`.

Nothing in it stops the console: what cannot be used is named, and the action keeps the keys it has anyway.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from textual.keys import Keys

from opsconsole.toml_files import NotTomlError, parse, read_text
from opsconsole.tui.actions import ACTIONS, BY_ID, OF_APP, Action, Where
from opsconsole.tui.modes import MODES, Mode
from opsconsole.values import dataclass

FILE_NAME = "keymap.toml"
FIXED = {"tab": "between the panes", "shift+tab": "between the panes", "ctrl+c": "how to leave"}
"""Keys that are nobody's to give away, with what they are for."""
SWALLOWED = {
    "ctrl+b": "tmux takes it", "ctrl+a": "screen takes it", "ctrl+s": "it stops many terminals",
    "ctrl+q": "it lets a stopped terminal go on", "ctrl+z": "it suspends", "ctrl+j": "it arrives as enter",
    "ctrl+m": "it arrives as enter", "ctrl+i": "it arrives as tab", "ctrl+h": "it arrives as backspace",
    "ctrl+enter": "most terminals send enter", "alt+enter": "many terminals use it themselves",
}  # fmt: skip
"""Keys that do not reach the console everywhere: none of them may be all that an action has."""
_RARE = frozenset({"super", "hyper", "meta"})
_MODIFIERS = frozenset({"ctrl", "shift", "alt", "meta", "super", "hyper"})


@dataclass(frozen=True, slots=True)
class Keymap:
    """`keys`: action's id → its keys, as `App.set_keymap` takes them. `problems`: sentences, one for each."""

    keys: Mapping[str, str]
    problems: tuple[str, ...] = ()


class Clash(NamedTuple):
    """One key that two actions of the same mode hang on; `first` stands earlier in the registry."""

    key: str
    first: str
    second: str


def canonical(key: str) -> str:
    """A key as Textual names it (`?` is `question_mark`). Raises ValueError for what is no key."""
    key = key.strip()
    if len(key) == 1:
        return _named(key)
    *modifiers, last = key.lower().split("+")
    if len(last) == 1:
        last = _named(last)
    if not _MODIFIERS.issuperset(modifiers) or (last not in _LONG_NAMES and not (modifiers and len(last) == 1)):
        raise ValueError(key)
    return "+".join([*modifiers, last])


def lost(key: str) -> str:
    """Why this key may not arrive; empty: it does. `key` is canonical."""
    *modifiers, last = key.split("+")
    if _RARE.intersection(modifiers) or (modifiers == ["ctrl", "shift"] and len(last) == 1):
        return "few terminals send it"
    if modifiers == ["ctrl"] and last.isdigit():
        return "few terminals send it"
    return "no terminal sends it" if last.startswith("<") else SWALLOWED.get(key, "")


def load_keymap(file: Path) -> Keymap:
    """The keymap of this file; an empty one if there is none."""
    try:
        data = parse(read_text(file))
    except (FileNotFoundError, NotADirectoryError):
        return Keymap({}, tuple(said(clash) for clash in clashes({})))
    except (OSError, UnicodeDecodeError) as error:
        return Keymap({}, (f"The keymap {file} cannot be read: {error}. The usual keys hold.",))
    except NotTomlError as error:
        return Keymap({}, (f"The keymap {file} is not TOML: {error}. The usual keys hold.",))
    given = data.pop("keys", {})
    problems: list[str] = [f"{file.name}: there is no section [{name}]; keys belong to [keys]." for name in data]
    if not isinstance(given, dict):
        return Keymap({}, (*problems, f'{file.name}: keys must be a section, [keys], with lines such as pause = "z".'))
    keys: dict[str, str] = {}
    for name, value in given.items():
        found, wrong = _entry(file.name, name, value)
        problems += wrong
        if found:
            keys[name] = ",".join(found)
    problems += _without_clashes(file.name, keys)
    return Keymap(keys, tuple(problems))


def clashes(keys: Mapping[str, str]) -> list[Clash]:
    """Keys that would mean two things at once, with these in place of the usual ones."""
    found: dict[Clash, None] = {}
    for actions in (group for mode in MODES for group in _groups(mode)):
        taken: dict[str, str] = {}
        for action in actions:
            for key in keys.get(action.id, action.keys).split(","):
                if (other := taken.setdefault(key, action.id)) != action.id:
                    found[Clash(key, other, action.id)] = None
    return list(found)


def actions_of(mode: Mode) -> Iterable[Action]:
    """All that its keys do: its own, its panes', those it shares, the app's, and moving."""
    places = (*mode.places, *mode.panes, Where.MOTION)
    return (one for one in ACTIONS if one.where in places or one.id in OF_APP or one.id in mode.shares)


def _groups(mode: Mode) -> Iterable[list[Action]]:
    """Actions that must not share a key: a mode's, and with the app's and moving those of each of its panes."""
    found = list(actions_of(mode))
    yield [one for one in found if one.where not in mode.panes]
    for pane in mode.panes:
        yield [one for one in found if one.where in (pane, Where.MOTION) or one.id in OF_APP]


def said(clash: Clash) -> str:
    """The clash as a sentence."""
    return f"The key {clash.key} is given to both {clash.first} and {clash.second}."


def _entry(file: str, name: str, value: Any) -> tuple[list[str], list[str]]:
    """The keys of one line, and what is wrong with it."""
    if name not in BY_ID:
        near = difflib.get_close_matches(name, BY_ID, 1)
        return [], [f"{file}: there is no action {name!r}" + (f"; did you mean {near[0]!r}?" if near else ".")]
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return [], [f'{file}: {name} takes keys as a text, such as "z" or "z,f5".']
    found, wrong = [], []
    for word in words:
        try:
            key = canonical(word)
        except ValueError:
            wrong.append(f"{file}: {name}: there is no key {word.strip()!r}.")
            continue
        if key in FIXED:
            wrong.append(f"{file}: {name}: the key {key} is taken ({FIXED[key]}).")
        elif key not in found:
            found.append(key)
    if found and all(lost(key) for key in found):
        why = f"{found[0]} does not come through everywhere ({lost(found[0])})"
        wrong.append(f"{file}: {name}: the key {why}: give it another one beside it. Its usual keys hold.")
        found = []
    return found, wrong


def _without_clashes(file: str, keys: dict[str, str]) -> list[str]:
    """Take lines out of `keys` until none clashes, of two lines the later one; says which."""
    order, problems = list(keys), list[str]()
    while found := clashes(keys):
        clash = next((one for one in found if one.first in keys or one.second in keys), None)
        if clash is None:
            return [*problems, *map(said, found)]  # the registry's own
        ours = [name for name in (clash.first, clash.second) if name in keys]
        ignored = max(ours, key=order.index)
        del keys[ignored]
        problems.append(f"{file}: {said(clash)} The line of {ignored} is ignored.")
    return problems


def _named(character: str) -> str:
    from textual.keys import _character_to_key  # it has no public name, and Binding uses it

    if not character.isprintable() or character.isspace():
        raise ValueError(character)
    return _character_to_key(character)


_LONG_NAMES = {
    *(key.value for key in Keys), *(_named(one) for one in string.punctuation), "space", "equals_sign",
}  # fmt: skip
