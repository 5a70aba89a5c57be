"""`opsconsole --run FILE`: run scripts, show their output live, leave with their exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from opsconsole import __version__
from opsconsole.cli import diagnostics, output
from opsconsole.cli.arguments import Parser
from opsconsole.cli.task_options import add_task_options, path_source, specs, text_source
from opsconsole.errors import UsageError
from opsconsole.models import TaskSpec

_DESCRIPTION = """\
A keyboard-driven console for people who operate machines over SSH. Without a command it opens on this terminal.
With --run (or -c) it runs scripts without a screen, shows their output live, and leaves with their exit code.
A run outlives the console, the connection and kill -9; its output and exit code are kept.
"""

_EXIT_CODES = """\
exit code of --run (with several, the first that is not 0, in the order given):
  the script's own; 124 timed out, 125 the console itself failed, 126 refused by policy, 127 interpreter or script
  not found, 128+N ended by signal N, 130 cancelled, 2 usage
  Ctrl-C and SIGTERM cancel the scripts with all their processes (130, 143). When the terminal goes (SIGHUP) they
  run on (129). When stdout's reader leaves (| head) they run on to their end as well; the record has all output.
"""

_EXAMPLES = (
    ("opsconsole", "open the console"),
    ("opsconsole --read-only", "open it to look only: it runs nothing and has no key that changes anything"),
    ("opsconsole --demo", "try it out on a recorded host: nothing of this one is touched"),
    ("opsconsole --run backup.sh", "run a script, leave with its exit code"),
    ("opsconsole --run report.py --timeout 60 -- --since yesterday", "with a time limit, and arguments of its own"),
    ("opsconsole -c 'df -h; free -m' --json", "run a text; the result as one line of JSON"),
    ("opsconsole --run a.sh --run b.sh --jobs 2", "two at the same time, their lines never mixed"),
    ("opsconsole --run long.sh --detach", "hand it over and go home; prints the task id"),
    ("opsconsole show 17 --output", "what task 17 wrote"),
)


def build(commands: Mapping[str, str] | None = None) -> Parser:
    """The parser of `--run`; with `commands` its help is that of the whole program."""
    description = _DESCRIPTION
    if commands:
        description += "\ncommands (each has its own --help):\n"
        description += "".join(f"  {name:<10}{what}\n" for name, what in commands.items())
    description += "\n" + _EXIT_CODES
    usage = (
        "opsconsole [--read-only | --demo]\n       opsconsole --run FILE [--run FILE ...] [options] [-- ARGUMENT ...]\n"
        "       opsconsole COMMAND [options]"
    )
    parser = Parser("opsconsole", description, _EXAMPLES, usage)
    add = parser.add_argument
    add("--version", action="version", version=f"opsconsole {__version__}", help="print the version and leave")
    add("--run", dest="sources", action="append", type=path_source, default=[], metavar="FILE",
        help="a script to run; - reads it from standard input; can be repeated")  # fmt: skip
    add("-c", dest="sources", action="append", type=text_source, metavar="TEXT",
        help="run this text; in place of, or among, several --run")  # fmt: skip
    add("--jobs", type=int, metavar="N", help="how many of them run at the same time (default: 1, in the order given)")
    add("--json", action="store_true", help="stdout carries one result object a line, nothing else")
    add("--dry-run", action="store_true", help="say what would run, and contained by what; run nothing")
    add("--detach", action="store_true", help="hand over and return at once, printing the task id")
    add_task_options(parser)
    return parser


def run(words: Sequence[str], commands: Mapping[str, str] | None = None) -> int:
    """Run the command line without a command; returns the exit code. Raises OpsErrors."""
    cut = words.index("--") if "--" in words else len(words)
    options = build(commands).parse_args(words[:cut])
    if not options.sources:
        raise UsageError("nothing to run", hint="--run FILE or -c TEXT; `opsconsole` alone opens the console")
    _check(options)
    wanted = specs(options, options.sources, words[cut + 1 :])
    if options.dry_run:
        from opsconsole.cli import dry_run

        return dry_run.show(wanted, json=options.json)
    if options.detach:
        return _detach(wanted, json=options.json)
    return _run(wanted, options)


def _check(options: argparse.Namespace) -> None:
    """Options that contradict each other. Raises UsageError."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: at least 1")
    if options.detach and options.jobs is not None:
        raise UsageError("--jobs has no meaning with --detach: whoever claims the tasks decides")
    if options.stdin == "-":
        if len(options.sources) > 1 or options.retries:
            raise UsageError("standard input can be read only once", hint="--stdin FILE can be read again and again")
        if options.detach:
            raise UsageError("--stdin - has no meaning with --detach: your input ends when you leave")


def _run(wanted: list[TaskSpec], options: argparse.Namespace) -> int:
    _load_asyncio_without_tls()
    import asyncio

    from opsconsole.cli.headless import Headless
    from opsconsole.cli.opened import engine_for

    async def headless() -> int:
        engine = engine_for("headless", "own")
        stdin_fd = 0 if options.stdin == "-" else None
        return await Headless(engine, wanted, jobs=options.jobs or 1, json=options.json, stdin_fd=stdin_fd).run()

    return asyncio.run(headless())


def _load_asyncio_without_tls() -> None:
    """asyncio does without ssl where there is none; loading it costs a tenth of a short run, and no run needs it."""
    if "ssl" not in sys.modules and "asyncio" not in sys.modules:
        sys.modules["ssl"] = None  # type: ignore[assignment]  # the documented way to make an import fail
        try:
            import asyncio  # noqa: F401
        finally:
            del sys.modules["ssl"]


def _detach(wanted: list[TaskSpec], *, json: bool) -> int:
    from opsconsole.cli.opened import looking

    codes = []
    with looking() as engine:
        for spec in wanted:
            task = engine.add_detached(spec)
            result = engine.result(task.id)
            if json:
                output.ndjson([result.to_json()])
            elif task.status.is_open:
                output.text(f"{task.id}\n")
            ended = not task.status.is_open
            if ended and (told := diagnostics.ending(result)):
                diagnostics.tell(told)
            codes.append(diagnostics.exit_code(result) if ended else 0)
    return next((code for code in codes if code), 0)
