"""The database and its logs are the operator's alone, from the first moment."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from pathlib import Path

from opsconsole.storage.database import open_database


def test_the_logs_of_a_new_database_are_as_private_as_it_is(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        with closing(open_database(tmp_path / "opsconsole.db", lambda _: None)) as connection:
            connection.execute("CREATE TABLE one (id)")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("opsconsole.db*")}
    finally:
        os.umask(mask)
    assert set(modes) == {"opsconsole.db", "opsconsole.db-wal", "opsconsole.db-shm"}
    assert set(modes.values()) == {0o600}
