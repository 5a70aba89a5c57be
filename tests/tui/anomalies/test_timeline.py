"""Lanes, zoom, pan, and when nobody watched."""

from __future__ import annotations

import re

import pytest

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.models import Status
from opsconsole.storage.metrics import Point
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
        assert re.search(r"▲{5,}▶\Z", lane(pilot, "/var full"))
        cpu = lane(pilot, "CPU busy")
        assert "◆◆" in cpu and GOES_ON not in cpu
        assert "·" in lane(pilot, "net_tx:eth0 unusual")
        assert UNWATCHED not in shown(pilot)
        axis = lines_of(pilot)[timeline(pilot).region.bottom - 1]
        assert "06:00" in axis and "Fri 20" in axis


async def test_flapping_and_missing_data_are_marked(watched: FakeEngine) -> None:
    put(watched, "cpu_spike", Severity.LOW, 5 * HOUR, state=AnomalyState.FLAPPING, flips=4)
    put(watched, "memory_high", Severity.HIGH, 5 * HOUR, unknown_since=NOW - 2 * HOUR)
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 5)
        assert f"◇{FLAPS}◇{FLAPS}" in lane(pilot, "CPU spike")
        assert re.search(r"▲▲\?\?+▶", lane(pilot, "memory used"))


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
        await until(pilot, lambda: "the last 15 min" in shown(pilot))
        await pilot.press("plus")
        await until(pilot, lambda: "15 min is the shortest time." in told(pilot))
        for words in ("1 h", "6 h", "24 h", "7 d", "30 d"):
            await pilot.press("minus")
            await until(pilot, lambda words=words: f"the last {words}" in shown(pilot))
        await until(pilot, lambda: ids(pilot) == [2, 1, 3, 4])
        await pilot.press("minus")
        await until(pilot, lambda: "30 d is the longest time." in told(pilot))


@pytest.mark.parametrize(("minutes", "words"), [
    (14, "15 min"), (16, "1 h"), (70, "6 h"), (7 * 60, "24 h"), (23 * 60, "24 h"),
])  # fmt: skip
async def test_it_opens_with_as_much_time_as_the_record_has(engine: FakeEngine, minutes: int, words: str) -> None:
    engine.monitoring.recorded["cpu"] = [Point(NOW - at * MINUTE, 1, 5.0, 5.0, 5.0) for at in range(minutes, -1, -1)]
    async with opened(engine) as pilot:
        await until(pilot, lambda: f"the last {words}" in shown(pilot) and "Reading" not in shown(pilot))


@pytest.mark.parametrize(("began", "words"), [(2 * HOUR, "6 h"), (30 * HOUR, "24 h")])
async def test_it_opens_with_the_beginning_of_what_is_open(engine: FakeEngine, began: int, words: str) -> None:
    engine.monitoring.recorded["cpu"] = [Point(NOW - MINUTE, 1, 5.0, 5.0, 5.0), Point(NOW, 1, 5.0, 5.0, 5.0)]
    put(engine, "cpu_high", Severity.HIGH, began)
    async with opened(engine) as pilot:
        await until(pilot, lambda: f"the last {words}" in shown(pilot) and len(ids(pilot)) == 1)


async def test_the_time_that_somebody_chose_is_kept(engine: FakeEngine) -> None:
    engine.monitoring.recorded["cpu"] = [Point(NOW - at * MINUTE, 1, 5.0, 5.0, 5.0) for at in range(14, -1, -1)]
    async with opened(engine) as pilot:
        await until(pilot, lambda: "the last 15 min" in shown(pilot) and "Reading" not in shown(pilot))
        await pilot.press("minus")
        await until(pilot, lambda: "the last 1 h" in shown(pilot))
        await pilot.press("1")
        await until(pilot, lambda: "Trouble" in shown(pilot))
        await pilot.press("4", "r")
        put(engine, "cpu_high", Severity.HIGH, MINUTE)
        await until(pilot, lambda: len(ids(pilot)) == 1)
        assert "the last 1 h" in shown(pilot)


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
        await until(pilot, lambda: marked() == ["/var full"])
        await pilot.press("j")
        await until(pilot, lambda: marked() == ["CPU busy"])


@pytest.mark.parametrize("size", [(160, 45), (120, 36)], ids=str)
async def test_lanes_and_lines_of_one_kind_are_told_apart(watched: FakeEngine, size: tuple[int, int]) -> None:
    pytest_s = "/tmp/pytest-of-root/pytest-0/popen-gw1"
    for name, pid in (("python3.11", 7533), ("python3.11", 9458)):
        subject = f"{name}[{pid}]"
        put(
            watched, "process_cpu_high", Severity.LOW, HOUR, subject=subject, unit="% of a core",
            message=f"{subject} uses 95 % of a core, over 90 % of a core for 1 min", value=95.0,
        )  # fmt: skip
    for folder in ("wfs1", "wfs2"):
        subject = f"{pytest_s}/{folder}"
        put(
            watched, "disk_full", Severity.CRITICAL, HOUR, subject=subject, message=f"{subject} is 100 % full",
            value=100.0,
        )  # fmt: skip
    async with opened(watched, size) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 7)
        drawn = lines_of(pilot)
        for words in (r"…\S*wfs1 full", r"…\S*wfs2 full", r"\S*\[7533\] busy", r"\S*\[9458\] busy"):
            above = [line for line in drawn[: timeline(pilot).region.bottom] if re.search(words, line)]
            below = [line for line in drawn[timeline(pilot).region.bottom :] if re.search(words, line)]
            assert len(above) == 1, words
            assert len(below) == 1 and re.search(r"is 100 % full|uses 95 %", below[0]), words


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
        y = 1 + names.index("CPU busy")
        x = lines_of(pilot)[region.y + y].index("◆")
        await pilot.click(timeline(pilot), offset=(x, y))
        await until(pilot, lambda: episodes(pilot).selected.id == 1)  # type: ignore[union-attr]
