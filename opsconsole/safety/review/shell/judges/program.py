"""What a program in a word does (awk, sed), told in the script's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from opsconsole.safety.review.shell import commands
from opsconsole.safety.review.shell.facts import Call
from opsconsole.safety.review.shell.words import Word

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

Acts = Callable[[str], Iterable[tuple[str, str | None]]]
"""(kind, target) of each part that reads another file, writes or executes. Raises ProgramError."""


class ProgramError(Exception):
    """Not a program that is understood here."""


def judge(walk: Walk, call: Call, word: Word, language: str, acts: Acts) -> None:
    """Judge the program in `word`, which is literal."""
    try:
        for kind, target in acts(word.text or ""):
            if kind == "read":
                commands.reads(walk, call, Word(word.span, target, target or ""))
                continue
            walk.script.effect(kind, target, call.name or language, word.span)
            what = f"writes {target or 'files'}" if kind == "write" else f"runs {target or 'commands'}"
            walk.deny("not-read-only", f"the {language} program {what}", word.span)
    except ProgramError as error:
        walk.deny("no-parse", f"the {language} program is not understood: {error}", word.span)
