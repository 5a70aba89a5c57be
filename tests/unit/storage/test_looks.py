"""When an operator last looked, and what happened since; asked of a real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.models import ExecutionPolicy, Priority, Status, TaskSpec
from opsconsole.storage import consoles, looks
from opsconsole.storage.database import open_database

PAST = 1_000_000


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with Engine(state_dir=tmp_path / "state", claims="own") as engine:
        yield engine


def spec(name: str, script: str, priority: Priority = Priority.NORMAL, *, hold: bool = False) -> TaskSpec:
    return TaskSpec(script=script, name=name, policy=ExecutionPolicy.STANDARD, priority=priority, hold=hold)


async def test_what_ended_badly_is_listed_and_all_is_counted(engine: Engine) -> None:
    for name, script in (("bad", "exit 3"), ("fine", "true"), ("worse", "exit 4")):
        await engine.run(spec(name, script))
    found = engine.happened(PAST)
    assert [task.name for task in found.loud] == ["worse", "bad"]
    assert found.ended == {Status.FAILED: 2, Status.COMPLETED: 1}
    last = found.loud[0].finished_at or 0
    later = engine.happened(last + 1)
    assert later.loud == [] and not later.ended[Status.FAILED]


async def test_a_look_is_kept_and_never_goes_back(engine: Engine, tmp_path: Path) -> None:
    assert engine.last_look() is None
    for at in (2_000, 5_000, 3_000):
        engine.looked(at)
    await engine.run(spec("fine", "true"))  # what was written before it is there
    assert engine.last_look() == 5_000
    with Engine.look(state_dir=tmp_path / "state") as another:
        assert another.last_look() == 5_000


async def test_the_next_one_is_the_one_that_is_claimed_next(tmp_path: Path) -> None:
    with Engine.look(state_dir=tmp_path / "state") as engine:
        assert engine.next_queued() is None
        for name, priority in (("low", Priority.LOW), ("first", Priority.HIGH), ("second", Priority.HIGH)):
            engine.add(spec(name, "true", priority))
        found = engine.next_queued()
        assert found is not None and found.name == "first"


async def test_only_a_console_that_did_not_sign_off_has_died(engine: Engine) -> None:
    c = open_database(engine.paths.database, tell=lambda _: None)
    try:
        for number, pid in ((900, 4242), (901, 4243)):
            c.execute(
                """INSERT INTO console (id, pid, boot_id, host, door, actor, claims, started_at)
                   VALUES (?, ?, 'b', 'h', 'tui', 'root', 'all', 1)""",
                (number, pid),
            )
        consoles.sign_off(c, 901, 9_000_000)
        consoles.bury(c, engine.paths, [900], 9_000_000)
        c.commit()
        found = looks.happened(c, PAST)
        assert [(one.pid, one.actor, one.ended_at) for one in found.consoles] == [(4242, "root", 9_000_000)]
        assert looks.happened(c, 9_000_001).consoles == []
    finally:
        c.close()
