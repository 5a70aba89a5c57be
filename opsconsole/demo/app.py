"""The demo as an app: for `opsconsole --demo`, and for pictures and tests."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from opsconsole.clock import SYSTEM
from opsconsole.demo.engine import DemoEngine, RecordedHost, demo_settings
from opsconsole.demo.moment import DemoClock, moment
from opsconsole.demo.place import place
from opsconsole.errors import ConsoleError, OpsError, UsageError
from opsconsole.paths import state_root
from opsconsole.settings import Settings
from opsconsole.tui import terminal
from opsconsole.tui.app import ConsoleApp, settle
from opsconsole.tui.picture import FOLDER

FROZEN = "OPSCONSOLE_DEMO_FROZEN"
"""Set, time stands still: for pictures of a terminal."""
PICTURE = "2026-11-20T14:02:07"
"""The moment of pictures: a Friday."""
MARK = "DEMO"


def _marked(engine: DemoEngine, clock: DemoClock, folder: Path, pictures: Path, **known: Any) -> ConsoleApp:
    """The console, marked, with a recorded host; but for `pictures` nothing outside of `folder` is written."""
    host = engine.trace.head["host"]
    app = ConsoleApp(
        lambda: engine, engine.settings, host=host["name"], user=host["user"], clock=clock.now,
        load=lambda: engine.host.sample().load[0], marks=(MARK,), **known,
    )  # fmt: skip
    app.head = replace(app.head, cores=host["cores"])
    app.recorded = RecordedHost(engine.host, folder, pictures)
    return app


def demo_app(
    folder: Path, *, at: str = PICTURE, frozen: bool = True, settings: Settings | None = None, **known: Any
) -> ConsoleApp:
    """A console whose state is in `folder`, which should be new; for `run_test` and pictures.

    Always the same: host web-03, user deploy, and a clock that stands still at `at` (local time). `known` goes to the
    ConsoleApp: `theme`, `start`, `driver`. Raises UsageError.
    """
    clock = DemoClock(moment(at), frozen=frozen)
    engine = DemoEngine(demo_settings(settings or Settings()), state_dir=folder, clock=clock)
    return _marked(engine, clock, folder, _pictures(), **known)


def run_demo(settings: Settings, *, at: str | None = None) -> int:
    """Open it on this terminal; its exit code. Only pictures are left when it has ended. Raises OpsErrors."""
    if why := terminal.refusal(os.environ):
        raise UsageError(why)
    clock = DemoClock(SYSTEM.now() if at is None else moment(at), frozen=bool(os.environ.get(FROZEN)))
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    pictures = _pictures()  # before home is another one
    try:
        with place() as folder:
            code = _show(settings, folder, clock, pictures)
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
    return 125 if code == 1 else code


def _pictures() -> Path:
    """Where the operator's pictures are, and stay; the folder this is started in, where there is no such place."""
    try:
        return state_root() / FOLDER
    except OpsError:
        return Path.cwd()


def _show(settings: Settings, folder: Path, clock: DemoClock, pictures: Path) -> int:
    engine = DemoEngine(demo_settings(settings), state_dir=folder / "state", clock=clock)
    app = _marked(engine, clock, folder, pictures, driver=terminal.ConsoleDriver, on_begun=settle)
    try:
        code = asyncio.run(terminal.run(app, app.link.close))
    except OpsError:
        raise
    except Exception as error:  # the log that a defect would be written to is that of the operator's own console
        raise ConsoleError(f"the demo failed: {type(error).__name__}: {error}") from error
    gc.freeze()  # as the console does
    if app.failure is not None:
        raise app.failure
    return code


def _leave(number: int, _frame: object) -> None:
    """Before the screen is there, and after it: the directory is removed on the way out."""
    sys.exit(128 + number)
