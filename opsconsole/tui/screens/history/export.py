"""A report is asked for: of what, in which format, under which name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from opsconsole.reporting.formats import FORMATS, file_name, formats_of
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField
from opsconsole.tui.wording import shortened


@dataclass(frozen=True, slots=True)
class Subject:
    """What there can be a report of. `kind` as in `reporting.formats`; `name` begins its file's name."""

    kind: str
    label: str
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    kind: str
    format: str
    file: str


class ExportScreen(Modal[Order | None]):
    """Enter writes, escape does not. The first subject is the one that is seen. Texts must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "No report"), ("enter", "write", "Write it")]

    def __init__(self, subjects: Sequence[Subject], folder: Path, now_us: int) -> None:
        super().__init__()
        self._subjects = {one.label: one for one in subjects}
        self._folder = folder
        self._stamp = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("%Y%m%d-%H%M%S")
        self._what = Choice(list(self._subjects), subjects[0].label, id="export-what")
        self._formats = {
            kind: Choice(list(formats_of(kind)), formats_of(kind)[0], id=f"export-{kind}")
            for kind in dict.fromkeys(one.kind for one in subjects)
        }
        self._file = TextField(id="export-name")
        self._suggested = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("Write a report")
            dialog.border_subtitle = "← → choose, tab the next line, enter writes"
            yield Static(Text("Of what"), classes="export-label")
            yield self._what
            yield Static(Text("Format"), classes="export-label")
            yield from self._formats.values()
            yield Static(Text(f"File in {shortened(self._folder)}"), classes="export-label")
            yield self._file
            yield Static("", id="export-note", markup=False)
            yield Answers(
                Answer("write", "w", "Write it", "enter does this"), Answer("no", "n", "No report", "esc does this")
            )

    def on_mount(self) -> None:
        self._show()
        self.set_focus(self._what)

    @property
    def _subject(self) -> Subject:
        return self._subjects[self._what.value]

    @property
    def _format(self) -> str:
        return self._formats[self._subject.kind].value

    def on_choice_changed(self) -> None:
        self._show()

    def _show(self) -> None:
        for kind, choice in self._formats.items():
            choice.display = kind == self._subject.kind
        suggested = file_name(f"{self._subject.name}-{self._stamp}", self._format)
        if self._file.value in ("", self._suggested):
            self._file.value = suggested
        self._suggested = suggested
        self.query_one("#export-note", Static).update(FORMATS[self._format].label)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_write()

    def on_answers_given(self, event: Answers.Given) -> None:
        if event.value == "write":
            self.action_write()
        else:
            self.dismiss(None)

    def action_write(self) -> None:
        name, suffix = self._file.value.strip(), f".{FORMATS[self._format].suffix}"
        if not name or "/" in name:
            self.query_one("#export-note", Static).update("A file name without a slash is needed.")
            self.set_focus(self._file)
            return
        self.dismiss(Order(self._subject.kind, self._format, name if name.endswith(suffix) else name + suffix))

    def action_leave(self) -> None:
        self.dismiss(None)
