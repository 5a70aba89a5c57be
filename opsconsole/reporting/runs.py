"""One run as it is on record: facts, script, and as much of its output as a person reads. Made for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from opsconsole.execution.outputs import Chunk, Follower
from opsconsole.execution.showing import Hiding
from opsconsole.models import ExecutionResult, Task
from opsconsole.paths import StatePaths
from opsconsole.reporting.document import Harmless
from opsconsole.safety.redact import LEAD, Redaction
from opsconsole.safety.sanitise import sanitise
from opsconsole.storage.course import Course

HEAD_BYTES = 128 * 1024
TAIL_BYTES = 384 * 1024
HEAD_LINES = 3000
TAIL_LINES = 6000
_BATCH = 1 << 18


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


class Printed(NamedTuple):
    """A line of output, harmless; `stream` is `stdout`, `stderr`, or `note`: ours, in place of what is left out."""

    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """A task's newest attempt with all of its attempts, script and output; texts are harmless."""

    task: Task
    result: ExecutionResult
    attempts: Sequence[ExecutionResult]
    harmless: Harmless
    script: Sequence[str]
    output: Sequence[Printed]
    left_out: int
    """Bytes of output that are not in `output`."""
    course: Course = field(default_factory=Course)
    """What happened to the task; its texts are as they were recorded."""


def read_run(
    record: Record, task: Task, head: int = HEAD_BYTES, tail: int = TAIL_BYTES, id: int | str | None = None
) -> Run:
    """The first `head` and last `tail` bytes of its output. `id`: another attempt, `17.1`. Raises OpsErrors."""
    result = record.result(task.id if id is None else id)
    harmless = Harmless(record.redaction_of(task.id))
    script = harmless.text(record.shown_script(task.id).decode("utf-8", "replace")).expandtabs(4).splitlines()
    folder = record.paths.run_folder(result.execution_id)
    output, left_out = read_output(folder, record.hiding_of(task.id, result.execution_id), head, tail)
    attempts, course = record.attempts(task.id), record.course(task.id)
    return Run(task, result, attempts, harmless, script, _bounded(output), left_out, course)


def _bounded(lines: list[Printed]) -> list[Printed]:
    """As many as a person reads, however short they are."""
    left = len(lines) - HEAD_LINES - TAIL_LINES
    if left <= 0:
        return lines
    return [*lines[:HEAD_LINES], Printed("note", f"⋯ {left:,} lines left out ⋯"), *lines[-TAIL_LINES:]]


def read_output(folder: Path, hiding: Hiding, head: int, tail: int) -> tuple[list[Printed], int]:
    """Both streams in the order they came; and how many bytes between the first and the last are left out.

    Never more than about `head` + `tail` bytes are read. A run without output has no lines.
    """
    written = sum(_size(folder / name) for name in ("stdout", "stderr"))
    if written <= head + tail:
        return _lines(Follower(folder), hiding, whole=True), 0
    first = _lines(Follower(folder), hiding, most=head)
    follower = Follower(folder, last=tail + LEAD)
    last = _lines(follower, hiding, lead=True)
    left_out = max(0, written - head - tail)
    return [*first, Printed("note", f"⋯ about {left_out:,} bytes left out ⋯"), *last], left_out


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _lines(
    follower: Follower, hiding: Hiding, *, most: int | None = None, whole: bool = False, lead: bool = False
) -> list[Printed]:
    """What stands at the end of a head may be half a secret: it is shown only of a `whole` output, or a tail."""
    shown = {name: hiding.stream(name) for name in ("stdout", "stderr")}
    parts: list[tuple[str, bytes]] = []
    taken = 0
    try:
        mark = follower.lead(LEAD) if lead else _same
        while (most is None or taken < most) and (
            chunks := follower.read(_BATCH if most is None else min(_BATCH, most))
        ):
            for chunk in map(mark, chunks):
                if chunk.missing:
                    parts.append(("note", b"%d bytes of %s were not kept" % (chunk.missing, chunk.stream.encode())))
                parts.append((chunk.stream, shown[chunk.stream].feed(chunk)))
                taken += len(chunk.data) - chunk.lead
    finally:
        follower.close()
    if whole or lead:
        parts += [(name, stream.finish()) for name, stream in shown.items()]
    return _split(parts)


def _same(chunk: Chunk) -> Chunk:
    return chunk


def _split(parts: Sequence[tuple[str, bytes]]) -> list[Printed]:
    """Neighbours of one stream are one text, sanitised as a whole; a line ends with its stream's turn."""
    found: list[Printed] = []
    at = 0
    while at < len(parts):
        stream, end = parts[at][0], at
        while end < len(parts) and (parts[end][0] == stream or not parts[end][1]):
            end += 1
        data = b"".join(data for name, data in parts[at:end])
        found += [Printed(stream, line) for line in sanitise(data).expandtabs(8).splitlines()]
        at = end
    return found
