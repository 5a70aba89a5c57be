"""What can be done in mode 3, Processes. `filter`, `back` and the motions are the console's own."""

from __future__ import annotations

from opsconsole.tui.action import Action, Danger, Where

_P = Where.PROCESSES

ACTIONS: tuple[Action, ...] = (
    Action(
        "inspect", "enter", "look", "Show it on the whole screen", _P, footer=True,
        also=("describe", "lsof", "environ"),
    ),
    Action(
        "signal", "K,f9", "signal", "Send it a signal, or all that are tagged, after a question", _P, Danger.CONFIRM,
        footer=True, also=("kill", "term"),
    ),
    Action(
        "renice", "r", "renice", "Change its nice value, after a question", _P, Danger.CONFIRM, footer=True,
        also=("nice",),
    ),
    Action("sort_next", "s,f6", "sort", "Sort by the next column", _P, footer=True),
    Action(
        "tree", "t,f5", "tree", "Show who started whom, or the plain list", _P, footer=True, opposite="list",
        also=("pstree",),
    ),
    Action("go_to_run", "o", "its run", "Go to the run of ours that it belongs to", _P, footer=True),
    Action(
        "follow_process", "F", "follow", "Keep the cursor on it wherever it moves, or no longer", _P, footer=True,
        opposite="unfollow",
    ),
    Action("freeze", "p", "freeze", "Freeze the list, or let it go on", _P, footer=True, opposite="go on"),
    Action(
        "full_paths", "f", "paths", "Show programs with their folders, or without", _P, footer=True, opposite="names"
    ),
    Action("tag", "space", "tag", "Tag it, or take its tag off", _P, footer=True),
    Action("fold", "minus,left,h", "fold", "Tree: fold what it started; then go to its parent", _P),
    Action("unfold", "plus,equals_sign,right,l", "unfold", "Tree: show what it started", _P),
    Action("fold_all", "asterisk", "fold all", "Tree: fold all of it, or show all", _P),
    Action("filter_processes", "f3,f4", "filter", "Filter the list, on the keys that htop has", _P, opens_text=True),
    Action("untag", "U", "untag", "Take all tags off", _P),
    Action("sort_reverse", "S", "reverse", "Sort the other way round", _P),
    Action("sort_cpu", "c,P", "by CPU", "Sort by CPU", _P),
    Action("sort_memory", "m,M", "by memory", "Sort by memory", _P),
    Action("sort_name", "N", "by name", "Sort by name", _P),
    Action("sort_pid", "i", "by id", "Sort by process id", _P),
    Action("sort_user", "u", "by user", "Sort by user", _P),
    Action("sort_time", "T", "by time", "Sort by the CPU time used", _P),
)  # fmt: skip

SORTS = {
    "sort_cpu": "cpu", "sort_memory": "rss", "sort_name": "name", "sort_pid": "pid", "sort_user": "user",
    "sort_time": "time",
}  # fmt: skip
"""Action → the column it sorts by."""
