"""How figures are put in words, by every door alike: sizes, rates, durations, plain numbers.

Sizes are binary, with the names of IEC 80000-13 (`free -h`, systemd and btop count so); where a column is narrow they
have the bare letter of htop. Durations have a long form for sentences and a narrow one for columns. No figure has more
than three digits that matter, and none is rounded up to a unit's whole next one: 59.97 s is a minute, 1,023.99 KiB are
1.00 MiB. What is not known (None, or no finite number) is the empty text.
"""

from __future__ import annotations

from math import floor, isfinite
from typing import TypeGuard

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_LETTERS = ("", "K", "M", "G", "T")
_THOUSANDS = ("", "k", "M", "G")
_COUNTED = frozenset({"pids", "open_files", "core"})
_MANY_DAYS = 100
_IN_SHORT = {"file_size": "size", "open_files": "files"}
"""Of limits, as long as there is room for."""


def size(count: float | None) -> str:
    """Bytes, in eight cells at the most: `812 B`, `1.50 KiB`, `0.98 GiB`; `64 MiB`, without decimals, is exact."""
    if not _known(count):
        return ""
    left, power = _scaled(count, 1023.5)
    digits = 0 if not power or left == int(left) or left >= 99.95 else 1 if left >= 9.995 else 2
    said = f"{left:,.{digits}f}"
    return f"{_minus(count, said)}{said} {_SIZES[power]}"


def short_size(count: float | None) -> str:
    """Bytes, in four cells at the most, for a column: `812`, `41K`, `419M`, `1.0G`, `18G`."""
    if not _known(count):
        return ""
    left, power = _scaled(count, 999.5)
    said = f"{left:.1f}" if power and left < 9.95 else f"{left:.0f}"
    return f"{_minus(count, said)}{said}{_LETTERS[power]}"


def rate(bytes_per_second: float | None) -> str:
    """`18.4 MiB/s`."""
    said = size(bytes_per_second)
    return f"{said}/s" if said else ""


def duration(seconds: float | None, *, ticking: bool = False) -> str:
    """For a column, in six cells at the most: `24ms`, `0s`, `1.2s`, `9s`, `3m05s`, `1h04m`, `2d03h`, `120d`.

    Rounded to the second from a minute on, then cut off as a clock does it. `ticking`: it goes on, and only what has
    passed in full counts.
    """
    (first, *rest) = _parts(seconds, ticking) or [("", "")]
    return "".join((*first, *(f"{int(number):02}{unit}" for number, unit in rest))).replace("min", "m")


def long_duration(seconds: float | None, *, whole: bool = False) -> str:
    """For a sentence, rounded as `duration` is: `24 ms`, `8 s`, `1 min 30 s`, `12 min`, `7 h 45 min`, `4 d 2 h`.

    `whole`: to the second, where fractions of it say nothing.
    """
    parts = _parts(float(floor(seconds + 0.5)) if whole and _known(seconds) else seconds, ticking=False)
    return " ".join(f"{number} {unit}" for at, (number, unit) in enumerate(parts) if not at or int(number))


def age(microseconds: int, *, ticking: bool = False) -> str:
    """`now` below a minute, then `5m`, `3h`, `12d`, after 999 days `2y`: it changes no more often than it must.

    `ticking`: below a minute `12s`, for where a duration that ticks stands beside it.
    """
    minutes = microseconds // 60_000_000
    if minutes < 1:
        return f"{max(0, microseconds) // 1_000_000}s" if ticking else "now"
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h"
    days = minutes // (24 * 60)
    return f"{days}d" if days < 1000 else f"{days // 365}y"


def number(value: float | None) -> str:
    """`0.35`, `4.2`, `97.3`, `1,204`: three digits or all before the point, never a power of ten."""
    if not _known(value):
        return ""
    if abs(value) >= 99.95 or value == int(value):
        return f"{value:,.0f}"
    return "0" if abs(value) < 0.0001 else f"{value:.3g}"


def quantity(value: float | None, unit: str) -> str:
    """A figure with its unit, as a metric or kind of anomaly has it: `18.4 MiB/s`, `812 B`, `1 min 30 s`, `86.6 %`."""
    if not _known(value):
        return ""
    if unit in ("B", "B/s", "MiB", "MiB/s"):
        return size(value * 1024**2 if unit.startswith("MiB") else value) + ("/s" if unit.endswith("/s") else "")
    if unit in ("s", "ms"):
        return long_duration(value / 1000 if unit == "ms" else value)
    return f"{number(value)} {unit}".rstrip()


def short_quantity(value: float | None, unit: str) -> str:
    """The same in six cells at the most, for a column; of what is counted the figure alone: `18M/s`, `340ms`, `87 %`,
    `2.7 ×`, `12`, `1.2k`."""
    if not _known(value):
        return ""
    if unit in ("B", "B/s", "MiB", "MiB/s"):
        said = short_size(value * 1024**2 if unit.startswith("MiB") else value)
        return f"{said}/s" if unit.endswith("/s") else said
    if unit in ("s", "ms"):
        return duration(value / 1000 if unit == "ms" else value)
    sign = next((f" {one}" for one in ("%", "×") if unit.startswith(one)), "")
    size, power = abs(value), 0
    while size >= 999.5 and power < len(_THOUSANDS) - 1:
        size, power = size / 1000, power + 1
    digits = 0 if size >= 9.95 or size == int(size) else 1 if size >= 0.95 else 2
    said = f"{size:.{digits}f}".removesuffix(".00")
    return f"{_minus(value, said)}{said}{_THOUSANDS[power]}{sign}"


def limit(name: str, value: float) -> str:
    """What a limit of a run allows, by the limit's name: `512 MiB`, `50 %` of a CPU, `10 MiB/s`, `64`."""
    if name == "cpu":
        return f"{number(value * 100)} %"
    if name in _COUNTED:
        return number(value)
    return rate(value) if name.endswith("_bps") else size(value)


def limit_reached(reason: str | None) -> str:
    """Which limit ended a run, in twelve cells at the most, by the reason its record has: `memory limit`; empty for
    any other end, and where it is only suspected."""
    name, rest = _limit_of(reason or "")
    return f"{name} limit" if name and not rest else ""


def reason(text: str) -> str:
    """Why a run ended: words as they are, and the names that records have for limits in words."""
    name, rest = _limit_of(text)
    return f"it {'seems to have reached' if rest else 'reached'} its {name} limit" if name else text


def _limit_of(reason: str) -> tuple[str, str]:
    """The limit's name in short, and what follows it; empty where no limit is the reason."""
    name, _, rest = reason.partition("_limit")
    if name == reason or rest not in ("", "_suspected") or not name.replace("_", "").isalpha():
        return "", ""
    return _IN_SHORT.get(name, name.replace("_", " ")), rest


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and isfinite(value)


def _scaled(count: float, bytes_end: float) -> tuple[float, int]:
    """The figure before the unit, without its sign, and which unit: one in which it does not round to four digits; of
    bytes, which are said to the last, up to `bytes_end`."""
    left, power = abs(count), 0
    while left >= (999.5 if power else bytes_end) and power < len(_SIZES) - 1:
        left, power = left / 1024, power + 1
    return left, power


def _minus(count: float, said: str) -> str:
    return "-" if count < 0 and said != "0" else ""


def _parts(seconds: float | None, ticking: bool) -> list[tuple[str, str]]:
    """Numbers and units, one or two of them; a clock that was set back shows as 0."""
    if not _known(seconds):
        return []
    seconds = max(0.0, seconds)
    if not ticking and seconds < 59.95:
        thousandths = floor(seconds * 1000 + 0.5)
        if 0 < thousandths < 1000:
            return [(str(thousandths), "ms")]
        return [(f"{seconds:.3g}" if thousandths else "0", "s")]
    whole = floor(seconds if ticking else seconds + 0.5)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if not minutes:
        return [(str(whole), "s")]
    if not hours:
        return [(str(minutes), "min"), (str(whole % 60), "s")]
    if not days:
        return [(str(hours), "h"), (str(minutes % 60), "min")]
    return [(str(days), "d"), *([(str(hours % 24), "h")] if days < _MANY_DAYS else [])]
