"""A question before something that cannot be undone: what exactly, with which consequence; No is the default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.why_line import WhyLine

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp


_AGAIN_S = 1.0
_HOW = "a letter answers · enter takes what is marked"


class Question(NamedTuple):
    """What is asked: `subject` names the target exactly. Texts must be harmless."""

    title: str
    subject: str
    consequences: Sequence[str] = ()


class ConfirmScreen(Modal[bool]):
    """`subject` names the target exactly. Texts must be harmless.

    `anew` is asked every second how things are by now: the question as it is now, None where nobody can tell, or a
    sentence, told when the dialog is closed with a no because there is nothing left to ask. With `asks_why` one may
    say why, which is then the `reason`.
    """

    GRAVE = True
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "answer(False)", "No")]

    app: ConsoleApp

    def __init__(
        self, title: str, subject: str, consequences: Sequence[str], *, yes: str, no: str,
        anew: Callable[[], Question | str | None] | None = None, asks_why: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self._question = Question(title, subject, consequences)
        self._anew = anew
        self._why = WhyLine() if asks_why else None
        more = [Answer("why", "r", "Say why first", "then answer; nobody has to")] if asks_why else []
        self._answers = Answers(
            Answer("no", "n", no, "enter and esc do this"), Answer("yes", "y", yes, dangerous=True), *more
        )

    @property
    def reason(self) -> str | None:
        """What was said; None: nothing."""
        return None if self._why is None else self._why.text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger") as dialog:
            dialog.border_title = Content(self._question.title)
            dialog.border_subtitle = _HOW
            yield Static(Text(self._question.subject, style="bold"), id="confirm-subject")
            consequences = Static(self._said, classes="confirm-consequence")
            consequences.display = bool(self._question.consequences)
            yield consequences
            if self._why is not None:
                yield self._why
            yield self._answers

    @property
    def _said(self) -> Text:
        return Text("\n".join(self._question.consequences))

    def on_mount(self) -> None:
        self.set_focus(self._answers)
        if self._anew is not None:
            self.set_interval(_AGAIN_S, self._look)

    def _look(self) -> None:
        now = self._anew() if self._anew is not None and self.is_current else self._question
        if isinstance(now, str):
            self.app.tell(now)
            self.close_by_itself(False)
        elif now is not None and now != self._question:
            self._question = now
            self.query_one(".dialog").border_title = Content(now.title)
            self.query_one("#confirm-subject", Static).update(Text(now.subject, style="bold"))
            consequences = self.query_one(".confirm-consequence", Static)
            consequences.update(self._said)
            consequences.display = bool(now.consequences)

    def on_answers_given(self, event: Answers.Given) -> None:
        if event.value != "why":
            self.dismiss(event.value == "yes")
        elif self._why is not None:
            self._why.begin()
            self.query_one(".dialog").border_subtitle = "enter keeps the reason, esc drops it"

    def on_why_line_left(self) -> None:
        """The question is still open, and No is what enter does."""
        self.query_one(".dialog").border_subtitle = _HOW
        self._answers.mark("no")
        self.set_focus(self._answers)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
