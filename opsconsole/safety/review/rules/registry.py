"""The rules of shell scripts by id, and the decorator that adds one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.shell.facts import Script

Check = Callable[[Script], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `severity` is the worst that `check` gives; a finding may be milder."""

    id: str
    severity: Severity
    title: str
    check: Check


RULES: dict[str, Rule] = {}


def rule(id: str, severity: Severity, title: str) -> Callable[[Check], Check]:
    """Register the function below as the check of this rule. Raises ValueError for an id that is taken."""

    def register(check: Check) -> Check:
        if id in RULES:
            raise ValueError(f"two rules are called {id}")
        RULES[id] = Rule(id, severity, title, check)
        return check

    return register
