"""What a task was submitted with, beside what its row tells."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """`environment_names` are those of --env, without their values; texts may hold secrets."""

    args: tuple[str, ...] = ()
    cwd: str = ""
    environment_names: tuple[str, ...] = ()
    stdin: str | None = None
    reason: str | None = None
    allow: tuple[str, ...] = ()
    timeout_s: float | None = None


def asked(c: sqlite3.Connection, task_id: int) -> Asked:
    """Empty for a task that is not there."""
    row = c.execute("SELECT spec FROM task WHERE id = ?", (task_id,)).fetchone()
    spec = json.loads(row[0]) if row is not None else {}
    return Asked(
        tuple(map(str, spec.get("args") or ())), str(spec.get("cwd") or ""),
        tuple(map(str, spec.get("environment_names") or ())), spec.get("stdin"), spec.get("reason"),
        tuple(map(str, spec.get("allow") or ())), spec.get("timeout_s"),
    )  # fmt: skip
