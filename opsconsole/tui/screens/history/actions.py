"""What the history's mode can do on a key."""

from __future__ import annotations

from opsconsole.models import Task
from opsconsole.tui.action import Action, Danger, Where

_H = Where.HISTORY


def _still_open(task: Task) -> str | None:
    return f"has not ended yet: it is {task.status.value}" if task.status.is_open else None


ACTIONS: tuple[Action, ...] = (
    Action("open_run", "enter", "open", "Show all of the run: facts, script, output", _H, footer=True),
    Action("mark_run", "space", "mark", "Mark this one run to compare another with it, or unmark it", _H, footer=True),
    Action(
        "compare_runs", "c,equals_sign", "compare", "Compare the run with the marked one", _H, footer=True,
        also=("diff",),
    ),
    Action(
        "rerun", "r", "run again", "Run it again, as a new task", _H, Danger.CHANGES, _still_open, footer=True,
        also=("retry",),
    ),
    Action(
        "pin_run", "P", "pin", "Pin it against clean-up, or unpin it", _H, Danger.CHANGES, None, "unpin",
        lambda task: task.pinned, footer=True,
    ),
    Action(
        "pin_run_why", "W", "say why", "Pin it, or unpin it, and say why: the record keeps it", _H, Danger.CHANGES,
        also=("reason",),
    ),
    Action("edit_script", "E", "edit", "Open its script in the editor", _H, footer=True),
    Action("go_to_task", "t", "task", "Show it among the tasks", _H, footer=True),
    Action("statistics", "S", "statistics", "How it went over time, or back to the list", _H, footer=True),
    Action("statistics_span", "s", "span", "Statistics of another span, from the last hour to all there is", _H),
    Action("statistics_group", "b", "group", "Statistics by name, by policy, or by host", _H),
    Action(
        "export_report", "e", "export", "Write a report: Markdown, HTML, JSON, CSV, SVG", _H, footer=True,
        also=("report",),
    ),
    Action("next_place", "n", "next match", "To the next place that was searched for", _H),
    Action("previous_place", "N", "previous match", "To the place before that was searched for", _H),
)  # fmt: skip
