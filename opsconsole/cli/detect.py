"""`opsconsole detect`: scores a recorded series with the learning detector, and draws it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from opsconsole.cli import diagnostics, output
from opsconsole.cli.arguments import Parser
from opsconsole.errors import UsageError

if TYPE_CHECKING:
    from opsconsole.monitoring.learning.picture import Columns
    from opsconsole.monitoring.learning.recorded import Scored

STDIN = "-"
CHUNK = 1000
"""Rows written at once."""

_EXAMPLES = (
    ("opsconsole detect cpu.csv > scores.csv", "timestamp,value,score for each line"),
    ("opsconsole detect cpu.csv --plot cpu.svg > scores.csv", "and a picture with the anomalies marked"),
    ("sqlite3 … | opsconsole detect - --threshold 0.6", "from stdin; only what is very unusual counts as anomaly"),
)


def build() -> Parser:
    parser = Parser(
        "opsconsole detect",
        "How unusual each value of a recorded series is, compared with all before it: timestamp,value in, "
        "timestamp,value,score out. What counts as an anomaly is told on stderr.",
        _EXAMPLES,
    )
    add = parser.add_argument
    add("file", metavar="FILE.csv", help="columns timestamp,value; - for stdin")
    add("--plot", metavar="OUT.svg", help="draw values, scores and anomalies into this file")
    add("--threshold", type=_threshold, metavar="T", help="the score that makes an anomaly, above 0 up to 1")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises UsageError, ConsoleError."""
    from opsconsole.monitoring.learning.detector import Detector
    from opsconsole.monitoring.learning.picture import Columns
    from opsconsole.monitoring.learning.recorded import lines_of, scored

    name = "stdin" if options.file == STDIN else options.file
    threshold = Detector.threshold if options.threshold is None else options.threshold
    _refuse_same(options.file, options.plot)
    columns = Columns(threshold)
    try:
        file = open(0 if options.file == STDIN else options.file, "rb", closefd=options.file != STDIN)  # noqa: SIM115 - closed by the with below
    except (OSError, ValueError) as error:
        raise UsageError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    with file:
        try:
            gaps = _write(scored(lines_of(file), name, Detector()), columns)
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror or error}") from error
    if options.plot is not None:
        _draw(columns, options.plot, name)
    _tell(columns, gaps)
    return 0


def _write(rows: Iterable[Scored], columns: Columns) -> int:
    """Write and take in the rows; returns how many had no value."""
    gaps = 0
    lines = ["timestamp,value,score\n"]
    try:
        for row in rows:
            columns.add(row)
            gaps += row.value != row.value
            lines.append(f"{row.timestamp},{row.text},{row.score!r}\n")
            if len(lines) >= CHUNK:
                output.text("".join(lines))
                lines.clear()
    finally:
        if columns.rows and lines:  # what was read before a wrong line is of use; a lone header is not
            output.text("".join(lines))
    return gaps


def _draw(columns: Columns, path: str, name: str) -> None:
    from opsconsole.monitoring.learning.picture import svg

    try:
        file: IO[str]
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(svg(columns, os.path.basename(name)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{path} cannot be written: {reason}", hint="--plot needs a file in a folder you own"
        ) from error


def _tell(columns: Columns, gaps: int) -> None:
    count = len(columns.marks) + columns.unnamed
    what = "anomaly" if count == 1 else "anomalies"
    diagnostics.tell(f"{columns.rows} rows, {count} {what} at a score of {columns.threshold:.3g} or more")
    if gaps:
        diagnostics.tell(f"{gaps} row{'' if gaps == 1 else 's'} without a value scored 0")


def _refuse_same(source: str, plot: str | None) -> None:
    try:
        same = plot is not None and source != STDIN and os.path.samefile(source, plot)
    except (OSError, ValueError):  # one of them does not exist: then they differ
        same = False
    if same:
        raise UsageError("--plot would overwrite the file that is read", hint="name another file for the picture")


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no score above 0 up to 1")
    return value
