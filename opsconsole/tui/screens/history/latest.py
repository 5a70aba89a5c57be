"""Reading in a thread where only the newest question counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.screen import Screen

from opsconsole.errors import OpsError
from opsconsole.storage.archive import InterruptedReadError

Q = TypeVar("Q")
A = TypeVar("A")
_DRAWN_S = 0.2
"""The rest is read by then, whatever became of the frame with the first answer."""


class Latest(Generic[Q, A]):
    """Answers one question after the other; of those asked meanwhile, the last. `take` never gets an old answer.

    `read` runs in a thread and can raise OpsErrors, which go to `fail`; `interrupt` ends it early. `begin` is asked
    before it, in the same way: its answer, if there is one, is taken first, and then what `read` says. In between,
    `when_drawn` is to call back when what was taken is on the screen.
    """

    def __init__(
        self, screen: Screen[None], group: str, read: Callable[[Q], A], take: Callable[[Q, A], None],
        fail: Callable[[OpsError], None], interrupt: Callable[[], None] = lambda: None,
        begin: Callable[[Q], A | None] | None = None, when_drawn: Callable[[Callable[[], object]], None] | None = None,
    ) -> None:  # fmt: skip
        self._screen, self._group = screen, group
        self._read, self._take, self._fail, self._interrupt = read, take, fail, interrupt
        self._begin, self._when_drawn = begin, when_drawn
        self._asked: list[Q] = []
        self._reads = False
        self._go_on = asyncio.Event()

    @property
    def busy(self) -> bool:
        """An answer is still to come."""
        return self._reads

    def ask(self, question: Q, first: A | None = None) -> None:
        """On the loop's thread. `first`: what `begin` would say, if that is known already."""
        self._asked = [question]
        self._go_on.set()
        if self._reads:
            self._interrupt()
        elif self._screen.is_attached:
            self._reads = True
            if first is not None:
                self._take(question, first)
            self._screen.run_worker(self._answer(None if first is None else question), group=self._group)

    def forget(self) -> None:
        """Nobody wants to know any more."""
        self._asked = []
        self._go_on.set()
        if self._reads:
            self._interrupt()

    async def _answer(self, begun: Q | None) -> None:
        """`begun`: the question of which the first answer was taken."""
        try:
            while self._asked:
                question = self._asked[0]
                try:
                    if self._begin is not None and question is not begun:
                        first = await asyncio.to_thread(self._begin, question)
                        if first is not None and self._current(question) and self._screen.is_attached:
                            begun = question
                            self._take(question, first)
                    if self._when_drawn is not None and question is begun and self._current(question):
                        await self._drawn(self._when_drawn)
                    if not self._current(question):
                        continue
                    answer = await asyncio.to_thread(self._read, question)
                except InterruptedReadError:
                    if self._current(question):
                        self._asked = []
                    continue
                except OpsError as error:
                    if self._current(question):
                        self._asked = []
                        self._fail(error)
                    continue
                if self._current(question):
                    self._asked = []
                    if self._screen.is_attached:
                        self._take(question, answer)
        finally:
            self._reads = False

    async def _drawn(self, when_drawn: Callable[[Callable[[], object]], None]) -> None:
        """What was taken is on the screen, or somebody asked for something else; threads that read hold it up."""
        self._go_on.clear()
        when_drawn(self._go_on.set)
        try:
            await asyncio.wait_for(self._go_on.wait(), _DRAWN_S)
        except TimeoutError:
            pass  # nobody sees it now

    def _current(self, question: Q) -> bool:
        return bool(self._asked) and self._asked[0] is question
