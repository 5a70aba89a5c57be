"""The section `[console]`: how the full-screen console looks and behaves.

The text under a field is its documentation. Loaded only where the console opens.
"""

from __future__ import annotations

import re
from typing import Literal

from opsconsole.errors import SettingsError
from opsconsole.values import dataclass

Graphs = Literal["auto", "braille", "block", "ascii"]
Mouse = Literal["auto", "on", "off"]
ModeName = Literal["overview", "tasks", "processes", "anomalies", "editor", "history", "settings"]

_THEME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class ConsoleSettings:
    read_only: bool = False
    """The console only looks: it runs no queued task, watches for its own screen alone where nobody watches, and has
    no key or command that changes anything (also `opsconsole --read-only`)."""
    start: ModeName = "overview"
    """The mode the console opens with: overview, tasks, processes, anomalies, editor, history or settings."""
    theme: str = ""
    """Colours, by a theme's name: one of those shipped, of your own in `themes/` beside this file, or of Textual's;
    empty: TEXTUAL_THEME, or what suits the terminal. NO_COLOR goes before it."""
    graphs: Graphs = "auto"
    """What graphs are drawn with: braille, block or ascii; auto: the finest that the terminal can show."""
    mouse: Mouse = "auto"
    """Whether the console takes the mouse: on, off, or auto: not over SSH, where the terminal keeps it for copying."""

    def check(self) -> None:
        """Raises SettingsError."""
        if self.theme and not _THEME.fullmatch(self.theme):
            raise SettingsError(
                f"setting console.theme: {self.theme!r} is no name of a theme",
                hint="letters, digits, - _ and ., 64 at the most; mode 7 of the console lists the themes there are",
            )
