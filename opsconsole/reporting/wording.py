"""How reports put times, durations, sizes and ratios."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(microseconds: int | None) -> str:
    """UTC to the second: a report is read elsewhere than it is made."""
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float | None) -> str:
    """`24 ms`, `1.2 s`, `3m12s`, `1h04m`, `2d03h`."""
    if seconds is None:
        return ""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def size(count: float | None) -> str:
    """`812 B`, `12.3 kB`, `1.2 GB`."""
    if count is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def percent(share: float | None) -> str:
    """`94.2 %`."""
    return "" if share is None else f"{share * 100:.1f} %"


def ratio(before: float | None, after: float | None, more: str, less: str) -> str:
    """`2.1× slower`; empty when they are the same to the eye, or cannot be compared."""
    if not before or not after or before < 0 or after < 0:
        return ""
    times, word = (after / before, more) if after >= before else (before / after, less)
    if times < 1.05:
        return ""
    return f"{times:.1f}× {word}" if times < 100 else f"{times:,.0f}× {word}"
