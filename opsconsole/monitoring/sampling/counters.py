"""The kernel's counters: found in its text, and what they grew by."""

from __future__ import annotations


def counter(data: bytes, name: bytes) -> int | None:
    """The number after a name, as in stat, vmstat and memory.stat; `name` begins with a newline (so must `data`) and
    ends with a space. None: not there. Raises ValueError."""
    at = data.find(name)
    if at < 0:
        return None
    start = at + len(name)
    end = data.find(b"\n", start)
    return int(data[start : end if end > 0 else len(data)])


def per_second(now: int, before: int, elapsed_s: float) -> float | None:
    """The rate of a counter. None: it went back, so it was reset or wrapped, and nobody knows."""
    return (now - before) / elapsed_s if now >= before else None


def since(now: int | None, before: int | None) -> int | None:
    """What a counter of events grew by. None: not there, first time, or it went back."""
    return now - before if now is not None and before is not None and now >= before else None
