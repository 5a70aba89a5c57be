"""Which program runs a script: chosen by option, shebang or extension, found on the caller's PATH."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import PurePath

from opsconsole.errors import InterpreterMissing, SpecError
from opsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A language we can run. `programs` in order of preference; `options` come before the script."""

    name: str
    programs: tuple[str, ...]
    extensions: tuple[str, ...]
    install: str
    options: tuple[str, ...] = ()


KNOWN = {
    known.name: known
    for known in (
        Interpreter("bash", ("bash",), (".bash", ".sh"), "apt-get install bash"),
        Interpreter("sh", ("sh",), (), "apt-get install dash"),
        Interpreter("python", ("python3", "python"), (".py",), "apt-get install python3"),
        Interpreter(
            "powershell",
            ("pwsh",),
            (".ps1",),
            "install PowerShell: https://learn.microsoft.com/powershell/scripting/install",
            ("-NoProfile", "-NonInteractive", "-File"),
        ),
        Interpreter(
            "applescript", ("osascript",), (".applescript", ".scpt"), "osascript comes with macOS only; run it there"
        ),
    )
}
_PLAIN = re.compile(r"[\w@%+=:,./-]+(?: [\w@%+=:,./-]+)*\n", re.ASCII)
"""A stored command without a quote: `str.split` gives the words, ten times as fast as shlex."""

EXEC = "exec"
"""A command and its words, executed without a shell: what `TaskSpec.argv` becomes."""
UNKNOWN = "unknown"
"""In the record of a script whose shebang asks for something that is not run here."""

_ALIASES = {
    "python3": "python", "py": "python", "pwsh": "powershell", "osascript": "applescript", "dash": "sh",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """What will run a script: the language, the program its shebang asks for, and the shebang's options."""

    name: str
    program: str | None = None
    options: tuple[str, ...] = ()


def choose(asked: str | None, body: bytes, file_name: str | None, default: str) -> Choice:
    """By option, shebang, extension, default, in this order. Raises SpecError, InterpreterMissing."""
    if asked is not None:
        return Choice(_known(asked))
    if body.startswith(b"#!"):
        return _from_shebang(body)
    suffix = PurePath(file_name).suffix.lower() if file_name else ""
    for known in KNOWN.values():
        if suffix and suffix in known.extensions:
            return Choice(known.name)
    return Choice(_known(default))


def _known(asked: str) -> str:
    name = _ALIASES.get(asked.lower(), asked.lower())
    if name not in KNOWN:
        raise SpecError(f"unknown interpreter {asked!r}", hint=f"one of {', '.join(KNOWN)}")
    return name


def _from_shebang(body: bytes) -> Choice:
    line = body[2:].partition(b"\n")[0].decode("utf-8", "replace").strip()
    words = line.split(None, 1)
    program = words[0] if words else ""
    rest = words[1] if len(words) > 1 else ""
    if os.path.basename(program) == "env":
        split = _split(rest.removeprefix("-S").strip())
        split = split[next((i for i, word in enumerate(split) if "=" not in word), len(split)) :]
        program, options = (split[0], tuple(split[1:])) if split else ("", ())
    else:
        options = (rest.strip(),) if rest.strip() else ()
    base = os.path.basename(program)
    name = _ALIASES.get(base, base)
    if name.startswith("python"):
        name = "python"
    if name not in KNOWN:
        raise InterpreterMissing(
            f"the shebang asks for {program or 'nothing'!r}, which opsconsole does not run",
            hint=f"one of {', '.join(KNOWN)}; say --interpreter NAME to choose",
        )
    return Choice(name, program, options)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:  # a quote that is not closed
        raise InterpreterMissing(
            f"the shebang cannot be read: {error}", hint="say --interpreter NAME to choose"
        ) from error


def locate(choice: Choice, path: str | None) -> list[str]:
    """The interpreter's absolute path and options. Raises InterpreterMissing.

    A shebang's path may be another host's: then the same program is looked for on the PATH. One that names a version
    (`python2`) means it: no other stands in for it.
    """
    known = KNOWN[choice.name]
    programs = known.programs
    if choice.program:
        base = os.path.basename(choice.program)
        versioned = base not in known.programs and base not in _ALIASES
        programs = (choice.program, base) if versioned else (choice.program, base, *programs)
    for program in programs:
        found = shutil.which(program, path=path)
        if found:
            options = choice.options if choice.program else ()
            return [os.path.abspath(found), *options, *known.options]
    names = " or ".join(dict.fromkeys(programs))
    raise InterpreterMissing(f"{choice.name} is not on this host: no {names} on the PATH", hint=known.install)


def command_line(body: bytes, cwd: str, path: str | None) -> list[str]:
    """The words of a stored command, with its program's absolute path. Raises InterpreterMissing."""
    text = body.decode("utf-8", "surrogateescape")
    words = text.split() if _PLAIN.fullmatch(text) else shlex.split(text)
    found = shutil.which(words[0], path=path) if "/" not in words[0] else os.path.join(cwd, words[0])
    if not found:
        raise InterpreterMissing(f"{words[0]}: no such command on the PATH", hint="give its full path")
    return [found, *words[1:]]


def stored_command(argv: tuple[str, ...]) -> bytes:
    """The text that stands for a command in the record; `command_line` reads it back."""
    return (shlex.join(argv) + "\n").encode("utf-8", "surrogateescape")
