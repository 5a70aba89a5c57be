"""Rights: more than is needed, or not where they are thought to be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script
from opsconsole.safety.review.shell.words import Word

_OPEN = lazy(r"0?[0-7]?[0-7][0-7][2367]\Z|(?:[augo]*o[augo]*|a|)?\+[rx]*w[rwx]*\Z|a=rwx\Z|ugo[+=]rwx\Z")
_SETUID = lazy(r"0?[4-7][0-7]{3}\Z|[ugoa]*\+[rwx]*s[rwxs]*\Z")
_OPEN_FOLDERS = ("/tmp/", "/var/tmp/", "/dev/", "/home/")  # noqa: S108 - looked for, not used
_USERS_FILES = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty")


@rule("world-writable", Severity.WARNING, "Everybody may write")
def world_writable(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "chmod", "install", "mkdir"):
        for word in _modes(call):
            mode = (word.text or "")[:40]
            sticky = re.fullmatch(r"0?1[0-7]{3}", mode) is not None
            if (
                _OPEN.match(mode)
                and not sticky
                and not (mode.startswith("+") or (mode[:1] in "ug" and "o" not in mode))
            ):
                message = f"with {mode} every account on the host may change it: 755, 644 or a group is enough"
                yield script.finding("world-writable", Severity.WARNING, message, word.span)
    for call in reading.calls(script, "umask"):
        for word in call.args[:1]:
            if word.text in ("0", "00", "000", "0000"):
                message = "every file made from here on is writable by everybody"
                yield script.finding("world-writable", Severity.WARNING, message, word.span)


def _modes(call: Call) -> Iterator[Word]:
    """The words that are a mode."""
    if call.name == "chmod":
        yield from reading.operands(call)[:1]
        return
    for word, value in zip(call.args, call.args[1:], strict=False):
        if word.text in ("-m", "--mode"):
            yield value


@rule("setuid", Severity.ERROR, "Sets the setuid or setgid bit")
def setuid(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "chmod", "install"):
        for word in _modes(call):
            mode = (word.text or "")[:40]
            if not _SETUID.match(mode):
                continue
            shells = any(text.rpartition("/")[2] in reading.INTERPRETERS for text in reading.texts(call))
            severity = Severity.ERROR if shells else Severity.WARNING
            message = "whoever starts this gets the rights of its owner" + (
                ": a shell as root for everybody" if shells else ""
            )
            yield script.finding("setuid", severity, message, word.span)
    for call in reading.calls(script, "setcap"):
        if any(
            re.search(r"cap_(?:setuid|sys_admin|sys_ptrace|dac_override|all)\b|=ep\Z", text)
            for text in reading.texts(call)[:1]
        ):
            message = "whoever starts this gets rights that are as good as root's"
            yield script.finding("setuid", Severity.WARNING, message, call.span)


@rule("sudo-redirect", Severity.WARNING, "The redirection is done without the rights of sudo")
def sudo_redirect(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "sudo", "doas"):
        for redirect in call.redirects:
            path = redirect.word.shown
            if redirect.op not in (">", ">>", ">|") or path in _USERS_FILES or not path.startswith("/"):
                continue
            if path.startswith(_OPEN_FOLDERS):
                continue
            message = f"the shell opens {path} as you, not as root: pipe into `{call.name} tee`"
            yield script.finding("sudo-redirect", Severity.WARNING, message, redirect.span)


@rule("sudo-su", Severity.WARNING, "Starts a whole shell as root")
def sudo_su(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "sudo", "doas"):
        inner = call.inner
        words = reading.texts(call)
        given = next((text for text in words if not text.startswith("-")), "")
        name = given.rpartition("/")[2]
        fed = call.pipeline is not None or any(one.op.startswith("<") for one in call.redirects)
        bare = name in reading.SHELLS and words[-1:] == [given] and not fed
        if name == "su" or bare or (set(words) & {"-i", "-s"} and not given and inner is None):
            message = (
                "what follows in the script does not run in that shell; put sudo before the one command that needs it"
            )
            yield script.finding("sudo-su", Severity.WARNING, message, call.span)


@rule("sudo-loop", Severity.INFO, "sudo once in every round of a loop")
def sudo_loop(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "sudo", "doas"):
        if call.loop and not call.nested:
            message = "each round asks and logs anew: run the loop once under sudo, or hand all names to one command"
            yield script.finding("sudo-loop", Severity.INFO, message, call.words[0].span)


@rule("sudoers-nopasswd", Severity.ERROR, "Lets an account become root without a password")
def nopasswd(script: Script) -> Iterator[Finding]:
    for match in re.finditer(r"^[^#\n]*\bNOPASSWD:\s*(ALL\b)?.*$", script.text, re.MULTILINE):
        line = match[0]
        if "sudoers" not in script.text or line.lstrip().startswith("#"):
            continue
        start = match.start() + line.index("NOPASSWD")
        severity = Severity.ERROR if match[1] else Severity.WARNING
        what = "any command" if match[1] else "this command"
        message = f"whoever gets into that account is root by {what}"
        place = reading.byte_span(script, start, start + len("NOPASSWD:"))
        yield script.finding("sudoers-nopasswd", severity, message, place)
    for call in reading.calls(script, "sudo"):
        for word in call.args[:2]:
            if word.text == "-S" and call.pipeline is not None and call.pipeline.calls[0] is not None:
                first = call.pipeline.calls[0]
                if reading.name_of(first) in ("echo", "printf"):
                    message = "the password stands in the script: allow the one command in sudoers instead"
                    yield script.finding("sudoers-nopasswd", Severity.ERROR, message, call.span)


@rule("sudoers-unchecked", Severity.WARNING, "Writes sudoers without a look at its syntax")
def sudoers_unchecked(script: Script) -> Iterator[Finding]:
    if any(True for _ in reading.calls(script, "visudo")):
        return
    message = "one wrong line here and nobody can use sudo: check the file with `visudo -cf` before it is put in place"
    for redirect in script.redirects:
        if redirect.op in (">", ">>", ">|") and redirect.word.shown.startswith("/etc/sudoers"):
            yield script.finding("sudoers-unchecked", Severity.WARNING, message, redirect.span)
    for call in reading.calls(script, "tee", "cp", "mv", "install", "sed"):
        for word in reading.operands(call)[-1:]:
            if word.shown.startswith("/etc/sudoers"):
                yield script.finding("sudoers-unchecked", Severity.WARNING, message, word.span)


@rule("docker-root", Severity.WARNING, "A container with the rights of the host")
def docker_root(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "docker", "podman", "nerdctl"):
        words = reading.texts(call)
        if not {"run", "create"} & set(words[:3]):
            continue
        for word in call.args:
            text = word.text or ""
            mounted = re.match(r"(?:--volume=|-v)?(?:/|/etc|/root|/var/run/docker\.sock):", text) is not None
            if text == "--privileged" or mounted or text in ("--pid=host", "--cap-add=ALL", "--cap-add=SYS_ADMIN"):
                message = f"with {text} whoever is in the container has the host"
                yield script.finding("docker-root", Severity.WARNING, message, word.span)
