"""Old spellings that have a better one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.network import after_name
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script
from opsconsole.safety.review.shell.words import span_of


def _renamed(script: Script, call: Call, text: str) -> list[tuple[Span, str]] | None:
    """The edit that replaces the command's name."""
    head = call.words[0]
    exact = not call.nested and head.text is not None and reading.in_place(script, head.span, head.text)
    return [(head.span, text)] if exact else None


@rule("backticks", Severity.INFO, "Backticks instead of $(…)")
def backticks(script: Script) -> Iterator[Finding]:
    for kind, node in script.nodes:
        if kind != "CmdSubst" or not node.get("Backquotes"):
            continue
        span = span_of(node)
        raw = script.slice(span)
        if raw[:1] != "`" or raw[-1:] != "`" or len(raw) < 2:
            continue
        fix = [(span, f"$({raw[1:-1]})")] if not set(raw[1:-1]) & set("\\`#") else None
        yield script.finding(
            "backticks", Severity.INFO, "`…` cannot be nested and changes backslashes: $(…)", span, fix
        )


@rule("old-arithmetic", Severity.INFO, "$[…] instead of $((…))")
def old_arithmetic(script: Script) -> Iterator[Finding]:
    for kind, node in script.nodes:
        if kind != "ArithmExp" or not node.get("Bracket"):
            continue
        span = span_of(node)
        raw = script.slice(span)
        if raw.startswith("$[") and raw.endswith("]"):
            message = "$[…] is undocumented and may go away: $((…))"
            yield script.finding("old-arithmetic", Severity.INFO, message, span, [(span, f"$(({raw[2:-1]}))")])


@rule("which", Severity.INFO, "which instead of command -v")
def which(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "which"):
        fix = _renamed(script, call, "command -v") if not call.via and not reading.flags(call) else None
        message = "`which` is no standard, and is not always installed: `command -v`"
        yield script.finding("which", Severity.INFO, message, call.words[0].span, fix)


@rule("echo-options", Severity.INFO, "echo with options or escapes")
def echo_options(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "echo"):
        first = call.args[0] if call.args else None
        if first is not None and first.text and re.fullmatch(r"-[neE]*[eE][neE]*", first.text):
            message = f"`echo {first.text}` is different in every shell: printf"
            yield script.finding("echo-options", Severity.INFO, message, call.span)


@rule("expr", Severity.INFO, "expr or let instead of $((…))")
def expr(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "expr"):
        words = reading.texts(call)
        if set(words) & {"+", "-", "*", "/", "%"}:
            yield script.finding("expr", Severity.INFO, "a process for each sum: $((…))", call.span)
    for kind, node in script.nodes:
        if kind == "LetClause" and script.slice(span_of(node)).startswith("let"):
            message = "words for `let` are split and matched against files: ((…))"
            yield script.finding("expr", Severity.INFO, message, span_of(node))


@rule("old-grep", Severity.INFO, "egrep and fgrep instead of grep -E and grep -F")
def old_grep(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "egrep", "fgrep"):
        better = "grep -E" if reading.name_of(call) == "egrep" else "grep -F"
        message = f"`{reading.name_of(call)}` prints a warning in new releases: {better}"
        fix = _renamed(script, call, better) if call.words[0].text in ("egrep", "fgrep") else None
        yield script.finding("old-grep", Severity.INFO, message, call.words[0].span, fix)


_OLD = {"ifconfig": "ip address", "route": "ip route", "netstat": "ss", "arp": "ip neighbour", "iwconfig": "iw",
        "brctl": "bridge", "nslookup": "dig or getent hosts"}  # fmt: skip


@rule("old-network-tools", Severity.INFO, "A network tool that is not installed any more")
def old_network_tools(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, *_OLD):
        name = reading.name_of(call)
        message = f"`{name}` is not there on new systems: {_OLD[name]}"
        yield script.finding("old-network-tools", Severity.INFO, message, call.words[0].span)


@rule("test-and-or", Severity.INFO, "-a or -o inside [ ]")
def test_and_or(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "[", "test"):
        for word in call.args[1:-1]:
            if word.text in ("-a", "-o") and not word.quoted:
                message = f"{word.text} reads values as operators: `[ … ] {'&&' if word.text == '-a' else '||'} [ … ]`"
                yield script.finding("test-and-or", Severity.INFO, message, word.span)


_ASKING = {"apt-get": ("install", "remove", "purge", "upgrade", "dist-upgrade", "autoremove", "full-upgrade"),
           "apt": ("install", "remove", "purge", "upgrade", "full-upgrade", "autoremove"),
           "yum": ("install", "remove", "update", "erase"), "dnf": ("install", "remove", "upgrade", "update"),
           "zypper": ("install", "in", "remove", "rm", "update", "up")}  # fmt: skip


@rule("asks-a-question", Severity.WARNING, "Waits for an answer that nobody gives")
def asks(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, *_ASKING):
        name = reading.name_of(call)
        given = reading.flags(call)
        verb = next((text for text in reading.texts(call) if not text.startswith("-")), "")
        answered = given & {
            "y",
            "--yes",
            "--assumeyes",
            "--assume-yes",
            "q",
            "--non-interactive",
            "n",
            "s",
            "--simulate",
            "--dry-run",
        }
        fed = call.pipeline is not None and call.pipeline.calls[0] is not call
        if verb in _ASKING[name] and not answered and not fed and not any(word.splits for word in call.args[:1]):
            option = " --non-interactive" if name == "zypper" else " -y"
            message = f"`{name} {verb}` asks before it acts, and a script has nobody to answer:{option}"
            yield script.finding(
                "asks-a-question", Severity.WARNING, message, call.span, after_name(script, call, option)
            )
