"""Command lines made from the catalogue: every installed command with every declared option and believable values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from opsconsole.safety.review.shell.catalogue import Spec, catalogue

FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")

_VALUES: dict[str, tuple[str, ...]] = {
    "read": ("in.txt", "dir"),
    "write": ("out",),
    "delete": ("two.txt",),
    "execute": ("./prog", "prog"),
    "network": ("example.org",),
    "service": ("cron",),
    "kill": ("3",),
    "privilege": ("root",),
    "system": ("x",),
    "interactive": ("x",),
    "text": ("x", "1"),
    "number": ("1",),
    "key": ("kernel.hostname",),
    "format": ("+%s",),
    "method": ("GET",),
    "command": ("echo x", "touch marker"),
    "shell": ("'echo x'", "'touch marker'"),
    "awk": ("'{print $1}'",),
    "sed": ("s/o/0/",),
    "assign": ("A=b",),
}
_OPTION_VALUES = ("1", "in.txt", "marker", "./prog")
# What a file's name must end with for these to get anywhere.
_FILES = {
    "tar": "arc.tar.gz", "zip": "arc.zip", "unzip": "arc.zip", "zipinfo": "arc.zip", "gzip": "two.txt.gz",
    "gunzip": "two.txt.gz", "zcat": "two.txt.gz", "zgrep": "two.txt.gz", "jq": "data.json", "objdump": "elf",
    "readelf": "elf", "nm": "elf", "ldd": "elf", "strings": "elf", "size": "elf", "bash": "hostile", "sh": "hostile",
    "dash": "hostile", "make": "hostile",
}  # fmt: skip


def installed(name: str) -> bool:
    return any(os.access(f"{folder}/{name}", os.X_OK) for folder in FOLDERS)


def lines() -> Iterator[str]:
    """Each command line once, in the order of the catalogue."""
    known = catalogue()
    seen: set[str] = set()
    for name in known.names():
        spec = known.get(name)
        if spec is None or not installed(name):
            continue
        for line in _of(spec, name, spec.declared):
            if line not in seen:
                seen.add(line)
                yield line


def _of(spec: Spec, words: str, options: frozenset[str]) -> Iterator[str]:
    """Of a sub-command only its own options: those of its parents stand before it."""
    operands = list(dict.fromkeys(_operands(spec, words.split()[0])))
    most = operands[min(1, len(operands) - 1)]
    for given in operands:
        yield f"{words}{given}"
    for option in sorted(options):
        for spelling in _spelled(spec, option):
            for given in (most, " in.txt marker"):
                yield f"{words} {spelling}{given}"
    if " " in words and words.count(" ") > 2:
        return
    for sub in sorted(spec.sub):
        child = spec.child(sub)
        if child is not None and not any(mark in sub for mark in "*?["):
            yield from _of(child, f"{words} {sub}", child.declared - spec.declared)


def _spelled(spec: Spec, option: str) -> Iterator[str]:
    if option in spec.flags:
        yield option
        return
    kind = spec.acts.get(option, "text")
    own = _VALUES.get(kind, ()) if kind != "text" else _OPTION_VALUES
    glue = "=" if option.startswith("--") else ""
    if option in spec.optional:
        yield option
        yield from (f"{option}{glue}{value}" for value in own[:3])
        return
    yield from (f"{option} {value}" for value in own)
    if glue:
        yield f"{option}={own[0]}"


def _operands(spec: Spec, top: str) -> Iterator[str]:
    """What may follow, each with a blank before it: nothing, one of each, and one too many."""
    file = _FILES.get(top)
    pick = partial(_one, file=file)
    fewest = "".join(f" {pick(kind)}" for kind, mark in spec.operands if mark == "")
    most = "".join(f" {pick(kind)}" for kind, _ in spec.operands)
    yield fewest
    yield most
    if spec.operands and spec.operands[-1][1] == "...":
        yield f"{most} {pick(spec.operands[-1][0])}"
    for last in dict.fromkeys(kind for kind, _ in spec.operands):
        for value in _VALUES[last][1:]:
            yield most.replace(pick(last), value)
    yield " in.txt marker"


def _one(kind: str, file: str | None) -> str:
    return file if file and kind == "read" else _VALUES[kind][0]
