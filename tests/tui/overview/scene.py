"""The console on its overview."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from textual.pilot import Pilot

from opsconsole.tui.screens.overview.screen import OverviewScreen
from opsconsole.tui.widgets.graph import Graph
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import GB, process, sample
from tests.tui.scenes import console
from tests.tui.waiting import lines_of, shown, started, until

LATER = NOW + SECOND


@asynccontextmanager
async def opened(
    engine: FakeEngine, size: tuple[int, int] = (120, 36), clock: Callable[[], int] = lambda: NOW
) -> AsyncIterator[Pilot[Any]]:
    """As it opens, once the engine has been asked."""
    async with console(engine, start="overview", clock=clock).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: "starting" not in "\n".join(lines_of(pilot)[1:]))
        yield pilot


def screen(pilot: Pilot[Any]) -> OverviewScreen:
    """Also when another screen is on top."""
    return next(one for one in pilot.app.screen_stack if isinstance(one, OverviewScreen))


def graph(pilot: Pilot[Any], name: str) -> Graph:
    return screen(pilot).graphs.cells[name].graph


def line_with(pilot: Pilot[Any], text: str) -> str:
    return next(line for line in lines_of(pilot) if text in line)


async def focus(pilot: Pilot[Any], pane: str) -> None:
    """By keys, as an operator gets there."""
    for _ in range(4):
        if getattr(screen(pilot).focused, "id", "") == pane:
            return
        await pilot.press("tab")
    raise AssertionError(f"tab never came to {pane}")


def tones(pilot: Pilot[Any], text: str) -> set[str]:
    """The colours that a text is drawn in, and `reverse`."""
    return {
        "reverse" if segment.style.reverse else str(segment.style.color and segment.style.color.name)
        for strip in pilot.app.screen._compositor.render_strips()
        for segment in strip
        if text in segment.text and segment.style is not None
    }


def watched(engine: FakeEngine) -> FakeEngine:
    """A host where a small process is busy and a large one is not."""
    engine.monitoring.take(
        sample(NOW),
        process(10, "small", cmdline="the-small-one", cpu_percent=80.0, rss_bytes=1_000_000),
        process(11, "large", cmdline="the-large-one", cpu_percent=0.5, rss_bytes=GB),
    )
    return engine


def said(pilot: Pilot[Any]) -> str:
    """What was told in notices."""
    return "\n".join(one.message for one in cast("Any", pilot.app)._notifications)


__all__ = ["LATER", "NOW", "SECOND", "focus", "graph", "line_with", "opened", "said", "screen", "shown", "tones"]
