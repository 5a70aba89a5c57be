"""One number per writing transaction: what another console asks "what changed since" with."""

from __future__ import annotations

import sqlite3


def next_rev(c: sqlite3.Connection) -> int:
    return int(c.execute("SELECT coalesce(max(rev), 0) + 1 FROM task").fetchone()[0])
