"""Pictures of a report's figures: well-formed XML whatever the data holds, no font, script or address from outside."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from opsconsole.reporting.document import Bars, Document, Stacks
from opsconsole.reporting.quoting import xml

WIDTH = 960
COLOURS = {
    "completed": "#2e9e5b", "failed": "#d64545", "timed out": "#e08a1e", "abandoned": "#9b59b6", "refused": "#c9a227",
    "cancelled": "#8a949e",
}  # fmt: skip
_OTHER = ("#3a7bd5", "#e08a1e", "#5b6770")
_FONT = "ui-sans-serif, system-ui, sans-serif"
_MARGIN = 16
_LABEL = 260
_ROW = 24
_SAID = 180
"""Beside the longest bar: `100.0 % (1,204 of 1,204)`."""
_STACK = 180
_PLOT = 120


def render(document: Document) -> str:
    """The figures of a report below each other."""
    parts: list[str] = []
    y = 64
    for block in document.blocks:
        if isinstance(block, (Bars, Stacks)):
            parts.append(f'<g transform="translate(0 {y})">{figure(block)}</g>')
            y += height_of(block) + 24
    head = (
        f'<text x="{_MARGIN}" y="30" font-size="20" font-weight="600">{xml(document.title)}</text>'
        f'<text x="{_MARGIN}" y="50" font-size="12" fill="#5b6770">{xml(document.made_at)}</text>'
    )
    return _svg(head + "".join(parts), y) + "\n"


def picture(block: Bars | Stacks) -> str:
    """One figure as a whole picture."""
    return _svg(figure(block), height_of(block))


def _svg(body: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="{_FONT}" fill="#1c2329"><rect width="100%" height="100%" fill="#ffffff"/>{body}</svg>'
    )


def height_of(block: Bars | Stacks) -> int:
    if isinstance(block, Bars):
        return 32 + _ROW * max(1, len(block.rows))
    return 48 + _STACK + (_PLOT + 40 if block.lines else 0)


def figure(block: Bars | Stacks) -> str:
    caption = f'<text x="{_MARGIN}" y="16" font-size="14" font-weight="600">{xml(block.caption)}</text>'
    return caption + (_bars(block) if isinstance(block, Bars) else _stacks(block))


def _bars(block: Bars) -> str:
    room = WIDTH - _LABEL - _SAID
    parts = []
    for number, (name, value, said) in enumerate(block.rows):
        y = 28 + number * _ROW
        length = max(2.0, value / block.top * room)
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 14}" font-size="12" text-anchor="end">{xml(_cut(name, 38))}</text>'
            f'<rect x="{_LABEL}" y="{y + 3}" width="{length:.1f}" height="14" rx="2" fill="{_OTHER[0]}"/>'
            f'<text x="{_LABEL + length + 6:.1f}" y="{y + 14}" font-size="12">{xml(said)}</text>'
        )
    return "".join(parts) or f'<text x="{_MARGIN}" y="40" font-size="12" fill="#5b6770">nothing</text>'


def _stacks(block: Stacks) -> str:
    left, width = 56, WIDTH - 56 - _MARGIN
    step = width / max(1, len(block.columns))
    top = max((sum(counts) for _, counts in block.columns), default=0) or 1
    parts = [_legend(block), f'<text x="{left - 6}" y="42" font-size="11" text-anchor="end">{top:,}</text>']
    floor = 32 + _STACK
    for number, (label, counts) in enumerate(block.columns):
        y = float(floor)
        for kind, count in zip(block.kinds, counts, strict=True):
            height = count / top * (_STACK - 8)
            y -= height
            if count:
                parts.append(
                    f'<rect x="{left + number * step + 1:.1f}" y="{y:.1f}" width="{max(1.0, step - 2):.1f}" '
                    f'height="{height:.1f}" fill="{colour_of(kind, block.kinds)}"><title>{xml(label)}: {count:,} '
                    f"{xml(kind)}</title></rect>"
                )
    parts.append(_axis(block, left, width, floor))
    if block.lines:
        parts.append(f'<g transform="translate(0 {floor + 28})">{_lines(block, left, step)}</g>')
    return "".join(parts)


def _legend(block: Stacks) -> str:
    parts, x = [], WIDTH - _MARGIN
    for kind in reversed(block.kinds):
        x -= 7 * len(kind) + 28
        parts.append(
            f'<rect x="{x}" y="6" width="10" height="10" fill="{colour_of(kind, block.kinds)}"/>'
            f'<text x="{x + 14}" y="15" font-size="11">{xml(kind)}</text>'
        )
    return "".join(parts)


def _axis(block: Stacks, left: int, width: int, y: int) -> str:
    line = f'<line x1="{left}" y1="{y}" x2="{left + width}" y2="{y}" stroke="#c4ccd4"/>'
    if not block.columns:
        return line
    first, last = block.columns[0][0], block.columns[-1][0]
    return (
        f'{line}<text x="{left}" y="{y + 14}" font-size="11">{xml(first)}</text>'
        f'<text x="{left + width}" y="{y + 14}" font-size="11" text-anchor="end">{xml(last)}</text>'
    )


def _lines(block: Stacks, left: int, step: float) -> str:
    values = [value for _, line in block.lines for value in line if value is not None]
    top = max(values, default=0.0) or 1.0
    parts = [f'<text x="{left - 6}" y="12" font-size="11" text-anchor="end">{top:.3g}</text>']
    for number, (name, line) in enumerate(block.lines):
        colour = _OTHER[number % len(_OTHER)]
        parts.append(_line(line, left, step, top, colour))
        parts.append(f'<text x="{left + 8 + number * 140}" y="12" font-size="11" fill="{colour}">{xml(name)}</text>')
    return "".join(parts)


def _line(line: Sequence[float | None], left: int, step: float, top: float, colour: str) -> str:
    places = [
        None if value is None else (left + (at + 0.5) * step, _PLOT - value / top * (_PLOT - 20))
        for at, value in enumerate(line)
    ]
    parts = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in filter(None, places)]
    for before, after in pairwise(places):
        if before is not None and after is not None:
            parts.append(
                f'<line x1="{before[0]:.1f}" y1="{before[1]:.1f}" x2="{after[0]:.1f}" y2="{after[1]:.1f}" '
                f'stroke="{colour}" stroke-width="1.5"/>'
            )
    return "".join(parts)


def colour_of(kind: str, kinds: Sequence[str]) -> str:
    return COLOURS.get(kind) or _OTHER[list(kinds).index(kind) % len(_OTHER)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
