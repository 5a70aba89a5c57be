"""What the tasks' mode can do on a key, and for which task it makes sense."""

from __future__ import annotations

from opsconsole.models import Priority, Status, Task
from opsconsole.tui.action import Action, Danger, Where


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


_T, _O, _F = Where.TASKS, Where.OUTPUT, Where.FOUND

ACTIONS: tuple[Action, ...] = (
    Action("open", "enter", "open", "Show it on the whole screen", _T, footer=True),
    Action(
        "cancel", "c,delete", "cancel", "Cancel it, or all that are tagged, after a question", _T, Danger.CONFIRM,
        _ended, footer=True, also=("kill", "stop", "delete"),
    ),
    Action(
        "pause", "p", "pause", "Pause it, or let it go on", _T, Danger.CHANGES, _not_running, "resume",
        lambda task: task.status is Status.PAUSED, footer=True,
    ),
    Action(
        "retry", "r", "retry", "Run it again, as a new task", _T, Danger.CHANGES, _still_open, footer=True,
        also=("rerun", "again"),
    ),
    Action(
        "hold", "H", "hold", "Hold it in the queue, or release it", _T, Danger.CHANGES, _not_waiting, "release",
        lambda task: task.held, footer=True,
    ),
    Action(
        "raise_priority", "plus,equals_sign", "sooner", "Raise its priority", _T, Danger.CHANGES, _cannot_rise,
        also=("renice",),
    ),
    Action("lower_priority", "minus", "later", "Lower its priority", _T, Danger.CHANGES, _cannot_sink),
    Action(
        "say_why", "W", "say why", "Hold, pause, move or pin it, and say why: the record keeps it", _T, Danger.CHANGES,
        also=("reason",),
    ),
    Action(
        "pin", "P", "pin", "Pin it against clean-up, or unpin it", _T, Danger.CHANGES, None, "unpin",
        lambda task: task.pinned,
    ),
    Action("edit_task", "E", "edit", "Open its script in the editor, to run it changed", _T, footer=True),
    Action("tag_task", "space", "tag", "Tag it, or take its tag off: keys then mean all that are tagged", _T),
    Action("untag_tasks", "U", "untag", "Take all tags off", _T),
    Action("show_output", "o", "output", "What it printed, as it prints it", _T, also=("stdout", "tail", "logs")),
    Action("show_review", "v", "review", "What its script would do, or did, and what is wrong with it", _T),
    Action("show_usage", "u", "usage", "What its processes use, as graphs", _T),
    Action("show_events", "e", "events", "What happened to it, attempt by attempt", _T),
    Action("show_info", "i", "info", "How it is contained, limited and called", _T, also=("describe",)),
    Action("next_page", "right_square_bracket", "next page", "The next of these pages", _T),
    Action("previous_page", "left_square_bracket", "page before", "The page before", _T),
    Action("older_attempt", "less_than_sign", "older attempt", "The attempt before this one, and its output", _T),
    Action("newer_attempt", "greater_than_sign", "newer attempt", "The attempt after this one", _T),
    Action("follow", "f", "follow", "Follow the output, or stay where you are", _O),
    Action(
        "find_output", "s", "search", "Search all of the output, as the filter's key does while a run has the focus",
        _O, opens_text=True, also=("grep",),
    ),
    Action("wrap", "w", "wrap", "Wrap long lines, or cut them", _O),
    Action("times", "T", "times", "Say when each line came", _O),
    Action("only_stderr", "S", "stderr", "Show what went to stderr only, or all", _O),
    Action("open_pager", "O", "pager", "Open the output in $PAGER", _O, also=("less",)),
    Action("next_hit", "n", "next", "The next place, further down", _F),
    Action("previous_hit", "N", "previous", "The place before, further up", _F),
)  # fmt: skip
