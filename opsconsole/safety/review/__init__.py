"""The review of a script: what it would do, what is wrong with it, and whether a policy lets it run.

`review` is pure but for the parser process and the look at whether a program named by its path belongs to root.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable

from opsconsole.safety.review.model import Edit, Effect, Finding, Judgement, Review, Severity, Source, Span, Verdict
from opsconsole.safety.review.site import Stamp, stamp

__all__ = ["Edit", "Effect", "Finding", "Judgement", "Review", "Severity", "Verdict", "review"]

_LANGUAGES = {
    "pwsh": "powershell",
    "powershell": "powershell",
    "python": "python",
    "python3": "python",
    "applescript": "applescript",
    "osascript": "applescript",
}
UNREAD = frozenset({"no-parse", "no-parser", "review-failed", "too-deep", "too-long"})
POLICIES = ("safe", "restricted", "standard", "elevated")


def review(
    script: str | bytes,
    interpreter: str = "bash",
    policy: str = "safe",
    *,
    allow: Iterable[str] = (),
    site: str | None = None,
    given: frozenset[str] = frozenset(),
) -> Review:
    """Judge `script` under `policy`. `allow`: catastrophic rules the operator takes upon himself, by id; `site`: the
    folder of a site's own commands; `given`: names of variables that the run's environment brings. The same bytes are
    judged once a process, while the site's commands are the same. Raises ValueError on an unknown policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"unknown policy {policy!r}: one of {', '.join(POLICIES)}")
    body = script.encode("utf-8", "surrogateescape") if isinstance(script, str) else bytes(script)
    judgement = _judge(body, interpreter, site, given if policy == "safe" else None, stamp(site))
    return _under(policy, judgement, interpreter, hashlib.sha256(body).hexdigest(), frozenset(allow))


@functools.lru_cache(maxsize=256)
def _judge(body: bytes, interpreter: str, site: str | None, given: frozenset[str] | None, stamped: Stamp) -> Judgement:
    """`stamped`: the site's commands as they are now; with others it is another judgement."""
    try:
        text = body.decode("utf-8")
        wrong = None
    except UnicodeDecodeError as error:
        # For the lint: bytes that are no UTF-8 stand in comments and messages; the proof is off either way.
        text, wrong = body.decode("latin-1"), error
    judgement = judge(text, interpreter, site=site, given=given)
    if wrong is not None:
        place = Span(wrong.start, wrong.start + 1)
        judgement.denials.append(
            Source(text).finding("not-utf8", Severity.ERROR, "the script is not UTF-8: it may read otherwise", place)
        )
    return judgement


def judge(text: str, interpreter: str, *, site: str | None = None, given: frozenset[str] | None = None) -> Judgement:
    """Findings, effects and denials of `text`, before any policy. Never raises for what the text holds."""
    if not text.strip():
        return Judgement()  # nothing to read, nothing to load for it
    from opsconsole.safety.review.shell.parser import DIALECTS

    language = _LANGUAGES.get(interpreter.rpartition("/")[2])
    if interpreter in DIALECTS or interpreter == "exec":
        return _shell(text, interpreter if interpreter in DIALECTS else "bash", site, given)
    try:
        return _other(text, language, interpreter, site)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a proof, it is not one
        found = Source(text).finding(
            "review-failed", Severity.ERROR, f"the review itself failed ({type(error).__name__}: {error})", Span(0, 0)
        )
        return Judgement(denials=[found], parsed=False)


def _shell(text: str, interpreter: str, site: str | None, given: frozenset[str] | None = None) -> Judgement:
    from opsconsole.safety.review import rules
    from opsconsole.safety.review.shell import read_script

    script = read_script(text, interpreter, site=site, given=given)
    script.judgement.findings += rules.lint(script)
    return script.judgement


def _other(text: str, language: str | None, interpreter: str, site: str | None) -> Judgement:
    def shell(inner: str, offset: int) -> Judgement:
        return _shell(inner, "sh", site)

    source = Source(text)
    if language == "powershell":
        from opsconsole.safety.review import powershell

        return powershell.judge(source, shell=shell)
    if language == "python":
        from opsconsole.safety.review import python

        return python.judge(source, shell=shell)
    if language == "applescript":
        from opsconsole.safety.review import applescript

        return applescript.judge(source, shell=shell)
    message = f"scripts for {interpreter or 'an unknown interpreter'} are not judged here: nothing is proven of them"
    return Judgement(denials=[source.finding("no-judge", Severity.ERROR, message, Span(0, 0))], parsed=True)


def _under(policy: str, judgement: Judgement, interpreter: str, sha256: str, allow: frozenset[str]) -> Review:
    findings = list(judgement.findings)
    verdict: Verdict = "allow"
    reason = ""
    unread = [found for found in judgement.denials if found.rule in UNREAD]
    catastrophic = [f for f in findings if f.severity is Severity.CATASTROPHIC and f.rule not in allow]
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if policy == "safe":
        findings += judgement.denials
        worst = sorted([*catastrophic, *judgement.denials], key=_place)
        if worst:
            verdict, reason = "refuse", _said(worst[0], "safe runs only what is proven to change nothing")
    else:
        if catastrophic:
            first = min(catastrophic, key=_place)
            verdict = "refuse"
            reason = _said(first, f"nothing runs this by accident; if you mean it: --allow {first.rule}")
        elif policy == "standard" and (errors or unread):
            verdict = "confirm"
            reason = _said(min([*errors, *unread], key=_place), "it runs with a confirmation (--yes)")
        elif policy == "restricted" and unread:
            verdict = "confirm"
            reason = _said(min(unread, key=_place), "it runs contained, with a confirmation (--yes)")
        elif policy == "elevated":
            verdict = "confirm"
            reason = "policy elevated needs a confirmation with a written reason (--yes --reason TEXT)"
        findings += unread
    return Review(
        verdict=verdict,
        policy=policy,
        interpreter=interpreter,
        sha256=sha256,
        reason=reason,
        findings=tuple(sorted(findings, key=_place)),
        effects=tuple(judgement.effects),
        parsed=judgement.parsed,
        notes=tuple(judgement.notes),
    )


def _place(finding: Finding) -> tuple[int, int, int]:
    return finding.line, finding.column, -finding.severity


def _said(finding: Finding, what: str) -> str:
    return f"line {finding.line}, column {finding.column}: {finding.message} [{finding.rule}]; {what}"
