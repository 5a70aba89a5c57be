"""The review of a text while it is typed, made by another process, so that no key ever waits for it.

Measured here for bash scripts of 50, 500 and 2,000 lines: 28, 162 and 600 ms a review, most of it holding the
interpreter's lock (one call decodes the parser's whole tree): in a thread it would stop the loop for that call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from textual.message import Message

from opsconsole.safety.review import review
from opsconsole.safety.review.model import Review
from opsconsole.safety.review.worker import question, read_review, request
from opsconsole.tui.screens.editor.review_process import ReviewProcess

if TYPE_CHECKING:
    from opsconsole.execution.judging import MakesReview

REVIEWING_AFTER_S = 0.3
"""A review that takes no longer is not announced: a word that comes and goes at every key only disturbs."""
PATIENCE_S = 30.0
"""A review that takes longer is ended and begun once more."""
_GATHER_S = 0.05
"""So long keys are gathered before the first of them is sent."""
_LONGEST_REST_S = 1.0
"""After a review comes a rest of its own length, at most this long: half a core is enough for it."""


Kind = Literal["idle", "waiting", "reviewing", "ready", "failed", "put off"]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review with the text it was made of. `ladder`: policy → verdict, all four once it is `refined`."""

    version: int
    text: str
    review: Review
    ladder: Mapping[str, str]
    refined: bool


@dataclass(frozen=True, slots=True)
class State:
    """What is known now. `reviewed` may be of an older text than `version`: ask `current`."""

    kind: Kind = "idle"
    version: int = 0
    reviewed: Reviewed | None = None
    problem: str = ""

    @property
    def current(self) -> bool:
        return self.reviewed is not None and self.reviewed.version == self.version


@dataclass
class ReviewReady(Message):
    """There is a review of the newest text. It comes again when ShellCheck has had its say."""

    state: State

    @property
    def reviewed(self) -> Reviewed:
        assert self.state.reviewed is not None  # noqa: S101 - it is posted with one
        return self.state.reviewed

    @property
    def review(self) -> Review:
        return self.reviewed.review

    @property
    def text(self) -> str:
        return self.reviewed.text


@dataclass
class ReviewWaits(Message):
    """The review of the newest text takes its time, or could not be made (`state.problem` says why)."""

    state: State


class Listener(Protocol):
    """A widget, a screen."""

    def post_message(self, message: Message, /) -> object: ...


class Worker(Protocol):
    """What reviews."""

    def start(self) -> None: ...
    def send(self, data: bytes) -> None: ...
    def close(self) -> None: ...


Start = Callable[[Callable[[dict[str, Any]], None], Callable[[str], None]], Worker]
Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Unanswered(Exception):
    """Raised when the process that was asked is gone, or cannot be started."""


@dataclass(slots=True)
class _Asked:
    version: int
    text: str
    interpreter: str
    policy: str
    at: float = 0.0


@dataclass(slots=True)
class _Timers:
    """Those that run, by what they are for."""

    later: Later | None
    running: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def start(self, name: str, after_s: float, do: Callable[[], None]) -> None:
        """Not a second one of the same name."""
        if name in self.running:
            return

        def due() -> None:
            self.running.pop(name, None)
            do()

        later = self.later or asyncio.get_running_loop().call_later
        self.running[name] = later(after_s, due)

    def stop(self, name: str) -> None:
        if handle := self.running.pop(name, None):
            handle.cancel()

    def stop_all(self) -> None:
        for name in list(self.running):
            self.stop(name)


class LiveReview:
    """Only the newest text is reviewed, and only its review is told. All methods are called on the loop's thread.

    The process starts with the first text and ends with `close` or with the console, however that ends. One that dies
    is started once more; when that dies too, it is said, and the next change tries again.
    """

    def __init__(
        self, listener: Listener, *, start: Start = ReviewProcess, later: Later | None = None, site: str | None = None
    ) -> None:
        self._listener = listener
        self._start = start
        self._site = site
        self._timers = _Timers(later)
        self._worker: Worker | None = None
        self._wanted: _Asked | None = None
        self._asked: _Asked | None = None  # the one without an answer
        self._last: _Asked | None = None  # the one that may still be refined
        self._questions: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last_question = 0
        self._rested_at = 0.0
        self._deaths = 0
        self._closed = False
        self.state = State()

    def submit(self, text: str, interpreter: str, policy: str) -> int:
        """Ask for a review of this text; its version, which the answer will bear. Returns at once."""
        version = self.state.version + 1
        if self._closed:
            return version
        self._wanted = _Asked(version, text, interpreter, policy)
        waits: Kind = "reviewing" if self.state.kind == "reviewing" else "waiting"
        self.state = replace(self.state, version=version, kind=waits, problem="")
        self._timers.start("reviewing", REVIEWING_AFTER_S, self._takes_time)
        self._go_on()
        return version

    def put_off(self, why: str) -> None:
        """The newest text is not reviewed until it is submitted; what was known of an older one is forgotten."""
        self._timers.stop("reviewing")
        self._wanted = self._last = None
        self.state = State("put off", self.state.version + 1, problem=why)
        self._listener.post_message(ReviewWaits(self.state))

    def rest(self) -> None:
        """Nobody looks: the process ends, and what it was asked is forgotten. The next `submit` starts another."""
        self._timers.stop_all()
        self._wanted = self._asked = self._last = None
        self.state = replace(self.state, kind="ready" if self.state.current else "waiting")
        self._end_worker()

    def close(self) -> None:
        """No message comes after this."""
        self._closed = True
        self._timers.stop_all()
        self._end_worker()

    # -- what a submission asks

    def maker(self) -> MakesReview:
        """Makes reviews for `judging.judge`, in the process; here, where that cannot be had. It waits for the answer,
        however long that takes: call it in a thread. To be asked for on the loop.
        """
        loop = asyncio.get_running_loop()

        def make(
            body: bytes, interpreter: str, policy: str, allow: tuple[str, ...], site: str, given: frozenset[str]
        ) -> Review:
            asked = partial(
                question, body=body, interpreter=interpreter, policy=policy, allow=allow, site=site, given=given
            )
            for _ in range(2):
                with contextlib.suppress(Unanswered):
                    return read_review(asyncio.run_coroutine_threadsafe(self._answer(asked), loop).result())
            return review(body, interpreter, policy, allow=allow, site=site, given=given)

        return make

    async def _answer(self, asked: Callable[[int], bytes]) -> dict[str, Any]:
        """Raises Unanswered; CancelledError where the console ends."""
        if self._closed:
            raise asyncio.CancelledError
        if self._worker is None and not self._begin():
            raise Unanswered
        assert self._worker is not None  # noqa: S101 - it has begun
        self._last_question = number = self._last_question + 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        self._worker.send(asked(number))
        try:
            return await answer
        finally:
            self._questions.pop(number, None)

    def _drop_questions(self) -> None:
        for answer in self._questions.values():
            if answer.done():
                continue
            if self._closed:
                answer.cancel()
            else:
                answer.set_exception(Unanswered())

    # -- asking

    def _go_on(self) -> None:
        if self._closed or self._wanted is None or self._asked is not None:
            return
        rest = self._rested_at - asyncio.get_running_loop().time()
        self._timers.start("send", max(rest, _GATHER_S), self._send)

    def _send(self) -> None:
        if self._closed or self._wanted is None or self._asked is not None:
            return
        if self._worker is None and not self._begin():
            return
        assert self._worker is not None  # noqa: S101 - it has begun
        self._asked, self._wanted = self._wanted, None
        self._asked.at = asyncio.get_running_loop().time()
        asked = self._asked
        self._worker.send(request(asked.version, asked.text, asked.interpreter, asked.policy, self._folder()))
        self._timers.start("patience", PATIENCE_S, self._give_up)

    def _begin(self) -> bool:
        worker = self._start(self._heard, self._ended)
        try:
            worker.start()
        except OSError as error:
            self._fail(f"it cannot be started: {error.strerror}")
            return False
        self._worker = worker
        return True

    def _folder(self) -> str:
        if self._site is not None:
            return self._site
        from opsconsole.execution.judging import site_folder

        return site_folder()

    # -- hearing

    def _heard(self, answer: dict[str, Any]) -> None:
        if "question" in answer:
            waits = self._questions.get(answer["question"])
            if waits is not None and not waits.done():
                waits.set_result(answer)
            return
        asked, version = self._asked, answer["version"]
        if asked is not None and version == asked.version:
            self._timers.stop("patience")
            now = asyncio.get_running_loop().time()
            self._rested_at = now + min(now - asked.at, _LONGEST_REST_S)
            self._asked, self._last, self._deaths = None, asked, 0
        if self._last is not None and version == self._last.version == self.state.version:
            self._timers.stop("reviewing")
            ladder = dict(answer["ladder"])
            reviewed = Reviewed(version, self._last.text, read_review(answer), ladder, bool(answer["refined"]))
            self.state = State("ready", version, reviewed)
            self._listener.post_message(ReviewReady(self.state))
        self._go_on()

    def _takes_time(self) -> None:
        self.state = replace(self.state, kind="reviewing")
        self._listener.post_message(ReviewWaits(self.state))

    def _give_up(self) -> None:
        self._end_worker()
        self._ended(f"it took longer than {PATIENCE_S:g} s")

    def _ended(self, reason: str) -> None:
        """The process is gone. What it owed is asked again, once."""
        self._drop_questions()
        owed, self._asked, self._worker, self._last = self._asked, None, None, None
        self._timers.stop("patience")
        if owed is not None and self._wanted is None:
            self._wanted = owed
        self._deaths += 1
        if self._wanted is not None and self._deaths > 1:
            self._fail(reason)
        else:
            self._go_on()

    def _fail(self, reason: str) -> None:
        self._timers.stop("reviewing")
        self._wanted = None
        self._deaths = 1  # the next change has one try
        self.state = replace(self.state, kind="failed", problem=f"The review could not be made: {reason}")
        self._listener.post_message(ReviewWaits(self.state))

    def _end_worker(self) -> None:
        self._drop_questions()
        if self._worker is not None:
            self._worker.close()
            self._worker = None
