"""What `opsconsole lint` says, for people and as JSON. SARIF is `lint_sarif`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from opsconsole.cli.diagnostics import harmless
from opsconsole.cli.lint_excerpt import Excerpts
from opsconsole.cli.lint_fixes import apply
from opsconsole.safety.review.model import Effect, Finding, Review, describe
from opsconsole.safety.review.shellcheck import ONLY_ADVICE, errors_beside

Redact = Callable[[str], str]

_SURROGATES = re.compile("[\ud800-\udfff]")

_SEVERITY_COLOURS = {"info": "36", "warning": "33", "error": "31", "catastrophic": "1;31"}
_VERDICT_COLOURS = {"allow": "32", "confirm": "33", "refuse": "31"}
_LONG = 2000
_WORDS = {"allow": "would run", "confirm": "needs a confirmation", "refuse": "refused"}


@dataclass(frozen=True, slots=True)
class Linted:
    """One script with its review. `findings` are those to show: ShellCheck's too, by place. `text` is the script's."""

    file: str
    text: str
    review: Review
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def without_secrets(self, redact: Redact) -> Linted:
        """The same without secrets in what is said about it; a fix that would have shown one is left out.

        The text stays as it is: whoever shows a line of it takes the secrets out.
        """
        review = replace(
            self.review,
            reason=redact(self.review.reason),
            effects=tuple(_clean_effect(effect, redact) for effect in self.review.effects),
        )
        findings = tuple(_clean_finding(finding, redact) for finding in self.findings)
        return replace(self, review=review, findings=findings, notes=tuple(map(redact, self.notes)))

    def to_json(self) -> dict[str, Any]:
        return {
            "file": well_formed(self.file),
            "policy": self.review.policy,
            "interpreter": self.review.interpreter,
            "verdict": self.review.verdict,
            "reason": self.review.reason or None,
            "parsed": self.review.parsed,
            "sha256": self.review.sha256,
            "findings": [finding.to_json() for finding in self.findings],
            "effects": [effect.to_json() for effect in self.review.effects],
            "summary": describe(self.review.effects),
            "notes": list(self.notes),
        }


def well_formed(name: str) -> str:
    """Text as JSON can carry it: what stands for bytes that are no UTF-8 becomes U+FFFD."""
    return _SURROGATES.sub("\ufffd", name)


def _clean_finding(finding: Finding, redact: Redact) -> Finding:
    fix = finding.fix
    if fix is not None and any(redact(edit.text) != edit.text for edit in fix):
        fix = None
    return replace(finding, message=redact(finding.message), fix=fix)


def _clean_effect(effect: Effect, redact: Redact) -> Effect:
    target, detail = effect.target, effect.detail
    return replace(
        effect,
        command=redact(effect.command),
        target=target and redact(target),
        detail=detail and redact(detail),
    )


def as_json(linted: Iterable[Linted]) -> str:
    """One list; ASCII only, so nothing hides in it."""
    return json.dumps([one.to_json() for one in linted], indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class People:
    """How people get it: with colours or not, at most about `width` cells of a line of the script."""

    redact: Redact
    colours: bool = False
    width: int = 120

    def show(self, linted: Linted) -> str:
        excerpts = Excerpts(linted.text, self.redact)
        file = harmless(linted.file)
        parts = [self._finding(file, finding, linted.text, excerpts) for finding in linted.findings]
        summary = describe(linted.review.effects)
        if summary:
            parts.append(f"{file}: does: {harmless(', '.join(summary))}\n")
        parts += [f"{file}: note: {harmless(note)}\n" for note in linted.notes]
        if linted.review.verdict == "allow" and errors_beside(linted.findings):
            parts.append(f"{file}: note: {ONLY_ADVICE}\n")
        parts.append(self._verdict(file, linted.review))
        return "".join(parts)

    def _finding(self, file: str, finding: Finding, text: str, excerpts: Excerpts) -> str:
        severity = self._coloured(str(finding.severity), _SEVERITY_COLOURS[str(finding.severity)])
        said = f"{file}:{finding.line}:{finding.column}: {severity} {finding.rule}: {harmless(finding.message)}\n"
        line, carets = excerpts.show(finding, self.width)
        if line.strip():
            said += f"    {line}\n    {self._coloured(carets, '1')}\n"
        if finding.fix:
            said += f"    fix: {self._fix(finding, text)}\n"
        return said

    def _fix(self, finding: Finding, text: str) -> str:
        """The line as it would be, where it stays one line; else how much is changed."""
        edits = finding.fix or ()
        start = text.rfind("\n", 0, edits[0].start) + 1
        end = text.find("\n", max(edit.end for edit in edits))
        end = len(text) if end < 0 else end
        moved = [replace(edit, start=edit.start - start, end=edit.end - start) for edit in edits]
        within = text[start:end]
        if any(edit.start < 0 for edit in moved) or "\n" in within or len(within) > _LONG:
            return f"{len(edits)} changes (--fix makes them)"
        line = self.redact(apply(within, moved)).strip().replace("\n", " ⏎ ").replace("\t", " ")
        return harmless(line) or "remove the line"

    def _verdict(self, file: str, review: Review) -> str:
        verdict = self._coloured(review.verdict, _VERDICT_COLOURS[review.verdict])
        why = f": {harmless(review.reason)}" if review.reason else ""
        return f"{file}: {verdict}: {_WORDS[review.verdict]} under policy {review.policy}{why}\n"

    def _coloured(self, words: str, colour: str) -> str:
        return f"\x1b[{colour}m{words}\x1b[0m" if self.colours else words
