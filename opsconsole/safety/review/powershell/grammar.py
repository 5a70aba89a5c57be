"""The tree-sitter parser of PowerShell, loaded when the first script needs it."""

from __future__ import annotations

import time
from array import array
from functools import cache
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.powershell.mending import mend

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

HOW_TO_INSTALL = "pip install 'tree-sitter>=0.25,<0.26' tree-sitter-powershell==0.26.4"
PATIENCE = 2.0
"""Seconds of processor time for the parser. What it has not read by then is refused."""
_CHUNK = 4096


class GrammarMissing(Exception):
    """The parser of PowerShell is not installed."""


@cache
def _parser() -> Parser:
    try:
        import tree_sitter_powershell
        from tree_sitter import Language, Parser
    except ImportError as error:
        raise GrammarMissing(str(error)) from error
    return Parser(Language(tree_sitter_powershell.language()))


class Script:
    """A parsed script: its tree, and the original text and character offsets of any node.

    Raises GrammarMissing where the parser is not installed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.raw = text.encode("utf-8", "surrogatepass")
        self.complete = True
        self.tree: Tree = self._parse()
        self._offsets: array[int] | None = None
        if len(self.raw) != len(text):
            self._offsets = array("l")
            for index, character in enumerate(text):
                width = 1 if character < "\x80" else 2 if character < "\u0800" else 3 if character < "\U00010000" else 4
                self._offsets.extend([index] * width)

    def _parse(self) -> Tree:
        """Reads as much as can be read in PATIENCE: error recovery of the grammar is quadratic on some texts."""
        # Without a line end the grammar finds no end of a last comment.
        mended = mend(self.raw) + b"\n"
        deadline = time.thread_time() + PATIENCE

        def read(offset: int, _point: object) -> bytes:
            if time.thread_time() > deadline:
                self.complete = False
                return b""
            return mended[offset : offset + _CHUNK]

        return _parser().parse(read)

    def words(self, node: Node) -> str:
        """The text of a node, as it is written in the script."""
        if self._offsets is None:
            return self.text[node.start_byte : node.end_byte]
        return self.raw[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def beginning(self, node: Node, most: int = 4000) -> str:
        """As `words`, of the first bytes: for rules, which must not make the walk quadratic."""
        return self.raw[node.start_byte : min(node.end_byte, node.start_byte + most)].decode("utf-8", "replace")

    def offset(self, byte: int) -> int:
        if self._offsets is None:
            return min(byte, len(self.text))
        return self._offsets[byte] if byte < len(self._offsets) else len(self.text)

    def span(self, node: Node) -> Span:
        return Span(self.offset(node.start_byte), self.offset(node.end_byte))
