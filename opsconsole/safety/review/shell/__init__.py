"""Shell scripts: parsed by mvdan/sh, walked node by node, every command judged by the catalogue."""

from __future__ import annotations

from opsconsole.safety.review.model import Severity, Span
from opsconsole.safety.review.shell import commands, parser
from opsconsole.safety.review.shell.catalogue import catalogue
from opsconsole.safety.review.shell.facts import Script
from opsconsole.safety.review.shell.walk import Walk

MAX_CHARACTERS = 2_000_000
MAX_NESTING = 200  # the parser needs seconds for a thousand


def read_script(
    text: str, interpreter: str = "bash", *, site: str | None = None, given: frozenset[str] | None = None
) -> Script:
    """Parse and walk; never raises. What cannot be read is a denial, and `judgement.parsed` is False.

    `given`: the names of all variables that come from outside; None: any may.
    """
    dialect = parser.DIALECTS.get(interpreter, "bash")
    script = Script(text, dialect, text.partition("\n")[0].rstrip("\r") if text.startswith("#!") else None)
    script.given = given
    judgement = script.judgement
    known = catalogue(site)
    judgement.notes += known.notes
    parsed = text
    if wrong := commands.bad_characters(text):
        found = commands._BAD.search(text)
        at = found.start() if found else 0
        judgement.denials.append(script.source.finding("control-characters", Severity.ERROR, wrong, Span(at, at + 1)))
        # What can be said of the rest is still said. The parser knows CR LF: a here-document ends where it is meant to.
        parsed = "\r\n".join(commands._BAD.sub(" ", line) for line in text.split("\r\n"))
        text = script.text = commands._BAD.sub(" ", text)
        script.source = type(script.source)(text)
    if len(text) > MAX_CHARACTERS:
        return _unread(script, "too-long", f"the script has more than {MAX_CHARACTERS} characters", Span(0, 0))
    if _nesting(text) > MAX_NESTING:
        return _unread(script, "too-deep", f"parentheses are nested deeper than {MAX_NESTING} levels", Span(0, 0))
    try:
        script.tree = parser.parse(parsed, dialect)
    except parser.ParserMissing as error:
        judgement.notes.append(str(error))
        return _unread(script, "no-parser", str(error), Span(0, 0))
    except parser.ParseError as error:
        line = min(error.line, len(script.source.starts))
        start = min(script.source.starts[line - 1] + error.column - 1, len(text))
        return _unread(script, "no-parse", f"this is not a script that can be parsed: {error}", Span(start, start))
    except (RecursionError, ValueError, MemoryError) as error:
        return _unread(script, "no-parse", f"the parser's answer cannot be read ({type(error).__name__})", Span(0, 0))
    try:
        Walk(script, known).file(script.tree)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a proof, it is not one
        _unread(script, "review-failed", f"the review itself failed ({type(error).__name__}: {error})", Span(0, 0))
    return script


def _nesting(text: str) -> int:
    """How deep round brackets go, quoted ones too: a bound for what the parser is given."""
    deepest = depth = 0
    for character in text:
        if character == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif character == ")" and depth:
            depth -= 1
    return deepest


def _unread(script: Script, rule: str, message: str, span: Span) -> Script:
    script.judgement.parsed = False
    script.judgement.denials.append(script.source.finding(rule, Severity.ERROR, message, span))
    return script
