"""What the anomalies' mode can do on a key."""

from __future__ import annotations

from opsconsole.tui.action import Action, Danger, Where

_A = Where.ANOMALIES

ACTIONS: tuple[Action, ...] = (
    Action("open_episode", "enter", "details", "Show the episode on the whole screen", _A, footer=True),
    Action(
        "acknowledge_episode", "a", "acknowledge", "Acknowledge the selected episode", _A, Danger.CHANGES, footer=True,
        also=("ack",),
    ),
    Action(
        "silence_episode", "z", "silence", "Tell nobody of its kind and subject for a while", _A, Danger.CHANGES,
        footer=True, also=("mute",),
    ),
    Action(
        "note_episode", "N", "note", "Write a note to the selected episode", _A, Danger.CHANGES, footer=True,
        opens_text=True,
    ),
    Action(
        "clear_episodes", "C", "clear", "Remove the closed episodes of this span from the record", _A, Danger.CONFIRM
    ),
    Action("go_to_process", "p", "process", "Go to the process that caused it, or that was busy then", _A, footer=True),
    Action("go_to_its_run", "r", "run", "Go to the run that caused it, or that was under way then", _A, footer=True),
    Action("severity", "s", "severity", "Only the graver ones: medium, high, critical, all again", _A, footer=True),
    Action("only_open", "o", "only open", "Only the open ones, or all", _A),
    Action("this_kind", "t", "this kind", "Only episodes of the selected one's kind, or all", _A),
    Action("zoom_in", "plus,equals_sign", "zoom in", "A shorter time", _A, footer=True),
    Action("zoom_out", "minus", "zoom out", "A longer time", _A, footer=True),
    Action("pan_back", "left,h", "earlier", "Back in time by a quarter of the span", _A),
    Action("pan_on", "right,l", "later", "On in time by a quarter of the span", _A),
    Action("pan_now", "0", "now", "Back to the present", _A),
)  # fmt: skip
