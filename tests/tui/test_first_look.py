"""The look at the host that the first frame shows, before there is an engine."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.events import SampleTaken
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring import control
from opsconsole.monitoring.sampling.sampler import Sampler
from opsconsole.settings import Settings
from opsconsole.tui import app as app_module
from opsconsole.tui import first_look as module
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.first_look import first_look
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.fake_monitoring import process, sample
from tests.tui.waiting import shown, started, until


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else this machine does: the look and the first frame are waited for."""
    monkeypatch.setattr(app_module, "_PAINTED_S", 60.0)
    monkeypatch.setattr(module, "_MOST_S", 60.0)
    monkeypatch.setattr(module, "_MOST_TASKS", 1_000_000)


def looked() -> SampleTaken:
    return SampleTaken(sample(NOW), (process(4711, "nginx"), process(4712, "postgres")), 1.0)


async def test_it_is_in_the_first_frame_and_stays_when_the_engine_is_there(engine: FakeEngine) -> None:
    frames: list[str] = []
    asked: list[bool] = []

    def make() -> FakeEngine:
        frames.append(shown(pilot))
        return engine

    def look() -> SampleTaken:
        asked.append(True)
        return looked()

    engine.monitoring.state = "running"
    app = ConsoleApp(
        make, Settings(), host="web-03", user="deploy", clock=lambda: NOW, start="overview", first_look=look,  # type: ignore[arg-type]
    )  # fmt: skip
    pilot: Pilot[Any] = Pilot(app)
    async with app.run_test(size=(160, 45)):
        await started(pilot)
        words = ("40 %", "nginx", "4711", "postgres", "2 processes")
        assert [word for word in words if word not in frames[0]] == []
        await until(pilot, lambda: app.screen._filled)  # type: ignore[attr-defined]
        assert [word for word in words if word not in shown(pilot)] == []
    assert asked == [True]


async def test_a_console_that_starts_elsewhere_takes_none(engine: FakeEngine) -> None:
    app = ConsoleApp(
        lambda: engine, Settings(), host="web-03", user="deploy", clock=lambda: NOW, start="tasks",  # type: ignore[arg-type,return-value]
        first_look=lambda: pytest.fail("nobody would see it"),
    )  # fmt: skip
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)


async def test_where_nobody_watches_after_all_that_is_said(engine: FakeEngine) -> None:
    """The monitor was stopped by hand in the moment between."""
    engine.monitoring.state = "stopped"
    app = ConsoleApp(
        lambda: engine, Settings(), host="web-03", user="deploy", clock=lambda: NOW, start="overview",  # type: ignore[arg-type,return-value]
        first_look=looked,
    )  # fmt: skip
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        await until(pilot, lambda: "nobody watches this host" in shown(pilot))
        assert "nobody looks at them" in shown(pilot) and "4711" not in shown(pilot)


def test_it_has_real_figures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    root = tmp_path / "state"
    taken = first_look(Settings(), root)
    assert taken is not None and taken.interval_s == Settings().monitor.interval_s
    assert 0 < taken.sample.memory.percent <= 100 and taken.sample.time_us > 0
    assert any(one.pid == threading.main_thread().native_id for one in taken.processes)
    assert not root.exists()


def test_who_does_not_watch_does_not_look(tmp_path: Path) -> None:
    assert first_look(Settings(others={"monitor": MonitorSettings(autostart=False)}), tmp_path) is None
    files = control.Files(tmp_path)
    files.off.touch()
    assert first_look(Settings(), tmp_path) is None
    files.off.unlink()
    lock = control.Lock(files)
    assert lock.take(1, "tui")
    assert first_look(Settings(), tmp_path) is None
    lock.release()
    assert first_look(Settings(), tmp_path) is not None


def test_where_there_is_too_much_to_look_at_the_screen_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_TASKS", 1)
    assert first_look(Settings(), tmp_path) is None
    assert module._tasks() > 1
    for text in ("", "0.1 0.2 0.3 nothing 1", "0.1 0.2 0.3 1/x 1"):
        (tmp_path / "loads").write_text(text)
        assert module._tasks(str(tmp_path / "loads")) == 0
    assert module._tasks(str(tmp_path / "none")) == 0


def test_a_look_that_hangs_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, closed = threading.Event(), threading.Event()
    take, close = Sampler.take, Sampler.close

    def hang(self: Sampler, expected_s: float | None = None) -> Any:
        assert answers.wait(60)
        return take(self, expected_s)

    def end(self: Sampler) -> None:
        close(self)
        closed.set()

    monkeypatch.setattr(Sampler, "take", hang)
    monkeypatch.setattr(Sampler, "close", end)
    monkeypatch.setattr(module, "_MOST_S", 0.01)
    assert first_look(Settings(), tmp_path) is None
    answers.set()
    assert closed.wait(60)


async def test_a_look_that_fails_is_left_to_the_monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Sampler, expected_s: float | None = None) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Sampler, "take", fail)
    assert await asyncio.to_thread(first_look, Settings(), tmp_path) is None
