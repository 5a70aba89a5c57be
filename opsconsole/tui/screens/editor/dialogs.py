"""What the editor asks: a name, a language and a name, a path, and which language a text is in."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from opsconsole.tui.screens.editor.languages import LANGUAGES
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.text_field import TextField

Wrong = Callable[[str], str]


class NameScreen(Modal[str | None]):
    """What was typed, or None. `wrong` says what is the matter with it; empty: nothing. Texts must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Not at all")]

    def __init__(
        self, title: str, hint: str, value: str = "", *, enter: str, wrong: Wrong = lambda _: "", replaced: bool = False
    ) -> None:
        """`replaced`: the value is only a suggestion. What is typed takes its place, and its ending if it has none."""
        super().__init__()
        self._title, self._hint, self._value, self._enter, self._wrong = title, hint, value, enter, wrong
        self._replaced = replaced

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            dialog.border_subtitle = Content(f"enter {self._enter}, esc leaves")
            yield Static(self._hint, classes="editor-hint", markup=False)
            yield TextField(self._value, id="name-text")
            yield Static("", id="name-wrong", markup=False)

    def on_mount(self) -> None:
        field = self.query_one(Input)
        stem, _ = os.path.splitext(self._value)
        field.selection = Selection(0, len(self._value)) if self._replaced else Selection(len(stem), len(stem))
        self.set_focus(field)

    def on_input_changed(self) -> None:
        self.query_one("#name-wrong", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if self._replaced and name and not os.path.splitext(name)[1]:
            name += os.path.splitext(self._value)[1]
        if problem := self._wrong(name):
            self.query_one("#name-wrong", Static).update(problem)
        else:
            self.dismiss(name)

    def action_leave(self) -> None:
        self.dismiss(None)


class LanguageScreen(Modal[str | None]):
    """A language's id, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Not at all")]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._answers = Answers(
            *(Answer(one.id, key, one.label, ", ".join(one.endings))
              for one, key in zip(LANGUAGES, "spwa", strict=True))
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            dialog.border_subtitle = "esc leaves"
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(event.value)

    def action_leave(self) -> None:
        self.dismiss(None)
