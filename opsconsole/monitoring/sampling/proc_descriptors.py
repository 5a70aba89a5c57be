"""How many descriptors may be kept open for sampling without taking them from the rest of the program."""

from __future__ import annotations

import os
import resource

from opsconsole import host

SPARE = 256
"""Descriptors that stay free for everybody else."""

_RECOUNT = 16
"""Calls between two counts where counting is dear (before Linux 6.2)."""


class Allowance:
    """What is left of RLIMIT_NOFILE, above `SPARE`.

    Raises the soft limit, never the hard one, and only when more is wanted than fits. What it was stays in
    `host.open_files_before`: scripts that are started later get it back.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._left = 0

    def ask(self, wanted: int) -> int:
        """How many descriptors may be opened now; negative: so many must be given back."""
        try:
            used = os.stat("/proc/self/fd").st_size  # Linux 6.2: their number
            if not used:
                self._calls += 1
                if not wanted and self._calls % _RECOUNT != 1:
                    return self._left
                used = len(os.listdir("/proc/self/fd"))
        except OSError:
            return 0
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return wanted
        needed = used + wanted + SPARE
        if needed > soft and (hard == resource.RLIM_INFINITY or soft < hard):
            higher = needed * 2 if hard == resource.RLIM_INFINITY else min(needed * 2, hard)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (higher, hard))
                if host.open_files_before is None:
                    host.open_files_before = soft
                soft = higher
            except (OSError, ValueError):  # a container may forbid it: fewer are kept
                pass
        self._left = soft - SPARE - used
        return self._left
