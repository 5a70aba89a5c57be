"""What runs now, for whoever looks at its processes."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Running(NamedTuple):
    """An execution whose script was started. `started_at` in µs; `supervisor_start` as host.start_time has it."""

    execution_id: str
    launch: int
    supervisor: int
    supervisor_start: int | None
    started_at: int


def running(c: sqlite3.Connection, console_id: int | None = None) -> list[Running]:
    """Of one console, or of all."""
    whose = "console_id IS NOT NULL" if console_id is None else "console_id = ?"
    found = c.execute(
        f"""SELECT id, launch, supervisor_pid, supervisor_start, started_at FROM execution
            WHERE {whose} AND status IN ('preparing', 'running', 'paused') AND supervisor_pid IS NOT NULL
            AND started_at IS NOT NULL ORDER BY started_at""",
        () if console_id is None else (console_id,),
    )
    return [Running(*row) for row in found]
