"""What every door may ask of an engine (synchronous reads, on a connection of their own) and hear from it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opsconsole.clock import Clock
from opsconsole.events import AnomalyEvent, Event, EventBus, ExecutionFinished, TaskChanged
from opsconsole.execution import ends, privacy
from opsconsole.execution.announcer import Announcer
from opsconsole.execution.commands import why_waiting
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.paths import StatePaths
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.storage.consoles import ConsoleInfo
from opsconsole.storage.endings import Outcome
from opsconsole.storage.history import Filter
from opsconsole.storage.reader import Reader

if TYPE_CHECKING:
    from opsconsole.anomalies import Transition
    from opsconsole.execution.showing import Hiding
    from opsconsole.storage.archive import Archive
    from opsconsole.storage.asked import Asked
    from opsconsole.storage.costs import Cost
    from opsconsole.storage.course import Course
    from opsconsole.storage.statistics import Statistics


class Questions:
    """The half of the Engine that changes nothing; the Engine provides `_reads`."""

    bus: EventBus
    _announcer: Announcer | None
    settings: Settings
    paths: StatePaths
    _clock: Clock
    _environments: EnvironmentStore

    @property
    def _reads(self) -> Reader:
        raise NotImplementedError

    def revision(self) -> object:
        """Another one as soon as anybody has written, here or in another console; far cheaper than to ask what."""
        c = self._reads.connection
        try:
            return id(c), c.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return object()  # whoever asks what was written is told what is wrong

    def task(self, task_id: int) -> Task:
        """Raises TaskNotFound."""
        return self._reads.task(task_id)

    def tasks(self, filter: Filter | None = None) -> list[Task]:
        """Newest first."""
        return self._reads.tasks(filter)

    def counts(self) -> dict[Status, int]:
        """Open tasks by status, and those that ended in the last 24 hours."""
        return self._reads.counts(self._clock.now())

    def result(self, id: int | str) -> ExecutionResult:
        """Of a task's newest attempt, or of the execution "17.2". Raises TaskNotFound."""
        return self._reads.result(id)

    def attempts(self, task_id: int) -> list[ExecutionResult]:
        """The first one first. Raises TaskNotFound."""
        return self._reads.attempts(task_id)

    def asked(self, task_id: int) -> Asked:
        """Its arguments, folder and variables' names, as they were submitted: secrets too."""
        from opsconsole.storage import asked

        return asked.asked(self._reads.connection, task_id)

    def course(self, task_id: int) -> Course:
        """What happened to it and who asked for it, in order of time. Raises TaskNotFound."""
        from opsconsole.storage import course

        return course.course(self._reads.connection, task_id)

    def costs(self, task_ids: Sequence[int]) -> dict[int, Cost]:
        """What the newest attempts of these tasks have used, as far as they have ended."""
        from opsconsole.storage import costs

        return costs.costs(self._reads.connection, task_ids)

    def script(self, task_id: int) -> bytes:
        """The exact bytes, secrets too. Raises TaskNotFound, ConsoleError."""
        return self._reads.script(task_id)

    def shown_script(self, task_id: int) -> bytes:
        """Without the secrets that were known when it was submitted, for a screen. Raises TaskNotFound."""
        return self._reads.shown_script(task_id)

    def redaction_of(self, task_id: int | None = None) -> Redaction:
        """What must not be shown of a task (while it is open, its environment is known), or of this console."""
        own = Redaction.of(os.environ, self.settings.redaction)
        if task_id is None:
            return own
        return privacy.redaction_of(self._reads.connection, task_id, self._environments, self.settings.redaction, own)

    def hiding_of(self, task_id: int, execution_id: str) -> Hiding:
        """What must not be shown of a run's output, also when it has ended long ago."""
        from opsconsole.execution import showing

        return showing.hiding(self.paths.run_folder(execution_id), self.redaction_of(task_id))

    def _prepared(self, outcome: Outcome) -> Outcome:
        """An end that is fit for the record."""
        redaction = self.redaction_of(int(outcome.execution_id.partition(".")[0]))
        return ends.prepared(outcome, self.paths, self.settings, redaction)

    def statistics(self, filter: Filter | None = None) -> Statistics:
        """Totals, success rate, durations, waits; of all tasks or those a filter lets through."""
        return self._reads.statistics(filter, self._clock.now())

    def archive(self) -> Archive:
        """For long reads of what has ended, in a thread; the caller closes it."""
        from opsconsole.storage.archive import Archive

        return Archive(self.paths)

    def consoles(self) -> list[ConsoleInfo]:
        """The living ones."""
        return self._reads.consoles()

    def waiting_reason(self, task_id: int) -> str | None:
        """Why an open task does not run yet, in words."""
        execution = self.settings.execution
        return why_waiting(self._reads.connection, task_id, execution.concurrency, execution.min_free, self.paths.runs)

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Hear every event from now on, on the loop's thread; the returned call ends it. An error in it is logged."""
        if self._announcer is not None and not self.bus.heard:
            self._announcer.begin()
        return self.bus.subscribe(listener)

    def on_status(self, callback: Callable[[Task, Status | None], object]) -> Callable[[], None]:
        """`callback(task, previous status)` on every change of a task's status."""

        def listener(event: Event) -> None:
            if isinstance(event, TaskChanged) and event.previous is not event.task.status:
                callback(event.task, event.previous)

        return self.subscribe(listener)

    def on_anomaly(self, callback: Callable[[Transition], object]) -> Callable[[], None]:
        """`callback(transition)` when an episode opens, changes or closes; what it raises is logged, and no more."""
        return self.subscribe(lambda e: callback(e.transition) if isinstance(e, AnomalyEvent) else None)

    def on_complete(self, callback: Callable[[ExecutionResult], object]) -> Callable[[], None]:
        """`callback(result)` when an attempt has ended."""
        return self.subscribe(lambda e: callback(e.result) if isinstance(e, ExecutionFinished) else None)
