"""Episodes beside the record: tables in memory that stand before those of a connection which only reads.

Whoever asks on that connection finds what was copied when it began, and what was saved there since; the files stay as
they are.
"""

from __future__ import annotations

import sqlite3

_TABLES = ("anomaly", "anomaly_revision")


class Beside:
    """From now to `end`, `anomaly` of this connection is a table in memory that can be written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._revision = self._recorded()
        connection.execute("PRAGMA temp_store = MEMORY")
        for name in _TABLES:
            for kind, sql in connection.execute(
                "SELECT type, sql FROM main.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC",
                (name,),
            ).fetchall():
                connection.execute(_temporary(kind, sql))
            connection.execute(f"INSERT INTO temp.{name} SELECT * FROM main.{name}")

    def refresh(self) -> None:
        """Take over what people have done on record since the last time."""
        before, self._revision = self._revision, self._recorded()
        if before != self._revision:
            self.connection.execute(
                "INSERT OR REPLACE INTO temp.anomaly SELECT * FROM main.anomaly WHERE rev > ?", (before,)
            )

    def end(self) -> None:
        """The record is to be seen again."""
        try:
            for name in _TABLES:
                self.connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        except sqlite3.ProgrammingError:
            return  # it is closed, and they are gone with it

    def _recorded(self) -> int:
        return int(self.connection.execute("SELECT value FROM main.anomaly_revision").fetchone()[0])


def _temporary(kind: str, sql: str) -> str:
    """The same table or index, in memory."""
    if kind == "table":
        return sql.replace("CREATE TABLE ", "CREATE TEMP TABLE ", 1)
    return sql.replace("INDEX ", "INDEX temp.", 1)
