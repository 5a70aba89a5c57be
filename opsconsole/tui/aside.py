"""Lending the terminal to something else for a while: a pager, or plain text to select from."""

from __future__ import annotations

import asyncio
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import App

T = TypeVar("T")
_LOOK_MS = 200


async def step_aside(app: App[Any], work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Do it in a thread, with the terminal to itself as it was before the console; the engine goes on meanwhile.

    ^C is the other program's. `stop` makes the work end, when the console ends. Raises what `work` raises, back in the
    console, and textual's SuspendNotSupported.
    """
    failure: Exception | None = None
    with app.suspend():  # an exception that passes through it would leave the console without its terminal
        before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN: a child would inherit that
        try:
            done = await asyncio.to_thread(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, first the terminal
            failure = error
        except asyncio.CancelledError:
            stop()
            raise  # the console ends, and does not take the terminal again
        finally:
            signal.signal(signal.SIGINT, before)
    if failure is not None:
        raise failure
    return done


async def print_plain(app: App[Any], text: str) -> None:
    """Print the text and wait for enter: the terminal's own selection copies it without frames."""
    over = threading.Event()

    def shown() -> None:
        sys.__stdout__.write(f"{text}\n\n-- enter: back to the console --\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
        line = select.poll()
        line.register(sys.__stdin__, select.POLLIN)  # type: ignore[arg-type]
        while not over.is_set():
            if line.poll(_LOOK_MS):
                sys.__stdin__.readline()  # type: ignore[union-attr]
                return

    await step_aside(app, shown, over.set)
