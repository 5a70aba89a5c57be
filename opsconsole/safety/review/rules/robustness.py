"""Failures that go unseen, files in the wrong place, work that is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.network import after_name
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script
from opsconsole.safety.review.shell.words import span_of


def stops_at_errors(script: Script) -> bool:
    """`set -e` somewhere, or on the #! line."""
    if script.shebang and re.search(r"\s-\w*e", script.shebang):
        return True
    return any("e" in reading.flags(call) or "errexit" in reading.texts(call) for call in reading.calls(script, "set"))


def _has_pipefail(script: Script) -> bool:
    return any("pipefail" in reading.texts(call) for call in reading.calls(script, "set"))


@rule("no-strict-mode", Severity.INFO, "Goes on after a command that failed")
def no_strict_mode(script: Script) -> Iterator[Finding]:
    commands = sum(1 for call in script.calls if not call.nested and not call.via)
    if commands < 3 or stops_at_errors(script):
        return
    line = "set -eu" if script.dialect == "posix" else "set -euo pipefail"
    end = script.text.find("\n") + 1 if script.shebang is not None else 0
    if script.shebang is not None and not end:
        return
    place = reading.byte_span(script, end, end)
    message = f"after a failed command the next ones run as if nothing were: begin with `{line}`"
    yield script.finding("no-strict-mode", Severity.INFO, message, place, [(place, f"{line}\n")])


@rule("cd-unchecked", Severity.WARNING, "Goes on in the wrong folder where cd fails")
def cd_unchecked(script: Script) -> Iterator[Finding]:
    if stops_at_errors(script):
        return
    last = max((call.span.start for call in script.calls), default=0)
    for call in reading.calls(script, "cd", "pushd"):
        if call.tested or not call.args or call.pipeline is not None or call.span.start == last:
            continue
        leave = "return" if call.function else "exit"
        plain = not call.redirects and not call.nested and not call.background
        end = Span(call.span.end, call.span.end)
        message = "where this folder is missing, the rest works in another one"
        yield script.finding(
            "cd-unchecked", Severity.WARNING, message, call.span, [(end, f" || {leave}")] if plain else None
        )


_SHARED = lazy(r"/(?:var/)?tmp/[^/*?]+\Z")


@rule("fixed-temp-file", Severity.WARNING, "A file in /tmp whose name is known to everybody")
def fixed_temp(script: Script) -> Iterator[Finding]:
    message = "another account can make this name first, as a link to a file of yours: use mktemp"
    for redirect in script.redirects:
        name = "".join(reading.spellings(redirect.word)[:1])
        if redirect.op in (">", ">|", "&>", ">>") and _SHARED.match(name):
            yield script.finding("fixed-temp-file", Severity.WARNING, message, redirect.word.span)
    for call in reading.calls(script, "touch", "mkdir", "tee", "mkfifo"):
        for word in reading.operands(call):
            if _SHARED.match("".join(reading.spellings(word)[:1])):
                yield script.finding("fixed-temp-file", Severity.WARNING, message, word.span)


@rule("temp-not-removed", Severity.INFO, "A temporary file stays behind")
def temp_not_removed(script: Script) -> Iterator[Finding]:
    if any(True for _ in reading.calls(script, "trap")):
        return
    for call in reading.calls(script, "mktemp"):
        if call.substituted and not reading.flags(call) & {"u", "--dry-run"}:
            message = "when the script is stopped or fails this stays: add `trap 'rm -rf -- \"$name\"' EXIT`"
            yield script.finding("temp-not-removed", Severity.INFO, message, call.span)


@rule("parse-ls", Severity.INFO, "The output of ls is read by a program")
def parse_ls(script: Script) -> Iterator[Finding]:
    for pipeline in script.pipelines:
        for call, following in zip(pipeline.calls, pipeline.calls[1:], strict=False):
            if call is None or call.name != "ls":
                continue
            name = following.name if following is not None else "while"
            if name in ("grep", "egrep", "awk", "sed", "xargs", "while", "cut", "tr"):
                message = (
                    "ls shows names for people: blanks and line ends in them mislead a program; use a glob or find"
                )
                yield script.finding("parse-ls", Severity.INFO, message, call.span)


_WANT_INPUT = frozenset("grep egrep fgrep awk sed sort head tail wc cut tr uniq jq less rev tac".split())


@rule("useless-cat", Severity.INFO, "A cat that only hands on one file")
def useless_cat(script: Script) -> Iterator[Finding]:
    for pipeline in script.pipelines:
        if len(pipeline.calls) < 2:
            continue
        cat, following = pipeline.calls[0], pipeline.calls[1]
        if cat is None or following is None or cat.name != "cat" or following.name not in _WANT_INPUT:
            continue
        if len(cat.args) != 1 or cat.args[0].splits or cat.args[0].shown.startswith("-") or cat.redirects:
            continue
        word = cat.args[0]
        fix = None
        exact = not cat.nested and not following.redirects and not cat.via and not following.via and not cat.assignments
        between = script.slice(Span(cat.span.end, following.span.start))
        if exact and between.strip() == "|" and following.words[0].text is not None and not following.assignments:
            end = Span(following.span.end, following.span.end)
            fix = [(Span(cat.span.start, following.span.start), ""), (end, f" < {script.slice(word.span)}")]
        message = f"`{following.name}` can read the file itself"
        yield script.finding("useless-cat", Severity.INFO, message, cat.span, fix)


@rule("read-without-r", Severity.INFO, "read eats backslashes")
def read_without_r(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "read"):
        if "r" not in reading.flags(call):
            message = "without -r a backslash in the input is taken away"
            yield script.finding("read-without-r", Severity.INFO, message, call.span, after_name(script, call, " -r"))


_PRODUCERS = frozenset(
    "mysqldump mariadb-dump pg_dump pg_dumpall mongodump tar curl wget ssh rsync zfs btrfs dd xtrabackup gpg openssl "
    "docker kubectl restic borg cpio dump make".split()
)


@rule("unchecked-pipeline", Severity.WARNING, "The failure of a pipeline's beginning is not seen")
def unchecked_pipeline(script: Script) -> Iterator[Finding]:
    if script.dialect == "posix" or _has_pipefail(script) or "PIPESTATUS" in script.text:
        return
    for pipeline in script.pipelines:
        first = pipeline.calls[0]
        last = pipeline.calls[-1]
        if first is None or last is None:
            continue
        inner = reading.innermost(first)
        writes = bool(last.redirects) or reading.name_of(last) in ("tar", "tee", "psql", "mysql", "dd", "ssh")
        if inner.name in _PRODUCERS and writes:
            message = f"where `{inner.name}` fails, half a result counts as success: `set -o pipefail`"
            yield script.finding("unchecked-pipeline", Severity.WARNING, message, pipeline.span)


@rule("exit-code-range", Severity.WARNING, "An exit code that does not exist")
def exit_code(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "exit", "return"):
        for word in call.args[:1]:
            if word.text and re.fullmatch(r"-?\d+", word.text) and not 0 <= int(word.text) <= 255:
                message = f"only the lowest 8 bits arrive: {word.text} becomes {int(word.text) % 256}"
                yield script.finding("exit-code-range", Severity.WARNING, message, word.span)


@rule("masked-status", Severity.WARNING, "A declaration hides the failure of its command")
def masked_status(script: Script) -> Iterator[Finding]:
    for kind, node in script.nodes:
        if kind != "DeclClause":
            continue
        variant = node["Variant"]["Value"]
        arguments = node.get("Args", [])
        named = [one for one in arguments if "Name" in one]
        for one in named:
            parts = (one.get("Value") or {}).get("Parts", [])
            inner = parts[0].get("Parts", []) if len(parts) == 1 and parts[0]["Type"] == "DblQuoted" else parts
            span = span_of(one)
            name = one["Name"]["Value"]
            if not any(part["Type"] == "CmdSubst" for part in inner) or not script.slice(span).startswith(name):
                continue
            fix = None
            if len(arguments) == 1 and variant in ("local", "export") and not one.get("Append"):
                end = span.start + len(name)
                fix = [(Span(end, end), f"; {name}")]
            message = f"the status is that of `{variant}`, always 0: declare first, then assign"
            yield script.finding("masked-status", Severity.WARNING, message, span, fix)


@rule("status-test", Severity.INFO, "Looks at $? instead of at the command")
def status_test(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "[", "test"):
        if call.args and script.slice(call.args[0].span).strip('"') in ("$?", "${?}"):
            message = "any command in between changes $?: write `if command; then`"
            yield script.finding("status-test", Severity.INFO, message, call.span)


@rule("clobber-input", Severity.ERROR, "Empties the file that it reads")
def clobber_input(script: Script) -> Iterator[Finding]:
    if any(True for _ in reading.calls(script, "mkfifo", "mknod")):
        return
    for call in script.calls:
        if call.inner is not None or call.name in ("echo", "printf", ":", "tee", "[", "test", "cd", "rm", "exec"):
            continue
        for redirect in call.redirects:
            target = script.slice(redirect.word.span)
            if redirect.op not in (">", ">|") or target.startswith("/dev/") or redirect.fd == "2":
                continue
            if any(target in _read_by(script, one) for one in _joined(call)):
                message = f"the shell empties {target} before `{call.name or 'the command'}` reads it"
                yield script.finding("clobber-input", Severity.ERROR, message, redirect.span)


_READERS = frozenset(
    "cat grep egrep sed awk sort uniq head tail cut tr jq rev tac fold nl paste column iconv envsubst".split()
)


def _joined(call: Call) -> list[Call]:
    return [one for one in call.pipeline.calls if one is not None] if call.pipeline is not None else [call]


def _read_by(script: Script, call: Call) -> set[str]:
    """How the files that it reads are spelled."""
    files = {script.slice(one.word.span) for one in call.redirects if one.op == "<"}
    if call.name in _READERS:
        skip = 1 if call.name in ("grep", "egrep", "sed", "awk", "jq", "tr") else 0
        files |= {script.slice(word.span) for word in reading.operands(call)[skip:]}
    return files
