"""Edits for findings in Python, where the right one is beyond doubt."""

from __future__ import annotations

import ast

from opsconsole.safety.review.model import Edit, Span

_PATIENCE = "timeout=60"


def safe_yaml(call: ast.Call, name: Span) -> tuple[Edit, ...] | None:
    """`yaml.load(x)` → `yaml.safe_load(x)`. `name` is where the function's name ends up to."""
    if not isinstance(call.func, ast.Attribute) or len(call.args) != 1 or call.keywords:
        return None
    return (Edit(name.end - len(call.func.attr), name.end, f"safe_{call.func.attr}"),)


def verified(value: Span) -> tuple[Edit, ...]:
    """`verify=False` → `verify=True`."""
    return (Edit(value.start, value.end, "True"),)


def with_timeout(text: str, call: ast.Call, whole: Span, name: str) -> tuple[Edit, ...] | None:
    """A minute for what the network answers. How long a program may take, nobody knows from here."""
    inside = text[whole.start : whole.end]
    if name.startswith("subprocess.") or not inside.endswith(")"):
        return None
    if any(isinstance(one, ast.GeneratorExp) for one in call.args) or "#" in inside.rpartition("\n")[0]:
        return None
    body = inside[:-1].rstrip()
    sign = "" if body.endswith("(") else " " if body.endswith(",") else ", "
    at = whole.start + len(body)
    return (Edit(at, at, sign + _PATIENCE),)
