"""When the console itself fails: a report on the disk and where it is, not pages of variables on the terminal."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from opsconsole.atomic import write_atomically
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise
from opsconsole.settings import Settings

FOLDER = "crashes"
_KEPT = 20


def report(error: BaseException, settings: Settings, facts: Iterable[tuple[str, str]], lately: Iterable[str]) -> str:
    """The error with where it came from, this installation, and what the console said last; without secrets.

    Values of variables are left out: they are whatever the host's processes and outputs hold.
    """
    known = [
        ("time", time.strftime("%Y-%m-%dT%H:%M:%S%z")),
        ("opsconsole", _version("opsconsole")),
        ("textual", _version("textual")),
        ("python", sys.version.split()[0]),
        ("platform", platform.platform()),
        ("terminal", f"{os.environ.get('TERM', '')} {os.environ.get('COLORTERM', '')}".strip()),
        *facts,
    ]
    lines = ["opsconsole crash report", ""]
    lines += [f"{name + ':':<12} {value}" for name, value in known]
    inner = getattr(error, "error", None)  # a worker's failure says only that there was one
    for one in (error, *([inner] if isinstance(inner, BaseException) else ())):
        lines += ["", "".join(traceback.format_exception(one)).rstrip()]
    lines.append("")
    if said := list(lately):
        lines += ["What the console said last:", *said, ""]
    return sanitise(Redaction.of(os.environ, settings.redaction).text("\n".join(lines)))


def write(text: str, folder: Path) -> Path:
    """A file of its own; of older ones the last are kept. Raises OSErrors."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    write_atomically(file, text.encode("utf-8", "replace"))
    for old in sorted(folder.glob("crash-*.txt"))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return file


def write_apart(text: str) -> Path:
    """Among the temporary files: a demo takes its own folders with it. Raises OSErrors."""
    descriptor, name = tempfile.mkstemp(prefix="opsconsole-demo-crash-", suffix=".txt")
    with open(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
    return Path(name)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
