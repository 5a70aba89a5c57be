"""What the console looks like. After a wanted change: `pytest tests/tui/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console, mixed
from tests.tui.waiting import output, settled, started, table, until

Compare = Callable[..., bool]
LARGE, MIDDLE, SMALL = (160, 45), (120, 36), (80, 24)
OUTPUT_LINES = 57


def after(*keys: str, task: int | None = 14, lines: int | None = OUTPUT_LINES) -> Callable[[Pilot[Any]], Any]:
    """Select the task, wait for its output, press the keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        if task is not None:
            table(pilot).select(task)
            await until(pilot, lambda: table(pilot).selected.id == task)
        if lines is not None:
            await until(pilot, lambda: output(pilot).line_count == lines)
        for key in keys:
            await pilot.press(key)
        await settled(pilot)

    return prepare


@pytest.fixture
def host(tmp_path: Path) -> FakeEngine:
    return mixed(tmp_path / "state")


def test_choosing_a_script(snap_compare: Compare, host: FakeEngine, samples: Path) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("n"))


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder of a run is shown from here."""
    monkeypatch.setenv("HOME", str(tmp_path))


def test_how_to_run_it(snap_compare: Compare, host: FakeEngine, samples: Path, home: None) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("n", "down", "enter"))


def test_elevated_asks_for_a_reason_on_a_small_screen(
    snap_compare: Compare, host: FakeEngine, samples: Path, home: None
) -> None:
    prepare = after("n", "enter", "down", "right")

    async def asked(pilot: Pilot[Any]) -> None:
        await prepare(pilot)
        await pilot.press("enter")
        await settled(pilot)

    assert snap_compare(console(host), terminal_size=SMALL, run_before=asked)


def test_help(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("question_mark"))


def test_help_on_a_small_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after("question_mark"))


def test_quit_asks(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("q"))
