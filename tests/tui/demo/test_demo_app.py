"""The demo as an app: the real console and engine, full of the trace, on a host that cannot be touched."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opsconsole.demo import demo_app
from opsconsole.demo.trace import recorded
from opsconsole.models import Status, TaskSpec
from opsconsole.storage.anomalies import AnomalyFilter
from opsconsole.storage.history import Filter
from opsconsole.tui.app import ConsoleApp
from tests.tui.waiting import shown, started, until


def nothing_happens(*_: object) -> None:
    raise AssertionError("the host was touched")


@pytest.fixture(autouse=True)
def no_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a signal, or starts a supervisor, fails."""
    for name in ("os.kill", "signal.pidfd_send_signal", "os.setpriority"):
        monkeypatch.setattr(name, nothing_happens)
    monkeypatch.setattr("opsconsole.execution.slots.LeanParent._spawn", nothing_happens)


async def test_it_is_marked_and_full_of_the_trace(tmp_path: Path) -> None:
    app = demo_app(tmp_path / "demo")
    trace = recorded()
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        engine = app.engine
        assert engine is not None
        await until(pilot, lambda: "DEMO" in shown(pilot) and "reindex-orders" in shown(pilot))
        assert "web-03" in shown(pilot) and "14:02:07" in shown(pilot)
        counts = engine.counts()
        assert (counts[Status.RUNNING], counts[Status.QUEUED]) == (3, 5)
        tasks = engine.tasks(Filter(limit=10_000))
        assert len(tasks) == len(trace.runs) + len(trace.routine)
        assert sum(task.pinned for task in tasks) == 1
        refused = engine.tasks(Filter(statuses=frozenset({Status.REFUSED})))
        assert [one.name for one in refused] == ["install-agent"] and engine.result(refused[0].id).findings
        assert any(one.waits_for == "retry" for one in tasks)
        begun = [one for one in trace.episodes if one["at"] <= 0]
        found = engine.monitoring.anomalies(AnomalyFilter(limit=1000))
        assert len(found) == len(begun)
        assert sum(one.state.is_open for one in found) == sum(one.get("until", 1) > 0 for one in begun)
        assert any(one.acknowledged_by == "anna" for one in found) and any(one.notes for one in found)
        completed = (engine.result(task.id) for task in tasks if task.status is Status.COMPLETED)
        assert {one.name for one in completed if one.verdict == "refuse"} == set()
        one_ended = next(task for task in tasks if task.name == "vacuum-db" and task.status is Status.COMPLETED)
        assert b"vacuuming" in engine.result(one_ended.id).read_stdout()
        long_ago = engine.result(tasks[-1].id)
        assert long_ago.read_stdout() + long_ago.read_stderr()
        assert any(engine.monitoring.graph("memory", app.clock() - 600_000_000, app.clock()))
        for text in (shown(pilot), app.export_screenshot()):
            assert "\x1b" not in text and "\x07" not in text


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's clock goes forward only with `later`: what runs is not over before somebody has looked."""
    monkeypatch.setattr("opsconsole.demo.moment.time", SimpleNamespace(monotonic=lambda: 0.0))


def later(engine: Any, seconds: float) -> None:
    engine._demo_clock._began -= seconds


async def running(app: ConsoleApp, name: str) -> int:
    assert app.engine is not None
    return next(task.id for task in app.engine.tasks(Filter(statuses=frozenset({Status.RUNNING}))) if task.name == name)


async def test_what_is_done_to_a_run_happens(tmp_path: Path, by_hand: None) -> None:
    app = demo_app(tmp_path / "demo", frozen=False, start="tasks")
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        engine = app.engine
        assert engine is not None
        warm, backup = await running(app, "warm-cdn"), await running(app, "nightly-backup")
        before = len(engine.result(warm).read_stdout())
        later(engine, 10)
        await until(pilot, lambda: len(engine.result(warm).read_stdout()) > before)
        await engine.pause(backup)
        await until(pilot, lambda: engine.task(backup).status is Status.PAUSED)
        await engine.resume(backup)
        await until(pilot, lambda: engine.task(backup).status is Status.RUNNING)
        await engine.cancel(warm)
        await until(pilot, lambda: engine.task(warm).status is Status.CANCELLED)
        # The place is free now: the most urgent of the queue is next, and is played as well.
        next_one = next(task for task in engine.tasks() if task.name == "purge-tmp" and task.status.is_open)
        await until(pilot, lambda: engine.task(next_one.id).status is Status.RUNNING)
        assert engine.task(next_one.id).id == await running(app, "purge-tmp")


async def test_a_script_of_ones_own_is_not_run(tmp_path: Path, by_hand: None) -> None:
    touched = tmp_path / "touched"
    app = demo_app(tmp_path / "demo", frozen=False, start="tasks")
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        engine = app.engine
        assert engine is not None
        task = await engine.submit(TaskSpec(script=f"touch {touched}", priority="critical"))  # type: ignore[arg-type]
        for other in engine.tasks(Filter(statuses=frozenset({Status.QUEUED}))):
            if other.id != task.id:
                await engine.cancel(other.id)  # one of them is as urgent, and older
        await engine.cancel(await running(app, "warm-cdn"))
        await until(pilot, lambda: engine.task(task.id).status is Status.RUNNING)
        later(engine, 3)
        await until(pilot, lambda: engine.task(task.id).status is Status.COMPLETED)
        assert b"This is a demo: nothing runs on this host" in engine.result(task.id).read_stdout()
        assert not touched.exists()


async def test_processes_and_check_up_are_those_of_the_recorded_host_and_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the page about it says so."""
    monkeypatch.setattr("opsconsole.monitoring.sampling.processes.ProcessSampler.sample", nothing_happens)
    monkeypatch.setattr("opsconsole.checkup.facts", nothing_happens)
    app = demo_app(tmp_path / "demo", start="processes")
    async with app.run_test(size=(160, 60)) as pilot:
        await started(pilot)
        await until(pilot, lambda: "/usr/lib/jvm/java-21" in shown(pilot))
        assert "48" in shown(pilot) and "0rders-4-ever" not in shown(pilot)
        app.screen.action_signal()  # type: ignore[attr-defined]
        await until(pilot, lambda: any("nothing is signalled" in one.message for one in app._notifications))
        assert not app.screen.is_modal
        await pilot.press("7")
        await until(pilot, lambda: "/home/deploy/.local/state/opsconsole" in shown(pilot))
        await until(pilot, lambda: "process 19440 (tui)" in shown(pilot) and "looking …" not in shown(pilot))
        await pilot.press("A")
        await until(pilot, lambda: "This is a demo" in shown(pilot))


async def test_pictures_outlive_it_and_an_episode_can_be_acknowledged_and_the_host_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path / "mine"))
    app = demo_app(tmp_path / "demo")
    async with app.run_test(size=(100, 30)) as pilot:
        await started(pilot)
        await pilot.press("x")
        kept = tmp_path / "mine" / "pictures"
        await until(pilot, lambda: len([*kept.glob("overview-*")]) == 2 if kept.exists() else False)
        assert not (tmp_path / "demo" / "pictures").exists()
        engine = app.engine
        assert engine is not None
        worst = next(one for one in engine.monitoring.open_anomalies() if one.kind == "memory_high")
        assert engine.monitoring.acknowledge(worst.id).acknowledged_by == "deploy"
        analysis = engine.monitoring.analyze()
        assert "java" in str(analysis)


def named(app: ConsoleApp) -> set[str]:
    """The command lines of its processes that belong to runs."""
    assert app.recorded is not None
    seen = app.recorded.sampler().sample()
    return {one.cmdline for one in seen if one.name in ("tar", "zstd", "curl", "psql") or "/runs/" in one.cmdline}


async def test_it_goes_on_for_as_long_as_it_is_open(tmp_path: Path, by_hand: None) -> None:
    """The processes of what has ended go with it; what the queue held is followed by more."""
    app = demo_app(tmp_path / "demo", frozen=False)
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        engine = app.engine
        assert engine is not None
        first = {task.id for task in engine.tasks()}
        assert any("zstd" in line for line in named(app)) and any("warm-cdn" in line for line in named(app))
        active = Filter(statuses=frozenset({Status.RUNNING}))

        async def all_end() -> None:
            """What runs now; the next of the queue takes its place."""
            before = {task.id for task in engine.tasks(active)}
            later(engine, 4200)
            await until(pilot, lambda: not {task.id for task in engine.tasks(active)} & before)

        while not any(task.id not in first for task in engine.tasks(active)):
            await all_end()
        await until(pilot, lambda: len(engine.tasks(active)) >= 2)
        lines = named(app)
        assert not any("zstd" in line or "warm-cdn.urls" in line for line in lines)
        await until(pilot, lambda: all(any(one.name in line for line in named(app)) for one in engine.tasks(active)))
        sample = app.recorded.sampler().sample()  # type: ignore[union-attr]
        mine = next(one for one in sample if "/runs/" in one.cmdline)
        assert app.recorded is not None and app.recorded.details(*mine.identity) is not None
