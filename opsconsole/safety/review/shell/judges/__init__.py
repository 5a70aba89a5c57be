"""Commands with a language of their own: find's expressions, awk and sed programs, xargs, dd, shells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.facts import Call
from opsconsole.safety.review.shell.judges import awk, find, sed, simple
from opsconsole.safety.review.shell.words import Word

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

Judge = Callable[["Walk", Call, Spec, Sequence[Word]], None]

JUDGES: dict[str, Judge] = {
    "find": find.judge,
    "awk": awk.judge,
    "sed": sed.judge,
    "xargs": simple.xargs,
    "dd": simple.dd,
    "getent": simple.getent,
    "ssh": simple.ssh,
}

PROGRAMS: dict[str, Callable[[Walk, Call, Word], None]] = {"awk": awk.program, "sed": sed.program}
