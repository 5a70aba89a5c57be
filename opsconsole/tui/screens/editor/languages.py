"""The languages the editor knows: how a script says which it is, how it is coloured, commented and begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar

HIGHLIGHTED_LINES = 2000
"""Above, nothing is coloured: parsing after each key would be felt."""
COLOURED_LINE = 10_000
"""Characters; a text with a longer line is not coloured, nor is that line painted, nor reviewed while it is typed."""
COLOURED_TEXT = 256 * 1024
"""Characters in all; likewise."""
_QUERIES = Path(__file__).parent / "highlights"


@dataclass(frozen=True, slots=True)
class Language:
    """`interpreter` is what a TaskSpec is given; `grammar` the module of the tree-sitter grammar, empty for none."""

    id: str
    label: str
    interpreter: str
    endings: tuple[str, ...]
    comment: str
    template: str
    grammar: str = ""
    indent: int = 4


LANGUAGES: tuple[Language, ...] = (
    Language(
        "bash", "Shell", "bash", (".sh", ".bash", ".ksh"), "#",
        "#!/usr/bin/env bash\n# What it does, in a sentence.\n# Usage: NAME [ARGUMENTS]\n\nset -euo pipefail\n\n",
        "tree_sitter_bash", 2,
    ),
    Language(
        "python", "Python", "python3", (".py",), "#",
        '#!/usr/bin/env python3\n# What it does, in a sentence.\n# Usage: NAME [ARGUMENTS]\n\nimport sys\n\n\n'
        'def main() -> int:\n    return 0\n\n\nif __name__ == "__main__":\n    sys.exit(main())\n',
        "tree_sitter_python",
    ),
    Language(
        "powershell", "PowerShell", "pwsh", (".ps1", ".psm1"), "#",
        "#!/usr/bin/env pwsh\n# What it does, in a sentence.\n\nSet-StrictMode -Version Latest\n"
        "$ErrorActionPreference = 'Stop'\n\n",
        "tree_sitter_powershell",
    ),
    Language(
        "applescript", "AppleScript", "osascript", (".applescript", ".scpt"), "--",
        "-- What it does, in a sentence.\n\n",
    ),
)  # fmt: skip
BY_ID = {language.id: language for language in LANGUAGES}
_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh")
_PROGRAMS = {
    **dict.fromkeys(_SHELLS, "bash"), "pwsh": "powershell",
    "powershell": "powershell", "osascript": "applescript",
}  # fmt: skip


def language_of(text: str, name: str = "", interpreter: str = "") -> Language:
    """By the first line, else by the name's ending, else by the interpreter; a shell script if nothing tells."""
    found = _by_program(_program(text.partition("\n")[0]))
    if found is None:
        ending = Path(name).suffix.lower()
        found = next((language for language in LANGUAGES if ending in language.endings), None)
    return found or _by_program(interpreter.rpartition("/")[2]) or BY_ID["bash"]


def interpreter_of(text: str, language: Language) -> str:
    """What runs it: a shell that the first line names is kept, for the review judges each dialect."""
    program = _program(text.partition("\n")[0])
    return program if language.id == "bash" and program in _SHELLS else language.interpreter


def _program(line: str) -> str:
    """What the first line names: `python3` of `#!/usr/bin/env -S python3 -u`; empty for nothing."""
    if not line.startswith("#!"):
        return ""
    words = [word.rpartition("/")[2] for word in line[2:].split()]
    if words[:1] == ["env"]:
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return words[0] if words else ""


def _by_program(program: str) -> Language | None:
    if program.startswith("python"):
        return BY_ID["python"]
    return BY_ID.get(_PROGRAMS.get(program, ""))


def too_large(lines: Iterable[str]) -> str:
    """Why this text cannot be looked through after each key; empty where it can."""
    total = 0
    for line in lines:
        if len(line) > COLOURED_LINE:
            return f"a line above {COLOURED_LINE:,} characters"
        total += len(line) + 1
    return f"above {COLOURED_TEXT // 1024} KiB" if total > COLOURED_TEXT else ""


def too_large_for_colours(lines: Sequence[str]) -> str:
    """Why this text is not coloured; empty where it is."""
    return f"above {HIGHLIGHTED_LINES:,} lines" if len(lines) > HIGHLIGHTED_LINES else too_large(lines)


@cache
def query_of(language: Language) -> str:
    """The highlight query; capture names are those of `painting.LAYERS`."""
    return (_QUERIES / f"{language.id}.scm").read_text(encoding="utf-8")


@cache
def grammar_of(language: Language) -> Grammar | None:
    """The grammar; None where there is none, or where it is not installed: the text is then plain."""
    if not language.grammar:
        return None
    try:
        from tree_sitter import Language as Grammar

        return Grammar(import_module(language.grammar).language())
    except ImportError:
        return None
