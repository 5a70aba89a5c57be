"""The loop: when it looks, what it does with a part that fails, how it starts and stops. Time is moved by hand."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Change, Severity, Transition
from opsconsole.clock import SYSTEM
from opsconsole.errors import DiskFull
from opsconsole.events import AnomalyEvent, Event, Notice, SampleTaken
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring import live
from opsconsole.monitoring.control import Files, Gaze, holder, tell
from opsconsole.monitoring.detection.observation import Look
from opsconsole.monitoring.monitor import Monitor, Parts
from opsconsole.samples import Cpu, Memory, ProcessSample, Sample, Swap
from opsconsole.storage import anomalies
from opsconsole.storage.database import open_database

TROUBLE = Anomaly(
    id=1, kind="cpu_high", subject="", host="here", severity=Severity.HIGH, state=AnomalyState.OPEN, began_at=1,
    opened_at=2, last_at=2, closed_at=None, value=97.0, peak=97.0, mean=96.0, count=3, threshold=85.0, unit="%",
    message="CPU at 97 %",
)  # fmt: skip
PROCESS = ProcessSample(1, 0, 100.0, "init", "S", 0, 1.5, 4096)
LONG = MonitorSettings(interval_s=3600.0, idle_interval_s=7200.0)


class Host:
    """Gives samples, and remembers what the loop did with the rest of its parts."""

    def __init__(self) -> None:
        self.taken = 0
        self.expected: list[float | None] = []
        self.recorded: list[Mapping[str, float]] = []
        self.trimmed = threading.Event()
        self.broken: set[str] = set()
        self.transitions: list[Transition] = []
        self.closed: list[str] = []
        self.open: list[Anomaly] = []
        self.alerted = 0

    def take(self, expected_s: float | None = None) -> tuple[Sample, tuple[ProcessSample, ...]]:
        self.taken += 1
        self.expected.append(expected_s)
        return sample(self.taken), (PROCESS,)

    def look(self, look: Look) -> list[Transition]:
        if "watch" in self.broken:
            raise ValueError("a bug")
        found, self.transitions = self.transitions, []
        return found

    def record(self, time_us: int, values: Mapping[str, float]) -> None:
        if "history" in self.broken:
            raise OSError("no space left")
        self.recorded.append(values)

    def trim(self) -> None:
        self.trimmed.set()

    def on_transition(self, transition: Transition) -> None:
        self.alerted += 1

    def tick(self) -> None: ...

    def stop(self) -> None:
        self.closed.append("alerts")

    def close(self) -> None:
        self.closed.append("closed")


def sample(number: int) -> Sample:
    return Sample(
        time_us=number * 1_000_000, monotonic_s=float(number), interval_s=None if number == 1 else 1.0,
        cpu=Cpu(percent=10.0), load=(0.1, 0.2, 0.3), memory=Memory(50.0, 100, 50, 50), swap=Swap(0.0, 0, 0),
    )  # fmt: skip


class Watched:
    """A monitor and what it says."""

    def __init__(self, folder: Path, settings: MonitorSettings = LONG) -> None:
        self.files = Files(folder)
        self.host = Host()
        self.heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.saved: list[Callable[[sqlite3.Connection], Any]] = []
        self.refuse: Exception | None = None
        self.monitor = self.made(settings)

    def made(self, settings: MonitorSettings, alone: Callable[[], bool] = lambda: False) -> Monitor:
        return Monitor(
            settings, self.files, clock=SYSTEM, door="test", make_parts=self._parts, job=self._job,
            publish=self.heard.put, alone=alone,
        )  # fmt: skip

    def _parts(self) -> Parts:
        return Parts(self.host, self.host, self.host, self.host, open=lambda: self.host.open)

    def _job(self, job: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        if self.refuse is not None:
            future.set_exception(self.refuse)
        else:
            self.saved.append(job)
            future.set_result(None)
        return future

    def rows(self) -> list[Anomaly]:
        """What the jobs would have left in the database."""
        with closing(open_database(self.files.lock.with_name("opsconsole.db"), print)) as c:
            for job in self.saved:
                job(c)
            return anomalies.find(c, anomalies.AnomalyFilter())

    def next(self, kind: type[Event]) -> Any:
        while not isinstance(event := self.heard.get(timeout=20), kind):
            pass
        return event


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.monitor.stop()


def test_the_first_look_comes_at_once_and_the_end_too(watched: Watched) -> None:
    assert watched.monitor.start()
    taken = watched.next(SampleTaken)
    assert taken.sample.cpu.percent == 10.0 and taken.interval_s == 7200
    assert watched.host.recorded[0]["cpu"] == 10.0
    watched.monitor.stop()
    assert not watched.monitor.running and holder(watched.files) is None
    assert watched.host.closed == ["alerts", "closed", "closed"]
    assert watched.host.taken == 1


def test_the_word_of_another_console_stops_it(watched: Watched) -> None:
    watched.monitor.start()
    watched.next(SampleTaken)
    assert tell(watched.files, "stop")
    assert watched.monitor._thread is not None
    watched.monitor._thread.join(20)
    assert not watched.monitor.running and holder(watched.files) is None


def test_a_second_monitor_does_not_start(watched: Watched, tmp_path: Path) -> None:
    assert watched.monitor.start()
    other = Watched(tmp_path)
    assert not other.monitor.start() and not other.monitor.running
    assert other.host.taken == 0


def test_it_looks_at_once_when_somebody_begins_to_look(watched: Watched) -> None:
    watched.monitor.start()
    watched.next(SampleTaken)
    gaze = Gaze(watched.files)
    gaze.begin()
    assert watched.next(SampleTaken).interval_s == 3600
    assert watched.host.expected == [7200, 7200]
    gaze.end()
    shown = live.read(watched.files.live)
    assert shown is not None and shown.sample == sample(2) and shown.processes == (PROCESS,)


def test_the_view_for_others_waits_while_only_its_own_console_looks(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    gaze = Gaze(watched.files)
    watched.monitor = watched.made(LONG, alone=gaze.alone)
    watched.monitor.start()
    watched.next(SampleTaken)
    gaze.begin()
    watched.next(SampleTaken)
    shown = live.read(watched.files.live)
    assert shown is not None and shown.sample == sample(1), "nobody waits for the second one"
    other = Gaze(watched.files)
    other.begin()
    watched.next(SampleTaken)
    shown = live.read(watched.files.live)
    assert shown is not None and shown.sample == sample(3)
    gaze.end()
    other.end()
    watched.monitor.stop()


def test_an_episode_is_stored_and_told(watched: Watched) -> None:
    watched.host.transitions = [Transition(Change.OPENED, TROUBLE)]
    watched.monitor.start()
    assert watched.next(AnomalyEvent).transition.anomaly == TROUBLE
    assert len(watched.saved) == 1


def test_an_open_episode_is_stored_between_its_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another console, and whoever continues after a kill, finds it as it is, not as it was when it opened."""
    monkeypatch.setattr("opsconsole.monitoring.monitor.KEEP_S", 0.0)
    watched = Watched(tmp_path, replace(LONG, interval_s=0.1, idle_interval_s=0.1, max_share=1.0))
    watched.host.transitions = [Transition(Change.OPENED, TROUBLE)]
    watched.host.open = [replace(TROUBLE, count=9, peak=99.0)]
    watched.monitor.start()
    for _ in range(3):
        watched.next(SampleTaken)
    watched.monitor.stop()
    assert [one.peak for one in watched.rows()] == [99.0]
    assert len(watched.saved) == 2, "once when it opened, once since: nothing new came after that"


def test_an_open_episode_is_stored_while_it_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sample counts then, and its value is another one."""
    monkeypatch.setattr("opsconsole.monitoring.monitor.KEEP_S", 0.0)
    watched = Watched(tmp_path, replace(LONG, interval_s=0.1, idle_interval_s=0.1, max_share=1.0))
    watched.host.open = [replace(TROUBLE, value=91.0)]
    watched.monitor.start()
    for _ in range(3):
        watched.next(SampleTaken)
    watched.host.open = [replace(TROUBLE, value=18.0)]
    for _ in range(3):
        watched.next(SampleTaken)
    watched.monitor.stop()
    assert [one.value for one in watched.rows()] == [18.0]


def test_what_could_not_be_stored_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsconsole.monitoring.monitor.KEEP_S", 0.0)
    watched = Watched(tmp_path, replace(LONG, interval_s=0.1, idle_interval_s=0.1, max_share=1.0))
    watched.refuse = DiskFull("no space left")
    watched.host.transitions = [Transition(Change.CLOSED, replace(TROUBLE, state=AnomalyState.CLOSED, closed_at=5))]
    watched.monitor.start()
    assert watched.next(AnomalyEvent).transition.change is Change.CLOSED, "told, though it is not stored yet"
    assert "no space left" in watched.next(Notice).message
    assert watched.saved == []
    watched.refuse = None
    watched.next(SampleTaken)
    watched.next(SampleTaken)
    watched.monitor.stop()
    assert [one.state for one in watched.rows()] == [AnomalyState.CLOSED]
    assert len(watched.saved) == 1
    assert watched.host.alerted >= 2, "its alert is tried again too"


def test_a_part_that_fails_is_said_once_and_the_others_go_on(tmp_path: Path) -> None:
    watched = Watched(tmp_path, replace(LONG, interval_s=0.1, idle_interval_s=0.1, max_share=1.0))
    watched.host.broken = {"watch", "history"}
    watched.monitor.start()
    for _ in range(3):
        watched.next(SampleTaken)
    watched.monitor.stop()
    notices = []
    while not watched.heard.empty():
        event = watched.heard.get()
        notices += [event.message] if isinstance(event, Notice) else []
    assert len(notices) <= 2, "each of the two is said at most once"
    assert watched.host.taken >= 3


def test_without_parts_it_says_so_and_gives_the_lock_back(watched: Watched) -> None:
    def fail() -> Parts:
        raise OSError("no /proc here")

    watched.monitor._make_parts = fail
    watched.monitor.start()
    assert watched.next(Notice).message == "the monitor stopped: OSError: no /proc here"
    assert watched.monitor._thread is not None
    watched.monitor._thread.join(20)
    assert holder(watched.files) is None and watched.monitor.first_look.is_set()


def test_it_slows_down_when_a_look_is_dear_and_says_so(watched: Watched) -> None:
    watched.monitor._settings = MonitorSettings(interval_s=1.0, max_share=0.05)
    watched.monitor._costs.extend([0.2] * 5)
    assert watched.monitor._pace(looked_at=True) == pytest.approx(4.0)
    assert watched.monitor.slowed == "a look at this host takes 200 ms: sampling every 4 s"
    assert watched.next(Notice).message == watched.monitor.slowed
    watched.monitor._costs.extend([0.01] * 20)
    assert watched.monitor._pace(looked_at=True) == 1.0 and watched.monitor.slowed is None


def test_it_does_not_say_that_it_slows_down_each_time(watched: Watched) -> None:
    watched.monitor._settings = MonitorSettings(interval_s=1.0, max_share=0.05)
    for _ in range(5):
        watched.monitor._costs.extend([0.06] * 20)
        watched.monitor._pace(looked_at=True)
        watched.monitor._costs.extend([0.045] * 20)
        assert watched.monitor._pace(looked_at=True) == 1.0
        assert watched.monitor.slowed, "as dear as it may be: not over yet"
    watched.monitor._costs.extend([0.03] * 20)
    watched.monitor._pace(looked_at=True)
    assert watched.monitor.slowed is None
    watched.monitor._costs.extend([0.06] * 20)
    watched.monitor._pace(looked_at=True)
    assert watched.monitor.slowed
    assert isinstance(watched.heard.get_nowait(), Notice) and watched.heard.empty(), "said once an hour"


def test_the_file_of_the_last_look_may_be_anything(tmp_path: Path) -> None:
    file = tmp_path / "monitor.live"
    for text in ("", "{", "[]", '{"sample": 3}', '{"interval_s": 1, "sample": {}, "processes": []}'):
        file.write_text(text)
        assert live.read(file) is None
