"""The judge of PowerShell: a tree-sitter tree, walked by an explicit table of node types.

What is not in the table, what the grammar cannot read, and what the catalogue does not declare is not proven to
change nothing. It never runs anything and needs no PowerShell.
"""

from __future__ import annotations

from opsconsole.safety.review.model import Judgement, Source, Span
from opsconsole.safety.review.nested import Shell
from opsconsole.safety.review.powershell.grammar import HOW_TO_INSTALL, GrammarMissing, Script
from opsconsole.safety.review.powershell.report import Report
from opsconsole.safety.review.powershell.walk import Walk

LARGEST = 512 * 1024
"""Characters. A longer text is not read."""


def judge(source: Source, shell: Shell | None = None, nesting: int = 0) -> Judgement:
    """Lint, effects, and the reasons why it is not proven to change nothing.

    `shell` judges what is handed to bash or sh (its text, and the offset of it in the script); `nesting` counts
    PowerShell programs inside each other. Never raises for any text.
    """
    report = Report(source, shell, nesting)
    start = Span(0, min(1, len(source.text)))
    if len(source.text) > LARGEST:
        report.judgement.parsed = False
        report.deny(f"the script is longer than {LARGEST} characters", start)
        return report.judgement
    try:
        script = Script(source.text)
    except GrammarMissing:
        report.judgement.parsed = False
        report.deny(f"PowerShell cannot be read here: the parser is not installed ({HOW_TO_INSTALL})", start)
        return report.judgement
    Walk(script, report, judge).run()
    for found in (report.judgement.findings, report.judgement.denials):
        found.sort(key=lambda finding: (finding.start, finding.rule))
    return report.judgement
