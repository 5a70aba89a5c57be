"""How it went, as a picture of characters: what ended over time, how long it took, the slowest, the most failing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, zip_longest

from rich.cells import cell_len

from opsconsole.models import Status
from opsconsole.reporting.document import Harmless
from opsconsole.reporting.documents import failing_bars, slowest_bars, succeeded, word_of
from opsconsole.reporting.wording import duration
from opsconsole.storage.trends import Tally, Trends
from opsconsole.tui.filters import FAILED
from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.screens.history.run_rows import title
from opsconsole.tui.screens.history.sheet import Row, text_of
from opsconsole.tui.widgets import plot
from opsconsole.tui.widgets.bar import bar_cells
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.wording import FACES, count_of
from opsconsole.wording import long_duration

_BUCKETS = 60
"""About so many spans of time are told apart; the picture is as wide as the screen."""
_AXIS = 9
_STACK = (
    Status.FAILED, Status.TIMED_OUT, Status.ABANDONED, Status.REFUSED, Status.CANCELLED, Status.COMPLETED,
)  # fmt: skip
"""From the bottom up: what failed stands on the ground, where its rise is seen."""
_ASCII = {
    Status.FAILED: "x", Status.TIMED_OUT: "t", Status.ABANDONED: "!", Status.REFUSED: "o", Status.CANCELLED: "c",
    Status.COMPLETED: "#",
}  # fmt: skip
_TWO_COLUMNS = 100


def buckets_for(width: int) -> int:
    """As many spans of time as columns of one width fill the screen with."""
    room = max(8, width - _AXIS)
    return room // max(1, round(room / _BUCKETS))


def rows_of(
    found: Trends, span: str, filter_text: str, harmless: Harmless, width: int, height: int, glyphs: GlyphSet
) -> list[Row]:
    """At most as high as the screen where that is possible."""
    shown = harmless.line(filter_text, 200)
    about = f"the last {span}" if span != "all" else "all there is"
    head: Row = [Cell("How it went", "strong"), Cell(f"  {about}{f'  filtered by {shown}' if shown else ''}", "muted")]
    if not found.whole.total:
        return [head, [], [Cell("Nothing ended in this time.", "plain")], [Cell("s: another span", "muted")]]
    summary, legend = _summary(found.whole, width), _legend(found.whole, width, glyphs)
    height -= len(summary) + len(legend) - 2
    most = max(3, min(12, (height - 22) // (1 if width >= _TWO_COLUMNS else 2)))
    stack = max(5, min(16, height - 17 - most))
    rows = [
        head,
        *summary,
        *title("Ended", f"a column: {long_duration(found.width_us / 1e6)}   s: another span", width),
        *_stacks(found, width, stack, glyphs),
        *legend,
    ]
    rows += [*title("Run time", "each on its own scale", width), *_times(found, width, glyphs)]
    return rows + _worst(found, harmless, width, most, glyphs)


def _summary(whole: Tally, width: int) -> list[Row]:
    """What failed is one number, as everywhere, and then how."""
    rate = whole.success_rate
    tone = "muted" if rate is None else "good" if rate >= 0.95 else "warning" if rate >= 0.8 else "bad"
    said = [Cell(f"{count_of(whole.total, 'run')}  ", "strong")]
    if rate is not None:
        said.append(Cell(f"{succeeded(whole)} succeeded  ", tone))
    if failed := sum(whole.counts.get(status, 0) for status in FAILED):
        how = [_count(whole, status) for status in _STACK if status in FAILED and status is not Status.FAILED]
        kinds = ", ".join(filter(None, how))
        said.append(Cell(f"{failed:,} failed{f' ({kinds})' if kinds else ''}  ", "muted"))
    others = (_count(whole, status) for status in _STACK[:-1] if status not in FAILED)
    return _flowed([*said, *(Cell(f"{one}  ", "muted") for one in others if one)], width)


def _count(whole: Tally, status: Status) -> str:
    count = whole.counts.get(status, 0)
    return f"{count:,} {word_of(status)}" if count else ""


def _flowed(cells: Sequence[Cell], width: int, indent: int = 0) -> list[Row]:
    """In as many lines as they need; no cell is parted."""
    rows: list[list[Cell]] = []
    room = 0
    for cell in cells:
        needed = cell_len(cell.text.rstrip())
        if needed > room or not rows:
            rows.append([Cell(" " * indent, "")] if indent else [])
            room = width - indent
        rows[-1].append(cell)
        room -= cell_len(cell.text)
    return list(rows)


# -- what ended, over time


def _glyph(status: Status, glyphs: GlyphSet) -> str:
    if glyphs.name == "ascii":
        return _ASCII[status]
    return "█" if status is Status.COMPLETED else FACES[status].glyph


def _stacks(found: Trends, width: int, height: int, glyphs: GlyphSet) -> list[Row]:
    room = max(8, width - _AXIS)
    each = max(1, room // max(1, len(found.buckets)))
    top = max(tally.total for tally in found.buckets)
    columns = [_column(tally, top, height) for tally in found.buckets]
    rows: list[Row] = []
    for y in reversed(range(height)):
        label = f"{top:,}" if y == height - 1 else "0" if y == 0 else ""
        line = [column[y] if y < len(column) else None for column in columns]
        cells = [Cell(f"{label:>{_AXIS - 2}} ", "faint"), Cell("│" if glyphs.name != "ascii" else "|", "faint")]
        for status, same in groupby(line):
            glyph = " " if status is None else _glyph(status, glyphs)
            column = glyph * (each - 1) + " " if each > 2 else glyph * each  # apart, where there is room for it
            cells.append(Cell(column * len(list(same)), "" if status is None else FACES[status].tone))
        rows.append(cells)
    rows.append(_axis(found, each * len(columns)))
    return rows


def _legend(whole: Tally, width: int, glyphs: GlyphSet) -> list[Row]:
    """How each ended, by its sign; what failed in no other way ended with an exit code or a signal."""
    words = {Status.FAILED: "failed by its exit" if any(map(whole.counts.get, FAILED - {Status.FAILED})) else "failed"}
    cells = [
        Cell(f"{_glyph(status, glyphs)} {words.get(status) or word_of(status)}  ", FACES[status].tone)
        for status in reversed(_STACK)
        if whole.counts.get(status)
    ]
    return _flowed(cells, width, _AXIS)


def _column(tally: Tally, top: int, height: int) -> list[Status]:
    """From the bottom up; what is there at all has a cell, and completed ones take what is left of the height."""
    if not tally.total:
        return []
    whole = max(1, round(tally.total / top * height))
    cells: list[Status] = []
    for status in _STACK[:-1]:
        if count := tally.counts.get(status, 0):
            cells += [status] * max(1, round(count / top * height))
    if tally.counts.get(Status.COMPLETED) and len(cells) < height:
        cells += [Status.COMPLETED] * max(1, whole - len(cells))
    return cells[:height]


def _axis(found: Trends, width: int) -> Row:
    first, last = (_moment(one, found) for one in (found.since_us, found.until_us))
    room = max(1, width - len(first) - len(last))
    return [Cell(f"{'':{_AXIS}}{first}{' ' * room}{last}", "faint")]


def _moment(time_us: int, found: Trends) -> str:
    form = "%H:%M" if found.until_us - found.since_us <= 2 * 86_400 * 1_000_000 else "%Y-%m-%d"
    return datetime.fromtimestamp(time_us / 1e6).strftime(form)


# -- how long it took


def _times(found: Trends, width: int, glyphs: GlyphSet) -> list[Row]:
    rows: list[Row] = []
    for name, values in (
        ("95 %", [tally.p95_s for tally in found.buckets]), ("median", [tally.p50_s for tally in found.buckets]),
    ):  # fmt: skip
        rows += _graph(name, values, width, 2, glyphs)
    return rows


def _graph(name: str, values: Sequence[float | None], width: int, height: int, glyphs: GlyphSet) -> list[Row]:
    each = max(1, max(8, width - _AXIS) // max(1, len(values)))
    room = each * len(values)
    dots = room * glyphs.columns
    spread = [values[at * len(values) // dots] for at in range(dots)]
    top = max((value for value in values if value is not None), default=0.0)
    labels = (duration(top), *[""] * (height - 2), name)
    return [
        [Cell(f"{label:>{_AXIS - 1}} ", "faint" if label != name else "muted"), *drawn]
        for label, drawn in zip(labels, plot.rows_of(spread, height, top, glyphs), strict=True)
    ]


# -- the worst


def _worst(found: Trends, harmless: Harmless, width: int, most: int, glyphs: GlyphSet) -> list[Row]:
    lists = (
        (f"Slowest by {found.by} (95 %)", "b: by another", slowest_bars(found, harmless, most), None),
        (f"Most failing by {found.by} (share failed)", "", failing_bars(found, harmless, most), 1.0),
    )
    if width < _TWO_COLUMNS:
        rows: list[Row] = []
        for caption, note, bars, full in lists:
            rows += [*title(caption, note, width), *_bars(bars, full, width, glyphs)]
        return rows
    half = (width - 3) // 2
    left, right = (
        [*title(caption, note, half), *_bars(bars, full, half, glyphs)] for caption, note, bars, full in lists
    )
    blank: Row = [Cell(" " * half, "")]
    return [[*_padded(one, half), Cell("   ", ""), *other] for one, other in zip_longest(left, right, fillvalue=blank)]


def _padded(row: Row, width: int) -> list[Cell]:
    return [*row, Cell(" " * max(0, width - cell_len(text_of(row))), "")]


def _bars(bars: Sequence[tuple[str, float, str]], full: float | None, width: int, glyphs: GlyphSet) -> list[Row]:
    """`full`: what a whole bar is; None: the largest."""
    if not bars:
        return [[Cell("None.", "muted")]]
    top = full or max(value for _, value, _ in bars) or 1.0
    said = max(len(text) for _, _, text in bars)
    name = max(8, min(max(len(text) for text, _, _ in bars), width // 3))
    room = max(4, width - name - said - 3)
    return [
        [
            Cell(fit(text, name) + " ", "plain"), *bar_cells(value / top, room, glyphs),
            Cell(" " + fit(number, said, right=True), "muted"),
        ]
        for text, value, number in bars
    ]  # fmt: skip
