"""What was closed is gone when nobody has typed for a while, however often it was opened."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from textual.dom import DOMNode
from textual.screen import Screen
from textual.strip import Strip

from opsconsole.tui.modes import MODES, Mode
from opsconsole.tui.sweeping import _STILL_S, Sweeper
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import settled, started, until


class Closed:
    """As a screen and a widget on it."""

    def __init__(self) -> None:
        self.widget = self


@pytest.fixture
def by_hand() -> Iterator[None]:
    """Nobody else looks for garbage meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("by_hand")
def test_it_sweeps_once_when_somebody_has_done_something_and_then_nothing_for_a_while() -> None:
    touched = now = 0.0
    sweeper = Sweeper(lambda: touched, lambda: now)
    one = weakref.ref(Closed())
    now = 1000.0
    assert not sweeper.look(), "nobody has done anything"
    touched, now = 1000.0, 1000.0 + _STILL_S - 0.1
    assert not sweeper.look() and one(), "somebody may be about to do more"
    now = 1000.0 + _STILL_S
    assert sweeper.look() and not one()
    two = weakref.ref(Closed())
    now = 5000.0
    assert not sweeper.look() and two(), "a console that nobody touches has nothing to sweep"
    touched, now = 5000.0, 5000.0 + _STILL_S
    assert sweeper.look() and not two()


async def test_a_key_and_the_mouse_are_somebody(engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await started(pilot)
        assert app.touched_at == 0
        await pilot.press("down")
        await until(pilot, lambda: app.touched_at > 0)
        before = app.touched_at
        await pilot.click(offset=(10, 10))
        await until(pilot, lambda: app.touched_at > before)


async def test_the_console_sweeps(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[bool] = []
    look = Sweeper.look
    monkeypatch.setattr("opsconsole.tui.sweeping._STILL_S", 0.0)
    monkeypatch.setattr(Sweeper, "look", lambda self: swept.append(look(self)))
    app = console(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await started(pilot)
        await until(pilot, lambda: app.modes.first.begun)
        await pilot.press("down")
        await until(pilot, lambda: any(swept))


MODAL = {"help": "question_mark", "commands": "colon", "jump": "semicolon", "submit": "n"}


@pytest.mark.parametrize("name", MODAL)
async def test_of_what_was_closed_nothing_is_left(engine: FakeEngine, name: str) -> None:
    """What refers to a closed screen for good keeps it, whoever sweeps."""
    app = console(engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        below = app.screen
        closed: list[weakref.ref[Screen[Any]]] = []
        for _ in range(4):
            await pilot.press(MODAL[name])
            await until(pilot, lambda: app.screen is not below and app.screen.is_mounted)
            closed.append(weakref.ref(app.screen))
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is below)

        def gone() -> bool:
            Sweeper(lambda: 1.0, lambda: 1.0 + _STILL_S).look()
            return not any(one() for one in closed)

        await until(pilot, gone)


@pytest.mark.usefixtures("by_hand")
async def test_modes_there_and_back_leave_nothing_to_sweep(engine: FakeEngine) -> None:
    """But for what Textual makes to lay a screen out: no lines, and no stand-ins for parts of widgets. A notice that
    moves along with the screen has some of both; the modes' own were 246 and 1,700."""
    app = console(engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)

        def seen(mode: Mode) -> bool:
            return app.modes.name_of(app.screen) == mode.id and app.modes.on_top.looks

        async def round_trip() -> None:
            for mode in (*MODES[1:], MODES[0]):
                await pilot.press(mode.key)
                await until(pilot, partial(seen, mode))

        await round_trip()
        await settled(pilot)
        gc.collect()
        for _ in range(3):
            await round_trip()
        await settled(pilot)
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            left = Counter(type(one) for one in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
        assert left[DOMNode] < 60 and left[Strip] < 300, left.most_common(10)
