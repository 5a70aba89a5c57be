"""Tasks as JSON: the result object of the contract, and what the queue knows besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsconsole.models import Task, rfc3339

if TYPE_CHECKING:
    from opsconsole.engine import Engine


def task_object(engine: Engine, task: Task) -> dict[str, Any]:
    """The result object of the newest attempt, with the task's own status and its place in the queue."""
    return {
        **engine.result(task.id).to_json(),
        "status": task.status.value,
        "reason": task.reason,
        "priority": task.priority.name.lower(),
        "held": task.held,
        "after": task.after_id,
        "due_at": rfc3339(task.due_at),
        "cancel_requested": task.cancel_requested,
        "pinned": task.pinned,
    }
