"""All themes; the cursor tries one on the whole console, enter keeps it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.widget import Widget

from opsconsole.errors import SettingsError
from opsconsole.paths import config_file, shipped
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.settings import Settings
from opsconsole.tui.glyphs import GLYPH_CHOICES
from opsconsole.tui.screens.settings import setting_rows
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.prose import Paragraph
from opsconsole.tui.screens.settings.row_list import Column, Row, heading
from opsconsole.tui.screens.settings.sample import Sample
from opsconsole.tui.widgets.cells import Cell

_TRY_S = 0.06
"""A held key runs over many themes: the one it rests on is tried."""
_OTHERS = "Others, not made for this console"


class ThemesPage(Page):
    """What is tried but not kept goes back when the page is left."""

    ID = "themes"
    COLUMNS = (Column("", 1), Column("THEME", 0), Column("", 11, from_width=30))
    KEYS: ClassVar[tuple[str, ...]] = ("change_row", "back", "graph_glyphs", "refresh_page")

    def __init__(self) -> None:
        super().__init__()
        self.sample = Sample(id="sample")
        self._kept = ""
        """What is to be shown when the page is left; empty: nothing is tried."""
        self._setting = self._graphs = ""
        """What the settings say."""
        self._writes = 0
        self._wanted = ""
        self._on_top = False

    def beside(self) -> Widget:
        return self.sample

    def look(self) -> None:
        if not self._on_top:
            self._on_top = True
            self._kept = self.app.theme
            self._setting, self._graphs = self.app.settings.console.theme, self.app.settings.console.graphs
            self._show()
            self.list.select(self._kept)
        self._show_sample()

    def leave(self) -> None:
        self._on_top = False
        self._restore()

    def refresh_page(self) -> None:
        self.app.reload_themes()
        self._show()
        self._show_sample()

    def apply(self, settings: Settings) -> None:
        console = settings.console
        self._graphs = console.graphs
        another, self._setting = console.theme != self._setting, console.theme
        if another:
            self._kept = self.app.theme
        if self._on_top:
            self._show()
            if another:
                self.list.select(self._kept)
            self._show_sample()

    @property
    def tried(self) -> bool:
        return bool(self._kept) and self.app.theme != self._kept

    def _show(self) -> None:
        loaded, own = self.app.loaded_themes, shipped("themes")
        groups: dict[str, list[str]] = {"Shipped": [], "Yours": [], _OTHERS: []}
        for name in sorted(self.app.available_themes):
            read = loaded.read.get(name)
            group = _OTHERS if read is None else "Shipped" if read.file.parent == own else "Yours"
            groups[group].append(name)
        rows: list[Row] = []
        for title, names in groups.items():
            if names:
                rows += [heading(title), *map(self._row, names)]
        if loaded.failures:
            rows.append(heading("Not usable"))
            for number, failure in enumerate(loaded.failures):
                rows.append(Row(f"!{number}", (Cell("✗", "bad"), Cell(sanitise_name(failure), "bad"), Cell("", ""))))
        self.show_rows(rows)

    def _row(self, name: str) -> Row:
        theme = self.app.available_themes[name]
        kind = "terminal's" if theme.ansi else "dark" if theme.dark else "light"
        kept = name == self._kept
        mark = Cell("●", "accent") if kept else Cell(" ", "")
        return Row(name, (mark, Cell(sanitise_name(name), "strong" if kept else "plain"), Cell(kind, "muted")), kind)

    def show_detail(self) -> None:
        """The sample stands there."""
        self._show_sample()

    def moved(self, row_id: str) -> None:
        self._wanted = row_id
        if self._on_top:
            self.set_timer(_TRY_S, lambda: self._try(row_id))
        self._show_sample()

    def _try(self, name: str) -> None:
        if not (self._on_top and name == self._wanted and self.mode.looks):
            return
        if name in self.app.available_themes and name != self.app.theme and not self._colourless:
            self.app.theme = name
        self._show_sample()
        self.mode.show_keys()

    @property
    def _colourless(self) -> bool:
        return "NO_COLOR" in os.environ

    def _restore(self) -> None:
        self._wanted = ""
        if self.tried and self._kept in self.app.available_themes:
            self.app.theme = self._kept

    def _show_sample(self) -> None:
        row_id = self.list.selected
        lines: list[Paragraph] = [(Cell(sanitise_name(self.app.theme), "strong"),), (self._state,)]
        if row_id.startswith("!"):  # there may be fewer by now: they were read again
            failed = self.app.loaded_themes.failures[int(row_id[1:]) :][:1]
            lines += [(Cell(sanitise_name(failure), "bad"),) for failure in failed]
        elif self._colourless:
            lines.append((Cell("NO_COLOR is set: no theme has colours.", "warning"),))
        using = f"{self._graphs}, which is {self.app.glyphs.name} here" if self._graphs == "auto" else self._graphs
        lines.append((Cell("graphs ", "muted"), Cell(using, "plain")))
        self.sample.show(lines, self.app.glyphs)

    @property
    def _state(self) -> Cell:
        if self.tried:
            return Cell(f"tried: {self.key('change_row')} keeps it, {self.key('back')} goes back", "accent")
        return Cell("in use: move to try another one", "muted")

    @property
    def badge(self) -> Cell | None:
        failures = len(self.app.loaded_themes.failures)
        return Cell(f"✗{failures}", "bad") if failures else None

    def title_of(self, row_id: str) -> Cell:
        return Cell(sanitise_name(row_id), "strong")

    def copied(self, row_id: str) -> str:
        return "" if row_id.startswith("!") else row_id

    def label_of(self, action_id: str) -> str | None:
        if action_id == "change_row":
            return None if self.list.selected.startswith("!") else "keep it"
        if action_id == "back":
            return "as before" if self.tried else None
        if action_id == "graph_glyphs":
            return f"graphs: {self._graphs}"
        return super().label_of(action_id)

    def back(self) -> bool:
        if not self.tried:
            return False
        self._restore()
        self.list.select(self._kept)
        self._show_sample()
        return True

    # -- keeping

    def change(self, row_id: str) -> None:
        if row_id in self.app.available_themes:
            self._write("console.theme", row_id, lambda settings: self._keep(row_id, settings.console.theme))

    def _keep(self, name: str, next_time: str) -> None:
        if not self._colourless:
            self.app.theme = name
        self._kept = name
        self._show()
        self._show_sample()
        if next_time == name:
            self.app.tell(f"The theme is {name} from now on.")
        else:
            self.app.tell(
                f"The theme {name} is written; the environment has another one for the next start.", "warning"
            )

    def graph_glyphs(self) -> None:
        """The next set of glyphs, for the whole console."""
        after = GLYPH_CHOICES[(GLYPH_CHOICES.index(self._graphs) + 1) % len(GLYPH_CHOICES)]
        self._graphs = after
        self.app.use_graphs(after)
        self._show_sample()
        self.mode.show_keys()
        self._write("console.graphs", after, lambda settings: None)

    def _write(self, name: str, value: str, done: Callable[[Settings], None]) -> None:
        file, environ, in_force = config_file(), dict(os.environ), self.app.settings

        def written(found: Settings | SettingsError) -> None:
            self._writes -= 1
            if isinstance(found, SettingsError):
                self.app.report(found)
            elif not self._writes:  # else what is pressed already would be undone
                self.app.put_in_force(found)
                done(found)

        self._writes += 1
        self.in_background(lambda: _saved(file, name, value, environ, in_force), written)


def _saved(file: Path, name: str, value: str, environ: dict[str, str], in_force: Settings) -> Settings | SettingsError:
    try:
        one = next(one for one in setting_rows.read(in_force, file, environ).settings if one.name == name)
        return setting_rows.save(file, one, value, environ)
    except SettingsError as error:
        return error
