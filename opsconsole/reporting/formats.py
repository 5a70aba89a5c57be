"""The formats a report can have, and writing it: whole or not at all, and for nobody else's eyes."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opsconsole.atomic import write_atomically
from opsconsole.errors import StorageError
from opsconsole.reporting.document import Document
from opsconsole.safety.sanitise import sanitise_name

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Format:
    """`suffix` of its files, without the dot."""

    id: str
    suffix: str
    label: str


FORMATS: Mapping[str, Format] = {
    one.id: one
    for one in (
        Format("md", "md", "Markdown"),
        Format("html", "html", "HTML, one file"),
        Format("json", "json", "JSON"),
        Format("csv", "csv", "CSV"),
        Format("svg", "svg", "SVG picture"),
    )
}
_KINDS: Mapping[str, tuple[str, ...]] = {
    "run": ("md", "html", "json"),
    "comparison": ("md", "html", "json"),
    "list": ("csv", "md", "html", "json"),
    "statistics": ("html", "svg", "md", "json", "csv"),
}


def formats_of(kind: str) -> tuple[str, ...]:
    """What a kind of report can be written in, the usual one first."""
    return _KINDS[kind]


def render(document: Document, format: str) -> str:
    """The whole text of the file. Raises KeyError for a format that there is not."""
    return _renderer(format)(document)


def _renderer(format: str) -> Callable[[Document], str]:
    from opsconsole.reporting import html, markdown, plain, svg

    return {
        "md": markdown.render,
        "html": html.render,
        "json": plain.json_text,
        "csv": plain.csv_text,
        "svg": svg.render,
    }[format]


def file_name(text: str, format: str) -> str:
    """A name for a report's file: letters, digits, dots and dashes of `text`."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:_LONGEST_NAME] or "report"
    return f"{stem}.{FORMATS[format].suffix}"


def save(folder: Path, name: str, text: str) -> Path:
    """Write it as `folder`/`name`, by rename, readable for its owner alone. `name` must be a name and no path,
    and not there yet.

    Raises StorageError.
    """
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise StorageError(f"{sanitise_name(name)!r} is no file name", hint="a name without a slash")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.path.lexists(folder / name):
            raise FileExistsError(errno.EEXIST, "there is a file of that name")
        write_atomically(folder / name, text.encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(
            f"the report could not be written: {error.strerror or error}", hint=f"look at {sanitise_name(str(folder))}"
        ) from error
    return folder / name
