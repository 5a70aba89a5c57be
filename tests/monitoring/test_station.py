"""Monitoring through the engine: a real sampler on this host, real episodes in a real database, two consoles."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opsconsole import Engine
from opsconsole.anomalies import Change, Transition
from opsconsole.clock import Clock
from opsconsole.errors import ConsoleError
from opsconsole.events import AnomalyEvent, Event, Notice, SampleTaken
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring import control
from opsconsole.monitoring.building import ALERT
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.settings import Settings
from tests.conftest import QUICK

OpenEngine = Callable[..., Awaitable[Engine]]


ALWAYS = {"low": 0.001, "medium": False, "high": False, "critical": False, "for_s": 0, "clear": 0.0005}
"""A level that this host's memory is surely above, whatever it is: some is always used."""
OTHERS = {kind: {"enabled": False} for kind in KINDS if kind != "memory_high"}
"""What else is wrong with the host that runs the tests, another test's victim of a memory limit say."""


def settings(memory_high: Mapping[str, Any] = ALWAYS, **given: Any) -> Settings:
    """Quick, and there is one thing that can be wrong."""
    monitor = MonitorSettings(
        interval_s=0.1,
        idle_interval_s=0.1,
        max_share=1.0,
        learning=False,
        smart=False,
        thresholds={**OTHERS, "memory_high": memory_high},
        ignore_mounts=("*",),  # other tests fill theirs
    )
    return replace(QUICK, others={"monitor": replace(monitor, **given)})


class Lagging(Clock):
    """The host's, but for what a busy machine adds to it."""

    lag_s = 0.0

    def now(self) -> int:
        return super().now() + int(self.lag_s * 1e6)

    def monotonic(self) -> float:
        return super().monotonic() + self.lag_s


class Heard:
    """The engine's events, to be waited for."""

    def __init__(self, engine: Engine) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self._passed: list[Event] = []
        """What came while something else was waited for."""
        engine.subscribe(self.events.put_nowait)

    async def sample(self) -> SampleTaken:
        return await self._next(lambda event: isinstance(event, SampleTaken))  # type: ignore[no-any-return]

    async def transition(self, change: Change, kind: str = "memory_high") -> Transition:
        def is_it(event: Event) -> bool:
            return (
                isinstance(event, AnomalyEvent)
                and event.transition.change is change
                and event.transition.anomaly.kind == kind
            )

        for event in self._passed:
            if is_it(event):
                self._passed.remove(event)
                return event.transition  # type: ignore[no-any-return, union-attr]
        return (await self._next(is_it)).transition  # type: ignore[no-any-return]

    async def _next(self, wanted: Callable[[Event], bool]) -> Any:
        while not wanted(event := await asyncio.wait_for(self.events.get(), 20)):
            assert not (isinstance(event, Notice) and _is_trouble(event)), event
            self._passed.append(event)
        return event


def _is_trouble(notice: Notice) -> bool:
    """Not an alert, nor that looking costs more than it may: a host may be as slow as it is."""
    return notice.level != ALERT and not notice.message.startswith("a look at this host takes ")


async def test_a_glance_of_a_busy_host_comes_late_and_has_its_rates(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Lagging()

    def oversleep(seconds: float) -> None:
        clock.lag_s += 100 * seconds

    engine = await open_engine(settings(), clock=clock)
    monkeypatch.setattr("opsconsole.monitoring.station.time", SimpleNamespace(sleep=oversleep))
    sample = engine.monitoring.glance().sample
    assert sample.interval_s is not None and sample.interval_s >= 10
    assert sample.gap is None


async def test_it_samples_records_and_opens_an_episode_that_is_kept(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings())
    heard = Heard(engine)
    assert engine.monitoring.start()
    taken = await heard.sample()
    assert taken.sample.memory.percent > 0 and any(one.pid == 1 for one in taken.processes)
    opened = (await heard.transition(Change.OPENED)).anomaly
    assert opened.peak > 0 and opened.processes and opened.threshold == 0.001
    await heard.sample()
    await asyncio.to_thread(engine.monitoring.stop)
    [stored] = engine.monitoring.anomalies()
    assert (stored.id, stored.kind, stored.state.is_open) == (opened.id, "memory_high", True)
    now = engine.monitoring.now()
    points = engine.monitoring.graph("memory", now - 60_000_000, now)
    assert any(point is not None and point.max > 0 for point in points)
    assert engine.monitoring.status().state == "stopped"


async def test_an_episode_goes_on_after_a_restart_under_the_same_id(open_engine: OpenEngine) -> None:
    first = await open_engine(settings())
    heard = Heard(first)
    first.monitoring.start()
    opened = (await heard.transition(Change.OPENED)).anomaly
    await first.close()
    calm = {"low": 99.9, "for_s": 0, "clear": 99.5, "clear_for_s": 0}
    second = await open_engine(settings(calm))
    heard = Heard(second)
    assert [one.id for one in second.monitoring.open_anomalies()] == [opened.id]
    second.monitoring.start()
    closed = (await heard.transition(Change.CLOSED)).anomaly
    assert closed.id == opened.id and closed.closed_at is not None
    assert closed.began_at == opened.began_at


async def test_a_second_console_reads_what_the_first_one_sees(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsconsole.monitoring.station._STOP_S", 30.0)
    first, second = await open_engine(settings()), await open_engine(settings(), claims="none")
    heard = Heard(first)
    with second.monitoring.looking():
        assert first.monitoring.start()
        assert not second.monitoring.start()
        opened = (await heard.transition(Change.OPENED)).anomaly
        taken = await heard.sample()
        while (seen := second.monitoring.latest()) is None or seen.sample.time_us < taken.sample.time_us:
            await heard.sample()
        assert seen.sample.memory.total == taken.sample.memory.total
        assert second.monitoring.status().state == "elsewhere"
        done = await asyncio.to_thread(second.monitoring.acknowledge, opened.id)
        assert done.acknowledged_by == second.origin.actor
        changed = await heard.transition(Change.CHANGED)
        assert changed.anomaly.acknowledged_by == second.origin.actor, "the monitor hears of it at once"
    assert await asyncio.to_thread(second.monitoring.stop)
    assert not first.monitoring.alive and control.holder(first.monitoring.files) is None


async def test_silence_note_and_clear(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings())
    heard = Heard(engine)
    station = engine.monitoring
    station.start()
    opened = (await heard.transition(Change.OPENED)).anomaly
    noted = await asyncio.to_thread(station.note, opened.id, "the cache is being warmed")
    assert noted.notes[-1]["text"] == "the cache is being warmed"
    silenced = await asyncio.to_thread(station.silence, opened.id, 3600, "known")
    assert silenced.silenced_until is not None
    assert await asyncio.to_thread(station.clear) == 0, "what is open stays"
    assert station.counts().by_kind == {"memory_high": 1}


async def test_stopped_by_hand_it_is_not_started_by_itself(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings())
    assert not await asyncio.to_thread(engine.monitoring.stop), "nobody watched"
    assert not engine.monitoring.start(by_hand=False)
    assert engine.monitoring.start()
    await asyncio.to_thread(engine.monitoring.stop)
    assert engine.monitoring.status().state == "stopped"


async def test_a_console_that_watches_starts_by_itself_unless_the_settings_forbid(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings(autostart=False), watches=True)
    assert engine.monitoring.status().state == "off"
    await engine.close()
    engine = await open_engine(settings(), watches=True)
    assert engine.monitoring.alive


async def test_closing_the_engine_leaves_no_thread_and_no_lock(open_engine: OpenEngine, state_dir: Path) -> None:
    before = set(threading.enumerate())
    engine = await open_engine(settings())
    heard = Heard(engine)
    engine.monitoring.start()
    await heard.sample()
    await engine.close()
    assert control.holder(control.Files(state_dir)) is None
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in names if name.startswith(("opsconsole-monitor", "opsconsole-metrics"))}


async def test_health_is_unknown_without_a_monitor_and_bad_with_an_open_episode(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings({"critical": 0.001, "for_s": 0, "clear": 0.0005}))
    assert engine.monitoring.health().state == "unknown"
    heard = Heard(engine)
    engine.monitoring.start()
    await heard.transition(Change.OPENED)
    await heard.sample()
    health = engine.monitoring.health()
    assert health.state == "critical" and health.worst is not None and health.worst.kind == "memory_high"


async def test_analysis_without_a_monitor_takes_its_own_looks(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings())
    found = await asyncio.to_thread(engine.monitoring.analyze)
    assert found.to_json()["resources"]


async def test_a_monitor_that_does_not_stop_is_an_error(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await open_engine(settings())
    deaf = control.Lock(engine.monitoring.files)
    assert deaf.take(1, "tui")
    monkeypatch.setattr("opsconsole.monitoring.station._STOP_S", 0.05)
    with pytest.raises(ConsoleError, match="did not stop"):
        engine.monitoring.stop()
    deaf.release()


async def test_before_a_screen_nothing_is_loaded_until_the_first_look_is_drawn(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsconsole.monitoring.station._DRAWN_S", 60)
    engine = await open_engine(settings(), door="tui")
    heard, station = Heard(engine), engine.monitoring
    assert not station.glancing
    assert station.start()
    await heard.sample()
    assert station.glancing and station._built is None
    station.drawn()
    await heard.sample()
    assert not station.glancing and station._built is not None


async def test_who_has_seen_a_look_before_there_was_an_engine_waits_for_no_other_one(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsconsole.monitoring.station._DRAWN_S", 60)
    engine = await open_engine(settings(), door="tui")
    engine.looked_before = True
    heard, station = Heard(engine), engine.monitoring
    assert station.start()
    await heard.sample()
    assert not station.glancing and station._built is not None


async def test_a_console_leaves_at_once_though_the_first_look_was_never_drawn(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsconsole.monitoring.station._DRAWN_S", 60)
    engine = await open_engine(settings(), door="tui")
    heard = Heard(engine)
    assert engine.monitoring.start()
    await heard.sample()
    await asyncio.wait_for(engine.close(), 30)
