"""A console that watches for its own screen alone: it sees what any other would, and nothing of it is written."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from opsconsole import Engine
from opsconsole.anomalies import AnomalyState, Change
from opsconsole.events import SampleTaken
from opsconsole.monitoring import control
from opsconsole.storage.anomalies import AnomalyFilter
from tests.faults.processes import becomes
from tests.monitoring.test_station import Heard, OpenEngine, settings
from tests.places import given_to_nobody

SECOND = 1_000_000
MONITORS_FILES = ("monitor.lock", "monitor.control", "monitor.live", "metrics.db")


@pytest.fixture(autouse=True)
def _nobody_is_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsconsole.monitoring.station._DRAWN_S", 60.0)  # see `hears`


def looking(**given: Any) -> dict[str, Any]:
    return {"watches": True, "records": False, "claims": "none", "door": "tui", **given}


def hears(engine: Engine) -> Heard:
    """All but the first glance: an onlooker opens no episode before that is drawn, and nobody misses it."""
    heard = Heard(engine)
    engine.monitoring.drawn()
    return heard


@pytest.fixture
async def onlooker(open_engine: OpenEngine) -> Engine:
    """A console that reads only, on a directory that others may write."""
    return await open_engine(settings(), **looking())


async def test_it_samples_by_itself_and_leaves_no_file_of_a_monitor(onlooker: Engine) -> None:
    heard = hears(onlooker)
    with onlooker.monitoring.looking():
        for _ in range(3):
            await heard.sample()
        status = onlooker.monitoring.status()
    assert (status.state, status.recorded) == ("running", False) and status.to_json()["recorded"] is False
    assert onlooker.monitoring.alive and onlooker.monitoring.latest() is not None
    assert [name for name in MONITORS_FILES if (onlooker.paths.root / name).exists()] == []


async def test_its_graphs_hold_what_it_saw(onlooker: Engine) -> None:
    heard = hears(onlooker)
    taken = [(await heard.sample()).sample for _ in range(4)]
    graph = onlooker.monitoring.graph("memory", taken[0].time_us - SECOND, taken[-1].time_us + SECOND, 600)
    seen = [point for point in graph if point is not None]
    assert sum(point.n for point in seen) >= 3, "all but the first glance, which nobody keeps"
    assert min(point.min for point in seen) > 0


async def test_what_is_wrong_is_on_the_screen_and_not_on_record(onlooker: Engine, open_engine: OpenEngine) -> None:
    other = await open_engine(settings())
    heard = hears(onlooker)
    opened = (await heard.transition(Change.OPENED)).anomaly
    station = onlooker.monitoring
    assert [one.id for one in station.open_anomalies()] == [opened.id]
    assert station.anomaly(opened.id).kind == "memory_high"
    assert station.counts().open == 1 and station.health().worst is not None
    assert [one.id for one in onlooker.happened(0).anomalies] == [opened.id]
    assert other.monitoring.anomalies() == [] and other.happened(0).anomalies == []


async def test_an_episode_on_record_goes_on_and_ends_for_the_screen_only(open_engine: OpenEngine) -> None:
    first = await open_engine(settings())
    heard = Heard(first)
    first.monitoring.start()
    opened = (await heard.transition(Change.OPENED)).anomaly
    await first.close()
    calm = {"low": 99.9, "for_s": 0, "clear": 99.8, "clear_for_s": 0}
    onlooker = await open_engine(settings(calm), **looking())
    closed = (await hears(onlooker).transition(Change.CLOSED)).anomaly
    assert closed.id == opened.id and onlooker.monitoring.open_anomalies() == []
    third = await open_engine(settings())
    [recorded] = third.monitoring.anomalies(AnomalyFilter(kinds=frozenset({"memory_high"})))
    assert recorded.id == opened.id and recorded.state is AnomalyState.OPEN


async def test_it_steps_aside_for_a_monitor_that_records_and_comes_back(
    onlooker: Engine, open_engine: OpenEngine
) -> None:
    heard = hears(onlooker)
    await heard.transition(Change.OPENED)
    recorder = await open_engine(settings())
    assert recorder.monitoring.start(), "nobody's place is taken"
    opened = (await Heard(recorder).transition(Change.OPENED)).anomaly
    await becomes(lambda: onlooker.monitoring.status().state, lambda state: state == "elsewhere")
    assert [(one.id, one.opened_at) for one in onlooker.monitoring.open_anomalies()] == [(opened.id, opened.opened_at)]
    await becomes(onlooker.monitoring.latest)
    await recorder.close()
    await becomes(lambda: onlooker.monitoring.status().recorded, lambda recorded: recorded is False)


async def test_one_that_has_gone_silent_is_not_followed(
    onlooker: Engine, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file system has become read-only below it, say: it lives, and shows nothing."""
    monkeypatch.setattr("opsconsole.monitoring.unrecorded._SILENT_S", 0.5)
    monkeypatch.setattr("opsconsole.monitoring.monitor.live.write", lambda *_: None)
    recorder = await open_engine(settings())
    recorder.monitoring.start()
    heard = hears(onlooker)
    await becomes(lambda: onlooker.monitoring.status().recorded, lambda recorded: recorded is False)
    await heard.sample()


@pytest.mark.parametrize("how", ["by hand", "by the settings"])
async def test_where_watching_was_stopped_it_does_not_watch_either(open_engine: OpenEngine, how: str) -> None:
    if how == "by hand":
        before = await open_engine(settings())
        before.monitoring.stop()
        engine = await open_engine(settings(), **looking())
    else:
        engine = await open_engine(settings(autostart=False), **looking())
    engine._watch()
    assert not engine.monitoring.alive
    assert engine.monitoring.status().state == ("stopped" if how == "by hand" else "off")


async def test_what_somebody_acknowledges_is_seen(open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsconsole.monitoring.monitor.CHORES_S", 0.2)
    first = await open_engine(settings())
    first.monitoring.start()
    opened = (await Heard(first).transition(Change.OPENED)).anomaly
    await asyncio.to_thread(first._stop_watching)
    onlooker = await open_engine(settings(), **looking())
    await hears(onlooker).sample()
    first.monitoring.acknowledge(opened.id)
    await becomes(lambda: onlooker.monitoring.anomaly(opened.id).acknowledged_at)


async def test_the_analysis_knows_what_only_it_has_seen(onlooker: Engine) -> None:
    heard = hears(onlooker)
    await heard.transition(Change.OPENED)
    while onlooker.monitoring.latest() is None:
        await heard.sample()
    found = await asyncio.to_thread(onlooker.monitoring.analyze)
    assert found.to_json()["resources"]
    assert not any("cannot be read" in note for note in found.notes)


async def test_nothing_is_told_but_to_the_screen(open_engine: OpenEngine) -> None:
    loud = settings({"critical": 0.001, "for_s": 0, "clear": 0.0005})
    engine = await open_engine(loud, **looking())
    await hears(engine).transition(Change.OPENED)
    assert engine.monitoring._built is not None and engine.monitoring._built.alerts is None


async def test_it_looks_quickly_while_the_screen_does(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings(idle_interval_s=3600.0), **looking())
    heard = hears(engine)
    await heard.sample()
    with engine.monitoring.looking():
        found: list[SampleTaken] = [await heard.sample() for _ in range(3)]
    assert found[-1].interval_s == pytest.approx(0.1)


def test_in_another_users_folder_nobody_waits_and_nothing_is_written(tmp_path: Path) -> None:
    """Who owns it may have put anything there, for root to fall over."""
    files = control.Files(tmp_path)
    os.mkfifo(files.lock)
    treasure = tmp_path / "treasure"
    treasure.write_text("not to be touched")
    files.control.symlink_to(treasure)
    given_to_nobody(tmp_path)
    assert control.holder(files) is None
    assert control.tell(files, "look") is False and treasure.read_text() == "not to be touched"
    gaze = control.Gaze(files)
    gaze.begin()
    assert not files.look.exists() and not gaze.alone()
    gaze.end()


def test_in_no_case_is_a_folder_needed_for_it(tmp_path: Path) -> None:
    """What it is made of takes no path to write to."""
    from opsconsole.monitoring.unrecorded import InnerEar

    ear = InnerEar()
    ear.say("look")
    ear.say("reload")
    assert ear.wait(0) == ["look", "reload"] and ear.wait(0) == []
