"""Words of a command as PowerShell passes them: dequoted where they are literal, None where known only at run time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.powershell.grammar import Script

if TYPE_CHECKING:
    from tree_sitter import Node

# Levels of the expression grammar: with one child they say nothing.
LEVELS = frozenset(
    f"{kind}{argument}expression"
    for kind in ("logical_", "bitwise_", "comparison_", "additive_", "multiplicative_", "format_", "range_")
    for argument in ("", "argument_")
) | {"array_literal_expression", "unary_expression", "argument_expression", "pipeline", "pipeline_chain"}

NUMBER = re.compile(r"(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:[dlun]|ul)?(?:[kmgtp]b)?|\d+\.\.\d+", re.IGNORECASE)
PLAIN = re.compile(r"[\w.\\/:*?+=%~!,^\[\]-]*")
REDIRECTION = re.compile(r"(?P<head>[^<>]*?)(?P<stream>[1-6*]?)(?P<sign>>>?|<)(?P<target>.*)", re.DOTALL)
VARIABLE = re.compile(
    r"[$@](?:(?P<scope>env|script|global|local|private|using|variable):)?(?P<name>\w+|[?^$])"
    r"|\$\{(?:(?P<braced_scope>env|script|global|local|private|using|variable):)?(?P<braced>[\w .-]+)\}",
    re.IGNORECASE,
)
_VARIABLE_PATH = re.compile(r"\$(?:env:)?\w+(?:\\[\w.*?~-]*)+", re.IGNORECASE)
_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HERE = re.compile(r"@([\"'])[ \t]*\r?\n(.*?)\r?\n?\1@\Z", re.DOTALL)


def core(node: Node) -> Node:
    """The node below the levels of the expression grammar that have one child."""
    while node.type in LEVELS and node.child_count == 1:
        child = node.child(0)
        if child is None:
            break
        node = child
    return node


def unescape(text: str, *, quoted: bool = False) -> str:
    """Without backticks; inside quotes `n and the like are control characters."""
    if "`" not in text:
        return text
    return re.sub(r"`(.?)", lambda m: _ESCAPES.get(m[1], m[1]) if quoted else m[1], text, flags=re.DOTALL)


def literal(script: Script, node: Node) -> str | None:
    """The value of a word, without its quotes; None where it has variables or expressions in it."""
    node = core(node)
    written = script.words(node)
    match node.type:
        case "generic_token" | "command_name":
            return None if "$" in written else unescape(written).replace('"', "").replace("'", "")
        case "integer_literal" | "real_literal" | "command_parameter":
            return written
        case "string_literal":
            return _string(node, written)
        case "expression_with_unary_operator" if re.fullmatch(r"-[\d.]+", written):
            return written
        case _:
            return None


def _string(node: Node, written: str) -> str | None:
    child = node.named_child(0)
    if child is None or child.named_child_count:
        return None
    here = _HERE.match(written)
    body = here[2] if here else written[1:-1]
    if "verbatim" in child.type:
        return body if here else body.replace("''", "'")
    return unescape(body if here else body.replace('""', '"'), quoted=True)


def variable_name(written: str) -> str:
    """The name of a variable in lower case, without its scope; the text itself where it is none."""
    match = VARIABLE.fullmatch(written)
    return (match["name"] or match["braced"]).lower() if match else written.lower()


def is_variable_path(text: str) -> bool:
    """`$env:TEMP\\x`, which the mending made a variable."""
    return _VARIABLE_PATH.fullmatch(text) is not None


@dataclass(slots=True)
class Value:
    """One argument. `items` are the parts of a list (`a, b`), else the one; `written` is the text in the script."""

    node: Node
    span: Span
    written: str
    items: list[str | None]
    walk: list[Node]

    @property
    def literal(self) -> str | None:
        return self.items[0] if len(self.items) == 1 else None


@dataclass(slots=True)
class Argument:
    """A parameter with or without the value that is glued to it by a colon, or a value alone."""

    parameter: str | None
    value: Value | None
    span: Span


@dataclass(slots=True)
class Call:
    """A command as it is called. `name` is dequoted and without module; `written` as it stands in the script."""

    node: Node
    name: str
    written: str
    name_span: Span
    span: Span
    arguments: list[Argument]
    literals: list[str | None] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The words in lower case with one blank between; `?` for what is known at run time only."""
        words = (self.name, *("?" if word is None else word for word in self.literals))
        return " ".join(words).lower()


def value_of(script: Script, node: Node) -> Value:
    """An argument: its parts where they are literal, and the nodes that have code in them."""
    items: list[str | None] = []
    walk: list[Node] = []
    node = core(node)
    parts = node.named_children if node.type == "array_literal_expression" else [node]
    for part in parts:
        inner = core(part)
        word = literal(script, inner)
        if word is None and inner.type == "variable" and script.words(inner).lower() in ("$true", "$false", "$null"):
            word = script.words(inner)
        items.append(word)
        if inner.type == "variable" and is_variable_path(script.words(inner)):
            continue
        if inner.type not in {"integer_literal", "real_literal", "generic_token"}:
            walk.append(inner)
    return Value(node, script.span(node), script.words(node), items, walk)
