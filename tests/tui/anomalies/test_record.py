"""The real record is read and changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.engine import Engine
from opsconsole.settings import Settings
from opsconsole.storage import anomalies as record
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.anomalies.dialogs import SilenceScreen
from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
from opsconsole.tui.screens.confirm import ConfirmScreen
from tests.tui.anomalies.scene import (
    CLOSED,
    detail,
    ids,
)
from tests.tui.scenes import HOUR, MINUTE
from tests.tui.waiting import shown, started, until


async def test_the_real_record_is_read_and_changed(tmp_path: Path) -> None:
    settings = Settings()
    app = ConsoleApp(
        lambda: Engine(settings, state_dir=tmp_path / "s", door="tui"), settings, host="h", user="me", start="tasks"
    )
    try:
        async with app.run_test(size=(160, 45), notifications=True) as pilot:
            await started(pilot)
            station = app.engine.monitoring  # type: ignore[union-attr]
            now = station.now()
            blank = Anomaly(
                id=1, kind="disk_full", subject="/var", host="h", severity=Severity.HIGH, state=AnomalyState.OPEN,
                began_at=now - HOUR, opened_at=now - HOUR, last_at=now, closed_at=None, value=91.0, peak=92.0,
                mean=90.0, count=9, threshold=90.0, unit="%", message="/var is 91 % full",
            )  # fmt: skip
            closed = replace(
                blank, id=2, kind="cpu_high", subject="", state=CLOSED, closed_at=now - MINUTE, message="CPU at 93 %"
            )
            for one in (blank, closed):
                station._job(lambda c, one=one: record.save(c, one)).result()
            await pilot.press("4")
            await until(pilot, lambda: isinstance(app.screen, AnomaliesScreen) and ids(pilot) == [1, 2])
            await until(pilot, lambda: "disk:/var nothing was recorded then" in detail(pilot))
            await pilot.press("a")
            await until(pilot, lambda: "open seen" in shown(pilot))
            await pilot.press("N", *"why", "enter")
            await until(pilot, lambda: "  why" in detail(pilot))
            await pilot.press("z")
            await until(pilot, lambda: isinstance(app.screen, SilenceScreen) and app.screen.focused is not None)
            await pilot.press("d")
            await until(pilot, lambda: "silenced       until" in detail(pilot))
            await pilot.press("C")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and app.screen.focused is not None)
            await pilot.press("y")
            await until(pilot, lambda: ids(pilot) == [1])
            found = station.anomalies()
            assert [(one.id, one.notes[0]["text"]) for one in found] == [(1, "why")]
            assert found[0].acknowledged_at and (found[0].silenced_until or 0) > now
    finally:
        await app.link.close()
