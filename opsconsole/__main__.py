"""`python -m opsconsole`, and the console script."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

# Imports allocate much and free nothing: with the default threshold the collector takes a tenth of a short `--run`.
gc.set_threshold(50_000, 10, 10)

from opsconsole.cli.main import main as run_command_line  # noqa: E402


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run, and leave without taking the interpreter apart, which takes a while and changes nothing any more."""
    code = run_command_line(argv)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # what is left there was for a terminal that has gone
                stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
