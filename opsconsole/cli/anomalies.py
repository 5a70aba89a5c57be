"""`opsconsole anomalies`: what is or was wrong with this host, and what people say to it."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.cli import anomaly_pages, diagnostics, output, wording
from opsconsole.cli.arguments import Parser, add_page_options
from opsconsole.errors import UsageError

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.storage.anomalies import AnomalyFilter

T = TypeVar("T")

_ACTIONS = ("list", "show", "ack", "silence", "note", "clear", "kinds")
_CHANGING = ("ack", "silence", "note", "clear")
_STATES = tuple(state.value for state in AnomalyState if state is not AnomalyState.PENDING)
_LONGEST_SILENCE_S = 366 * 86400.0
_EXAMPLES = (
    ("opsconsole anomalies --state open", "what is wrong now"),
    ("opsconsole anomalies --since 24h --severity high --counts", "how much of what since yesterday"),
    ("opsconsole anomalies show 17", "one of them: when, how bad, who was there, what to do"),
    (
        "opsconsole anomalies ack 17 --note 'the backup, ends at 6'",
        "seen: nobody is told again, unless it becomes worse",
    ),
    ("opsconsole anomalies silence --kind disk_full --subject /mnt/usb --for 7d --reason 'being moved'", "tell nobody"),
    ("opsconsole anomalies clear --until 30d", "remove closed ones that began more than 30 days ago"),
    ("opsconsole anomalies kinds disk_full", "its thresholds, and how they are set"),
)
_ABOUT = """What is or was wrong with this host, newest first.

list      (the default) with the filters below      silence  tell nobody of ID, or of --kind and --subject
show ID   all of one                                 clear    remove closed ones that the filters let through;
ack ID…   somebody looks after it                             --open: first close open ones by hand (one that
note ID TEXT                                                  still holds begins anew)
kinds [KIND]  every kind with the thresholds in force"""


def build() -> Parser:
    parser = Parser("opsconsole anomalies", _ABOUT, _EXAMPLES)
    add = parser.add_argument
    add("action", nargs="?", default="list", choices=_ACTIONS, metavar="|".join(_ACTIONS), help="what to do")
    add("words", nargs="*", metavar="ID|KIND|TEXT", help="what the action is about")
    add("--kind", action="append", default=[], metavar="K[,K]", help="a kind; `anomalies kinds` lists them")
    add("--severity", metavar="S", help=f"this one or a graver one: {', '.join(each.word for each in Severity)}")
    add("--state", action="append", default=[], metavar="S[,S]", help=f"{', '.join(_STATES)}; open means flapping too")
    add("--since", metavar="TIME", help="still open at that time or later: an age (30m, 24h, 7d) or an RFC 3339 time")
    add("--until", metavar="TIME", help="opened before that time")
    add("--subject", metavar="PATTERN", help="a part of what it is about, or a pattern with * and ? of all of it")
    add("--counts", action="store_true", help="how many of each kind and severity, in place of a list")
    add("--note", metavar="TEXT", help="ack: with a note")
    add("--for", dest="span", metavar="TIME", help="silence: for how long (2h, 7d)")
    add("--reason", default="", metavar="TEXT", help="silence: why")
    add("--open", action="store_true", help="clear: close open ones by hand, too")
    add("--json", action="store_true", help="one JSON object a line")
    add_page_options(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    from opsconsole.cli.opened import looking, reading

    with looking() if options.action in _CHANGING else reading() as engine:
        action: Callable[[Engine, argparse.Namespace], None] = {
            "list": _list, "show": _show, "ack": _acknowledge, "silence": _silence, "note": _note, "clear": _clear,
            "kinds": _kinds,
        }[options.action]  # fmt: skip
        action(engine, options)
    return 0


def filter_of(options: argparse.Namespace, now: int) -> AnomalyFilter:
    """The options as a filter. Raises UsageError."""
    from opsconsole.storage.anomalies import AnomalyFilter

    states = frozenset(_state(word) for word in _split(options.state))
    if AnomalyState.OPEN in states:
        states |= {AnomalyState.FLAPPING}
    return AnomalyFilter(
        kinds=frozenset(_kind(word) for word in _split(options.kind)),
        severity=None if options.severity is None else Severity.parse(options.severity),
        states=states,
        since_us=None if options.since is None else wording.parse_moment(options.since, now),
        until_us=None if options.until is None else wording.parse_moment(options.until, now),
        subject=options.subject,
        before=options.before,
        limit=options.limit,
    )


def _split(words: Iterable[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",") if part.strip()]


def _kind(word: str) -> str:
    from opsconsole.monitoring.detection.kinds import KINDS

    if word in KINDS:
        return word
    import difflib

    near = difflib.get_close_matches(word, KINDS, 1)
    hint = f"did you mean {near[0]}?" if near else "`opsconsole anomalies kinds` lists them"
    raise UsageError(f"there is no kind of anomaly {word!r}", hint=hint)


def _state(word: str) -> AnomalyState:
    if word.lower() not in _STATES:
        raise UsageError(f"unknown state {word!r}", hint=f"one of {', '.join(_STATES)}")
    return AnomalyState(word.lower())


def _ids(words: list[str]) -> list[int]:
    if not words:
        raise UsageError("which anomaly?", hint="give its ID; `opsconsole anomalies` lists them")
    for word in words:
        if not (word.isascii() and word.isdigit()):
            raise UsageError(f"{word!r} is no ID of an anomaly", hint="`opsconsole anomalies` lists them")
    return [int(word) for word in words]


def _no_words(options: argparse.Namespace) -> None:
    if options.words:
        raise UsageError(f"`anomalies {options.action}` takes no {options.words[0]!r}")


def _change(engine: Engine, job: Callable[[sqlite3.Connection], T]) -> T:
    """In a transaction; the monitor, wherever it runs, is told to look what people did. Raises OpsErrors."""
    from contextlib import closing

    from opsconsole.monitoring import control
    from opsconsole.storage.database import open_database, translate

    path = engine.paths.database
    try:
        with closing(open_database(path, diagnostics.tell)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                found = job(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    except sqlite3.Error as error:
        raise translate(error, path) from error
    control.tell(engine.monitoring.files, "refresh")
    return found


# -- the actions


def _list(engine: Engine, options: argparse.Namespace) -> None:
    _no_words(options)
    station = engine.monitoring
    chosen = filter_of(options, station.now())
    if options.counts:
        counted = station.counts(chosen)
        if options.json:
            output.ndjson([counted.to_json()])
        else:
            output.text(anomaly_pages.counts(counted))
        return
    found = station.anomalies(chosen)
    if options.json:
        output.ndjson(anomaly.to_json() for anomaly in found)
    else:
        output.text(anomaly_pages.table(found, station.now()))


def _show(engine: Engine, options: argparse.Namespace) -> None:
    found = [engine.monitoring.anomaly(id) for id in _ids(options.words)]
    if options.json:
        output.ndjson(anomaly.to_json() for anomaly in found)
    else:
        output.text("\n".join(anomaly_pages.page(anomaly, engine.monitoring.now()) for anomaly in found))


def _acknowledge(engine: Engine, options: argparse.Namespace) -> None:
    from opsconsole.storage import anomalies

    ids, by, now = _ids(options.words), engine.origin.actor, engine.monitoring.now()

    def job(c: sqlite3.Connection) -> list[Any]:
        found = []
        for id in ids:
            anomaly = anomalies.acknowledge(c, id, by, now)
            found.append(anomalies.note(c, id, by, options.note, now) if options.note else anomaly)
        return found

    _tell(_change(engine, job), options, lambda one: f"acknowledged by {one.acknowledged_by}")


def _note(engine: Engine, options: argparse.Namespace) -> None:
    from opsconsole.storage import anomalies

    id, text = _ids(options.words[:1])[0], " ".join(options.words[1:]).strip()
    if not text:
        raise UsageError("which note?", hint="`opsconsole anomalies note ID TEXT`")
    by, now = engine.origin.actor, engine.monitoring.now()
    _tell([_change(engine, lambda c: anomalies.note(c, id, by, text, now))], options, lambda _: "noted")


def _silence(engine: Engine, options: argparse.Namespace) -> None:
    from opsconsole.storage import anomalies, silences

    now, by = engine.monitoring.now(), engine.origin.actor
    until = now + _span(options.span)
    if options.words:
        if options.kind or options.subject is not None:
            raise UsageError("silence either an ID, or --kind and --subject")
        ids = _ids(options.words)

        def each(c: sqlite3.Connection) -> list[Any]:
            """The episode, and those that follow it within that time."""
            found = [anomalies.silence(c, id, until) for id in ids]
            for one in found:
                silences.add(c, one.kind, one.subject, until, by=by, reason=options.reason, now=now)
            return found

        _tell(_change(engine, each), options, lambda _: f"silenced until {wording.moment(until)}")
        return
    if not options.kind and options.subject is None:
        raise UsageError("silence what?", hint="an ID, or --kind K and perhaps --subject S")
    kinds: list[str | None] = [_kind(word) for word in _split(options.kind)] or [None]

    def whole(c: sqlite3.Connection) -> list[int]:
        return [silences.add(c, kind, options.subject, until, by=by, reason=options.reason, now=now) for kind in kinds]

    made = _change(engine, whole)
    if options.json:
        from opsconsole.models import rfc3339

        output.ndjson(
            {"id": id, "kind": kind, "subject": options.subject, "until": rfc3339(until), "reason": options.reason}
            for id, kind in zip(made, kinds, strict=True)
        )
        return
    what = ", ".join(kind or "every kind" for kind in kinds) + (f" of {options.subject}" if options.subject else "")
    output.text(diagnostics.harmless(f"{what}: silenced until {wording.moment(until)}") + "\n")


def _span(text: str | None) -> int:
    """Microseconds. Raises UsageError."""
    if text is None:
        raise UsageError("silence for how long?", hint="--for 2h (s, m, h, d, w)")
    try:
        span = -wording.parse_moment(text, 0)
    except UsageError:
        span = 0
    if not 0 < span <= _LONGEST_SILENCE_S * 1e6:
        raise UsageError(f"--for {text}: a time such as 30m, 2h or 7d, a year at the most")
    return span


def _clear(engine: Engine, options: argparse.Namespace) -> None:
    from opsconsole.storage import anomalies

    _no_words(options)
    now, by = engine.monitoring.now(), engine.origin.actor
    chosen = filter_of(options, now)

    def job(c: sqlite3.Connection) -> tuple[int, int]:
        removed = anomalies.clear(c, chosen)  # first: what is closed by hand now is still to be seen
        return removed, anomalies.close_by_hand(c, chosen, by, now) if options.open else 0

    removed, closed = _change(engine, job)
    if options.json:
        output.ndjson([{"removed": removed, "closed": closed}])
    else:
        output.text(f"{removed} removed" + (f", {closed} closed" if options.open else "") + "\n")


def _kinds(engine: Engine, options: argparse.Namespace) -> None:
    from opsconsole.monitoring.detection.kinds import KINDS
    from opsconsole.monitoring.detection.thresholds import parse

    thresholds = parse(engine.settings.monitor.thresholds)
    names = [_kind(word) for word in (*options.words, *_split(options.kind))] or list(KINDS)
    if options.json:
        output.ndjson(anomaly_pages.kind_object(thresholds, name) for name in names)
    elif options.words:
        output.text("\n".join(anomaly_pages.kind_page(thresholds, name) for name in names))
    else:
        output.text(anomaly_pages.kinds_table(thresholds, names))


def _tell(found: Iterable[Any], options: argparse.Namespace, what: Callable[[Any], str]) -> None:
    if options.json:
        output.ndjson(anomaly.to_json() for anomaly in found)
        return
    for anomaly in found:
        output.text(
            diagnostics.harmless(f"{anomaly.id} {anomaly.kind} {anomaly.subject}".rstrip() + f": {what(anomaly)}")
        )
        output.text("\n")
