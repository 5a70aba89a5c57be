"""The section `[console]`: how the full-screen console behaves.

The text under a field is its documentation. Loaded only where the console opens.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConsoleSettings:
    read_only: bool = False
    """The console only looks: it runs no queued task, starts no monitor, and has no key or command that changes
    anything (also `opsconsole --read-only`)."""

    def check(self) -> None:
        """Nothing here can be out of range."""
