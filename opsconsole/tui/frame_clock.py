"""When a screen is drawn: as soon as something on it is to be drawn anew, and no more often than Textual does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from textual.app import App
from textual.screen import UPDATE_PERIOD


class FrameClock:
    """In the place of the timer that a `Screen` has for it, which wakes the console once more after every frame, just
    to find that nothing is to be done."""

    def __init__(self, app: App[Any], draw: Callable[[], None]) -> None:
        self._app, self._draw = app, draw
        self._asked: asyncio.Handle | None = None
        self._after = 0.0

    def resume(self) -> None:
        """A frame is wanted; it is drawn on the loop, in the context of who asks."""
        if self._asked is not None:
            return
        loop, wait = asyncio.get_running_loop(), self._after - monotonic()
        self._asked = loop.call_later(wait, self._frame) if wait > 0 else loop.call_soon(self._frame)

    def pause(self) -> None:
        """No frame is wanted any more."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None

    def _frame(self) -> None:
        self._asked, self._after = None, monotonic() + UPDATE_PERIOD
        if self._app._exit:
            return
        try:
            self._draw()
        except Exception as error:  # noqa: BLE001 - as Textual's timers do: the app ends, and says why
            self._app._handle_exception(error)
