"""Why a run under limits ended as it did: what the kernel counted is a reason, what only looks like it is suspected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_TAIL_BYTES = 16 << 10
_KILLED = ("SIGKILL", 128 + 9)
_WROTE_TOO_MUCH = 128 + 25
_CRASHES = ("SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS", 128 + 9, 128 + 11, 128 + 6)

_SAYS = {
    "memory": ("MemoryError", "Cannot allocate memory", "bad_alloc", "ut of memory", "emory exhausted"),
    "pids": ("Resource temporarily unavailable", "can't start new thread", "annot fork", "unable to create thread"),
    "file_size": ("File too large", "File size limit exceeded"),
    "open_files": ("Too many open files",),
}
"""What programs say; only these words go into the record, never the line: it may hold a secret."""


class Ending(NamedTuple):
    """How the leader ended.

    `stopped`: by us (timeout, cancel); `ended_by_us`: what it left running was killed; `stderr`: the last it said.
    """

    exit_code: int | None
    signal: str | None
    stopped: bool
    ended_by_us: bool
    max_rss: int
    stderr: bytes

    @property
    def failed(self) -> bool:
        return not self.stopped and self.exit_code != 0

    @property
    def how(self) -> str | int | None:
        return self.signal or self.exit_code


def judge(
    values: Mapping[str, int | float],
    tiers: Mapping[str, str | None],
    events: Mapping[str, int | float],
    ending: Ending,
) -> tuple[str | None, list[str]]:
    """(`memory_limit`, `pids_limit_suspected`, … or None, a sentence for each thing that was seen)."""
    notes = list(_seen(values, events, ending))
    if ending.ended_by_us and not ending.stopped:
        if events.get("pids_refused"):
            return "pids_limit", notes
        if tiers.get("pids") == "rlimit" and (words := said("pids", ending.stderr)):
            return "pids_limit_suspected", [*notes, _told("pids", values, words)]
    if not ending.failed:
        return None, notes
    if events.get("oom_kills") and "memory" in values:
        return "memory_limit", notes
    if events.get("pids_refused") and "pids" in values:
        return "pids_limit", notes
    if "file_size" in values:
        says = said("file_size", ending.stderr)
        if ending.signal == "SIGXFSZ" or (ending.exit_code == _WROTE_TOO_MUCH and says):
            note = f"file_size: a file reached the limit of {_size(values['file_size'])} (SIGXFSZ)"
            return "file_size_limit", [*notes, note]
        if ending.exit_code == _WROTE_TOO_MUCH:
            return "file_size_limit_suspected", [*notes, "file_size: exit code 153 is what a shell makes of SIGXFSZ"]
    return _suspect(values, tiers, events, ending, notes)


def _seen(values: Mapping[str, int | float], events: Mapping[str, int | float], ending: Ending) -> list[str]:
    notes = []
    if kills := events.get("oom_kills"):
        limit = f"the limit of {_size(values['memory'])} was reached" if "memory" in values else "memory ran out"
        notes.append(f"memory: {limit} and the kernel killed {_count(kills, 'process', 'processes')}")
    if refused := events.get("pids_refused"):
        ended = ", and what was left running was killed" if ending.ended_by_us else ""
        limit = f"the limit of {values['pids']:g} was reached: " if "pids" in values else ""
        notes.append(f"pids: {limit}{_count(refused, 'new process was', 'new processes were')} refused{ended}")
    held = events.get("cpu_throttled_s", 0)
    if held and "cpu" in values and (ending.stopped or held >= 1):
        notes.append(f"cpu: its processes were held back for {held:.1f} s by the limit of {values['cpu'] * 100:g} %")
    return notes


def _suspect(
    values: Mapping[str, int | float],
    tiers: Mapping[str, str | None],
    events: Mapping[str, int | float],
    ending: Ending,
    notes: list[str],
) -> tuple[str | None, list[str]]:
    """No counter tells: what the script said, or how it died, may."""
    for name in ("memory", "pids", "file_size", "open_files"):
        if name not in values:
            continue
        counted = name == "pids" and (tiers.get(name) or "").startswith("cgroup")
        words = None if counted else said(name, ending.stderr)
        if words:
            return f"{name}_limit_suspected", [*notes, _told(name, values, words)]
    if "memory" not in values:
        return None, notes
    near = ending.max_rss >= values["memory"] * 0.7
    if tiers.get("memory") == "rlimit" and ending.how in _CRASHES and near:
        note = f"memory: limited to {_size(values['memory'])}, and a process that died had used {_size(ending.max_rss)}"
        return "memory_limit_suspected", [*notes, note]
    if events.get("memory_refusals") and ending.how in _KILLED:
        sure = ending.signal == "SIGKILL"
        note = f"memory: the limit of {_size(values['memory'])} was reached, and it was killed"
        return "memory_limit" if sure else "memory_limit_suspected", [*notes, note]
    return None, notes


def tail(path: str) -> bytes:
    """The last of a stream's file, as much as is looked at."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return file.read()
    except OSError:
        return b""


def said(name: str, stderr: bytes) -> str | None:
    """The words in `stderr` that speak of this limit."""
    return next((words for words in _SAYS[name] if words.encode() in stderr), None)


def _told(name: str, values: Mapping[str, int | float], words: str) -> str:
    return f'{name}: limited to {_put(name, values[name])}, and stderr says "{words}"'


def _count(number: float, one: str, many: str) -> str:
    return f"{number:g} {one if number == 1 else many}"


def _put(name: str, value: float) -> str:
    return _size(value) if name in ("memory", "file_size") else f"{value:g}"


def _size(count: float) -> str:
    """As `opsconsole.wording.size` puts it, which this folder does not import; a test holds the two together."""
    left, unit = float(count), 0
    while left >= (999.5 if unit else 1023.5) and unit < len(_UNITS) - 1:
        left, unit = left / 1024, unit + 1
    digits = 0 if not unit or left == int(left) or left >= 99.95 else 1 if left >= 9.995 else 2
    return f"{left:,.{digits}f} {_UNITS[unit]}"
