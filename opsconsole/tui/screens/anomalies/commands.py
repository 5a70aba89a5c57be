"""What is done to episodes and to the monitor: every call in a thread, every error shown where one looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from opsconsole.anomalies import Anomaly, AnomalyState
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.wording import count_of

if TYPE_CHECKING:
    from opsconsole.storage.anomalies import AnomalyFilter

_NOTHING = "No episode is selected."


class EpisodeCommands(ModeScreen):
    """Base of the mode; the mode says which one is selected and what is shown."""

    @property
    def selected(self) -> Anomaly | None:
        """The episode under the cursor."""
        raise NotImplementedError

    def shown_span(self) -> tuple[AnomalyFilter | None, str]:
        """What the list shows, as the record can be asked for it, and in words; None: the record cannot."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Something was changed."""
        raise NotImplementedError

    def _do(self, work: Callable[[], Any], said: str) -> None:
        async def done() -> None:
            result = await self.app.attempt(asyncio.to_thread(work))
            if result is not None:
                self.app.tell(said)
            self.look_again()

        self._run(done())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self.run_worker(work, group="command")

    # -- the selected one

    def _chosen(self, action_id: str) -> Anomaly | None:
        """Whom an action is for; None, where there is nobody or it is not to be had, which is then said."""
        if not self.may(action_id):
            return None
        if self.selected is None:
            self.app.tell(_NOTHING)
        return self.selected

    def action_acknowledge_episode(self) -> None:
        one = self._chosen("acknowledge_episode")
        if one is None:
            return
        if one.seen:
            self.app.tell(f"Seen already, by {one.acknowledged_by or 'somebody'}.")
        else:
            self._do(lambda: self.engine.monitoring.acknowledge(one.id), f"Seen: {one.message}")

    def action_silence_episode(self) -> None:
        one = self._chosen("silence_episode")
        if one is None:
            return
        from opsconsole.tui.screens.anomalies.dialogs import SILENCES, SilenceScreen

        def answered(seconds: int | None) -> None:
            if seconds:
                words = next(words for _, known, words in SILENCES if known == seconds)
                self._do(
                    lambda: self.engine.monitoring.silence(one.id, float(seconds)),
                    f"Nobody is told of {_name(one)} for {words}.",
                )

        self.app.push_screen(SilenceScreen(_name(one)), answered)

    def action_note_episode(self) -> None:
        one = self._chosen("note_episode")
        if one is None:
            return
        from opsconsole.tui.screens.anomalies.dialogs import NoteScreen

        def answered(text: str | None) -> None:
            if text:
                self._do(lambda: self.engine.monitoring.note(one.id, text), f"Noted to {_name(one)}.")

        self.app.push_screen(NoteScreen(_name(one)), answered)

    # -- all of them

    def action_clear_episodes(self) -> None:
        if not self.may("clear_episodes"):
            return
        wanted, words = self.shown_span()
        if wanted is None:
            self.app.tell(words)
            return
        self._run(self._ask_to_clear(wanted, words))

    async def _ask_to_clear(self, wanted: AnomalyFilter, words: str) -> None:
        counted = await self.app.attempt(asyncio.to_thread(self.engine.monitoring.counts, wanted))
        if counted is None:
            return
        if not counted.total:
            self.app.tell(f"No closed episode: {words}.")
            return
        from opsconsole.tui.screens.confirm import ConfirmScreen

        number = counted.total
        question = ConfirmScreen(
            f"Remove {count_of(number, 'closed episode')} from the record?",
            sanitise_name(words),
            ["What they say, their notes and what was done about them cannot be brought back.", "Open ones stay."],
            yes=f"Yes, remove {number:,}", no="No, keep them",
        )  # fmt: skip
        self.app.push_screen(question, lambda yes: self._run(self._clear(wanted, number)) if yes else None)

    async def _clear(self, wanted: AnomalyFilter, asked: int) -> None:
        """Not more than was asked about: one may have closed since."""
        station = self.engine.monitoring

        def work() -> int:
            return -1 if station.counts(wanted).total > asked else station.clear(wanted)

        removed = await self.app.attempt(asyncio.to_thread(work))
        if removed == -1:
            self.app.tell("More have closed meanwhile; nothing was removed. Please ask again.", "warning")
        elif removed is not None:
            self.app.tell(f"Removed {count_of(removed, 'closed episode')}.")
        self.look_again()

    # -- the monitor

    def action_watch(self) -> None:
        """Start the monitor; or stop it wherever it runs, after a question."""
        if not self.may("watch"):
            return
        if not self.engine.monitoring.alive:
            self._run(self._start())
            return
        from opsconsole.tui.screens.confirm import ConfirmScreen

        question = ConfirmScreen(
            "Stop watching this host?", "the monitor",
            [
                "Nothing is measured, recorded or alerted of, in no console, until somebody starts it again.",
                "What becomes of open episodes will not be seen.",
            ],
            yes="Yes, stop it", no="No, go on",
        )  # fmt: skip
        self.app.push_screen(question, lambda yes: self._run(self._stop()) if yes else None)

    async def _start(self) -> None:
        if await self.app.attempt(asyncio.to_thread(self.engine.monitoring.start)):
            self.app.tell("This host is watched now.")
        self.look_again()

    async def _stop(self) -> None:
        if await self.app.attempt(asyncio.to_thread(self.engine.monitoring.stop)) is not None:
            self.app.tell("Nobody watches this host now.")
        self.look_again()


def closed_only(wanted: AnomalyFilter) -> AnomalyFilter:
    """Only what can be cleared."""
    from dataclasses import replace

    return replace(wanted, states=frozenset({AnomalyState.CLOSED}))


def _name(one: Anomaly) -> str:
    return sanitise_name(f"{one.kind} {one.subject}".strip(), limit=120) + f" (#{one.id})"
