"""One run as it is on record: facts, script, and as much of its output as a person reads. Made for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from opsconsole.execution.showing import Hiding
from opsconsole.models import ExecutionResult, Task
from opsconsole.paths import StatePaths
from opsconsole.reporting.document import Harmless
from opsconsole.reporting.peak import Peak, peak_of
from opsconsole.reporting.printed import LeftOut, Printed, left_out, lost_at_the_end, read_output, shortened
from opsconsole.safety.redact import Redaction
from opsconsole.storage.course import Course

HEAD_BYTES = 128 * 1024
TAIL_BYTES = 384 * 1024
HEAD_LINES = 3000
TAIL_LINES = 6000


class Record(Protocol):
    """What is asked of an engine."""

    @property
    def paths(self) -> StatePaths: ...
    def result(self, id: int | str) -> ExecutionResult: ...
    def attempts(self, task_id: int) -> list[ExecutionResult]: ...
    def course(self, task_id: int) -> Course: ...
    def shown_script(self, task_id: int) -> bytes: ...
    def redaction_of(self, task_id: int | None = None) -> Redaction: ...
    def hiding_of(self, task_id: int, execution_id: str) -> Hiding: ...


@dataclass(frozen=True, slots=True)
class Run:
    """A task's newest attempt with all of its attempts, script and output; texts are harmless."""

    task: Task
    result: ExecutionResult
    attempts: Sequence[ExecutionResult]
    harmless: Harmless
    script: Sequence[str]
    output: Sequence[Printed]
    left_out: LeftOut
    """What of the output is not in `output`."""
    course: Course = field(default_factory=Course)
    """What happened to the task; its texts are as they were recorded."""
    peak: Peak = field(default_factory=Peak)
    """The most memory it had."""


def read_run(
    record: Record, task: Task, head: int = HEAD_BYTES, tail: int = TAIL_BYTES, id: int | str | None = None,
    count: int | None = None,
) -> Run:  # fmt: skip
    """The first `head` and last `tail` bytes of its output; of what is left out between them the lines are counted, if
    it has no more than `count` bytes. `id`: another attempt, `17.1`. Raises OpsErrors.
    """
    result = record.result(task.id if id is None else id)
    harmless = Harmless(record.redaction_of(task.id))
    script = harmless.text(record.shown_script(task.id).decode("utf-8", "replace")).expandtabs(4).splitlines()
    folder = record.paths.run_folder(result.execution_id)
    printed = read_output(folder, record.hiding_of(task.id, result.execution_id), head, tail, count)
    output = [*shortened(printed, HEAD_LINES, TAIL_LINES), *lost_at_the_end(result.output)]
    attempts, course = record.attempts(task.id), record.course(task.id)
    peak = peak_of(result, folder)
    return Run(task, result, attempts, harmless, script, output, left_out(output), course, peak)
