"""Episodes in the table, and the cursor on them."""

from __future__ import annotations

import pytest

from opsconsole.anomalies import Severity
from opsconsole.tui.screens.anomalies.table import brief
from tests.tui.anomalies.scene import (
    episodes,
    ids,
    opened,
    put,
)
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import HOUR, MINUTE, console
from tests.tui.waiting import shown, started, until


async def test_open_ones_stand_first_then_the_newest(watched: FakeEngine) -> None:
    put(watched, "load_high", Severity.LOW, HOUR, MINUTE)
    async with opened(watched) as pilot:
        await until(pilot, lambda: ids(pilot) == [2, 4, 1, 3])
        text = shown(pilot)
        assert "HIGH /var full" in text and "/var is 91 % full" in text and "93 %" in text
        assert "4 episodes, 1 open  ▲ 1 high  ◆ 1 medium  ◇ 1 low  · 1 info" in text
        assert "disk_full 1" in text


async def test_cursor_stays_on_its_episode_when_a_new_one_opens(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: ids(pilot) == [2, 1, 3])
        await pilot.press("j")
        assert episodes(pilot).selected and episodes(pilot).selected.id == 1  # type: ignore[union-attr]
        watched.monitoring.put("swap_thrash", "swapping in and out, 25 MiB/s", Severity.CRITICAL, value=25.0)
        await until(pilot, lambda: ids(pilot) == [4, 2, 1, 3])
        assert episodes(pilot).selected.id == 1  # type: ignore[union-attr]
        assert "swapping in and out" in shown(pilot)


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


@pytest.mark.parametrize("theme", ["terminal-16", "ansi-dark"])
async def test_the_cursors_line_has_one_ground_where_it_is_made_by_reversing(watched: FakeEngine, theme: str) -> None:
    """A colour in it would be a patch as long as its text."""
    put(watched, "memory_high", Severity.MEDIUM, HOUR)
    async with console(watched, theme=theme, start="anomalies").run_test(size=(160, 45)) as pilot:
        await started(pilot)
        await until(pilot, lambda: len(ids(pilot)) == 4)
        table = episodes(pilot)
        for line in range(1, 5):
            styles = [one.style for one in table.render_line(line) if one.style is not None]
            assert styles[0].reverse
            assert len({(one.color, one.bgcolor, one.reverse, one.dim) for one in styles}) == 1
            await pilot.press("j")


@pytest.mark.parametrize(("was", "now", "said"), [
    ("wil…", " · now 2 h 40 min", "now 2 h 40 min"), ("grows by …", " · now 25 %", "grows by … · now 25 %"),
    ("full", " · now 3 %", "full · now 3 %"), ("wil…", "", "wil…"),
])  # fmt: skip
def test_of_what_is_cut_to_nearly_nothing_only_how_it_is_now_is_said(was: str, now: str, said: str) -> None:
    assert brief(was, now) == said
