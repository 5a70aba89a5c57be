"""`opsconsole lint --explain RULE` and `--list-rules`."""

from __future__ import annotations

import difflib
import json as jsons

from opsconsole.cli import output
from opsconsole.cli.lint_sarif import heading
from opsconsole.errors import UsageError
from opsconsole.safety.review import rules, shellcheck


def explain(rule: str) -> None:
    """Prints the page of a rule. Raises UsageError for a rule nobody knows."""
    wiki = shellcheck.wiki(rule.upper())
    if wiki:
        output.text(f"{rule.upper()} is one of ShellCheck's rules: {wiki}\n")
        return
    try:
        page = rules.page(rule)
    except KeyError:
        near = difflib.get_close_matches(rule, rules.all_ids(), 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`opsconsole lint --list-rules` names them all"
        raise UsageError(f"there is no rule {rule!r}", hint=hint) from None
    output.text(page if page.endswith("\n") else f"{page}\n")


def show_all(*, json: bool) -> None:
    """Prints every rule with its severity and title: a line each, or one JSON list."""
    found = []
    for rule in rules.all_ids():
        title, severity = heading(rules.page(rule))
        found.append({"rule": rule, "severity": severity, "title": title})
    if json:
        output.text(jsons.dumps(found, indent=1) + "\n")
        return
    widest = max((len(entry["rule"]) for entry in found), default=0)
    output.text("".join(f"{entry['rule']:<{widest}}  {entry['severity']:<12}  {entry['title']}\n" for entry in found))
