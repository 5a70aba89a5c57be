"""What is wrong is said as it is now: in the first line of every mode, in the list of episodes, of the one chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.monitoring.analysis import health
from opsconsole.samples import Memory, series
from opsconsole.tui import episodes as say
from opsconsole.tui.severities import health_cell
from tests.tui.anomalies.scene import detail, episodes, opened
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import GB, sample
from tests.tui.scenes import console
from tests.tui.waiting import lines_of, shown, started, until

SAID = "memory at 91 %, over 90 % for 30 s; hardly anything waits for it"


def episode(**fields: Any) -> Anomaly:
    blank = Anomaly(
        id=1, kind="memory_high", subject="", host="web-03", severity=Severity.HIGH, state=AnomalyState.OPEN,
        began_at=NOW - 60 * SECOND, opened_at=NOW, last_at=NOW, closed_at=None, value=91.0, peak=91.0, mean=91.0,
        count=1, threshold=90.0, unit="%", message=SAID,
    )  # fmt: skip
    return replace(blank, **fields)


def used(percent: float) -> Any:
    """A look at a host with so much memory in use."""
    total = 8 * GB
    in_use = int(total * percent / 100)
    return replace(sample(NOW), memory=Memory(percent, total, in_use, total - in_use))


def header(*found: Anomaly, percent: float = 94.0) -> str:
    looked = used(percent)
    return health_cell(health(found, looked, True), series(looked)).text


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (episode(), "memory at 94 %"),
        (episode(unknown_since=NOW), "memory at 91 %"),
        (episode(kind="load_high", message="load is 5 × the cores, over 4", unit="× cores", value=6.2),
         "load is 6.2 × the cores"),
        (episode(kind="disk_health", subject="sda", message="drive sda shows signs of failing; back it up"),
         "drive sda shows signs of failing"),
        (episode(kind="of_tomorrow", message="the tide is high, over 3 m"), "the tide is high"),
    ],
)  # fmt: skip
def test_the_shortest_that_is_true_now(one: Anomaly, said: str) -> None:
    assert say.stands(one, {"memory": 94.0}) == said
    assert say.stands(one, None) != "", "where nobody looks, how it was"


def test_the_first_line_has_the_worst_as_it_is_now_and_how_many_more() -> None:
    others = [episode(id=at, kind="load_high", severity=Severity.LOW, message="load is 3") for at in range(2, 7)]
    assert header(episode(), *others) == "▲ memory at 94 % · and 5 more"
    assert header(episode(), percent=90.4) == "▲ memory at 90.4 %"
    assert header(episode(state=AnomalyState.FLAPPING, flips=3)) == "▲ memory at 94 % (comes and goes)"
    assert header(episode(acknowledged_at=NOW, acknowledged_by="ines")) == "▲ memory at 94 % (seen)"
    assert header(episode(silenced_until=NOW + SECOND)) == "▲ memory at 94 % (silenced)"
    assert header(episode(unknown_since=NOW)) == "▲ memory at 91 % (no data)"


def test_where_nobody_looks_the_first_line_says_that_and_not_how_it_is() -> None:
    cell = health_cell(health([episode()], used(94.0), False), None)
    assert cell.text.startswith("? unknown: the monitor is not running; 1 episode is on record as open: memory at 91 %")


async def test_the_first_line_follows_each_look_at_the_host_in_every_mode(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsconsole.tui.app._HEALTH_S", 3600.0)  # every three seconds the record is read anyhow
    station = engine.monitoring
    station.take(used(92.0))
    async with console(engine, start="tasks").run_test(size=(80, 24)) as pilot:
        await started(pilot)
        station.put("memory_high", SAID, Severity.HIGH, value=91.0, threshold=90.0)
        await until(pilot, lambda: "▲ memory at 92 %" in lines_of(pilot)[0])
        station.health = lambda: pytest.fail("the record need not be read for it")  # type: ignore[method-assign]
        station.take(used(97.0))
        await until(pilot, lambda: "▲ memory at 97 %" in lines_of(pilot)[0])


def row(pilot: Pilot[Any]) -> str:
    """The list's line that is open, without what stands beside the list."""
    lines = (line.partition("▏")[0].rstrip() for line in lines_of(pilot))
    return next((line for line in lines if "HIGH memory used" in line and " open " in line), "")


@pytest.mark.parametrize("tell", [True, False], ids=["ours", "of another console"])
async def test_the_list_and_the_chosen_one_say_what_it_is_by_now(engine: FakeEngine, tell: bool) -> None:
    station = engine.monitoring
    station.take(used(91.2), tell=tell)
    station.put("memory_high", SAID, Severity.HIGH, value=91.0, threshold=90.0)
    station.put("memory_high", "over after 5 min", Severity.HIGH, state=AnomalyState.CLOSED, closed_at=NOW)
    async with opened(engine) as pilot:
        await until(pilot, lambda: SAID in " ".join(detail(pilot).split()) and "91 % now" in detail(pilot))
        assert "· now" not in shown(pilot)
        station.take(used(94.0), tell=tell)
        await until(pilot, lambda: row(pilot).endswith("memory at 91 % · now 94 %"))
        await until(pilot, lambda: f"{SAID} · now 94 %" in " ".join(detail(pilot).split()))
        assert "94 % now" in detail(pilot)
        assert f"{SAID} · now 94 %" in episodes(pilot).cursor_text, "a copy is not cut"
        await pilot.resize_terminal(240, 45)
        await until(pilot, lambda: row(pilot).endswith("memory at 91 %, over 90 % for 30 s · now 94 %"))
        station.state = "stopped"
        await until(pilot, lambda: "now 94 %" not in shown(pilot))


async def test_on_a_small_screen_the_list_keeps_how_it_is_now(engine: FakeEngine) -> None:
    engine.monitoring.take(used(94.0))
    engine.monitoring.put("memory_high", SAID, Severity.HIGH, value=91.0, threshold=90.0)
    async with opened(engine, (80, 24)) as pilot:
        await until(pilot, lambda: row(pilot).endswith("· now 94 %"))
