"""Environments of open tasks: their values may be secret, so they stay out of the database.

One file (0600) per distinct environment, named by content; it goes when no open task needs it any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opsconsole import host
from opsconsole.errors import ConsoleError, StateDirError

_PRIVATE = "=private"
"""No variable can have this name."""


class EnvironmentStore:
    """Keeps environments by key, in memory and under `folder`.

    `keep` before the task is stored, `restore` in the transaction that stores it, `let_go` after that: so none can be
    tidied away while its task is on its way into the database.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        self._on_the_way: Counter[str] = Counter()
        self._last: tuple[dict[str, Any], str] | None = None

    def keep(self, values: Mapping[str, str], private: Mapping[str, Any] | None = None) -> str:
        """Store an environment, and what else of the task is secret; returns its key. Raises StateDirError."""
        own: dict[str, Any] = {key: value for key, value in values.items() if not key.startswith("OPSCONSOLE_")}
        if private:
            own[_PRIVATE] = dict(private)
        with self._lock:
            if self._last is None or self._last[0] != own:
                self._last = own, hashlib.sha256(_as_bytes(own)).hexdigest()[:32]
            key = self._last[1]
            self._write(key, own)
            self._known[key] = own
            self._on_the_way[key] += 1
        return key

    def restore(self, keys: Iterable[str | None]) -> None:
        """Another console may have tidied between `keep` and now; from the commit on, the rows protect the files."""
        with self._lock:
            for key in keys:
                if key is not None:
                    self._write(key, self._known[key])

    def let_go(self, keys: Iterable[str | None]) -> None:
        """The tasks are stored, or will never be."""
        with self._lock:
            self._on_the_way -= Counter(key for key in keys if key is not None)

    def get(self, key: str) -> dict[str, str]:
        """The environment. Raises ConsoleError when the file is gone."""
        kept = self._read(key)
        return {name: value for name, value in kept.items() if name != _PRIVATE} if _PRIVATE in kept else kept

    def private(self, key: str) -> dict[str, Any]:
        """What was kept beside it. Raises ConsoleError when the file is gone."""
        return dict(self._read(key).get(_PRIVATE) or {})

    def _read(self, key: str) -> dict[str, Any]:
        known = self._known.get(key)
        if known is None:
            try:
                known = self._known[key] = json.loads(self._path(key).read_bytes())
            except (OSError, ValueError) as error:
                raise ConsoleError(f"the task's environment cannot be read: {error}") from error
        return known

    def forget_unused(self, c: sqlite3.Connection) -> None:
        """Remove what no open task needs. In a writing transaction, so that no other console stores one meanwhile."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        for name in names:
            key, *writer = name.split(".")
            if writer and writer[0].isdecimal() and host.start_time(int(writer[0])) is not None:
                continue  # another console is just writing it
            with self._lock:
                needed = c.execute("SELECT 1 FROM task WHERE environment = ? LIMIT 1", (name,)).fetchone()
                if not needed and not self._on_the_way[key]:
                    self._known.pop(key, None)
                    with contextlib.suppress(OSError):
                        self._path(name).unlink()

    def _write(self, key: str, values: Mapping[str, Any]) -> None:
        path = self._path(key)
        if path.exists():
            return
        temporary = path.with_name(f"{key}.{os.getpid()}.tmp")
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(_as_bytes(values))
            temporary.rename(path)
        except OSError as error:
            raise StateDirError(f"the task's environment cannot be kept in {self._folder}: {error.strerror}") from error

    def _path(self, key: str) -> Path:
        return self._folder / key


def _as_bytes(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True).encode()
