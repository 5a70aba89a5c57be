"""What the console looks like. After a wanted change: `pytest tests/tui/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.models import Status
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import process, sample
from tests.tui.scenes import USAGE, console, mixed, trouble
from tests.tui.waiting import output, settled, shown, started, table, until

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


def test_empty_state_says_what_to_do(snap_compare: Compare, engine: FakeEngine) -> None:
    assert snap_compare(console(engine), terminal_size=MIDDLE, run_before=after(task=None, lines=None))


def test_mixed_queue_on_a_large_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after())


def test_mixed_queue_on_a_small_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after())


def test_mixed_queue_on_a_huge_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=(300, 60), run_before=after())


def test_detail_with_coloured_output_on_the_whole_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("enter"))


def test_detail_on_a_small_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after("enter", "up", "up"))


def test_a_run_that_could_not_be_killed(snap_compare: Compare, host: FakeEngine) -> None:
    survivors = [{"pid": 4711, "start": 1, "name": "nfs-write"}, {"pid": 4712, "start": 2, "name": "nfs-write"}]
    left = [{"pid": 4800, "start": 3, "name": "php-fpm", "killed": False}]
    host.put(id=11, reason="timeout: could not be killed, still alive: 4711, 4712")
    host.report(
        11,
        supervision={"survivors": survivors, "leftovers": left, "kill": "subreaper", "stopped_by": "deploy"},
        output={"stdout_bytes": 98_300_000, "stderr_bytes": 120, "truncated": True},
        containment={"degraded": ["the disk was full: 812 bytes of stdout were not kept"]},
    )
    assert snap_compare(console(host), terminal_size=LARGE, run_before=after(task=11, lines=None))


def test_choosing_a_script(snap_compare: Compare, host: FakeEngine, samples: Path) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("n"))


def test_how_to_run_it(snap_compare: Compare, host: FakeEngine, samples: Path) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("n", "down", "enter"))


def test_elevated_asks_for_a_reason_on_a_small_screen(snap_compare: Compare, host: FakeEngine, samples: Path) -> None:
    keys = ("n", "enter", "up", "up", "up", "up", "left", "enter")
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after(*keys, "down", "down", "down", "enter"))


def test_cancel_asks(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("x"))


def test_help(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("question_mark"))


def test_help_on_a_small_screen(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after("question_mark"))


def test_quit_asks(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after("q"))


def test_filtered_list(snap_compare: Compare, host: FakeEngine) -> None:
    keys = ("slash", *"state", "colon", *"bad", "enter")
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after(*keys, lines=None))


def test_filter_that_cannot_be_understood(snap_compare: Compare, host: FakeEngine) -> None:
    keys = ("slash", *"state", "colon", *"late")
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after(*keys, lines=None))


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
    prepare = after(task=task.id, lines=None)
    assert snap_compare(console(engine), terminal_size=MIDDLE, run_before=prepare)


def on_host(*keys: str) -> Callable[[Pilot[Any]], Any]:
    """The host's screen, with what a run uses, then the keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        await pilot.press("1")
        await until(pilot, lambda: "Anomalies" in shown(pilot))
        pilot.app.engine.publish(USAGE)  # type: ignore[attr-defined]
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: pilot.app._health_known)  # type: ignore[attr-defined]
        await settled(pilot)

    return prepare


@pytest.mark.parametrize("size", [LARGE, MIDDLE, SMALL, (300, 60)], ids=["large", "middle", "small", "huge"])
def test_a_host_in_trouble(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(console(trouble(tmp_path / "state")), terminal_size=size, run_before=on_host())


def test_a_host_that_nobody_watches(snap_compare: Compare, engine: FakeEngine) -> None:
    assert snap_compare(console(engine), terminal_size=MIDDLE, run_before=on_host())


def test_a_host_that_is_well(snap_compare: Compare, engine: FakeEngine) -> None:
    engine.monitoring.take(
        sample(NOW), *(process(pid, "sshd", cmdline=f"sshd: deploy@pts/{pid}") for pid in range(1, 40))
    )
    assert snap_compare(console(engine), terminal_size=MIDDLE, run_before=on_host("s"))


def test_a_host_in_trouble_without_colours(
    snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(trouble(tmp_path / "state")), terminal_size=LARGE, run_before=on_host())


def test_a_host_in_trouble_in_the_terminals_own_colours(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(trouble(tmp_path / "state"), theme="ansi-dark")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=on_host())


def test_tasks_of_a_host_in_trouble(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(trouble(tmp_path / "state"))
    prepare = after()

    async def with_alarm(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "critical" in shown(pilot))
        await prepare(pilot)

    assert snap_compare(app, terminal_size=LARGE, run_before=with_alarm)


def test_stop_watching_asks(snap_compare: Compare, tmp_path: Path) -> None:
    assert snap_compare(console(trouble(tmp_path / "state")), terminal_size=MIDDLE, run_before=on_host("m"))
