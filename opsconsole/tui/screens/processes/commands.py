"""Signals and nice values from the screen: bound to pid and start before any question is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from textual.worker import Worker

from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.screens.processes.acting import Outcome, Target, each, renice, send, special
from opsconsole.tui.screens.processes.listing import without_folder

_NAMED = 6
_REPORTED = 4
_KERNEL = 2
_LONGEST = 160


class ProcessCommands(ModeScreen):
    """The half of the screen that changes something. The other half looks."""

    @property
    def chosen(self) -> list[ProcessSample]:
        """Whom a command is for."""
        raise NotImplementedError

    def hidden_of(self, chosen: list[ProcessSample]) -> int:
        """How many of them the list does not show just now."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Something was done: look soon."""
        raise NotImplementedError

    def action_signal(self) -> None:
        """Which signal, if any; then send it."""
        from opsconsole.tui.screens.processes.dialogs import ask_signal, signal_of

        wanted = self._wanted("signal")
        chosen = [one for one in wanted if not _of_kernel(one)]
        if not chosen:
            if wanted:
                self.app.tell("A thread of the kernel takes no signal.", "warning")
            return
        targets = [Target.of(one) for one in chosen]

        def answered(value: str | None) -> None:
            if value:
                number = signal_of(value)
                self._after_phrase(targets, f"Send {number.name}", lambda one: send(one, number), f"{number.name} sent")

        title = "Send a signal?" if len(targets) == 1 else f"Send a signal to {len(targets)} processes?"
        notes = [*self._unseen(chosen), *_notes(chosen)]
        if left_out := len(wanted) - len(chosen):
            notes.append(f"{left_out} left out: a thread of the kernel takes no signal.")
        self.app.push_screen(ask_signal(title, self._subjects(chosen), notes), answered)

    def action_renice(self) -> None:
        """Which nice value, if any; then set it."""
        from opsconsole.tui.screens.processes.dialogs import ask_nice, may_go_down

        if not (chosen := self._wanted("renice")):
            return
        targets = [Target.of(one) for one in chosen]

        def answered(value: str | None) -> None:
            if value:
                self._after_phrase(
                    targets, f"Set nice {value}", lambda one: renice(one, int(value)), f"nice {value} set"
                )

        notes = [f"Its nice value is {chosen[0].nice}."] if len(chosen) == 1 else self._unseen(chosen)
        title = "Change its nice value?" if len(targets) == 1 else f"Change the nice value of {len(targets)} processes?"
        self.app.push_screen(
            ask_nice(title, self._subjects(chosen), notes, [one.nice for one in chosen], privileged=may_go_down()),
            answered,
        )

    def _wanted(self, action_id: str) -> list[ProcessSample]:
        """Whom it is for; nobody, where it is not to be had, which is then said."""
        if not self.may(action_id):
            return []
        if self.app.recorded is not None:
            self.app.tell(self.app.recorded.refusal, "warning")
            return []
        chosen = self.chosen
        if not chosen:
            self.app.tell("There is no process to do this with.")
        return chosen

    def _subjects(self, chosen: list[ProcessSample]) -> list[str]:
        """Who is meant: of several processes of one name, the command line says which it is."""
        if len(chosen) == 1:
            return [_subject(Target.of(chosen[0])), self._command(chosen[0])]
        named = [f"{_subject(Target.of(one))}: {self._command(one)}" for one in chosen[:_NAMED]]
        return named + ([f"… and {len(chosen) - _NAMED} more"] if len(chosen) > _NAMED else [])

    def _command(self, one: ProcessSample) -> str:
        if not one.cmdline:
            return "without a command line"
        return self.harmless(without_folder(one.cmdline, one.name), _LONGEST)

    def _unseen(self, chosen: list[ProcessSample]) -> list[str]:
        hidden = self.hidden_of(chosen)
        return (
            [f"{hidden} of them {'is' if hidden == 1 else 'are'} tagged, but not shown by the filter."]
            if hidden
            else []
        )

    def _after_phrase(self, targets: list[Target], what: str, act: Callable[[Target], None], done: str) -> None:
        """A yes is enough, but for process 1 and for this console."""
        guarded = [(one, why) for one in targets if (why := special(one))]
        run = partial(self._run, targets, act, done)
        if not guarded:
            run()
            return
        from opsconsole.tui.screens.phrase import PhraseScreen

        def typed(yes: bool | None) -> None:
            if yes:
                run()

        target = guarded[0][0]
        reasons = [why for _, why in guarded]
        self.app.push_screen(
            PhraseScreen(f"{what}: {target}?", _subject(target), reasons, phrase=f"process {target.pid}"), typed
        )

    def _run(self, targets: list[Target], act: Callable[[Target], None], done: str) -> None:
        _: Worker[None] = self.run_worker(partial(self._do, targets, act, done), group="command")

    async def _do(self, targets: list[Target], act: Callable[[Target], None], done: str) -> None:
        outcomes = await asyncio.to_thread(each, targets, act)
        self._tell(outcomes, done)
        self.look_again()

    def _tell(self, outcomes: list[Outcome], done: str) -> None:
        """What became of each; the failures first, and not too many of them."""
        failed = [one.error for one in outcomes if one.error is not None]
        for error in failed[:_REPORTED]:
            self.app.report(error)
        if len(failed) > _REPORTED:
            self.app.tell(f"{len(failed) - _REPORTED} more failed.", "error")
        well = [one.target for one in outcomes if one.error is None]
        if well:
            self.app.tell(f"{done}: {well[0] if len(well) == 1 else f'{len(well)} processes'}.")


def _subject(target: Target) -> str:
    began = datetime.fromtimestamp(target.start_time).strftime("%Y-%m-%d %H:%M:%S")
    return f"{target}, of {target.user}, since {began}"


def _notes(chosen: list[ProcessSample]) -> list[str]:
    """What a signal cannot do."""
    notes = []
    if any(one.state == "Z" for one in chosen):
        notes.append("What has ended already and was not collected takes no signal: its parent has to collect it.")
    if any(one.state == "D" for one in chosen):
        notes.append("What waits for I/O takes a signal only when that wait is over.")
    return notes


def _of_kernel(one: ProcessSample) -> bool:
    return _KERNEL in (one.pid, one.ppid) and not one.cmdline
