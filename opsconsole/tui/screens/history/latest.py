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


class Latest(Generic[Q, A]):
    """Answers one question after the other; of those asked meanwhile, the last. `take` never gets an old answer.

    `read` runs in a thread and can raise OpsErrors, which go to `fail`; `interrupt` ends it early. `begin` is asked
    before it, in the same way: its answer, if there is one, is taken first, and then what `read` says.
    """

    def __init__(
        self, screen: Screen[None], group: str, read: Callable[[Q], A], take: Callable[[Q, A], None],
        fail: Callable[[OpsError], None], interrupt: Callable[[], None] = lambda: None,
        begin: Callable[[Q], A | None] = lambda question: None,
    ) -> None:  # fmt: skip
        self._screen, self._group = screen, group
        self._read, self._take, self._fail, self._interrupt = read, take, fail, interrupt
        self._begin = begin
        self._asked: list[Q] = []
        self._reads = False

    @property
    def busy(self) -> bool:
        """An answer is still to come."""
        return self._reads

    def ask(self, question: Q) -> None:
        """On the loop's thread."""
        self._asked = [question]
        if self._reads:
            self._interrupt()
        elif self._screen.is_attached:
            self._reads = True
            self._screen.run_worker(self._answer(), group=self._group)

    def forget(self) -> None:
        """Nobody wants to know any more."""
        self._asked = []
        if self._reads:
            self._interrupt()

    async def _answer(self) -> None:
        try:
            while self._asked:
                question = self._asked[0]
                try:
                    first = await asyncio.to_thread(self._begin, question)
                    if first is not None and self._current(question) and self._screen.is_attached:
                        self._take(question, first)
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

    def _current(self, question: Q) -> bool:
        return bool(self._asked) and self._asked[0] is question
