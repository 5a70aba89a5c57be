"""Everything the console can do on a key, in one registry.

Bindings, footer, help and palette are read off it; a keymap replaces keys by `Action.id`. An action called `cancel`
is the method `action_cancel` of the screen or widget that `where` names, or of the app if it is in `OF_APP`.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from opsconsole.models import Priority, Status, Task
from opsconsole.tui.action import Action, Danger, Where
from opsconsole.tui.modes import MODES
from opsconsole.tui.screens import anomalies_actions, processes_actions

__all__ = ["ACTIONS", "BY_ID", "OF_APP", "Action", "Danger", "Where", "bindings"]


def _ended(task: Task) -> str | None:
    return None if task.status.is_open else f"has already ended: {task.status.value.replace('_', ' ')}"


def _not_running(task: Task) -> str | None:
    if task.status in (Status.RUNNING, Status.PAUSED):
        return None
    return f"is {task.status.value.replace('_', ' ')}: only a running task can be paused"


def _still_open(task: Task) -> str | None:
    return f"has not ended yet: it is {task.status.value}" if task.status.is_open else None


def _not_waiting(task: Task) -> str | None:
    if task.status in (Status.QUEUED, Status.WAITING):
        return None
    return f"is {task.status.value.replace('_', ' ')}: only a queued task can be held or moved"


def _cannot_rise(task: Task) -> str | None:
    return _not_waiting(task) or ("is critical already" if task.priority is Priority.CRITICAL else None)


def _cannot_sink(task: Task) -> str | None:
    return _not_waiting(task) or ("is low already" if task.priority is Priority.LOW else None)


_T, _C, _O, _M, _H = Where.TASKS, Where.CONSOLE, Where.OUTPUT, Where.MOTION, Where.HOST

ACTIONS: tuple[Action, ...] = (
    Action("submit", "n", "new", "Run a script", _C, Danger.CHANGES, footer=True, opens_text=True),
    Action("open", "enter", "open", "Show it on the whole screen", _T, footer=True),
    Action("cancel", "x", "cancel", "Cancel it, after a question", _T, Danger.CONFIRM, _ended, footer=True),
    Action(
        "pause", "p", "pause", "Pause it, or let it go on", _T, Danger.CHANGES, _not_running, "resume",
        lambda task: task.status is Status.PAUSED, footer=True,
    ),
    Action("retry", "r", "retry", "Run it again, as a new task", _T, Danger.CHANGES, _still_open, footer=True),
    Action(
        "hold", "H", "hold", "Hold it in the queue, or release it", _T, Danger.CHANGES, _not_waiting, "release",
        lambda task: task.held, footer=True,
    ),
    Action("raise_priority", "plus,equals_sign", "sooner", "Raise its priority", _T, Danger.CHANGES, _cannot_rise),
    Action("lower_priority", "minus", "later", "Lower its priority", _T, Danger.CHANGES, _cannot_sink),
    Action(
        "pin", "P", "pin", "Pin it against clean-up, or unpin it", _T, Danger.CHANGES, None, "unpin",
        lambda task: task.pinned,
    ),
    Action("filter", "slash", "filter", "Filter the list as you type", _C, footer=True, opens_text=True),
    Action("back", "escape", "back", "Back to the list; then drop its filter", _C),
    *(Action(mode.id, mode.key, mode.label, mode.description, _C) for mode in MODES),
    Action("command_palette", "colon,ctrl+p", "commands", "All commands, by name", _C, opens_text=True),
    Action("help", "question_mark,f1", "help", "Show all keys", _C, footer=True),
    Action("quit", "q", "quit", "Leave; asks first while work is open", _C, footer=True),
    Action("follow", "f", "follow", "Follow the output, or stay where you are", _O),
    Action("wrap", "w", "wrap", "Wrap long lines, or cut them", _O),
    Action("analysis", "A", "analyze", "What is short, and who causes it", _H, footer=True),
    Action("sort_processes", "s", "sort", "Sort the processes by CPU, or by memory", _H, footer=True),
    Action(
        "acknowledge", "a", "acknowledge", "Acknowledge the worst new anomaly", _H, Danger.CHANGES, footer=True
    ),
    Action(
        "watch", "m", "watch", "Start the monitor, or stop it", _H, Danger.CONFIRM,
        opposite="stop watching", footer=True,
    ),
    Action("up", "up,k", "up", "One line up", _M),
    Action("down", "down,j", "down", "One line down", _M),
    Action("page_up", "pageup,ctrl+u", "page up", "One page up", _M),
    Action("page_down", "pagedown,ctrl+d", "page down", "One page down", _M),
    Action("top", "home,g", "top", "To the first line", _M),
    Action("bottom", "end,G", "bottom", "To the last line", _M),
    *processes_actions.ACTIONS,
    *anomalies_actions.ACTIONS,
)  # fmt: skip

OF_APP = ("help", "quit", "command_palette", *(mode.id for mode in MODES))
"""What the app itself does; every screen has these."""

BY_ID = {action.id: action for action in ACTIONS}


def bindings(*places: Where, but: tuple[str, ...] = ()) -> list[BindingType]:
    """The bindings of all actions of these places."""
    return [
        Binding(
            action.keys, action.id, action.description, show=action.footer, priority=action.opens_text, id=action.id
        )
        for action in ACTIONS
        if action.where in places and action.id not in but
    ]
