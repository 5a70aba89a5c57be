"""All that is known of one episode."""

from __future__ import annotations

import re
from typing import Any

from opsconsole.anomalies import Severity
from opsconsole.errors import StorageError
from opsconsole.models import Status
from opsconsole.storage.metrics import Point
from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
from opsconsole.tui.screens.anomalies.table import EpisodeTable
from tests.tui.anomalies.scene import (
    CLOSED,
    detail,
    opened,
    put,
)
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.scenes import HOUR, MINUTE
from tests.tui.waiting import shown, until


async def test_detail_has_the_graph_with_the_span_and_what_to_do(watched: FakeEngine) -> None:
    run = watched.put(name="reindex", status=Status.RUNNING, started_at=NOW - HOUR)
    begin = NOW - 3 * HOUR
    watched.monitoring.put(
        "cpu_high", "CPU at 93 %", Severity.HIGH, id=1, state=CLOSED, opened_at=begin + MINUTE, began_at=begin,
        closed_at=begin + 40 * MINUTE, peak=93.0, peak_at=begin + 20 * MINUTE, mean=90.0, threshold=85.0, flips=2,
        processes=({"pid": 4711, "name": "java", "cpu_percent": 141.7, "rss_bytes": 5_120_000_000},),
        runs=(run.execution_id,), links=({"at": NOW, "kind": "run", "ref": "renice", "note": "done"},),
        notes=({"at": NOW, "by": "deploy", "text": "seen before"},), acknowledged_at=NOW, acknowledged_by="kim",
        details={"eta_s": 5400.0},
    )  # fmt: skip
    async with opened(watched) as pilot:
        await pilot.press("G", "k")
        await until(pilot, lambda: "most 5" in detail(pilot))
        text = detail(pilot)
        for words in (
            "▲ HIGH cpu_high  #1  closed", "began          11:02:11, opened 11:03:11", "peak           93 %, 11:22:11",
            "closed 11:42:11, 40m00s", "threshold      85 %", "┈ 85", "2 recoveries did not last",
            "seen           by kim",
            "eta_s          1h30m", "141.7", "4.77 GiB  java", f"{run.execution_id}  reindex", "run  renice  done",
            "deploy  seen before", "See who uses it",
        ):  # fmt: skip
            assert words in text, words
        bar = next(line for line in text.splitlines() if "├" in line)
        assert re.search(r" +├─+▲─+┤\Z", bar)


async def test_the_graph_goes_on_when_the_episode_ends_while_another_mode_is_shown(watched: FakeEngine) -> None:
    station = watched.monitoring
    begin = NOW - 4 * MINUTE
    one = put(watched, "memory_high", Severity.HIGH, 4 * MINUTE, began_at=begin, threshold=90.0, unit="%")
    station.recorded["memory"] = [Point(begin, 1, 95.0, 95.0, 95.0)]
    async with opened(watched) as pilot:
        await pilot.press("g")
        await until(pilot, lambda: "most 95 %" in detail(pilot))
        await pilot.press("1")
        await until(pilot, lambda: not isinstance(pilot.app.screen, AnomaliesScreen))
        station.recorded["memory"].append(Point(NOW - MINUTE, 1, 99.0, 99.0, 99.0))
        station.put("memory_high", "over", Severity.HIGH, **{
            name: getattr(one, name) for name in ("id", "opened_at", "began_at", "threshold", "unit")
        }, state=CLOSED, closed_at=NOW)  # fmt: skip
        await pilot.press("4")
        await until(pilot, lambda: "closed" in detail(pilot))
        await until(pilot, lambda: "most 99 %" in detail(pilot))
        station.recorded["memory"].append(Point(NOW + MINUTE, 1, 80.0, 80.0, 80.0))
        station.time += 2 * MINUTE  # what comes after it is shown as well
        await until(pilot, lambda: "least 80 %" in detail(pilot))


async def test_detail_says_that_it_is_worse_than_when_it_was_seen(watched: FakeEngine) -> None:
    link = {"at": NOW, "kind": "acknowledged", "ref": "kim", "severity": "medium"}
    put(
        watched, "load_high", Severity.HIGH, HOUR, acknowledged_at=NOW, acknowledged_by="kim", links=(link,)
    )  # fmt: skip
    async with opened(watched) as pilot:
        await pilot.press("G", "g")
        await until(pilot, lambda: "when it was MED: it is worse now" in detail(pilot))
        assert "Done about it" not in detail(pilot)


async def test_detail_says_when_nothing_was_recorded(watched: FakeEngine) -> None:
    put(watched, "memory_high", Severity.HIGH, HOUR)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "memory nothing was recorded then" in detail(pilot))


async def test_detail_opens_on_a_narrow_screen_and_scrolls(watched: FakeEngine) -> None:
    notes = tuple({"at": NOW, "by": "deploy", "text": f"note {number}"} for number in range(30))
    put(watched, "disk_full", Severity.HIGH, 2 * HOUR, id=2, subject="/var", notes=notes)
    async with opened(watched, (80, 24)) as pilot:
        await until(pilot, lambda: "MESSAGE" in shown(pilot))
        assert "What to do" not in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "HIGH disk_full /var" in shown(pilot) and "disk:/var" in shown(pilot))
        assert "What to do" not in shown(pilot) and "MESSAGE" not in shown(pilot)
        await pilot.press("G")
        await until(pilot, lambda: "Find the largest files" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "MESSAGE" in shown(pilot) and isinstance(pilot.app.focused, EpisodeTable))


async def test_what_is_around_cannot_be_read_and_the_detail_says_so(watched: FakeEngine) -> None:
    def broken(name: str, *span: int) -> Any:
        if name == "disk:/var":
            raise StorageError("metrics.db is damaged")
        return []

    watched.monitoring.graph = broken  # type: ignore[method-assign]
    async with opened(watched) as pilot:
        await until(pilot, lambda: "metrics.db is damaged" in detail(pilot))
        assert "What to do" in detail(pilot)
