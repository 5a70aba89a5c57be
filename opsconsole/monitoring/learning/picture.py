"""A recorded series as one SVG: values, scores, and where a score reached the threshold."""

from __future__ import annotations

from html import escape
from math import isfinite

from opsconsole.monitoring.learning.recorded import Scored

WIDTH, LEFT, RIGHT = 1200, 90, 20
TOP, VALUES, GAP, SCORES, BOTTOM = 46, 300, 26, 110, 34
COLUMNS = 1000
"""Points drawn at most; each is the lowest and highest of its rows."""
SHOWN = 200
"""Anomalies that get a text of their own; the others are marked only."""
_STYLE = """
svg{background:#fff;color:#1d2430;font:13px system-ui,sans-serif}text{fill:currentColor}
.frame{fill:none;stroke:currentColor;stroke-opacity:.25}.value{fill:none;stroke:#1f6feb;stroke-width:1.2}
.score{fill:none;stroke:#8250df;stroke-width:1.2}.threshold{stroke:#c0392b;stroke-dasharray:5 4}
.mark{stroke:#d1242f;stroke-width:2;stroke-opacity:.75}.dim{opacity:.7}
@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}.value{stroke:#58a6ff}.score{stroke:#bc8cff}
.threshold{stroke:#ff7b72}.mark{stroke:#ff7b72}}
"""


class Columns:
    """What is drawn, in constant memory: rows joined into at most 2 * COLUMNS columns, twice as wide when full."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.rows = 0
        self._wide = 1
        self.columns: list[list[float]] = []  # lowest value, highest value, highest score, first time
        self.marks: list[tuple[int, float, float, str]] = []  # row, value, score, timestamp
        self.unnamed = 0
        self.first = self.last = ""

    def add(self, row: Scored) -> None:
        """Take in the next row."""
        self.first = self.first or row.timestamp
        self.last = row.timestamp
        if self.rows // self._wide >= len(self.columns):
            self._open(row.at)
        column = self.columns[-1]
        if isfinite(row.value):
            column[0] = min(column[0], row.value)
            column[1] = max(column[1], row.value)
        column[2] = max(column[2], row.score)
        if row.score >= self.threshold:
            if len(self.marks) < SHOWN:
                self.marks.append((self.rows, row.value, row.score, row.timestamp))
            else:
                self.unnamed += 1
        self.rows += 1

    def _open(self, at: float) -> None:
        if len(self.columns) >= 2 * COLUMNS:
            pairs = zip(self.columns[::2], self.columns[1::2], strict=True)
            self.columns = [[min(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2]), a[3]] for a, b in pairs]
            self._wide *= 2
        self.columns.append([float("inf"), float("-inf"), 0.0, at])

    def place(self, row: int) -> float:
        """Where a row stands from left to right, 0 … 1."""
        return row / max(1, self.rows - 1)

    def centre(self, column: int) -> float:
        """Where a column stands from left to right, 0 … 1."""
        return min(1.0, (column + 0.5) * self._wide / max(1, self.rows))


def svg(columns: Columns, title: str) -> str:
    """The picture, self-contained; readable on a light and on a dark screen. Hostile titles are only text in it."""
    height = TOP + VALUES + GAP + SCORES + BOTTOM
    known = [column for column in columns.columns if column[0] <= column[1]]
    low = min((column[0] for column in known), default=0.0)
    high = max((column[1] for column in known), default=1.0)
    base = TOP + VALUES + GAP + SCORES
    count = len(columns.marks) + columns.unnamed
    words = f"{count} anomal{'y' if count == 1 else 'ies'} at a score of {columns.threshold:.3g} or more"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{_text(title)}: {words}</title><style>{_STYLE}</style>",
        f'<text x="{LEFT}" y="20" font-weight="600">{_text(title)}</text>',
        f'<text x="{LEFT}" y="37" class="dim">{columns.rows} rows, {words}</text>',
        _frame(TOP, VALUES),
        _frame(TOP + VALUES + GAP, SCORES),
        *(_label(LEFT - 8, TOP + 12, f"{high:.6g}"), _label(LEFT - 8, TOP + VALUES, f"{low:.6g}")),
        *(_label(LEFT - 8, base - SCORES + 12, "score 1"), _label(LEFT - 8, base, "0")),
        *(_mark(columns, mark, base) for mark in columns.marks),
        _line("value", _values(columns, low, high)),
        _line("score", [(_x(columns.centre(n)), base - each[2] * SCORES) for n, each in enumerate(columns.columns)]),
        _threshold(base - columns.threshold * SCORES),
        f'<text x="{LEFT}" y="{height - 12}" class="dim">{_text(columns.first)}</text>',
        _label(WIDTH - RIGHT, height - 12, columns.last),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _values(columns: Columns, low: float, high: float) -> list[tuple[float, float]]:
    def y(value: float) -> float:
        # halved before subtracting: the range of -1e308 … 1e308 is no float
        span = high / 2 - low / 2
        return TOP + VALUES * (1.0 - (value / 2 - low / 2) / span) if span > 0 else TOP + VALUES / 2

    points = []
    for place, (lowest, highest, _, _) in enumerate(columns.columns):
        if lowest <= highest:
            x = _x(columns.centre(place))
            points.append((x, y(lowest)))
            if highest > lowest:
                points.append((x, y(highest)))
    return points


def _mark(columns: Columns, mark: tuple[int, float, float, str], base: float) -> str:
    row, value, score, timestamp = mark
    x = _x(columns.place(row))
    note = f"{timestamp}: value {value:g}, score {score:.3f}"
    return f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}"><title>{_text(note)}</title></line>'


def _threshold(y: float) -> str:
    return f'<line class="threshold" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _frame(top: float, height: float) -> str:
    return f'<rect class="frame" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{height}"/>'


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="end" class="dim">{_text(text)}</text>'


def _line(kind: str, points: list[tuple[float, float]]) -> str:
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _x(part: float) -> float:
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _text(text: str) -> str:
    """Escaped, and without what XML cannot hold at all."""
    return escape("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text))
