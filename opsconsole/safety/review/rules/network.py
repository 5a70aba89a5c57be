"""Calls over the network: how long they wait, whom they believe."""

from __future__ import annotations

from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script


def after_name(script: Script, call: Call, text: str) -> list[tuple[Span, str]] | None:
    """The edit that puts an option behind the command's name."""
    head = call.words[0]
    if head.text is None or not reading.in_place(script, head.span, head.text) or call.nested:
        return None
    return [(Span(head.span.end, head.span.end), text)]


_LIMITS: dict[str, tuple[frozenset[str], str]] = {
    "curl": (
        frozenset({"-m", "--max-time", "--connect-timeout", "-y", "--speed-time", "-K", "--config"}),
        " --max-time 30",
    ),
    "wget": (frozenset({"-T", "--timeout", "--connect-timeout", "--read-timeout"}), " --timeout=30"),
    "ssh": (frozenset({"ConnectTimeout"}), " -o ConnectTimeout=10"),
    "scp": (frozenset({"ConnectTimeout"}), " -o ConnectTimeout=10"),
    "nc": (frozenset({"-w", "-l", "-q"}), " -w 10"),
}


@rule("no-timeout", Severity.INFO, "A network call that may wait for ever")
def no_timeout(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, *_LIMITS):
        if "timeout" in call.via or any(word.splits and word.text is None for word in call.args):
            continue
        names, option = _LIMITS[call.name or "curl"] if call.name in _LIMITS else (frozenset(), "")
        words = reading.texts(call)
        if not option or any(text.startswith(("--help", "-V", "--version")) for text in words):
            continue
        short = {name[1] for name in names if len(name) == 2}
        given = any(text.partition("=")[0] in names for text in words)
        given |= any(text[:1] == "-" and text[1:2] != "-" and short & set(text[1:]) for text in words)
        if call.name in ("ssh", "scp"):
            given = any("connecttimeout" in text.lower() for text in words)
        if not given:
            message = f"`{call.name}` waits as long as the other side likes: give it a time limit"
            yield script.finding("no-timeout", Severity.INFO, message, call.span, after_name(script, call, option))


@rule("tls-unchecked", Severity.WARNING, "Certificates are not checked")
def tls_unchecked(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "curl", "wget", "pip", "pip3", "git", "npm", "helm", "kubectl", "apt-get", "apt"):
        for word in call.args:
            text = word.text or ""
            off = text in _TLS_OFF.get(call.name or "", ()) or text.startswith("--insecure-skip-tls-verify")
            if call.name == "curl" and text[:1] == "-" and text[1:2] != "-" and "k" in _curl_letters(text):
                off = True
            if off:
                message = f"with {text} anybody on the way can answer in the place of the server"
                alone = text in ("-k", "--insecure", "--no-check-certificate")
                exact = alone and reading.in_place(script, word.span, text) and not call.nested
                fix = (
                    [(Span(word.span.start - 1, word.span.end), "")]
                    if exact and _blank_before(script, word.span)
                    else None
                )
                yield script.finding("tls-unchecked", Severity.WARNING, message, word.span, fix)
    for one in script.assignments:
        value = one.value.text if one.value is not None else None
        if value and (one.name, value.lower()) in _TLS_VARIABLES:
            message = f"with {one.name}={value} anybody on the way can answer in the place of the server"
            yield script.finding("tls-unchecked", Severity.WARNING, message, one.span)


_TLS_OFF: dict[str, tuple[str, ...]] = {
    "curl": ("-k", "--insecure", "--proxy-insecure"),
    "wget": ("--no-check-certificate",),
    "pip": ("--trusted-host",),
    "pip3": ("--trusted-host",),
    "git": ("http.sslVerify=false", "http.sslverify=false"),
    "npm": ("--strict-ssl=false",),
    "apt-get": ("--allow-unauthenticated",),
    "apt": ("--allow-unauthenticated",),
}
_TLS_VARIABLES = {
    ("GIT_SSL_NO_VERIFY", "1"), ("GIT_SSL_NO_VERIFY", "true"), ("PYTHONHTTPSVERIFY", "0"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"), ("CURL_INSECURE", "1"),
}  # fmt: skip


def _curl_letters(text: str) -> str:
    """The letters of a cluster up to the first that takes a value."""
    letters = ""
    for letter in text[1:]:
        letters += letter
        if letter in "AbcCdDeEFHhKmoPQrtTuUwxXyYz":
            break
    return letters


def _blank_before(script: Script, span: Span) -> bool:
    return script.slice(Span(span.start - 1, span.start)) == " "


@rule("ssh-host-unchecked", Severity.WARNING, "The key of the other host is not checked")
def ssh_host(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "ssh", "scp", "sftp", "rsync", "ssh-keyscan", "sshpass"):
        for word in call.args:
            raw = script.slice(word.span)
            place = raw.lower().find("stricthostkeychecking=no")
            if place >= 0 and not raw[place + 24 : place + 25].isalpha():
                message = "whoever answers is believed to be that host: accept-new believes only the first time"
                start = word.span.start + len(raw[:place].encode()) + len("stricthostkeychecking=")
                fix = None if call.nested else [(Span(start, start + 2), "accept-new")]
                yield script.finding("ssh-host-unchecked", Severity.WARNING, message, word.span, fix)


@rule("ssh-eats-input", Severity.WARNING, "ssh reads what the loop was to read")
def ssh_input(script: Script) -> Iterator[Finding]:
    if not any(call.loop and call.tested for call in reading.calls(script, "read")):
        return
    for call in reading.calls(script, "ssh", "ffmpeg"):
        given = reading.flags(call)
        if not call.loop or any(one.op in ("<", "<<", "<<<") for one in call.redirects):
            continue
        option = "n" if call.name == "ssh" else "-nostdin"
        if option in given or (call.name == "ffmpeg" and "-nostdin" in reading.texts(call)):
            continue
        if call.pipeline is not None and call.pipeline.calls[0] is not call:
            continue
        message = f"`{call.name}` reads the rest of the list, so that the loop ends after one round"
        text = " -n" if call.name == "ssh" else " -nostdin"
        yield script.finding("ssh-eats-input", Severity.WARNING, message, call.span, after_name(script, call, text))


@rule("curl-no-fail", Severity.INFO, "curl takes an error page for success")
def curl_no_fail(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "curl"):
        given = reading.flags(call)
        letters = {letter for word in call.args if (word.text or "")[:1] == "-" and (word.text or "")[1:2] != "-"
                   for letter in _curl_letters(word.text or "")}  # fmt: skip
        kept = (
            "o" in letters
            or "O" in letters
            or "--output" in given
            or "--remote-name" in given
            or call.pipeline is not None
        )
        looks = {"--write-out", "--head", "--include", "--fail", "--fail-with-body"} & given or letters & set("fwIi")
        if kept and not looks:
            message = "a 404 or 500 counts as success, and the error page is taken for the file: give it -f"
            yield script.finding("curl-no-fail", Severity.INFO, message, call.span, after_name(script, call, " -f"))


@rule("plain-protocol", Severity.WARNING, "Speaks in the clear")
def plain_protocol(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "telnet", "rsh", "rlogin", "rcp", "ftp", "tftp"):
        if call.name == "telnet" and len(reading.operands(call)) > 1:
            continue  # a look whether a port answers
        message = f"`{call.name}` sends passwords and data readable for everybody on the way: use ssh or sftp"
        yield script.finding("plain-protocol", Severity.WARNING, message, call.span)
