"""Everything the console can do on a key, in one registry.

Bindings, footer, help and palette are read off it; a keymap replaces keys by `Action.id`. An action called `cancel`
is the method `action_cancel` of the screen or widget that `where` names, or of the app if it is in `OF_APP`.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from opsconsole.tui.action import Action, Danger, Where
from opsconsole.tui.modes import BY_ID as MODE_BY_ID
from opsconsole.tui.modes import MODES
from opsconsole.tui.screens.anomalies import actions as anomalies
from opsconsole.tui.screens.editor import actions as editor
from opsconsole.tui.screens.history import actions as history
from opsconsole.tui.screens.overview import actions as overview
from opsconsole.tui.screens.processes import actions as processes
from opsconsole.tui.screens.settings import actions as settings
from opsconsole.tui.screens.tasks import actions as tasks

__all__ = ["ACTIONS", "APP_ACTIONS", "BY_ID", "OF_APP", "Action", "Danger", "Where", "bindings", "mode_bindings"]


_C, _M = Where.CONSOLE, Where.MOTION

APP_ACTIONS: tuple[Action, ...] = (
    *(Action(mode.id, mode.key, mode.label, mode.description, _C, also=mode.also) for mode in MODES),
    Action("command_palette", "colon,ctrl+p", "commands", "All commands, by name", _C, opens_text=True),
    Action("jump", "semicolon", "jump", "A letter on every pane: jump there", _C),
    Action("export_picture", "x", "picture", "What you see, as SVG and as text", _C, also=("screenshot",)),
    Action("copy", "y", "copy", "Copy the line, or what is selected, to the terminal's clipboard", _C, also=("yank",)),
    Action("print_text", "Y", "print", "Print the pane on the bare terminal, to select from", _C),
    Action(
        "reload",
        "ctrl+l",
        "reload",
        "Draw the screen anew; read settings, keys and themes again",
        _C,
        also=("refresh", "source"),
    ),
    Action("help", "question_mark,f1", "help", "Show all keys", _C, footer=True, also=("h", "man")),
    Action(
        "quit",
        "q,f10",
        "quit",
        "Leave; asks first while work or unsaved text is open",
        _C,
        footer=True,
        also=("q", "q!", "qa", "qa!", "exit", "wq", "x!"),
    ),
)
"""What the app itself does; every screen has these."""

SHARED_ACTIONS: tuple[Action, ...] = (
    Action(
        "submit",
        "n",
        "new",
        "Run a script",
        _C,
        Danger.CHANGES,
        footer=True,
        opens_text=True,
        also=("exec", "!"),
    ),
    Action("filter", "slash", "filter", "Filter the list as you type", _C, footer=True, opens_text=True),
    Action("back", "escape", "back", "Back to the list; then drop its filter", _C),
)
"""What several modes have, each in its way; `Mode.shares` says which."""

MOTIONS: tuple[Action, ...] = (
    Action("up", "up,k", "up", "One line up", _M),
    Action("down", "down,j", "down", "One line down", _M),
    Action("page_up", "pageup,ctrl+u", "page up", "One page up", _M),
    Action("page_down", "pagedown,ctrl+d", "page down", "One page down", _M),
    Action("top", "home,g", "top", "To the first line", _M),
    Action("bottom", "end,G", "bottom", "To the last line", _M),
)

ACTIONS: tuple[Action, ...] = (
    *SHARED_ACTIONS,
    *APP_ACTIONS,
    *overview.ACTIONS,
    *tasks.ACTIONS,
    *processes.ACTIONS,
    *anomalies.ACTIONS,
    *editor.ACTIONS,
    *history.ACTIONS,
    *settings.ACTIONS,
    *MOTIONS,
)

OF_APP = tuple(action.id for action in APP_ACTIONS)

BY_ID = {action.id: action for action in ACTIONS}


def bindings(*places: Where, but: tuple[str, ...] = ()) -> list[BindingType]:
    """The bindings of all actions of these places."""
    return [binding(one) for one in ACTIONS if one.where in places and one.id not in but]


def mode_bindings(mode_id: str) -> list[BindingType]:
    """All keys of a mode, but for those of the app and of moving."""
    mode = MODE_BY_ID[mode_id]
    places = (*mode.places, *mode.panes)
    return [binding(one) for one in ACTIONS if one.where in places or one.id in mode.shares]


def binding(action: Action) -> Binding:
    """The keys of an action as Textual has them."""
    return Binding(
        action.keys, action.id, action.description, show=action.footer, priority=action.opens_text, id=action.id
    )
