"""What the editor can do on a key. In the text only keys with ctrl, alt and F-keys work; the letters do elsewhere."""

from __future__ import annotations

from opsconsole.tui.action import Action, Danger, Where

_E = Where.EDITOR

ACTIONS: tuple[Action, ...] = (
    Action("open_script", "enter", "open", "Open the script in the editor", _E, footer=True),
    Action("edit_text", "e,i", "edit", "Into the text", _E, footer=True),
    Action(
        "save_script", "f2,ctrl+o,w", "save", "Save the text", _E, Danger.CHANGES, footer=True,
        also=("w", "w!", "write"),
    ),
    Action(
        "run_script", "ctrl+r,f5,r", "run", "Run the text as it is here, after a form", _E, Danger.CHANGES, footer=True,
    ),
    Action("next_finding", "f8,alt+n,right_square_bracket", "next finding", "To the next finding", _E, footer=True),
    Action("previous_finding", "shift+f8,f20,alt+p,left_square_bracket", "previous finding", "To the one before", _E),
    Action("apply_fix", "f9,F", "fix", "Apply the fix of the finding here", _E, Danger.CHANGES, footer=True),
    Action("apply_fixes", "A,alt+f9", "fix all", "Apply all fixes that go together", _E, Danger.CHANGES),
    Action("explain_finding", "E", "explain", "The page of the finding's rule", _E),
    Action("order_findings", "O", "order", "Findings by place or by severity", _E),
    Action("cycle_policy", "f6,p", "policy", "Judge it under the next policy", _E, footer=True),
    Action(
        "show_difference", "f4,d", "changes", "What was changed since it was saved", _E, footer=True, also=("diff",),
    ),
    Action("discard_changes", "D", "discard", "Go back to what was saved", _E, Danger.CONFIRM, also=("e!",)),
    Action(
        "find_text", "ctrl+f,f", "find", "Find in the text", _E, footer=True, opens_text=False, also=("grep", "search"),
    ),
    Action("find_next", "f3,alt+s,N", "find next", "To the next place of what was found", _E),
    Action("go_to_line", "ctrl+g,L", "line", "Go to a line by its number", _E),
    Action("switch_language", "alt+l,l", "language", "Say which language the text is in", _E),
    Action("toggle_comment", "ctrl+t,number_sign", "comment", "Comment lines out, or in again", _E, Danger.CHANGES),
    Action("wrap_lines", "alt+z,W", "wrap", "Wrap long lines, or let them run on", _E, footer=True),
    Action("undo_edit", "u", "undo", "Undo the last change of the text", _E, Danger.CHANGES),
    Action("redo_edit", "U", "redo", "Do it again", _E, Danger.CHANGES),
    Action("toggle_library", "b", "scripts", "Show the list of scripts, or fold it", _E),
    Action("toggle_review", "f7,v", "review", "Show findings and effects, or fold them", _E),
    Action("new_script", "n", "new", "A new script, from a template", _E, Danger.CHANGES, footer=True),
    Action("open_path", "o", "open a path", "Open a file by its path", _E, also=("e",)),
    Action("rename_script", "R", "rename", "Rename the selected script", _E, Danger.CHANGES, also=("mv",)),
    Action(
        "duplicate_script", "C", "duplicate", "A copy of the selected script among your own", _E, Danger.CHANGES,
        also=("cp",),
    ),
    Action(
        "delete_script", "delete,X", "delete", "Delete the selected script, after a question", _E, Danger.CONFIRM,
        also=("rm",),
    ),
)  # fmt: skip
