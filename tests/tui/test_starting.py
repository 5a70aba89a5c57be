"""The start: what comes before the first frame, what before the first look at the host, and what after it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.css import stylesheet
from textual.pilot import Pilot

from opsconsole.engine import Engine
from opsconsole.settings import Settings
from opsconsole.tui import app as app_module
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.overview.screen import OverviewScreen
from tests.tui import once
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.fake_monitoring import sample
from tests.tui.waiting import settled, shown, started, until


def console(engine: FakeEngine, **known: Any) -> ConsoleApp:
    made = lambda: engine  # noqa: E731
    return ConsoleApp(made, Settings(), host="web-03", user="deploy", clock=lambda: NOW, start="overview", **known)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The sheets that were parsed, as often as they were."""
    found: list[str] = []
    before = stylesheet.parse

    def parse(scope: str, css: str, read_from: Any, *rest: Any, **known: Any) -> Any:
        found.append(f"{scope} {read_from}")
        return before(scope, css, read_from, *rest, **known)

    monkeypatch.setattr(stylesheet, "parse", parse)
    monkeypatch.setattr(stylesheet.Stylesheet, "_parse_rules", once._parse_rules)  # as outside of these tests
    yield found


async def test_no_sheet_is_parsed_twice(engine: FakeEngine, parsed: list[str]) -> None:
    async with console(engine).run_test(size=(160, 45)) as pilot:
        await started(pilot)
        assert any("overview" in one for one in parsed)
        assert len(parsed) <= len(set(parsed)) + 1  # Textual's cache forgets the first that it was given


async def test_all_is_styled_though_no_style_is_worked_out_twice(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(160, 45)) as pilot:
        await started(pilot)
        await settled(pilot)
        screen = pilot.app.screen
        before = [(widget, widget.styles.base.get_rules(), widget.size) for widget in screen.query("*")]
        screen.update_node_styles(animate=False)
        await pilot.pause()
        assert before == [(widget, widget.styles.base.get_rules(), widget.size) for widget in screen.query("*")]


async def test_the_first_frame_comes_before_the_engine(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_PAINTED_S", 60.0)  # it is waited for, however long it takes here
    frames: list[str] = []

    def make() -> FakeEngine:
        frames.append(shown(pilot))
        return engine

    app = ConsoleApp(make, Settings(), host="web-03", user="deploy", clock=lambda: NOW)  # type: ignore[arg-type]
    pilot = Pilot(app)
    async with app.run_test(size=(160, 45)):
        await started(pilot)
    assert len(frames) == 1
    assert "opsconsole" in frames[0] and "CPU" in frames[0] and "starting" in frames[0]


async def test_a_mode_that_is_gone_to_before_the_engine_is_there_starts_no_second_one(engine: FakeEngine) -> None:
    engine.holds = asyncio.Event()
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await pilot.press("2", "3")
        await until(pilot, lambda: pilot.app.modes.current == "processes")  # type: ignore[attr-defined]
        engine.holds.set()
        await started(pilot)
        assert [name for name, *_ in engine.calls].count("start") == 1
        assert pilot.app.modes.current == "processes"  # type: ignore[attr-defined]


async def test_a_first_frame_that_is_never_painted_does_not_keep_the_engine_from_starting(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual's callbacks after a refresh wait for the screen they were given to: it may have been left by then."""
    monkeypatch.setattr("opsconsole.tui.app.ConsoleApp.call_after_refresh", lambda *_: True)
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: [name for name, *_ in engine.calls].count("start") == 1)


async def test_what_is_loaded_later_waits_for_the_first_look_to_be_drawn(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "_DRAWN_S", 60.0)
    begun: list[str] = []
    engine.monitoring.glancing = True
    app = console(engine, on_begun=lambda: begun.append(shown(pilot)))
    async with app.run_test(size=(160, 45)) as pilot:
        await started(pilot)
        assert not app._health_known and not begun
        engine.monitoring.take(sample(NOW))
        await until(pilot, lambda: begun)
        assert app._health_known and not engine.monitoring.glancing
        assert "40 %" in begun[0]


async def test_a_first_look_that_never_comes_holds_nothing_up(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "_DRAWN_S", 0.01)
    engine.monitoring.glancing = True
    async with console(engine).run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: pilot.app._health_known)  # type: ignore[attr-defined]


async def test_the_record_is_read_after_the_first_look(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_DRAWN_S", 60.0)
    engine.monitoring.glancing = True
    async with console(engine).run_test(size=(160, 45)) as pilot:
        await started(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, OverviewScreen) and not screen._filled
        engine.monitoring.take(sample(NOW))
        await until(pilot, lambda: screen._filled)


async def test_on_a_real_host_the_first_look_is_drawn_and_the_monitor_goes_on(tmp_path: Path) -> None:
    settings = Settings()
    app = ConsoleApp(
        lambda: Engine(settings, state_dir=tmp_path / "real", door="tui", watches=True), settings, host="here",
        user="me", start="overview",
    )  # fmt: skip
    try:
        async with app.run_test(size=(160, 45)) as pilot:
            await started(pilot)
            await until(pilot, lambda: app._health_known)
            station = app.engine.monitoring  # type: ignore[union-attr]
            await until(pilot, lambda: not station.glancing)  # a late look is waited for no longer than a second
            await until(pilot, lambda: station._built is not None and station.status().last_sample_at)
    finally:
        await app.link.close()


def test_loaded_objects_are_not_looked_through_for_garbage() -> None:
    before = gc.get_threshold()
    try:
        gc.unfreeze()
        gc.set_threshold(1_000_000)
        app_module.settle()
        assert gc.get_freeze_count() > 0 and gc.get_threshold()[0] < 1_000_000
    finally:
        gc.set_threshold(*before)
