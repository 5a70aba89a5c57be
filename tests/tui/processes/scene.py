"""The console on the processes, whose host is what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.processes.dialogs import AskScreen
from opsconsole.tui.screens.processes.screen import ProcessesScreen, Taken
from opsconsole.tui.screens.processes.table import ProcessTable
from tests.tui.fake_engine import FakeEngine
from tests.tui.processes.fake_processes import FakeSampler, closely, install
from tests.tui.scenes import console
from tests.tui.tasks.scene import in_dialog
from tests.tui.waiting import shown, started, until

Patch = pytest.MonkeyPatch


@asynccontextmanager
async def opened(
    engine: FakeEngine, sampler: FakeSampler, patch: Patch, size: tuple[int, int] = (100, 30), details: Any = closely,
    *, read_only: bool = False,
) -> AsyncIterator[Pilot[Any]]:  # fmt: skip
    """After the first look. `details` None: one process closely is the real host's."""
    install(patch, sampler, details)
    app = console(engine, start="processes")
    app.read_only = read_only
    async with app.run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: sampler.refusal or len(table(pilot).listing.processes) == len(sampler.processes))
        await until(pilot, lambda: sampler.refusal or not sampler.shares_known or table(pilot).listing.measured)
        await until(pilot, lambda: sampler.refusal or " q quit" in shown(pilot))  # a notice may lie over it
        yield pilot


def screen(pilot: Pilot[Any]) -> ProcessesScreen:
    """Also when another one is on top."""
    return next(one for one in pilot.app.modes if isinstance(one, ProcessesScreen))  # type: ignore[attr-defined]


def table(pilot: Pilot[Any]) -> ProcessTable:
    return screen(pilot).query_one(ProcessTable)


def pids(pilot: Pilot[Any]) -> list[int]:
    return [one.pid for one in table(pilot).listing.processes]


def selected(pilot: Pilot[Any]) -> int:
    process = table(pilot).selected
    assert process is not None
    return process.pid


def tagged(pilot: Pilot[Any]) -> set[int]:
    return {pid for pid, _ in table(pilot).tagged}


def taken(pilot: Pilot[Any], processes: list[ProcessSample]) -> None:
    """Another look has found these."""
    screen(pilot)._take(Taken(processes, 1.0))


async def no_look(pilot: Pilot[Any]) -> None:
    """No look is under way, until the next time that anything is waited for."""
    while screen(pilot)._busy:
        await until(pilot, lambda: not screen(pilot)._busy)


async def stand_still(pilot: Pilot[Any], patch: Patch) -> None:
    """No look is under way, and no other one begins."""
    patch.setattr(screen(pilot), "look_again", lambda: None)
    await no_look(pilot)


async def look(pilot: Pilot[Any], sampler: FakeSampler, *processes: ProcessSample) -> None:
    """The next look, which finds these."""
    await no_look(pilot)  # one that began before may know other runs
    sampler.put(*processes)
    before = sampler.looks
    screen(pilot).look_again()
    await until(pilot, lambda: sampler.looks > before and not screen(pilot)._busy)


async def filtered(pilot: Pilot[Any], text: str) -> None:
    """Type a filter, all at once."""
    if not isinstance(pilot.app.focused, Input):
        await pilot.press("slash")
    pilot.app.screen.query_one("#filter-text", Input).value = text
    await pilot.pause()


async def asked(pilot: Pilot[Any], key: str = "K") -> None:
    await pilot.press(key)
    await in_dialog(pilot, AskScreen)
