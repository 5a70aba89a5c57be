"""What a key does with the selected run: run it again, pin it, edit its script, go to its task."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from opsconsole.errors import OpsError
from opsconsole.models import Task
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.past_scripts import LEFT_OUT, past_script
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.wording import name_of

if TYPE_CHECKING:
    pass


class HistoryCommands(ModeScreen):
    """The half of the history's screen that changes something or goes elsewhere."""

    @property
    def selected_id(self) -> int | None:
        """The run that commands are for."""
        raise NotImplementedError

    def took(self, task: Task) -> None:
        """A task is another one now."""
        raise NotImplementedError

    def _target(self, action_id: str) -> Task | None:
        """The selected task as it is now, if the action makes sense for it; else the reason is shown."""
        if not self.begun or self.selected_id is None:
            self.app.tell("There is no run to do this with." if self.begun else "The engine is still starting.")
            return None
        try:
            task = self.engine.task(self.selected_id)
        except OpsError as error:
            self.app.report(error)
            return None
        refusal = BY_ID[action_id].refusal
        if refusal is not None and (reason := refusal(task)):
            self.app.tell(f"Task {task.id} {reason}.")
            return None
        return task

    def action_rerun(self) -> None:
        if (task := self._target("rerun")) is not None:
            self._do(self.engine.retry(task.id), self._ran_again)

    def _ran_again(self, task: Task) -> None:
        self.app.tell(f"{name_of(task)} runs again as task {task.id}.")

    def action_pin_run(self) -> None:
        if (task := self._target("pin_run")) is not None:
            self._do(self.engine.pin(task.id, not task.pinned), self._pinned)

    def action_pin_run_why(self) -> None:
        if (task := self._target("pin_run")) is None:
            return
        from opsconsole.tui.screens.tasks.why import WhyScreen
        from opsconsole.tui.widgets.answers import Answer

        def answered(name: str | None) -> None:
            if name:
                self._do(self.engine.pin(task.id, not task.pinned, ask.reason), self._pinned)

        answer = Answer("pin", "i", BY_ID["pin_run"].label_for(task).capitalize())
        ask = WhyScreen(f"{task.id} {name_of(task)}", [answer])
        self.app.push_screen(ask, answered)

    def _pinned(self, task: Task) -> None:
        self.took(task)
        self.app.tell(
            f"Task {task.id} {'is kept, whatever the clean-up removes' if task.pinned else 'is pinned no longer'}."
        )

    def _do(self, work: Coroutine[Any, Any, Task], then: Callable[[Task], None]) -> None:
        async def run() -> None:
            task = await self.app.attempt(work)
            if task is not None and self.is_attached:
                then(task)

        self.run_worker(run(), group="history-command")

    def action_edit_script(self) -> None:
        if (task := self._target("edit_script")) is None:
            return
        try:
            shown, whole = past_script(self.engine, task.id)
        except OpsError as error:
            self.app.report(error)
            return
        text = shown.decode("utf-8", "replace")
        self._elsewhere("editor", "open_text", text, name_of(task), task.interpreter, task.id)
        if not whole:
            self.app.tell(LEFT_OUT, "warning")

    def action_go_to_task(self) -> None:
        if (task := self._target("go_to_task")) is not None:
            self._elsewhere("tasks", "go_to", task.id)

    def _elsewhere(self, mode: str, entry: str, *what: object) -> None:
        screen = self.app.go(mode)
        call = getattr(screen, entry, None)
        if call is None:
            self.app.tell(f"The {mode} mode cannot be opened with it yet.")
        else:
            call(*what)
