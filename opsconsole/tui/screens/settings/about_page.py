"""Versions, places, sizes, who else is here, and what terminal this is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from opsconsole.paths import config_file
from opsconsole.tui import terminal
from opsconsole.tui.screens.settings import about
from opsconsole.tui.screens.settings.about import Line
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.prose import Paragraph
from opsconsole.tui.screens.settings.row_list import Column, Row, heading
from opsconsole.tui.widgets.cells import Cell

_COLOURS = {None: "none", "standard": "16", "256": "256", "truecolor": "16 million", "windows": "16"}

_DEMO = "This is a demo: a recorded host. Nothing of the real one is touched; all of it goes when you quit."


class AboutPage(Page):
    """Looked at each time it is seen."""

    ID = "about"
    COLUMNS = (Column("", 1), Column("", 13), Column("", 0))
    KEYS: ClassVar[tuple[str, ...]] = ("copy", "refresh_page")

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, Line] = {}
        self._reading = False

    def look(self) -> None:
        self.refresh_page()

    def refresh_page(self) -> None:
        if self._reading:
            return
        self._reading = True
        engine, config, keymap = self.mode.engine, config_file(), self.app.keymap_file
        demo = [] if self.app.recorded is None else [Line("Demo", "demo", _DEMO, "warning")]
        who = about.consoles(engine)
        screen = about.terminal(os.environ, self._terminal())
        self.in_background(
            lambda: [
                *demo,
                *about.versions(),
                *about.places(engine, config, keymap),
                *about.sizes(engine),
                *who,
                *screen,
            ],
            self._take,
        )

    def _terminal(self) -> about.Terminal:
        colours = "none: NO_COLOR is set" if "NO_COLOR" in os.environ else _COLOURS[self.app.console.color_system]
        glyphs = f"{self.app.glyphs.name} (setting: {self.app.settings.console.graphs})"
        size = self.app.size
        taken = terminal.wants_mouse(os.environ, self.mode.in_force.console.mouse)
        return about.Terminal((size.width, size.height), colours, glyphs, taken)

    def _take(self, lines: list[Line]) -> None:
        self._reading = False
        self._lines = {f"{one.topic} {one.name}": one for one in lines}
        rows: list[Row] = []
        topic = ""
        for key, one in self._lines.items():
            if one.topic != topic:
                topic = one.topic
                rows.append(heading(topic))
            cells = (Cell(" ", ""), Cell(self.harmless(one.name), "muted"), Cell(self.harmless(one.text), one.tone))
            rows.append(Row(key, cells))
        self.show_rows(rows)

    def empty(self) -> Sequence[str]:
        return ("Looking …",)

    def title_of(self, row_id: str) -> Cell:
        return Cell(self.harmless(row_id), "strong")

    def describe(self, row_id: str) -> Sequence[Paragraph]:
        one = self._lines[row_id]
        return [(), (Cell(self.harmless(one.text), "plain"),)]

    def copied(self, row_id: str) -> str:
        return self._lines[row_id].text
