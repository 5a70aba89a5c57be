"""Lines of output by themselves."""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from textual.app import ComposeResult

from opsconsole.execution.outputs import Place
from opsconsole.models import Status
from opsconsole.tui.output_source import held_from
from opsconsole.tui.transcript import Line, Lines
from opsconsole.tui.widgets import output_view
from opsconsole.tui.widgets.output_view import OutputView, Total
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.fake_engine import FakeEngine
from tests.tui.waiting import until


class OneOutput(TonedApp):
    def __init__(self) -> None:
        super().__init__()
        self.output = OutputView()

    def compose(self) -> ComposeResult:
        yield self.output


async def test_what_is_below_the_text_is_the_same_with_and_without_any() -> None:
    """It is not drawn again when the first line comes: a picture would tell which came first."""
    app = OneOutput()
    async with app.run_test(size=(40, 6)) as pilot:
        await until(pilot, lambda: app.output.size.area)
        app.output.say_empty("Nothing printed yet.")
        assert "Nothing printed yet." in app.output.render_line(0).text
        without = app.output.render_line(3)
        app.output._take(Lines(False, [Line("stdout", "the first line")]))
        assert app.output.render_line(3) == without


async def test_lines_of_which_only_the_last_are_held_are_counted_and_found(engine: FakeEngine) -> None:
    """They came in one batch: the first of them never were on the screen."""
    task = engine.put(name="a", status=Status.COMPLETED)
    folder = engine.write(task.id, ("stdout", b"needle\n" + b"a line\n" * 20_000), ended=True)
    app = OneOutput()
    async with app.run_test(size=(40, 6)) as pilot:
        app.output.follow_run(folder, "")
        await until_it(lambda: app.output.total == Total(20_001, exact=True))
        app.output.find("needle")
        await until_it(lambda: app.output.hit is not None)
        assert app.output.hit is not None and app.output.hit.line.body == "needle"
        await pilot.pause()


async def test_a_search_that_has_not_begun_goes_with_its_run(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = engine.put(name="a", status=Status.COMPLETED), engine.put(name="b", status=Status.COMPLETED)
    long = engine.write(one.id, ("stdout", b"needle\n" + b"a line\n" * 20_000), ended=True)
    short = engine.write(two.id, ("stdout", b"other\n" * 5), ended=True)
    came, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def slowly(*given: Any) -> Place:
        came.set()
        go_on.wait(60)
        over.set()
        return held_from(*given)

    monkeypatch.setattr(output_view, "held_from", slowly)
    app = OneOutput()
    async with app.run_test(size=(40, 6)) as pilot:
        app.output.follow_run(long, "")
        await until_it(lambda: app.output.line_count == 5_000)
        app.output.find("needle")
        await until_it(came.is_set)
        searching = [one for one in app.workers if one.group == "seek"]
        app.output.follow_run(short, "")
        go_on.set()
        await until_it(lambda: over.is_set() and all(one.is_finished for one in searching))
        await until_it(lambda: app.output.line_count == 5)
        await pilot.pause()
        assert app.output.seeking is None and app.output.following and not app.output.paging


async def test_files_that_a_thread_reads_are_closed_when_it_has_read(engine: FakeEngine) -> None:
    task = engine.put(name="a", status=Status.RUNNING)
    folder = engine.write(task.id, ("stdout", b"hello\n"))
    app = OneOutput()
    async with app.run_test(size=(40, 6)) as pilot:
        with open(folder / "stdout", "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            app.output.follow_run(folder, "")
            await until_it(lambda: opened(folder / "stdout") == 3)  # ours, the reader's and the counter's
            app.output.follow_run(None, "")
            await pilot.pause()
            assert opened(folder / "stdout") == 3
        await until_it(lambda: opened(folder / "stdout") == 0)


def opened(file: Path) -> int:
    """How often this process has it open."""
    found = 0
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += one.readlink() == file
    return found


async def until_it(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.01)
