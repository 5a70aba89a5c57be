"""One setting, changed: checked by the code that reads it at the start, then written to the operator's file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from opsconsole.errors import SettingsError
from opsconsole.settings import Settings
from opsconsole.tui.reloading import at_once
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.screens.settings import setting_rows
from opsconsole.tui.screens.settings.setting_rows import Setting, shown
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField
from opsconsole.tui.wording import shortened


class EditSettingScreen(Modal[Settings | None]):
    """Dismissed with the settings as they are then; None: nothing was changed. `default`, `origin` must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back"), ("enter", "save", "Write it")]

    def __init__(self, setting: Setting, file: Path, default: str, origin: str, harmless: Callable[[str], str]) -> None:
        super().__init__()
        self._setting = setting
        self._file = file
        self._default = default
        self._origin = origin
        self._harmless = harmless
        self._saving = False

    def compose(self) -> ComposeResult:
        one = self._setting
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(one.name)
            dialog.border_subtitle = "enter writes it   esc goes back"
            yield Static(Text(one.meaning), classes="setting-meaning")
            yield self._field()
            yield Static("", id="setting-problem", markup=False)
            unit = f", in {one.unit}" if one.unit else ""
            yield Static(Text(f"It may be {one.range}{unit}; the default is {self._default}."), classes="setting-note")
            yield Static(Text(f"Now from {self._origin}."), classes="setting-note")
            when = "at once" if at_once(one.name) else "when the console starts again"
            yield Static(Text(f"Written to {shortened(self._file)}, in force {when}."), classes="setting-note")

    def _field(self) -> Choice | TextField:
        one = self._setting
        value = shown(one, one.next if one.in_file is None else one.in_file)
        if one.kind in ("truth", "choice"):
            return Choice(list(one.choices), value if value in one.choices else one.choices[0], id="setting-value")
        return TextField(value, id="setting-value")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#setting-value"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_save()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say("")

    def action_leave(self) -> None:
        if not self._saving:
            self.dismiss(None)

    def action_save(self) -> None:
        if self._saving:
            return
        field = self.query_one("#setting-value")
        text = field.value if isinstance(field, Choice | TextField) else ""
        self._saving = True
        self.run_worker(self._save(text), group="save")

    async def _save(self, text: str) -> None:
        import asyncio

        themes = frozenset(self.app.available_themes)

        def work() -> Settings:
            value = setting_rows.typed(self._setting, text)
            setting_rows.must_be_there(self._setting, value, themes)
            return setting_rows.save(self._file, self._setting, value, dict(os.environ))

        try:
            settings = await asyncio.to_thread(work)
        except SettingsError as error:
            self._say(self._harmless(str(error)))
            return
        finally:
            self._saving = False
        self.dismiss(settings)

    def _say(self, problem: str) -> None:
        self.query_one("#setting-problem", Static).update(Text(problem))
