"""When the loop has nothing left to do: seen, where Textual's pilot guesses it from the processor time of the process.

The guess takes two fiftieths of a second for every key at least, and is wrong when the machine is busy elsewhere.

A console without a terminal is drawn then, and not before: of the ten frames of a start nobody sees the first nine.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakSet

from textual.app import App
from textual.screen import Screen

FRAME_S = 0.025
"""What is due so soon is waited for: a screen collects what is to be drawn for a sixtieth of a second."""
_LOOKS = 300
"""So often at least threads are looked at: a machine that stands still for a second gives none a chance to work."""
_PAGES = "page "
"""Threads of the settings' pages."""
_TESTS = str(Path(__file__).parents[1])
_draw_frame = Screen._compositor_refresh
_undrawn: WeakSet[Screen[Any]] = WeakSet()


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 10.0) -> None:
    """Return when nothing is ready, no thread works for the loop, nothing is due with the next frame, and all is drawn.

    What repeats as fast as frames are drawn is waited for twice: it is a clock. A thread that works for a second is
    one that a test holds up by other means than an event.
    """
    loop: Any = asyncio.get_running_loop()
    held_up, looks = loop.time() + 1.0, 0
    end, waits = loop.time() + max_sleep, 2 * FRAME_S
    while loop.time() < end:
        await asyncio.sleep(0)
        if loop._ready:
            continue
        if (loop.time() < held_up or looks < _LOOKS) and threads_work():
            looks += 1
            await asyncio.sleep(0.001)
        elif waits > 0 and (due := min(_times(loop, set()), default=end) - loop.time()) < FRAME_S:
            waits -= max(0.001, due)
            await asyncio.sleep(max(0.001, due))
        elif not draw():
            return


def draw_later(self: Screen[Any]) -> None:
    """In the place of `Screen._compositor_refresh`: the frame is drawn when the pilot rests."""
    app = self.app
    if app.is_headless and not app.is_inline and self is app.screen:
        _undrawn.add(self)
    else:
        _draw_frame(self)


def draw() -> bool:
    """Draw what has changed since the last rest; whether there was anything."""
    due = [screen for screen in _undrawn if screen.is_running and screen.app._screen_stack]
    _undrawn.clear()
    for screen in due:
        with screen._context():
            try:
                _draw_frame(screen)
            except Exception as error:  # as where Textual draws: the app ends, and says why
                screen.app._handle_exception(error)
    return bool(due)


def due_within(app: App[Any], soon_s: float) -> float:
    """Seconds until all has happened that is to happen so soon, but for what repeats for ever; 0: nothing is."""
    loop: Any = asyncio.get_running_loop()
    timers = [timer for pump in (app, *app._registry) for timer in pump._timers]
    tasks: list[Any] = [timer._task for timer in timers if timer._repeat is None and timer._interval > FRAME_S]
    clocks = {id(task._fut_waiter) for task in tasks if task is not None}
    now = loop.time()  # what is overdue has not happened either
    beat = getattr(getattr(app, "heart", None), "next_beat", None)
    times = [at for at in _times(loop, clocks) if at != beat]
    return max((max(at - now, 0.001) for at in times if at - now < soon_s), default=0.0)


def _times(loop: Any, but: set[int]) -> list[float]:
    """When what was set for later is due, but for what wakes those that wait for one of these futures."""
    handles = [one for one in loop._scheduled if not one.cancelled()]
    return [one.when() for one in handles if not (one._args and id(one._args[0]) in but)]


def threads_work() -> bool:
    """Something given to `asyncio.to_thread` is not done, or a page of the settings looks at the host; but for what
    waits for an event of the test.
    """
    loop: Any = asyncio.get_running_loop()
    pool = loop._default_executor
    busy = 0
    if pool is not None:
        if pool._work_queue.qsize():
            return True
        busy = len(pool._threads) - pool._idle_semaphore._value
    pages = [one.ident for one in threading.enumerate() if one.name.startswith(_PAGES)]
    if not busy and not pages:
        return False
    frames = sys._current_frames()
    if busy > sum(_is_held(frames.get(one.ident)) for one in pool._threads):
        return True
    return not all(_is_held(frames.get(one)) for one in pages if one is not None)


def _is_held(frame: FrameType | None) -> bool:
    """The thread waits for an event, in a function of the tests, and it has not come."""
    while frame is not None and frame.f_code is not threading.Event.wait.__code__:
        if frame.f_code.co_filename != threading.__file__:
            return False
        frame = frame.f_back
    if frame is None or frame.f_back is None or frame.f_locals["self"].is_set():
        return False
    return frame.f_back.f_code.co_filename.startswith(_TESTS)
