"""Reports as one HTML file: well-formed, its own style, and nothing that a browser would fetch or run."""

from __future__ import annotations

from collections.abc import Iterator

from opsconsole.reporting.document import Block, Code, Document, Facts, Table, Words
from opsconsole.reporting.quoting import xml
from opsconsole.reporting.svg import picture

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1c2329; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.made { color: #5b6770; margin-top: 0.2rem; }
table { border-collapse: collapse; } td, th { padding: 0.2rem 0.9rem 0.2rem 0; text-align: left; vertical-align: top; }
th { color: #5b6770; font-weight: 600; } tr + tr td { border-top: 1px solid #e6eaee; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f5f7f9; padding: 0.8rem; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; }
.add { color: #1d7a43; } .del { color: #b3312f; } .at { color: #3a5fb0; }
svg { max-width: 100%; height: auto; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_SIGNS = {"+": "add", "-": "del", "@": "at"}


def render(document: Document) -> str:
    """The whole file, which is also well-formed XML."""
    body = "\n".join(part for block in document.blocks for part in _block(block))
    return (
        '<!DOCTYPE html>\n<html lang="en" xmlns="http://www.w3.org/1999/xhtml">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{xml(_POLICY)}"/>\n'
        f"<title>{xml(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{xml(document.title)}</h1>\n<p class="made">{xml(document.made_at)}</p>\n{body}\n</body>\n</html>\n'
    )


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Words):
        yield f"<p>{xml(block.text)}</p>"
        return
    yield f"<h2>{xml(block.caption)}</h2>"
    if isinstance(block, Facts):
        rows = "".join(f"<tr><th>{xml(label)}</th><td>{xml(text)}</td></tr>" for label, text in block.rows)
        yield f"<table>{rows}</table>"
    elif isinstance(block, Table):
        yield _table(block)
    elif isinstance(block, Code):
        lines = block.text.split("\n")
        yield f"<pre>{_coloured(lines) if block.language == 'diff' else xml(block.text)}</pre>"
    else:
        yield picture(block)


def _table(block: Table) -> str:
    sides = [' class="n"' if right else "" for _, right in block.columns]
    head = "".join(f"<th{side}>{xml(title)}</th>" for (title, _), side in zip(block.columns, sides, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{xml(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>\n"
        for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


def _coloured(lines: list[str]) -> str:
    found = []
    for line in lines:
        kind = _SIGNS.get(line[:1])
        found.append(f'<span class="{kind}">{xml(line)}</span>' if kind else xml(line))
    return "\n".join(found)
