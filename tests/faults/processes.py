"""Processes as the fault tests see them: one by pid and start time, or all that belong to a state directory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from opsconsole import host
from opsconsole.engine import Engine
from opsconsole.models import Status, TaskSpec

T = TypeVar("T")

DEADLINE_S = 30.0
STEP_S = 0.005

NOTE = 'note() { local f; read -r -a f < "/proc/$1/stat"; echo "$1 ${f[21]}" >> "$PIDS"; }\nexport -f note\n'
"""Bash: `note PID` appends the pid and its start time to the file $PIDS."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process, never a later one with its pid."""

    pid: int
    start: int

    @property
    def alive(self) -> bool:
        return host.is_alive(self.pid, self.start)

    def kill(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):  # it may end between the two
            if self.alive:
                os.kill(self.pid, number)

    def dies(self, deadline_s: float = DEADLINE_S) -> bool:
        return wait_until(lambda: not self.alive, deadline_s)


def process(pid: int) -> Process:
    started = host.start_time(pid)
    assert started is not None, f"process {pid} is not alive"
    return Process(pid, started)


def noted(file: Path) -> list[Process]:
    """What scripts wrote with `note`."""
    if not file.exists():
        return []
    text = file.read_text()
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [Process(*map(int, line.split())) for line in lines]


def marked(state: Path) -> list[Process]:
    """Every living process of any run of this state directory that did not erase its environment."""
    prefix = b"OPSCONSOLE_RUN_FOLDER=" + os.fsencode(state) + b"/"
    found = []
    for pid in _pids():
        try:
            values = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        started = host.start_time(pid)
        if started is not None and any(value.startswith(prefix) for value in values):
            found.append(Process(pid, started))
    return found


def supervisors(state: Path) -> list[Process]:
    """The lean parents and slots of this state directory: whose standard error is its log."""
    return [entry for entry, _ in _supervisors(state)]


def slots(state: Path) -> list[Process]:
    return [entry for entry, name in _supervisors(state) if name == "opsconsole-slot"]


def lean_parents(state: Path) -> list[Process]:
    return [entry for entry, name in _supervisors(state) if name == "opsconsole-runs"]


def _supervisors(state: Path) -> Iterator[tuple[Process, str]]:
    for pid in _pids():
        try:
            name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
            log = Path(f"/proc/{pid}/fd/2").readlink()
        except OSError:
            continue
        started = host.start_time(pid)
        if name.startswith("opsconsole-") and log == state / "console.log" and started is not None:
            yield Process(pid, started), name


def end_all(state: Path) -> None:
    """Leave nothing of this state directory behind, and nobody who still writes into it."""
    found = [*supervisors(state), *marked(state)]
    for entry in found:
        entry.kill()
    for entry in found:
        entry.dies()


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def wait_until(condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> bool:
    until = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(STEP_S)
    return True


async def becomes(value: Callable[[], T], wanted: Callable[[T], object] = bool, deadline_s: float = DEADLINE_S) -> T:
    """The value when it is as wanted. Raises AssertionError with the last one."""
    until = time.monotonic() + deadline_s
    while not wanted(found := value()):
        assert time.monotonic() < until, f"still {found!r} after {deadline_s:g} s"
        await asyncio.sleep(STEP_S)
    return found


async def soon_s(engine: Engine) -> float:
    """Two seconds as this host counts them just now: on a busy one everything takes its time, a run of nothing, too."""
    began = time.monotonic()
    await engine.run(TaskSpec(script="true"))
    return 2.0 + 5 * (time.monotonic() - began)


async def status_becomes(engine: Engine, task_id: int, *wanted: Status) -> None:
    await becomes(lambda: engine.task(task_id).status, lambda status: status in wanted)
