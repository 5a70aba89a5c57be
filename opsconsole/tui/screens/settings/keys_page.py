"""Every action with its keys, by place; a key is changed by pressing the new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from opsconsole.errors import SettingsError
from opsconsole.tui.actions import ACTIONS, BY_ID, SHARED_ACTIONS, Action, Danger, Where
from opsconsole.tui.keys import key_name
from opsconsole.tui.modes import MODES
from opsconsole.tui.screens.settings import key_writing
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.press_key import PressKeyScreen
from opsconsole.tui.screens.settings.prose import Paragraph, fact
from opsconsole.tui.screens.settings.row_list import Column, Row, heading
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import shortened

_SHARED = (Where.CONSOLE, Where.MOTION)


class KeysPage(Page):
    """What the registry says, under what the operator's keymap says."""

    ID = "keys"
    COLUMNS = (Column("", 1), Column("KEYS", 16), Column("WHAT IT DOES", 0))
    KEYS: ClassVar[tuple[str, ...]] = ("change_row", "reset_row", "only_changed", "refresh_page")

    @property
    def _problems(self) -> Sequence[str]:
        return self.app.keymap_problems

    def look(self) -> None:
        if not self.list.rows:
            self.refresh_page()

    def refresh_page(self) -> None:
        """Read the keymap anew; it is in force at once."""
        self.app.reload_keymap()
        self.mode.show_keys()

    def rebound(self) -> None:
        self.toggled()

    def toggled(self) -> None:
        rows: list[Row] = []
        if self._problems:
            rows.append(heading("The keymap has problems"))
            rows += [
                Row(f"!{at}", (Cell("✗", "bad"), Cell("", ""), Cell(self.harmless(problem), "bad")))
                for at, problem in enumerate(self._problems)
            ]
        for place in (Where.CONSOLE, Where.MOTION, *(one for one in Where if one not in _SHARED)):
            own = [one for one in ACTIONS if one.where is place]
            if self.only_changed:
                own = [one for one in own if self._is_changed(one.id)]
            if own:
                rows += [heading(place.value), *(self._row(one.id) for one in own)]
        self.show_rows(rows)

    def _row(self, action_id: str) -> Row:
        action, changed = BY_ID[action_id], self._is_changed(action_id)
        mark = Cell("●", "accent") if changed else Cell(" ", "")
        there = self.app.allows(action_id)
        said = action.description if there else f"{action.description} (read-only: not to be had)"
        keys = Cell(self._keys(action_id), "accent" if there else "faint")
        return Row(action_id, (mark, keys, Cell(said, "plain" if there else "faint")), f"{action_id} {action.label}")

    def _keys(self, action_id: str) -> str:
        return self._for_people(self.app.keys_for(action_id))

    def _for_people(self, keys: str) -> str:
        return " ".join(key_name(self.app, key) for key in keys.split(","))

    def _is_changed(self, action_id: str) -> bool:
        return self.app.keys_for(action_id) != BY_ID[action_id].keys

    @property
    def badge(self) -> Cell | None:
        return Cell(f"✗{len(self._problems)}", "bad") if self._problems else None

    def empty(self) -> Sequence[str]:
        return ("All keys are the usual ones.", f"{self.key('only_changed')} shows them")

    def title_of(self, row_id: str) -> Cell:
        return Cell("Your keymap", "bad") if row_id.startswith("!") else Cell(BY_ID[row_id].label, "strong")

    def describe(self, row_id: str) -> Sequence[Paragraph]:
        file = fact("file", shortened(self.app.keymap_file), "muted")
        if row_id.startswith("!"):
            return [(), (Cell(self.harmless(self._problems[int(row_id[1:])]), "bad"),), (), file]
        action = BY_ID[row_id]
        said: list[Paragraph] = [(), (Cell(action.description + ".", "plain"),), ()]
        said.append(fact("keys", self._keys(row_id), "accent"))
        if self._is_changed(row_id):
            said.append(fact("usually", self._for_people(action.keys), "muted"))
        said.append(fact("where", _places(action)))
        setting = f'{action.id} = "{self.app.keys_for(row_id)}"'
        said.append(fact("action", f"{action.id}; in keymap.toml: {setting}", "muted"))
        if action.danger is Danger.CONFIRM:
            said.append(fact("asks", "first, with Cancel as the default"))
        elif action.changes:
            said.append(fact("changes", "something: a read-only console does not have it"))
        return [*said, file]

    def label_of(self, action_id: str) -> str | None:
        chosen = self.list.selected
        if action_id == "change_row":
            return "press a new key" if chosen in BY_ID else None
        if action_id == "reset_row":
            return "usual key" if chosen in BY_ID and self._is_changed(chosen) else None
        return super().label_of(action_id)

    def copied(self, row_id: str) -> str:
        return f'{row_id} = "{self.app.keys_for(row_id)}"' if row_id in BY_ID else ""

    # -- changing

    def change(self, row_id: str) -> None:
        if row_id not in BY_ID:
            return
        in_force = {one.id: self.app.keys_for(one.id) for one in ACTIONS}
        dialog = PressKeyScreen(
            BY_ID[row_id], self._keys(row_id), lambda key: key_writing.refusal(row_id, key, in_force)
        )  # fmt: skip
        self.app.push_screen(dialog, lambda key: self._write(row_id, key) if key is not None else None)

    def reset(self, row_id: str) -> None:
        if row_id in BY_ID and self._is_changed(row_id):
            self._write(row_id, None)

    def _write(self, action_id: str, key: str | None) -> None:
        file = self.app.keymap_file

        def work() -> SettingsError | None:
            try:
                key_writing.write(file, action_id, key)
            except SettingsError as error:
                return error
            return None

        def done(error: SettingsError | None) -> None:
            if error is not None:
                self.app.report(error)
                return
            self.refresh_page()
            self.app.tell(f"{BY_ID[action_id].label}: {self._keys(action_id)}, from now on.")

        self.in_background(work, done)


def _places(action: Action) -> str:
    """What several modes share, and not all, is named by mode."""
    modes = [mode for mode in MODES if action.id in mode.shares]
    if action not in SHARED_ACTIONS or len(modes) == len(MODES):
        return action.where.value
    return ", ".join(mode.label.capitalize() for mode in modes)
