"""Arithmetic: bash evaluates the *value* of a variable in it again, so `a[$(cmd)]` in a value runs a command.

Only numbers, and variables that the script itself only ever gives numbers, are proven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell import names, words

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

Node = dict[str, Any]

_NUMBER = lazy(r"(?:0[xX][0-9a-fA-F]+|\d+#[0-9a-zA-Z@_]+|\d+)\Z")
_NAME = lazy(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIMPLE = frozenset({"RANDOM", "SECONDS", "LINENO", "EPOCHSECONDS", "UID", "EUID", "PPID", "BASHPID"})
_ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})


def check(walk: Walk, node: Node | None, *, text: bool = False) -> None:
    """Deny what could evaluate text. `text`: a side of `-eq`, where a literal that is no number counts too."""
    if node is None:
        return
    kind = node["Type"]
    if kind == "Word":
        _check_word(walk, node)
    elif kind == "BinaryArithm":
        check(walk, node["X"])
        check(walk, node["Y"])
        if node["Op"] in _ASSIGNING:
            _check_assigned(walk, node["X"])
    elif kind == "UnaryArithm":
        check(walk, node["X"])
        if node["Op"] in ("++", "--"):
            _check_assigned(walk, node["X"])
    elif kind == "ParenArithm":
        check(walk, node["X"])
    else:
        walk.deny("unknown-syntax", f"{kind} is not understood here", walk.span(node))


def _check_assigned(walk: Walk, node: Node) -> None:
    name = _lit(node)
    if name is not None and _NAME.match(name):
        names.check_target(walk, name, walk.span(node))


def _check_word(walk: Walk, node: Node) -> None:
    walk.visit_word(node)
    for part in node.get("Parts", []):
        inner = part.get("Parts", []) if part["Type"] == "DblQuoted" else [part]
        for one in inner:
            if not _is_number(walk, one):
                walk.deny(
                    "evaluated-value",
                    "arithmetic evaluates the value of a variable as an expression, which may run commands; "
                    "only numbers are proven",
                    walk.span(node),
                )
                return


def _is_number(walk: Walk, part: Node) -> bool:
    kind = part["Type"]
    if kind == "Lit":
        value = part["Value"]
        return bool(_NUMBER.match(value)) or value in walk.numbers or _is_counter(walk, value)
    if kind == "SglQuoted":
        return bool(_NUMBER.match(part.get("Value", "")))
    return walk.is_numeric(part) or (kind == "ParamExp" and _is_counter(walk, part.get("Param", {}).get("Value")))


def _is_counter(walk: Walk, name: str | None) -> bool:
    """A variable that bash itself keeps a number in, unless the script names it elsewhere."""
    return name in _SIMPLE and name not in walk.script.assigned and walk.trusts_numbers


def check_index(walk: Walk, node: Node) -> None:
    """A subscript is arithmetic, unless it is @ or *."""
    if _lit(node) in ("@", "*"):
        return
    if node.get("Type") == "Word" and all(part["Type"] in ("Lit", "SglQuoted") for part in node.get("Parts", [])):
        text = "".join(part.get("Value", "") for part in node["Parts"])
        if _NAME.match(text) and text not in walk.numbers:
            walk.deny("evaluated-value", "a subscript is evaluated; only numbers are proven", walk.span(node))
            return
    check(walk, node)


def _lit(node: Node) -> str | None:
    parts = node.get("Parts", [])
    return (
        parts[0]["Value"]
        if node.get("Type", "Word") == "Word" and len(parts) == 1 and parts[0]["Type"] == "Lit"
        else None
    )


def numeric_variables(nodes: list[Node]) -> set[str]:
    """Names that this script only ever gives numbers: literals, arithmetic, `${#x}`; and never reads, loops over
    words with, declares without a value, or expands with `:=`.
    """
    good: set[str] = set()
    bad: set[str] = set()
    for node in nodes:
        kind = node.get("Type")
        if kind == "WordIter":
            values = [_lit(item) for item in node.get("Items", [])]
            numbers = bool(values) and all(value is not None and _COUNT.match(value) for value in values)
            (good if numbers else bad).add(node["Name"]["Value"])
        elif kind == "CallExpr" and node.get("Args"):
            for arg in node["Args"]:  # any of them may be the target of a builtin
                bad.update(words.names_in(arg))
        elif kind == "BinaryArithm" and node["Op"] in _ASSIGNING:
            name = _lit(node["X"])
            if name is not None:
                good.add(name)
        elif kind == "ParamExp" and node.get("Exp", {}).get("Op") in ("=", ":="):
            bad.add(node["Param"]["Value"])
        elif "Name" in node and kind is None and ("Value" in node or "Array" in node or "Naked" in node):
            name = node["Name"]["Value"]
            (good if _numeric_assignment(node) else bad).add(name)
    return {name for name in good - bad if not names.is_in_environment(name)}


_COUNT = lazy(r"(\d+|\{\d+\.\.\d+(\.\.\d+)?\})\Z")


def _numeric_assignment(node: Node) -> bool:
    value = node.get("Value")
    if value is None or "Index" in node or node.get("Array"):
        return False
    parts = value.get("Parts", [])
    if len(parts) == 1 and parts[0]["Type"] == "DblQuoted":
        parts = parts[0].get("Parts", [])
    if len(parts) != 1:
        return False
    part = parts[0]
    if part["Type"] == "ArithmExp":
        return True
    if part["Type"] == "ParamExp":
        return bool(part.get("Length")) or (bool(part.get("Short")) and part["Param"]["Value"] in ("#", "?", "$"))
    return bool(part["Type"] == "Lit" and _NUMBER.match(part["Value"]) and not node.get("Append"))
