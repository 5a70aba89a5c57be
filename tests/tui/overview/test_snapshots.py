"""What the overview looks like. After a wanted change: `pytest tests/tui/overview --snapshot-update`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.errors import StorageError
from opsconsole.events import RunSampled
from opsconsole.models import Status
from opsconsole.samples import Cpu, RunUsage
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import process, sample
from tests.tui.overview.scene import screen
from tests.tui.scenes import HOUR, MINUTE, console, trouble
from tests.tui.waiting import lines_of, settled, shown, started, until

Compare = Callable[..., bool]
HUGE, LARGE, MIDDLE, SMALL = (300, 100), (160, 45), (120, 36), (80, 24)
DEFAULT, LIGHT = "opsconsole", "opsconsole-light"


def after(*keys: str) -> Callable[[Pilot[Any]], Any]:
    """With what a run used in the last minutes, then the keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        await until(pilot, lambda: "starting" not in "\n".join(lines_of(pilot)[1:]))
        for at in range(60):
            cpu = 20.0 + at % 17 + (30 if at > 40 else 0)
            usage = RunUsage("14.2", NOW, cpu, 300_000_000 + at * 2_000_000, 420_000_000, 5, 9)
            pilot.app.engine.publish(RunSampled(usage))  # type: ignore[attr-defined]
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: pilot.app._health_known)  # type: ignore[attr-defined]
        await settled(pilot)

    return prepare


def sick(folder: Path) -> FakeEngine:
    """In trouble; the operator was here at 11:40."""
    engine = trouble(folder)
    engine.looked_at = NOW - 2 * HOUR - 22 * MINUTE
    return engine


def well(folder: Path) -> FakeEngine:
    """Sixteen cores and nothing to do."""
    engine = FakeEngine(folder)
    cores = tuple(float(core * 5 % 40) for core in range(16))
    looked = sample(NOW, cpu=Cpu(percent=11.0, per_core=cores, cores=16.0))
    engine.monitoring.take(looked, *(process(pid, "sshd", cmdline=f"sshd: deploy@pts/{pid}") for pid in range(1, 40)))
    return engine


@pytest.mark.parametrize("theme", [DEFAULT, LIGHT])
@pytest.mark.parametrize("size", [HUGE, LARGE, MIDDLE, SMALL], ids=["huge", "large", "middle", "small"])
def test_trouble(snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    app = console(sick(tmp_path / "state"), theme=theme, start="overview")
    assert snap_compare(app, terminal_size=size, run_before=after())


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["large", "small"])
def test_all_is_well(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    engine = well(tmp_path / "state")
    for number in range(3):
        engine.put(name="rotate-logs", status=Status.COMPLETED, finished_at=NOW - number * HOUR, duration_s=2.0)
    assert snap_compare(console(engine, start="overview"), terminal_size=size, run_before=after())


def test_each_core(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(well(tmp_path / "state"), start="overview")
    assert snap_compare(app, terminal_size=LARGE, run_before=after("C"))


def test_zoomed(snap_compare: Compare, tmp_path: Path) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await after("z", "tab")(pilot)
        await until(pilot, lambda: "swap" in shown(pilot))
        await settled(pilot)

    assert snap_compare(console(sick(tmp_path / "state"), start="overview"), terminal_size=MIDDLE, run_before=prepare)


@pytest.mark.parametrize("size", [MIDDLE, SMALL], ids=["middle", "small"])
def test_nobody_watches(snap_compare: Compare, engine: FakeEngine, size: tuple[int, int]) -> None:
    assert snap_compare(console(engine, start="overview"), terminal_size=size, run_before=after())


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["large", "small"])
def test_the_first_frame(snap_compare: Compare, engine: FakeEngine, size: tuple[int, int]) -> None:
    engine.holds = asyncio.Event()

    async def prepare(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "Trouble" in shown(pilot))

    assert snap_compare(console(engine, start="overview"), terminal_size=size, run_before=prepare)


def test_the_record_cannot_be_read(snap_compare: Compare, tmp_path: Path) -> None:
    engine = well(tmp_path / "state")

    def broken() -> Any:
        raise StorageError("the record cannot be read: database disk image is malformed")

    async def prepare(pilot: Pilot[Any]) -> None:
        await after()(pilot)
        engine.monitoring.open_anomalies = broken  # type: ignore[method-assign]
        screen(pilot).look_again()
        await until(pilot, lambda: "✗ the record cannot be read" in shown(pilot))
        await settled(pilot)

    assert snap_compare(console(engine, start="overview"), terminal_size=MIDDLE, run_before=prepare)


def test_without_colours(snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(sick(tmp_path / "state"), start="overview")
    assert snap_compare(app, terminal_size=LARGE, run_before=after())


def test_in_the_terminals_own_colours(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(sick(tmp_path / "state"), theme="ansi-dark", start="overview")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=after())


def test_stop_watching_asks(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(sick(tmp_path / "state"), start="overview")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=after("m"))


def test_cancel_asks(snap_compare: Compare, tmp_path: Path) -> None:
    engine = sick(tmp_path / "state")
    engine.monitoring.time = NOW + SECOND
    app = console(engine, start="overview")
    assert snap_compare(app, terminal_size=SMALL, run_before=after("c", "c"))
