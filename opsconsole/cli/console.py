"""`opsconsole` without a command: the other door."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence

from opsconsole.cli.channel import Channel
from opsconsole.errors import UsageError
from opsconsole.settings import load_settings

DEMO_AT = "--demo-at"
"""The moment a demo plays at, in place of now; for pictures."""
_WHILE_LOADING = 1_000_000
"""So many objects are made before the collector of garbage looks: nothing that is loaded becomes garbage."""


def run(*, read_only: bool = False) -> int:
    """Open the console on this terminal. Raises UsageError where there is none."""
    _check_terminal()
    gc.set_threshold(_WHILE_LOADING)  # until the console has begun
    from opsconsole.tui.light_loading import defer_types, load_asyncio

    load_asyncio()
    defer_types()
    from opsconsole.tui.app import run_console

    return int(run_console(load_settings(), read_only=read_only))


def run_demo(words: Sequence[str]) -> int:
    """Open the console on a recorded host; `words` are what stands behind `--demo`. Raises UsageError."""
    at: str | None = None
    match [word for joined in words for word in joined.split("=", 1)]:
        case []:
            pass
        case [name, at] if name == DEMO_AT:
            pass
        case other:
            raise UsageError(
                f"{' '.join(other)!r} does not go with --demo, which runs nothing",
                hint="`opsconsole --demo` alone, or with --demo-at 2026-11-20T14:02:07",
            )
    _check_terminal()
    from opsconsole.demo.app import run_demo as play

    return play(load_settings(), at=at)


def _check_terminal() -> None:
    if not (Channel(0).terminal and Channel(1).terminal):
        problem = "standard input and output are not a terminal"
    elif os.environ.get("TERM", "dumb") in ("dumb", ""):
        problem = "this terminal (TERM=dumb) cannot show it"
    else:
        return
    raise UsageError(
        f"the console needs a terminal: {problem}",
        hint="`opsconsole --run FILE` runs a script without one; `opsconsole --help` shows the rest",
    )
