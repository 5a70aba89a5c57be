"""The review while typing: only the newest text counts, nothing waits for it, and what goes wrong is said."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import TextArea

from opsconsole.safety.review import POLICIES, review, shellcheck
from opsconsole.safety.review.worker import MOST_FINDINGS, Frames, _written, frame, read_review
from opsconsole.tui.screens.editor import live_review
from opsconsole.tui.screens.editor.live_review import LiveReview, ReviewWaits
from opsconsole.tui.screens.editor.review_process import ReviewProcess
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import until

SCRIPT = "#!/bin/bash\ncd $1\nrm -rf $DIR/*.log\n"


class Listener:
    """What was told, and a way to wait for more."""

    def __init__(self) -> None:
        self.told: list[Message] = []
        self._news = asyncio.Event()

    def post_message(self, message: Message, /) -> None:
        self.told.append(message)
        self._news.set()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(40):
            while not holds():
                self._news.clear()
                await self._news.wait()

    @property
    def kinds(self) -> list[str]:
        return [f"{type(one).__name__}:{one.state.version}" for one in self.told]  # type: ignore[attr-defined]


class Timer:
    """Runs out when the test says so."""

    def __init__(self, after_s: float, do: Callable[[], None]) -> None:
        self.after_s, self.do, self.live = after_s, do, True

    def cancel(self) -> None:
        self.live = False


class Bench:
    """A LiveReview with a worker that answers, and timers that run out, when the test says so."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.timers: list[Timer] = []
        self.sent: list[dict[str, Any]] = []
        self.started = self.closed = 0
        self.refusal: OSError | None = None
        self.live = LiveReview(self.listener, start=self._make, later=self._later, site="")  # type: ignore[arg-type]

    def _make(self, heard: Callable[[dict[str, Any]], None], ended: Callable[[str], None]) -> Bench:
        self.heard, self.ended = heard, ended
        return self

    def _later(self, after_s: float, do: Callable[[], None]) -> Timer:
        self.timers.append(Timer(after_s, do))
        return self.timers[-1]

    def start(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.started += 1

    def send(self, data: bytes) -> None:
        self.sent += Frames().feed(data)

    def close(self) -> None:
        self.closed += 1

    def run_out(self, after_s: float) -> None:
        """All timers that are due by then."""
        due = [one for one in self.timers if one.live and one.after_s <= after_s]
        self.timers = [one for one in self.timers if one not in due]
        for one in due:
            one.do()

    def answer(self, version: int | None = None, *, refined: bool = True) -> None:
        asked = next(one for one in reversed(self.sent) if version in (None, one["version"]))
        judged = review(asked["text"], asked["interpreter"], asked["policy"])
        self.heard({"version": asked["version"], "review": _written(judged), "ladder": {}, "refined": refined})

    def type(self, *texts: str) -> None:
        for text in texts:
            self.live.submit(text, "bash", "standard")


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_burst_of_keys_is_one_review_of_the_last(bench: Bench) -> None:
    bench.type("e", "ec", "echo")
    assert bench.sent == []
    bench.run_out(0.1)
    assert [one["text"] for one in bench.sent] == ["echo"]
    bench.type("echo a", "echo ab")
    bench.run_out(0.1)
    assert len(bench.sent) == 1, "one is asked at a time"
    bench.answer()
    assert bench.listener.told == [], "the review of an older text is not told"
    assert not bench.live.state.current
    bench.run_out(1.0)
    assert [one["text"] for one in bench.sent] == ["echo", "echo ab"]
    bench.answer()
    assert bench.listener.kinds[-1] == "ReviewReady:5" and bench.live.state.current
    assert bench.live.state.reviewed is not None and bench.live.state.reviewed.text == "echo ab"
    assert bench.started == 1


async def test_reviewing_is_said_after_a_while_and_once(bench: Bench) -> None:
    bench.type("a")
    bench.run_out(0.1)
    assert bench.listener.told == [] and bench.live.state.kind == "waiting"
    bench.type("ab")
    assert [one.after_s for one in bench.timers if one.live].count(live_review.REVIEWING_AFTER_S) == 1
    bench.run_out(live_review.REVIEWING_AFTER_S)
    assert bench.listener.kinds == ["ReviewWaits:2"] and bench.live.state.kind == "reviewing"
    bench.answer(1)
    bench.run_out(1.0)
    bench.answer(2, refined=False)
    bench.answer(2)
    assert bench.listener.kinds == ["ReviewWaits:2", "ReviewReady:2", "ReviewReady:2"]
    assert bench.live.state.kind == "ready" and not [one for one in bench.timers if one.live]


async def test_what_is_refined_too_late_is_not_told(bench: Bench) -> None:
    bench.type("a")
    bench.run_out(0.1)
    bench.answer(refined=False)
    bench.type("ab")
    bench.answer(1)
    assert bench.listener.kinds == ["ReviewReady:1"] and not bench.live.state.current


async def test_a_worker_that_dies_is_started_again_once_and_then_it_is_said(bench: Bench) -> None:
    bench.type("a")
    bench.run_out(0.1)
    bench.ended("it was killed")
    bench.run_out(1.0)
    assert bench.started == 2 and [one["text"] for one in bench.sent] == ["a", "a"]
    assert not [one for one in bench.listener.told if one.state.kind == "failed"]  # type: ignore[attr-defined]
    bench.ended("it was killed")
    assert bench.live.state.kind == "failed" and "it was killed" in bench.live.state.problem
    bench.type("ab")
    bench.run_out(1.0)
    assert bench.started == 3
    bench.answer()
    assert bench.live.state.kind == "ready" and bench.live.state.problem == ""
    bench.ended("it was killed")
    assert bench.live.state.kind == "ready", "what nobody waits for is nobody's concern"


async def test_one_that_does_not_answer_is_ended(bench: Bench) -> None:
    bench.type("a")
    bench.run_out(0.1)
    bench.run_out(live_review.PATIENCE_S)
    assert bench.closed == 1
    bench.run_out(1.0)
    assert bench.started == 2 and len(bench.sent) == 2


async def test_that_it_cannot_be_started_is_said(bench: Bench) -> None:
    bench.refusal = OSError(12, "Cannot allocate memory")
    bench.type("a")
    bench.run_out(0.1)
    assert "Cannot allocate memory" in bench.live.state.problem


async def test_after_the_end_nothing_is_told(bench: Bench) -> None:
    bench.type("a")
    bench.run_out(0.1)
    bench.live.close()
    assert bench.closed == 1 and not [one for one in bench.timers if one.live]


# -- with the process


@pytest.fixture
async def real() -> AsyncIterator[tuple[Listener, LiveReview]]:
    listener = Listener()
    live = LiveReview(listener)
    yield listener, live
    live.close()


async def test_its_verdict_is_the_one_that_runs_with_shellchecks_findings(
    real: tuple[Listener, LiveReview],
) -> None:
    listener, live = real
    asked: list[str] = []
    for policy in ("standard", "safe"):
        live.submit(SCRIPT, "bash", policy)
        await listener.until(lambda: live.state.current and live.state.reviewed and live.state.reviewed.refined)
        reviewed = live.state.reviewed
        assert reviewed is not None
        own = review(SCRIPT, "bash", policy, given=frozenset())
        assert (reviewed.review.verdict, reviewed.review.reason) == (own.verdict, own.reason)
        assert (reviewed.review.sha256, reviewed.review.effects) == (own.sha256, own.effects)
        merged = shellcheck.merge(own.findings, shellcheck.remarks(SCRIPT).findings)
        assert reviewed.review.findings == tuple(merged)
        ladder = {name: review(SCRIPT, "bash", name, given=frozenset()).verdict for name in POLICIES}
        assert reviewed.ladder == ladder
        asked.append(policy)
    assert asked == ["standard", "safe"]


async def test_bytes_that_are_no_text_and_other_languages_are_reviewed(real: tuple[Listener, LiveReview]) -> None:
    listener, live = real
    for text, interpreter in (
        (b"echo \xff\n".decode("utf-8", "surrogateescape"), "bash"),
        ("import os\nos.remove(x)\n", "python"),
        ("", "bash"),
        ("puts 1", "ruby"),
    ):
        live.submit(text, interpreter, "standard")
        await listener.until(lambda: live.state.current)
        assert live.state.reviewed is not None
        assert live.state.reviewed.review.sha256 == review(text, interpreter, "standard").sha256


async def test_one_that_is_killed_is_replaced(real: tuple[Listener, LiveReview]) -> None:
    listener, live = real
    live.submit("echo 1", "sh", "standard")
    await listener.until(lambda: live.state.current)
    worker = live._worker
    assert isinstance(worker, ReviewProcess) and worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    live.submit("echo 2", "sh", "standard")
    await listener.until(lambda: live.state.current)
    assert live.state.kind == "ready" and live._worker is not worker


async def test_no_process_outlives_it(real: tuple[Listener, LiveReview]) -> None:
    listener, live = real
    for end in (live.rest, live.close):
        live.submit("echo 1", "sh", "standard")
        await listener.until(lambda: live.state.current)
        worker = live._worker
        assert isinstance(worker, ReviewProcess) and worker._child is not None
        child = worker._child
        os.kill(child.pid, signal.SIGSTOP)
        end()
        assert await asyncio.to_thread(child.wait, 40) == -signal.SIGKILL, "also on a machine that is busy elsewhere"


class Typing(TonedApp):
    """A text that is reviewed at every change."""

    def __init__(self) -> None:
        super().__init__()
        self.live = LiveReview(self)
        self.waits: list[ReviewWaits] = []

    def compose(self) -> ComposeResult:
        yield TextArea()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.live.submit(event.text_area.text, "bash", "standard")

    def on_review_waits(self, message: ReviewWaits) -> None:
        self.waits.append(message)

    def on_unmount(self) -> None:
        self.live.close()


async def test_keys_go_in_while_the_worker_stands_still() -> None:
    app = Typing()
    async with app.run_test() as pilot:
        area = app.query_one(TextArea)
        await pilot.press("a")
        await until(pilot, lambda: app.live.state.current)
        worker = app.live._worker
        assert isinstance(worker, ReviewProcess) and worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)
        await pilot.press(*"bcdefgh")
        assert area.text == "abcdefgh", "each key was in the text before the next was pressed"
        await until(pilot, lambda: app.waits)
        await until(pilot, lambda: app.live.state.kind == "reviewing")  # the last key rests for a moment, too
        assert not app.live.state.current
        await pilot.press("enter", *"xy")
        assert area.text == "abcdefgh\nxy"
        os.kill(worker.pid, signal.SIGCONT)
        await until(pilot, lambda: app.live.state.current)
        assert app.live.state.reviewed is not None and app.live.state.reviewed.text == "abcdefgh\nxy"


# -- frames


def test_frames_come_in_pieces_and_several_at_once() -> None:
    data = frame({"a": 1}) + frame({"text": "\udcff ü"})
    frames = Frames()
    found = [one for byte in data for one in frames.feed(bytes([byte]))]
    assert found == [{"a": 1}, {"text": "\udcff ü"}] == Frames().feed(data)


def test_more_findings_than_a_person_reads_are_cut_and_the_worst_stay() -> None:
    judged = review("echo $x\n" * (MOST_FINDINGS + 20) + "rm -rf /\n", "bash", "standard")
    held = read_review({"review": _written(judged)})
    assert len(held.findings) == MOST_FINDINGS and held.worst == judged.worst
    assert "are not shown" in held.notes[-1]
