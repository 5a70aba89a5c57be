"""Which signal, which nice value: one question that names the target, and whose first answer does nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers

_NO = Answer("", "n", "No, do nothing", "as esc and q")
_MOST_DIGITS = 3

SIGNALS = (
    Answer("SIGTERM", "t", "TERM", "asks it to end; it may tidy up first, or not listen"),
    Answer("SIGINT", "i", "INT", "as ctrl+c does"),
    Answer("SIGHUP", "h", "HUP", "many services read their settings again, others end"),
    Answer("SIGQUIT", "u", "QUIT", "ends it, with a core dump", dangerous=True),
    Answer("SIGKILL", "9", "KILL", "ends it at once; what it has not saved is lost", dangerous=True),
    Answer("SIGSTOP", "s", "STOP", "stands still until CONT", dangerous=True),
    Answer("SIGCONT", "c", "CONT", "goes on after STOP"),
    Answer("SIGUSR1", str(signal.SIGUSR1.value), "USR1", "what it means is up to the program; the default is to end"),
    Answer("SIGUSR2", str(signal.SIGUSR2.value), "USR2", "likewise"),
)
"""Those that give the process no chance are marked. No letter of them leaves a dialog elsewhere."""

NICE = (
    Answer("19", "19", "only when nobody else wants the CPU"),
    Answer("10", "10", "well behind the others"),
    Answer("5", "5", "behind the others"),
    Answer("0", "0", "as usual"),
    Answer("-5", "-5", "before the others", dangerous=True),
    Answer("-10", "-10", "well before the others", dangerous=True),
    Answer("-20", "-20", "before everybody", dangerous=True),
)
_NICES = range(-20, 20)


class AskScreen(Modal[str]):
    """The answer's value; "" is no. Texts must be harmless. `how` says how an answer is chosen.

    Unlike in a question of yes or no, which its letter answers, a letter or a number that is typed marks its answer,
    and only enter takes it; but to do nothing takes one key.
    `numbered`: the answer that a typed number means, which may be none of those shown; None: there is none, or not yet.
    """

    GRAVE = True
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "leave", "No")]

    def __init__(
        self, title: str, subjects: Sequence[str], notes: Sequence[str], answers: Sequence[Answer],
        numbered: Callable[[str], Answer | None], how: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self._title, self._how = title, how
        self._subjects = subjects
        self._notes = notes
        self._offered = answers
        self._numbered = numbered
        self._digits = ""
        self._answers = Answers(_NO, *answers, before=self._choose)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger") as dialog:
            dialog.border_title = Content(self._title)
            dialog.border_subtitle = Content(self._how)
            for subject in self._subjects:
                yield Static(Text(subject, style="bold", no_wrap=True, overflow="ellipsis"), classes="ask-subject")
            for note in self._notes:
                yield Static(Text(note), classes="confirm-consequence")
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        """Who typed a number that is none of these hears that, and not that nothing was done."""
        if event.value or not self._digits:
            self.dismiss(event.value)

    def action_leave(self) -> None:
        self.dismiss("")

    def _choose(self, event: events.Key) -> bool:
        """Mark what is meant by a key; False: that is for others."""
        typed = event.character or ""
        if event.key == "enter":
            return False
        if event.key == "backspace":
            self._number(self._digits[:-1])
        elif typed.isdecimal() or (typed == "-" and not self._digits):
            self._number((self._digits + typed)[:_MOST_DIGITS])
        else:
            self._digits = ""
            self._say_typed(True)
            meant = next((one for one in self._offered if one.key == typed), None)
            if meant is None:
                return False
            self._answers.mark(meant.value)
        return True

    def _number(self, digits: str) -> None:
        """What is no number of these marks the first answer, which does nothing."""
        meant = self._numbered(digits) if digits else None
        if self._digits or digits:
            self._digits = digits
            added = [meant] if meant and meant not in self._offered else []
            self._answers.show(_NO, *added, *self._offered)
            self._answers.mark(meant.value if meant else _NO.value)
        self._say_typed(meant is not None)

    def _say_typed(self, known: bool) -> None:
        """What enter does is always said last, above all once something was typed."""
        takes = f" · {self._how.rpartition(' · ')[2]}" if known else ", which is none of these"
        said = f"typed: {self._digits}{takes}" if self._digits else self._how
        self.query_one(".dialog").border_subtitle = Content(said)


def ask_signal(title: str, subjects: Sequence[str], notes: Sequence[str]) -> AskScreen:
    """The answer is a signal's name."""
    return AskScreen(
        title, subjects, notes, SIGNALS, _signal_numbered, "a letter, a number or ↑ ↓ chooses · enter sends it"
    )


def ask_nice(
    title: str, subjects: Sequence[str], notes: Sequence[str], now: Sequence[int], *, privileged: bool
) -> AskScreen:
    """The answer is a nice value. `now`: what they have; who is not `privileged` can only go up from there."""
    how = f"type {_NICES[0]} … {_NICES[-1]}, or choose by ↑ ↓ · enter sets it"

    def answer(value: int) -> Answer:
        known = next((one for one in NICE if int(one.value) == value), None)
        offered = known or Answer(str(value), str(value), "as typed", dangerous=value < 0)
        if all(one == value for one in now):
            return offered._replace(consequence="as it is now")
        needs = not privileged and any(value < one for one in now)
        return offered._replace(consequence="needs privilege" if needs else "")

    def numbered(digits: str) -> Answer | None:
        return None if digits == "-" or int(digits) not in _NICES else answer(int(digits))

    return AskScreen(title, subjects, notes, [answer(int(one.value)) for one in NICE], numbered, how)


def may_go_down() -> bool:
    """Whether this console may lower a nice value: by CAP_SYS_NICE (bit 23), as root has it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return os.geteuid() == 0
    found = next((line for line in status.splitlines() if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(found.split()[1], 16) >> 23 & 1)


def signal_of(value: str) -> signal.Signals:
    return signal.Signals[value]


def _signal_numbered(digits: str) -> Answer | None:
    """As `kill -NUMBER` means it on this host."""
    return next((one for one in SIGNALS if str(signal_of(one.value).value) == digits), None)
