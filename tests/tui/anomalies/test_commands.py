"""What is done to episodes and to the monitor."""

from __future__ import annotations

from opsconsole.anomalies import Severity
from opsconsole.errors import StorageError
from opsconsole.tui.screens.anomalies.dialogs import NoteScreen, SilenceScreen
from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
from opsconsole.tui.screens.confirm import ConfirmScreen
from tests.tui.anomalies.scene import asked, detail, filtered, ids, opened, put, screen, told
from tests.tui.fake_engine import FakeEngine
from tests.tui.overview.scene import said
from tests.tui.scenes import HOUR
from tests.tui.waiting import shown, until


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
            assert "disk_full /var (#2)" in shown(pilot) and "Tell nobody for 30 minutes" in shown(pilot)
            assert "n   No, go on telling" in shown(pilot)
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


async def test_clear_refuses_what_the_record_cannot_be_asked_for(watched: FakeEngine) -> None:
    wanted = {
        "var": "not cleared by words", "state=open": "Only closed episodes", "severity<high": "least severity only",
    }  # fmt: skip
    async with opened(watched) as pilot:
        for typed, said in wanted.items():
            await filtered(pilot, typed)
            await pilot.press("enter", "C")
            await until(pilot, lambda said=said: any(said in one for one in told(pilot)))
        assert watched.monitoring.calls == []


async def test_monitor_starts_and_stops_after_a_question(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await pilot.press("m")
        await until(pilot, lambda: "This host is watched now." in told(pilot))
        await until(pilot, lambda: screen(pilot).label_of("watch") == "stop watching")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        assert engine.monitoring.calls == [("start",)]
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.focused)
        await pilot.press("y")
        await until(pilot, lambda: "Nobody watches this host now." in told(pilot))
        await until(pilot, lambda: screen(pilot).label_of("watch") == "watch")
        assert engine.monitoring.calls == [("start",), ("stop",)]


async def test_what_fails_says_why(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        watched.monitoring.open_anomalies = list  # type: ignore[method-assign]
        watched.monitoring.stop = watched.monitoring.start  # type: ignore[method-assign]
        for key, answers in (("a", ()), ("z", ("m",)), ("N", ("x", "enter")), ("C", ("y",)), ("m", ("y",))):
            if answers:
                await asked(pilot, key)
            watched.monitoring.refusal = StorageError(f"the disk is full: {key}")
            await pilot.press(*(answers or key))
            await until(pilot, lambda key=key: f"the disk is full: {key}" in told(pilot))
            assert isinstance(pilot.app.screen, AnomaliesScreen)


async def test_without_an_episode_nothing_is_done(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        for key in ("a", "z", "N", "t", "enter", "p", "r"):
            await pilot.press(key)
            assert isinstance(pilot.app.screen, AnomaliesScreen) and engine.monitoring.calls == []
        assert told(pilot).count("No episode is selected.") >= 1


async def test_a_read_only_console_changes_nothing_whoever_asks(watched: FakeEngine) -> None:
    async with opened(watched, read_only=True) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        for name in ("acknowledge_episode", "silence_episode", "note_episode", "clear_episodes", "watch"):
            getattr(screen(pilot), f"action_{name}")()
            await pilot.pause()
            assert pilot.app.screen is screen(pilot)
            await until(pilot, lambda: "This console is read-only." in said(pilot))
            pilot.app.clear_notifications()
        assert watched.monitoring.calls == []
