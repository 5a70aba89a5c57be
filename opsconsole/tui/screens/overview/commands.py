"""Commands go down: what keys of the overview do to anomalies, runs and the monitor."""

from __future__ import annotations

import asyncio

from opsconsole.anomalies import Anomaly
from opsconsole.errors import OpsError
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.overview.panes import RunningPane, TroublePane
from opsconsole.tui.screens.tasks.commands import TaskCommands


class OverviewCommands(TaskCommands):
    """The half of the overview that changes something; runs are cancelled as the tasks' mode cancels them."""

    trouble: TroublePane
    running: RunningPane

    def look_again(self) -> None:
        """Something was changed: read what is shown anew."""
        raise NotImplementedError

    # -- anomalies

    @property
    def unseen(self) -> list[Anomaly]:
        """As they are on the screen: nobody acknowledges what came up while the key went down."""
        return [one for one in self.trouble.items if not one.seen]

    def action_acknowledge(self) -> None:
        """The one under the cursor; from another list, the worst that nobody has seen."""
        if self.focused is self.trouble and self.trouble.items and not self.trouble.found:
            self.app.tell("No line passes: nothing is acknowledged.")
            return
        chosen = self.trouble.selected if self.focused is self.trouble else None
        if chosen is None or chosen.seen:
            chosen = next(iter(self.unseen), None)
        if chosen is None:
            self.app.tell("No open anomaly waits for somebody to see it.")
            return
        try:
            self.engine.monitoring.acknowledge(chosen.id)
        except OpsError as error:
            self.app.report(error)
            return
        self.app.tell(f"Seen: {sanitise_name(chosen.message)}")
        self.look_again()

    # -- runs

    def action_cancel_run(self) -> None:
        if self.focused is not self.running and self.running.items:
            self.set_focus(self.running)  # first it is seen which one
            return
        self.action_cancel()

    # -- the monitor

    def action_analysis(self) -> None:
        from opsconsole.tui.screens.overview.analysis import AnalysisScreen

        if self.begun:
            self.app.push_screen(AnalysisScreen(self.engine))

    def action_watch(self) -> None:
        """Start the monitor; or stop it wherever it runs, after a question."""
        if not self.begun:
            return
        if not self.engine.monitoring.alive:
            self.run_worker(self._start(), group="monitor")
            return
        from opsconsole.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._stop(), group="monitor")

        count = len(self.trouble.items)
        open_ones = "the open anomaly" if count == 1 else f"the {count} open anomalies"
        consequences = [
            "Nothing is measured, recorded or alerted of, in no console, until somebody starts it again.",
            *([f"What becomes of {open_ones} will not be seen."] if count else []),
        ]
        question = ConfirmScreen(
            "Stop watching this host?", "the monitor", consequences, yes="Yes, stop it", no="No, go on"
        )
        self.app.push_screen(question, answered)

    async def _start(self) -> None:
        try:
            self.engine.monitoring.start()
        except OpsError as error:
            self.app.report(error)
        self.look_again()

    async def _stop(self) -> None:
        try:
            await asyncio.to_thread(self.engine.monitoring.stop)
            self.app.tell("Nobody watches this host now.")
        except OpsError as error:
            self.app.report(error)
        self.look_again()
