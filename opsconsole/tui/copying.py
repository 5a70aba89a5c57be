"""What `copy` means where the focus is: what is selected, else the current line, else what the pane shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, TextArea

from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.widgets.cursor_list import CursorList

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.widget import Widget

MOST = 100_000
"""Characters; terminals drop longer OSC 52 sequences, the least of them at 74,994 bytes of base64."""


def line_text(screen: Screen[object]) -> str:
    """What `copy` takes."""
    if selected := screen.get_selected_text():
        return selected
    if isinstance(screen, ModeScreen) and not screen.types and (wanted := screen.copied()):
        return wanted
    focused = screen.focused
    if isinstance(focused, TextArea):
        return focused.selected_text or focused.text
    if isinstance(focused, Input):
        return focused.value
    if isinstance(focused, CursorList):
        return focused.cursor_text
    return pane_text(screen)


def pane_text(screen: Screen[object]) -> str:
    """All that the pane with the focus shows, or the screen where none has it."""
    focused: Widget = screen.focused or screen
    strips = screen._compositor.render_strips()
    region = focused.content_region.intersection(screen.region)
    lines = (strip.crop(region.x, region.right) for strip in strips[region.y : region.bottom])
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines).strip("\n")
