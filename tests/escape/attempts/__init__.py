"""What a hostile script tries. Standard library only: all of it is handed to the supervisor as one script."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).parent
_PARTS = ("common", "files", "secrets", "services", "processes", "system", "remains")
_SOURCES = {name: (_FOLDER / f"{name}.py").read_text() for name in _PARTS}
NAMES = re.findall(r"^@attempt\ndef (\w+)", "".join(_SOURCES.values()), re.MULTILINE)

_LOADER = """
import sys, types
for name in ("tests", "tests.escape", "tests.escape.attempts"):
    sys.modules[name] = types.ModuleType(name)
for name, source in SOURCES.items():
    module = sys.modules["tests.escape.attempts." + name] = types.ModuleType("tests.escape.attempts." + name)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
sys.modules["tests.escape.attempts.common"].try_all()
"""


def script() -> str:
    """The one script that holds them all."""
    return f"SOURCES = {_SOURCES!r}\n{_LOADER}"
