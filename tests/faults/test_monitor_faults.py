"""The monitor is killed, stopped, locked out, starved of disk, given a broken file, started twice: it says so, loses
nothing that it knows, and goes on."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole import Engine
from opsconsole.anomalies import AnomalyState
from opsconsole.clock import Clock
from opsconsole.events import AnomalyEvent, Event, Notice, SampleTaken
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring import control
from opsconsole.settings import Settings
from opsconsole.storage.metrics import MetricsStore
from tests.conftest import QUICK
from tests.faults.monitors import ALWAYS, CALM, Host, Monitor, memory
from tests.faults.processes import becomes, wait_until
from tests.faults.test_storage_faults import MIB, Disk, disk, fill

__all__ = ["disk"]
OpenEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.end()


def test_a_killed_monitor_goes_on_with_its_episodes_under_their_ids(host: Host) -> None:
    host.configure(memory(ALWAYS))
    ids = set()
    for round in range(3):
        with Monitor(host) as monitor:
            monitor.says("memory_high opened" if round == 0 else "memory_high data again")
            [episode] = host.episodes()
            ids.add((episode.id, episode.began_at))
            assert episode.state.is_open
            monitor.kill()  # the moment it is stored
        assert wait_until(lambda: host.watched() is None)
    assert len(ids) == 1, "it is one episode, and began once"
    host.configure(memory(CALM))
    with Monitor(host) as monitor:
        monitor.says("memory_high closed")
        assert monitor.leave() == 128 + signal.SIGINT
    [episode] = host.episodes()
    assert episode.state is AnomalyState.CLOSED and (episode.id, episode.began_at) in ids


def test_what_was_seen_of_an_open_episode_is_on_record_when_the_monitor_leaves(host: Host) -> None:
    host.configure(memory(ALWAYS))
    with Monitor(host) as monitor:
        monitor.says("memory_high opened")
        for _ in range(5):
            monitor.sample()
        monitor.leave()
    [episode] = host.episodes()
    assert episode.count >= 5 and episode.last_at > episode.opened_at


def test_a_locked_database_holds_up_no_sample_and_loses_no_episode(host: Host) -> None:
    host.configure(memory(CALM))
    with Monitor(host) as monitor:
        monitor.sample()
        with closing(sqlite3.connect(host.state / "opsconsole.db", isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN EXCLUSIVE")
            host.reload(memory(ALWAYS))
            monitor.fresh()
            for _ in range(10):  # were they held up, each would be late; on a busy host one now and then is
                monitor.until(lambda sample: sample["gap"] is None)
            assert host.episodes() == [], "nothing can be written just now"
            other.execute("ROLLBACK")
        monitor.says("memory_high opened")
        assert "could not be stored" not in monitor.said
    [episode] = host.episodes()
    assert episode.state.is_open


_NOT_STORED = "could not be stored: no space left"


async def test_a_full_disk_is_said_and_what_was_seen_meanwhile_is_stored_later(
    disk: Disk, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsconsole.monitoring.monitor.KEEP_S", 0.2)
    state = disk(6 * MIB)
    engine = await open_engine(in_process(), state_dir=state)
    heard: list[Event] = []
    engine.subscribe(heard.append)
    filler = fill(state)
    assert engine.monitoring.start()
    await becomes(lambda: [one for one in heard if isinstance(one, AnomalyEvent)])
    # a full disk keeps others from writing too, and who says so first is chance
    await becomes(lambda: [one for one in heard if isinstance(one, Notice) and _NOT_STORED in one.message])
    assert engine.monitoring.anomalies() == []
    count = len(heard)
    await becomes(lambda: sum(isinstance(one, SampleTaken) for one in heard[count:]), lambda found: found >= 5)
    told = [one.message for one in heard if isinstance(one, Notice)]
    assert len(told) == len(set(told)), "each thing is said once"
    filler.unlink()
    [episode] = await becomes(engine.monitoring.anomalies)
    assert (episode.kind, episode.state) == ("memory_high", AnomalyState.OPEN)


def test_a_stopped_process_is_a_gap_and_neither_a_recovery_nor_a_spike(host: Host) -> None:
    host.configure(memory(ALWAYS))
    with Monitor(host, "--top", "5") as monitor:
        monitor.says("memory_high opened")
        monitor.fresh()
        monitor.process.send_signal(signal.SIGSTOP)
        until = time.monotonic() + 1.5  # how long it is stopped is what is tested
        assert wait_until(lambda: time.monotonic() > until)
        monitor.process.send_signal(signal.SIGCONT)
        after = monitor.until(lambda sample: sample["gap"])
        assert after["gap"] == "late" and after["interval_s"] is None
        assert after["cpu"]["percent"] is None or after["cpu"]["percent"] <= 100
        cores = len(os.sched_getaffinity(0))
        assert all(one["cpu_percent"] <= 105 * cores for one in after["top"])
        monitor.until(lambda sample: sample["gap"] is None)
        assert "memory_high closed" not in monitor.said
        monitor.leave()
    [episode] = host.episodes()
    assert episode.state.is_open and episode.flips == 0


class Jumping(Clock):
    """This host's clock, some seconds off."""

    def __init__(self) -> None:
        self.off_s = 0

    def now(self) -> int:
        return super().now() + self.off_s * 1_000_000


async def test_a_clock_that_jumps_ends_nothing_and_lengthens_nothing(open_engine: OpenEngine) -> None:
    clock = Jumping()
    engine = await open_engine(in_process(), clock=clock)
    heard: list[Event] = []
    engine.subscribe(heard.append)
    engine.monitoring.start()
    await becomes(lambda: [one for one in heard if isinstance(one, AnomalyEvent)])
    for off_s in (3600, -7200):
        clock.off_s += off_s
        samples = await becomes(
            lambda: [
                one.sample
                for one in heard
                if isinstance(one, SampleTaken) and abs(one.sample.clock_jump_s or 0) > 1000  # not a busy host's second
            ]
        )
        assert samples[-1].gap in ("clock", "late"), "on a busy host it may come late, too"
        assert samples[-1].clock_jump_s == pytest.approx(off_s, abs=5)
        heard.clear()
        await becomes(lambda: sum(isinstance(one, SampleTaken) for one in heard), lambda found: found >= 3)
    await asyncio.to_thread(engine.monitoring.stop)
    assert [one for one in heard if isinstance(one, Notice) and "a look at this host takes" not in one.message] == []
    [episode] = engine.monitoring.anomalies()
    assert episode.state is AnomalyState.OPEN and episode.flips == 0
    assert 0 <= (clock.now() - episode.began_at) / 1e6 < 60, "its times are those of the clock as it is now"


def test_a_history_that_is_garbage_is_moved_aside_and_watching_goes_on(host: Host) -> None:
    host.configure(memory(ALWAYS))
    host.state.mkdir(mode=0o700)
    garbage = os.urandom(65536)
    (host.state / "metrics.db").write_bytes(garbage)
    with Monitor(host) as monitor:
        monitor.says("a new one begun")
        monitor.says("memory_high opened")
        monitor.until(lambda sample: sample["gap"] is None)
        assert monitor.leave() == 128 + signal.SIGINT
    [aside] = [file for file in host.state.glob("metrics.db.*") if file.stat().st_size == len(garbage)]
    assert aside.read_bytes() == garbage
    store = MetricsStore(host.state / "metrics.db", read_only=True)
    with closing(store):
        assert "memory" in store.names()


def test_of_several_starters_at_once_exactly_one_watches(host: Host) -> None:
    with ExitStack() as stack:
        starters = [
            stack.enter_context(host.popen("monitor", "start", stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
            for _ in range(3)
        ]
        said = [starter.communicate(timeout=100)[0].decode() for starter in starters]
    assert all(starter.returncode == 0 for starter in starters), said
    found = host.watched()
    assert found is not None and all(f"process {found.pid} (background)" in one for one in said), said
    assert wait_until(lambda: background(host) == [found.pid]), "the others have left"
    assert host.run("monitor", "stop") == (0, "stopped\n")
    assert wait_until(lambda: not background(host))


def test_a_start_that_another_one_overtakes_between_two_looks_is_none_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from opsconsole.cli import monitor

    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path / "state"))
    others = control.Lock(control.Files(tmp_path / "state"))

    def ended(pid: int, _: int) -> tuple[int, int]:
        """The other's takes the place, and this one's finds it taken."""
        assert others.take(1, "background")
        return pid, 0

    monkeypatch.setattr("opsconsole.detached.start", lambda *_: 4242)
    monkeypatch.setattr(os, "waitpid", ended)
    try:
        assert monitor.run(monitor.build().parse_args(["start"])) == 0
    finally:
        others.release()
    assert f"watching: process {os.getpid()} (background)" in capfd.readouterr().out


def test_started_in_the_background_it_goes_on_when_the_console_that_watched_leaves(host: Host) -> None:
    with Monitor(host) as monitor:
        monitor.sample()
        code, said = host.run("monitor", "start")
        assert code == 0 and f"process {monitor.process.pid}" in said and "a background monitor goes on" in said
        monitor.leave()
    assert wait_until(lambda: (found := host.watched()) is not None and found.door == "background")
    assert host.run("monitor", "stop") == (0, "stopped\n")


def test_one_look_after_it_was_stopped_by_hand_changes_nothing(host: Host) -> None:
    assert host.run("monitor", "stop")[0] == 0
    code, said = host.run("monitor", "--once", "--json")
    assert code == 0 and said.startswith("{") and said.count("\n") == 1
    assert host.files.off.exists() and host.watched() is None


def test_somebody_who_asks_who_watches_keeps_nobody_from_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask, one holds the lock for a moment."""
    monkeypatch.setattr("opsconsole.monitoring.control._ASKING_S", 30.0)
    files = control.Files(tmp_path)
    files.lock.write_text("what a killed one had said")
    asking = os.open(files.lock, os.O_RDWR)
    fcntl.flock(asking, fcntl.LOCK_SH)
    lock = control.Lock(files)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(lock.take, 1, "tui")
        assert wait([taken], timeout=0.05).not_done, "it tries again"
        fcntl.flock(asking, fcntl.LOCK_UN)
        assert taken.result(30)
    os.close(asking)
    lock.release()


def test_who_watches_and_has_not_said_so_yet_is_not_taken_for_somebody_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk it never says so: nobody must wait for that."""
    monkeypatch.setattr("opsconsole.monitoring.control._ASKING_S", 3600.0)
    files = control.Files(tmp_path)
    first, second = control.Lock(files), control.Lock(files)
    assert first.take(1, "tui")
    os.truncate(files.lock, 0)
    assert not second.take(2, "tui")
    first.release()
    assert second.take(2, "tui")
    second.release()


def in_process() -> Settings:
    """For a monitor in the test's own process: quick, and memory is always too full."""
    monitor = MonitorSettings(
        interval_s=0.1, idle_interval_s=0.1, max_share=1.0, learning=False, smart=False,
        ignore_mounts=("*",), thresholds={"memory_high": {"medium": ALWAYS, "for_s": 0, "clear": ALWAYS / 2}},
    )  # fmt: skip
    return replace(QUICK, others={"monitor": monitor})


def background(host: Host) -> list[int]:
    """The background monitors of this state directory."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes()
            environment: Any = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"'--background'" in words and f"OPSCONSOLE_STATE_DIR={host.state}".encode() in environment:
            found.append(int(name))
    return found
