"""Leaving while something is open: what is to become of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal, cast, get_args

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from opsconsole.errors import OpsError
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.wording import count_of

if TYPE_CHECKING:
    from opsconsole.tui.leaving import StillOpen

Leaving = Literal["leave", "cancel", "save", "stay"]
_AGAIN_S = 1.0


class QuitScreen(Modal[Leaving]):
    """Dismissed with what to do; leaving everything as it is comes first, unless something would be lost.

    `look` is asked every second what is open by now.
    """

    GRAVE = True
    AHEAD = frozenset({"escape", "enter"})
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "stay", "Stay")]

    def __init__(self, found: StillOpen, look: Callable[[], StillOpen]) -> None:
        super().__init__()
        self._open = found
        self._look_again = look
        self._answers = Answers(*answers_to(found))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Quit"
            yield Static(_text(self._open), classes="quit-line")
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)
        self.set_interval(_AGAIN_S, self._look)

    def _look(self) -> None:
        try:
            now = self._look_again()
        except OpsError:
            return  # the mode below says so
        if now != self._open:
            self._open = now
            self.query_one(".quit-line", Static).update(_text(now))
            self._answers.show(*answers_to(now))

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(cast("Leaving", event.value) if event.value in get_args(Leaving) else "stay")

    def action_stay(self) -> None:
        self.dismiss("stay")


def _text(found: StillOpen) -> Text:
    return Text("\n\n".join(sentences(found)))


def sentences(found: StillOpen) -> list[str]:
    """What is open, and what becomes of it."""
    lines = []
    if found.running:
        subject = "1 task is running: it goes" if found.running == 1 else f"{found.running} tasks are running: they go"
        kept = "but nothing can be written now, and output may be lost" if found.unrecorded else ""
        lines.append(f"{subject} on without a console, {kept or 'and the record keeps everything'}.")
    if number := found.queued + found.waiting:
        until = "runs on another console." if found.others_claim else "waits until a console is open again."
        lines.append(f"{_not_begun(found)}: {'it' if number == 1 else 'each'} {until}")
    if found.unsaved is not None:
        kept = "it is kept as a draft, and is here when you come back" if found.unsaved.kept else "it would be lost"
        lines.append(f"The text of {found.unsaved.name} is not saved: {kept}.")
    return lines or ["Nothing is open any more: all tasks have ended."]


def _not_begun(found: StillOpen) -> str:
    """`5 tasks are queued and 3 are waiting`."""
    parts = [(found.queued, "queued"), (found.waiting, "waiting")]
    said = [(f"{number:,}", "is" if number == 1 else "are", word) for number, word in parts if number]
    (number, be, word), *more = said
    first = f"{number} {'task' if be == 'is' else 'tasks'} {be} {word}"
    return " and ".join([first, *(" ".join(words) for words in more)])


def answers_to(found: StillOpen) -> list[Answer]:
    """The harmless one is first: leaving, where nothing is lost by it."""
    leave = Answer("leave", "l", "Leave it running" if found.running else "Leave", "enter does this")
    answers = [leave, Answer("stay", "s", "Stay", "esc does this")]
    if found.tasks:
        ended = f"ends {count_of(found.tasks, 'task')}, other consoles' too"
        answers.insert(1, Answer("cancel", "c", "Cancel all and quit …", ended, dangerous=True))
    if found.unsaved is not None:
        save = Answer("save", "w", "Save the text, and leave")
        if found.unsaved.kept:
            answers.insert(1, save)
        else:
            lost = leave._replace(consequence="the text is lost", dangerous=True)
            answers = [save._replace(consequence="enter does this"), *answers[1:-1], lost, answers[-1]]
    return answers
