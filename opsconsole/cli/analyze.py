"""`opsconsole analyze`: which resource is the bottleneck, who causes it, since when, and what could be done."""

from __future__ import annotations

import argparse

from opsconsole.cli import output
from opsconsole.cli.analysis_text import text_of
from opsconsole.cli.arguments import Parser
from opsconsole.errors import UsageError
from opsconsole.paths import StatePaths, state_root
from opsconsole.settings import load_settings

_EXAMPLES = (
    ("opsconsole analyze", "what is short on this host now and over the last 15 minutes"),
    ("opsconsole analyze --minutes 120", "over the last two hours"),
    ("opsconsole analyze --json", "the same as one JSON object"),
)
_MOST_MINUTES = 30 * 24 * 60


def build() -> Parser:
    parser = Parser(
        "opsconsole analyze",
        "Which resource is the bottleneck, who causes it, since when, whether that is usual, and what could be done.\n"
        "Looks at the host for a second, and at what the monitor has recorded. Changes nothing. Exit code 0.",
        _EXAMPLES,
    )
    add = parser.add_argument
    add("--minutes", type=float, default=15.0, metavar="N", help="how far to look back (default: 15)")
    add("--json", action="store_true", help="one JSON object")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises UsageError, SettingsError."""
    if not 1 <= options.minutes <= _MOST_MINUTES:
        raise UsageError(f"--minutes {options.minutes:g} is out of range", hint="1 to 43200, which are 30 days")
    from opsconsole.monitoring.analysis.examination import examine, look

    paths, settings = StatePaths(state_root()), load_settings().monitor
    analysis, state = examine(paths, settings, look(paths, settings), options.minutes)
    if options.json:
        output.ndjson([{"health": state.to_json(), **analysis.to_json()}])
    else:
        output.text(text_of(analysis, state, width=output.stdout.columns(), colours=output.stdout.colours))
    return 0
