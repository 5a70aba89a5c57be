"""Rows read back as models."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, overload

from opsconsole.models import ExecutionPolicy, ExecutionResult, Priority, Status, Task
from opsconsole.paths import StatePaths

TASK = "SELECT t.*, s.sha256 AS script_sha256 FROM task t JOIN script s ON s.id = t.script_id"


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
def storable(text: str | None) -> str | None:
    """Names and reasons come from outside: bytes that are no UTF-8 (surrogate escapes), which SQLite cannot take,
    are spelt out.
    """
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def task(row: sqlite3.Row) -> Task:
    return Task(
        id=row["id"],
        name=row["name"],
        status=Status(row["status"]),
        reason=row["reason"],
        priority=Priority(row["priority"]),
        policy=ExecutionPolicy(row["policy"]),
        interpreter=row["interpreter"],
        attempt=row["attempt"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
        due_at=row["due_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        duration_s=row["duration_s"],
        exit_code=row["exit_code"],
        signal=row["signal"],
        held=bool(row["held"]),
        after_id=row["after_id"],
        console_id=row["console_id"],
        host=row["host"],
        door=row["door"],
        actor=row["actor"],
        ssh_client=row["ssh_client"],
        parent_id=row["parent_id"],
        parent_kind=row["parent_kind"],
        labels=json.loads(row["labels"]) if row["labels"] != "{}" else {},
        pinned=bool(row["pinned"]),
        script_sha256=row["script_sha256"],
        cancel_requested=bool(row["cancel_requested"]),
        rev=row["rev"],
    )


RESULT = """
    SELECT t.*, s.sha256 AS script_sha256, e.id AS e_id, e.status AS e_status, e.reason AS e_reason,
           e.attempt AS e_attempt, e.started_at AS e_started_at, e.finished_at AS e_finished_at,
           e.duration_s AS e_duration_s, e.exit_code AS e_exit_code, e.signal AS e_signal, e.result AS e_result,
           e.supervisor_pid AS e_supervisor, e.leader_pid AS e_leader
    FROM task t JOIN script s ON s.id = t.script_id LEFT JOIN execution e ON e.task_id = t.id
"""

_NO_METRICS = {
    "user_cpu_s": None, "system_cpu_s": None, "max_rss_bytes": None, "read_bytes": None, "write_bytes": None,
    "processes": None,
}  # fmt: skip


_CALLED_WITH = (
    "args", "cwd", "environment_names", "stdin", "timeout_s", "limits_asked", "allow", "allow_network", "writable",
    "kill_leftovers", "reason", "retry_exit_codes", "idempotent",
)  # fmt: skip
"""What of a spec says how the run was called; its secrets were taken out before it was stored."""


def _sources(metrics: dict[str, Any]) -> dict[str, str]:
    """Where each figure of a record comes from. wait4's peak is that of the largest process, never of the tree."""
    if not metrics:
        return {}
    found = {name: "wait4" for name in _NO_METRICS if metrics.get(name) is not None}
    if "max_rss_bytes" in found:
        found["max_rss_bytes"] = "wait4, the largest process"
    return {**found, **({"memory_peak_bytes": "cgroup"} if "memory_peak_bytes" in metrics else {})}


def result(row: sqlite3.Row, paths: StatePaths) -> ExecutionResult:
    """The contract's result object of one execution row, or of a task that never had one."""
    own = row["e_id"] is not None
    report: dict[str, Any] = json.loads(row["e_result"] or "{}") if own else {}
    execution_id = row["e_id"] if own else f"{row['id']}.{row['attempt']}"
    folder = f"{paths.runs}/{execution_id}"
    spec = json.loads(row["spec"])
    output = {
        "stdout_path": f"{folder}/stdout" if own else None,
        "stderr_path": f"{folder}/stderr" if own else None,
        "stdout_bytes": 0,
        "stderr_bytes": 0,
        "truncated": False,
        **(report.get("output") or {}),
    }
    limits = {
        "timeout_s": spec["timeout_s"],
        "output": spec["output_limit"],
        **(report.get("limits") or spec.get("limits") or {}),
    }
    return ExecutionResult(
        execution_id=execution_id,
        task_id=row["id"],
        name=row["name"],
        status=Status(row["e_status"] if own else row["status"]),
        exit_code=row["e_exit_code"] if own else row["exit_code"],
        signal=row["e_signal"] if own else row["signal"],
        reason=row["e_reason"] if own else row["reason"],
        policy=row["policy"],
        containment={
            "provider": "+".join(filter(None, (report.get("provider"), report.get("limits_tier")))) or "none",
            "limits": limits,
            "degraded": report.get("degraded") or ([] if report else spec.get("limits_degraded") or []),
            "limit_events": report.get("limit_events") or {},
            "limit_notes": report.get("limit_notes") or [],
            "notes": spec.get("containment_notes") or [],
            "work": report.get("work"),
            "kill": report.get("kill"),
        },
        verdict=spec.get("verdict"),
        findings=spec.get("findings") or [],
        effects=spec.get("effects") or [],
        attempt=row["e_attempt"] if own else row["attempt"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
        started_at=row["e_started_at"] if own else row["started_at"],
        finished_at=row["e_finished_at"] if own else row["finished_at"],
        duration_s=row["e_duration_s"] if own else row["duration_s"],
        metrics={**_NO_METRICS, **(metrics := report.get("metrics") or {}), "sources": _sources(metrics)},
        output=output,
        script_sha256=row["script_sha256"],
        origin={
            "host": row["host"],
            "door": row["door"],
            "actor": row["actor"],
            "ssh_client": row["ssh_client"],
            "parent_id": row["parent_id"],
            "parent_kind": row["parent_kind"],
            "labels": json.loads(row["labels"]) if row["labels"] != "{}" else {},
        },
        supervision={
            "supervisor": row["e_supervisor"] if own else None,
            "leader": row["e_leader"] if own else None,
            "kill": report.get("kill"),
            "pause": report.get("pause"),
            "paused_s": report.get("paused_s", 0.0),
            "stopped_by": report.get("stopped_by"),
            "leftovers": report.get("leftovers") or [],
            "survivors": report.get("survivors") or [],
            "interpreter": row["interpreter"],
        },
        invocation={name: spec[name] for name in _CALLED_WITH if name in spec},
    )
