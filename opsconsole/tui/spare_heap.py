"""Memory that was wanted for a moment is the system's again at once.

glibc keeps what a thread has freed for its next wish, and how much of it each thread may keep (M_TRIM_THRESHOLD) grows
with the largest block that was ever freed, up to 64 MB: who once read a long output, in whichever thread, keeps
megabytes in each of them for as long as the console is open. A threshold that was set stays what it is.
"""

from __future__ import annotations

import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of `mallopt(3)`, in malloc.h."""
_KEPT = 512 * 1024
"""Bytes. Outputs are read in pieces of half of that: memory for these is not asked of the system again each time."""


def keep_little() -> bool:
    """From now on, in all threads; a second time changes nothing. False: another C library, which is left alone."""
    libc = _glibc()
    return libc is not None and bool(libc.mallopt(_TRIM_THRESHOLD, _KEPT) and libc.mallopt(_MMAP_THRESHOLD, _KEPT))


def give_back() -> bool:
    """What was freed between blocks that are still wanted is the system's again as well; false: as above."""
    libc = _glibc()
    if libc is None:
        return False
    libc.malloc_trim(_KEPT)
    return True


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
