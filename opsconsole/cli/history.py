"""`opsconsole history`: what has run, newest first; its statistics; its clean-up."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics, output, wording
from opsconsole.cli.arguments import Parser, add_page_options
from opsconsole.cli.objects import task_object
from opsconsole.cli.table import Cell, Column, render
from opsconsole.cli.task_options import POLICIES
from opsconsole.errors import UsageError
from opsconsole.models import Door, Status

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.storage.history import Filter
    from opsconsole.storage.statistics import Statistics

_EXAMPLES = (
    ("opsconsole history --since 24h --status failed,timed_out", "what went wrong since yesterday"),
    ("opsconsole history --text 'rsync backup' --json", "runs whose name, script or output has both words"),
    ("opsconsole history --name 'backup*' --stats", "how often it succeeds, and how long it takes"),
    ("opsconsole history clean", "remove what the history settings no longer keep"),
)


def build() -> Parser:
    parser = Parser("opsconsole history", "What has run and what waits, newest first.", _EXAMPLES)
    add = parser.add_argument
    add("action", nargs="?", choices=["clean"], metavar="clean", help="remove what the history settings do not keep")
    add("--status", action="append", default=[], metavar="S[,S]", help=f"one of {', '.join(Status)}")
    add("--name", metavar="PATTERN", help="a part of the name, or a pattern with * and ? of all of it")
    add("--policy", choices=POLICIES, help="the policy it ran under")
    add("--since", metavar="TIME", help="queued at that time or later: an age (30m, 24h, 7d) or an RFC 3339 time")
    add("--until", metavar="TIME", help="queued before that time")
    add("--exit-code", type=int, metavar="N", help="exit code of the last attempt")
    add("--text", "--grep", metavar="WORDS", help="words in its name, its script or the end of what it printed")
    add("--door", choices=[door.value for door in Door], help="where it came in")
    add("--actor", metavar="USER", help="who submitted it")
    add("--host", metavar="HOST", help="where it was submitted")
    add("--label", metavar="K[=V]", help="a label it has, with that value")
    add("--stats", action="store_true", help="numbers in place of a list")
    add("--json", action="store_true", help="one JSON object a line")
    add_page_options(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    from opsconsole.cli.opened import looking, reading

    chosen = filter_of(options, time.time_ns() // 1000)
    with looking() if options.action == "clean" else reading() as engine:
        if options.action == "clean":
            return _clean(engine, json=options.json)
        if options.stats:
            return _statistics(engine.statistics(chosen), json=options.json)
        if options.json:
            output.ndjson(task_object(engine, task) for task in engine.tasks(chosen))
            return 0
        return _list(engine, chosen)


def filter_of(options: argparse.Namespace, now: int) -> Filter:
    """The options as a filter. Raises UsageError."""
    from opsconsole.storage.history import Filter

    key, equals, value = (options.label or "").partition("=")
    return Filter(
        statuses=frozenset(_status(word) for words in options.status for word in words.split(",") if word),
        name=options.name,
        policy=options.policy,
        since_us=None if options.since is None else wording.parse_moment(options.since, now),
        until_us=None if options.until is None else wording.parse_moment(options.until, now),
        exit_code=options.exit_code,
        text=options.text,
        host=options.host,
        door=options.door,
        actor=options.actor,
        label=(key, value if equals else None) if key else None,
        before=options.before,
        limit=options.limit,
    )


def _status(word: str) -> Status:
    try:
        return Status(word.strip().lower())
    except ValueError:
        raise UsageError(f"unknown status {word!r}", hint=f"one of {', '.join(Status)}") from None


def _list(engine: Engine, chosen: Filter) -> int:
    columns = (
        Column("ID", right=True), Column("STATUS"), Column("CODE", right=True), Column("QUEUED"),
        Column("TOOK", right=True), Column("NAME", yields=True), Column("BY", yields=True, least=6), Column("VIA"),
    )  # fmt: skip
    rows: list[list[str | Cell]] = [
        [
            str(task.id),
            Cell(task.status.value, wording.colour(task.status) if output.stdout.colours else ""),
            wording.code(task),
            wording.moment(task.queued_at),
            wording.duration(task.duration_s),
            diagnostics.harmless(task.name),
            diagnostics.harmless(task.actor),
            task.door,
        ]
        for task in engine.tasks(chosen)
    ]
    output.text(render(columns, rows, output.stdout.columns()))
    return 0


def _statistics(found: Statistics, *, json: bool) -> int:
    if json:
        output.ndjson([asdict(found)])
        return 0
    rate = "" if found.success_rate is None else f"{found.success_rate:.1%}"
    lines = {
        "tasks": str(found.total),
        **{f"  {status}": str(count) for status, count in sorted(found.by_status.items())},
        "success rate": rate,
        "ended in the last 24 h": str(found.last_24h.total),
        "duration, mean": wording.duration(found.mean_s),
        "duration, median": wording.duration(found.p50_s),
        "duration, 95 %": wording.duration(found.p95_s),
        "running": str(found.running),
        "queued and waiting": str(found.queue_depth),
        "wait, mean": wording.duration(found.wait_mean_s),
        "wait, 95 %": wording.duration(found.wait_p95_s),
    }
    output.text("".join(f"{key:<24}{value or '-':>10}\n" for key, value in lines.items()))
    return 0


def _clean(engine: Engine, *, json: bool) -> int:
    import asyncio

    cleaned = asyncio.run(engine.clean_up())
    if json:
        output.ndjson([asdict(cleaned)])
    else:
        freed = getattr(cleaned, "bytes", 0)
        output.text(f"{cleaned.tasks} tasks removed, {wording.size(freed)} freed\n")
    return 0
