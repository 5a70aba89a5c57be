"""Values that are split into words and matched against file names where that is not meant."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Expansion, Node, Script
from opsconsole.safety.review.shell.words import Word, span_of

Fix = list[tuple[Span, str]] | None
_MEANT = lazy(r"(?:.*_)?(?:OPTS?|OPTIONS?|FLAGS?|ARGS?|PARAMS?)\Z", re.IGNORECASE)


def _name(node: Node) -> str:
    name: str = node.get("Param", {}).get("Value", "")
    return name


def _is_list(node: Node) -> bool:
    index = (node.get("Index") or {}).get("Parts", [])
    return _name(node) in ("@", "*") or (len(index) == 1 and index[0].get("Value") in ("@", "*"))


def _word_of(one: Expansion) -> Word | None:
    if one.call is None:
        return None
    words = one.call.words
    place = bisect_right(words, one.span.start, key=lambda word: word.span.start) - 1
    return words[place] if place >= 0 and one.span.end <= words[place].span.end else None


def _quotes(script: Script, one: Expansion) -> Fix:
    if not reading.outside(one.node, one.span):
        return None
    text = script.slice(one.span)
    return [(one.span, f'"{text}"')] if text[:1] in ("$", "`") else None


def _split(script: Script) -> Iterator[tuple[Expansion, Call, Word]]:
    """Expansions in commands that are split, and may be more than a number."""
    for one in script.expansions:
        if one.quoted or not one.splitting or one.call is None:
            continue
        node = one.node
        kind = node["Type"]
        if kind == "ArithmExp" or node.get("Length") or _name(node) in ("#", "?", "$", "!", "-"):
            continue
        word = _word_of(one)
        if word is None or word is one.call.words[0] or word.numeric:
            continue
        yield one, one.call, word


@rule("unquoted-expansion", Severity.WARNING, "A value is split into words")
def unquoted(script: Script) -> Iterator[Finding]:
    for one, call, _ in _split(script):
        node = one.node
        if call.name in ("[", "test", "[[") or _is_list(node) or _MEANT.match(_name(node)):
            continue
        text = script.slice(one.span)
        message = (
            f"{text if len(text) < 40 else 'this'} becomes several words, or file names, where it holds blanks or *"
        )
        yield script.finding("unquoted-expansion", Severity.WARNING, message, one.span, _quotes(script, one))


@rule("test-unquoted", Severity.WARNING, "A test fails where a value is empty")
def test_unquoted(script: Script) -> Iterator[Finding]:
    for one, call, _ in _split(script):
        if call.name in ("[", "test") and not _is_list(one.node):
            message = f"where {script.slice(one.span)} is empty or has blanks, this test is an error or another test"
            yield script.finding("test-unquoted", Severity.WARNING, message, one.span, _quotes(script, one))


@rule("unquoted-list", Severity.WARNING, "The arguments are split anew")
def unquoted_list(script: Script) -> Iterator[Finding]:
    for one in script.expansions:
        if one.node["Type"] != "ParamExp" or not _is_list(one.node) or one.quoted or not one.splitting:
            continue
        if one.node.get("Length") or one.node.get("Excl"):
            continue
        text = script.slice(one.span)
        message = f'{text} splits arguments that have blanks: "$@" keeps each as it is'
        fix = _quotes(script, one)
        if fix is not None and text == "$*":
            fix = [(one.span, '"$@"')]
        yield script.finding("unquoted-list", Severity.WARNING, message, one.span, fix)


@rule("tilde-in-quotes", Severity.WARNING, "A quoted ~ is no home directory")
def tilde(script: Script) -> Iterator[Finding]:
    for call in script.calls:
        if call.name in ("echo", "printf", "grep", "sed", "awk", "logger"):
            continue
        for word in call.args:
            if word.quoted and not word.tilde and (word.prefix or word.text or "").startswith("~/"):
                yield _tilde(script, word)
    for one in script.assignments:
        value = one.value
        if value is not None and value.quoted and not value.tilde and (value.text or value.prefix).startswith("~/"):
            yield _tilde(script, value)


def _tilde(script: Script, word: Word) -> Finding:
    raw = script.slice(word.span)
    start = word.span.start + 1
    fix: Fix = [(Span(start, start + 1), "$HOME")] if raw.startswith('"~/') else None
    message = "between quotes ~ stays as it is: a folder called ~ is meant here"
    return script.finding("tilde-in-quotes", Severity.WARNING, message, word.span, fix)


@rule("find-unquoted-pattern", Severity.WARNING, "The shell expands a pattern that is meant for find")
def find_pattern(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "find"):
        for option, word in zip(call.args, call.args[1:], strict=False):
            if option.text in ("-name", "-iname", "-path", "-ipath", "-wholename") and word.glob:
                raw = script.slice(word.span)
                plain = re.fullmatch(r"[\w.*?/\[\]-]+", raw) is not None and not call.nested
                message = f"with a matching file in this folder find gets its name instead of {raw}"
                fix: Fix = [(word.span, f"'{raw}'")] if plain else None
                yield script.finding("find-unquoted-pattern", Severity.WARNING, message, word.span, fix)


_LISTERS = {
    "ls": ("for-ls", "file names with blanks come apart: a glob gives them whole"),
    "find": (
        "for-find",
        "file names with blanks come apart: use `find … -exec … {} +` or `find -print0 | while read -d ''`",
    ),
    "cat": ("for-cat", "this goes by words, not by lines, and expands *: use `while IFS= read -r line`"),
}


def _loops(script: Script, command: str) -> Iterator[Finding]:
    rule_id, message = _LISTERS[command]
    found = [call.span.start for call in reading.calls(script, command) if call.substituted]
    if not found:
        return
    for kind, node in script.nodes:
        if kind != "ForClause" or node["Loop"]["Type"] != "WordIter":
            continue
        for item in node["Loop"].get("Items", []):
            for part in item.get("Parts", []):
                span = span_of(part)
                if part["Type"] == "CmdSubst" and reading.holds(found, span):
                    fix = _plain_glob(script, part, span) if command == "ls" else None
                    yield script.finding(rule_id, Severity.WARNING, message, span, fix)


def _plain_glob(script: Script, part: Node, span: Span) -> Fix:
    """`$(ls *.log)` → `*.log`."""
    match = re.fullmatch(r"(?:\$\(|`)ls ([\w./*?-]*[*?][\w./*?-]*)(?:\)|`)", script.slice(span))
    return [(span, match[1])] if match and not match[1].startswith("-") else None


@rule("for-ls", Severity.WARNING, "A loop over the output of ls")
def for_ls(script: Script) -> Iterator[Finding]:
    yield from _loops(script, "ls")


@rule("for-find", Severity.WARNING, "A loop over the output of find")
def for_find(script: Script) -> Iterator[Finding]:
    yield from _loops(script, "find")


@rule("for-cat", Severity.WARNING, "A loop over the words of a file")
def for_cat(script: Script) -> Iterator[Finding]:
    yield from _loops(script, "cat")
