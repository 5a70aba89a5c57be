"""The command palette: every command by its name or by what it does, a mode with a filter, a theme, a settings page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.command import Command as Listed
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.content import Content
from textual.screen import Screen
from textual.worker import WorkerError

from opsconsole.models import Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.action import Action, Where
from opsconsole.tui.actions import BY_ID as ACTION_BY_ID
from opsconsole.tui.actions import OF_APP
from opsconsole.tui.keymap import actions_of
from opsconsole.tui.keys import keys_of
from opsconsole.tui.modes import BY_ID, MODES, Mode

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp
    from opsconsole.tui.screens.settings.screen import SettingsScreen

_BY_DESCRIPTION = 0.1
"""How well a command at least fits whose description has the words, but not its name."""
_NAME, _KEYS_WIDTH = 20, 7
"""Cells of a name and of its keys, beside what it does."""
_KEYS = re.compile(r"  \(([^()]*)\)$")
_BEGUN = 0.5
"""How well a command fits that is called so elsewhere, as far as that has been typed."""
_CALLED, _FILTERED = 1000.0, 1001.0
"""Nothing else fits `kill` better, or `tasks failed`: letters that are found here and there come to ten or so."""


class Command(NamedTuple):
    """`said` is what it does, and its keys. `listed`: also while nothing has been typed. `also`: as `Action.also`."""

    name: str
    said: str
    call: Callable[[], Any]
    listed: bool = True
    also: tuple[str, ...] = ()


class Palette(CommandPalette):
    """Textual's, with a sign that every terminal can show, and a line a command in a box as dialogs have it."""

    DEFAULT_CSS = """
    Palette > Vertical {
        width: 104; max-width: 100%; height: auto; max-height: 100%; margin: 1 0; padding: 0 1;
        visibility: visible; background: $surface; border: round $border-blurred;
        border-title-color: $primary; border-title-style: bold; border-subtitle-color: $foreground-muted;
        &:dark { background: $surface; }
        &:ansi { background: ansi_default; border: round ansi_default; }
    }
    Palette #--input, Palette #--input.--list-visible { height: 2; border: none; }
    Palette SearchIcon { color: $primary; margin: 0; width: 3; text-style: bold; }
    Palette CommandInput, Palette CommandInput:focus { border: none; padding: 0; height: 1; }
    Palette #--results { overlay: none; height: auto; max-height: 22; }
    Palette CommandList {
        border: none; max-height: 60vh; scrollbar-size-vertical: 1; overflow-x: hidden;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    Palette CommandList:focus, Palette CommandList.--populating { border: none; }
    Palette CommandList > .option-list--option { padding: 0 1; text-style: none; }
    Palette CommandList > .option-list--option-highlighted {
        color: $block-cursor-foreground; background: $block-cursor-background; text-style: $block-cursor-text-style;
    }
    Palette:ansi CommandList > .option-list--option-highlighted {
        color: ansi_default; background: ansi_default; text-style: bold underline;
    }
    Palette LoadingIndicator { display: none; }
    Palette > .command-palette--help-text { color: $foreground-muted; text-style: none; }
    Palette:ansi > .command-palette--help-text { color: ansi_default; text-style: dim; }
    Palette > .command-palette--highlight { color: $primary; text-style: bold underline; }
    """

    def on_mount(self) -> None:
        box = self.query_one("#--container")
        box.border_title, box.border_subtitle = "Commands", "enter runs · esc closes"
        self.query_one(SearchIcon).icon = ":"

    def _refresh_command_list(self, command_list: CommandList, commands: list[Listed], clear_current: bool) -> None:
        """Name, keys and description beside each other."""
        for one in commands:
            if isinstance(one.prompt, Content) and "\n" in one.prompt.plain:
                name, said = one.prompt.split("\n", allow_blank=True)[:2]
                keys = match[1] if (match := _KEYS.search(said.plain)) else ""
                said = said[: match.start()] if match else said
                room = _NAME - name.cell_length
                name = name.stylize_before("bold").pad_right(max(0, room))
                keys = f" {keys:<{_KEYS_WIDTH + (min(0, room) if not keys else 0)}} "
                one._set_prompt(Content.assemble(name, (keys, "bold $primary"), said))
        super()._refresh_command_list(command_list, commands, clear_current)

    async def found(self) -> None:
        """What enter takes is the first that fits all that was typed, and not what fitted less of it."""
        looking = [one for one in self.workers if one.node is self and one.group == self._GATHER_COMMANDS_GROUP]
        for worker in looking:
            with suppress(WorkerError):
                await asyncio.shield(worker.wait())


class Commands(Provider):
    """What `commands` has, and modes with a filter."""

    async def discover(self) -> Hits:
        for one in commands(cast("ConsoleApp", self.app), self.screen):
            if one.listed:
                yield DiscoveryHit(one.name, one.call, help=_plain(one.said))

    async def search(self, query: str) -> Hits:
        if not (query := query.lstrip(": ")):  # who is used to it types the colon once more
            return
        app, matcher, words = cast("ConsoleApp", self.app), self.matcher(query), query.casefold().split()
        for mode, text in _filtered(query):
            said = _plain(f"Go to {mode.label}, filtered by: {sanitise_name(text, limit=200)}")
            yield Hit(_FILTERED, f"{mode.label.capitalize()}: filter", partial(narrow, app, mode.id, text), help=said)
        for one in commands(app, self.screen):
            if (fits := _called(query, one.also)) > 0:
                yield Hit(fits, one.name, one.call, help=_plain(one.said))
            elif (fits := matcher.match(one.name)) > 0:
                yield Hit(fits, matcher.highlight(one.name), one.call, help=_plain(one.said))
            elif (fits := _described(words, one.said.casefold())) > 0:
                yield Hit(fits, one.name, one.call, help=_plain(one.said))
        for one in _elsewhere(app):
            if (fits := _called(query, one.also)) > 0:
                yield Hit(fits, one.name, one.call, help=_plain(one.said))


def _plain(text: str) -> str:
    """Textual reads markup in a `str`, which text that was typed may look like; `Content` it takes as it is."""
    return cast("str", Content(text))


def _called(query: str, also: tuple[str, ...]) -> float:
    """How well the beginning of another name fits, best the whole. 0: it does not."""
    name = query.strip().casefold()
    if name in also:
        return _CALLED
    return _BEGUN if len(name) > 1 and any(one.startswith(name) for one in also) else 0.0


def _described(words: list[str], said: str) -> float:
    """How well words fit a description: all are in it, better as they stand, best at its beginning. 0: they do not."""
    if not words or not all(word in said for word in words):
        return 0.0
    phrase = " ".join(words)
    return _BY_DESCRIPTION * (1 + (phrase in said) + said.startswith(phrase))


def commands(app: ConsoleApp, screen: Screen[Any]) -> Iterator[Command]:
    """All that can be done from here, as things are: a task that has ended cannot be cancelled."""
    keys, mode = keys_of(app), BY_ID[app.modes.current]
    actions = list(actions_of(mode))
    if all(one.id != "submit" for one in actions):  # it has no key here, and works
        actions.append(ACTION_BY_ID["submit"])
        keys.pop("submit", None)
    for action in sorted(actions, key=lambda one: one.id not in BY_ID):  # the modes, and then the rest as it is
        call = getattr(app if action.id in OF_APP else screen, f"action_{action.id}", None)
        if call is not None and app.allows(action.id) and _applies(action, screen):
            hint = " ".join(keys.get(action.id, ()))
            said = f"{action.description}  ({hint})" if hint else action.description
            yield Command(action.label.capitalize(), said, call, also=action.also)
    yield Command("Theme", "Change the colours", app.action_change_theme, also=("colorscheme", "colors", "skin"))
    if mode.id != "settings":
        yield from _pages(app)
    for name in sorted(app.available_themes):
        yield Command(f"Theme: {sanitise_name(name)}", "Colours, until you leave", partial(_wear, app, name), False)


def narrow(app: ConsoleApp, mode: str, text: str) -> None:
    """Go to a mode and filter its list."""
    screen = app.go(mode)
    screen.call_after_refresh(screen.narrow, text)


def _applies(action: Action, screen: Screen[Any]) -> bool:
    if action.where is Where.MOTION or action.id == "command_palette":
        return False
    if action.refusal is None or getattr(screen, "tagged", None):
        return True
    chosen = getattr(screen, "selected", None)
    return isinstance(chosen, Task) and action.refusal(chosen) is None


def _elsewhere(app: ConsoleApp) -> Iterator[Command]:
    """What other modes do, by what it is called elsewhere: `kill` goes where there is something to kill, and does
    nothing yet."""
    here = {action.id: action for action in actions_of(BY_ID[app.modes.current])}
    taken = {name for action in here.values() for name in (*action.also, action.label)}
    keys = keys_of(app)
    for mode in MODES:
        for action in actions_of(mode):
            also = tuple(name for name in action.also if name not in taken)
            if action.id in here or not also or not app.allows(action.id) or action.id.startswith("page_"):
                continue  # what works here, or everywhere: a page of the settings is opened from anywhere
            said = f"Goes to {mode.label}, where {keys[action.id][0]} does it: {action.description}"
            name = f"{mode.label.capitalize()}: {action.label}"
            yield Command(name, said, partial(app.go, mode.id), listed=False, also=also)


def _pages(app: ConsoleApp) -> Iterator[Command]:
    from opsconsole.tui.screens.settings.actions import PAGES

    for action, _, label, what in PAGES:
        call = partial(_open_page, app, action.removeprefix("page_"))
        yield Command(f"Settings: {label}", what, call, also=ACTION_BY_ID[action].also)


def _open_page(app: ConsoleApp, page: str) -> None:
    cast("SettingsScreen", app.go("settings")).show_page(page)


def _wear(app: ConsoleApp, theme: str) -> None:
    app.theme = theme


def _filtered(query: str) -> Iterator[tuple[Mode, str]]:
    name, _, text = query.strip().partition(" ")
    for mode in MODES:
        if text.strip() and name.casefold() in (mode.label, mode.short, *mode.also):
            yield mode, text.strip()
