"""`opsconsole queue`: what waits and runs, from any terminal."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics, output, wording
from opsconsole.cli.arguments import Parser, add_page_options
from opsconsole.cli.objects import task_object
from opsconsole.cli.table import Cell, Column, render
from opsconsole.cli.task_options import PRIORITIES, add_task_options, path_source, specs, text_source
from opsconsole.errors import OpsError, UsageError
from opsconsole.models import OPEN, Priority, Status, Task

if TYPE_CHECKING:
    from opsconsole.engine import Engine

_COMMANDS = {
    "cancel": "end it, whatever it is doing: a waiting task at once, a running one with all its processes",
    "pause": "freeze a running task",
    "resume": "let a paused task go on",
    "hold": "keep a queued task from starting",
    "release": "let a held task start",
    "retry": "run an ended task once more, as a new task; prints its id",
}
_EXAMPLES = (
    ("opsconsole queue list", "what waits and runs"),
    ("opsconsole queue add nightly.sh --priority low --after 17", "run it when task 17 has succeeded"),
    ("opsconsole queue priority critical 18 19", "let them go first"),
    ("opsconsole queue cancel 18 19", "end both"),
    ('opsconsole queue hold 20 --reason "the mirror is down"', "the reason is kept: show 20 --events"),
)


def build() -> Parser:
    parser = Parser("opsconsole queue", "List, add and steer tasks.", _EXAMPLES)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)

    def action(name: str, description: str, handler: Callable[[Engine, argparse.Namespace], int]) -> Parser:
        sub: Parser = actions.add_parser(name, description=description, help=description)
        sub.set_defaults(handler=handler)
        sub.add_argument("--json", action="store_true", help="one JSON object a line")
        return sub

    add_page_options(action("list", "what is queued, waiting, running or paused, newest first", _list))
    add = action("add", "queue a script; prints the task id", _add)
    add.add_argument("file", nargs="?", type=path_source, metavar="FILE", help="the script; - reads standard input")
    add.add_argument("-c", dest="text", type=text_source, metavar="TEXT", help="a text in place of a file")
    add.add_argument("--hold", action="store_true", help="keep it from starting until it is released")
    add_task_options(add)
    add.set_defaults(arguments=[])
    for name, description in _COMMANDS.items():
        _add_ids(action(name, description, _steer))
    priority = action("priority", "change the priority of queued tasks", _steer)
    priority.add_argument("level", choices=PRIORITIES, metavar="LEVEL", help=", ".join(PRIORITIES))
    _add_ids(priority)
    return parser


def _add_ids(parser: Parser) -> None:
    parser.add_argument("ids", nargs="+", type=int, metavar="ID", help="task ids")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the record: `opsconsole show ID --events` has it")


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    from opsconsole.cli.opened import looking, reading

    handler: Callable[[Engine, argparse.Namespace], int] = options.handler
    with reading() if handler is _list else looking() as engine:
        return handler(engine, options)


def _list(engine: Engine, options: argparse.Namespace) -> int:
    from opsconsole.storage.history import Filter

    tasks = engine.tasks(Filter(statuses=OPEN, limit=options.limit, before=options.before))
    if options.json:
        output.ndjson(task_object(engine, task) for task in tasks)
        return 0
    columns = (
        Column("ID", right=True), Column("STATUS"), Column("PRIORITY"), Column("SINCE"), Column("FOR", right=True),
        Column("NAME", yields=True), Column("WAITS FOR", yields=True),
    )  # fmt: skip
    rows = [_row(engine, task) for task in tasks]
    output.text(render(columns, rows, output.stdout.columns()))
    _say_if_nobody_claims(engine, tasks)
    return 0


def _row(engine: Engine, task: Task) -> list[str | Cell]:
    since = task.started_at if task.status.is_active else task.queued_at
    elapsed = None if since is None else max(0.0, time.time() - since / 1_000_000)
    why = "" if task.status.is_active else engine.waiting_reason(task.id) or ""
    return [
        str(task.id),
        Cell(task.status.value, wording.colour(task.status) if output.stdout.colours else ""),
        task.priority.name.lower(),
        wording.moment(since),
        wording.duration(elapsed),
        diagnostics.harmless(task.name),
        diagnostics.harmless("it is being cancelled" if task.cancel_requested else why),
    ]


def _add(engine: Engine, options: argparse.Namespace) -> int:
    sources = [source for source in (options.file, options.text) if source is not None]
    if len(sources) != 1:
        raise UsageError("queue add takes either FILE or -c TEXT")
    if options.stdin == "-":
        raise UsageError("--stdin - has no meaning here: your input ends when you leave", hint="--stdin FILE")
    [spec] = specs(options, sources, options.arguments)
    task = engine.add(spec)
    code = 0
    if not task.status.is_open:
        result = engine.result(task.id)
        diagnostics.tell(diagnostics.ending(result) or f"{task.name}: {task.status}")
        code = diagnostics.exit_code(result)
    _print(engine, task, str(task.id) if task.status.is_open else "", json=options.json)
    _say_if_nobody_claims(engine, [task])
    return code


def _steer(engine: Engine, options: argparse.Namespace) -> int:
    value = Priority.parse(options.level) if options.action == "priority" else None
    codes = []
    for task_id in options.ids:
        try:
            task = engine.command(options.action, task_id, value, options.reason)
        except OpsError as error:
            codes.append(diagnostics.report(error))
            continue
        word = "being cancelled" if task.cancel_requested and task.status.is_active else task.status.value
        told = str(task.id) if options.action == "retry" else f"{task.id} {_done(options.action, task, word)}"
        _print(engine, task, told, json=options.json)
    return next((code for code in codes if code), 0)


def _done(action: str, task: Task, word: str) -> str:
    if action == "priority":
        return task.priority.name.lower()
    return f"{action} requested" if action in ("pause", "resume") else word


def _print(engine: Engine, task: Task, text: str, *, json: bool) -> None:
    if json:
        output.ndjson([task_object(engine, task)])
    elif text:
        output.text(text + "\n")


def _say_if_nobody_claims(engine: Engine, tasks: list[Task]) -> None:
    waits = any(task.status is Status.QUEUED for task in tasks)
    if waits and not any(console.claims == "all" for console in engine.consoles()):
        diagnostics.tell(
            "no console is alive to run what is queued", hint="`opsconsole work` claims it; so does an open console"
        )
