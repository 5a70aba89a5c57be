"""How reports put times, shares and ratios; figures as every door does."""

from __future__ import annotations

from datetime import UTC, datetime

from opsconsole.wording import duration, size

__all__ = ["duration", "local_moment", "moment", "percent", "ratio", "share", "size"]


def moment(microseconds: int | None) -> str:
    """UTC to the second: a report is read elsewhere than it is made."""
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def local_moment(microseconds: int | None) -> str:
    """The clock of this host, to the second: for a screen, where everything else has it."""
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000).strftime("%Y-%m-%d %H:%M:%S")


def percent(share: float | None) -> str:
    """`94.2 %`."""
    return "" if share is None else f"{share * 100:.1f} %"


def share(part: int, whole: int) -> str:
    """`37.5 % (3 of 8)`; empty where there is no whole."""
    return f"{percent(part / whole)} ({part:,} of {whole:,})" if whole else ""


def ratio(before: float | None, after: float | None, more: str, less: str) -> str:
    """`2.1× slower`; empty when they are the same to the eye, or cannot be compared."""
    if not before or not after or before < 0 or after < 0:
        return ""
    times, word = (after / before, more) if after >= before else (before / after, less)
    if times < 1.05:
        return ""
    return f"{times:.1f}× {word}" if times < 100 else f"{times:,.0f}× {word}"
