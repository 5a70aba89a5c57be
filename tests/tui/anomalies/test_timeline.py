"""Lanes, zoom, pan, and when nobody watched."""

from __future__ import annotations

import re

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.models import Status
from opsconsole.tui.screens.anomalies.timeline import FLAPS, GOES_ON, UNWATCHED
from tests.tui.anomalies.scene import (
    DAY,
    episodes,
    ids,
    lane,
    opened,
    put,
    timeline,
    told,
)
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.scenes import HOUR, MINUTE
from tests.tui.waiting import lines_of, shown, until


async def test_lanes_have_glyphs_by_severity_and_open_ones_go_on(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        assert re.search(r"▲{5,}▶\Z", lane(pilot, "disk_full /var"))
        cpu = lane(pilot, "cpu_high")
        assert "◆◆" in cpu and GOES_ON not in cpu
        assert "·" in lane(pilot, "unusual net_tx:eth0")
        assert UNWATCHED not in shown(pilot)
        axis = lines_of(pilot)[timeline(pilot).region.bottom - 1]
        assert "06:00" in axis and "Fri 20" in axis


async def test_flapping_and_missing_data_are_marked(watched: FakeEngine) -> None:
    put(watched, "cpu_spike", Severity.LOW, 5 * HOUR, state=AnomalyState.FLAPPING, flips=4)
    put(watched, "memory_high", Severity.HIGH, 5 * HOUR, unknown_since=NOW - 2 * HOUR)
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 5)
        assert f"◇{FLAPS}◇{FLAPS}" in lane(pilot, "cpu_spike")
        assert re.search(r"▲▲\?\?+▶", lane(pilot, "memory_high"))


async def test_gaps_in_which_nobody_watched_are_seen(watched: FakeEngine) -> None:
    recorded = watched.monitoring.recorded["cpu"]
    recorded[6 * 60 : 12 * 60] = []
    async with opened(watched) as pilot:
        await until(pilot, lambda: "nobody watched" in shown(pilot))
        line = lane(pilot, "nobody watched")
        assert abs(line.count(UNWATCHED) - timeline(pilot).cells / 4) <= 2
        assert line.lstrip("─")[0] == UNWATCHED and line.rstrip().endswith("─")


async def test_zoom(watched: FakeEngine) -> None:
    put(watched, "io_pressure", Severity.HIGH, 20 * DAY, HOUR)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "the last 24 h" in shown(pilot) and ids(pilot) == [2, 1, 3])
        await pilot.press("plus")
        await until(pilot, lambda: "the last 6 h" in shown(pilot) and ids(pilot) == [2, 1])
        await pilot.press("equals_sign")
        await until(pilot, lambda: "the last 1 h" in shown(pilot) and ids(pilot) == [2])
        await pilot.press("plus")
        await until(pilot, lambda: "1 h is the shortest time." in told(pilot))
        for words in ("6 h", "24 h", "7 d", "30 d"):
            await pilot.press("minus")
            await until(pilot, lambda words=words: f"the last {words}" in shown(pilot))
        await until(pilot, lambda: ids(pilot) == [2, 1, 3, 4])
        await pilot.press("minus")
        await until(pilot, lambda: "30 d is the longest time." in told(pilot))


async def test_pan_and_back_to_now(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        for back, on in (("left", "right"), ("h", "l")):
            await pilot.press(back)
            await until(pilot, lambda: "2026-11-19 08:02 – 11-20 08:02" in shown(pilot) and ids(pilot) == [3])
            await pilot.press(on, on)
            await until(pilot, lambda: "the last 24 h" in shown(pilot) and ids(pilot) == [2, 1, 3])
        await pilot.press("left", "left", "plus")
        await until(pilot, lambda: "2026-11-19 11:02 – 11-19 17:02" in shown(pilot))
        await pilot.press("0")
        await until(pilot, lambda: "the last 6 h" in shown(pilot))


async def test_the_lane_of_the_selected_episode_is_marked(watched: FakeEngine) -> None:
    def marked() -> list[str]:
        top = timeline(pilot).region
        return [line[1:12].strip() for line in lines_of(pilot)[top.y : top.bottom] if line.startswith("▌")]

    async with opened(watched) as pilot:
        await until(pilot, lambda: marked() == ["disk_full /"])
        await pilot.press("j")
        await until(pilot, lambda: marked() == ["cpu_high"])


async def test_runs_have_a_lane_of_their_own(watched: FakeEngine) -> None:
    began = {"started_at": NOW - 3 * HOUR}
    watched.put(name="a", status=Status.COMPLETED, finished_at=NOW - 2 * HOUR, **began)
    watched.put(name="b", status=Status.FAILED, finished_at=NOW - 2 * HOUR - 50 * MINUTE, **began)
    watched.put(name="old", status=Status.COMPLETED, started_at=NOW - 3 * DAY, finished_at=NOW - 2 * DAY)
    watched.put(name="never", status=Status.CANCELLED, finished_at=NOW - HOUR)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "runs 2" in shown(pilot))
        line = lane(pilot, "runs 2")
        assert re.search(r"─✗+■+─+ *\Z", line) and GOES_ON not in line
        watched.put(name="c", status=Status.RUNNING, started_at=NOW - MINUTE)
        await pilot.press("plus")
        await until(pilot, lambda: "runs 3" in shown(pilot) and lane(pilot, "runs 3").endswith(GOES_ON))
        await pilot.press("plus")
        await until(pilot, lambda: "runs 1" in shown(pilot))


async def test_more_kinds_than_lanes_share_the_last_one(watched: FakeEngine) -> None:
    for number in range(30):
        put(watched, f"kind_{number:02}", Severity.LOW, HOUR, MINUTE)
    async with opened(watched, (80, 24)) as pilot:
        await until(pilot, lambda: "other kinds" in shown(pilot))
        assert timeline(pilot).region.height <= 24 * 0.36 + 1
        assert len(timeline(pilot).lanes) <= 7


async def test_a_click_on_the_timeline_selects(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        region = timeline(pilot).region
        names = [one.name for one in timeline(pilot).lanes]
        y = 1 + names.index("cpu_high")
        x = lines_of(pilot)[region.y + y].index("◆")
        await pilot.click(timeline(pilot), offset=(x, y))
        await until(pilot, lambda: episodes(pilot).selected.id == 1)  # type: ignore[union-attr]
