"""`opsconsole lint`: what scripts do, what is wrong with them, and whether a policy would let them run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics, output
from opsconsole.cli.arguments import Parser
from opsconsole.errors import ConsoleError, NotRunnable, OpsError, UsageError
from opsconsole.settings import Settings, load_settings

if TYPE_CHECKING:
    from opsconsole.cli.lint_fixes import Fixed
    from opsconsole.cli.lint_formats import Linted, Redact
    from opsconsole.cli.lint_sources import Script
    from opsconsole.safety.review.model import Finding

REFUSED = 1
_POLICIES = ("safe", "restricted", "standard", "elevated")
_SEVERITIES = ("info", "warning", "error", "catastrophic")
_EXAMPLES = (
    ("opsconsole lint deploy.sh", "what it does, its findings, and whether standard lets it run"),
    ("opsconsole lint scripts/ --policy safe", "every script of a folder, judged for safe"),
    ("opsconsole lint -c 'rm -rf \"$dir\"/' --severity error", "a text, only what is serious"),
    ("opsconsole lint - --format json < deploy.sh", "stdin, as JSON"),
    ("opsconsole lint scripts/ --format sarif > lint.sarif", "for a code host"),
    ("opsconsole lint deploy.sh --fix", "make the changes that findings propose"),
    ("opsconsole lint --explain py-os-system", "the page of a rule; --list-rules names them all"),
)


def build() -> Parser:
    parser = Parser(
        "opsconsole lint",
        "What scripts do, what is wrong with them, and whether a policy would let them run. Runs nothing.\n"
        "Exit code 0 when none is refused, 1 when one is, 2 when one cannot be read.",
        _EXAMPLES,
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="scripts, folders with scripts, or - for stdin")
    add("-c", action="append", default=[], metavar="TEXT", dest="texts", help="a script's text; may be repeated")
    add("--policy", choices=_POLICIES, default="standard", help="the policy it is judged for (default: standard)")
    add("--interpreter", metavar="NAME", help="bash, sh, python, powershell or applescript (default: by shebang, name)")
    add("--format", choices=("text", "json", "sarif"), default="text", help="for people, one JSON list, SARIF 2.1.0")
    add("--severity", choices=_SEVERITIES, default="info", help="findings from this severity on (default: info)")
    add("--fix", action="store_true", help="make the proposed changes in the files; of stdin, the new text is printed")
    add("--no-shellcheck", action="store_true", help="without ShellCheck's findings")
    add("--explain", metavar="RULE", help="the page of a rule")
    add("--list-rules", action="store_true", help="every rule with its severity")
    add("-v", "--verbose", action="store_true", help="say what is left out, and why")
    parser.set_defaults(arguments=[])  # files after --, whatever they are called
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises UsageError, SettingsError."""
    if options.explain is not None or options.list_rules:
        from opsconsole.cli import lint_rules

        if options.explain is not None:
            lint_rules.explain(options.explain)
        else:
            lint_rules.show_all(json=options.format == "json")
        return 0
    return _Linter(options, load_settings()).run()


class _Linter:
    """One call of the command."""

    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        from opsconsole.cli import lint_sources
        from opsconsole.execution import interpreters

        self._options = options
        self._settings = settings
        self._redact = _redact(settings)
        self._failures: list[OpsError] = []
        self._names, self._texts = lint_sources.given([*options.files, *options.arguments], options.texts)
        if not self._names and not self._texts:
            raise UsageError("nothing to lint: no FILE and no -c", hint="`opsconsole lint --help` shows how it is used")
        interpreters.choose(options.interpreter, b"", None, settings.execution.shell)  # a wrong name is said at once
        self._to_stdout = options.fix and (bool(self._texts) or lint_sources.STDIN in self._names)
        if self._to_stdout and (len(self._names) + len(self._texts) > 1 or options.format != "text"):
            raise UsageError("--fix prints the new text of stdin or -c: it has to be the only script, as text")

    def run(self) -> int:
        linted = []
        for script in self._scripts():
            try:
                one = self._lint(script)
            except NotRunnable as error:
                self._failed(error)
                continue
            linted.append(one)
            if self._options.format == "text" and not self._to_stdout:
                output.text(self._for_people(one))
        self._finish(linted)
        if self._failures:
            return diagnostics.USAGE
        return REFUSED if any(one.review.verdict == "refuse" for one in linted) else 0

    def _scripts(self) -> Iterator[Script]:
        from opsconsole.cli import lint_sources

        yield from self._texts
        for name in self._names:
            for path in lint_sources.expand(name, self._skipped, any_language=bool(self._options.interpreter)):
                try:
                    yield lint_sources.read(path)
                except NotRunnable as error:
                    self._failed(error)

    def _skipped(self, path: str, why: str) -> None:
        if self._options.verbose:
            diagnostics.tell(f"{path}: left out: {why}")

    def _failed(self, error: OpsError) -> None:
        self._failures.append(error)
        diagnostics.report(error)

    def _lint(self, script: Script) -> Linted:
        """Raises InterpreterMissing."""
        if not self._options.fix:
            return self._judge(script).without_secrets(self._redact)
        fixed = self._fix(script)
        if fixed is None:
            return self._judge(script).without_secrets(self._redact)
        body = fixed.text.encode()
        if self._to_stdout:
            output.write(body)
        return self._judge(replace(script, body=body)).without_secrets(self._redact)

    def _judge(self, script: Script) -> Linted:
        """Raises InterpreterMissing."""
        from opsconsole.cli.lint_formats import Linted
        from opsconsole.execution import interpreters, judging
        from opsconsole.safety.review import review, shellcheck

        options = self._options
        try:
            choice = interpreters.choose(options.interpreter, script.body, script.path, self._settings.execution.shell)
        except OpsError as error:
            raise type(error)(f"{script.name}: {error.message}", hint=error.hint) from error
        text = script.text()
        judged = review(script.body, choice.name, options.policy, site=judging.site_folder())
        remarks = shellcheck.Remarks() if options.no_shellcheck else shellcheck.remarks(text, choice.name)
        least = _SEVERITIES.index(options.severity)
        findings = [one for one in shellcheck.merge(judged.findings, remarks.findings) if one.severity >= least]
        unsaid = not remarks.note or (remarks.note == shellcheck.MISSING and not options.verbose)
        notes = judged.notes if unsaid else (*judged.notes, remarks.note)
        return Linted(script.name, text, judged, tuple(findings), notes)

    # -- the ways out

    def _for_people(self, linted: Linted) -> str:
        from opsconsole.cli.lint_formats import People

        width = min((output.stdout.columns() or 140) - 5, 200)
        return People(self._redact, output.stdout.colours, max(width, 40)).show(linted)

    def _finish(self, linted: Sequence[Linted]) -> None:
        if self._options.format == "json":
            from opsconsole.cli.lint_formats import as_json

            output.text(as_json(linted))
        elif self._options.format == "sarif":
            from opsconsole.cli.lint_sarif import as_sarif

            output.text(as_sarif(linted, self._failures))

    # -- fixes

    def _fix(self, script: Script) -> Fixed | None:
        """What came of it, written already; None where the script is as it was."""
        from opsconsole.cli import lint_fixes

        try:
            text = script.body.decode()
        except UnicodeDecodeError:
            diagnostics.tell(f"{script.name}: not fixed: it is not UTF-8")
            return None
        first = self._judge(script)
        fixed = lint_fixes.fix(text, lambda changed: self._findings(script, changed, first))
        if script.path is not None and fixed.done:
            try:
                lint_fixes.replace(script.path, script.body, fixed.text.encode())
            except ConsoleError as error:
                self._failed(error)
                return None
        for finding in fixed.done:
            told = (
                f"{script.name}:{finding.line}:{finding.column}: fixed {finding.rule}: {self._redact(finding.message)}"
            )
            if self._options.format == "text" and not self._to_stdout:
                output.text(diagnostics.harmless(told) + "\n")
            else:
                diagnostics.tell(told)
        return fixed

    def _findings(self, script: Script, changed: str, first: Linted) -> tuple[Sequence[Finding], bool]:
        same = changed == first.text
        judged = first if same else self._judge(replace(script, body=changed.encode()))
        return judged.findings, judged.review.parsed


def _redact(settings: Settings) -> Redact:
    """Takes out the secrets of this environment and what looks like one; the rest can be said and encoded."""
    from opsconsole.cli.lint_formats import well_formed
    from opsconsole.safety.redact import Redaction

    redaction = Redaction.of(os.environ, settings.redaction)
    return lambda text: well_formed(redaction.text(text))
