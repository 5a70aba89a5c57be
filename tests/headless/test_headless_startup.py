"""What `--run` must not load: it would cost more than the run itself."""

from __future__ import annotations

import subprocess
import sys

from headless_console import Console

HEAVY = {"textual", "rich", "sqlite_utils", "pydantic", "psutil"}
_AFTER_A_RUN = """
import sys
from opsconsole.cli.main import main
code = main(["-c", "exit 3"])
sys.stdout.write(str(code) + " " + " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_run_loads_nothing_heavy(console: Console) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AFTER_A_RUN], capture_output=True, env=console.environment, timeout=50, check=True
    )
    code, *modules = done.stdout.decode().split()
    assert code == "3"
    assert not HEAVY & set(modules)


def test_the_help_does_not_even_load_the_engine(console: Console) -> None:
    code = "import sys; from opsconsole.cli.main import main; main(['--help']); sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, env=console.environment).returncode == 0
