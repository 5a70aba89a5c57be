"""`opsconsole` without a command: the other door."""

from __future__ import annotations

import os

from opsconsole.cli.channel import Channel
from opsconsole.errors import UsageError
from opsconsole.settings import load_settings


def run(*, read_only: bool = False) -> int:
    """Open the console on this terminal. Raises UsageError where there is none."""
    if not (Channel(0).terminal and Channel(1).terminal):
        problem = "standard input and output are not a terminal"
    elif os.environ.get("TERM", "dumb") in ("dumb", ""):
        problem = "this terminal (TERM=dumb) cannot show it"
    else:
        problem = ""
    if problem:
        raise UsageError(
            f"the console needs a terminal: {problem}",
            hint="`opsconsole --run FILE` runs a script without one; `opsconsole --help` shows the rest",
        )
    from opsconsole.tui.app import run_console

    return int(run_console(load_settings(), read_only=read_only))
