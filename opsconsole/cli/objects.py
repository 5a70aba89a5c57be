"""Tasks as JSON: the result object of the contract, and what the queue knows besides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsconsole.models import ExecutionResult, Task, rfc3339

if TYPE_CHECKING:
    from opsconsole.engine import Engine


def task_object(engine: Engine, task: Task) -> dict[str, Any]:
    """The result object of the newest attempt, with the task's own status and its place in the queue."""
    return {
        **as_it_is(engine, engine.result(task.id)).to_json(),
        "status": task.status.value,
        "reason": task.reason,
        "priority": task.priority.name.lower(),
        "held": task.held,
        "after": task.after_id,
        "due_at": rfc3339(task.due_at),
        "cancel_requested": task.cancel_requested,
        "pinned": task.pinned,
    }


def as_it_is(engine: Engine, result: ExecutionResult) -> ExecutionResult:
    """With the bytes that a run under way has written by now: its record has them at its end."""
    if not result.status.is_active:
        return result
    from opsconsole.execution.outputs import Follower

    follower = Follower(engine.paths.run_folder(result.execution_id))
    try:
        stdout, stderr = follower.written
    finally:
        follower.close()
    return replace(result, output={**result.output, "stdout_bytes": stdout, "stderr_bytes": stderr})
