"""Running a script from whatever mode is seen: the form, and what is said of a task that ended before it began."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.models import Status, Task, TaskSpec
from opsconsole.tui.held_database import saying_so
from opsconsole.tui.wording import FACES, name_of

if TYPE_CHECKING:
    from opsconsole.execution.submission import Plan
    from opsconsole.tui.app import ConsoleApp


def ask(app: ConsoleApp, go_to: Callable[[int], object]) -> None:
    """Show the form; `go_to` takes the id of the task that came of it."""
    from opsconsole.tui.screens.submit import SubmitScreen

    async def submit(spec: TaskSpec, say_it_waits: Callable[[], object]) -> Task:
        engine = await app.link.started()
        return await saying_so(engine.paths.database, engine.submitted(spec), say_it_waits)

    async def plan(spec: TaskSpec) -> Plan:
        return await asyncio.to_thread((await app.link.started()).plan, spec)

    def answered(task: Task | None) -> None:
        if task is None:
            return
        go_to(task.id)
        if not task.status.is_open and task.status is not Status.COMPLETED:
            app.tell(f"Task {task.id} {name_of(task)}: {FACES[task.status].word}. {task.reason or ''}", "error")

    app.push_screen(SubmitScreen(submit, plan, app.settings, Path.cwd()), answered)
