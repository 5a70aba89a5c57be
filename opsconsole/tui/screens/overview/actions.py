"""What the overview can do on a key."""

from __future__ import annotations

from opsconsole.tui.action import Action, Danger, Where

_O = Where.OVERVIEW

ACTIONS: tuple[Action, ...] = (
    Action("look_at", "enter", "look", "Go to what the cursor is on", _O, footer=True),
    Action("next_pane", "tab,J", "next list", "To the next list, or the next graph", _O, footer=True),
    Action("previous_pane", "shift+tab,K", "previous list", "To the list, or the graph, before", _O),
    Action(
        "acknowledge", "a", "acknowledge", "Acknowledge the selected anomaly, or the worst", _O, Danger.CHANGES,
        footer=True, also=("ack",),
    ),
    Action(
        "cancel_run", "c,delete", "cancel", "Cancel the selected run, after a question", _O, Danger.CONFIRM,
        footer=True, also=("kill", "stop"),
    ),
    Action("mark_seen", "S", "all seen", "What happened is known: begin anew", _O, Danger.CHANGES, footer=True),
    Action("zoom_graph", "z", "zoom", "One graph on the whole screen, over hours", _O, footer=True, opposite="back"),
    Action("longer_span", "plus,equals_sign,right,l", "longer", "A zoomed graph shows more time", _O),
    Action("shorter_span", "minus,left,h", "shorter", "A zoomed graph shows less time", _O),
    Action("graph_cores", "C", "cores", "Each core by itself, or all in one", _O, footer=True, opposite="all cores"),
    Action("graph_pressure", "p", "pressure", "The graph of what tasks wait for, or none", _O),
    Action("sort_processes", "s", "sort", "Sort the processes by CPU, or by memory", _O, footer=True),
    Action("analysis", "A", "analyze", "What is short, and who causes it", _O, footer=True, also=("why", "bottleneck")),
    Action(
        "watch", "m", "watch", "Start the monitor, or stop it", _O, Danger.CONFIRM,
        opposite="stop watching", footer=True, also=("monitor",),
    ),
)  # fmt: skip
