"""What can be done in mode 3, Processes. `filter`, `back` and the motions are the console's own."""

from __future__ import annotations

from opsconsole.tui.action import Action, Danger, Where

_P = Where.PROCESSES

ACTIONS: tuple[Action, ...] = (
    Action("inspect", "enter", "look", "Show it on the whole screen", _P, footer=True),
    Action(
        "signal", "x", "signal", "Send it a signal, or all that are tagged, after a question", _P, Danger.CONFIRM,
        footer=True,
    ),
    Action("renice", "r", "renice", "Change its nice value, after a question", _P, Danger.CONFIRM, footer=True),
    Action("sort_next", "s", "sort", "Sort by the next column", _P, footer=True),
    Action("tree", "t", "tree", "Show who started whom, or the plain list", _P, footer=True),
    Action("freeze", "p", "freeze", "Freeze the list, or let it go on", _P, footer=True, opposite="go on"),
    Action("tag", "space", "tag", "Tag it, or take its tag off", _P, footer=True),
    Action("untag", "U", "untag", "Take all tags off", _P),
    Action("sort_reverse", "S", "reverse", "Sort the other way round", _P),
    Action("sort_cpu", "c", "by CPU", "Sort by CPU", _P),
    Action("sort_memory", "m", "by memory", "Sort by memory", _P),
    Action("sort_name", "N", "by name", "Sort by name", _P),
    Action("sort_pid", "i", "by id", "Sort by process id", _P),
    Action("sort_user", "u", "by user", "Sort by user", _P),
)  # fmt: skip

SORTS = {
    "sort_cpu": "cpu", "sort_memory": "rss", "sort_name": "name", "sort_pid": "pid", "sort_user": "user",
}  # fmt: skip
"""Action → the column it sorts by."""
