"""A full disk, a database locked, broken or not writable, a clock that jumps, a long queue: said, or waited for."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from opsconsole.clock import Clock
from opsconsole.engine import Engine
from opsconsole.errors import ConsoleError, DatabaseLocked, DiskFull, QueueFull, StateDirError, StorageError
from opsconsole.events import Event, Notice
from opsconsole.models import Priority, ResourceLimits, Status, TaskSpec
from opsconsole.settings import QueueSettings, RetrySettings, Settings
from opsconsole.storage.history import Filter
from tests.faults import processes
from tests.faults.console import Console, quick
from tests.faults.processes import becomes, status_becomes

MIB = 1 << 20
HOUR_US = 3600 * 1_000_000

Disk = Callable[[int], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mounts a small file system and returns the state directory on it."""
    mounted: list[Path] = []

    def mount(size: int) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small file system")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
        mounted.append(folder)
        return folder / "state"

    yield mount
    for folder in mounted:
        processes.end_all(folder / "state")
        processes.wait_until(lambda folder=folder: not processes.supervisors(folder / "state"))  # type: ignore[misc]
        subprocess.run(["umount", "-l", folder], check=True)


def fill(state: Path) -> Path:
    """Take all the space there is; remove the file to give it back."""
    file = state.parent / "filler"
    with open(file, "wb", buffering=0) as target:
        for size in (65536, 4096, 1):
            try:
                while True:
                    target.write(bytes(size))
            except OSError:
                continue
    return file


# -- the disk is full


async def test_below_the_minimum_a_submission_is_refused_and_nothing_starts(disk: Disk) -> None:
    state = disk(8 * MIB)
    async with Engine(quick(min_free=2 * MIB), state_dir=state) as engine:
        assert (await engine.run(TaskSpec(script="true"))).succeeded
        held = await engine.submit(TaskSpec(script="true", hold=True))
        filler = fill(state)
        with pytest.raises(DiskFull, match=" are free"):
            await engine.submit(TaskSpec(script="true"))
        os.truncate(filler, filler.stat().st_size - MIB)
        await engine.release(held.id)
        await becomes(lambda: engine.waiting_reason(held.id) or "", lambda reason: "nearly full" in reason)
        assert engine.task(held.id).status is Status.QUEUED
        filler.unlink()
        assert (await engine.wait(held.id)).succeeded


async def test_a_submission_to_a_full_disk_is_a_clear_error_and_nothing_else_is_lost(disk: Disk) -> None:
    state = disk(8 * MIB)
    async with Engine(quick(), state_dir=state) as engine:
        before = [await engine.submit(TaskSpec(script="exit 3", hold=True)) for _ in range(3)]
        filler = fill(state)
        with pytest.raises(ConsoleError) as caught:
            for number in range(200):  # there may be room for a few rows in pages already taken
                await engine.submit(TaskSpec(script=f"echo {number}\n" * 2000, env={"N": str(number)}, hold=True))
        assert "space" in str(caught.value)
        filler.unlink()
        for task in before:
            await engine.release(task.id)
            assert (await engine.wait(task.id)).exit_code == 3
        assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4


async def test_a_run_that_fills_the_disk_ends_with_its_true_exit_code(disk: Disk) -> None:
    state = disk(24 * MIB)
    size = 60 * MIB
    async with Engine(quick(), state_dir=state) as engine:
        task = await engine.submit(
            TaskSpec(script=f"head -c {size} /dev/zero; echo done >&2; exit 5", limits=ResourceLimits(output=0))
        )
        finished = state / "runs" / "1.1" / "result.json"
        await becomes(finished.exists)
        result = await engine.wait(task.id)
    assert (result.status, result.exit_code) == (Status.FAILED, 5)
    assert result.output["stdout_bytes"] == size
    assert result.output["stderr_bytes"] == 5
    assert result.output["truncated"]
    lost = result.output["stdout_gap"]["lost_at_end"]
    kept = result.read_stdout()
    assert len(kept) + lost == size and not any(kept)
    assert result.containment["degraded"][0] == f"the disk was full: {lost} bytes of stdout were not kept"


async def test_a_full_disk_delays_the_record_and_loses_none(disk: Disk, tmp_path: Path) -> None:
    state, go = disk(16 * MIB), tmp_path / "go"
    async with Engine(quick(concurrency=3), state_dir=state) as engine:
        script = f'until [ -e "{go}" ]; do sleep 0.01; done; exit '
        ids = [(await engine.submit(TaskSpec(script=script + str(code)))).id for code in (1, 2, 3)]
        for task_id in ids:
            await status_becomes(engine, task_id, Status.RUNNING)
        slots = processes.slots(state)
        filler = fill(state)
        go.touch()
        await becomes(lambda: processes.marked(state), lambda found: not found)
        filler.unlink()
        assert [(await engine.wait(task_id)).exit_code for task_id in ids] == [1, 2, 3]
        assert all(slot.alive for slot in slots)


async def test_a_script_that_cannot_be_stored_fails_and_says_so(disk: Disk) -> None:
    state = disk(6 * MIB)
    async with Engine(quick(concurrency=1), state_dir=state) as engine:
        task = await engine.submit(TaskSpec(script="#" * MIB + "\nexit 3", hold=True))
        filler = fill(state)
        os.truncate(filler, filler.stat().st_size - 256 * 1024)
        await engine.release(task.id)
        result = await engine.wait(task.id)
        filler.unlink()
        after = await engine.run(TaskSpec(script="exit 4"))
    assert result.status is Status.FAILED
    assert result.exit_code is None
    assert "No space left" in (result.reason or "")
    assert after.exit_code == 4


# -- the database is locked


@contextmanager
def locked(state: Path) -> Iterator[Callable[[], None]]:
    """Another process holds the database's write lock until the call that is handed out."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, state / "opsconsole.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None and holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"

    def let_go() -> None:
        holder.communicate(b"\n")

    try:
        yield let_go
    finally:
        if holder.poll() is None:
            let_go()
        holder.stdout.close()


_HOLD = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA busy_timeout = 20000")
c.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
c.execute("ROLLBACK")
c.close()
"""


async def test_a_locked_database_is_waited_for(state: Path, tmp_path: Path) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    async with Engine(quick(), state_dir=state) as engine:
        script = f'until [ -e "{go}" ]; do sleep 0.01; done; echo ran >> "{log}"; exit 3'
        running = await engine.submit(TaskSpec(script=script))
        await status_becomes(engine, running.id, Status.RUNNING)
        with locked(state) as let_go:
            go.touch()
            submission = engine.submit(TaskSpec(script="exit 4"))
            await becomes(log.exists)
            until = time.monotonic() + 3
            while time.monotonic() < until:  # the fault itself lasts so long
                assert engine.task(running.id).status is Status.RUNNING, "reading goes on"
                await asyncio.sleep(0.05)
            let_go()
        assert (await engine.wait(running.id)).exit_code == 3
        assert (await engine.wait((await submission).id)).exit_code == 4


async def test_a_lock_that_outlasts_the_wait_is_said_and_nothing_is_lost(state: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    notices: list[Event] = []
    async with Engine(quick(), state_dir=state) as engine:
        engine.subscribe(lambda event: notices.append(event) if isinstance(event, Notice) else None)
        await _wait_no_longer_than(engine, 100)
        running = await engine.submit(TaskSpec(script=f'until [ -e "{go}" ]; do sleep 0.01; done; exit 3'))
        await status_becomes(engine, running.id, Status.RUNNING)
        with locked(state) as let_go:
            with pytest.raises(DatabaseLocked, match="locked by another process"):
                await engine.submit(TaskSpec(script="exit 4"))
            go.touch()
            await becomes(lambda: notices)
            assert engine.task(running.id).status is Status.RUNNING
            let_go()
        assert (await engine.wait(running.id)).exit_code == 3
        assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4
    assert any("locked" in str(notice) for notice in notices)


async def _wait_no_longer_than(engine: Engine, milliseconds: int) -> None:
    def job(c: sqlite3.Connection) -> None:
        c.execute(f"PRAGMA busy_timeout = {milliseconds}")

    engine._job(job).result()


# -- the database is not what it was


DAMAGE: dict[str, Callable[[Path], object]] = {
    "emptied": lambda file: os.truncate(file, 0),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2 & ~4095),
    "cut within a page": lambda file: os.truncate(file, 1000),
    "overwritten": lambda file: file.write_bytes(Random(0).randbytes(file.stat().st_size)),
    "another format": lambda file: file.write_text("hello, this is no database\n" * 1000),
}


@functools.cache
def _after_five_runs() -> tuple[Path, list[int]]:
    folder = Path(tempfile.mkdtemp(prefix="opsconsole-five-runs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    state = folder / "state"
    with Console(state).ready() as console:
        ids = [console.submit(f"echo {number}") for number in range(5)]
        for task_id in ids:
            console.call("wait", task=task_id)
    assert processes.wait_until(lambda: not processes.supervisors(state))
    return state, ids


def with_five_runs(state: Path) -> list[int]:
    """A state directory whose console was killed: its newest rows are in the log beside the database.

    A copy of one that is made once, with nothing of it alive any more.
    """
    killed, ids = _after_five_runs()
    shutil.copytree(killed, state, symlinks=True)
    return ids


def checkpoint(state: Path) -> Path:
    """Move everything from the log into the database, as its last user does."""
    with closing(sqlite3.connect(state / "opsconsole.db")) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not (state / "opsconsole.db-wal").exists()
    return state / "opsconsole.db"


def set_aside(state: Path) -> list[Path]:
    return [path for path in state.glob("opsconsole.db.unreadable-*") if not path.name.endswith(("-wal", "-shm"))]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_an_unreadable_database_is_moved_aside_and_ids_go_on(state: Path, damage: str) -> None:
    ids = with_five_runs(state)
    file = checkpoint(state)
    DAMAGE[damage](file)
    broken = file.read_bytes()

    notices: list[str] = []
    engine = Engine(quick(), state_dir=state)
    engine.subscribe(lambda event: notices.append(event.message) if isinstance(event, Notice) else None)
    async with engine:
        result = await engine.run(TaskSpec(script="echo new"))

    (aside,) = set_aside(state)
    assert aside.read_bytes() == broken
    assert len(notices) == 1 and str(aside) in notices[0]
    assert result.task_id == max(ids) + 1
    assert [(state / "runs" / f"{n + 1}.1" / "stdout").read_text() for n in range(5)] == [f"{n}\n" for n in range(5)]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_database_broken_beside_its_log_loses_no_row_or_goes_aside_with_it(state: Path, damage: str) -> None:
    ids = with_five_runs(state)
    log = (state / "opsconsole.db-wal").read_bytes()
    DAMAGE[damage](state / "opsconsole.db")
    async with Engine(quick(), state_dir=state) as engine:
        known = [task.id for task in engine.tasks()]
        result = await engine.run(TaskSpec(script="echo new"))
    assert result.task_id == max(ids) + 1
    aside = set_aside(state)
    assert sorted(known) == ids or aside
    for path in aside:
        assert path.with_name(path.name + "-wal").read_bytes()[: len(log)] == log


@pytest.mark.parametrize("first", [1, 2, 10, 40])
async def test_damaged_pages_are_said_and_their_bytes_are_kept(state: Path, first: int) -> None:
    """Most of such a database can still be saved with SQLite's own tools."""
    async with Engine(quick(), state_dir=state) as engine:
        await engine.submit_many([TaskSpec(script="echo", args=(str(number),), hold=True) for number in range(300)])
    file = checkpoint(state)
    data = bytearray(file.read_bytes())
    assert len(data) > 50 * 4096
    noise = Random(first)
    for page in range(first, len(data) // 4096):
        data[page * 4096 : page * 4096 + 4096] = noise.randbytes(4096)
    file.write_bytes(data)
    said: list[str] = []
    engine = Engine(quick(), state_dir=state)
    engine.subscribe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    try:
        async with engine:
            await engine.submit(TaskSpec(script="true"))
            engine.tasks()
    except (StorageError, sqlite3.DatabaseError) as error:
        said.append(str(error))
    assert "malformed" in said[0]
    assert [path.read_bytes() for path in set_aside(state) or [file]] == [bytes(data)]


async def test_a_state_directory_that_is_read_only_is_refused(disk: Disk) -> None:
    state = disk(8 * MIB)
    async with Engine(quick(), state_dir=state) as engine:
        await engine.run(TaskSpec(script="exit 3"))
    assert processes.wait_until(lambda: not processes.supervisors(state))
    command = ["mount", "-o", "remount,ro", str(state.parent)]
    # whoever has left may not have closed all yet
    assert processes.wait_until(lambda: subprocess.run(command, capture_output=True).returncode == 0)
    names = sorted(path.name for path in state.iterdir())
    with pytest.raises(StateDirError, match=r"cannot be used: (.*[Rr]ead-only|not writable)"):
        await Engine(quick(), state_dir=state).start()
    with pytest.raises(StateDirError), Engine.look(quick(), state_dir=state):
        pass
    assert sorted(path.name for path in state.iterdir()) == names
    subprocess.run(["mount", "-o", "remount,rw", state.parent], check=True)
    async with Engine(quick(), state_dir=state) as engine:
        assert engine.result(1).exit_code == 3
        assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_state_directory_without_write_permission_is_refused(state: Path) -> None:
    async with Engine(quick(), state_dir=state) as engine:
        await engine.run(TaskSpec(script="exit 3"))
    state.chmod(0o500)
    with pytest.raises(StateDirError, match="cannot be used"):
        await Engine(quick(), state_dir=state).start()
    state.chmod(0o700)
    assert set_aside(state) == []


# -- the clock jumps


class Skewed(Clock):
    """The host's clock, an hour late when told so."""

    def __init__(self) -> None:
        self.behind = 0

    def now(self) -> int:
        return super().now() - self.behind


@pytest.mark.parametrize("behind", [HOUR_US, -HOUR_US], ids=["back", "forward"])
async def test_a_clock_that_jumps_keeps_no_retry_waiting(state: Path, behind: int) -> None:
    clock = Skewed()
    settings = quick(RetrySettings(base_s=5, max_s=5, jitter=0))
    async with Engine(settings, state_dir=state, clock=clock) as engine:
        script = "exit $(( ${OPSCONSOLE_EXEC_ID#*.} < 2 ))"
        task = await engine.submit(TaskSpec(script=script, retries=1))
        await status_becomes(engine, task.id, Status.WAITING)
        clock.behind = behind
        began = time.monotonic()
        assert (await engine.wait(task.id)).status is Status.COMPLETED
        assert time.monotonic() - began < 100, "an hour less"
        running = await engine.submit(TaskSpec(script="sleep 300"))
        await status_becomes(engine, running.id, Status.RUNNING)
        clock.behind = 0
        await engine.cancel(running.id)
        assert (await engine.wait(running.id)).status is Status.CANCELLED


async def test_a_clock_set_back_does_not_let_newcomers_overtake(state: Path, tmp_path: Path) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    clock = Skewed()
    async with Engine(quick(concurrency=1), state_dir=state, clock=clock) as engine:
        await engine.submit(TaskSpec(script=f'until [ -e "{go}" ]; do sleep 0.01; done'))
        ids = [(await engine.submit(TaskSpec(script=f'echo {n} >> "{log}"'))).id for n in range(3)]
        clock.behind = HOUR_US
        ids += [(await engine.submit(TaskSpec(script=f'echo {n} >> "{log}"'))).id for n in range(3, 6)]
        go.touch()
        for task_id in ids:
            result = await engine.wait(task_id)
            assert result.duration_s is not None and 0 <= result.duration_s < 30
    assert log.read_text().split() == ["0", "1", "2", "3", "4", "5"]


# -- the queue is long


@pytest.mark.unmeasured
@pytest.mark.timeout(240)
async def test_ten_thousand_tasks_wait_in_order_and_one_more_is_refused(state: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = Settings(execution=quick(concurrency=1).execution, queue=QueueSettings(capacity=10_000))
    async with Engine(settings, state_dir=state, claims="none") as engine:
        specs = [TaskSpec(script=f'echo "$1" >> "{log}"', args=(str(number),)) for number in range(9_998)]
        tasks = await engine.submit_many(specs)
        assert [task.id for task in tasks] == list(range(1, 9_999))
        with pytest.raises(QueueFull, match="9998 of 10000"):
            await engine.submit_many([TaskSpec(script="true")] * 3)
        urgent = await engine.submit(TaskSpec(script=f'echo urgent >> "{log}"', priority=Priority.CRITICAL))
        await engine.submit(TaskSpec(script="true"))
        with pytest.raises(QueueFull, match="10000 of 10000"):
            await engine.submit(TaskSpec(script="true"))
        assert engine.counts()[Status.QUEUED] == 10_000

        listing = []
        for _ in range(5):
            began = time.thread_time()
            assert len(engine.tasks(Filter(limit=50))) == 50
            listing.append(time.thread_time() - began)
        assert min(listing) < 0.1

    async with Engine(settings, state_dir=state) as engine:
        assert (await engine.wait(urgent.id)).succeeded
        for task_id in range(1, 21):
            assert (await engine.wait(task_id)).succeeded
    lines = log.read_text().split()
    assert lines[:21] == ["urgent", *map(str, range(20))]
    assert len(lines) == len(set(lines))
    with closing(sqlite3.connect(state / "opsconsole.db")) as c:
        assert c.execute("SELECT count(*) FROM task").fetchone()[0] == 10_000
