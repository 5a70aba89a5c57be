"""Every setting: its value, where that comes from, what it means; changed in place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from opsconsole.errors import SettingsError
from opsconsole.paths import config_file
from opsconsole.settings import Settings, variable_of
from opsconsole.tui.reloading import at_once, signature
from opsconsole.tui.screens.settings import setting_rows
from opsconsole.tui.screens.settings.edit_setting import EditSettingScreen
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.prose import Paragraph, fact
from opsconsole.tui.screens.settings.row_list import Column, Row, heading
from opsconsole.tui.screens.settings.setting_rows import Known, Setting, said, shown
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import shortened

_ORIGINS = {"default": "", "file": "file", "environment": "env"}


class SettingsPage(Page):
    """Read from file and environment in a thread, each time the page is seen."""

    ID = "settings"
    COLUMNS = (Column("", 1), Column("SETTING", 24), Column("VALUE", 0), Column("FROM", 4, from_width=44))
    KEYS: ClassVar[tuple[str, ...]] = ("change_row", "reset_row", "only_changed", "copy")

    def __init__(self) -> None:
        super().__init__()
        self._known: Known | None = None
        self._by_name: dict[str, Setting] = {}
        self._reading = self._again = False
        self._seen: tuple[object, ...] = ()

    def look(self) -> None:
        if self._known is None or self._seen != self._signature():
            self.refresh_page()

    def _signature(self) -> tuple[object, ...]:
        """What tells whether there is anything new to read."""
        return signature([config_file()]), id(self.app.settings)

    def refresh_page(self) -> None:
        if self._reading:
            self._again = True
            return
        self._reading = True
        self._seen = self._signature()
        file, in_force, environ = config_file(), self.mode.in_force, dict(os.environ)
        self.in_background(lambda: setting_rows.read(in_force, file, environ), self._take)

    def apply(self, settings: Settings) -> None:
        self.refresh_page()

    def _take(self, known: Known) -> None:
        self._reading = False
        if self._again:  # something was written meanwhile
            self._again = False
            self.refresh_page()
        self._known = known
        self._by_name = {one.name: one for one in known.settings}
        self.toggled()

    def toggled(self) -> None:
        rows: list[Row] = []
        section = None
        for one in self._known.settings if self._known else ():
            if self.only_changed and not (one.changed or one.pending or one.origin != "default"):
                continue
            if one.section != section:
                section = one.section
                rows.append(heading(f"[{section}]" if section else "At the top of the file"))
            rows.append(self._row(one))
        self.show_rows(rows)

    def _row(self, one: Setting) -> Row:
        mark = Cell("◷", "warning") if one.pending else Cell("●", "accent") if one.changed else Cell(" ", "")
        value = self._said(one, one.value)
        if one.pending:
            value += f", at the next start {self._said(one, one.next)}"
        tone = "strong" if one.changed else "plain"
        origin = Cell(_ORIGINS[one.origin], "warning" if one.origin == "environment" else "muted")
        return Row(one.name, (mark, Cell(one.key, tone), Cell(value, tone), origin), f"{one.name} {one.meaning}")

    def empty(self) -> Sequence[str]:
        if self._known is None:
            return ("Reading the settings …",)
        return ("Everything is at its default.", f"{self.key('only_changed')} shows all settings")

    @property
    def badge(self) -> Cell | None:
        if self._known is not None and self._known.problem is not None:
            return Cell("✗", "bad")
        changed = sum(one.changed for one in self._by_name.values())
        return Cell(f"●{changed}", "muted") if changed else None  # as its rows are marked

    def title_of(self, row_id: str) -> Cell:
        return Cell(row_id, "strong")

    def describe(self, row_id: str) -> Sequence[Paragraph]:
        one, known = self._by_name[row_id], self._known
        assert known is not None  # noqa: S101 - there is a row
        lines: list[Paragraph] = [(), (Cell(one.meaning, "plain"),), ()]
        lines.append(fact("value", self._said(one, one.value), "strong" if one.changed else "plain"))
        if one.pending:
            lines.append(fact("then", f"{self._said(one, one.next)}, when the console starts again", "warning"))
        lines.append(fact("default", self._said(one, one.default), "muted"))
        lines.append(fact("from", self._origin(one)))
        lines.append(fact("may be", f"{one.range}{f', in {one.unit}' if one.unit else ''}", "muted"))
        lines.append(fact("variable", variable_of(one.name), "muted"))
        lines.append(fact("file", shortened(known.file) + ("" if known.there else " (there is none yet)"), "muted"))
        if known.problem is not None:
            lines += [(), (Cell("The file is not understood; nothing is written to it:", "bad"),)]
            lines.append((Cell(self.harmless(str(known.problem)), "bad"),))
        return lines

    def _said(self, one: Setting, value: object) -> str:
        return self.harmless(said(one, value))

    def _origin(self, one: Setting) -> str:
        if one.origin == "environment":
            hidden = "" if one.in_file is None else f", over {self._said(one, one.in_file)} in the file"
            return f"the environment{hidden}: it wins, whatever the file says"
        return "your file" if one.origin == "file" else "the default"

    def label_of(self, action_id: str) -> str | None:
        one = self._by_name.get(self.list.selected)
        if action_id in ("change_row", "copy") and one is None:
            return None
        if action_id == "reset_row" and (one is None or one.in_file is None):
            return None
        return super().label_of(action_id)

    def copied(self, row_id: str) -> str:
        one = self._by_name[row_id]
        return f"{one.name} = {shown(one)}"

    # -- changing

    def change(self, row_id: str) -> None:
        one, known = self._by_name[row_id], self._known
        if known is None:
            return
        if known.problem is not None:
            self.app.report(known.problem)
            return
        dialog = EditSettingScreen(one, known.file, self._said(one, one.default), self._origin(one), self.harmless)
        self.app.push_screen(dialog, lambda settings: self._saved(one, settings))

    def reset(self, row_id: str) -> None:
        one, known = self._by_name[row_id], self._known
        if known is None or one.in_file is None:
            self.app.tell(f"{one.name} is not in your file: it is at its default already.")
            return
        file, environ = known.file, dict(os.environ)

        def work() -> Settings | SettingsError:
            try:
                return setting_rows.save(file, one, None, environ)
            except SettingsError as error:
                return error

        self.in_background(work, lambda found: self._saved(one, found))

    def _saved(self, one: Setting, found: Settings | SettingsError | None) -> None:
        if isinstance(found, SettingsError):
            self.app.report(found)
        elif found is not None:
            self.app.put_in_force(found)
            when = "in force now" if at_once(one.name) else "in force when the console starts again"
            hidden = "; here the environment has another value" if one.origin == "environment" else ""
            self.app.tell(f"{one.name} is written: {when}{hidden}.")
            self.refresh_page()
