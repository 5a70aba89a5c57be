"""Leaving while something is open: what is to become of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.wording import count_of

Leaving = Literal["leave", "cancel", "stay"]


class QuitScreen(ModalScreen[Leaving]):
    """Dismissed with what to do; leaving everything as it is comes first."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "stay", "Stay")]

    def __init__(self, running: int, waiting: int, *, others_claim: bool) -> None:
        super().__init__()
        self._active = running
        self._waiting = waiting
        self._others_claim = others_claim
        total = count_of(running + waiting, "task")
        self._answers = Answers(
            Answer("leave", "l", "Leave it running", "enter does this"),
            Answer("cancel", "c", "Cancel all and quit", f"ends {total}, other consoles' too", dangerous=True),
            Answer("stay", "s", "Stay", "esc does this"),
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Quit"
            for line in self._sentences():
                yield Static(Text(line), classes="quit-line")
            yield self._answers

    def _sentences(self) -> list[str]:
        lines = []
        if self._active:
            subject = (
                "1 task is running: it goes" if self._active == 1 else f"{self._active} tasks are running: they go"
            )
            lines.append(f"{subject} on without a console, and the record keeps everything.")
        if self._waiting:
            subject = "1 task is queued: it" if self._waiting == 1 else f"{self._waiting} tasks are queued: each"
            until = "runs on another console." if self._others_claim else "waits until a console is open again."
            lines.append(f"{subject} {until}")
        return lines

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        answers: dict[str, Leaving] = {"leave": "leave", "cancel": "cancel"}
        self.dismiss(answers.get(event.value, "stay"))

    def action_stay(self) -> None:
        self.dismiss("stay")
