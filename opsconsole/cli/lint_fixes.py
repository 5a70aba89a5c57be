"""`opsconsole lint --fix`: the edits of findings applied to the text, and the file replaced by it."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from opsconsole.errors import ConsoleError
from opsconsole.safety.review.model import Edit, Finding

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


def choose(findings: Iterable[Finding]) -> list[Finding]:
    """Those whose fixes can be applied together; of two that touch the same place the worse one, then the first."""
    taken: list[tuple[int, int]] = []  # start and end, in order; no two touch but those of one finding
    chosen = []
    for finding in sorted(findings, key=lambda one: (-one.severity, one.start, one.rule)):
        edits = finding.fix or ()
        if not edits or any(_touches(edit, taken) for edit in edits):
            continue
        for edit in edits:
            insort(taken, (edit.start, edit.end))
        chosen.append(finding)
    return sorted(chosen, key=lambda one: one.start)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made. They do not overlap."""
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def _touches(edit: Edit, taken: list[tuple[int, int]]) -> bool:
    """Neighbours count as touching: the order of two insertions at one place is nobody's to guess."""
    before = bisect_left(taken, (edit.end + 1, 0))
    return before > 0 and taken[before - 1][1] >= edit.start


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
    handle, beside = tempfile.mkstemp(prefix=".opsconsole-lint-", dir=os.path.dirname(target))
    try:
        with open(handle, "wb") as file:
            file.write(new)
            file.flush()
            like, bits = os.stat(target), 0o7777
            if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(handle, like.st_uid, like.st_gid)
                except PermissionError:
                    bits = 0o777  # then it is ours, and set-id bits would now mean us
            os.fchmod(handle, like.st_mode & bits)
            os.fsync(handle)
        with open(target, "rb") as file:
            if file.read(len(old) + 1) != old:
                raise ConsoleError(f"{path}: not fixed: it has changed meanwhile")
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise
