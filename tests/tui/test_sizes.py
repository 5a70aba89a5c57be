"""Every mode at every size: nothing overlaps, header and footer stay, the focus and the current row are to be seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.events import Resize
from textual.geometry import Region, Size
from textual.pilot import Pilot
from textual.widget import Widget

from opsconsole.tui.modes import MODES
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.widgets.cursor_list import CursorList
from tests.tui.editor.scene import own_scripts
from tests.tui.fake_engine import FakeEngine
from tests.tui.processes.fake_processes import install, small_host
from tests.tui.scenes import console, trouble
from tests.tui.settings.scene import same_everywhere
from tests.tui.waiting import shown, started, until

SIZES = [(80, 24), (100, 30), (120, 36), (160, 45), (200, 60), (300, 100)]
FILLED = {"editor": "own_script.sh", "history": "sync-assets", "processes": "postgres", "settings": "PART"}
"""What is there when a mode has what it shows."""
STORM = 60


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: Path) -> FakeEngine:
    """Every mode has something to show."""
    own_scripts(tmp_path, {"own_script.sh": "#!/bin/sh\nrm -rf $DIR/*\n"})
    same_everywhere(monkeypatch, tmp_path)
    install(monkeypatch, small_host(), None)
    engine = trouble(tmp_path / "state")
    engine.paths.prepare()
    return engine


def shown_widgets(screen: ModeScreen) -> dict[Widget, Region]:
    """What is to be seen of each widget that draws itself, and where."""
    found = {}
    for widget in screen.walk_children(Widget):
        if widget.region.area and widget.display and not widget.displayed_children and not _floats(widget):
            container = widget.parent.region if isinstance(widget.parent, Widget) else screen.region
            found[widget] = widget.region.intersection(container).intersection(screen.region)
    return {widget: region for widget, region in found.items() if region.area}


def _floats(widget: Widget) -> bool:
    """It lies over others, as notices do."""
    above = [one.styles for one in widget.ancestors_with_self if isinstance(one, Widget)]
    return any(one.overlay == "screen" or one.layer not in ("", "default") for one in above)


def wrong(screen: ModeScreen, size: tuple[int, int]) -> Iterator[str]:
    """What is not as it should be, now that the screen has come to rest."""
    width, height = size
    if tuple(screen.size) != size:
        yield f"the screen is {screen.size}"
    if screen.header.region != Region(0, 0, width, 1):
        yield f"the header is at {screen.header.region}"
    if screen.key_line.region != Region(0, height - 1, width, 1):
        yield f"the footer is at {screen.key_line.region}"
    regions = list(shown_widgets(screen).items())
    for at, (one, place) in enumerate(regions):
        for other, there in regions[at + 1 :]:
            if place.intersection(there).area:
                yield f"{one!r} {place} and {other!r} {there} overlap"
    focused = screen.focused
    if focused is None:
        return
    if not focused.region.intersection(screen.region).area:
        yield f"{focused!r} has the focus and is not to be seen"
    if isinstance(focused, CursorList) and focused._count and focused.size.height > 1:
        line = focused._cursor - focused.scroll_offset.y
        if not 0 <= line < focused.size.height - 1:
            yield f"{focused!r}: the current row is line {line} of {focused.size.height - 1}"


def resize(pilot: Pilot[Any], width: int, height: int) -> None:
    """As `Pilot.resize_terminal`, but for the waiting."""
    driver = pilot.app._driver
    assert driver is not None
    driver._size = size = Size(width, height)
    pilot.app.post_message(Resize(size, size))


async def at_rest(pilot: Pilot[Any], size: tuple[int, int], where: str) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, ModeScreen)
    try:
        await until(pilot, lambda: not list(wrong(screen, size)))
    except AssertionError:
        raise AssertionError(f"{where} at {size}: " + "\n".join(wrong(screen, size))) from None


async def show(pilot: Pilot[Any], mode: str) -> ModeScreen:
    """The mode, filled, with the cursor on the last row of the list."""
    screen = pilot.app.go(mode)  # type: ignore[attr-defined]
    await until(pilot, lambda: pilot.app.screen is screen and screen.looks)
    wanted = FILLED.get(mode, "")
    try:
        await until(pilot, lambda: wanted in shown(pilot))
    except AssertionError:
        raise AssertionError(f"no {wanted!r} in {mode}:\n{shown(pilot)}") from None
    return screen


async def test_every_mode_at_every_size(host: FakeEngine) -> None:
    async with console(host, start="overview").run_test(size=SIZES[0]) as pilot:
        await started(pilot)
        problems = []
        for mode in MODES:
            screen = await show(pilot, mode.id)
            if isinstance(screen.focused, CursorList):
                screen.focused.action_bottom()
            before = screen.focused
            for size in (*SIZES[1:], SIZES[0]):
                resize(pilot, *size)
                try:
                    await at_rest(pilot, size, mode.id)
                except AssertionError as error:
                    problems.append(str(error))
                if screen.focused is not before:
                    problems.append(f"{mode.id} at {size}: the focus went from {before!r} to {screen.focused!r}")
                    before = screen.focused
        assert not problems, "\n".join(problems)


async def test_a_storm_of_sizes_leaves_a_screen_in_order(host: FakeEngine) -> None:
    """From far too small to very large, without waiting in between, in every mode."""
    storm = random.Random(5)
    async with console(host, start="overview").run_test(size=SIZES[2]) as pilot:
        await started(pilot)
        for mode in MODES:
            await show(pilot, mode.id)
            for _ in range(STORM // len(MODES) + 1):
                width, height = storm.randint(20, 300), storm.randint(5, 100)
                resize(pilot, width, height)
                await asyncio.sleep(0)
            resize(pilot, *SIZES[0])
            await at_rest(pilot, SIZES[0], mode.id)
