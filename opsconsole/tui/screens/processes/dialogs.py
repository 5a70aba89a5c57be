"""Which signal, which nice value: one question that names the target, and whose first answer does nothing."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers

_NO = Answer("", "n", "No, do nothing", "enter and esc do this")

SIGNALS = (
    Answer("SIGTERM", "t", "TERM", "asks it to end; it may tidy up first, or not listen", dangerous=True),
    Answer("SIGINT", "i", "INT", "as ctrl+c does", dangerous=True),
    Answer("SIGHUP", "h", "HUP", "many services read their settings again, others end", dangerous=True),
    Answer("SIGQUIT", "q", "QUIT", "ends it, with a core dump", dangerous=True),
    Answer("SIGKILL", "9", "KILL", "ends it at once; what it has not saved is lost", dangerous=True),
    Answer("SIGSTOP", "s", "STOP", "stands still until CONT", dangerous=True),
    Answer("SIGCONT", "c", "CONT", "goes on after STOP"),
    Answer("SIGUSR1", "1", "USR1", "what it means is up to the program; the default is to end", dangerous=True),
    Answer("SIGUSR2", "2", "USR2", "likewise", dangerous=True),
)

NICE = (
    Answer("19", "1", "19", "only when nobody else wants the CPU"),
    Answer("10", "2", "10", "well behind the others"),
    Answer("5", "3", "5", "behind the others"),
    Answer("0", "4", "0", "as usual; to go down needs privilege"),
    Answer("-5", "5", "-5", "before the others; needs privilege", dangerous=True),
    Answer("-10", "6", "-10", "well before the others; needs privilege", dangerous=True),
    Answer("-20", "7", "-20", "before everybody; needs privilege", dangerous=True),
)


class AskScreen(Modal[str]):
    """The answer's value; "" is no. Texts must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "No")]

    def __init__(self, title: str, subjects: Sequence[str], notes: Sequence[str], answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._subjects = subjects
        self._notes = notes
        self._answers = Answers(_NO, *answers)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger") as dialog:
            dialog.border_title = Content(self._title)
            for subject in self._subjects:
                yield Static(Text(subject, style="bold", no_wrap=True, overflow="ellipsis"), classes="ask-subject")
            for note in self._notes:
                yield Static(Text(note), classes="confirm-consequence")
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(event.value)

    def action_leave(self) -> None:
        self.dismiss("")


def signal_of(value: str) -> signal.Signals:
    return signal.Signals[value]
