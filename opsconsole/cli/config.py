"""`opsconsole config`: the settings, and what they mean."""

from __future__ import annotations

import argparse
import textwrap
from functools import reduce

from opsconsole.cli import diagnostics, output
from opsconsole.cli.arguments import Parser
from opsconsole.paths import config_file
from opsconsole.settings import documented, load_settings

_EXAMPLES = (
    ("opsconsole config", "all settings; a star marks those that are not at their default"),
    ("OPSCONSOLE_EXECUTION__CONCURRENCY=2 opsconsole config", "with one set by the environment"),
)


def build() -> Parser:
    parser = Parser(
        "opsconsole config",
        f"Every setting with its value, default and meaning. They are read from {config_file()} (TOML) and from\n"
        "variables: execution.concurrency is OPSCONSOLE_EXECUTION__CONCURRENCY.",
        _EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises SettingsError."""
    from opsconsole.monitoring.detection.thresholds import parse

    settings = load_settings()
    parse(settings.monitor.thresholds)  # a wrong one is said here, not only by the monitor
    rows = [
        {"setting": name, "value": reduce(getattr, name.split("."), settings), "default": default, "meaning": meaning}
        for name, default, meaning in documented()
    ]
    if options.json:
        output.ndjson(rows)
        return 0
    file = config_file()
    output.text(f"# {diagnostics.harmless(str(file))}{'' if file.is_file() else ' (there is none)'}\n")
    width = (output.stdout.columns() or 100) - 4
    for row in rows:
        changed = row["value"] != row["default"]
        value = diagnostics.harmless(_shown(row["value"]))
        default = f"  (default {_shown(row['default'])})" if changed else ""
        output.text(f"\n{'*' if changed else ' '} {row['setting']} = {value}{default}\n")
        output.text(textwrap.indent(textwrap.fill(row["meaning"], width), "    ") + "\n")
    return 0


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
