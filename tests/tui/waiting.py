"""Waiting for what a test waits for, in place of sleeping."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from opsconsole.tui.screens.tasks.screen import TasksScreen
from opsconsole.tui.screens.tasks.table import TaskTable
from opsconsole.tui.widgets.output_view import OutputView
from tests.tui.idle import draw, due_within, threads_work


class Gate:
    """A thread that comes here waits until it is let through."""

    def __init__(self) -> None:
        self.reached, self._open = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self._open.wait(120)

    def open(self) -> None:
        self._open.set()


async def until(pilot: Pilot[Any], holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Return when `holds()`; fail when it does not in time, which is that of a busy machine."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, f"it never came: {getattr(holds, '__name__', holds)}; shown is\n{shown(pilot)}"
        await pilot.pause(0.02)
        draw()
    await pilot.pause()


def tasks_screen(pilot: Pilot[Any]) -> TasksScreen:
    return next(screen for screen in pilot.app.screen_stack if isinstance(screen, TasksScreen))


def table(pilot: Pilot[Any]) -> TaskTable:
    return tasks_screen(pilot).query_one(TaskTable)


def output(pilot: Pilot[Any]) -> OutputView:
    return tasks_screen(pilot).query_one(OutputView)


async def started(pilot: Pilot[Any]) -> None:
    """The engine has started, and its tasks are shown."""
    await until(pilot, lambda: pilot.app.engine is not None, timeout_s=90)  # type: ignore[attr-defined]
    await pilot.pause()


def lines_of(pilot: Pilot[Any]) -> list[str]:
    """The screen as text, line by line."""
    return ["".join(segment.text for segment in strip) for strip in pilot.app.screen._compositor.render_strips()]


def shown(pilot: Pilot[Any]) -> str:
    return "\n".join(lines_of(pilot))


async def settled(pilot: Pilot[Any], quiet_s: float = 0.3, timeout_s: float = 30.0) -> None:
    """Return when no thread works for the console and nothing is to happen soon, or when what was to happen soon has
    happened and changed nothing."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        await pilot.pause()
        if threads_work():
            await asyncio.sleep(0.005)
            continue
        wait = due_within(pilot.app, quiet_s)
        if not wait:
            return
        picture = pilot.app.screen._compositor.render_strips()
        await asyncio.sleep(wait)
        await pilot.pause()
        if not threads_work() and picture == pilot.app.screen._compositor.render_strips():
            return
    raise AssertionError(f"the picture never came to rest; shown is\n{shown(pilot)}")


def told(pilot: Pilot[Any]) -> str:
    """All that the console told, the last last; on the screen it stays for some seconds only, and is wrapped."""
    return "\n".join(entry.text for entry in pilot.app.journal.entries)  # type: ignore[attr-defined]
