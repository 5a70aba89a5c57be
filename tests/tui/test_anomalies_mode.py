"""The anomalies' mode: every key of it, and what it says of what is known and of what is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.engine import Engine
from opsconsole.errors import StorageError
from opsconsole.models import Status
from opsconsole.settings import Settings
from opsconsole.storage import anomalies as record
from opsconsole.storage.metrics import Point
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.anomalies import AnomaliesScreen
from opsconsole.tui.screens.anomalies_dialogs import NoteScreen, SilenceScreen
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.tasks import TasksScreen
from opsconsole.tui.widgets.anomaly_detail import EpisodeDetail
from opsconsole.tui.widgets.anomaly_table import EpisodeTable
from opsconsole.tui.widgets.timeline import FLAPS, GOES_ON, UNWATCHED, Timeline
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.fake_monitoring import process, sample
from tests.tui.scenes import HOSTILE, HOUR, MINUTE, console, trouble
from tests.tui.test_hostile_text import assert_harmless
from tests.tui.waiting import lines_of, shown, started, until

DAY = 24 * HOUR
CLOSED = AnomalyState.CLOSED


@asynccontextmanager
async def opened(engine: FakeEngine, size: tuple[int, int] = (160, 45)) -> AsyncIterator[Pilot[Any]]:
    """The console on the anomalies, which have been read."""
    async with console(engine).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        await until(pilot, lambda: "Reading the record" not in shown(pilot))
        yield pilot


def screen(pilot: Pilot[Any]) -> AnomaliesScreen:
    found = pilot.app.screen_stack
    return next(one for one in found if isinstance(one, AnomaliesScreen))


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
    return [one.message for one in pilot.app._notifications]


def put(engine: FakeEngine, kind: str, severity: Severity, ago: int, lasted: int | None = None, **more: Any) -> Anomaly:
    """An episode that began so long ago; closed after `lasted`."""
    fields: dict[str, Any] = {"opened_at": NOW - ago}
    if lasted is not None:
        fields |= {"state": CLOSED, "closed_at": NOW - ago + lasted, "last_at": NOW - ago + lasted}
    return engine.monitoring.put(kind, more.pop("message", f"{kind} said"), severity, **{**fields, **more})


@pytest.fixture
def watched(engine: FakeEngine) -> FakeEngine:
    """Looked at for a day, with three episodes."""
    station = engine.monitoring
    station.recorded["cpu"] = [Point(NOW - DAY + at * MINUTE, 1, 5.0, 5.0, 5.0) for at in range(24 * 60)]
    put(engine, "cpu_high", Severity.MEDIUM, 3 * HOUR, 40 * MINUTE, threshold=85.0, peak=93.0, value=40.0)
    put(engine, "disk_full", Severity.HIGH, 2 * HOUR, subject="/var", message="/var is 91 % full")
    put(engine, "unusual", Severity.INFO, 20 * HOUR, MINUTE, subject="net_tx:eth0")
    station.take(sample(NOW), process(1, "init"))
    return engine


# -- the table


async def test_open_ones_stand_first_then_the_newest(watched: FakeEngine) -> None:
    put(watched, "load_high", Severity.LOW, HOUR, MINUTE)
    async with opened(watched) as pilot:
        await until(pilot, lambda: ids(pilot) == [2, 4, 1, 3])
        text = shown(pilot)
        assert "HIGH disk_full" in text and "/var is 91 % full" in text and "93 %" in text
        assert "4 episodes, 1 open  ▲ 1 high  ◆ 1 medium  ◇ 1 low  · 1 info" in text
        assert "disk_full 1" in text


async def test_cursor_stays_on_its_episode_when_a_new_one_opens(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: ids(pilot) == [2, 1, 3])
        await pilot.press("j")
        assert episodes(pilot).selected and episodes(pilot).selected.id == 1  # type: ignore[union-attr]
        watched.monitoring.put("memory_high", "memory at 99 %", Severity.CRITICAL)
        await until(pilot, lambda: ids(pilot) == [4, 2, 1, 3])
        assert episodes(pilot).selected.id == 1  # type: ignore[union-attr]
        assert "memory at 99 %" in shown(pilot)


async def test_motion(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        wanted = (
            ("j", 1), ("G", 2), ("k", 1), ("g", 0), ("down", 1), ("up", 0), ("end", 2), ("home", 0), ("pagedown", 2),
            ("pageup", 0), ("ctrl+d", 2), ("ctrl+u", 0),
        )  # fmt: skip
        for key, at in wanted:
            await pilot.press(key)
            assert episodes(pilot).selected is episodes(pilot).episodes[at], key


async def test_an_episode_that_changes_is_drawn_again(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "1 open" in shown(pilot))
        put(watched, "disk_full", Severity.CRITICAL, 2 * HOUR, 2 * HOUR, id=2, subject="/var", message="/var was full")
        await until(pilot, lambda: "/var was full" in shown(pilot) and "3 episodes  " in shown(pilot))


# -- filters


async def test_filter_as_it_is_typed(watched: FakeEngine) -> None:
    wanted = (
        ("var", [2]), ("kind=cpu_high", [1]), ("kind=cpu,disk", [2, 1]), ("severity>=high", [2]),
        ("severity<medium", [3]), ("sev=medium", [1]), ("state=open", [2]), ("state=closed", [1, 3]),
        ("subject=eth0", [3]), ("state:closed severity>info", [1]), ("kind=nothing", []),
    )  # fmt: skip
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        for typed, expected in wanted:
            await pilot.press("slash")
            pilot.app.screen.query_one("#filter-text", Input).value = typed
            await until(pilot, lambda expected=expected: ids(pilot) == expected)
            await until(pilot, lambda expected=expected: f"{len(expected)} shown" in shown(pilot))
            await pilot.press("enter")
            assert isinstance(pilot.app.focused, EpisodeTable) and ids(pilot) == expected
            await pilot.press("escape")
            await until(pilot, lambda: ids(pilot) == [2, 1, 3])
        await pilot.press("slash", *"cpu")
        await until(pilot, lambda: ids(pilot) == [1])
        await pilot.press("escape")
        await until(pilot, lambda: ids(pilot) == [2, 1, 3])


@pytest.mark.parametrize(
    ("typed", "said"),
    [("severity>=huge", "no such severity: huge"), ("size=3", "size is not one of"), ("state=odd", "no such state")],
)
async def test_filter_that_cannot_be_understood_says_why(watched: FakeEngine, typed: str, said: str) -> None:
    async with opened(watched) as pilot:
        await pilot.press("slash", *typed)
        await until(pilot, lambda: said in shown(pilot))


async def test_keys_are_text_while_a_filter_is_typed(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await pilot.press("slash", *"azNCms0+14")
        assert isinstance(pilot.app.focused, Input) and pilot.app.focused.value == "azNCms0+14"
        assert watched.monitoring.calls == []


async def test_quick_filters_by_severity_openness_and_kind(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        for expected in ([2, 1], [2], [], [2, 1, 3]):
            await pilot.press("s")
            await until(pilot, lambda expected=expected: ids(pilot) == expected)
        await pilot.press("o")
        await until(pilot, lambda: ids(pilot) == [2] and "only open: 1 shown" in shown(pilot))
        await pilot.press("o")
        await until(pilot, lambda: len(ids(pilot)) == 3)
        await pilot.press("G", "t")
        await until(pilot, lambda: ids(pilot) == [3])
        await pilot.press("escape")
        await until(pilot, lambda: ids(pilot) == [2, 1, 3])


async def test_nothing_passes_says_how_to_see_all(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await pilot.press("slash", *"zzz", "enter")
        await until(pilot, lambda: "No episode of this time passes the filter." in shown(pilot))
        assert "Press esc to see all." in shown(pilot)


# -- the timeline


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


@pytest.mark.parametrize(("back", "on"), [("left", "right"), ("h", "l")])
async def test_pan_and_back_to_now(watched: FakeEngine, back: str, on: str) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        await pilot.press(back)
        await until(pilot, lambda: "2026-11-19 08:02 – 11-20 08:02" in shown(pilot) and ids(pilot) == [3])
        await pilot.press(on, on)
        await until(pilot, lambda: "the last 24 h" in shown(pilot) and ids(pilot) == [2, 1, 3])
        await pilot.press(back, back, "plus")
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


# -- the detail


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
            "▲ HIGH cpu_high  #1  closed", "began         11:02:11, opened 11:03:11", "peak          93 %, 11:22:11",
            "closed 11:42:11, 40m00s", "threshold     85 %", "┈ 85", "2 recoveries did not last",
            "seen          by kim",
            "eta_s         1h30m", "141.7", "5.1 GB  java", f"{run.execution_id}  reindex", "run  renice  done",
            "deploy  seen before", "See who uses it",
        ):  # fmt: skip
            assert words in text, words
        bar = next(line for line in text.splitlines() if "├" in line)
        assert re.search(r" +├─+▲─+┤\Z", bar)


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


# -- what is done


async def test_acknowledge_the_selected_one(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "a acknowledge" in shown(pilot))
        await pilot.press("a")
        await until(pilot, lambda: "open seen" in shown(pilot) and "Seen: /var is 91 % full" in told(pilot))
        assert watched.monitoring.calls == [("acknowledge", 2)]
        assert "a acknowledge" not in shown(pilot)
        await pilot.press("a")
        await until(pilot, lambda: "Seen already, by deploy." in told(pilot))
        assert len(watched.monitoring.calls) == 1


async def test_silence_asks_for_how_long(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "z silence" in shown(pilot))
        for key, seconds in (("enter", 1800), ("m", 1800), ("h", 7200), ("e", 28800), ("d", 86400)):
            watched.monitoring.calls.clear()
            await pilot.press("z")
            await until(pilot, lambda: isinstance(pilot.app.screen, SilenceScreen) and pilot.app.screen.focused)
            assert "disk_full /var (#2)" in shown(pilot) and "For 30 minutes" in shown(pilot)
            await pilot.press(key)
            await until(pilot, lambda seconds=seconds: watched.monitoring.calls == [("silence", 2, seconds)])
        await until(pilot, lambda: "silenced" in detail(pilot))


async def test_silence_keeps_to_what_it_was_asked_for_and_can_be_left(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "z silence" in shown(pilot))
        for key in ("escape", "n"):
            await pilot.press("z")
            await until(pilot, lambda: isinstance(pilot.app.screen, SilenceScreen) and pilot.app.screen.focused)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        assert watched.monitoring.calls == []
        await pilot.press("z")
        await until(pilot, lambda: isinstance(pilot.app.screen, SilenceScreen) and pilot.app.screen.focused)
        put(watched, "disk_full", Severity.HIGH, 2 * HOUR, HOUR, id=2, subject="/var")
        watched.monitoring.put("memory_high", "memory at 99 %", Severity.CRITICAL)
        await pilot.press("m")
        await until(pilot, lambda: watched.monitoring.calls == [("silence", 2, 1800)])


async def test_note(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "N note" in shown(pilot))
        await pilot.press("N", *"grew", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        await pilot.press("N")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteScreen))
        await pilot.press(*"log", "space", *"a1", "enter")
        await until(pilot, lambda: "deploy  log a1" in detail(pilot))
        assert watched.monitoring.calls == [("note", 2, "log a1")]


async def test_clear_asks_naming_how_many_and_keeps_to_the_filter(watched: FakeEngine) -> None:
    station = watched.monitoring
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        for key in ("enter", "escape"):
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
            assert "Remove 2 closed episodes from the record?" in shown(pilot) and "the last 24 h" in shown(pilot)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        assert station.calls == []
        await pilot.press("s")
        await until(pilot, lambda: len(ids(pilot)) == 2)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        assert "Remove 1 closed episode from" in shown(pilot) and "medium or graver" in shown(pilot)
        await pilot.press("y")
        await until(pilot, lambda: "Removed 1 closed episode." in told(pilot) and ids(pilot) == [2])
        await pilot.press("escape")
        await until(pilot, lambda: ids(pilot) == [2, 3])


async def test_clear_removes_no_more_than_was_asked_about(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        put(watched, "disk_full", Severity.HIGH, 2 * HOUR, HOUR, id=2, subject="/var")
        await pilot.press("y")
        await until(pilot, lambda: any("nothing was removed" in one for one in told(pilot)))
        assert watched.monitoring.calls == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [("var", "not cleared by words"), ("state=open", "Only closed episodes"), ("severity<high", "least severity only")],
)
async def test_clear_refuses_what_the_record_cannot_be_asked_for(watched: FakeEngine, typed: str, said: str) -> None:
    async with opened(watched) as pilot:
        await pilot.press("slash", *typed, "enter", "C")
        await until(pilot, lambda: any(said in one for one in told(pilot)))
        assert watched.monitoring.calls == []


async def test_monitor_starts_and_stops_after_a_question(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await pilot.press("m")
        await until(pilot, lambda: "This host is watched now." in told(pilot) and "stop watching" in shown(pilot))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        assert engine.monitoring.calls == [("start",)]
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        await pilot.press("y")
        await until(pilot, lambda: "Nobody watches this host now." in told(pilot) and "m watch" in shown(pilot))
        assert engine.monitoring.calls == [("start",), ("stop",)]


@pytest.mark.parametrize(
    "keys",
    [("a",), ("z", "m"), ("N", "x", "enter"), ("C", "y"), ("m", "y")],
    ids=["ack", "silence", "note", "clear", "m"],
)
async def test_what_fails_says_why(watched: FakeEngine, keys: tuple[str, ...]) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        watched.monitoring.open_anomalies = list  # type: ignore[method-assign]
        watched.monitoring.stop = watched.monitoring.start  # type: ignore[method-assign]
        if len(keys) > 1:
            await pilot.press(keys[0])
            await until(pilot, lambda: pilot.app.screen.is_modal and pilot.app.screen.focused)
        watched.monitoring.refusal = StorageError("the disk is full")
        await pilot.press(*(keys[1:] or keys))
        await until(pilot, lambda: "the disk is full" in told(pilot))
        assert isinstance(pilot.app.screen, AnomaliesScreen)


@pytest.mark.parametrize("key", ["a", "z", "N", "t", "enter"])
async def test_without_an_episode_nothing_is_done(engine: FakeEngine, key: str) -> None:
    async with opened(engine) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(pilot.app.screen, AnomaliesScreen) and engine.monitoring.calls == []


# -- what it says


async def test_nothing_on_record_and_nobody_watches(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await until(pilot, lambda: "Nobody watches this host: press m to start the monitor." in shown(pilot))
        text = shown(pilot)
        assert "Nothing is on record in the last 24 h." in text and "Nothing was wrong" not in text
        assert "- shows a longer time." in text


async def test_all_was_well(watched: FakeEngine) -> None:
    watched.monitoring._anomalies.clear()
    async with opened(watched, (80, 24)) as pilot:
        await until(pilot, lambda: "Nothing was wrong in the last 24 h." in shown(pilot))
        assert "Nobody watches" not in shown(pilot)
        await pilot.press("left")
        await until(pilot, lambda: "Nothing was wrong then." in shown(pilot))


async def test_a_record_that_cannot_be_read_is_said_where_one_looks_and_told_once(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        watched.monitoring.broken = StorageError("opsconsole.db is damaged")
        for key in ("plus", "minus", "plus"):
            await pilot.press(key)
            await until(pilot, lambda: "✗ opsconsole.db is damaged" in shown(pilot))
            await pilot.pause(0.2)
        assert told(pilot).count("opsconsole.db is damaged") == 1
        watched.monitoring.broken = None
        await pilot.press("0")
        await until(pilot, lambda: "✗ opsconsole.db" not in shown(pilot) and ids(pilot) == [2, 1])


async def test_a_record_that_never_could_be_read_is_not_called_empty(engine: FakeEngine) -> None:
    engine.monitoring.broken = StorageError("opsconsole.db is damaged")
    async with opened(engine, (80, 24)) as pilot:
        await until(pilot, lambda: "The record cannot be read." in shown(pilot))
        assert "Nothing" not in shown(pilot)


async def test_the_first_line_names_the_worst_and_the_mode_is_left_and_found_as_it_was(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "degraded: /var is 91 % full" in lines_of(pilot)[0])
        await pilot.press("j", "plus", "2")
        await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen))
        await pilot.press("4")
        await until(pilot, lambda: "the last 6 h" in shown(pilot))
        assert episodes(pilot).selected.id == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (300, 60), (40, 12), (20, 5)])
async def test_nothing_overlaps_whatever_the_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(trouble(tmp_path / "there"), size) as pilot:
        await pilot.pause(0.2)
        leaves = [one for one in screen(pilot).query("*") if one.region and not one.children and one.is_on_screen]
        for at, one in enumerate(leaves):
            covered = [other for other in leaves[at + 1 :] if one.region.overlaps(other.region)]
            assert not covered, (one, one.region, covered)
        assert all(len(line) == size[0] for line in lines_of(pilot))


SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - what must not be shown


async def test_a_password_in_a_note_is_not_shown(watched: FakeEngine) -> None:
    notes = ({"at": NOW, "by": "deploy", "text": f"ran mysql --password={SECRET}"},)
    put(watched, "disk_full", Severity.HIGH, HOUR, id=2, notes=notes)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "ran mysql --password=" in detail(pilot))
        assert SECRET not in shown(pilot)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_hostile_names_are_harmless(engine: FakeEngine, size: tuple[int, int]) -> None:
    evil = HOSTILE + "\x1b]0;pwned\x07<script>[red]"
    engine.put(name=evil, status=Status.RUNNING, started_at=NOW)
    entry = {"at": evil, "by": evil, "kind": evil, "ref": evil, "text": evil, "note": evil}
    put(
        engine, evil, Severity.CRITICAL, HOUR, subject=evil, message=evil, unit=evil, acknowledged_at=NOW,
        acknowledged_by=evil, notes=(entry,), links=(entry,), runs=(evil, "1.1"),
        details={evil: evil, "x": {evil: [1]}},
        processes=({"pid": evil, "name": evil, "cpu_percent": evil, "rss_bytes": None},),
    )  # fmt: skip
    put(engine, "unusual", Severity.HIGH, HOUR, MINUTE, subject=evil * 50, message="")
    async with opened(engine, size) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 2)
        for key in ("a", "enter", "G", "g", "escape", "j", "t"):
            await pilot.press(key)
            await pilot.pause(0.1)
            assert_harmless(pilot)
        for key in ("z", "N", "C"):
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen.is_modal)
            assert_harmless(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: not pilot.app.screen.is_modal)


# -- the real record


async def test_the_real_record_is_read_and_changed(tmp_path: Path) -> None:
    settings = Settings()
    app = ConsoleApp(lambda: Engine(settings, state_dir=tmp_path / "s", door="tui"), settings, host="h", user="me")
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
            await until(pilot, lambda: "silenced      until" in detail(pilot))
            await pilot.press("C")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and app.screen.focused is not None)
            await pilot.press("y")
            await until(pilot, lambda: ids(pilot) == [1])
            found = station.anomalies()
            assert [(one.id, one.notes[0]["text"]) for one in found] == [(1, "why")]
            assert found[0].acknowledged_at and (found[0].silenced_until or 0) > now
    finally:
        await app.link.close()
