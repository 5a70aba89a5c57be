"""Where findings, effects and denials of one PowerShell text are collected."""

from __future__ import annotations

from opsconsole.safety.review.model import Edit, Effect, Judgement, Severity, Source, Span
from opsconsole.safety.review.nested import Shell, absorb

NOT_PROVEN = "ps-not-proven"


class Report:
    """One report for one text. `shell` judges what is handed to bash; `nesting` counts PowerShell in PowerShell."""

    def __init__(self, source: Source, shell: Shell | None = None, nesting: int = 0) -> None:
        self.source = source
        self.shell = shell
        self.nesting = nesting
        self.judgement = Judgement()
        self._denied: set[tuple[int, str]] = set()

    def find(
        self, rule: str, severity: Severity, message: str, span: Span, fix: tuple[Edit, ...] | None = None
    ) -> None:
        self.judgement.findings.append(self.source.finding(rule, severity, message, span, fix))

    def deny(self, message: str, span: Span) -> None:
        """Once for each place and reason."""
        if (span.start, message) not in self._denied:
            self._denied.add((span.start, message))
            self.judgement.denials.append(self.source.finding(NOT_PROVEN, Severity.ERROR, message, span))

    def effect(self, kind: str, target: str | None, command: str, span: Span, detail: str | None = None) -> None:
        line, column = self.source.place(span.start)
        effect = Effect(kind, target, command, line, column, detail)
        if effect not in self.judgement.effects[-20:]:
            self.judgement.effects.append(effect)

    def merge(self, inner: Judgement, text: str, span: Span) -> None:
        """Takes in what was found in `text`, a program that stands at `span` (or is decoded from what stands there)."""
        absorb(self.judgement, inner, self.source, text, span)
