"""Where nothing can be written, a console that is content to look opens all the same, says why, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from opsconsole.engine import Engine
from opsconsole.errors import DatabaseNewer, DiskFull, OpsError, StateDirError, StorageError
from opsconsole.events import Event, Notice, SampleTaken
from opsconsole.models import Priority, Status, TaskSpec
from opsconsole.settings import Settings
from tests.faults import processes
from tests.faults.console import quick
from tests.faults.processes import becomes
from tests.faults.test_storage_faults import MIB, Disk, disk, fill
from tests.monitoring.test_station import settings as watching
from tests.places import Place, given_to_nobody, place

__all__ = ["disk", "place"]

Look = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def look() -> AsyncIterator[Look]:
    """A console as `opsconsole` opens it, closed in the end."""
    opened: list[Engine] = []

    async def start(state: Path, settings: Settings | None = None, **given: Any) -> Engine:
        engine = Engine(
            settings or quick(), state_dir=state, door="tui", watches=True, content_to_look=True, **given
        )  # fmt: skip
        engine.subscribe(Heard(engine))
        await engine.start()
        opened.append(engine)
        return engine

    yield start
    for engine in opened:
        await engine.close()


class Heard:
    """What an engine tells, on the engine itself."""

    def __init__(self, engine: Engine) -> None:
        self.events: list[Event] = []
        engine.heard = self.events  # type: ignore[attr-defined]

    def __call__(self, event: Event) -> None:
        self.events.append(event)


def notices(engine: Engine) -> list[str]:
    """But for that of a slow host, which comes when it comes."""
    told = [event.message for event in engine.heard if isinstance(event, Notice)]  # type: ignore[attr-defined]
    return [message for message in told if "a look at this host takes" not in message]


async def seeded(state: Path) -> None:
    """A run that failed, with its output, and a task that is held."""
    async with Engine(quick(), state_dir=state) as engine:
        await engine.run(TaskSpec(script="echo said; exit 3", name="ran"))
        await engine.submit(TaskSpec(script="true", name="waits", hold=True))


async def test_a_file_system_that_became_read_only_is_looked_at(place: Place, look: Look) -> None:
    await seeded(place.state)
    before = place.freeze()
    engine = await look(place.state, watching())
    why = engine.unwritable
    assert isinstance(why, StateDirError) and why.hint
    assert "Read-only file system" in why.message or "not writable" in why.message
    assert engine.unread is None
    assert [(task.name, task.status) for task in engine.tasks()] == [("waits", Status.WAITING), ("ran", Status.FAILED)]
    assert engine.result(1).exit_code == 3 and engine.counts()[Status.FAILED] == 1
    assert engine.script(1) == b"echo said; exit 3"
    assert engine.archive().rows([1])[0].name == "ran"
    await becomes(lambda: sum(isinstance(event, SampleTaken) for event in engine.heard), lambda n: n >= 3)  # type: ignore[attr-defined]
    await becomes(
        lambda: [one.kind for one in engine.monitoring.open_anomalies()], lambda kinds: "memory_high" in kinds
    )
    assert engine.monitoring.status().recorded is False
    await engine.close()
    assert place.contents() == before


ACTIONS: dict[str, Callable[[Engine], Awaitable[object]]] = {
    "submit": lambda engine: engine.submitted(TaskSpec(script="true")),
    "run": lambda engine: engine.run(TaskSpec(script="true")),
    "cancel": lambda engine: engine.cancel(2),
    "release": lambda engine: engine.release(2),
    "priority": lambda engine: engine.set_priority(2, Priority.HIGH),
    "pin": lambda engine: engine.pin(1),
    "retry": lambda engine: engine.retry(1),
    "clean up": lambda engine: engine.clean_up(),
    "clear anomalies": lambda engine: asyncio.to_thread(engine.monitoring.clear),
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_whatever_would_change_something_fails_with_the_reason(place: Place, look: Look, action: str) -> None:
    await seeded(place.state)
    before = place.freeze()
    engine = await look(place.state)
    with pytest.raises(StateDirError) as raised:
        await asyncio.wait_for(ACTIONS[action](engine), 30)
    assert raised.value.hint
    assert [task.status for task in engine.tasks()] == [Status.WAITING, Status.FAILED]
    await engine.close()
    assert place.contents() == before
    place.thaw()
    async with Engine(quick(), state_dir=place.state) as again:
        assert [(task.id, task.status) for task in again.tasks()] == [(2, Status.WAITING), (1, Status.FAILED)]


async def test_what_a_killed_console_committed_last_is_seen(place: Place, look: Look) -> None:
    from tests.unit.storage.test_frozen import killed_writer

    await seeded(place.state)
    killed_writer(place.state / "opsconsole.db")
    place.freeze()
    engine = await look(place.state)
    assert engine._reads.connection.execute("SELECT word FROM late").fetchone()[0] == "last"


async def test_it_says_when_it_can_be_written_again(place: Place, look: Look) -> None:
    await seeded(place.state)
    place.freeze()
    engine = await look(place.state)
    await becomes(lambda: engine._stayed_unwritable)
    assert notices(engine) == []
    place.thaw()
    [said] = await becomes(lambda: notices(engine))
    assert "can be written again" in said and "start again" in said
    assert engine.unwritable is not None, "it goes on looking until then"


async def test_where_there_has_never_been_a_record_it_is_empty(place: Place, look: Look) -> None:
    place.state.mkdir(mode=0o700)
    before = place.freeze()
    for folder in (place.state, place.state / "missing"):
        engine = await look(folder)
        assert engine.unwritable is not None and engine.unread is None
        assert engine.tasks() == [] and engine.monitoring.anomalies() == []
        assert list(engine.archive().index(_ended())) == []
        await engine.close()
    assert place.contents() == before


def _ended() -> Any:
    from opsconsole.models import ENDED
    from opsconsole.storage.history import Filter

    return Filter(statuses=ENDED)


async def test_a_damaged_record_is_said_and_stays_as_it_is(place: Place, look: Look) -> None:
    await seeded(place.state)
    (place.state / "opsconsole.db").write_bytes(b"no database at all" * 500)
    for side in ("-wal", "-shm"):
        (place.state / f"opsconsole.db{side}").unlink(missing_ok=True)
    before = place.freeze()
    engine = await look(place.state, watching())
    assert engine.unread is not None and "is damaged" in engine.unread.message
    assert engine.tasks() == [] and list(engine.archive().index(_ended())) == []
    await becomes(lambda: engine.monitoring.open_anomalies())
    await engine.close()
    assert place.contents() == before


async def test_another_users_folder_is_looked_at_and_nothing_is_left_in_it(tmp_path: Path, look: Look) -> None:
    state = tmp_path / "state"
    await seeded(state)
    assert processes.wait_until(lambda: not processes.supervisors(state))
    given_to_nobody(state)
    names = sorted(map(str, state.rglob("*")))
    engine = await look(state, watching())
    assert engine.unwritable is not None and "belongs to uid 65534" in engine.unwritable.message
    assert [task.name for task in engine.tasks()] == ["waits", "ran"]
    with engine.monitoring.looking():
        await becomes(lambda: engine.monitoring.open_anomalies())
    for action in ACTIONS.values():
        with pytest.raises(OpsError):
            await action(engine)
    await engine.close()
    assert sorted(map(str, state.rglob("*"))) == names


async def test_a_full_disk_is_looked_at(disk: Disk, look: Look) -> None:
    state = disk(16 * MIB)
    await seeded(state)
    assert processes.wait_until(lambda: not processes.supervisors(state))
    filler = fill(state)
    engine = await look(state, watching())
    assert isinstance(engine.unwritable, DiskFull)
    assert [task.name for task in engine.tasks()] == ["waits", "ran"]
    with pytest.raises(DiskFull):
        await engine.cancel(2)
    await becomes(lambda: engine.monitoring.open_anomalies())
    await becomes(lambda: engine._stayed_unwritable)
    filler.unlink()
    await becomes(lambda: notices(engine), lambda told: any("can be written again" in one for one in told))
    await engine.close()
    async with Engine(quick(), state_dir=state) as again:
        assert (await again.run(TaskSpec(script="true"))).succeeded


async def test_a_console_that_works_only_looks_while_nothing_can_be_written(place: Place, look: Look) -> None:
    await seeded(place.state)
    engine = await look(place.state)
    assert engine.unwritable is None
    place.freeze_in_use()
    why = await becomes(lambda: engine.unwritable)
    assert isinstance(why, StateDirError) and why.hint
    assert "Read-only file system" in why.message or "Permission denied" in why.message
    with pytest.raises(StateDirError):
        await engine.submitted(TaskSpec(script="true"))
    assert [task.name for task in engine.tasks()] == ["waits", "ran"]
    assert engine.archive().rows([1])[0].name == "ran"
    place.thaw()
    await becomes(lambda: engine.unwritable is None)
    assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4


async def test_a_disk_that_fills_up_under_a_console_loses_nothing(disk: Disk, look: Look, tmp_path: Path) -> None:
    state, go = disk(16 * MIB), tmp_path / "go"
    await seeded(state)
    engine = await look(state)
    running = await engine.submit(TaskSpec(script=f'until [ -e "{go}" ]; do sleep 0.01; done; exit 6'))
    await becomes(lambda: engine.task(running.id).status is Status.RUNNING)
    assert not engine.cramped
    filler = fill(state)
    await becomes(lambda: engine.cramped)
    assert engine.unwritable is None, "what makes room may be written down"
    go.touch()
    filler.unlink()
    await becomes(lambda: not engine.cramped)
    assert (await engine.wait(running.id)).exit_code == 6
    assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4


async def test_a_disk_that_stumbles_once_is_not_given_up(place: Place, look: Look) -> None:
    """As SQLite says it of a failing disk; the next transaction goes through."""
    engine = await look(place.state)
    engine._writer.failure = StorageError("disk I/O error")  # type: ignore[union-attr]
    await becomes(lambda: engine._writer.failure is None)  # type: ignore[union-attr]
    assert engine.unwritable is None and not engine.cramped


async def test_a_database_that_takes_nothing_is_tried_until_it_does(place: Place, look: Look) -> None:
    engine = await look(place.state)
    assert engine._writer is not None
    await asyncio.wrap_future(engine._job(lambda c: c.execute("SELECT 1").fetchone()))
    engine._writer._connection.execute("PRAGMA query_only = ON")  # SQLITE_READONLY, as of a file system that is
    with pytest.raises(StorageError):
        await engine.submitted(TaskSpec(script="true"))
    assert isinstance(await becomes(lambda: engine.unwritable), StorageError)
    engine._writer._connection.execute("PRAGMA query_only = OFF")
    await becomes(lambda: engine.unwritable is None)
    assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4


async def test_a_console_that_must_write_is_refused_as_ever(place: Place) -> None:
    await seeded(place.state)
    place.freeze()
    with pytest.raises(StateDirError):
        await Engine(quick(), state_dir=place.state).start()
    with pytest.raises(StateDirError), Engine.look(quick(), state_dir=place.state):
        pass


async def test_a_record_of_a_newer_version_is_refused_here_too(place: Place, look: Look) -> None:
    import sqlite3
    from contextlib import closing

    await seeded(place.state)
    with closing(sqlite3.connect(place.state / "opsconsole.db", isolation_level=None)) as c:
        c.execute("PRAGMA user_version = 9999")
    place.freeze()
    with pytest.raises(DatabaseNewer):
        await look(place.state)


async def test_where_it_can_be_written_nothing_is_different(place: Place, look: Look) -> None:
    engine = await look(place.state)
    assert engine.unwritable is None and engine.unread is None
    assert (await engine.run(TaskSpec(script="true"))).succeeded
