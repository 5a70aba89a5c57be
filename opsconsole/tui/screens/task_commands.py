"""Commands go down: what a key does to the selected task, bound to its id before any question is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from opsconsole.errors import OpsError
from opsconsole.models import Priority, Status, Task, TaskSpec
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.wording import FACES, duration, name_of, running_for, span

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.execution.submission import Plan
    from opsconsole.tui.app import ConsoleApp


Command = Callable[["Engine", Task], Coroutine[Any, Any, Task]]


class TaskCommands(Screen[None]):
    """The half of the tasks screen that changes something. The other half looks."""

    app: ConsoleApp
    clock: Callable[[], int]

    @property
    def selected(self) -> Task | None:
        """The task that commands are for."""
        raise NotImplementedError

    def go_to(self, task_id: int) -> None:
        """Select a task, as soon as it is in the list."""
        raise NotImplementedError

    def _target(self, action_id: str) -> tuple[Engine, Task] | None:
        """The selected task as it is now, if the action makes sense for it; else the reason is shown."""
        engine, task, refusal = self.app.engine, self.selected, BY_ID[action_id].refusal
        if engine is None or task is None:
            self.app.tell("There is no task to do this with." if engine else "The engine is still starting.")
            return None
        try:
            task = engine.task(task.id)
        except OpsError as error:
            self.app.report(error)
            return None
        if refusal is not None and (reason := refusal(task)):
            self.app.tell(f"Task {task.id} {reason}.")
            return None
        return engine, task

    def _command(self, action_id: str, command: Command, *, follow: bool = False) -> None:
        """Do it to the selected task; `follow` then selects the task that came of it."""
        if target := self._target(action_id):
            self.run_worker(self._do(command(*target), follow), group="command")

    async def _do(self, work: Coroutine[Any, Any, Task], follow: bool) -> None:
        task = await self.app.attempt(work)
        if task is not None and follow:
            self.go_to(task.id)

    def action_submit(self) -> None:
        from opsconsole.tui.screens.submit import SubmitScreen

        async def submit(spec: TaskSpec) -> Task:
            return await (await self.app.link.started()).submit(spec)

        async def plan(spec: TaskSpec) -> Plan:
            return await asyncio.to_thread((await self.app.link.started()).plan, spec)

        timeout_s = self.app.settings.execution.timeout_s
        self.app.push_screen(SubmitScreen(submit, plan, timeout_s, Path.cwd()), self._submitted)

    def _submitted(self, task: Task | None) -> None:
        if task is None:
            return
        self.go_to(task.id)
        if not task.status.is_open and task.status is not Status.COMPLETED:
            self.app.tell(f"Task {task.id} {name_of(task)}: {FACES[task.status].word}. {task.reason or ''}", "error")

    def action_cancel(self) -> None:
        if (target := self._target("cancel")) is None:
            return
        engine, task = target
        from opsconsole.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._do(engine.cancel(task.id), False), group="command")

        subject = f"{FACES[task.status].glyph} {task.id} {name_of(task)}"
        question = ConfirmScreen(
            f"Cancel task {task.id}?", subject, self._consequences(task), yes="Yes, cancel it", no="No, keep it"
        )
        self.app.push_screen(question, answered)

    def _consequences(self, task: Task) -> list[str]:
        word = FACES[task.status].word
        if not task.status.is_active:
            ran = f"waits for attempt {task.attempt}" if task.attempt > 1 else f"is {word} and has not run"
            return [f"It {ran}. It will not run any more."]
        began = duration(running_for(task, self.clock()), ticking=True)
        grace = span(self.app.settings.execution.grace_s)
        return [
            f"It is {word}" + (f"; it began {began} ago." if began else "."),
            f"All its processes are asked to end (TERM), and killed after {grace} (KILL).",
        ]

    def action_pause(self) -> None:
        self._command(
            "pause",
            lambda engine, task: (engine.resume if task.status is Status.PAUSED else engine.pause)(task.id),
        )

    def action_retry(self) -> None:
        self._command("retry", lambda engine, task: engine.retry(task.id), follow=True)

    def action_hold(self) -> None:
        self._command("hold", lambda engine, task: (engine.release if task.held else engine.hold)(task.id))

    def action_raise_priority(self) -> None:
        self._shift_priority("raise_priority", 1)

    def action_lower_priority(self) -> None:
        self._shift_priority("lower_priority", -1)

    def _shift_priority(self, action_id: str, by: int) -> None:
        self._command(action_id, lambda engine, task: engine.set_priority(task.id, Priority(task.priority + by)))

    def action_pin(self) -> None:
        self._command("pin", lambda engine, task: engine.pin(task.id, not task.pinned))
