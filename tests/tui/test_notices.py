"""Few notices at a time, none twice, none over the question of a dialog."""

from __future__ import annotations

from textual.notifications import Notification

from opsconsole.tui.notices import LASTS_S, MOST, FewNotices
from opsconsole.tui.screens.help import HelpScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import started, until


def test_the_newest_stay_and_the_same_text_replaces_itself() -> None:
    few = FewNotices()
    for text in ("a", "b", "c", "b"):
        few.add(Notification(text, timeout=60))
    assert [one.message for one in few] == ["c", "b"] and len(few) == MOST
    assert LASTS_S["information"] == 4


async def test_a_dialog_makes_room_for_an_error_and_information_waits(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(80, 24), notifications=True) as pilot:
        await started(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        dialog = pilot.app.screen.query_one(".dialog")
        pilot.app.tell("only so", "information")  # type: ignore[attr-defined]
        await pilot.pause()
        assert dialog.region.bottom == 24
        pilot.app.tell("it failed", "error")  # type: ignore[attr-defined]
        await until(pilot, lambda: dialog.region.bottom == 21)
