"""Secrets that stand in the text: in every copy of the script, in every list of processes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import zip_longest
from weakref import WeakKeyDictionary

from opsconsole.safety.redact import rule_set
from opsconsole.safety.redaction.names import looks_secret
from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Script

_found: WeakKeyDictionary[Script, list[tuple[Span, str]]] = WeakKeyDictionary()
_SCHEMES = frozenset({"bearer", "basic", "token", "digest", "negotiate"})  # the credentials come from a variable
_PASSWORDS = frozenset({"password", "secret"})


def _known(script: Script) -> list[tuple[Span, str]]:
    """What the rules of redaction find in the text, with their names."""
    if script not in _found:
        data = script.text.encode("utf-8", "surrogateescape")
        _found[script] = [(Span(one[0], one[1]), str(one[2])) for one in rule_set().spans(data)]
    return _found[script]


def _report(script: Script, rule_id: str, message: str, kind: str) -> Iterator[Finding]:
    for span, name in _known(script):
        if _kind(name) == kind:
            text = script.slice(span)
            if not text.startswith(("<", "[")) and "$" not in text and text.lower() not in _SCHEMES:
                yield script.finding(rule_id, Severity.WARNING, message.format(name), span)


def _kind(name: str) -> str:
    if name == "option":
        return "option"
    if name in ("url-password", "url-token"):
        return "url"
    if name in ("authorization", "bearer-token", "cookie"):
        return "header"
    return "assignment" if name in _PASSWORDS else "token"


@rule("token-in-text", Severity.WARNING, "A key or token stands in the script")
def token(script: Script) -> Iterator[Finding]:
    yield from _report(script, "token-in-text", "this looks like a {}: whoever reads the script can use it", "token")


@rule("password-in-option", Severity.WARNING, "A password on a command line")
def option(script: Script) -> Iterator[Finding]:
    message = "every account on the host sees this in the list of processes: give it in a file or by the environment"
    told: list[Span] = []
    for call in reading.calls(
        script, "mysql", "mysqldump", "mysqladmin", "mariadb", "sshpass", "curl", "useradd", "openssl"
    ):
        for word, following in zip_longest(call.args, call.args[1:]):
            text = word.text or ""
            value = following.text or "" if following is not None else ""
            name = call.name or ""
            glued = name.startswith(("mysql", "mariadb", "sshpass")) and re.match(r"-p.", text)
            apart = (name == "sshpass" and text == "-p" and value) or (
                name == "curl" and text in ("-u", "--user") and re.match(r"[^:]+:.", value)
            )
            if glued or re.match(r"--pass(?:word)?=.", text):
                told.append(word.span)
            elif apart and following is not None:
                told.append(following.span)
    for span in told:
        yield script.finding("password-in-option", Severity.WARNING, message, span)
    around = sorted((script.span(span) for span in told), key=lambda span: span.start)
    for finding in _report(script, "password-in-option", message, "option"):
        if not _inside(around, finding.start, finding.end):
            yield finding


def _inside(spans: list[Span], start: int, end: int) -> bool:
    """Whether one of these spans, which are in order and apart, has all of it."""
    place = bisect_right(spans, start, key=lambda span: span.start) - 1
    return place >= 0 and end <= spans[place].end


@rule("url-with-password", Severity.WARNING, "A password in an address")
def url(script: Script) -> Iterator[Finding]:
    message = "addresses end up in logs and in the list of processes: use a .netrc or a credential helper"
    yield from _report(script, "url-with-password", message, "url")


@rule("authorization-in-text", Severity.WARNING, "A header with credentials in the script")
def header(script: Script) -> Iterator[Finding]:
    message = "whoever reads the script can use this: read the header from a file (`curl -H @file`)"
    yield from _report(script, "authorization-in-text", message, "header")


_PEM = lazy(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")


@rule("private-key-in-text", Severity.WARNING, "A private key stands in the script")
def private_key(script: Script) -> Iterator[Finding]:
    for match in _PEM.finditer(script.text):
        if re.match(r"\s*[\\n]*\s*[A-Za-z0-9+/=:]{16}", script.text[match.end() : match.end() + 80]):
            place = reading.byte_span(script, match.start(), match.end())
            message = "a private key belongs in a file that only its owner can read"
            yield script.finding("private-key-in-text", Severity.WARNING, message, place)


_PLACEHOLDER = lazy(
    r"(?:changeme|example|placeholder|xxx+|\*+|<.*>|\.\.\.|your[-_ ].*|todo|none|null|true|false|yes|no|\d{1,3}|/.*|~.*"
    r"|[A-Z_]+_(?:FILE|PATH))\Z",
    re.IGNORECASE,
)


@rule("password-in-text", Severity.WARNING, "A password is assigned in the script")
def password(script: Script) -> Iterator[Finding]:
    message = "{} is written here for everybody who reads the script: read it from a file, a vault or the environment"
    told: list[Span] = []
    for one in script.assignments:
        value = one.value
        if value is None or not value.text or not looks_secret(one.name) or _PLACEHOLDER.match(value.text):
            continue
        told.append(one.span)
        yield script.finding("password-in-text", Severity.WARNING, message.format(one.name), one.span)
    told.sort(key=lambda span: span.start)
    for span, name in _known(script):
        text = script.slice(span)
        inside = _inside(told, span.start, span.end)
        if _kind(name) == "assignment" and not inside and not text.startswith("$") and not _PLACEHOLDER.match(text):
            yield script.finding("password-in-text", Severity.WARNING, message.format("a secret"), span)
