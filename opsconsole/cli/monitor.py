"""`opsconsole monitor`: the host as it is now, line by line; the monitor in the background; exports."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics, monitor_lines, monitor_pages, output, signals
from opsconsole.cli.arguments import Parser
from opsconsole.cli.opened import engine_for, looking, reading, say_unwritable
from opsconsole.errors import ConsoleError, UsageError
from opsconsole.events import AnomalyEvent, Event, SampleTaken
from opsconsole.monitoring import control

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.export.server import Server
    from opsconsole.monitoring.station import Station
    from opsconsole.settings import Settings

_ACTIONS = ("start", "stop", "status", "reload", "clear", "history", "process", "grafana", "rules")
_EXAMPLES = (
    ("opsconsole monitor", "a line a second, and each anomaly as it opens and closes"),
    ("opsconsole monitor --once --json", "one look, as JSON"),
    ("opsconsole monitor start", "watch in the background, also when no console is open"),
    ("opsconsole monitor --prometheus --once", "the metrics as Prometheus reads them"),
    ("opsconsole monitor start --listen 127.0.0.1:9101", "and serve them at /metrics"),
    ("opsconsole monitor grafana > dashboard.json", "a dashboard; `monitor rules` prints alert rules"),
)
_READING = ("status", "history")
_FIRST_LOOK_S = 10.0
_STARTED_S = 30.0
_STALE_US = 3_000_000
_TURN_S = 0.2
_BACKGROUND = "background"
_SCRAPE_S = 5.0


def build() -> Parser:
    parser = Parser(
        "opsconsole monitor",
        "The host as it is now. If nobody watches this host yet, it does: it records, detects and tells.\n"
        "`start` does that in the background; `stop` ends it wherever it runs, until somebody starts it by hand.",
        _EXAMPLES,
    )
    add = parser.add_argument
    add("action", nargs="?", choices=_ACTIONS, metavar="ACTION",
        help="start, stop, status: the background monitor; reload: it reads the settings again; "
        "clear: forget closed anomalies; history [SERIES]: what was recorded; process PID: one process, closely; "
        "grafana, rules: print a dashboard, alert rules"
    )  # fmt: skip
    add("subject", nargs="?", metavar="SERIES|PID", help="of history, of process")
    add("--since", default="1h", metavar="TIME", help="with history: an age (30m, 24h, 7d) or an RFC 3339 time")
    add("--once", action="store_true", help="one look, then leave")
    add("--interval", type=_seconds, metavar="S", help="seconds between lines (the setting monitor.interval_s)")
    add("--duration", type=_seconds, metavar="S", help="leave after that many seconds")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a sample")
    form.add_argument("--prometheus", action="store_true", help="the text format of Prometheus")
    add("--top", type=_count, default=0, metavar="N", help="with the N busiest processes")
    add("--listen", metavar="HOST:PORT", help="serve /metrics there")
    add("--background", action="store_true", help=argparse.SUPPRESS)
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    if options.subject is not None and options.action not in ("history", "process"):
        raise UsageError(f"{options.action or 'monitor'} takes no {options.subject!r}")
    if options.action in ("grafana", "rules"):
        return _export(options.action)
    if options.action == "start":
        return _start(options)
    if options.action == "process":
        return monitor_pages.process(options.subject, json=options.json)
    if options.action is not None:
        return _command(options)
    return asyncio.run(_watch(options))


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a number, 0 or more")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 86400 * 365:
        raise argparse.ArgumentTypeError("seconds, at least 0.1")
    return value


# -- the background


def _start(options: argparse.Namespace) -> int:
    from opsconsole import detached

    with looking() as engine:
        _check(engine.settings)
        station = engine.monitoring
        found = station.status()
        if found.door == _BACKGROUND:
            if options.listen or options.interval:
                raise ConsoleError(
                    f"already watching: {monitor_lines.status(found)}",
                    hint="`opsconsole monitor stop` first, to start it with other options",
                )
            _say(options, station, f"already watching: {monitor_lines.status(found)}")
            return 0
        watched = found.state == "elsewhere"
        station.files.off.unlink(missing_ok=True)
        listen = options.listen or engine.settings.monitor.listen
        words = ["monitor", "--background", *(["--listen", listen] if listen else [])]
        words += ["--interval", str(options.interval)] if options.interval else []
        written = engine.paths.log.stat().st_size if engine.paths.log.exists() else 0
        pid = detached.start(words, engine.paths, "the monitor")
        until = time.monotonic() + _STARTED_S

        def begun() -> bool:
            if control.holder(station.files, station.files.next) if watched else station.alive:
                return True
            return (other := control.holder(station.files)) is not None and other.door == _BACKGROUND

        while not begun():
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                if begun():  # since the last look: ours has left its place to another start's
                    break
                with engine.paths.log.open(errors="replace") as log:
                    log.seek(written)
                    why = log.read(2000).strip().removeprefix("opsconsole: ")
                raise ConsoleError(f"the monitor did not start: {why or 'it ended at once'}")
            if time.monotonic() > until:
                raise ConsoleError("the monitor did not start", hint=f"its log is {engine.paths.log}")
            time.sleep(0.01)
        found = station.status()
        then = "" if found.door == _BACKGROUND else "; when it leaves, a background monitor goes on"
        _say(options, station, f"watching: {monitor_lines.status(found)}{then}")
    return 0


def _say(options: argparse.Namespace, station: Station, text: str) -> None:
    """For people; or who watches now, as JSON."""
    if options.json:
        output.ndjson([station.status().to_json()])
    else:
        output.text(f"{text}\n")


def _command(options: argparse.Namespace) -> int:
    with reading() if options.action in _READING else looking() as engine:
        station = engine.monitoring
        if options.action == "clear":
            _say(options, station, f"{station.clear()} closed anomalies forgotten")
            return 0
        if options.action == "history":
            return monitor_pages.history(station, options.subject, options.since, json=options.json)
        if options.action == "reload":
            _check(engine.settings)
            if not station.alive:
                raise ConsoleError("no monitor is running", hint="`opsconsole monitor start` starts one")
            station.reload()
            _say(options, station, "intervals, thresholds and alerts are read again")
            return 0
        if options.action == "stop":
            _say(options, station, "stopped" if station.stop() else "no monitor was running")
            return 0
        found = station.status()
        if options.json:
            health = station.health()
            output.ndjson([{**found.to_json(), "health": health.state, "why": health.why}])
            return 0
        output.text(monitor_lines.status(found) + "\n")
        output.text(diagnostics.harmless(f"health: {station.health().state}, {station.health().why}") + "\n")
    return 0


def _export(what: str) -> int:
    import json

    if what == "grafana":
        from opsconsole.monitoring.export.grafana import dashboard

        output.text(json.dumps(dashboard(), indent=2) + "\n")
        return 0
    from opsconsole.monitoring.detection.thresholds import parse
    from opsconsole.monitoring.export.rules import alert_rules
    from opsconsole.settings import load_settings

    monitor = load_settings().monitor
    output.text(alert_rules(parse(monitor.thresholds), monitor.idle_interval_s))
    return 0


# -- the foreground


async def _watch(options: argparse.Namespace) -> int:
    if options.once and (options.duration or options.listen):
        raise UsageError("--once goes neither with --duration nor with --listen")
    engine = engine_for("headless", "none", content_to_look=not options.background)
    _check(engine.settings)
    if options.interval is not None:
        engine.settings = _quicker(engine.settings, options.interval)
    loop = asyncio.get_running_loop()
    told_to_leave: asyncio.Future[signal.Signals | None] = loop.create_future()
    signals.listen(loop, lambda number: None if told_to_leave.done() else told_to_leave.set_result(number))
    view = monitor_lines.View(options, output.stdout.colours)
    server = None
    async with engine:
        say_unwritable(engine)
        if engine.unread is not None:
            diagnostics.report(engine.unread)
        station = engine.monitoring

        def hear(event: Event) -> None:
            if told_to_leave.done() or options.background:
                return
            try:
                if isinstance(event, SampleTaken):
                    view.sample(event, engine)
                    if options.once and event.sample.interval_s is not None:
                        told_to_leave.set_result(None)
                elif isinstance(event, AnomalyEvent):
                    view.anomaly(event.transition)
            except Exception as error:  # noqa: BLE001 - the reader of stdout has gone, say: it ends the command
                told_to_leave.set_exception(error)

        engine.subscribe(hear)
        if not options.background:
            station.look()
        if options.listen:  # first: whoever waits for the monitor's lock may rely on it
            server = _serve(options.listen, engine)
        door = _BACKGROUND if options.background else None
        own = station.start(by_hand=not options.once and not options.background, door=door)
        if not own and options.once and not station.alive:
            hear(await asyncio.to_thread(station.glance))  # stopped by hand: it stays so
            return 0
        if not own and options.background and not (own := await _turn(station, told_to_leave)):
            return 0
        other = None if own else asyncio.ensure_future(_follow(station, hear))
        if options.duration:
            loop.call_later(options.duration, lambda: None if told_to_leave.done() else told_to_leave.set_result(None))
        gone = asyncio.ensure_future(_until_gone(station)) if own else None
        try:
            await asyncio.wait([one for one in (told_to_leave, other, gone) if one], return_when="FIRST_COMPLETED")
        finally:
            failed = station.failure is not None
            for waiter in (other, gone):
                if waiter is not None:
                    waiter.cancel()
            if server is not None:
                await asyncio.to_thread(server.close)
    if other is not None and other.done() and not other.cancelled() and (error := other.exception()):
        raise error
    if not told_to_leave.done():
        return diagnostics.FAILED if failed else 0
    number = told_to_leave.result()
    return 0 if number is None else diagnostics.SIGNALLED + number


async def _turn(station: Station, told_to_leave: asyncio.Future[signal.Signals | None]) -> bool:
    """In the background, while another console watches: wait until it leaves. False: not wanted any more."""
    place = control.Lock(station.files, station.files.next)
    if not place.take(station.now(), _BACKGROUND):
        return False
    try:
        while not (station.files.off.exists() or told_to_leave.done()):
            if (found := control.holder(station.files)) is not None and found.door == _BACKGROUND:
                return False
            if found is None and station.start(by_hand=False, door=_BACKGROUND):
                return True
            await asyncio.sleep(_TURN_S)
    finally:
        place.release()
    return False


def _quicker(settings: Settings, interval_s: float) -> Settings:
    from dataclasses import replace

    monitor = replace(settings.monitor, interval_s=interval_s, idle_interval_s=max(interval_s, 30.0))
    return replace(settings, others={**settings.others, "monitor": monitor})


async def _follow(station: Station, hear: Callable[[Event], object]) -> None:
    """Another console watches: show what it sees."""
    diagnostics.tell(f"another console watches this host ({monitor_lines.status(station.status())}): showing its view")
    last = station.latest()
    stale = last is not None and station.now() - last.sample.time_us > _STALE_US
    seen = last.sample.time_us if last is not None and stale else 0  # a fresh one comes at once: we look
    while True:
        taken = station.latest()
        if taken is not None and taken.sample.time_us != seen:
            seen = taken.sample.time_us
            hear(taken)
        elif not station.alive:
            if station.start(by_hand=False):
                diagnostics.tell("the other console has left: watching from here")
                await _until_gone(station)
                return
            if station.files.off.exists():
                raise ConsoleError("somebody has stopped the monitor", hint="`opsconsole monitor start` starts it")
        await asyncio.sleep(0.1)


def _check(settings: Settings) -> None:
    """Said here, at once: else it would end the monitor's thread. Raises SettingsError."""
    from opsconsole.monitoring.detection.thresholds import parse

    parse(settings.monitor.thresholds)


async def _until_gone(station: Station) -> None:
    """Somebody stopped it, or it failed."""
    while station.status().state == "running":  # noqa: ASYNC110 - the end of a thread is no event of the loop
        await asyncio.sleep(0.2)


def _serve(address: str, engine: Engine) -> Server:
    """The engine's reads belong to its loop: a scrape asks there. Raises OpsErrors."""
    from opsconsole.monitoring.export.server import serve

    loop = asyncio.get_running_loop()

    async def text() -> str:
        return monitor_lines.exposition(engine.monitoring.latest(), engine)

    return serve(address, lambda: asyncio.run_coroutine_threadsafe(text(), loop).result(_SCRAPE_S), diagnostics.tell)
