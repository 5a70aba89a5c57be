"""The console wakes up once a second: with the look at the host, or by itself where none comes. Frames wake it no more
often than there are any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from textual.screen import UPDATE_PERIOD

from opsconsole.tui import frame_clock, heart
from opsconsole.tui.frame_clock import FrameClock
from opsconsole.tui.heart import Heart


class Loop:
    """Time as the test has it: `pass_to` calls what is due by then, in its order."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waiting: list[Handle] = []

    def call_later(self, delay: float, call: Callable[..., object], *arguments: Any) -> Handle:
        self.waiting.append(one := Handle(self, self.now + delay, lambda: call(*arguments)))
        return one

    def call_soon(self, call: Callable[..., object], *arguments: Any) -> Handle:
        return self.call_later(0.0, call, *arguments)

    def pass_to(self, moment: float) -> None:
        while due := sorted((one for one in self.waiting if one.at <= moment), key=lambda one: one.at):
            self.waiting.remove(due[0])
            self.now = max(self.now, due[0].at)
            due[0].call()
        self.now = moment


class Handle:
    def __init__(self, loop: Loop, at: float, call: Callable[[], object]) -> None:
        self.loop, self.at, self.call = loop, at, call

    def cancel(self) -> None:
        if self in self.loop.waiting:
            self.loop.waiting.remove(self)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    one = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: one)
    for module in (heart, frame_clock):
        monkeypatch.setattr(module, "monotonic", lambda: one.now)
    return one


def test_without_a_look_it_beats_by_itself(loop: Loop) -> None:
    beats: list[float] = []
    one = Heart(lambda call: call())
    one.every(1.0, lambda: beats.append(loop.now))
    loop.pass_to(103.1)
    assert beats == [101.0, 102.0, 103.0]


def test_looks_that_come_each_second_are_the_only_thing_that_wakes_it(loop: Loop) -> None:
    beats: list[float] = []
    woken: list[float] = []
    one = Heart(lambda call: (woken.append(loop.now), call()))
    one.every(1.0, lambda: beats.append(loop.now))
    for second in range(1, 6):
        loop.pass_to(100 + second + 0.02 * second)
        one.beat()
    assert len(beats) == 5 and len(woken) == 1, "the first look came a little after the first second"
    loop.pass_to(107.0)
    assert beats[-1] == pytest.approx(106.35) and len(woken) == 2, "none came: it beats by itself"


def test_what_is_due_less_often_is_done_less_often(loop: Loop) -> None:
    done: list[str] = []
    one = Heart(lambda call: call())
    one.every(1.0, lambda: done.append("second"))
    one.every(2.0, lambda: done.append("two"))
    one.every(3.0, lambda: done.append("three"))
    loop.pass_to(106.1)
    assert (done.count("second"), done.count("two"), done.count("three")) == (6, 3, 2)


def test_a_look_before_there_is_anything_to_do_wakes_nobody(loop: Loop) -> None:
    Heart(lambda call: call()).beat()
    assert loop.waiting == []


# -- frames


def clock_of(loop: Loop, fails: bool = False) -> tuple[FrameClock, list[float], SimpleNamespace]:
    drawn: list[float] = []
    app = SimpleNamespace(_exit=False, failed=[])
    app._handle_exception = app.failed.append

    def draw() -> None:
        drawn.append(loop.now)
        if fails:
            raise ValueError("it cannot be drawn")

    return FrameClock(app, draw), drawn, app  # type: ignore[arg-type]


def test_a_frame_is_drawn_at_once_and_nothing_wakes_it_afterwards(loop: Loop) -> None:
    clock, drawn, _ = clock_of(loop)
    clock.resume()
    clock.resume()
    loop.pass_to(100.0)
    assert drawn == [100.0] and loop.waiting == []


def test_frames_are_as_far_apart_as_textual_has_them(loop: Loop) -> None:
    clock, drawn, _ = clock_of(loop)
    clock.resume()
    loop.pass_to(100.001)
    clock.resume()
    loop.pass_to(101.0)
    assert drawn == [100.0, pytest.approx(100.0 + UPDATE_PERIOD)]


def test_a_frame_that_is_no_longer_wanted_is_not_drawn(loop: Loop) -> None:
    clock, drawn, app = clock_of(loop)
    clock.resume()
    clock.pause()
    loop.pass_to(101.0)
    clock.resume()
    app._exit = True
    loop.pass_to(102.0)
    assert drawn == []


def test_what_fails_while_it_is_drawn_ends_the_app(loop: Loop) -> None:
    clock, _, app = clock_of(loop, fails=True)
    clock.resume()
    loop.pass_to(100.0)
    assert [str(one) for one in app.failed] == ["it cannot be drawn"]
