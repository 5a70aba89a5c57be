"""Lint rules for shell scripts, and the pages of the rules of all languages."""

from __future__ import annotations

from pathlib import Path

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import (
    characters,
    deletion,
    disks,
    downloads,
    hosts,
    leaks,
    modern,
    network,
    portability,
    privilege,
    quoting,
    robustness,
    secrets,
    services,
)
from opsconsole.safety.review.rules.registry import RULES, Check, Rule, rule
from opsconsole.safety.review.shell.facts import Script

__all__ = ["FAMILIES", "RULES", "Check", "Rule", "all_ids", "lint", "page", "rule"]

FAMILIES = (
    characters, deletion, disks, downloads, hosts, leaks, modern, network, portability, privilege, quoting,
    robustness, secrets, services,
)  # fmt: skip
PAGES = Path(__file__).parent.parent / "pages"
FAILED = "rule-failed"
_ID = lazy(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


def lint(script: Script) -> list[Finding]:
    """What all rules find, by place, each thing once. A rule that fails is a finding of its own and stops no other."""
    found: dict[tuple[str, int, int], Finding] = {}
    for one in list(RULES.values()):
        try:
            for finding in one.check(script):
                found.setdefault((finding.rule, finding.start, finding.end), finding)
        except Exception as error:  # noqa: BLE001 - a faulty rule must not take the review with it
            message = f"the rule {one.id} failed: {type(error).__name__}: {error}"
            failure = script.finding(FAILED, Severity.INFO, message, Span(0, 0))
            found[(f"{FAILED} {one.id}", 0, 0)] = failure
    return sorted(found.values(), key=lambda finding: (finding.start, finding.end, finding.rule))


def page(rule_id: str) -> str:
    """The page of a rule, in Markdown. Raises KeyError for an id without one."""
    if not _ID.match(rule_id):
        raise KeyError(rule_id)
    try:
        return (PAGES / f"{rule_id}.md").read_text("utf-8")
    except FileNotFoundError:
        raise KeyError(rule_id) from None


def all_ids() -> list[str]:
    """Every rule that has a page, of all languages."""
    return sorted(path.stem for path in PAGES.glob("*.md"))
