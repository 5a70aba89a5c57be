"""Scripts to choose from: the samples that are shipped, and whatever a typed path may mean."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from opsconsole.paths import shipped
from opsconsole.safety.sanitise import sanitise_name

MOST = 200
_HEAD_BYTES = 2048
_ENDINGS = frozenset({".sh", ".bash", ".py", ".ps1", ".applescript", ".scpt"})


@dataclass(frozen=True, slots=True)
class Script:
    """A file that could run, or a folder to look into. All but `path` is harmless text."""

    path: Path
    shown: str
    summary: str = ""
    usage: str = ""
    folder: bool = False


def samples() -> list[Script]:
    """The sample scripts, by name."""
    folder = shipped("sample_scripts")
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix in _ENDINGS and file.is_file())
    except OSError:
        return []
    return [described(file, file.name) for file in files]


def described(path: Path, shown: str) -> Script:
    """With what its first comment says: a sentence, and `Usage: …`."""
    summary = usage = ""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        head = ""
    for line in head.splitlines()[:12]:
        text = line.strip().lstrip("#").strip()
        if line.startswith("#!") or not line.lstrip().startswith("#") or not text:
            continue
        if text.lower().startswith("usage:"):
            usage = text[6:].strip().removeprefix(path.name).strip()
        elif not summary:
            summary = text
    return Script(path, sanitise_name(shown), sanitise_name(summary), sanitise_name(usage))


def is_path(text: str) -> bool:
    return "/" in text or text.startswith(("~", "."))


def matching(text: str, known: list[Script], cwd: Path) -> list[Script]:
    """What `text` may mean: paths that begin so, or samples and files here that contain its words."""
    if is_path(text):
        return _below(text, cwd)
    words = text.casefold().split()
    found = [script for script in known if all(word in f"{script.shown} {script.summary}".casefold() for word in words)]
    if words:
        found += [
            script
            for script in _below("./", cwd)
            if not script.folder
            and script.path.suffix in _ENDINGS
            and all(word in script.path.name.casefold() for word in words)
        ]
    return found[:MOST]


def _below(text: str, cwd: Path) -> list[Script]:
    expanded = os.path.expanduser(text)
    if text == "~":
        expanded += "/"
    start, _, prefix = expanded.rpartition("/")
    folder = cwd / (start or "/") if "/" in expanded else cwd
    typed = text[: len(text) - len(prefix)] if prefix else text
    typed = "~/" if text == "~" else typed
    try:
        with os.scandir(folder) as entries:
            found = [
                (not entry.is_dir(), entry.name)
                for entry in entries
                if entry.name.startswith(prefix) and (prefix.startswith(".") or not entry.name.startswith("."))
            ]
    except OSError:
        return []
    return [
        Script(folder / name, sanitise_name(typed + name) + ("" if is_file else "/"), folder=not is_file)
        for is_file, name in sorted(found)[:MOST]
    ]
