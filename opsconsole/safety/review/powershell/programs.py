"""Programs that run programs: PowerShell in PowerShell (also encoded), cmd, bash, and what Start-Process starts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from opsconsole.safety.review.model import Judgement, Severity, Source, Span
from opsconsole.safety.review.nested import Shell
from opsconsole.safety.review.powershell.report import Report
from opsconsole.safety.review.powershell.values import Argument, Call, Value

DEEPEST = 4
_SLASH = re.compile(r"[\\/]")
_POWERSHELL = frozenset({"powershell", "pwsh", "powershell_ise", "sqlps"})
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh", "wsl"})
# Parameters of powershell.exe with a value; the rest are switches, or begin the program.
_VALUES = ("-executionpolicy", "-ep", "-ex", "-windowstyle", "-w", "-version", "-inputformat", "-outputformat",
           "-configurationname", "-psconsolefile", "-workingdirectory", "-wd", "-settingsfile",
           "-custompipename")  # fmt: skip


def judge(report: Report, call: Call, inner: Callable[[Source, Shell | None, int], Judgement]) -> bool:
    """Judges what such a program is given; False where it is none of them."""
    name = _SLASH.split(call.name)[-1].lower().removesuffix(".exe")
    if name in _POWERSHELL:
        _powershell(report, call, inner)
    elif name == "cmd":
        _other(report, call, "cmd", ("/c", "/k", "/r"))
    elif name in _SHELLS:
        _other(report, call, name, ("-c", "-lc", "-ic", "-e", "--"))
    else:
        return False
    return True


def _powershell(report: Report, call: Call, inner: Callable[[Source, Shell | None, int], Judgement]) -> None:
    report.deny("it starts another PowerShell, with a profile and settings of its own", call.name_span)
    arguments = call.arguments
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        index += 1
        written = (argument.parameter or "").lower()
        if not written and argument.value and (argument.value.literal or "").startswith("/"):
            written = "-" + (argument.value.literal or "")[1:].lower()
        if not written:
            _program(report, [argument, *arguments[index:]], call, inner)
            return
        if (len(written) > 1 and "-encodedcommand".startswith(written) and written not in ("-ex",)) or written == "-ec":
            value = argument.value or _value(arguments, index)
            _encoded(report, value, call, inner)
            return
        if len(written) > 1 and ("-command".startswith(written) or "-commandwithargs".startswith(written)):
            rest = arguments[index:]
            _program(
                report, ([Argument(None, argument.value, argument.span)] if argument.value else []) + rest, call, inner
            )
            return
        if len(written) > 1 and "-file".startswith(written):
            value = argument.value or _value(arguments, index)
            report.effect("execute", None if value is None else value.literal, call.name, call.span)
            return
        if argument.value is None and any(one.startswith(written) and len(written) > 1 for one in _VALUES):
            index += 1
    report.effect("interactive", call.name, call.name, call.span)


def _value(arguments: list[Argument], index: int) -> Value | None:
    return arguments[index].value if index < len(arguments) else None


def _program(
    report: Report, rest: list[Argument], call: Call, inner: Callable[[Source, Shell | None, int], Judgement]
) -> None:
    """`-Command`, with all that follows: one string, or words that are joined."""
    words: list[str] = []
    for argument in rest:
        if argument.parameter is not None:
            words.append(argument.parameter)
        if argument.value is None:
            continue
        if argument.value.node.type == "script_block_expression":
            return  # walked where it stands
        if None in argument.value.items:
            report.find("ps-dynamic-command", Severity.WARNING, "the program for PowerShell is known only at run time",
                        argument.span)  # fmt: skip
            report.effect("execute", None, call.name, call.span)
            report.deny("the program for PowerShell is known only at run time", argument.span)
            if argument.value.written.startswith('"'):
                _run(report, argument.value.written[1:-1], argument.span, call, inner)  # its literal parts are read
            return
        words.append(",".join(item or "" for item in argument.value.items))
    if words:
        span = Span(rest[0].span.start, rest[-1].span.end)
        _run(report, " ".join(words), span, call, inner)


def _encoded(
    report: Report, value: Value | None, call: Call, inner: Callable[[Source, Shell | None, int], Judgement]
) -> None:
    span = call.span if value is None else value.span
    text = decode(value.literal or "") if value is not None else None
    shown = "" if text is None else f": {' '.join(text.split())[:120]}"
    report.find("ps-encoded-command", Severity.ERROR, f"the program is hidden by an encoding{shown}", span)
    report.deny("the program is hidden by an encoding", span)
    if text is None:
        report.effect("execute", None, call.name, span)
    else:
        report.judgement.notes.append(f"decoded PowerShell: {' '.join(text.split())[:500]}")
        _run(report, text, span, call, inner)


def decode(text: str) -> str | None:
    """The program of -EncodedCommand (base64 of UTF-16LE); None where it is none."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        return raw.decode("utf-16-le") if raw else None
    except (binascii.Error, ValueError):
        return None


def _run(
    report: Report, text: str, span: Span, call: Call, inner: Callable[[Source, Shell | None, int], Judgement]
) -> None:
    report.effect("execute", call.name, call.name, span)
    if report.nesting >= DEEPEST:
        report.deny("PowerShell in PowerShell, deeper than the review looks", span)
        return
    report.merge(inner(Source(text), report.shell, report.nesting + 1), text, span)


def _other(report: Report, call: Call, name: str, flags: tuple[str, ...]) -> None:
    """cmd /c and bash -c: handed to the judge of shell text where there is one."""
    report.find("ps-other-shell", Severity.WARNING, f"{name} runs a program in another language", call.name_span)
    report.deny(f"{name} runs a program in another language", call.name_span)
    words = call.literals
    start = next((index + 1 for index, word in enumerate(words) if (word or "").lower() in flags), None)
    if start is None or start >= len(words) or None in words[start:]:
        report.effect("execute", None, name, call.span)
        return
    text = " ".join(word for word in words[start:] if word)
    report.effect("execute", text if name == "cmd" else name, name, call.span)
    if name != "cmd" and report.shell is not None:
        offset = report.source.text.find(text, call.span.start, call.span.end)
        report.merge(report.shell(text, max(offset, call.span.start)), text, call.span)
