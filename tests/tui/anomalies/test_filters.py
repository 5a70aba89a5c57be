"""What is left out, by what is typed and by the quick keys."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.widgets import Input

from opsconsole.anomalies import Change, Transition
from opsconsole.events import AnomalyEvent
from opsconsole.tui.screens.anomalies import reading
from opsconsole.tui.screens.anomalies.table import EpisodeTable
from tests.tui.anomalies.scene import episodes, filtered, ids, opened
from tests.tui.fake_engine import FakeEngine
from tests.tui.waiting import shown, until


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
            await until(pilot, lambda: isinstance(pilot.app.focused, EpisodeTable))
            assert ids(pilot) == expected
            await pilot.press("escape")
            await until(pilot, lambda: ids(pilot) == [2, 1, 3])
        await pilot.press("slash", *"cpu")
        await until(pilot, lambda: ids(pilot) == [1])
        await pilot.press("escape")
        await until(pilot, lambda: ids(pilot) == [2, 1, 3])


async def test_filter_that_cannot_be_understood_says_why_and_nothing_passes_how_to_see_all(
    watched: FakeEngine,
) -> None:
    wrong = {
        "severity>=huge": "no such severity: huge", "size=3": "size is not one of", "state=odd": "no such state",
    }  # fmt: skip
    async with opened(watched) as pilot:
        for typed, said in wrong.items():
            await filtered(pilot, typed)
            await until(pilot, lambda said=said: said in shown(pilot))
        await filtered(pilot, "zzz")
        await pilot.press("enter")
        await until(pilot, lambda: "No episode of this time passes the filter." in shown(pilot))
        assert "Press esc to see all." in shown(pilot)


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


async def test_a_read_that_began_before_a_filter_brings_nothing_back(
    watched: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, hold, held = reading.read, list[bool](), list[threading.Event]()

    def held_up(engine: Any, query: Any) -> Any:
        if hold:
            held.append(threading.Event())
            held[-1].wait(120)
        return read(engine, query)

    monkeypatch.setattr("opsconsole.tui.screens.anomalies.screen.read", held_up)
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        hold.append(True)
        watched.publish(AnomalyEvent(Transition(Change.OPENED, watched.monitoring.anomaly(2))))
        await until(pilot, lambda: held)
        await filtered(pilot, "var")
        assert ids(pilot) == [2]
        shows, show = list[list[int]](), episodes(pilot).show
        monkeypatch.setattr(
            episodes(pilot), "show", lambda found, now: shows.append([one.id for one in found]) or show(found, now)
        )
        hold.clear()
        held[0].set()
        await until(pilot, lambda: len(shows) > 1)
        assert shows[:2] == [[2], [2]]
