"""Files of the operator's own in TOML, read so that no file can stop or hang the start."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

MOST_BYTES = 1024 * 1024
"""More is no file that somebody wrote."""


class NotTomlError(ValueError):
    """Raised with what is wrong with the text, or with what the file is in place of one."""


def read_text(file: Path, most: int = MOST_BYTES) -> str:
    """The text of a regular file; anything else, which a read may wait for forever, is refused.

    Raises OSError, UnicodeDecodeError, NotTomlError.
    """
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise NotTomlError("it is no file")
        data = opened.read(most + 1)
    if len(data) > most:
        raise NotTomlError(f"it has more than {most} bytes")
    return data.decode("utf-8")


def parse(text: str) -> dict[str, Any]:
    """What the text says. Raises NotTomlError, whatever the parser stumbles over."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (RecursionError, MemoryError) as error:
        raise NotTomlError("it is nested too deeply") from error
    except ValueError as error:  # a number with thousands of digits is not said to be wrong TOML
        raise NotTomlError(str(error)) from error
