"""A run's folder as the consoles see it: the claim, the lock, the result, the command file."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from opsconsole import host
from opsconsole.values import dataclass

Standing = Literal["result", "alive", "dead", "unclaimed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run's folder says. `lines`: the claim file's entries; `result`: result.json when there is one."""

    standing: Standing
    result: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def entry(self, key: str) -> dict[str, Any]:
        """The newest line with that key, or an empty one."""
        return next((line for line in reversed(self.lines) if key in line), {})


def inspect(folder: Path, launch: int) -> Finding:
    """Look at the result first, then at the claim and its lock.

    `unclaimed`: no supervisor has it (it may still come: `void` prevents that). `dead`: claimed, not locked, no
    result.
    """
    result = read_result(folder, launch)
    try:
        fd = os.open(_claim(folder, launch), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return Finding("unclaimed") if result is None else Finding("result", result)
    if result is not None:
        lines = _lines(fd)
        os.close(fd)
        return Finding("result", result, lines)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return Finding("alive", lines=_lines(fd))
    else:
        result = read_result(folder, launch)  # written before the lock was released
        lines = _lines(fd)
        if result is not None:
            return Finding("result", result, lines)
        if not lines:
            os.write(fd, b'{"void": true}\n')
        if not lines or "void" in lines[0]:
            return Finding("unclaimed")
        return Finding("dead", lines=lines)
    finally:
        os.close(fd)


def void(folder: Path, launch: int) -> bool:
    """Take the claim ourselves, so that this launch can never start. False: a supervisor has it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        fd = os.open(_claim(folder, launch), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return inspect(folder, launch).standing == "unclaimed"
    try:
        os.write(fd, b'{"void": true}\n')
    finally:
        os.close(fd)
    return True


def read_result(folder: Path, launch: int) -> dict[str, Any] | None:
    """result.json of this launch, or None."""
    try:
        with open(folder / "result.json", "rb") as file:
            result = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("launch", launch) == launch else None


def command(folder: Path, launch: int, op: str, by: str) -> None:
    """Tell the run's supervisor, whichever console started it: append to its command file, then signal it.

    Before the claim the file alone is enough: the supervisor reads it when it has claimed. Raises OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    line = json.dumps({"op": op, "by": by}).encode() + b"\n"
    fd = os.open(folder / "commands", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)
    _wake(folder, launch)


def is_told(folder: Path) -> bool:
    """Whether anybody has told the run anything."""
    return (folder / "commands").exists()


def _wake(folder: Path, launch: int) -> None:
    """SIGUSR1 to exactly the supervisor that the claim names.

    Without a claim, or with one still empty, the supervisor has yet to look at the commands: no signal is needed.
    """
    try:
        fd = os.open(_claim(folder, launch), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        entry = (_lines(fd) or [{}])[0]
    finally:
        os.close(fd)
    pid, started = entry.get("supervisor"), entry.get("start")
    if pid is None or not host.is_alive(pid, started):
        return
    try:
        if hasattr(os, "pidfd_open"):
            fd = os.pidfd_open(pid)
            try:
                if host.is_alive(pid, started):
                    signal.pidfd_send_signal(fd, signal.SIGUSR1)
            finally:
                os.close(fd)
        else:
            os.kill(pid, signal.SIGUSR1)
    except PermissionError:
        return  # root's supervisor looks at the file by itself
    except ProcessLookupError:
        return


def stream_bytes(folder: Path) -> int:
    """Bytes the run's streams take on disk."""
    total = 0
    for name in ("stdout", "stderr"):
        try:
            total += os.stat(folder / name).st_blocks * 512
        except OSError:
            continue
    return total


def _claim(folder: Path, launch: int) -> Path:
    return folder / f"claim.{launch}"


def _lines(fd: int) -> list[dict[str, Any]]:
    data = os.pread(fd, 1 << 16, 0)
    lines = []
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            lines.append(entry)
    return lines
