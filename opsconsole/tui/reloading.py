"""The configuration as files: what changed in them, and what a change means for a console that runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from opsconsole.settings import OTHERS, Settings

LIVE = frozenset({"console", "monitor", "alerts", "redaction"})
"""Sections that are in force as soon as they are read; the engine took the others when it started."""
AT_START = frozenset({"console.read_only", "console.mouse", "console.start"})
"""Settings of those sections that are looked at once, at the start."""
_FIRST = sorted(name.removeprefix("console.") for name in AT_START)
Signature = tuple[tuple[str, int, int, int], ...]


def signature(files: Iterable[Path]) -> Signature:
    """What tells one state of these files and folders from another; what is missing is left out."""
    found = []
    for file in files:
        for one in (file, *(sorted(file.glob("*.toml")) if file.is_dir() else ())):
            try:
                known = one.stat()
            except OSError:
                continue
            found.append((str(one), known.st_mtime_ns, known.st_size, known.st_ino))
    return tuple(found)


def at_once(name: str) -> bool:
    """Whether a changed setting is in force as soon as it is read."""
    return name.partition(".")[0] in LIVE and name not in AT_START


def in_force(started: Settings, read: Settings) -> Settings:
    """What holds in a console that began with `started` and has read `read` since."""
    sections = {name: getattr(read, name) for name in LIVE if name not in OTHERS}
    others = {name: getattr(read, name) for name in OTHERS}
    others["console"] = replace(read.console, **{name: getattr(started.console, name) for name in _FIRST})
    return replace(started, **sections, others=others)


def later(before: Settings, after: Settings) -> list[str]:
    """Names of what differs and is in force from the next start on."""
    ours = [name for name in vars(before) if name not in LIVE and name != "others"]
    changed = [name for name in ours if getattr(before, name) != getattr(after, name)]
    console, new = before.console, after.console
    return changed + [f"console.{name}" for name in _FIRST if getattr(console, name) != getattr(new, name)]


def differ(before: Settings, after: Settings) -> bool:
    """Whether any setting has another value."""
    names = [name for name in vars(before) if name != "others"]
    return any(getattr(before, name) != getattr(after, name) for name in (*names, *OTHERS))
