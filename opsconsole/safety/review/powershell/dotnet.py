"""Types, members and methods of .NET: what is on the list has no effect, all the rest is not proven."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Severity, Span
from opsconsole.safety.review.powershell.catalogue import catalogue
from opsconsole.safety.review.powershell.grammar import Script
from opsconsole.safety.review.powershell.report import Report
from opsconsole.safety.review.powershell.values import core, literal, variable_name

if TYPE_CHECKING:
    from tree_sitter import Node

_DEEPEST = 30
_GIVES_STRING = frozenset(
    ("tostring", "trim", "trimstart", "trimend", "toupper", "tolower", "substring", "padleft", "padright")
)
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_COLLECTION = re.compile(
    r"@\{|@\(|\[ordered\]\s*@\{|\[pscustomobject\]\s*@\{"
    r"|\[(?:system\.)?collections\.(?:arraylist|generic\.\w+\[[\w.,\[\] ]+\])\]::new\(\)",
    re.IGNORECASE,
)


class Fresh:
    """Variables that hold nothing but a collection made by this script, so that changing it changes nothing else."""

    def __init__(self) -> None:
        self._made: set[str] = set()
        self._other: set[str] = set()
        self.changed: list[tuple[str, Span]] = []

    def assigned(self, name: str, collection: bool) -> None:
        (self._made if collection else self._other).add(name)

    def element(self, name: str, span: Span) -> None:
        """An element is changed; whether that is harmless is known at the end of the walk."""
        self.changed.append((name, span))

    def wrong(self) -> list[tuple[str, Span]]:
        return [(name, span) for name, span in self.changed if name not in self._made or name in self._other]


def makes_collection(script: Script, node: Node) -> bool:
    """`@{}`, `@()`, `[ordered]@{}`, `[Collections.ArrayList]::new()`."""
    if node.type not in ("hash_literal_expression", "array_expression", "expression_with_unary_operator",
                         "invokation_expression"):  # fmt: skip
        return False
    if node.type == "array_expression":
        return not node.named_children  # its elements may be anything
    written = script.beginning(node)
    match = _COLLECTION.match(written)
    return match is not None and (node.type != "invokation_expression" or match.end() == len(written))


def conversion_problems(written: str) -> list[str]:
    """Why a type literal (`[int]`, `[Collections.Generic.List[string]]`) may not be converted to: it runs its code."""
    table = catalogue()
    problems = []
    for name in _NAME.findall(written):
        kind = table.type(name)
        if kind is None or not kind.cast:
            problems.append(f"the type [{name}] is not declared as one without effect")
    if not problems and not re.fullmatch(r"[\[\]\w\s.,]+", written):
        problems.append("a type that the review cannot read")
    return problems


def _type_name(script: Script, node: Node) -> str:
    """`System.Math` of `[System.Math]`; without generic arguments."""
    return script.words(node)[1:-1].strip().partition("[")[0]


def _member_name(script: Script, node: Node) -> str | None:
    name = next((one for one in node.named_children if one.type == "member_name"), None)
    if name is None:
        return None
    inner = name.named_child(0)
    if inner is not None and inner.type == "simple_name":
        return script.words(inner)
    return None if inner is None else literal(script, inner)


def judge_member(script: Script, report: Report, node: Node) -> list[Node]:
    """`$x.Name`, `[type]::Name`: reading an instance's property is harmless, a static one is judged by its list."""
    base = core(node.named_children[0])
    rest = [one for one in node.named_children[1:] if one.type != "member_name"]
    if (_member_name(script, node) or "").lower() == "scriptblock":
        report.deny("the code of another script or function is taken", script.span(node))
    if base.type != "type_literal":
        names = [child for one in node.named_children[1:] if one.type == "member_name" for child in one.named_children]
        return [base, *(one for one in names if one.type != "simple_name"), *rest]
    _static(script, report, node, base)
    return rest


def _static(script: Script, report: Report, node: Node, base: Node) -> None:
    kind, name = _type_name(script, base), _member_name(script, node)
    declared = catalogue().type(kind)
    if name is None:
        report.deny("a static member whose name is known only at run time", script.span(node))
    elif name.lower() == "replace" and not all(_plain(script, one) for one in _arguments(node)[2:]):
        report.deny(
            "what it puts in the place may be a block of code that is known only at run time", script.span(node)
        )
    elif declared is None or not declared.allows(name):
        report.deny(f"[{kind}]::{name} is not declared as one without effect", script.span(node))
        if node.type == "invokation_expression":
            _dangers(script, report, node, kind, name)


def _dangers(script: Script, report: Report, node: Node, kind: str, name: str) -> None:
    span, low = script.span(node), f"{kind}::{name}".lower().removeprefix("system.")
    if low.startswith(("reflection.assembly::load", "appdomain::")) or low == "runtime.interopservices.marshal::copy":
        report.find("ps-load-code", Severity.ERROR, f"{name} brings compiled code into the process", span)
        report.effect("execute", None, f"[{kind}]::{name}", span)
    elif low == "scriptblock::create":
        report.find("ps-invoke-expression", Severity.ERROR, "text is made into a program at run time", span)
        report.effect("execute", None, f"[{kind}]::{name}", span)
    elif low.startswith("diagnostics.process::start"):
        report.effect("execute", None, f"[{kind}]::{name}", span)
    elif re.match(r"io\.(file|directory)::", low):
        arguments = _arguments(node)
        target = literal(script, arguments[0]) if arguments else None
        report.effect("delete" if "delete" in low else "write", target, f"[{kind}]::{name}", span)
    else:
        report.effect("execute", None, f"[{kind}]::{name}", span, f"[{kind}]::{name}")


def _plain(script: Script, node: Node) -> bool:
    return node.type == "script_block_expression" or literal(script, node) is not None or _is_string(script, node)


def _arguments(node: Node) -> list[Node]:
    found = [one for one in node.named_children if one.type == "argument_list"]
    return [core(one) for one in found for group in one.named_children for one in group.named_children]


def judge_invocation(script: Script, report: Report, node: Node, fresh: Fresh) -> list[Node]:
    """`$x.Name(...)`, `[type]::Name(...)`, `$x.ForEach{...}`."""
    first = node.named_child(0)
    if first is None:
        return []
    if first.type == "invokation_foreach_expression":
        return first.named_children
    base, arguments = core(first), _arguments(node)
    walk = [*(one for one in node.named_children[1:] if one.type != "member_name")]
    if base.type == "type_literal":
        _static(script, report, node, base)
        return walk
    name = _member_name(script, node)
    span = script.span(node)
    if name is None:
        report.deny("a method whose name is known only at run time", span)
        report.effect("execute", None, "method", span)
        return [*node.named_children[:1], *node.named_children[1:]]
    low, table = name.lower(), catalogue()
    if low in ("foreach", "where"):
        if not arguments or arguments[0].type != "script_block_expression":
            report.deny(f".{name}() with a name calls the method of that name", span)
    elif low in table.strings and _is_string(script, base):
        pass
    elif low == "sort" and arguments:
        report.deny("it sorts by code that is known only at run time", span)
    elif low in table.collections and base.type == "variable":
        fresh.element(variable_name(script.words(base)), span)
    elif low not in table.methods:
        report.deny(f"the method {name} is not declared as one without effect", span)
        _method(script, report, node, low)
    return [base, *walk]


def _method(script: Script, report: Report, node: Node, low: str) -> None:
    """Effects of methods that are known by their name."""
    span, name = script.span(node), f".{low}()"
    arguments = _arguments(node)
    first = literal(script, arguments[0]) if arguments else None
    if low in ("downloadstring", "downloaddata", "openread", "getasync", "getstringasync"):
        report.effect("network", first, name, span)
    elif low in ("downloadfile", "downloadfileasync"):
        report.effect("network", first, name, span)
        report.effect("write", literal(script, arguments[1]) if len(arguments) > 1 else None, name, span)
    elif low == "delete":
        report.effect("delete", None, name, span)
    elif low in ("kill", "terminate", "closemainwindow"):
        report.effect("kill", None, name, span)
    else:
        report.effect("execute", None, name, span, f"the method {low}")
        if low in ("invoke", "invokescript", "invokemember", "addscript"):
            report.find("ps-dynamic-command", Severity.WARNING, f"{name} runs what is known only at run time", span)


def is_text(script: Script, node: Node) -> bool:
    """Whether the last part of the right side of -replace is certainly text, or a block that stands here."""
    parts = node.named_children if node.type == "array_literal_expression" else [node]
    last = core(parts[-1])
    return len(parts) < 2 or last.type == "script_block_expression" or _is_string(script, last)


def _is_string(script: Script, node: Node, depth: int = 0) -> bool:
    """A literal, or what a method returned that always returns a string."""
    node = core(node)
    if depth > _DEEPEST:
        return False
    if node.type == "string_literal":
        return True
    if node.type == "parenthesized_expression" and node.named_child_count == 1:
        inner = node.named_child(0)
        return inner is not None and _is_string(script, inner, depth + 1)
    if node.type == "invokation_expression":
        name = (_member_name(script, node) or "").lower()
        if name in ("replace", "insert", "remove"):
            return _is_string(script, node.children[0], depth + 1)
        return name in _GIVES_STRING
    return node.type == "format_expression"
