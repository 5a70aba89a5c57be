"""What this console is and where it keeps what; gathered without a screen."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole import __version__
from opsconsole.checkup.monitoring import status
from opsconsole.errors import OpsError
from opsconsole.storage import database
from opsconsole.tui.wording import shortened, size

if TYPE_CHECKING:
    from opsconsole.engine import Engine

_ENTRIES = 20_000
"""Files that are looked at for the size of a folder; more of them, and it is said to be larger."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the console knows of the screen it is on."""

    size: tuple[int, int]
    colours: str
    glyphs: str
    mouse: bool


@dataclass(frozen=True, slots=True)
class Line:
    topic: str
    name: str
    text: str
    tone: str = "plain"


def versions() -> list[Line]:
    found = [
        ("opsconsole", __version__),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
    ]
    for name in ("textual", "psutil", "pydantic", "tree-sitter", "sqlite-utils"):
        try:
            found.append((name.capitalize() if name == "textual" else name, version(name)))
        except PackageNotFoundError:
            continue
    return [Line("Versions", name, text) for name, text in found]


def places(engine: Engine, config: Path, keymap: Path) -> list[Line]:
    paths = engine.paths
    lines = [Line("Places", "state", shortened(paths.root))]
    for name, file in (("settings", config), ("keymap", keymap), ("themes", config.parent / "themes")):
        lines.append(Line("Places", name, shortened(file) + ("" if file.exists() else " (there is none)")))
    return [*lines, Line("Places", "log", shortened(paths.journal))]


def sizes(engine: Engine) -> list[Line]:
    """What is on the disk, with the WAL of each database. Raises no OSError."""
    paths = engine.paths
    lines = []
    metrics = paths.root / "metrics.db"
    for name, file in (
        ("database", paths.database),
        ("metrics", metrics),
        ("runs", paths.runs),
        ("log", paths.journal),
    ):
        files = [file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", ".1"))]
        total, all_of_it = folder_size(file) if os.path.isdir(file) else (sum(map(_size, files)), True)
        said = f"{'' if all_of_it else 'more than '}{size(total)}" if total else "none yet"
        schema = schema_of(file) if file.suffix == ".db" else ""
        lines.append(Line("On the disk", name, ", ".join(filter(None, (said, schema)))))
    return lines


def schema_of(file: Path) -> str:
    """The version its tables have; empty: it is not there, or cannot be read."""
    if not os.path.isfile(file):
        return ""
    try:
        with closing(database.connect(file, read_only=True, busy_s=1.0)) as connection:
            return f"schema {int(connection.execute('PRAGMA user_version').fetchone()[0])}"
    except (sqlite3.Error, OpsError):
        return ""


def folder_size(folder: Path) -> tuple[int, bool]:
    """Bytes of the files in it, and whether those were all."""
    total, left, folders = 0, _ENTRIES, [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return total, False
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total, True


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


_CLAIMS = {"all": "runs what is queued", "own": "runs its own", "none": "runs nothing"}


def consoles(engine: Engine) -> list[Line]:
    """Who is alive on this state directory, and who watches the host. Called on the loop: the reads are its own."""
    lines = []
    try:
        for one in engine.consoles():
            since = datetime.fromtimestamp(one.started_at / 1e6).astimezone()
            own = ", this one" if one.pid == os.getpid() else ""
            said = f"{one.door}, {one.actor}, since {since:%Y-%m-%d %H:%M}, {_CLAIMS.get(one.claims, one.claims)}{own}"
            lines.append(Line("Consoles", f"pid {one.pid}", said))
        lines.append(Line("Consoles", "monitor", status(engine.monitoring.status())))
    except OpsError as error:
        lines.append(Line("Consoles", "unknown", error.message, "bad"))
    return lines


def terminal(environ: Mapping[str, str], known: Terminal) -> list[Line]:
    width, height = known.size
    remote = environ.get("SSH_CONNECTION", "").split()
    inside = "tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else ""
    over = f"SSH, from {remote[0]}" if remote else "SSH" if environ.get("SSH_TTY") else "this host's own"
    found = [
        ("TERM", environ.get("TERM", "not set") + (f", inside {inside}" if inside else "")),
        ("size", f"{width} columns, {height} lines"), ("colours", known.colours), ("glyphs", known.glyphs),
        ("mouse", "taken by the console" if known.mouse else "left to the terminal"), ("over", over),
    ]  # fmt: skip
    return [Line("Terminal", name, text) for name, text in found]
