"""Few notices at a time, none twice, none over the question of a dialog."""

from __future__ import annotations

import pytest
from textual.notifications import Notification
from textual.screen import ModalScreen
from textual.widgets._toast import Toast

from opsconsole.tui.notices import LASTS_S, MOST, FewNotices, excerpt
from opsconsole.tui.screens.help import HelpScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import lines_of, settled, started, told, until


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


@pytest.mark.parametrize("size", [(80, 24), (100, 30)])
async def test_on_a_narrow_screen_a_notice_lies_over_the_keys_and_not_over_the_body(
    engine: FakeEngine, size: tuple[int, int]
) -> None:
    async with console(engine).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await settled(pilot)
        before = lines_of(pilot)
        pilot.app.tell("Task 4 was put back.")  # type: ignore[attr-defined]
        await until(pilot, lambda: "Task 4 was put back." in lines_of(pilot)[-1])
        assert lines_of(pilot)[1:-1] == before[1:-1]


async def test_on_a_narrow_screen_notices_never_take_more_than_three_lines(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(80, 24), notifications=True) as pilot:
        await started(pilot)
        await settled(pilot)
        before = lines_of(pilot)
        pilot.app.tell("That went wrong. " * 40, "error")  # type: ignore[attr-defined]
        pilot.app.tell("one\ntwo\nthree\nfour", "warning")  # type: ignore[attr-defined]
        await until(pilot, lambda: "(the log has all of it)" in lines_of(pilot)[-1])
        assert lines_of(pilot)[1:-3] == before[1:-3]


async def test_on_a_wide_screen_notices_stand_in_the_corner(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(160, 45), notifications=True) as pilot:
        await started(pilot)
        await settled(pilot)
        keys = lines_of(pilot)[-1]
        pilot.app.tell("Task 4 was put back.")  # type: ignore[attr-defined]
        await until(pilot, lambda: list(pilot.app.screen.query(Toast)))
        await until(pilot, lambda: "Task 4 was put back." in "\n".join(lines_of(pilot)))
        assert pilot.app.screen.query_one(Toast).region.x >= 90
        assert lines_of(pilot)[-1] == keys


def test_an_excerpt_says_when_it_is_not_all() -> None:
    assert excerpt("short\nand two", 80) == "short\nand two"
    assert excerpt("x" * 700, 160) == "x" * 600 + " … (the log has all of it)"
    narrow = excerpt("word " * 200, 80).split("\n")
    assert len(narrow) == 3 and max(map(len, narrow)) <= 77 and narrow[2].endswith("(the log has all of it)")
    assert excerpt("a\nb\nc\nd", 80) == "a\nb\nc … (the log has all of it)"
    assert excerpt("a\nb\nc\nd", 160) == "a\nb\nc\nd"
    assert excerpt(" " * 700, 20).strip() == "… (the log has all of it)"


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
@pytest.mark.parametrize("read_only", [False, True])
async def test_the_first_start_says_three_lines(engine: FakeEngine, size: tuple[int, int], read_only: bool) -> None:
    (engine.paths.root / "welcomed").unlink()
    app = console(engine, start="overview", read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: any("switch between modes" in line for line in lines_of(pilot)))
        assert pilot.app.screen.query_one(Toast).content_size.height == 3
        hint = told(pilot)
        assert "1 to 7 switch between modes, ? shows all keys." in hint
        assert ("n runs a script" in hint) is not read_only
        if not read_only:
            await pilot.press("j")
            await settled(pilot)
            assert pilot.app.screen.query(Toast)
            await pilot.press("escape")
            await until(pilot, lambda: not pilot.app.screen.query(Toast))
            await pilot.press("question_mark")
            await until(
                pilot, lambda: "switch between modes" in str(pilot.app.screen.query_one("#help-legend").render())
            )
            await pilot.press("escape")
            await pilot.press("n")  # right where one is
            await until(pilot, lambda: isinstance(pilot.app.screen, ModalScreen))
