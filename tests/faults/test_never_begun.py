"""A supervisor that ends whenever it is given something to run: told, tried a few times, and not for ever."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from opsconsole.checkup.supervisor import supervisor_fact
from opsconsole.engine import Engine
from opsconsole.events import Notice
from opsconsole.execution import reconcile, slots
from opsconsole.models import Status, TaskSpec
from opsconsole.settings import RetrySettings
from tests.faults.console import quick
from tests.faults.processes import becomes

PATIENT = RetrySettings(base_s=600.0, max_s=3600.0)
"""Longer than any test."""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Real processes, each of which ends as soon as it gets a launch; `undo` mends those that are started later."""
    dies = "from supervisor.slot import Slot;Slot._execute=lambda *_:sys.exit('it cannot be');"
    before, main = slots._BOOT.split("from supervisor.parent", 1)
    monkeypatch.setattr(slots, "_BOOT", f"{before}{dies}from supervisor.parent{main}")
    return monkeypatch


def launch(state: Path) -> int:
    """The number of the first task's launch."""
    with closing(sqlite3.connect(state / "opsconsole.db")) as c:
        return int(c.execute("SELECT launch FROM task WHERE id = 1").fetchone()[0])


async def test_after_a_few_launches_the_task_fails_and_says_what_to_do(
    state: Path, broken: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    async with Engine(quick(), state_dir=state) as engine:
        engine.bus.subscribe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
        task = await engine.submit(TaskSpec(script=f"touch {tmp_path}/ran", retries=3))
        waiting = await engine.submit(TaskSpec(script="true", after=task.id))
        result = await engine.wait(task.id)
        assert (await engine.wait(waiting.id)).status is Status.CANCELLED
        told = [event.what for event in engine.course(task.id).events]
    assert (result.status, result.exit_code, result.started_at, result.attempt) == (Status.FAILED, None, None, 1)
    assert (result.reason or "").startswith("it was never run: 5 launches in a row came to nothing")
    assert "`opsconsole doctor`" in (result.reason or "")
    assert told == ["queued", *["claimed", "unclaimed"] * 4, "claimed", "failed"]
    assert [text.partition(" came")[0] for text in said] == [f"task 1: launch {number} of 5" for number in (2, 3, 4)]
    assert "it cannot be" in (state / "console.log").read_text(), "which is named"
    assert not (tmp_path / "ran").exists()


async def left_after_two(state: Path, script: str) -> None:
    """A console that leaves while it waits before the third launch."""
    async with Engine(quick(PATIENT), state_dir=state) as engine:
        said: list[str] = []
        engine.bus.subscribe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
        await engine.submit(TaskSpec(script=script))
        await becomes(lambda: said)
    assert launch(state) == 2


async def test_a_restart_goes_on_counting(state: Path, broken: pytest.MonkeyPatch) -> None:
    await left_after_two(state, "true")
    async with Engine(quick(), state_dir=state) as engine:
        assert (await engine.wait(1)).status is Status.FAILED
        claims = [event.what for event in engine.course(1).events].count("claimed")
    assert launch(state) == claims == reconcile.LAUNCHES


async def test_a_supervisor_that_works_again_in_time_runs_it_once(
    state: Path, broken: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await left_after_two(state, f"echo $OPSCONSOLE_EXEC_ID >> {tmp_path}/ran")
    broken.undo()
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.wait(1)
    assert (result.status, (tmp_path / "ran").read_text()) == (Status.COMPLETED, "1.1\n")
    assert launch(state) == 3


async def test_a_cancel_does_not_wait_for_the_next_launch(state: Path, broken: pytest.MonkeyPatch) -> None:
    async with Engine(quick(PATIENT), state_dir=state) as engine:
        said: list[str] = []
        engine.bus.subscribe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
        task = await engine.submit(TaskSpec(script="true"))
        await becomes(lambda: said)
        assert engine.task(task.id).status is Status.PREPARING
        await engine.cancel(task.id)
        assert (await engine.wait(task.id)).status is Status.CANCELLED


async def test_whoever_only_looks_ends_it_too_where_no_console_is_left(state: Path, broken: pytest.MonkeyPatch) -> None:
    await left_after_two(state, "true")
    with closing(sqlite3.connect(state / "opsconsole.db")) as c, c:
        for change in ("UPDATE task SET launch = ?", "UPDATE execution SET launch = ?"):
            c.execute(change, (reconcile.LAUNCHES,))
    with Engine.look(quick(), state_dir=state) as engine:
        found = engine.task(1)
    assert found.status is Status.FAILED
    assert "5 launches" in (found.reason or "")


def test_the_check_up_finds_a_supervisor_that_does_not_start_and_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert supervisor_fact().state == "ok"
    before, main = slots._BOOT.split("from supervisor.parent", 1)
    for dies, said in (
        ("from supervisor.slot import Slot;Slot.serve=lambda _:1//0;", "does not start: ZeroDivisionError"),
        ("import supervisor.lost;", "does not start: ModuleNotFoundError"),
        ("sys.exit(0);", "does not start: "),
    ):
        monkeypatch.setattr(slots, "_BOOT", f"{before}{dies}from supervisor.parent{main}")
        fact = supervisor_fact()
        assert (fact.state, fact.found.startswith(said)) == ("broken", True), fact.found
        monkeypatch.undo()


def test_the_check_up_needs_no_place_to_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not-there"))
    assert supervisor_fact().state == "ok"
