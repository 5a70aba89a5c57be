"""Who moves how much to and from the drives: /proc/N/io, which only root and a process's own user may read.

Two looks make rates. It is asked for an analysis, never at every tick: a file a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opsconsole.monitoring.analysis.causes import IoSeen, ProcessIo, kernel_thread
from opsconsole.samples import ProcessSample

_PROC = Path("/proc")

Totals = dict[tuple[int, int], tuple[int, int] | None]
"""Bytes read from and written to the drives so far, by a process's identity; None where they may not be read."""


def totals(processes: Sequence[ProcessSample], proc: Path = _PROC) -> Totals:
    """Of these processes, but for the kernel's own; one that has ended meanwhile is left out."""
    found: Totals = {}
    for process in processes:
        if kernel_thread(process) or process.state in "ZX":
            continue
        try:
            text = (proc / str(process.pid) / "io").read_bytes()
        except PermissionError:
            found[process.identity] = None
        except OSError:
            continue
        else:
            found[process.identity] = _parsed(text)
    return found


def _parsed(text: bytes) -> tuple[int, int] | None:
    fields = dict(line.split(b":", 1) for line in text.splitlines() if b":" in line)
    try:
        # What was dirtied and then truncated away never reached a drive.
        written = int(fields[b"write_bytes"]) - int(fields.get(b"cancelled_write_bytes", b"0"))
        return int(fields[b"read_bytes"]), max(0, written)
    except (KeyError, ValueError):
        return None


def between(before: Totals, after: Totals, seconds: float) -> IoSeen | None:
    """Rates of the processes that were there at both looks; None where no process could be read at all."""
    if seconds <= 0 or not any(after.values()):
        return None
    rates = []
    for identity, now in after.items():
        then = before.get(identity)
        if now is not None and then is not None:
            read, written = (max(0, new - old) / seconds for new, old in zip(now, then, strict=True))
            rates.append(ProcessIo(identity[0], read, written))
    return IoSeen(tuple(rates), sum(now is None for now in after.values()))
