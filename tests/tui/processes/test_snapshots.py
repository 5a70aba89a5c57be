"""What the processes look like. After a wanted change: `pytest tests/tui/processes/test_snapshots.py
--snapshot-update`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.errors import ConsoleError
from opsconsole.models import Status
from opsconsole.storage.running import Running
from opsconsole.tui.screens.processes.detail import FactView
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.processes.fake_processes import FakeSampler, busy_host, details_of, install, serving
from tests.tui.processes.scene import Patch, asked, filtered, screen, table
from tests.tui.scenes import console
from tests.tui.waiting import settled, shown, started, until

Compare = Callable[..., bool]
HUGE, LARGE, SMALL = (300, 100), (160, 45), (80, 24)
SIZES = pytest.mark.parametrize("size", [HUGE, LARGE, SMALL], ids=["huge", "large", "small"])
THEMES = pytest.mark.parametrize("theme", ["opsconsole", "opsconsole-light"], ids=["dark", "light"])
Then = Callable[[Pilot[Any]], Awaitable[None]]


def keys(*wanted: str) -> Then:
    async def press(pilot: Pilot[Any]) -> None:
        await pilot.press(*wanted)

    return press


def after(sampler: FakeSampler, *then: Then) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """After the first look, without another one; with five minutes of graphs of the selected process."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        await until(pilot, lambda: sampler.refusal or len(table(pilot).listing.processes) == len(sampler.processes))
        await until(pilot, lambda: sampler.looks >= 2 or sampler.refusal)
        await until(pilot, lambda: not screen(pilot)._busy and (sampler.refusal or table(pilot).listing.measured))
        await until(pilot, lambda: screen(pilot)._runs or sampler.refusal)  # a look before the engine knows of none
        screen(pilot)._look = lambda: None  # type: ignore[method-assign]
        for one in then:
            await one(pilot)
        chosen = table(pilot).selected
        serving(screen(pilot)._detail, chosen, NOW, screen(pilot)._run_of(chosen))
        if screen(pilot)._closely and table(pilot).selected:
            await until(pilot, lambda: screen(pilot).query_one(FactView).text)
        await settled(pilot)

    return prepare


@pytest.fixture
def sampler(engine: FakeEngine, monkeypatch: Patch) -> FakeSampler:
    engine.put(id=14, name="reindex-orders", status=Status.RUNNING, started_at=NOW - 192 * SECOND)
    engine.running = [Running("14.2", 1, 4700, None, NOW)]
    found = busy_host()
    return install(monkeypatch, found, details_of(found))


@THEMES
@SIZES
def test_a_host_at_work(
    snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler, size: tuple[int, int], theme: str
) -> None:
    app = console(engine, start="processes", theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=after(sampler, keys("j", "space", "k")))


@SIZES
def test_a_tree_with_folds(
    snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler, size: tuple[int, int]
) -> None:
    async def fold(pilot: Pilot[Any]) -> None:
        await pilot.press("t")
        screen(pilot).go_to(900)
        await pilot.press("minus")
        screen(pilot).go_to(4701)
        await pilot.press("F")

    app = console(engine, start="processes")
    assert snap_compare(app, terminal_size=size, run_before=after(sampler, fold))


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["large", "small"])
def test_one_closely(snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler, size: tuple[int, int]) -> None:
    app = console(engine, start="processes")
    assert snap_compare(app, terminal_size=size, run_before=after(sampler, keys("enter")))


def test_a_filter_that_is_wrong(snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler) -> None:
    async def wrong(pilot: Pilot[Any]) -> None:
        await filtered(pilot, "user=www")
        await filtered(pilot, "user=www and cpu>x")
        await until(pilot, lambda: "column" in shown(pilot))

    app = console(engine, start="processes", theme="opsconsole-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=after(sampler, wrong))


def test_nothing_passes(snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler) -> None:
    async def nothing(pilot: Pilot[Any]) -> None:
        await filtered(pilot, "no-such-thing")
        await pilot.press("enter")

    app = console(engine, start="processes")
    assert snap_compare(app, terminal_size=SMALL, run_before=after(sampler, nothing))


def test_it_cannot_look(snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler) -> None:
    sampler.refusal = ConsoleError("/proc is not mounted here", hint="mount it, or give this container one")
    app = console(engine, start="processes")
    assert snap_compare(app, terminal_size=LARGE, run_before=after(sampler))


@pytest.mark.parametrize(("key", "size", "theme"), [("K", LARGE, "opsconsole"), ("r", SMALL, "opsconsole-light")])
def test_a_question(
    snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler, key: str, size: tuple[int, int], theme: str
) -> None:
    async def ask(pilot: Pilot[Any]) -> None:
        await pilot.press("space", "space", "space")
        await asked(pilot, key)

    app = console(engine, start="processes", theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=after(sampler, ask))


def test_process_1_wants_a_phrase(snap_compare: Compare, engine: FakeEngine, sampler: FakeSampler) -> None:
    async def ask(pilot: Pilot[Any]) -> None:
        screen(pilot).go_to(1)
        await asked(pilot)
        await pilot.press("t", "enter")
        await until(pilot, lambda: "type process 1" in shown(pilot))

    app = console(engine, start="processes")
    assert snap_compare(app, terminal_size=SMALL, run_before=after(sampler, ask))
