"""Leaving while work is open: ask what is to become of it, and do that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opsconsole.models import OPEN
from opsconsole.tui.facts import summary_counts

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.tui.app import ConsoleApp
    from opsconsole.tui.screens.quit import Leaving


def leave(app: ConsoleApp) -> None:
    """At once when nothing is open, or nothing of it is ours to decide; else ask."""
    from opsconsole.tui.screens.quit import QuitScreen

    engine = app.engine
    if isinstance(app.screen, QuitScreen):
        return
    running, waiting, _ = summary_counts(engine.counts()) if engine is not None else (0, 0, 0)
    if engine is None or app.read_only or not running + waiting:
        app.exit()
        return
    others = any(console.claims == "all" and console.pid != os.getpid() for console in engine.consoles())

    def answered(answer: Leaving | None) -> None:
        if answer == "leave":
            app.exit()
        elif answer == "cancel":
            app.run_worker(_cancel_all(app, engine), group="quit")

    app.push_screen(QuitScreen(running, waiting, others_claim=others), answered)


async def _cancel_all(app: ConsoleApp, engine: Engine) -> None:
    """What is queued first, so that nothing of it takes the place of what ends."""
    from opsconsole.storage.history import Filter

    tasks = engine.tasks(Filter(statuses=OPEN, limit=app.settings.queue.capacity))
    for task in sorted(tasks, key=lambda task: task.status.is_active):
        await app.attempt(engine.cancel(task.id))
    app.exit()
