"""The sums: samples to minutes to hours, and how a sample is stored.

Figures are (n, min, max, sum) and never an average, so that any of them can be merged and peaks survive. Values are
rounded to float32 before anything is done with them: 24 bits of mantissa, an error of 6e-8 of the value (percent, rates
and counts up to 16 million are exact to the eye; 64 GiB of memory to 4 KiB). So what is summed up live and what is
computed again from the file after a crash is the same.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

MINUTE_S = 60
HOUR_S = 3600
SECOND_US = 1_000_000
MINUTE_US = MINUTE_S * SECOND_US
HOUR_US = HOUR_S * SECOND_US
DAY_US = 24 * HOUR_US

Figures = tuple[int, float, float, float]
"""n, min, max, sum."""
Raw = tuple[int, int, bytes]
"""Time in microseconds, layout, data: a row of `raw`."""

_SWAPPED = sys.byteorder == "big"


class Point(NamedTuple):
    """What a bucket holds: `n` samples, the smallest, the largest, their mean. `time_us` is where it begins."""

    time_us: int
    n: int
    min: float
    max: float
    mean: float


def point(time_us: int, figures: Figures) -> Point:
    n, low, high, total = figures
    return Point(time_us, n, low, high, total / n)


def figures_of(values: Sequence[float]) -> Figures | None:
    """None: there is no value among them; NaN and infinities are none."""
    total = sum(values)
    if not math.isfinite(total):
        values = [value for value in values if math.isfinite(value)]
        total = sum(values)
    return (len(values), min(values), max(values), total) if values else None


def merged(one: Figures | None, other: Figures) -> Figures:
    if one is None:
        return other
    return one[0] + other[0], min(one[1], other[1]), max(one[2], other[2]), one[3] + other[3]


def pack(values: array[float]) -> bytes:
    """float32, little-endian."""
    if _SWAPPED:
        values = values[:]
        values.byteswap()
    return values.tobytes()


def unpack(data: Iterable[bytes]) -> array[float]:
    """The rows' values, one row after the other."""
    values = array("f")
    values.frombytes(b"".join(data))
    if _SWAPPED:
        values.byteswap()
    return values


def pack_ids(ids: Sequence[int]) -> bytes:
    return b"".join(one.to_bytes(4, "little") for one in ids)


def unpack_ids(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))


def by_bucket(
    rows: Iterable[Raw], layouts: dict[int, tuple[int, ...]], bucket_us: int
) -> dict[tuple[int, int], Figures]:
    """(series, bucket) → figures, of rows in any order; the bucket's number is its beginning / `bucket_us`."""
    found: dict[tuple[int, int], Figures] = {}
    for (bucket, layout), some in groupby(rows, key=lambda row: (row[0] // bucket_us, row[1])):
        series = layouts[layout]
        values = unpack(map(itemgetter(2), some))
        for place, one in enumerate(series):
            figures = figures_of(values[place :: len(series)])
            if figures is not None:
                found[one, bucket] = merged(found.get((one, bucket)), figures)
    return found
