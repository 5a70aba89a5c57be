"""`execution.redact_at_rest`: the files of a run that has ended are written anew, without secrets.

The index of the order and the counts of the result are written with them, so that readers notice nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from opsconsole.execution.outputs import Follower
from opsconsole.execution.showing import forget_places
from opsconsole.safety.redact import Redaction, Redactor

WAIT_S = 30.0
"""So long a reader who needs every byte (a pipe) is waited for."""
_LETTERS = {"stdout": "o", "stderr": "e"}


class _Stream:
    """One stream on its way into its new file, and what of it is counted."""

    def __init__(self, path: Path, redaction: Redaction) -> None:
        self.new = path.with_name(path.name + ".redacted")
        self._redaction = redaction
        self._stream: Redactor = redaction.stream()
        fd = os.open(self.new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(fd, "wb")
        self.kept = 0
        self.gap: tuple[int, int] | None = None

    def write(self, data: bytes) -> int:
        return self._put(self._stream.feed(data))

    def end(self, *, torn: bool = False) -> int:
        return self._put(self._stream.finish(torn=torn))

    def skip(self, missing: int) -> None:
        """So many bytes are not there."""
        before = self.gap[1] if self.gap else 0
        self.gap = (self.gap[0] if self.gap else self.kept, before + missing)
        self._stream = self._redaction.stream(torn=True)

    def _put(self, data: bytes) -> int:
        self._file.write(data)
        self.kept += len(data)
        return len(data)

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def rewrite(folder: Path, redaction: Redaction) -> dict[str, Any] | None:
    """The new `output` of the result, or None: a process of the run still writes, or a reader reads. Raises OSError."""
    result_file = folder / "result.json"
    try:
        result: dict[str, Any] = json.loads(result_file.read_bytes())
    except ValueError:
        return None
    held = _when_nobody_reads(folder)
    if held < 0:
        return None
    try:
        if any(not entry.get("killed") for entry in result.get("leftovers") or []):
            return None  # they go on writing into these files
        streams = {name: _Stream(folder / name, redaction) for name in _LETTERS}
        entries = _copy(folder, streams)
        for stream in streams.values():
            stream.close()
        output = _counted(result.get("output") or {}, streams)
        _write(folder / "timing.redacted", "".join(entries).encode())
        _write(folder / "result.json.redacted", json.dumps({**result, "output": output}).encode())
        for name in ("stdout", "stderr", "timing", "result.json"):
            (folder / f"{name}.redacted").rename(folder / name)
        forget_places(folder)
        return output
    finally:
        os.close(held)


def _copy(folder: Path, streams: dict[str, _Stream]) -> list[str]:
    """Through the redaction, in order; the new index."""
    entries: list[str] = []
    elapsed = 0.0

    def count(name: str, length: int) -> None:
        if length:
            entries.append(f"{_LETTERS[name]} {elapsed:.6f} {length}\n")

    follower = Follower(folder)
    try:
        while chunks := follower.read():
            for chunk in chunks:
                stream = streams[chunk.stream]
                elapsed = elapsed if chunk.elapsed_s is None else chunk.elapsed_s
                if chunk.missing:
                    count(chunk.stream, stream.end(torn=True))
                    stream.skip(chunk.missing)
                    count(chunk.stream, chunk.missing)
                count(chunk.stream, stream.write(chunk.data))
    finally:
        follower.close()
    for name, stream in streams.items():
        count(name, stream.end())
    return entries


def _counted(output: dict[str, Any], streams: dict[str, _Stream]) -> dict[str, Any]:
    counted = {**output, "redacted": True}
    for name, stream in streams.items():
        gap = dict(output.get(f"{name}_gap") or {})
        lost = gap.get("lost_at_end", 0)
        missing = stream.gap[1] if stream.gap else 0
        counted[f"{name}_bytes"] = stream.kept + missing + lost
        if gap:
            counted[f"{name}_gap"] = {**gap, "offset": stream.gap[0] if stream.gap else stream.kept, "bytes": missing}
    return counted


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _when_nobody_reads(folder: Path) -> int:
    """A lock on the place where a reader of every byte stands; -1: somebody keeps standing there."""
    fd = os.open(folder / "following", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except OSError:
            if time.monotonic() > until:
                os.close(fd)
                return -1
            time.sleep(0.02)


def record(c: sqlite3.Connection, execution_id: str, output: dict[str, Any]) -> None:
    """The row follows the files."""
    row = c.execute("SELECT result FROM execution WHERE id = ?", (execution_id,)).fetchone()
    if row is not None:
        report = {**json.loads(row["result"] or "{}"), "output": output}
        c.execute("UPDATE execution SET result = ?, at_rest_due = 0 WHERE id = ?", (json.dumps(report), execution_id))


def overdue(c: sqlite3.Connection, before: int) -> list[str]:
    """Executions that ended before that time (µs) and whose files were never rewritten: their console died."""
    found = c.execute("SELECT id FROM execution WHERE at_rest_due AND finished_at < ? LIMIT 200", (before,))
    return [row["id"] for row in found]
