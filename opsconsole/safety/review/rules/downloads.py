"""Code that comes from elsewhere and is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script
from opsconsole.safety.review.shell.words import Word


@rule("download-and-run", Severity.CATASTROPHIC, "Runs what was just downloaded")
def download_and_run(script: Script) -> Iterator[Finding]:
    for pipeline in script.pipelines:
        fetched = False
        for call in pipeline.calls:
            if call is None:
                continue
            inner = reading.innermost(call)
            if reading.name_of(inner) in reading.DOWNLOADS:
                fetched = True
            elif fetched and _reads_program(inner):
                yield _found(script, inner, "what is downloaded is run unseen, even half of it")
    fetching = _starts(call for call in reading.calls(script, *reading.DOWNLOADS) if call.substituted)
    if not fetching:
        return
    for call in reading.calls(script, *reading.INTERPRETERS, "eval", "source", ".", "exec", "xargs"):
        given: list[Word] = [*call.args, *(one.word for one in call.redirects)]
        if any(_holds(word, fetching) for word in given):
            yield _found(script, call, f"`{reading.name_of(call)}` runs what is downloaded, unseen")


def _found(script: Script, call: Call, message: str) -> Finding:
    severity = Severity.CATASTROPHIC if reading.privileged(call) else Severity.ERROR
    if severity is Severity.CATASTROPHIC:
        message += ", as root"
    return script.finding("download-and-run", severity, message, call.span)


def _starts(calls: Iterable[Call]) -> list[int]:
    return sorted(call.span.start for call in calls)


def _holds(word: Word, starts: list[int]) -> bool:
    """Whether one of these calls stands in a substitution of this word."""
    return word.text is None and reading.holds(starts, word.span)


def _reads_program(call: Call) -> bool:
    """An interpreter that reads its program from its input."""
    name = reading.name_of(call)
    if name == "xargs":
        return False
    if name not in reading.INTERPRETERS:
        return name in ("source", ".") and any(word.text == "/dev/stdin" for word in call.args)
    if name in reading.SHELLS:
        given = reading.flags(call)
        if "c" in given:
            return False
        return "s" in given or all(word.text in ("-", "/dev/stdin") for word in reading.operands(call))
    programs = {"-c", "-e", "-m", "-n", "-p", "-ne", "-pe", "-lne", "-nle", "-r", "-E", "-V", "--version"}
    words = reading.texts(call)
    if any(text in programs or (text[:2] in ("-e", "-p", "-n") and len(text) > 2) for text in words):
        return False
    return all(word.text in ("-", "/dev/stdin") for word in reading.operands(call))


@rule("download-then-run", Severity.ERROR, "Runs a downloaded file that nothing has checked")
def download_then_run(script: Script) -> Iterator[Finding]:
    """An error where it came over plain http, else a warning; none where a checksum or signature is looked at."""
    if any(
        True for _ in reading.calls(script, "sha256sum", "sha512sum", "gpg", "gpgv", "cosign", "minisign", "shasum")
    ):
        return
    files: dict[str, bool] = {}
    for call in reading.calls(script, *reading.DOWNLOADS):
        words = reading.texts(call)
        plain = any(text.startswith("http://") for text in words)
        target = _target(call, words)
        if target:
            files[target] = plain
    if not files:
        return
    for call in script.calls:
        name = reading.name_of(call)
        head = call.words[0].text or ""
        ran = head if "/" in head else ""
        if name in reading.INTERPRETERS | {"source", "."}:
            first = next(iter(reading.operands(call)), None)
            ran = first.text or "" if first is not None else ""
        key = next((file for file in (ran, ran.removeprefix("./")) if file in files), None)
        if key:
            severity = Severity.ERROR if files[key] else Severity.WARNING
            how = "over plain http and " if files[key] else ""
            message = f"{ran} was downloaded {how}is run without a look at its checksum or signature"
            yield script.finding(
                "download-then-run", severity, message.replace("downloaded is", "downloaded and is"), call.span
            )


def _target(call: Call, words: list[str]) -> str | None:
    """The file that it is saved as."""
    options = ("-o", "--output", "-O", "--output-document") if call.name != "curl" else ("-o", "--output")
    for index, text in enumerate(words):
        if text in options and index + 1 < len(words) and not (call.name == "wget" and text == "-o"):
            return None if words[index + 1] == "-" else words[index + 1]
        if text.startswith(("--output=", "--output-document=")):
            return text.partition("=")[2]
        if call.name == "curl" and text.startswith("-") and not text.startswith("--") and text.endswith("o"):
            return words[index + 1] if index + 1 < len(words) else None
    saved = call.name == "wget" or "O" in reading.flags(call) or "--remote-name" in words
    url = next((text for text in words if "://" in text), "")
    return url.rpartition("/")[2].partition("?")[0] or None if saved else None


@rule("eval-input", Severity.WARNING, "Evaluates a text that is known only at run time")
def eval_input(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "eval"):
        known = ("ssh-agent", "dircolors", "brew", "direnv", "pyenv", "starship", "register-python", "getopt", "resize")
        if any(word.text is None for word in call.args) and not any(one in script.slice(call.span) for one in known):
            message = "a value that comes from outside becomes a command: use an array, or a case over what is allowed"
            yield script.finding("eval-input", Severity.WARNING, message, call.span)


@rule("decode-and-run", Severity.ERROR, "Runs a text that hides what it is")
def decode_and_run(script: Script) -> Iterator[Finding]:
    for pipeline in script.pipelines:
        hidden = False
        for call in pipeline.calls:
            if call is None:
                continue
            inner = reading.innermost(call)
            if _decodes(inner):
                hidden = True
            elif hidden and _reads_program(inner):
                message = "the program that is run here is encoded, so that nobody can read it"
                yield script.finding("decode-and-run", Severity.ERROR, message, pipeline.span)
    found = reading.calls(script, "base64", "xxd", "openssl")
    decoding = _starts(call for call in found if call.substituted and _decodes(call))
    for call in reading.calls(script, *reading.SHELLS, "eval", "source", ".") if decoding else ():
        if any(_holds(word, decoding) for word in call.args):
            message = "the program that is run here is encoded, so that nobody can read it"
            yield script.finding("decode-and-run", Severity.ERROR, message, call.span)


def _decodes(call: Call) -> bool:
    name, words = reading.name_of(call), reading.texts(call)
    if name == "base64":
        return bool(reading.flags(call) & {"d", "D", "--decode"})
    if name == "xxd":
        return "r" in reading.flags(call)
    return name == "openssl" and "-d" in words


_CONNECTS = frozenset({"nc", "ncat", "netcat", "socat", "telnet"})


@rule("reverse-shell", Severity.ERROR, "Gives a shell to another host")
def reverse_shell(script: Script) -> Iterator[Finding]:
    for redirect in script.redirects:
        target = redirect.word.shown
        if target.startswith(("/dev/tcp/", "/dev/udp/")):
            owner = reading.owner(script, redirect)
            if owner is not None and (reading.name_of(owner) in reading.SHELLS | {"exec"}):
                message = f"a shell or its input is joined to {target}"
                yield script.finding("reverse-shell", Severity.ERROR, message, redirect.span)
    for pipeline in script.pipelines:
        names = [reading.name_of(reading.innermost(call)) if call is not None else "" for call in pipeline.calls]
        for place, call in enumerate(pipeline.calls[1:], 1):
            if call is not None and names[place - 1] in _CONNECTS and _reads_program(reading.innermost(call)):
                message = "whoever is at the other end says what is run here"
                yield script.finding("reverse-shell", Severity.ERROR, message, pipeline.span)
    for call in reading.calls(script, "nc", "ncat", "netcat", "socat"):
        words = reading.texts(call)
        runs = bool(reading.flags(call) & {"e", "c", "--exec", "--sh-exec"}) if call.name != "socat" else False
        runs = runs or (call.name == "socat" and any(text.lower().startswith(("exec:", "system:")) for text in words))
        if runs:
            message = f"`{call.name}` hands a program on this host to whoever is at the other end"
            yield script.finding("reverse-shell", Severity.ERROR, message, call.span)
