"""Environments of open tasks: their values may be secret, so they stay out of the database.

One file (0600) per distinct environment, named by content; it goes when no open task needs it any more.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from opsconsole.errors import ConsoleError


class EnvironmentStore:
    """Keeps environments by key, in memory and under `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, dict[str, str]] = {}
        self._last: tuple[dict[str, str], str] | None = None

    def keep(self, values: Mapping[str, str]) -> str:
        """Store an environment; returns its key."""
        own = {key: value for key, value in values.items() if not key.startswith("OPSCONSOLE_")}
        if self._last is not None and self._last[0] == own and self._path(self._last[1]).exists():
            return self._last[1]
        data = json.dumps(own, sort_keys=True).encode()
        key = hashlib.sha256(data).hexdigest()[:32]
        path = self._path(key)
        if not path.exists():
            temporary = path.with_name(f"{key}.{os.getpid()}.tmp")
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            temporary.rename(path)
        self._known[key] = own
        self._last = (own, key)
        return key

    def get(self, key: str) -> dict[str, str]:
        """Raises ConsoleError when the file is gone."""
        if key not in self._known:
            try:
                self._known[key] = json.loads(self._path(key).read_bytes())
            except (OSError, ValueError) as error:
                raise ConsoleError(f"the task's environment cannot be read: {error}") from error
        return self._known[key]

    def forget_unused(self, c: sqlite3.Connection) -> None:
        """Remove what no open task needs. In a writing transaction, so that nobody submits meanwhile."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        for name in names:
            needed = c.execute("SELECT 1 FROM task WHERE environment = ? LIMIT 1", (name,)).fetchone()
            if not needed:
                self._known.pop(name, None)
                self._last = None
                try:
                    self._path(name).unlink()
                except OSError:
                    continue  # another console was quicker

    def _path(self, key: str) -> Path:
        return self._folder / key
