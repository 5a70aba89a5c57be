"""An engine for a command: its notices go to stderr, its log into the state directory."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics
from opsconsole.engine import Claims, Engine
from opsconsole.events import Event, Notice
from opsconsole.settings import load_settings

if TYPE_CHECKING:
    from opsconsole.models import Door


def engine_for(door: Door | str, claims: Claims, *, watches: bool = False, content_to_look: bool = False) -> Engine:
    """An engine that is not started yet. Raises SettingsError."""
    engine = Engine(load_settings(), door=door, claims=claims, watches=watches, content_to_look=content_to_look)
    diagnostics.hide(engine.redaction_of())
    engine.subscribe(_tell)
    _keep_log(engine)
    return engine


@contextmanager
def looking() -> Iterator[Engine]:
    """An opened engine that reads and commands, and runs nothing. Raises OpsErrors."""
    with engine_for("headless", "none") as engine:
        yield engine


@contextmanager
def reading() -> Iterator[Engine]:
    """An opened engine for a command that changes nothing: where nothing can be written, it reads what is on record,
    and stderr says so. Raises OpsErrors, also where that cannot be read.
    """
    with engine_for("headless", "none", content_to_look=True) as engine:
        say_unwritable(engine)
        if engine.unread is not None:
            raise engine.unread
        yield engine


def say_unwritable(engine: Engine) -> None:
    """Why nothing can be written, where that is so."""
    if engine.unwritable is not None:
        diagnostics.tell(f"only looking: {engine.unwritable.message}", hint=engine.unwritable.hint)


def _tell(event: Event) -> None:
    if isinstance(event, Notice):
        diagnostics.tell(event.message)


def _keep_log(engine: Engine) -> None:
    """Without a handler, logging would write to stderr by itself, and unsanitised."""
    root = logging.getLogger()
    if not root.handlers and os.path.isdir(engine.paths.root) and not engine.paths.writable:
        root.addHandler(logging.NullHandler())  # another user's folder: nothing of ours is left in it
    if not root.handlers:
        logging.raiseExceptions = False  # a log on a full disk: its own failures are not for the screen
        handler = logging.FileHandler(engine.paths.log, encoding="utf-8", errors="backslashreplace", delay=True)
        handler.setFormatter(_Redacting())
        root.addHandler(handler)


class _Redacting(logging.Formatter):
    """No secret gets into the log, not even in a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return diagnostics.own_redaction().text(super().format(record))


def start_worker_if_draining() -> None:
    """With `on_hangup = "drain"`: a worker without a screen goes on where this console leaves. Raises OpsErrors."""
    with looking() as engine:
        if engine.settings.on_hangup == "drain" and not any(info.claims == "all" for info in engine.consoles()):
            from opsconsole.execution.worker import start_worker

            start_worker(engine.paths)
