"""What is imported when: looked up in fresh interpreters, not in the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "opsconsole"
SUPERVISOR = PACKAGE / "execution" / "supervisor"
HEAVY = ("textual", "rich", "pydantic", "sqlite_utils", "psutil")


def _modules_after(program: str, *options: str) -> set[str]:
    """The names in sys.modules of a new interpreter after it ran `program`."""
    script = f"{program}\nimport sys\nprint(*sys.modules, sep='\\n')"
    found = subprocess.run([sys.executable, *options, "-c", script], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_importing_the_package_loads_no_submodule() -> None:
    assert {name for name in _modules_after("import opsconsole") if name.startswith("opsconsole.")} == set()


def test_the_core_loads_nothing_heavy_and_nothing_of_the_screen() -> None:
    loaded = _modules_after(
        "from opsconsole import Engine, TaskSpec; Engine()\n"
        "import opsconsole.engine, opsconsole.cli.main, opsconsole.cli.run, opsconsole.cli.headless"
    )
    assert {name.partition(".")[0] for name in loaded} & set(HEAVY) == set()
    assert {name for name in loaded if name.startswith("opsconsole.tui")} == set()


def test_the_console_loads_nothing_of_its_demo_and_its_first_frame_waits_for_no_review() -> None:
    loaded = _modules_after(
        "import opsconsole.cli.console, opsconsole.tui.app, opsconsole.tui.screens.overview.screen, opsconsole.engine"
    )
    assert {name for name in loaded if name.startswith(("opsconsole.demo", "opsconsole.safety.review"))} == set()


def test_the_trace_is_read_without_the_screen() -> None:
    loaded = _modules_after("from opsconsole.demo.trace import recorded; recorded()")
    assert {name for name in loaded if name.startswith(("opsconsole.tui", "textual"))} == set()


def test_names_are_resolved_on_first_use_and_unknown_ones_are_attribute_errors() -> None:
    import opsconsole

    for name in set(opsconsole.__all__) - {"__version__"}:
        assert getattr(opsconsole, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Motor'"):
        _ = opsconsole.Motor  # type: ignore[attr-defined]


# -- the supervisor stands alone


@pytest.mark.parametrize("file", sorted(SUPERVISOR.glob("*.py")), ids=lambda file: file.name)
def test_a_supervisor_module_imports_only_the_standard_library_and_its_neighbours(file: Path) -> None:
    foreign = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            foreign += [
                alias.name for alias in node.names if alias.name.partition(".")[0] not in sys.stdlib_module_names
            ]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            foreign += [node.module] if str(node.module).partition(".")[0] not in sys.stdlib_module_names else []
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "a supervisor module reaches out of its folder"
    assert foreign == []


def test_the_supervisor_starts_isolated_without_site_packages_and_without_the_package() -> None:
    program = f"import sys; sys.path.insert(0, {str(SUPERVISOR.parent)!r})\nimport supervisor.parent, supervisor.slot"
    loaded = _modules_after(program, "-I", "-S")
    assert "supervisor.parent" in loaded
    assert {name for name in loaded if name.partition(".")[0] in (*HEAVY, "opsconsole", "site")} == set()


def test_the_supervisor_stays_lean() -> None:
    """Every slot is a fork of it: what it imports, each of them holds."""
    program = f"import sys; sys.path.insert(0, {str(SUPERVISOR.parent)!r})\nimport supervisor.parent"
    assert _modules_after(program, "-I", "-S") & {
        "asyncio",
        "logging",
        "pathlib",
        "subprocess",
        "sqlite3",
        "typing",
    } <= {"typing"}
