"""Leaving while something is open: ask what is to become of it, and do that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from opsconsole.errors import OpsError
from opsconsole.models import OPEN, Status, Task
from opsconsole.tui.facts import summary_counts
from opsconsole.tui.wording import count_of

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.tui.app import ConsoleApp
    from opsconsole.tui.screens.editor.screen import EditorScreen
    from opsconsole.tui.screens.quit import Leaving


_NAMED = 6


class Unsaved(NamedTuple):
    """Text that stands in no file. `name` is harmless."""

    name: str
    kept: bool
    """It is in a draft, and here again when somebody comes back."""


class StillOpen(NamedTuple):
    """What would go on, or wait, without this console."""

    running: int = 0
    queued: int = 0
    waiting: int = 0
    others_claim: bool = False
    """Another console runs what is queued."""
    unsaved: Unsaved | None = None
    unrecorded: bool = False
    """Nothing can be written down now."""

    @property
    def tasks(self) -> int:
        return self.running + self.queued + self.waiting


def leave(app: ConsoleApp) -> None:
    """At once when nothing is open, or nothing of it is ours to decide, or it is but a demo; else ask."""
    from opsconsole.tui.screens.quit import QuitScreen

    engine = app.engine
    if isinstance(app.screen, QuitScreen):
        return
    if engine is None or app.read_only or app.recorded is not None:
        app.exit()
        return

    def look() -> StillOpen:
        return _still_open(app, engine)

    try:
        found = look()
    except OpsError as error:  # the record cannot be read: nobody is kept here for that
        if (unsaved := _unsaved(app)) is None:
            app.exit()
            return
        app.report(error)
        found = StillOpen(unsaved=unsaved, unrecorded=True)
    if not found.tasks and found.unsaved is None:
        app.exit()
        return

    def answered(answer: Leaving | None) -> None:
        if answer == "leave":
            app.exit()
        elif answer == "cancel":
            app.run_worker(_ask_and_cancel_all(app, engine), group="quit")
        elif answer == "save":
            app.run_worker(_save_and_leave(app), group="quit")

    app.push_screen(QuitScreen(found, look), answered)


def _still_open(app: ConsoleApp, engine: Engine) -> StillOpen:
    counts = engine.counts()
    running, not_begun, _ = summary_counts(counts)
    claims = not_begun and any(one.claims == "all" and one.pid != os.getpid() for one in engine.consoles())
    return StillOpen(
        running, counts.get(Status.QUEUED, 0), counts.get(Status.WAITING, 0), others_claim=bool(claims),
        unsaved=_unsaved(app), unrecorded=app.unwritable.stalled,
    )  # fmt: skip


def _unsaved(app: ConsoleApp) -> Unsaved | None:
    return next((text for screen in app.modes if (text := screen.unsaved()) is not None), None)


async def _save_and_leave(app: ConsoleApp) -> None:
    """Stays where it could not be saved; asks again where tasks are open as well."""
    editor = cast("EditorScreen", app.go("editor"))
    if await editor.save():
        leave(app)


def _of_all(tasks: Sequence[Task]) -> tuple[str, list[str]]:
    """Which tasks, and what becomes of them."""
    from opsconsole.safety.sanitise import sanitise_name

    tasks = sorted(tasks, key=lambda task: not task.status.is_active)
    named = [f"{task.id} {sanitise_name(task.name)}" for task in tasks[:_NAMED]]
    more = [f"and {len(tasks) - _NAMED:,} more"] if len(tasks) > _NAMED else []
    running = sum(task.status.is_active for task in tasks)
    said = []
    if running:
        subject = "The run is" if running == 1 else f"All {running:,} runs are"
        said.append(f"{subject} ended with all processes, what other consoles and --detach have started too.")
    if not_begun := len(tasks) - running:
        have = "has" if not_begun == 1 else "have"
        said.append(f"{count_of(not_begun, 'task')} that {have} not begun will not run any more.")
    return ", ".join([*named, *more]), said


async def _ask_and_cancel_all(app: ConsoleApp, engine: Engine) -> None:
    """Only after its name was typed: it ends what others have started. What is queued first, so that nothing of it
    takes the place of what ends."""
    from opsconsole.storage.history import Filter
    from opsconsole.tui.screens.phrase import PhraseScreen

    everything = Filter(statuses=OPEN, limit=app.settings.queue.capacity)
    try:
        tasks = engine.tasks(everything)
        question = PhraseScreen("Cancel all and quit?", *_of_all(tasks), "cancel all")
        if tasks and not await app.push_screen_wait(question):
            leave(app)
            return
        tasks = engine.tasks(everything)
    except OpsError as error:
        app.report(error)
        return
    for task in sorted(tasks, key=lambda task: task.status.is_active):
        await app.attempt(engine.cancel(task.id))
    app.exit()
