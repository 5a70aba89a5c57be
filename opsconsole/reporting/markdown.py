"""Reports as Markdown (CommonMark with tables)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from opsconsole.reporting.document import Bars, Block, Code, Document, Facts, Stacks, Table, Words
from opsconsole.reporting.quoting import fenced, markdown

_BAR = 24


def render(document: Document) -> str:
    """The whole file."""
    parts = [f"# {markdown(document.title)}\n", f"{markdown(document.made_at)}\n"]
    for block in document.blocks:
        parts += _block(block)
    return "\n".join(parts)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Words):
        yield f"{markdown(block.text)}\n"
        return
    yield f"## {markdown(block.caption)}\n"
    if isinstance(block, Facts):
        yield _table((("", False), ("", False)), block.rows)
    elif isinstance(block, Table):
        yield _table(block.columns, block.rows)
    elif isinstance(block, Code):
        yield fenced(block.text, block.language)
    elif isinstance(block, Bars):
        yield _bars(block)
    else:
        yield _stacks(block)


def _table(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> str:
    head = "| " + " | ".join(markdown(title) for title, _ in columns) + " |"
    rule = "|" + "|".join("---:" if right else "---" for _, right in columns) + "|"
    body = ["| " + " | ".join(markdown(cell) for cell in row) + " |" for row in rows]
    return "\n".join([head, rule, *body]) + "\n"


def _bars(block: Bars) -> str:
    """The bars are in the text: Markdown has no picture of its own."""
    rows = [(name, said, "█" * max(1, round(value / block.top * _BAR))) for name, value, said in block.rows]
    return _table((("", False), ("", True), ("", False)), rows)


def _stacks(block: Stacks) -> str:
    titles = [("", False), *((kind, True) for kind in block.kinds), *((name, True) for name, _ in block.lines)]
    rows = []
    for number, (label, counts) in enumerate(block.columns):
        figures = ["" if (value := line[number]) is None else f"{value:g}" for _, line in block.lines]
        rows.append([label, *(str(count) for count in counts), *figures])
    return _table(titles, rows)
