"""The host as a whole: permissions of its folders, processes, accounts, schedules, its going down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Script


@rule("recursive-permissions", Severity.CATASTROPHIC, "Changes owner or mode of a system folder, with all in it")
def recursive_permissions(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "chmod", "chown", "chgrp", "setfacl", "chattr", "restorecon"):
        given = reading.flags(call)
        if call.name == "restorecon" or not ("R" in given or reading.long_given(given, "--recursive")):
            continue
        reference = any(text.startswith("--reference") for text in reading.texts(call))
        for word in reading.operands(call)[0 if reference or call.name == "setfacl" else 1 :]:
            for text in reading.spellings(word):
                path = reading.normal(text[:-2] if text.endswith("/*") else text)
                if path in ("", "/"):
                    message = f"`{call.name} -R` of the whole system: nothing starts and nobody logs in afterwards"
                    yield script.finding("recursive-permissions", Severity.CATASTROPHIC, message, word.span)
                elif path in reading.TOP and path not in ("/opt", "/srv", "/home"):
                    message = f"`{call.name} -R` of {path} breaks the programs that rely on its owners and modes"
                    yield script.finding("recursive-permissions", Severity.ERROR, message, word.span)


@rule("kill-everything", Severity.CATASTROPHIC, "Signals every process")
def kill_everything(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "kill"):
        words = reading.texts(call)
        targets = [text for text in words[1:] if text == "-1"]
        if (targets and words[0] != "-l") or words == ["-1"]:
            if words == ["-1"]:
                continue  # a signal without a process
            message = "-1 is every process that may be signalled, the one that looks after this script included"
            yield script.finding("kill-everything", Severity.CATASTROPHIC, message, call.span)
    for call in reading.calls(script, "killall5"):
        message = "`killall5` signals every process outside this session"
        yield script.finding("kill-everything", Severity.CATASTROPHIC, message, call.span)
    for call in reading.calls(script, "pkill", "killall"):
        patterns = reading.operands(call)
        if "-u" in reading.texts(call) and any(word.text == "root" for word in patterns):
            message = f"`{call.name} -u root` ends what keeps the host running"
            yield script.finding("kill-everything", Severity.ERROR, message, call.span)
        elif call.name == "pkill" and any(word.text in (".", ".*", "") for word in patterns):
            message = "this pattern matches every process"
            yield script.finding("kill-everything", Severity.CATASTROPHIC, message, call.span)


@rule("kill-hard", Severity.INFO, "Kills without asking first")
def kill_hard(script: Script) -> Iterator[Finding]:
    polite: set[str] = set()
    for call in reading.calls(script, "kill", "pkill", "killall"):
        given = call.args
        first = given[0].text if given else None
        names = {script.slice(word.span) for word in reading.operands(call)}
        if first in ("-9", "-KILL", "-SIGKILL") or (
            first in ("-s", "--signal") and given[1:2] and given[1].text in ("KILL", "SIGKILL", "9")
        ):
            if names and not names <= polite:
                message = "SIGKILL leaves no time to write and clean up: send SIGTERM first and wait"
                yield script.finding("kill-hard", Severity.INFO, message, call.span)
        elif first != "-0":
            polite |= names


@rule("account-removal", Severity.ERROR, "Removes an account, or changes who is root")
def account_removal(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "userdel", "deluser", "groupdel", "delgroup"):
        who = next((word.shown for word in reading.operands(call)), "…")
        given = reading.flags(call)
        severity = Severity.ERROR if who == "root" else Severity.WARNING
        home = " with its home" if given & {"r", "--remove", "--remove-home", "--remove-all-files"} else ""
        message = f"`{call.name}` takes away the account {who}{home}; `usermod --lock` can be undone"
        yield script.finding("account-removal", severity, message, call.span)
    for call in reading.calls(script, "passwd", "usermod"):
        words = reading.texts(call)
        if "root" in words and reading.flags(call) & {"d", "l", "L", "--delete", "--lock"}:
            message = "after this nobody can become root by password"
            yield script.finding("account-removal", Severity.ERROR, message, call.span)


@rule("extra-root", Severity.ERROR, "Makes another account with the rights of root")
def extra_root(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "useradd", "usermod", "adduser"):
        words = reading.texts(call)
        if "-o" in words and any(a in ("-u", "--uid") and b == "0" for a, b in pairwise(words)):
            message = "uid 0 under a second name is a root that nobody looks for"
            yield script.finding("extra-root", Severity.ERROR, message, call.span)


@rule("crontab-removal", Severity.ERROR, "Deletes all of a user's scheduled jobs")
def crontab_removal(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "crontab"):
        if "r" in reading.flags(call) and "i" not in reading.flags(call):
            message = "`crontab -r` deletes every job at once and keeps no copy: save `crontab -l` first"
            yield script.finding("crontab-removal", Severity.ERROR, message, call.span)


@rule("host-down", Severity.WARNING, "Stops or restarts the host")
def host_down(script: Script) -> Iterator[Finding]:
    message = "the host goes down, and this script with it"
    for call in reading.calls(
        script, "reboot", "shutdown", "halt", "poweroff", "init", "telinit", "systemctl", "kexec"
    ):
        words = reading.texts(call)
        if call.name in ("init", "telinit"):
            found = words[:1] in (["0"], ["6"])
        elif call.name == "systemctl":
            verbs = [text for text in words if not text.startswith("-")]
            found = bool(verbs) and verbs[0] in (
                "reboot",
                "poweroff",
                "halt",
                "kexec",
                "emergency",
                "rescue",
                "suspend",
                "hibernate",
            )
        elif call.name == "kexec":
            found = "-e" in words
        else:
            found = not {"-c", "--help", "-w", "--show"} & set(words)
        if found:
            yield script.finding("host-down", Severity.WARNING, message, call.span)


_LOGIN = lazy(r"(?:~|\$HOME|/root|/home/[^/]+)?/?\.(?:bash|zsh|sh|python|mysql|psql)_history\Z")


@rule("history-tampering", Severity.ERROR, "Hides what was done")
def history_tampering(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "history"):
        if reading.flags(call) & {"c", "w"} and "c" in reading.flags(call):
            yield script.finding("history-tampering", Severity.ERROR, "the shell's history is cleared", call.span)
    for call in reading.calls(script, "unset"):
        if any(word.text in ("HISTFILE", "HISTSIZE") for word in call.args):
            yield script.finding(
                "history-tampering", Severity.ERROR, "the shell keeps no history from here on", call.span
            )
    for one in script.assignments:
        value = one.value.text if one.value is not None else ""
        empty = (one.name == "HISTFILE" and value in ("", "/dev/null")) or (
            one.name in ("HISTSIZE", "HISTFILESIZE") and value == "0"
        )
        if empty:
            yield script.finding(
                "history-tampering", Severity.ERROR, "the shell keeps no history from here on", one.span
            )
    for call in reading.calls(script, "rm", "shred", "truncate", "ln", "unlink"):
        for word in call.args:
            if any(_LOGIN.search(text) for text in reading.spellings(word)):
                message = f"`{call.name}` takes away {script.slice(word.span)}, the record of what was typed"
                yield script.finding("history-tampering", Severity.ERROR, message, word.span)
    for redirect in script.redirects:
        if redirect.op in (">", ">|") and any(_LOGIN.search(text) for text in reading.spellings(redirect.word)):
            yield script.finding("history-tampering", Severity.ERROR, "the history file is emptied", redirect.span)
    for call in reading.calls(script, "journalctl", "wevtutil"):
        if any(re.match(r"--vacuum-(?:time=1s|size=1\b|files=1\b|time=0)", text) for text in reading.texts(call)):
            yield script.finding("history-tampering", Severity.ERROR, "the journal is emptied", call.span)


@rule("login-lockout", Severity.ERROR, "May leave nobody able to log in")
def login_lockout(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "rm", "mv", "truncate"):
        for word in reading.operands(call)[: 1 if call.name == "mv" else None]:
            if any(re.search(r"(?:\.ssh/?|authorized_keys|/etc/ssh/?|/etc/pam\.d/?|/etc/ssh/sshd_config)\Z", text)
                   for text in reading.spellings(word)):  # fmt: skip
                message = f"without {script.slice(word.span)} nobody may get in over ssh"
                yield script.finding("login-lockout", Severity.ERROR, message, word.span)
    for redirect in script.redirects:
        if redirect.op in (">", ">|") and any(
            re.search(r"\.ssh/authorized_keys\Z|/etc/ssh/sshd_config\Z|/etc/pam\.d/", text)
            for text in reading.spellings(redirect.word)
        ):
            message = (
                f"`>` replaces all of {script.slice(redirect.word.span)}: append with `>>` or install a checked file"
            )
            yield script.finding("login-lockout", Severity.ERROR, message, redirect.span)


@rule("process-grep", Severity.INFO, "Finds processes by reading ps")
def ps_grep(script: Script) -> Iterator[Finding]:
    for pipeline in script.pipelines:
        names = [reading.name_of(call) if call is not None else "" for call in pipeline.calls]
        for place in range(len(names) - 1):
            if names[place] == "ps" and names[place + 1] in ("grep", "egrep"):
                message = "`ps | grep` finds itself and names that only look alike: use pgrep"
                yield script.finding("process-grep", Severity.INFO, message, pipeline.span)
