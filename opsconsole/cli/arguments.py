"""The argument parser of every command: errors become UsageError, help goes through `output`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from opsconsole.cli import output
from opsconsole.errors import UsageError

_LARGEST = (1 << 63) - 1


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Measures the terminal itself: argparse would import shutil for it, once per option."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=min(output.stdout.columns() or 100, 110) - 2)


class Parser(argparse.ArgumentParser):
    """Knows exactly the options it was given: no abbreviations, since they would change with every new option."""

    def __init__(
        self, prog: str, description: str, examples: Sequence[tuple[str, str]] = (), usage: str | None = None
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=_examples(examples),
            formatter_class=_Formatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"`{self.prog} --help` shows how it is used")

    def _print_message(self, message: str, file: object = None) -> None:
        output.text(message)


def _examples(examples: Sequence[tuple[str, str]]) -> str | None:
    if not examples:
        return None
    return "\n".join(["examples:", *(f"  {command}\n      {what}" for command, what in examples)])


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """`K=V` words as a mapping. Raises UsageError."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(f"{option} {word}: expected KEY=VALUE")
        found[key] = value
    return found


def environment(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`K=V`, or `K` for the caller's own value, which then stays off the command line. Raises UsageError."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals and key not in environ:
            raise UsageError(f"--env {key}: your environment has no {key}", hint=f"--env {key}=VALUE sets one")
        found[key] = value if equals else environ[key]
    return found


def add_page_options(parser: Parser) -> None:
    """`--limit` and `--before` of a list that is shown newest first."""
    add = parser.add_argument
    add("--limit", type=_count, default=50, metavar="N", help="at most that many, 1 or more (default: 50)")
    add("--before", type=_id, metavar="ID", help="only older ones than this: the next page")


def _id(word: str) -> int:
    """Kept within what a database can hold."""
    try:
        return max(-_LARGEST, min(_LARGEST, int(word)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number") from None


def _count(word: str) -> int:
    number = _id(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} must be at least 1")
    return number
