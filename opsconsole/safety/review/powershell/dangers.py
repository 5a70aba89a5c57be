"""Findings about single commands: what destroys, hides, persists or leaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.powershell.catalogue import Cmdlet
from opsconsole.safety.review.powershell.grammar import Script
from opsconsole.safety.review.powershell.report import Report
from opsconsole.safety.review.powershell.values import Call

if TYPE_CHECKING:
    from tree_sitter import Node

INFO, WARNING, ERROR, CATASTROPHIC = Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CATASTROPHIC

DOWNLOADS = re.compile(
    r"(?<![\w-])(?:iwr|irm|invoke-webrequest|invoke-restmethod|curl|wget|start-bitstransfer)(?:\.exe)?(?![\w-])"
    r"|\.(?:downloadstring|downloaddata|getstringasync|openread)\b",
    re.IGNORECASE,
)
# A drive, the root, a folder of the system or of all users, a registry hive.
_SYSTEM = re.compile(
    r"(?:(?:microsoft\.powershell\.core\\)?filesystem::)?(?:\\\\[?.]\\)?(?:"
    r"[a-z]:[\\/]*|[\\/]+|~[\\/]*"
    r"|(?:[a-z]:)?[\\/](?:windows(?:[\\/]system32)?|program files(?: \(x86\))?|programdata|users|inetpub)[\\/]*"
    r"|/(?:etc|usr|bin|boot|lib|lib64|sbin|var|home|root|dev|proc|sys|opt|srv)(?:/(?:bin|lib|sbin|local|log))?/*"
    r"|(?:\$env:|\$\{env:)(?:systemroot|windir|systemdrive|programfiles|programdata|userprofile|allusersprofile|home)\}?[\\/]*"
    r"|\$(?:home|pshome)[\\/]*|(?:registry::)?hk(?:lm|cu|ey_local_machine|ey_current_user):?[\\/]*(?:software|system)?[\\/]*"
    r")(?:[\\/]?\*(?:\.\*)?)?",
    re.IGNORECASE,
)
_WHOLE_LINE: list[tuple[str, str, Severity, str]] = [
    (r"vssadmin\S* (delete shadows|resize shadowstorage)|wmic\S* shadowcopy delete|wbadmin\S* delete "
     r"|bcdedit\S* .*(recoveryenabled no|bootstatuspolicy ignoreallfailures)|diskshadow\S* .*delete",
     "ps-delete-backups", CATASTROPHIC, "it deletes the copies and the means from which the machine is restored"),
    (r"(format-volume|clear-disk|initialize-disk|remove-partition|reset-physicaldisk|set-disk)( |$)"
     r"|format(\.com|\.exe)? [a-z]:|diskpart|cipher\S* /w|remove-virtualdisk|remove-storagepool",
     "ps-format-disk", CATASTROPHIC, "it wipes a disk or a partition"),
    (r"set-mppreference .*-disable\w+[: ]+(\$?true|1|\?)"
     r"|set-mppreference .*-(maps|submitsamples)\w* (0|2|disabled|neversend)"
     r"|(uninstall|remove)-windowsfeature .*defender|sc(\.exe)? (stop|delete|config) windefend"
     r"|stop-service .*(windefend|mpssvc|eventlog|sense)|set-service .*(windefend|mpssvc|eventlog|sense) "
     r"|(set-netfirewallprofile .*-enabled[: ]+(\$?false|0|\?))|netsh\S* advfirewall set \w+ state off"
     r"|auditpol\S* (/clear|/remove|.*disable)|reg(\.exe)? add .*disableantispyware",
     "ps-disable-protection", CATASTROPHIC, "it switches off what protects or watches the machine"),
    (r"add-mppreference .*-exclusion\w*|new-netfirewallrule .*-action allow.*-remoteaddress any",
     "ps-weaken-protection", ERROR, "it makes a hole in what protects the machine"),
    (r"wevtutil\S* (cl|clear-log)( |$)|clear-eventlog|remove-eventlog|limit-eventlog|clear-history"
     r"|remove-item .*consolehost_history|set-psreadlineoption .*savenothing|fsutil\S* usn deletejournal",
     "ps-clear-log", ERROR, "it removes traces of what was done"),
    (r"reg(\.exe)? (save|export) (hklm|hkey_local_machine)\\(sam|security|system)"
     r"|rundll32\S* .*comsvcs.*(minidump|#\+?0*24)"
     r"|ntdsutil|procdump\S* .*lsass|invoke-mimikatz|.*sekurlsa::|esentutl\S* .*ntds\.dit|out-minidump",
     "ps-dump-credentials", CATASTROPHIC, "it copies the passwords of the machine"),
    (r"(restart|stop)-computer|shutdown(\.exe)? .*[/-][rsgphf]\b",
     "ps-power", ERROR, "it restarts or stops the machine"),
    (r"register-scheduledtask|schtasks\S* /create|new-service|sc(\.exe)? create|register-wmievent"
     r"|set-wmiinstance .*eventconsumer|register-cimindicationevent"
     r"|(set|new)-itemproperty .*currentversion\\run|reg(\.exe)? add .*currentversion\\run"
     r"|new-localuser|net(1)?(\.exe)? user .*/add|add-localgroupmember|register-scheduledjob",
     "ps-persistence", WARNING, "it leaves something behind that runs, or someone who may log in, later"),
    (r"set-executionpolicy .*(bypass|unrestricted)|(powershell|pwsh)\S* .*-e(p|x\w*) (bypass|unrestricted)",
     "ps-execution-policy", WARNING, "it switches off the check of which scripts may run"),
    (r"convertto-securestring .*-as?p?\w*|convertto-securestring .*-force",
     "ps-plain-text-password", WARNING, "a password goes through plain text"),
    (r"add-type( |$)", "ps-load-code", WARNING, "it compiles code, or loads a library, into the process"),
    (r"(invoke-webrequest|invoke-restmethod|iwr|irm|curl|wget) .*-skipc\w*", "ps-skip-certificate", ERROR,
     "certificates are not checked: anyone on the way can answer"),
    (r"icacls\S* .*/grant\S* (everyone|\*s-1-1-0)\S*|takeown\S* .*/r( |$)", "ps-open-permissions", ERROR,
     "it opens files to everybody"),
    (r"(disable|uninstall)-windowsoptionalfeature|enable-psremoting|enable-windowsoptionalfeature .*smb1"
     r"|set-smbserverconfiguration .*smb1", "ps-weaken-protection", WARNING, "it changes what the machine exposes"),
]  # fmt: skip
_RULES = [(re.compile(pattern), rule, severity, message) for pattern, rule, severity, message in _WHOLE_LINE]
_REVERSE = re.compile(r"net\.sockets\.tcpclient", re.IGNORECASE)
_INTERPRETS = re.compile(r"(?<![\w-])(?:iex|invoke-expression|cmd|powershell|\[scriptblock\])(?![\w-])", re.IGNORECASE)


def pipeline_before(script: Script, call: Call) -> tuple[str, Node | None]:
    """The text of the pipeline before this command, and the command that begins it."""
    node = call.node
    parent = node.parent
    for _ in range(4):
        if parent is None or parent.type == "pipeline_chain":
            break
        parent = parent.parent
    if parent is None or parent.type != "pipeline_chain" or parent.start_byte >= node.start_byte:
        return "", None
    first = parent.named_child(0)
    end = min(node.start_byte, parent.start_byte + 4000)
    text = script.raw[parent.start_byte : end].decode("utf-8", "replace")
    return text, first if first is not None and first.type == "command" else None


def dynamic(report: Report, name: str, span: Span) -> None:
    """A command made at run time: `& ([scriptblock]::Create((iwr ...)))`."""
    if DOWNLOADS.search(name):
        report.find("ps-download-and-run", CATASTROPHIC, "it runs what it downloads, unseen", span)


def examine(report: Report, script: Script, call: Call, cmdlet: Cmdlet | None, downloaded: set[str]) -> None:
    """All rules about one command."""
    name = cmdlet.name if cmdlet is not None else call.name
    line = call.line[:2000]
    full = name.lower() + line[len(call.name) :]
    base = re.split(r"[\\/]", line[: len(call.name)])[-1] + line[len(call.name) :]
    seen: set[str] = set()
    for candidate in {full, base}:
        for pattern, rule, severity, message in _RULES:
            if rule not in seen and pattern.match(candidate):
                seen.add(rule)
                report.find(rule, severity, message, call.span)
    match name:
        case "Invoke-Expression":
            _expression(report, script, call, downloaded)
        case "Remove-Item":
            for rule, severity, message in _removal(script, call):
                report.find(rule, severity, message, call.span)
        case "Stop-Process":
            _stop(report, script, call)
        case "Invoke-WebRequest" | "Invoke-RestMethod":
            if "-timeoutsec" not in line and "-operationtimeout" not in line and "-connectiontimeout" not in line:
                report.find("ps-no-timeout", WARNING, "without -TimeoutSec it may wait for ever", call.span)
        case "Get-WmiObject" | "Get-CimInstance" if "win32_product" in line:
            report.find(
                "ps-win32-product", WARNING, "asking for Win32_Product repairs every installed package", call.span
            )
            report.deny("asking for Win32_Product repairs every installed package", call.span)
        case "New-Object":
            if _REVERSE.search(line) and _INTERPRETS.search(report.source.text):
                report.find(
                    "ps-reverse-shell", CATASTROPHIC, "a connection whose answers are run as commands", call.span
                )
        case _:
            pass


def _expression(report: Report, script: Script, call: Call, downloaded: set[str]) -> None:
    before, _ = pipeline_before(script, call)
    own = script.beginning(call.node)
    used = {argument.value.written.lower().partition(".")[0] for argument in call.arguments if argument.value}
    if (
        DOWNLOADS.search(before)
        or DOWNLOADS.search(own)
        or used & downloaded
        or before.strip(" |").lower() in downloaded
    ):
        report.find("ps-download-and-run", CATASTROPHIC, "it runs what it downloads, unseen", call.span)
    else:
        report.find("ps-invoke-expression", ERROR, "text is made into a program at run time", call.span)


def _removal(script: Script, call: Call) -> Iterator[tuple[str, Severity, str]]:
    words = [word.lower() for word in call.literals if word]
    recursive = any(len(word) > 1 and "-recurse".startswith(word) for word in words)
    targets = [argument.value for argument in call.arguments if argument.value and not _is_filter(call, argument)]
    before, first = pipeline_before(script, call)
    if not targets and first is not None and re.match(r"(get-childitem|gci|ls|dir)\b", before, re.IGNORECASE):
        names = [re.sub(r"[\"']", "", word) for word in before.partition("|")[0].split()[1:]]
        if any(_SYSTEM.fullmatch(one) for one in names) and re.search(r"-r\w*\b", before, re.IGNORECASE):
            yield "ps-remove-system", CATASTROPHIC, "it deletes a drive or a folder of the system"
    for value in targets:
        for item, written in zip(value.items, value.written.split(",") if len(value.items) > 1 else [value.written],
                                 strict=False):  # fmt: skip
            bare = written.strip().strip("\"'")
            if _SYSTEM.fullmatch(item or bare) and (recursive or "*" in bare or bare.lower().startswith("hk")):
                yield "ps-remove-system", CATASTROPHIC, "it deletes a drive or a folder of the system"
            elif recursive and bare.startswith("$"):
                yield "ps-remove-variable", ERROR, _if_empty(bare)


_VARIABLE = lazy(r"\$(?:\{[^}]*\}|[\w:]+)")


def _if_empty(path: str) -> str:
    """What becomes of a path that begins with a variable."""
    variable = _VARIABLE.match(path)
    rest = path[variable.end() :] if variable is not None else ""
    if variable is None or not rest.startswith(("\\", "/")):
        return f"what {path[:40]} holds shows only at run time: with a wrong value this deletes another tree"
    return f"if {variable[0][:40]} is empty, this deletes {rest[:40]} instead"


def _is_filter(call: Call, argument: object) -> bool:
    """Whether the argument is the value of -Filter, -Include or the like, not a path."""
    index = next(i for i, one in enumerate(call.arguments) if one is argument)
    own = call.arguments[index].parameter
    previous = own or (call.arguments[index - 1].parameter if index else None) or ""
    return bool(re.match(r"-(fi|i|e|s|c)", previous.lower()))


def _stop(report: Report, script: Script, call: Call) -> None:
    before, first = pipeline_before(script, call)
    every = first is not None and re.fullmatch(r"(get-process|gps|ps)\s*\|\s*", before, re.IGNORECASE)
    if every or "*" in call.literals:
        report.find("ps-stop-all", ERROR, "it stops every process that it may stop", call.span)
