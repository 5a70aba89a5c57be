"""Recorded series: reading `timestamp,value` and scoring it row by row, in constant memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite, nan

from opsconsole.errors import UsageError
from opsconsole.monitoring.learning.detector import Detector

TIMES = ("timestamp", "time", "datetime", "date", "ts")
VALUES = ("value",)
BLANK = frozenset(("", "-", "na", "n/a", "nan", "null", "none", "+nan", "-nan"))
LONGEST_LINE = 1 << 16
MILLISECONDS = 1e11
"""Epoch times beyond it (the year 5138) are milliseconds; micro- and nanoseconds are not looked for, so rows with
those are scored without the time of day."""
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_FORM = "lines are `timestamp,value`: 2014-02-14 14:30:00, RFC 3339 or epoch seconds, then a number"


@dataclass(frozen=True, slots=True)
class Scored:
    """A row: its texts as they were read, the time in seconds since the epoch, the value (NaN: a gap) and its score."""

    timestamp: str
    text: str
    at: float
    value: float
    score: float


def scored(lines: Iterable[bytes], name: str, detector: Detector) -> Iterator[Scored]:
    """Each row with its score; a gap scores 0. Raises UsageError with the line that cannot be read."""
    update = detector.update
    for timestamp, text, at, value in rows(lines, name):
        yield Scored(timestamp, text, at, value, update(at, value))


def rows(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, str, float, float]]:
    """(timestamp, value) as text and as numbers; a blank value is NaN. Raises UsageError with the line."""
    reader = csv.reader(_decoded(lines, name))
    columns: tuple[int, int] | None = None
    width = 0  # fields of the header, or of the first row where there is none
    empty = True
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _wrong(name, reader.line_num, f"is no line of a CSV file: {error}") from error
        if row is None:
            break
        if not any(map(str.strip, row)):
            continue
        if columns is None:
            columns, width = _columns(row, name, reader.line_num), len(row)
            if columns is not None:
                continue
            columns = (0, 1)
            if width > 2 and _torn(row):
                raise _wrong(name, reader.line_num, f"has {width} fields, 2 are expected: a comma in a number?")
        empty = False
        if len(row) > width and any(map(str.strip, row[width:])):
            raise _wrong(name, reader.line_num, f"has {len(row)} fields, {width} are expected: a comma in a number?")
        yield _row(row, columns, name, reader.line_num)
    if empty:
        raise UsageError(f"{name}: there are no values in it", hint=_FORM)


def lines_of(file: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a binary file, none of them longer than LONGEST_LINE + 1 where the file allows it."""
    readline = getattr(file, "readline", None)
    return iter(file) if readline is None else iter(lambda: readline(LONGEST_LINE + 1), b"")


def seconds(text: str) -> float:
    """Seconds since the epoch, from NAB's form, RFC 3339 (no zone: UTC) or epoch seconds. Raises ValueError."""
    text = text.strip()
    if text[:5].count("-") and text[:1] != "-":
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    at = number(text)
    return at / 1000.0 if abs(at) > MILLISECONDS else at


def number(text: str) -> float:
    """A finite number in plain or scientific notation. Raises ValueError."""
    if "_" in text:
        raise ValueError(text)
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for count, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise _wrong(name, count, f"is longer than {LONGEST_LINE} bytes")
        if b"\0" in line:
            raise _wrong(name, count, "is binary data, not text")
        try:
            yield line.decode("utf-8-sig" if count == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _wrong(name, count, "is binary data, not UTF-8 text") from error


def _columns(row: list[str], name: str, line: int) -> tuple[int, int] | None:
    """Where (timestamp, value) stand, from a header; None if this row has values already."""
    words = [word.strip().lower() for word in row]
    time = next((words.index(word) for word in TIMES if word in words), None)
    if time is None:
        if _is_moment(words[0]):
            return None
        if any(word in words for word in VALUES) or not any(map(_is_number, words)):
            raise _wrong(name, line, f"has no column named timestamp, only {', '.join(words)[:80]!r}")
        raise _wrong(name, line, f"begins with {row[0][:40]!r}, which is no timestamp")
    value = next((words.index(word) for word in VALUES if word in words), None)
    if value is None and len(words) == 2:
        value = 1 - time
    if value is None:
        raise _wrong(name, line, f"has no column named value, only {', '.join(words)[:80]!r}")
    return time, value


def _row(row: list[str], columns: tuple[int, int], name: str, line: int) -> tuple[str, str, float, float]:
    if len(row) <= max(columns):
        raise _wrong(name, line, f"has {len(row)} of the {max(columns) + 1} columns")
    timestamp, text = row[columns[0]].strip(), row[columns[1]].strip()
    try:
        at = seconds(timestamp)
    except (ValueError, OverflowError) as error:
        raise _wrong(name, line, f"has {timestamp[:40]!r} for a timestamp") from error
    if text.lower() in BLANK:
        return timestamp, text, at, nan
    try:
        return timestamp, text, at, number(text)
    except ValueError as error:
        raise _wrong(name, line, f"has {text[:40]!r} for a value") from error


def _torn(row: list[str]) -> bool:
    """Whether what follows the timestamp is a number like 1,234,567.8."""
    return _THOUSANDS.fullmatch(",".join(map(str.strip, row[1:]))) is not None


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        seconds(text)
    except (ValueError, OverflowError):
        return False
    return True


def _wrong(name: str, line: int, what: str) -> UsageError:
    return UsageError(f"{name}: line {line} {what}", hint=_FORM)
