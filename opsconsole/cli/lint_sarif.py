"""The findings as SARIF 2.1.0, for code hosts and editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html; sections are named where they decide something.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from opsconsole import __version__
from opsconsole.cli.lint_formats import Linted, well_formed
from opsconsole.errors import OpsError
from opsconsole.safety.review import rules, shellcheck
from opsconsole.safety.review.model import Edit, Finding, Source, describe

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"info": "note", "warning": "warning", "error": "error", "catastrophic": "error"}
_UNNAMED = {"-": "stdin", "-c": "command-line"}


def as_sarif(linted: Sequence[Linted], failures: Iterable[OpsError] = ()) -> str:
    """One run over all files; `failures` are the files that could not be read. ASCII only."""
    ids = sorted({finding.rule for one in linted for finding in one.findings})
    index = {rule: number for number, rule in enumerate(ids)}
    notifications = [{"level": "error", "message": {"text": well_formed(error.message)}} for error in failures]
    run = {
        "tool": {
            "driver": {
                "name": "opsconsole",
                "semanticVersion": __version__,
                "version": __version__,
                "rules": [_rule(rule) for rule in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}],
        "artifacts": [_artifact(one) for one in linted],
        "results": [
            _result(finding, one, number, index)
            for number, one in enumerate(linted)
            for finding in one.findings
        ],
    }  # fmt: skip
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(rule: str) -> dict[str, Any]:
    """§3.49: its title, its page as help, the worst level it has."""
    wiki = shellcheck.wiki(rule)
    if wiki:
        told = f"ShellCheck's {rule}"
        return {"id": rule, "shortDescription": {"text": told}, "helpUri": wiki, "help": {"text": f"{told}: {wiki}"}}
    try:
        page = rules.page(rule)
    except KeyError:
        return {"id": rule, "shortDescription": {"text": rule}, "help": {"text": rule}}
    title, severity = heading(page)
    return {
        "id": rule,
        "shortDescription": {"text": title},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": _LEVELS.get(severity, "warning")},
    }


def heading(page: str) -> tuple[str, str]:
    """The title and the severity at the beginning of a rule's page."""
    first, _, rest = page.partition("\n")
    severity = next((line.partition(":")[2] for line in rest.splitlines() if line.startswith("Severity:")), "")
    return first.removeprefix("#").partition(":")[2].strip(), severity.strip()


def _artifact(linted: Linted) -> dict[str, Any]:
    """What was judged, with its verdict; SARIF has no place of its own for that."""
    review = linted.review
    return {
        "location": {"uri": uri(linted.file)},
        "hashes": {"sha-256": review.sha256},
        "properties": {
            "policy": review.policy,
            "interpreter": review.interpreter,
            "verdict": review.verdict,
            "reason": review.reason,
            "effects": describe(review.effects),
            "notes": list(linted.notes),
        },
    }


def _result(finding: Finding, linted: Linted, number: int, index: dict[str, int]) -> dict[str, Any]:
    place = {"uri": uri(linted.file), "index": number}
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[str(finding.severity)],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": {"artifactLocation": place, "region": region}}],
        "properties": {"severity": str(finding.severity)},
    }
    if finding.fix:
        source = Source(linted.text)
        change = {
            "artifactLocation": place,
            "replacements": [_replacement(edit, source) for edit in finding.fix],
        }
        result["fixes"] = [{"artifactChanges": [change]}]
    return result


def _replacement(edit: Edit, source: Source) -> dict[str, Any]:
    """§3.57: an insertion deletes an empty region."""
    line, column = source.place(edit.start)
    end_line, end_column = source.place(edit.end)
    return {
        "deletedRegion": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
        "insertedContent": {"text": edit.text},
    }


def uri(name: str) -> str:
    """A path as a URI reference: relative to where it was started, or with the scheme `file`."""
    if name in _UNNAMED:
        return _UNNAMED[name]
    quoted = quote(os.fsencode(name))  # a colon is quoted too: nothing before it can be taken for a scheme
    return f"file://{quoted}" if name.startswith("/") else quoted.removeprefix("./")
