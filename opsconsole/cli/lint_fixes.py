"""`opsconsole lint --fix`: the edits of findings applied to the text, and the file replaced by it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsconsole.atomic import write_atomically
from opsconsole.errors import ConsoleError
from opsconsole.safety.review.edits import apply, choose
from opsconsole.safety.review.model import Finding

__all__ = ["Fixed", "Judge", "apply", "choose", "fix", "replace"]

_MOST_ROUNDS = 10

Judge = Callable[[str], tuple[Sequence[Finding], bool]]
"""The findings of a text, and whether it can be parsed."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The new text, and the findings whose fixes made it, with their places at the time."""

    text: str
    done: tuple[Finding, ...]


def fix(text: str, judge: Judge) -> Fixed:
    """Applies fixes, and those that become possible by them, until none is left.

    A round after which the text cannot be parsed any more, or which brings an earlier text back, is not kept.
    """
    done: list[Finding] = []
    seen = {text}
    findings, was_parsed = judge(text)
    for _ in range(_MOST_ROUNDS):
        chosen = choose(findings)
        changed = apply(text, [edit for finding in chosen for edit in finding.fix or ()])
        if not chosen or changed in seen:
            break
        findings, parsed = judge(changed)
        if was_parsed and not parsed:
            break
        seen.add(changed)
        text, was_parsed = changed, parsed
        done += chosen
    return Fixed(text, tuple(done))


def replace(path: str, old: bytes, new: bytes) -> None:
    """Puts `new` in place of the file's content at once; its mode and, where allowed, its owner stay.

    Raises ConsoleError when it cannot be written, is no regular file, or does not hold `old` any more.
    """
    target = os.path.realpath(path)  # of a symbolic link the file is replaced, not the link
    try:
        if not os.path.isfile(target):
            raise ConsoleError(f"{path}: not a regular file, nothing is fixed in place")
        _replace(path, target, old, new)
    except OSError as error:
        raise ConsoleError(f"{path}: not fixed: {error.strerror}") from error


def _replace(path: str, target: str, old: bytes, new: bytes) -> None:
    with open(target, "rb") as file:
        if file.read(len(old) + 1) != old:
            raise ConsoleError(f"{path}: not fixed: it has changed meanwhile")
        like = os.fstat(file.fileno())
    write_atomically(Path(target), new, stat.S_IMODE(like.st_mode), (like.st_uid, like.st_gid))
