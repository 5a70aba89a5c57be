"""The syntax tree of a shell script, from mvdan/sh: `shfmt --to-json` (the `shfmt-py` wheel carries the binary).

A process per script: it starts in about 2 ms, and a crash or a hang of it costs one verdict and no more.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from typing import Any

from opsconsole.safety.review.patterns import lazy

Node = dict[str, Any]

# The interpreters whose scripts are judged as shell → shfmt's dialect. zsh and others have no proof here.
DIALECTS = {"bash": "bash", "sh": "posix", "dash": "posix", "ash": "posix", "ksh": "mksh", "mksh": "mksh"}
TIMEOUT_S = 10.0


class ParseError(Exception):
    """The text is not a script of this dialect, as `line` and `column` (from 1, in bytes) say."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ParserMissing(Exception):
    """There is no shfmt on this host."""


@functools.cache
def executable() -> str:
    """Beside the interpreter (where pip puts it), else in PATH. Raises ParserMissing."""
    folders = [os.path.dirname(sys.executable), *os.get_exec_path()]
    for folder in folders:
        path = os.path.join(folder, "shfmt")
        if os.path.isabs(folder) and os.access(path, os.X_OK):
            return path
    import sysconfig

    path = os.path.join(sysconfig.get_path("scripts"), "shfmt")
    if os.access(path, os.X_OK):
        return path
    raise ParserMissing("the shell parser shfmt is not installed: pip install shfmt-py")


def parse(text: str, dialect: str = "bash") -> Node:
    """The tree of `text`; positions are offsets in UTF-8 bytes. Raises ParseError, ParserMissing."""
    try:
        done = subprocess.run(
            [executable(), "--to-json", "-ln", dialect],
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=TIMEOUT_S,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ParseError(f"the parser was not done after {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ParserMissing(f"the shell parser cannot be started: {error.strerror}") from error
    if done.returncode:
        raise _error(done.stderr.decode("utf-8", "replace"))
    tree = json.loads(done.stdout)
    if not isinstance(tree, dict):
        raise ParseError("the parser gave no tree")
    return tree


_POSITION = lazy(r"(?:<[^>]*>:)?(\d+):(\d+): (.*)", re.DOTALL)


def _error(message: str) -> ParseError:
    match = _POSITION.match(message.strip())
    if match is None:
        return ParseError(message.strip() or "the parser failed")
    return ParseError(match[3], int(match[1]), int(match[2]))
