"""Files with credentials whose content leaves the host."""

from __future__ import annotations

from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script
from opsconsole.safety.review.shell.secrets import why_hidden
from opsconsole.safety.review.shell.words import Word

_KEYS = frozenset({"the password file", "a private key"})
_KINDS = _KEYS | {"a person's credential", "another program's environment"}
_PUBLIC = (".pub", "cert.pem", "chain.pem", ".crt", ".csr")
_EMITS = frozenset(
    """
    cat tac head tail nl rev less more strings base64 base32 xxd od hexdump gzip bzip2 xz zstd tar cpio zip
    grep egrep fgrep zgrep awk gawk mawk sed cut sort uniq tr dd jq zcat
""".split()
)
"""What they are given to read comes out of them, perhaps in another form."""
_OPEN = frozenset({"nc", "ncat", "netcat", "socat", "telnet", "ftp", "tftp", "mail", "mailx", "sendmail", "mutt"})
"""What they read goes to whoever is at the other end."""
_COPIES = frozenset({"scp", "rsync", "aws", "gsutil", "rclone"})
_UPLOADS = frozenset({"-T", "--upload-file", "--post-file", "--body-file"})
_BODIES = frozenset(
    {"-d", "--data", "--data-binary", "--data-raw", "--data-ascii", "--data-urlencode", "-F", "--form", "--json"}
)
_IDENTIFIES = frozenset({"-H", "--header", "-u", "--user", "-b", "--cookie", "--oauth2-bearer"})
_LOGS_IN = frozenset({"-i", "-F", "-e", "-o", "--rsh", "--password-file"})
_INPUT = frozenset({"-", "/dev/stdin", "."})


@rule("secret-sent", Severity.ERROR, "The content of a file with credentials is sent over the network")
def secret_sent(script: Script) -> Iterator[Finding]:
    """A warning where it goes to a host that has to prove itself, or may be how one logs in there."""
    for pipeline in script.pipelines:
        what: str | None = None
        for call in pipeline.calls:
            if call is None:
                continue
            inner = reading.innermost(call)
            if what is not None and (severity := _sends_its_input(inner)) is not None:
                yield _found(script, what, severity, pipeline.span)
                break
            if reading.name_of(inner) in _EMITS:
                what = _read_by(inner) or what
    for call in script.calls:
        if call.inner is None:
            yield from _alone(script, call)


def _found(script: Script, what: str, severity: Severity, span: Span) -> Finding:
    return script.finding("secret-sent", severity, f"{what} is sent to another host: whoever has it can use it", span)


def _alone(script: Script, call: Call) -> Iterator[Finding]:
    """One command that reads and sends."""
    name = reading.name_of(call)
    if name in ("curl", "wget"):
        for word in _sent_files(call):
            if what := _secret(word):
                yield _found(script, what, Severity.ERROR, call.span)
                return
        yield from _in_address_or_body(script, call)
    elif name in _COPIES:
        texts = [_text(word) for word in call.args]
        given = [text for before, text in zip(["", *texts], texts, strict=False) if before not in _LOGS_IN]
        what = next((found for text in given[:-1] if (found := _secret(text))), None)
        if what and ":" in given[-1]:
            yield _found(script, what, Severity.WARNING, call.span)
    elif (severity := _sends_its_input(call)) is not None:
        for one in call.redirects:
            if one.op == "<" and (what := _secret(_text(one.word))):
                yield _found(script, what, severity, call.span)
    if name in _EMITS and (what := _read_by(call)):
        for one in call.redirects:
            if one.op.startswith(">") and one.word.shown.startswith(("/dev/tcp/", "/dev/udp/")):
                yield _found(script, what, Severity.ERROR, call.span)


def _in_address_or_body(script: Script, call: Call) -> Iterator[Finding]:
    """`curl -d "$(cat /etc/shadow)"`; what says who one is may well be read from such a file."""
    inside = [one for one in script.calls if one.substituted and reading.name_of(one) in _EMITS]
    before = ""
    for word in call.args:
        if word.text is None and before not in _IDENTIFIES:
            for one in inside:
                if word.span.start <= one.span.start < word.span.end and (what := _read_by(one)):
                    severity = Severity.ERROR if what.startswith(tuple(_KEYS)) else Severity.WARNING
                    yield _found(script, what, severity, call.span)
                    return
        before = word.text or ""


def _read_by(call: Call) -> str | None:
    """Which file with credentials a command reads."""
    given = [_text(word) for word in (*call.args, *(one.word for one in call.redirects if one.op == "<"))]
    return next((what for text in given if (what := _secret(text.removeprefix("if=")))), None)


def _secret(path: str) -> str | None:
    """`a private key (/etc/ssh/ssh_host_rsa_key)`, or None."""
    if path.startswith("-") or path.endswith(_PUBLIC):
        return None
    why = why_hidden(path)
    return f"{why} ({path})" if why in _KINDS else None


def _sends_its_input(call: Call) -> Severity | None:
    name, given = reading.name_of(call), reading.texts(call)
    if name in _OPEN or (name == "openssl" and "s_client" in given):
        return Severity.ERROR
    if name == "ssh":
        return Severity.WARNING
    if name in ("curl", "wget") and any(text in _INPUT for text in _sent_files(call)):
        return Severity.ERROR
    return None


def _sent_files(call: Call) -> Iterator[str]:
    """The files that curl or wget upload, as they are written; `-` is the input."""
    before = ""
    for word in call.args:
        text = _text(word)
        option, equals, value = text.partition("=")
        if before in _UPLOADS:
            yield text
        elif before in _BODIES and "@" in text:
            yield text.rpartition("@")[2].partition(";")[0]
        elif equals and option in _UPLOADS:
            yield value
        elif equals and option in _BODIES and "@" in value:
            yield value.rpartition("@")[2]
        elif text[:2] in ("-T", "-d", "-F") and len(text) > 2:
            yield text[2:] if text[1] == "T" else text.rpartition("@")[2] if "@" in text else ""
        before = text


def _text(word: Word) -> str:
    """As it is written, where it is known only at run time: `~/.netrc`, `$HOME/.netrc`."""
    return word.text if word.text is not None else reading.spellings(word)[0]
