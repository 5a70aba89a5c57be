"""`opsconsole pin`: keep a task's record for ever."""

from __future__ import annotations

import argparse

from opsconsole.cli import diagnostics, output
from opsconsole.cli.arguments import Parser
from opsconsole.cli.objects import task_object
from opsconsole.errors import OpsError

_EXAMPLES = (
    ("opsconsole pin 17", "keep task 17, whatever the history settings say"),
    ("opsconsole pin 17 --reason 'the audit wants it'", "and say why: `show 17 --events` has it"),
    ("opsconsole pin 17 --off", "let it go with the others of its age"),
)


def build() -> Parser:
    parser = Parser("opsconsole pin", "Keep a task, with its output, from ever being cleaned up.", _EXAMPLES)
    parser.add_argument("ids", nargs="+", type=int, metavar="ID", help="task ids")
    parser.add_argument("--off", action="store_true", help="unpin: clean-up may take it again")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the record: `opsconsole show ID --events` has it")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    from opsconsole.cli.opened import looking

    codes = []
    with looking() as engine:
        for task_id in options.ids:
            try:
                task = engine.command("pin", task_id, not options.off, options.reason)
            except OpsError as error:
                codes.append(diagnostics.report(error))
                continue
            if options.json:
                output.ndjson([task_object(engine, task)])
            else:
                output.text(f"{task.id} {'pinned' if task.pinned else 'not pinned'}\n")
    return next(iter(codes), 0)
