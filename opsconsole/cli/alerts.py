"""`opsconsole alerts`: what was told to whom, whether it arrived, and what is not told for a while."""

from __future__ import annotations

import argparse
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opsconsole.cli import diagnostics, output, wording
from opsconsole.cli.arguments import Parser, add_page_options
from opsconsole.cli.table import Cell, Column, render
from opsconsole.errors import OpsError, UsageError

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.alerts import Alerts

T = TypeVar("T")

_ACTIONS = ("list", "open", "test", "retry", "silences", "maintenance")
_STATES = ("queued", "sending", "sent", "failed", "dropped")
_COLOURS = {"sent": "32", "failed": "31", "queued": "33", "sending": "36"}
_LONGEST_S = 366 * 86_400.0
_EXAMPLES = (
    ("opsconsole alerts", "what was told to whom, newest first"),
    ("opsconsole alerts --state failed --json", "what did not arrive"),
    ("opsconsole alerts open", "what is open, and why nobody was told of it"),
    ("opsconsole alerts test mail", "send a test mail now, and say what the server answered"),
    ("opsconsole alerts retry 17", "send message 17 once more"),
    ("opsconsole alerts silences --remove 3", "tell again what silence 3 covers"),
    ("opsconsole alerts maintenance start --for 2h --reason 'new disks'", "tell nothing for two hours"),
    ("opsconsole alerts maintenance stop", "tell what is still open now"),
)
_ABOUT = """What was told to whom, and what is not told for a while.

list             (the default) the messages, newest first
open             what is open and was told, or why it was not
test [NOTIFIER]  send a test message now by this way, or by all that are set up
retry ID…        send a message once more
silences         what somebody silenced (`opsconsole anomalies silence`); --remove ID ends one
maintenance [start|stop|list]  tell nothing while somebody works on the host"""


def build() -> Parser:
    parser = Parser("opsconsole alerts", _ABOUT, _EXAMPLES)
    add = parser.add_argument
    add("action", nargs="?", default="list", choices=_ACTIONS, metavar="|".join(_ACTIONS), help="what to do")
    add("words", nargs="*", metavar="NOTIFIER|ID|start|stop", help="what the action is about")
    add("--state", action="append", default=[], metavar="S[,S]", help=f"list: one of {', '.join(_STATES)}")
    add("--remove", type=int, metavar="ID", help="silences: end this one")
    add("--for", dest="span", metavar="TIME", help="maintenance start: for how long (30m, 2h, 1d)")
    add("--reason", default="", metavar="TEXT", help="maintenance start: why")
    add("--json", action="store_true", help="one JSON object a line")
    add_page_options(parser)
    return parser


@dataclass(frozen=True, slots=True)
class _Opened:
    """The engine for settings and paths, and a connection of our own."""

    engine: Engine
    connection: sqlite3.Connection
    path: Path

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """In a transaction. Raises OpsErrors."""
        from opsconsole.storage.database import translate

        c = self.connection
        try:
            c.execute("BEGIN IMMEDIATE")
            try:
                found = work(c)
                c.execute("COMMIT")
            except BaseException:
                if c.in_transaction:
                    c.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error, self.path) from error
        return found


@contextmanager
def _opened(*, changes: bool) -> Iterator[_Opened]:
    from opsconsole.cli.opened import looking, reading
    from opsconsole.storage.database import connect, open_database

    with looking() if changes else reading() as engine:
        path = engine.paths.database
        opened = open_database(path, diagnostics.tell) if changes else connect(path, read_only=True)
        with closing(opened) as connection:
            yield _Opened(engine, connection, path)


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    actions: dict[str, Callable[[_Opened, argparse.Namespace], int]] = {
        "list": _list, "open": _open, "test": _test, "retry": _retry, "silences": _silences,
        "maintenance": _maintenance,
    }  # fmt: skip
    with _opened(changes=_changes(options)) as opened:
        return actions[options.action](opened, options)


def _changes(options: argparse.Namespace) -> bool:
    match options.action:
        case "list" | "open":
            return False
        case "silences":
            return options.remove is not None
        case "maintenance":
            return options.words not in ([], ["list"])
    return True


# -- messages


def _list(opened: _Opened, options: argparse.Namespace) -> int:
    from opsconsole.storage import outbox

    _no_words(options)
    states = [word.strip() for words in options.state for word in words.split(",") if word.strip()]
    for state in states:
        if state not in _STATES:
            raise UsageError(f"unknown state {state!r}", hint=f"one of {', '.join(_STATES)}")
    found = outbox.find(opened.connection, states, before=options.before, limit=options.limit)
    if options.json:
        output.ndjson(entry.to_json() for entry in found)
        return 0
    columns = (
        Column("ID", right=True), Column("STATE"), Column("TO"), Column("WHEN"), Column("TRIES", right=True),
        Column("WHAT", yields=True, least=20), Column("ANSWER", yields=True, least=12),
    )  # fmt: skip
    from opsconsole.monitoring.alerts.messages import title

    rows: list[list[str | Cell]] = [
        [
            str(entry.id),
            Cell(entry.state, _COLOURS.get(entry.state, "") if output.stdout.colours else ""),
            entry.notifier,
            wording.moment(entry.sent_at or entry.created_at),
            str(entry.attempts),
            diagnostics.harmless(title(entry.facts)),
            diagnostics.harmless(entry.answer or ""),
        ]
        for entry in found
    ]
    output.text(render(columns, rows, output.stdout.columns()))
    return 0


def _open(opened: _Opened, options: argparse.Namespace) -> int:
    from opsconsole.monitoring.alerts.messages import title
    from opsconsole.storage import alert_states

    _no_words(options)
    found = alert_states.open_ones(opened.connection)
    if options.json:
        output.ndjson(alert.to_json() for alert in found)
        return 0
    columns = (
        Column("STATE"), Column("SINCE"), Column("TOLD"), Column("WHAT", yields=True, least=20),
        Column("WHY NOT", yields=True, least=12),
    )  # fmt: skip
    rows: list[list[str | Cell]] = [
        [alert.state, wording.moment(alert.opened_at), wording.moment(alert.told_at),
         diagnostics.harmless(title(alert.facts)), diagnostics.harmless(alert.suppressed_by or "")]
        for alert in found
    ]  # fmt: skip
    output.text(render(columns, rows, output.stdout.columns()))
    return 0


def _retry(opened: _Opened, options: argparse.Namespace) -> int:
    from opsconsole.storage import outbox

    if not options.words:
        raise UsageError("retry which one?", hint="`opsconsole alerts` lists them with their ids")
    ids = [_number(word) for word in options.words]
    alerts = _alerts(opened)
    good = True
    for number in ids:
        if opened.write(partial(outbox.again, entry_id=number, now=_now())).state != "queued":
            raise UsageError(f"message {number} has been sent, or is just being sent")
        alerts.send_due([number])
        entry = outbox.get(opened.connection, number)
        good = good and entry.state == "sent"
        if options.json:
            output.ndjson([entry.to_json()])
        else:
            output.text(f"{number} {entry.state}: {diagnostics.harmless(entry.answer or '')}\n")
    return 0 if good else 1


def _test(opened: _Opened, options: argparse.Namespace) -> int:
    from opsconsole.alert_settings import NOTIFIERS
    from opsconsole.monitoring.alerts.notifiers import DeliveryError, configured

    alerts, settings = _alerts(opened), opened.engine.settings.alerts
    names = options.words or configured(settings)
    if not names:
        raise UsageError("nobody is told of anything", hint="alerts.notify says who is")
    for name in names:
        if name not in NOTIFIERS:
            raise UsageError(f"there is no notifier {name!r}", hint=f"one of {', '.join(NOTIFIERS)}")
    good = True
    for name in names:
        try:
            answer, arrived = alerts.test(name), True
        except DeliveryError as error:
            answer, arrived, good = str(error), False, False
        if options.json:
            output.ndjson([{"notifier": name, "delivered": arrived, "answer": diagnostics.harmless(answer)}])
        else:
            word = "delivered" if arrived else "failed"
            output.text(f"{name} {word}: {diagnostics.harmless(answer)}\n")
    return 0 if good else 1


def _alerts(opened: _Opened) -> Alerts:
    """That sends from this thread."""
    from opsconsole.host import host_name
    from opsconsole.models import ExecutionPolicy, Task, TaskSpec
    from opsconsole.monitoring.alerts import Alerts

    def job(work: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(opened.write(work))
        except OpsError as error:
            future.set_exception(error)
        return future

    def submit(script: str, policy: str, environment: Mapping[str, str]) -> Task:
        spec = TaskSpec(path=script, policy=ExecutionPolicy(policy), env=environment, labels={"alert": "command"})
        return opened.engine.add_detached(spec)

    engine = opened.engine
    return Alerts(
        engine.settings.alerts, job, host=host_name(), submit=submit, tell=diagnostics.tell,
        redaction=engine.redaction_of(),
    )  # fmt: skip


# -- what is not told for a while


def _silences(opened: _Opened, options: argparse.Namespace) -> int:
    from opsconsole.storage import silences

    _no_words(options)
    if options.remove is not None:
        if not opened.write(lambda c: silences.remove(c, options.remove)):
            raise UsageError(f"there is no silence {options.remove}", hint="`opsconsole alerts silences` lists them")
        if options.json:
            output.ndjson([{"removed": options.remove}])
        else:
            output.text(f"silence {options.remove} removed\n")
        return 0
    found = silences.active(opened.connection, _now())
    if options.json:
        output.ndjson(one.to_json() for one in found)
        return 0
    columns = (
        Column("ID", right=True), Column("KIND"), Column("SUBJECT", yields=True), Column("UNTIL"), Column("BY"),
        Column("WHY", yields=True),
    )  # fmt: skip
    rows: list[list[str | Cell]] = [
        [str(one.id), *(diagnostics.harmless(word) for word in (_any(one.kind), _any(one.subject))),
         wording.moment(one.until_us), diagnostics.harmless(one.by), diagnostics.harmless(one.reason)]
        for one in found
    ]  # fmt: skip
    output.text(render(columns, rows, output.stdout.columns()))
    return 0


def _maintenance(opened: _Opened, options: argparse.Namespace) -> int:
    from opsconsole.storage import silences

    now = _now()
    match options.words or ["list"]:
        case ["start"]:
            _start_maintenance(opened, options, now)
        case ["stop"]:
            ended = opened.write(lambda c: silences.stop_maintenance(c, now))
            if options.json:
                output.ndjson([{"ended": ended}])
            else:
                output.text("maintenance ended: what is still open is told now\n" if ended else "there was none\n")
            return 0
        case ["list"]:
            pass
        case words:
            raise UsageError(f"maintenance {' '.join(words)}: what is that?", hint="start --for 2h, stop or list")
    found = silences.maintenance(opened.connection, now)
    if options.json:
        output.ndjson(one.to_json() for one in found)
        return 0
    for one in found:
        why = f": {diagnostics.harmless(one.reason)}" if one.reason else ""
        output.text(f"maintenance until {wording.moment(one.until_us)} by {diagnostics.harmless(one.by)}{why}\n")
    for text in opened.engine.settings.alerts.maintenance:
        output.text(f"window {diagnostics.harmless(text)}\n")
    if not found and not opened.engine.settings.alerts.maintenance:
        output.text("no maintenance\n")
    return 0


def _start_maintenance(opened: _Opened, options: argparse.Namespace, now: int) -> None:
    from opsconsole.host import actor
    from opsconsole.storage import silences

    if options.span is None:
        raise UsageError("maintenance for how long?", hint="--for 2h")
    span_us = now - wording.parse_moment(options.span, now)  # an age, looked at the other way round
    if not 0 < span_us <= _LONGEST_S * 1e6:
        raise UsageError(f"--for {options.span}: more than nothing and at most a year", hint="--for 2h")
    reason = opened.engine.redaction_of().text(options.reason)
    opened.write(lambda c: silences.start_maintenance(c, now + span_us, by=actor(), reason=reason, now=now))


def _no_words(options: argparse.Namespace) -> None:
    if options.words:
        raise UsageError(f"{options.action} {options.words[0]}: what is that?", hint="`opsconsole alerts --help`")


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 19):
        raise UsageError(f"{word!r} is no id", hint="`opsconsole alerts` lists them with their ids")
    return int(word)


def _any(pattern: str | None) -> str:
    return "any" if pattern is None else pattern or "(the host)"


def _now() -> int:
    return time.time_ns() // 1000
