"""The console on the real engine: scripts really run."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.engine import Engine
from opsconsole.models import Status, TaskSpec
from opsconsole.monitoring import control
from opsconsole.settings import Settings
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.phrase import PhraseScreen
from opsconsole.tui.screens.quit import QuitScreen
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.widgets.graph import Graph
from tests.tui.waiting import output, shown, started, table, until

COUNTING = 'for i in 1 2 3; do echo "line $i"; echo "warn $i" >&2; sleep 0.1; done; exit 7\n'
ENDLESS = "trap 'exit 3' TERM; while :; do printf '\\033[32mtick\\033[0m\\n'; sleep 0.1; done\n"


@asynccontextmanager
async def opened(state: Path) -> AsyncIterator[Pilot[Any]]:
    settings = Settings()
    app = ConsoleApp(
        lambda: Engine(settings, state_dir=state, door="tui"), settings, host="here", user="me", start="tasks"
    )
    try:
        async with app.run_test(size=(140, 40)) as pilot:
            await started(pilot)
            yield pilot
    finally:
        await app.link.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "real-state"


async def submit(pilot: Pilot[Any], path: Path) -> None:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, SubmitScreen) and pilot.app.screen.focused is not None)
    pilot.app.screen.query_one("#script", Input).value = str(path)
    await pilot.pause()
    await pilot.press("enter", "enter")


def statuses(pilot: Pilot[Any]) -> list[Status]:
    return [task.status for task in table(pilot).tasks]


async def test_a_script_is_submitted_followed_and_ends_with_its_exit_code(state: Path, tmp_path: Path) -> None:
    script = tmp_path / "counting.sh"
    script.write_text(COUNTING)
    async with opened(state) as pilot:
        await until(pilot, lambda: "Press n to run a script." in shown(pilot))
        await submit(pilot, script)
        await until(pilot, lambda: "exit 7" in shown(pilot))
        await until(pilot, lambda: output(pilot).line_count == 6)
        await until(pilot, lambda: "line 3" in shown(pilot) and "▌ warn 3" in shown(pilot))
        await until(pilot, lambda: "exit code 7" in shown(pilot))


async def test_pause_resume_cancel_and_retry_of_a_real_run(state: Path, tmp_path: Path) -> None:
    script = tmp_path / "endless.sh"
    script.write_text(ENDLESS)
    async with opened(state) as pilot:
        await submit(pilot, script)
        await until(pilot, lambda: "tick" in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: statuses(pilot) == [Status.PAUSED])
        await pilot.press("p")
        await until(pilot, lambda: statuses(pilot) == [Status.RUNNING])
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: statuses(pilot) == [Status.CANCELLED])
        await pilot.press("r")
        await until(pilot, lambda: statuses(pilot) == [Status.RUNNING, Status.CANCELLED])
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuitScreen))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, PhraseScreen))
        await pilot.press(*"cancel all", "enter")
        await until(pilot, lambda: pilot.app._exit)
    ended_by(state, 2, Status.CANCELLED)


async def test_a_run_goes_on_without_the_console_and_is_found_again(state: Path, tmp_path: Path) -> None:
    script, stop = tmp_path / "patient.sh", tmp_path / "stop"
    script.write_text(f"echo begun; while [ ! -e {stop} ]; do sleep 0.05; done; echo done; exit 4\n")
    async with opened(state) as pilot:
        await submit(pilot, script)
        await until(pilot, lambda: "begun" in shown(pilot))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuitScreen))
        await pilot.press("enter")
    async with opened(state) as pilot:
        await until(pilot, lambda: statuses(pilot) == [Status.RUNNING] and "begun" in shown(pilot))
        stop.touch()
        await until(pilot, lambda: "exit 4" in shown(pilot) and "done" in shown(pilot))


async def test_what_another_console_does_is_seen_here(state: Path) -> None:
    async with opened(state) as pilot:
        with Engine.look(state_dir=state) as other:
            task = other.add(TaskSpec(script="echo from elsewhere", name="elsewhere"))
        await until(pilot, lambda: statuses(pilot) == [Status.COMPLETED])
        await until(pilot, lambda: "from elsewhere" in shown(pilot))
        assert table(pilot).selected.id == task.id  # type: ignore[union-attr]


async def test_a_script_that_prints_as_fast_as_it_can_keeps_neither_keys_out_nor_lines_for_ever(
    state: Path, tmp_path: Path
) -> None:
    script = tmp_path / "flood.sh"
    script.write_text("yes 'the quick brown fox jumps over the lazy dog' | head -c 300000000\n")
    async with opened(state) as pilot:
        await submit(pilot, script)
        await until(pilot, lambda: "quick brown" in shown(pilot))
        screens = len(pilot.app.screen_stack)
        await pilot.press("question_mark")
        await until(pilot, lambda: len(pilot.app.screen_stack) > screens)
        await pilot.press("escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == screens)
        assert output(pilot).line_count <= 5_001
        await until(pilot, lambda: statuses(pilot) == [Status.COMPLETED], timeout_s=100)


OTHERS: set[threading.Thread] = set()
"""Monitors that were there before: of tests that ran in this process."""


def monitors() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name == "opsconsole-monitor"}


@pytest.fixture(autouse=True)
def those_of_other_tests() -> None:
    OTHERS.clear()
    OTHERS.update(monitors())


def lists_processes(pilot: Pilot[Any]) -> bool:
    """Some that are there; which ones are the busiest, nobody knows."""
    return any(Path("/proc", found).exists() for found in re.findall(r"[RSDIZ] +(\d+) ", shown(pilot)))


def no_monitor_is_left(state: Path) -> None:
    files = control.Files(state)
    assert control.holder(files) is None
    assert not [one for one in monitors() if one not in OTHERS]
    lock = control.Lock(files)
    assert lock.take(0, "test")
    lock.release()
    watcher = control.Watcher(files)
    assert not watcher.anybody()
    watcher.close()


async def test_the_host_is_watched_until_the_console_is_left(state: Path, tmp_path: Path) -> None:
    script = tmp_path / "endless.sh"
    script.write_text(ENDLESS)
    async with opened(state) as pilot:
        await submit(pilot, script)
        await until(pilot, lambda: statuses(pilot) == [Status.RUNNING])
        await pilot.press("1")
        await until(pilot, lambda: "press m to start the monitor" in shown(pilot))
        await pilot.press("m")
        cpu = next(iter(pilot.app.screen.query(Graph)))
        await until(pilot, lambda: re.search(r"CPU \d+ %", shown(pilot)) and any(cpu.values))
        await until(pilot, lambda: lists_processes(pilot))
        await until(pilot, lambda: re.search(r"▶ endless\.sh +printing +\d+s +.*\d %.*[\d.]+[kM] ", shown(pilot)))
        await until(pilot, lambda: pilot.app.screen.label_of("watch") == "stop watching")  # type: ignore[attr-defined]
        await pilot.press("2", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: statuses(pilot) == [Status.CANCELLED])
        await pilot.press("1")  # left while the host is on top
    no_monitor_is_left(state)


async def test_the_monitor_of_another_console_is_shown_and_can_be_stopped(state: Path) -> None:
    async with Engine(Settings(), state_dir=state, watches=True) as other, opened(state) as pilot:
        assert other.monitoring.alive
        await pilot.press("1")
        await until(pilot, lambda: re.search(r"CPU \d+ %", shown(pilot)))
        await until(pilot, lambda: "watched by another console" in shown(pilot))
        await until(pilot, lambda: lists_processes(pilot))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        await pilot.press("y")
        await until(pilot, lambda: "nobody watches this host" in shown(pilot))
        await until(pilot, lambda: not other.monitoring.alive)  # its thread ends a moment after it gave up its place
    no_monitor_is_left(state)


def ended_by(state: Path, task_id: int, status: Status, timeout_s: float = 40.0) -> None:
    end = time.monotonic() + timeout_s
    while True:
        with Engine.look(state_dir=state) as engine:  # each look settles what dead consoles left
            found = engine.task(task_id).status
        if not found.is_open or time.monotonic() > end:
            break
        time.sleep(0.05)
    assert found is status
