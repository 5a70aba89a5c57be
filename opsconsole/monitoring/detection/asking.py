"""Questions too slow for a tick (a query, a program), asked in a thread of their own and answered later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from opsconsole.clock import Clock

T = TypeVar("T")
Start = Callable[[Callable[[], None]], object]
"""Runs a piece of work somewhere else, and returns at once."""

_log = logging.getLogger("opsconsole.monitor")


def in_thread(work: Callable[[], None]) -> None:
    """In a thread that ends with the work, and does not keep the process alive."""
    threading.Thread(target=work, name="opsconsole-asking", daemon=True).start()


class Asked(Generic[T]):
    """The newest answer to a question that is asked at most every `every_s` seconds, one at a time.

    `start` is where it is asked; tests give one that asks at once. An answer that is older than `stale_s` is none.
    """

    def __init__(
        self,
        question: Callable[[], T],
        clock: Clock,
        *,
        every_s: float,
        stale_s: float,
        name: str,
        start: Start = in_thread,
    ) -> None:
        self._question = question
        self._clock = clock
        self._every_s = every_s
        self._stale_s = stale_s
        self._name = name
        self._start = start
        self._under_way = False
        self._failed = False
        self._asked_at: float | None = None
        self._answer: tuple[float, T] | None = None  # replaced whole: a tick reads while the thread writes

    def answer(self) -> T | None:
        """The newest one, without waiting; None: none yet, or all are too old. Asks again when it is time."""
        now = self._clock.monotonic()
        if not self._under_way and (self._asked_at is None or now - self._asked_at >= self._every_s):
            self._asked_at, self._under_way = now, True
            self._start(self._ask)
        answer = self._answer
        if answer is None or now - answer[0] > self._stale_s:
            return None
        return answer[1]

    def again(self) -> None:
        """Do not wait until it is time: ask at the next look."""
        self._asked_at = None

    def _ask(self) -> None:
        try:
            found = self._question()
        except Exception:  # noqa: BLE001 - the outermost loop of this thread: the next answer may come
            if not self._failed:
                _log.exception("%s could not be asked", self._name)
            self._failed = True
        else:
            self._failed = False
            self._answer = (self._clock.monotonic(), found)
        finally:
            self._under_way = False
