"""What the tasks look like. After a wanted change: `pytest tests/tui/tasks/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.models import Status
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import USAGE, console, trouble
from tests.tui.tasks.scene import REFUSED, REINDEX, STUCK, busy
from tests.tui.waiting import output, settled, shown, started, table, tasks_screen, until

Compare = Callable[..., bool]
HUGE, LARGE, MIDDLE, SMALL = (300, 100), (160, 45), (120, 36), (80, 24)
SIZES = pytest.mark.parametrize("size", [HUGE, LARGE, SMALL], ids=["huge", "large", "small"])


def after(*keys: str, task: int | None = REINDEX, filter: str = "") -> Callable[[Pilot[Any]], Any]:
    """Select the task, wait for its output, tell what it uses, press the keys; then the filter, all of it at once:
    what is typed by and by filters by and by, and the cursor goes another way.
    """

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        if task is not None:
            table(pilot).select(task)
            await until(pilot, lambda: table(pilot).selected.id == task)
            await until(pilot, lambda: output(pilot).line_count or task != REINDEX)
        tasks_screen(pilot).hear(USAGE)
        table(pilot).tick()
        for key in keys:
            await pilot.press(key)
        if filter:
            await pilot.press("slash")
            tasks_screen(pilot).query_one("#filter-text", Input).value = filter
        await settled(pilot)

    return prepare


@pytest.fixture
def host(tmp_path: Path) -> FakeEngine:
    return busy(tmp_path / "state")


def test_empty_state_says_what_to_do(snap_compare: Compare, engine: FakeEngine) -> None:
    assert snap_compare(console(engine), terminal_size=MIDDLE, run_before=after(task=None))


@SIZES
def test_queue_and_output(snap_compare: Compare, host: FakeEngine, size: tuple[int, int]) -> None:
    assert snap_compare(console(host), terminal_size=size, run_before=after())


@SIZES
def test_usage(snap_compare: Compare, host: FakeEngine, size: tuple[int, int]) -> None:
    assert snap_compare(console(host), terminal_size=size, run_before=after("u", "enter"))


def test_usage_beside_the_list(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after("u"))


def test_usage_that_nobody_measured(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("u", task=12))


def test_refused_shows_its_findings(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after(task=REFUSED))


def test_review_in_the_light_theme(snap_compare: Compare, host: FakeEngine) -> None:
    app = console(host, theme="opsconsole-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=after("v"))


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["large", "small"])
def test_events(snap_compare: Compare, host: FakeEngine, size: tuple[int, int]) -> None:
    assert snap_compare(console(host), terminal_size=size, run_before=after("e", "enter"))


def test_info(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("i"))


def test_detail_with_coloured_output_on_the_whole_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("enter"))


def test_output_with_times_and_a_hit_on_a_small_screen(snap_compare: Compare, host: FakeEngine) -> None:
    keys = ("enter", "T", "s", *"slow", "enter", "N")
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after(*keys))


def test_the_output_of_the_attempt_before(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("less_than_sign"))


@pytest.mark.parametrize("key", ["o", "e"])
def test_a_run_that_could_not_be_killed(snap_compare: Compare, host: FakeEngine, key: str) -> None:
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after(key, task=STUCK))


def test_cancel_asks(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("c"))


def test_cancel_of_tagged_tasks_asks_on_a_small_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after("space", "space", "space", "c"))


def test_tagged_tasks(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after("space", "space"))


def test_filtered_list(snap_compare: Compare, host: FakeEngine) -> None:
    async def kept(pilot: Pilot[Any]) -> None:
        await after(filter="state:bad")(pilot)
        await pilot.press("enter")
        await settled(pilot)

    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=kept)


def test_filter_that_cannot_be_understood(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after(filter="state:late"))


def test_light_theme(snap_compare: Compare, host: FakeEngine) -> None:
    app = console(host, theme="opsconsole-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=after())


def test_no_colour_means_none(snap_compare: Compare, host: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after())


def test_what_was_not_kept_is_said(snap_compare: Compare, engine: FakeEngine) -> None:
    task = engine.put(name="dump", status=Status.RUNNING, started_at=NOW - 5 * SECOND)
    page = 4096
    head, gap, tail = b"first line\n".ljust(page, b"."), 50 * page, b"last line\n" * 3
    folder = engine.write(task.id, ("stdout", head))
    with open(folder / "stdout", "r+b") as file:
        file.seek(page + gap)
        file.write(tail)
    with open(folder / "timing", "ab") as file:
        file.write(b"o 1.0 %d\n" % (gap + len(tail)))
    assert snap_compare(console(engine), terminal_size=MIDDLE, run_before=after(task=task.id))


def test_tasks_of_a_host_in_trouble(snap_compare: Compare, tmp_path: Path) -> None:
    prepare = after()

    async def with_alarm(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "grew by 1.9 GiB" in shown(pilot))
        await prepare(pilot)

    assert snap_compare(console(trouble(tmp_path / "state")), terminal_size=LARGE, run_before=with_alarm)
