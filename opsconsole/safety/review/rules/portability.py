"""Features of bash in a script for sh: dash, busybox and the others do not know them.

A script for sh that uses them often does not parse as one, so these rules read it a second time, as bash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell import parser
from opsconsole.safety.review.shell.facts import Node, Script
from opsconsole.safety.review.shell.words import span_of

_CANDIDATE = lazy(
    r"\[\[|\(\(|<<<|[&]>|>&\s*[^\s\d&-]|\|&|[<>]\(|\$'|\$\[|\{[^\s{}]{0,200}(?:\.\.|,)[^\s{}]{0,200}\}|\bfunction\b|\b(?:source|local|declare|typeset|let|select|"
    r"pushd|popd|mapfile|readarray|shopt|pipefail)\b|==|\w\+?=\(|\w\+=|\$\{!|\$\{\w+(?:\[|/|:\s*[\w$(-]?\d|\^|,)|\bread\s+-|\becho\s+-|\bRANDOM\b"
)
_BRACES = lazy(r"(?<!\\)\{[^{}\s]{0,200}(?:\.\.|,)[^{}\s]{0,200}\}")
_SH = lazy(r"#!\s*(?:/usr)?(?:/bin/|/usr/bin/env\s+)(?:sh|dash|ash)\b")
_nodes: WeakKeyDictionary[Script, list[tuple[str, Node]]] = WeakKeyDictionary()


def _tree(script: Script) -> list[tuple[str, Node]]:
    """Every node of a script for sh, read as bash, with its type (or the field it stands in); else empty."""
    if script in _nodes:
        return _nodes[script]
    found: list[tuple[str, Node]] = []
    _nodes[script] = found
    for_sh = script.dialect == "posix" or (script.shebang is not None and _SH.match(script.shebang) is not None)
    if for_sh and _CANDIDATE.search(script.text):
        try:
            tree = script.tree if script.dialect == "bash" and script.tree else parser.parse(script.text, "bash")
        except (parser.ParseError, parser.ParserMissing):
            return found
        pending: list[tuple[str, Any]] = [("File", tree)]
        while pending:
            field, node = pending.pop()
            if isinstance(node, dict):
                found.append((node.get("Type", field), node))
                pending += [(key, value) for key, value in node.items() if isinstance(value, (dict, list))]
            else:
                pending += [(field, one) for one in node if isinstance(one, dict)]
        found.sort(key=lambda pair: span_of(pair[1]).start)
    return found


Fix = list[tuple[Span, str]] | None


def _head(node: Node) -> tuple[str, Span]:
    """The command's name, if it is a plain word, and where it is."""
    parts = (node.get("Args") or [{}])[0].get("Parts", [])
    if len(parts) == 1 and parts[0]["Type"] == "Lit":
        return parts[0]["Value"], span_of(parts[0])
    return "", Span(0, 0)


def _each(rule_id: str, severity: Severity, title: str, message: str, *kinds: str) -> Callable[[Any], Any]:
    """A rule over nodes of these types; the function says for one where it is and how to mend it, or None."""

    def wrap(look: Callable[[Script, Node], tuple[Span, Fix] | None]) -> Any:
        @rule(rule_id, severity, title)
        def check(script: Script) -> Iterator[Finding]:
            for kind, node in _tree(script):
                if kind in kinds and (found := look(script, node)) is not None:
                    yield script.finding(rule_id, severity, message, *found)

        return look

    return wrap


@_each(
    "sh-double-bracket", Severity.WARNING, "[[ ]] under sh", "`[[` is not known to sh: `[ … ]` or case", "TestClause"
)
def _test(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return span_of(node), None


@_each(
    "sh-array",
    Severity.WARNING,
    "An array under sh",
    'sh has no arrays: use `set -- …` and "$@"',
    "Assign",
    "Assigns",
    "ParamExp",
)
def _array(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return (span_of(node), None) if "Array" in node or "Index" in node else None


@_each("sh-source", Severity.WARNING, "source under sh", "`source` is not known to sh: `.`", "CallExpr")
def _source(script: Script, node: Node) -> tuple[Span, Fix] | None:
    name, span = _head(node)
    return (span, [(span, ".")]) if name == "source" else None


@_each("sh-function", Severity.WARNING, "function under sh", "`function` is not known to sh: `name() {`", "FuncDecl")
def _function(script: Script, node: Node) -> tuple[Span, Fix] | None:
    if not node.get("RsrvWord"):
        return None
    name = span_of(node["Name"])
    start = span_of(node).start
    fix = [(Span(start, name.start), "")]
    if not node.get("Parens"):
        fix.append((Span(name.end, name.end), "()"))
    return Span(start, name.end), fix


@_each("sh-here-string", Severity.WARNING, "<<< under sh", "`<<<` is not known to sh: `printf … |` or <<", "Redirs")
def _here_string(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return (span_of(node), None) if node.get("Op") == "<<<" else None


@_each(
    "sh-redirect-both",
    Severity.WARNING,
    "&> under sh",
    "sh puts the command into the background here: `>file 2>&1`",
    "Redirs",
)
def _redirect(script: Script, node: Node) -> tuple[Span, Fix] | None:
    span = span_of(node)
    if node.get("Op") not in ("&>", "&>>"):
        return None
    word = span_of(node["Word"])
    sign = ">>" if node["Op"] == "&>>" else ">"
    return span, [(span, f"{sign}{script.slice(word)} 2>&1")]


@_each(
    "sh-ansi-quote",
    Severity.WARNING,
    "$'…' under sh",
    "sh takes $'…' for a dollar sign and a text: use printf",
    "SglQuoted",
)
def _ansi(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return (span_of(node), None) if node.get("Dollar") else None


@_each("sh-braces", Severity.WARNING, "{a,b} under sh", "sh leaves {…} as it is: write the words", "Args", "Items")
def _braces(script: Script, node: Node) -> tuple[Span, Fix] | None:
    bare = "".join(part["Value"] if part["Type"] == "Lit" else "_" for part in node.get("Parts", []))
    return (span_of(node), None) if _BRACES.search(bare) else None


@_each("sh-double-equals", Severity.WARNING, "== in [ ] under sh", "`==` in `[` is not known to sh: `=`", "CallExpr")
def _equals(script: Script, node: Node) -> tuple[Span, Fix] | None:
    if _head(node)[0] not in ("[", "test"):
        return None
    for argument in node["Args"][1:]:
        span = span_of(argument)
        if script.slice(span) == "==":
            return span, [(span, "=")]
    return None


@_each("sh-expansion", Severity.WARNING, "An expansion of bash under sh",
       "sh does not know this expansion: use sed, cut, tr, or ${x#…} and ${x%…}", "ParamExp")  # fmt: skip
def _expansion(script: Script, node: Node) -> tuple[Span, Fix] | None:
    operator = (node.get("Exp") or {}).get("Op", "")
    special = node.keys() & {"Slice", "Repl", "Excl"} or operator[:1] in ("^", ",", "@")
    return (span_of(node), None) if special and not node.get("Length") else None


@_each("sh-arithmetic-command", Severity.WARNING, "(( )) or let under sh", "sh knows only $((…)): `x=$((x + 1))`",
       "ArithmCmd", "LetClause", "CStyleLoop")  # fmt: skip
def _arithmetic(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return span_of(node), None


@_each(
    "sh-process-substitution",
    Severity.WARNING,
    "<(…) under sh",
    "sh does not know <(…): use a pipe or a file",
    "ProcSubst",
)
def _process(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return span_of(node), None


@_each("sh-pipe-both", Severity.WARNING, "|& under sh", "`|&` is not known to sh: `2>&1 |`", "BinaryCmd")
def _pipe(script: Script, node: Node) -> tuple[Span, Fix] | None:
    place = node.get("OpPos", {}).get("Offset")
    if node.get("Op") != "|&" or place is None:
        return None
    span = Span(place, place + 2)
    return span, [(span, "2>&1 |")]


@_each("sh-append", Severity.WARNING, "+= under sh", "`+=` is not known to sh: `x=$x…`", "Assigns", "Assign")
def _append(script: Script, node: Node) -> tuple[Span, Fix] | None:
    return (span_of(node), None) if node.get("Append") else None


@_each(
    "sh-declare",
    Severity.WARNING,
    "declare, local or select under sh",
    "this is not of POSIX sh",
    "DeclClause",
    "ForClause",
)
def _declare(script: Script, node: Node) -> tuple[Span, Fix] | None:
    variant = node.get("Variant", {}).get("Value")
    return (span_of(node), None) if variant in ("declare", "typeset") or node.get("Select") else None


@_each("sh-builtin", Severity.WARNING, "A builtin of bash under sh", "sh has no such command or option", "CallExpr")
def _builtin(script: Script, node: Node) -> tuple[Span, Fix] | None:
    name, span = _head(node)
    if name in ("pushd", "popd", "dirs", "mapfile", "readarray", "shopt", "disown", "caller", "compgen", "complete"):
        return span, None
    words = [script.slice(span_of(one)) for one in node.get("Args", [])[1:]]
    if name == "set" and "pipefail" in words:
        return span_of(node), None
    if name == "read" and any(re.match(r"-\w*[^r\W]", word) for word in words):
        return span_of(node), None
    return None
