"""What the anomalies look like. After a wanted change: `pytest tests/tui/anomalies/test_snapshots.py
--snapshot-update`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import exp, sin
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.errors import StorageError
from opsconsole.storage.metrics import Point
from tests.tui.anomalies.scene import asked, detail, filtered, ids, screen
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import HOUR, MINUTE, console, trouble
from tests.tui.waiting import settled, shown, started, until

Compare = Callable[..., bool]
HUGE, LARGE, SMALL = (300, 100), (160, 45), (80, 24)
SIZES = pytest.mark.parametrize("size", [HUGE, LARGE, SMALL], ids=["huge", "large", "small"])
THEMES = pytest.mark.parametrize("theme", ["opsconsole", "opsconsole-light"], ids=["dark", "light"])
Then = Callable[[Pilot[Any]], Awaitable[None]]


def keys(*wanted: str) -> Then:
    async def press(pilot: Pilot[Any]) -> None:
        await pilot.press(*wanted)

    return press


def after(*then: Then) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """After the record has been read, and what was around the selected episode."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        await until(pilot, lambda: "Reading the record" not in shown(pilot))
        await until(pilot, lambda: pilot.app._health_known)  # type: ignore[attr-defined]
        for one in then:
            await one(pilot)
        await until(pilot, lambda: "reading the record" not in detail(pilot))
        await settled(pilot)

    return prepare


@pytest.fixture
def host(tmp_path: Path) -> FakeEngine:
    """In trouble, watched for a day but for an hour and a half of the night."""
    engine = trouble(tmp_path / "state")
    station = engine.monitoring
    for name, middle in (("cpu", 40.0), ("memory", 64.0), ("pressure_io_full", 12.0)):
        station.recorded[name] = [
            Point(NOW - ago * SECOND, 1, found, found, found)
            for ago in (*range(24 * 3600, 1800, -60), *range(1800, 0, -4))
            if not 36_000 <= ago < 41_400
            for risen in [25 / (1 + exp(min(50, (ago - 700) / 60))) if name == "memory" else 0]
            for found in [middle + 5 * sin(ago / 5400) + 3 * sin(ago / 420) + risen + 1.5 * sin(ago / 31)]
        ]
    station.put(
        "memory_high", "memory at 93 %", Severity.HIGH, id=1, value=93.1, peak=95.4, mean=91.0, threshold=90.0,
        began_at=NOW - 11 * MINUTE, opened_at=NOW - 9 * MINUTE, peak_at=NOW - 4 * MINUTE, runs=("14.2", "13.1"),
        processes=(
            {"pid": 4711, "start_time": 1.0, "name": "java", "cpu_percent": 141.7, "rss_bytes": 5_120_000_000},
            {"pid": 4724, "start_time": 1.0, "name": "postgres", "cpu_percent": 41.3, "rss_bytes": 2_210_000_000},
            {"pid": 4737, "start_time": 1.0, "name": "bash", "cpu_percent": 37.9, "rss_bytes": 412_000_000},
        ),
        notes=({"at": NOW - 3 * MINUTE, "by": "deploy", "text": "the import of the orders; asked Kim"},),
    )  # fmt: skip
    for hours, lasted in ((19, 30), (15, 8), (8, 55)):
        station.put(
            "cpu_high", "CPU at 91 %", Severity.MEDIUM, state=AnomalyState.CLOSED, opened_at=NOW - hours * HOUR,
            closed_at=NOW - hours * HOUR + lasted * MINUTE, threshold=85.0,
        )  # fmt: skip
    return engine


async def on_memory(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: 1 in ids(pilot))
    screen(pilot).go_to(1)
    await until(pilot, lambda: screen(pilot).selected and screen(pilot).selected.id == 1)


@THEMES
@SIZES
def test_a_host_in_trouble(snap_compare: Compare, host: FakeEngine, size: tuple[int, int], theme: str) -> None:
    app = console(host, start="anomalies", theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=after(on_memory))


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["large", "small"])
def test_one_on_the_whole_screen(snap_compare: Compare, host: FakeEngine, size: tuple[int, int]) -> None:
    app = console(host, start="anomalies")
    assert snap_compare(app, terminal_size=size, run_before=after(on_memory, keys("enter")))


def test_the_last_hour(snap_compare: Compare, host: FakeEngine) -> None:
    app = console(host, start="anomalies", theme="opsconsole-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=after(on_memory, keys("plus", "plus")))


def test_some_days_ago(snap_compare: Compare, host: FakeEngine) -> None:
    app = console(host, start="anomalies")
    assert snap_compare(app, terminal_size=SMALL, run_before=after(keys("minus", "left")))


def test_nothing_on_record_and_nobody_watches(snap_compare: Compare, engine: FakeEngine) -> None:
    assert snap_compare(console(engine, start="anomalies"), terminal_size=LARGE, run_before=after())


def test_a_record_that_cannot_be_read(snap_compare: Compare, engine: FakeEngine) -> None:
    engine.monitoring.broken = StorageError("opsconsole.db is damaged", hint="`opsconsole doctor` says more")
    assert snap_compare(console(engine, start="anomalies"), terminal_size=LARGE, run_before=after())


def test_a_filter_that_is_wrong(snap_compare: Compare, host: FakeEngine) -> None:
    async def wrong(pilot: Pilot[Any]) -> None:
        await filtered(pilot, "severity>=huge")
        await until(pilot, lambda: "no such severity" in shown(pilot))

    app = console(host, start="anomalies")
    assert snap_compare(app, terminal_size=LARGE, run_before=after(wrong))


@pytest.mark.parametrize(
    ("key", "size", "theme"),
    [("z", LARGE, "opsconsole"), ("N", SMALL, "opsconsole-light"), ("C", SMALL, "opsconsole"),
     ("p", LARGE, "opsconsole-light")],
    ids=["silence", "note", "clear", "which"],
)  # fmt: skip
def test_a_question(snap_compare: Compare, host: FakeEngine, key: str, size: tuple[int, int], theme: str) -> None:
    async def ask(pilot: Pilot[Any]) -> None:
        await asked(pilot, key)

    app = console(host, start="anomalies", theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=after(on_memory, ask))
