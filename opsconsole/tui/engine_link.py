"""The engine's life inside the console: made after the first paint, heard in bursts, closed after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.events import Event

if TYPE_CHECKING:
    from opsconsole.engine import Engine

_CLOSE_S = 2.0


class EngineLink:
    """`call_later` runs something inside Textual; `deliver` takes a burst of events there."""

    def __init__(
        self,
        make_engine: Callable[[], Engine],
        call_later: Callable[[Callable[[], None]], object],
        deliver: Callable[[list[Event]], None],
    ) -> None:
        self.engine: Engine | None = None
        """The engine, once it has started."""
        self._make_engine = make_engine
        self._call_later = call_later
        self._deliver = deliver
        self._made: Engine | None = None
        self._started = asyncio.Event()
        self._heard: list[Event] = []

    async def start(self) -> Engine:
        """Raises OpsErrors."""
        self._made = engine = self._make_engine()
        engine.subscribe(self._hear)
        await engine.start()
        self.engine = engine
        self._started.set()
        return engine

    async def started(self) -> Engine:
        """The engine, when it has started."""
        await self._started.wait()
        assert self.engine is not None  # noqa: S101 - that is what was waited for
        return self.engine

    async def close(self) -> None:
        """Runs go on, queued work stays queued."""
        if self._made is not None:
            try:
                await asyncio.wait_for(self._made.close(), _CLOSE_S)
            except TimeoutError:
                pass  # the next console takes over what a dead one left

    def hand_over(self) -> None:
        """A worker without a screen works the queue off, then leaves."""
        if self._made is not None:
            from opsconsole.execution.worker import start_worker

            start_worker(self._made.paths)

    def _hear(self, event: Event) -> None:
        """On the loop's thread, but outside Textual: a burst becomes one message."""
        if not self._heard:
            self._call_later(self._pass_on)
        self._heard.append(event)

    def _pass_on(self) -> None:
        events, self._heard = self._heard, []
        self._deliver(events)
