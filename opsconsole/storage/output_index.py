"""The end of what runs printed, for full-text search: redacted and sanitised by whoever brings it here."""

from __future__ import annotations

import sqlite3


def store(c: sqlite3.Connection, execution_id: str, text: str) -> None:
    """Keep and index the text of an execution that has just ended."""
    import zlib

    body = zlib.compress(text.encode("utf-8", "replace"), 1)
    task_id = int(execution_id.partition(".")[0])
    cursor = c.execute(
        "INSERT OR IGNORE INTO output (execution_id, task_id, body) VALUES (?, ?, ?)", (execution_id, task_id, body)
    )
    if cursor.rowcount:
        c.execute("INSERT INTO output_text (rowid, body) VALUES (?, ?)", (cursor.lastrowid, _text(body)))


def remove(c: sqlite3.Connection, task_id: int) -> None:
    """Before the task's rows go: a contentless index is told the text again to take it out."""
    for row in c.execute("SELECT id, body FROM output WHERE task_id = ?", (task_id,)).fetchall():
        c.execute("INSERT INTO output_text (output_text, rowid, body) VALUES ('delete', ?, ?)", (row[0], _text(row[1])))
    c.execute("DELETE FROM output WHERE task_id = ?", (task_id,))


def _text(body: bytes) -> str:
    import zlib

    return zlib.decompress(body).decode("utf-8", "replace")
