"""Which command was asked for, and what becomes of its errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from opsconsole import __version__
from opsconsole.cli import channel, diagnostics, output
from opsconsole.cli.channel import ReaderGone
from opsconsole.errors import OpsError, UsageError
from opsconsole.host import require_execution

COMMANDS = {
    "work": "claim and run what is queued, without a screen",
    "queue": "list, add and steer tasks: cancel, pause, hold, retry, priority, …",
    "history": "what has run, with filters and statistics; `history clean` tidies up",
    "show": "one task: how it ended, its script and its output",
    "pin": "keep a task from ever being cleaned up",
    "lint": "what scripts do, what is wrong with them, whether a policy lets them run",
    "monitor": "the host as it is now; watch it in the background; Prometheus, Grafana",
    "anomalies": "what is or was wrong with this host; acknowledge, silence, note; thresholds",
    "alerts": "what was told to whom; test the ways to tell; silences, maintenance",
    "analyze": "which resource is the bottleneck, who causes it, since when, and what would help",
    "detect": "how unusual each value of a recorded series is, from a CSV file",
    "doctor": "what this host can enforce, what is missing and what that disables",
    "config": "every setting with its value, default and meaning",
}
"""One module of this package per command, named like it, with `build() -> Parser` and `run(options) -> int`."""

READ_ONLY = "--read-only"
DEMO = "--demo"
"""The options of the console itself."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. No traceback ever reaches the terminal."""
    channel.open_missing()
    try:
        return _dispatch(list(sys.argv[1:] if argv is None else argv))
    except OpsError as error:
        return diagnostics.report(error)
    except ReaderGone:
        return diagnostics.READER_GONE
    except KeyboardInterrupt:
        return diagnostics.CANCELLED
    except SystemExit as ended:  # argparse, after it has shown its help
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the outermost frame: whatever it is, it is said and logged
        return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    sqlite = sys.modules.get("sqlite3")
    if sqlite is not None and isinstance(error, sqlite.Error):
        from opsconsole.paths import StatePaths, state_root
        from opsconsole.storage.database import translate

        return diagnostics.report(translate(error, StatePaths(state_root()).database))
    return diagnostics.internal(error)


def _dispatch(words: list[str]) -> int:
    first = words[0] if words else ""
    if first in ("-h", "--help"):
        output.text(_command("run").build(COMMANDS).format_help())
        return 0
    if first == "--version":
        output.text(f"opsconsole {__version__}\n")
        return 0
    require_execution()
    if words in ([], [READ_ONLY]):
        return int(_command("console").run(read_only=bool(words)))
    if first == DEMO:
        return int(_command("console").run_demo(words[1:]))
    if first in COMMANDS:
        return _run_command(_command(first), words[1:])
    if first.startswith("-"):
        return int(_command("run").run(words, COMMANDS))
    import difflib

    near = difflib.get_close_matches(first, COMMANDS, 1)
    raise UsageError(
        f"there is no command {first!r}",
        hint=f"did you mean `opsconsole {near[0]}`?" if near else "`opsconsole --help` lists them; scripts need --run",
    )


def _run_command(module: Any, words: list[str]) -> int:
    cut = words.index("--") if "--" in words else len(words)
    parser = module.build()
    options = parser.parse_args(words[:cut])
    if not hasattr(options, "arguments") and words[cut:]:
        parser.error("this command takes no arguments after --")
    options.arguments = words[cut + 1 :]
    return int(module.run(options))


def _command(name: str) -> Any:
    return import_module(f"opsconsole.cli.{name}")
