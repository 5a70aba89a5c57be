"""The console on the anomalies, with a record that a test makes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.storage.metrics import Point
from opsconsole.tui.screens.anomalies.detail import EpisodeDetail
from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
from opsconsole.tui.screens.anomalies.table import EpisodeTable
from opsconsole.tui.screens.anomalies.timeline import Timeline
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.fake_monitoring import process, sample
from tests.tui.scenes import HOUR, MINUTE, console
from tests.tui.waiting import lines_of, shown, started, until

DAY = 24 * HOUR
CLOSED = AnomalyState.CLOSED


@asynccontextmanager
async def opened(
    engine: FakeEngine, size: tuple[int, int] = (160, 45), *, read_only: bool = False
) -> AsyncIterator[Pilot[Any]]:
    """The console on the anomalies, which have been read."""
    app = console(engine, start="anomalies")
    app.read_only = read_only
    async with app.run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        await until(pilot, lambda: "Reading the record" not in shown(pilot))
        yield pilot


def screen(pilot: Pilot[Any]) -> AnomaliesScreen:
    return next(one for one in pilot.app.modes if isinstance(one, AnomaliesScreen))  # type: ignore[attr-defined]


def episodes(pilot: Pilot[Any]) -> EpisodeTable:
    return screen(pilot).query_one(EpisodeTable)


def timeline(pilot: Pilot[Any]) -> Timeline:
    return screen(pilot).query_one(Timeline)


def detail(pilot: Pilot[Any]) -> str:
    return screen(pilot).query_one(EpisodeDetail).text


def ids(pilot: Pilot[Any]) -> list[int]:
    return [one.id for one in episodes(pilot).episodes]


def lane(pilot: Pilot[Any], name: str) -> str:
    """The lane's cells, without its label."""
    top = timeline(pilot).region
    line = next(line for line in lines_of(pilot)[top.y : top.bottom] if line[1:].startswith(name))
    return line[-timeline(pilot).cells - 1 :]


def told(pilot: Pilot[Any]) -> list[str]:
    """All that was told, each as often as it was; of the notices only the last few stand on the screen."""
    entries = pilot.app.journal.entries  # type: ignore[attr-defined]
    return [one.text for one in entries for _ in range(one.count)]


def put(engine: FakeEngine, kind: str, severity: Severity, ago: int, lasted: int | None = None, **more: Any) -> Anomaly:
    """An episode that began so long ago; closed after `lasted`."""
    fields: dict[str, Any] = {"opened_at": NOW - ago}
    if lasted is not None:
        fields |= {"state": CLOSED, "closed_at": NOW - ago + lasted, "last_at": NOW - ago + lasted}
    return engine.monitoring.put(kind, more.pop("message", f"{kind} said"), severity, **{**fields, **more})


async def asked(pilot: Pilot[Any], key: str) -> None:
    """A dialog is open, and takes keys."""
    await pilot.press(key)
    await until(pilot, lambda: pilot.app.screen.is_modal and pilot.app.screen.focused is not None)


async def filtered(pilot: Pilot[Any], text: str) -> None:
    """Type a filter, all at once."""
    if not isinstance(pilot.app.focused, Input):
        await pilot.press("slash")
    pilot.app.screen.query_one("#filter-text", Input).value = text
    await pilot.pause()


def recorded(engine: FakeEngine) -> FakeEngine:
    """Looked at for a day, with three episodes."""
    station = engine.monitoring
    station.recorded["cpu"] = [Point(NOW - DAY + at * MINUTE, 1, 5.0, 5.0, 5.0) for at in range(24 * 60)]
    put(engine, "cpu_high", Severity.MEDIUM, 3 * HOUR, 40 * MINUTE, threshold=85.0, peak=93.0, value=40.0)
    put(engine, "disk_full", Severity.HIGH, 2 * HOUR, subject="/var", message="/var is 91 % full", value=91.0)
    put(engine, "unusual", Severity.INFO, 20 * HOUR, MINUTE, subject="net_tx:eth0")
    station.take(sample(NOW), process(1, "init"))
    return engine
