"""The first line: what this user can have here, and what gives way when there is little room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.geometry import Region

from opsconsole.settings import DoorSettings, DoorsSettings, Settings
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.head import Head, ceiling_known, ceiling_of, without_root
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.header_line import HeaderLine
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import lines_of, started, until

HEAD = Head(
    "web-03", "deploy", "elevated", state=Cell("", "faint"), load=0.42, cores=2, counted=True, now_us=NOW,
)  # fmt: skip


class Lined(TonedApp):
    CSS = "HeaderLine { height: 1; }"

    def compose(self) -> ComposeResult:
        yield HeaderLine()


def limited(**fields: Any) -> Settings:
    return Settings(doors=DoorsSettings(tui=DoorSettings(**fields)))


def test_the_ceiling_is_what_the_door_lets_this_user_have() -> None:
    assert ceiling_of(Settings(), "deploy") == "elevated"
    assert ceiling_of(limited(max_policy="restricted", users={"deploy": "elevated"}), "deploy") == "restricted"
    assert ceiling_of(limited(users={"deploy": "safe"}), "deploy") == "safe"
    assert ceiling_of(limited(policies=("safe", "standard")), "deploy") == "standard"


@pytest.mark.parametrize(("before", "after"), [("elevated", "standard"), ("restricted", "restricted"), ("", "")])
def test_where_nobody_becomes_root_nothing_runs_elevated(before: str, after: str) -> None:
    assert without_root(before) == after


async def test_before_sudo_was_asked_nothing_is_said_that_hangs_on_it(engine: FakeEngine) -> None:
    assert ceiling_known("elevated", None) is None
    assert [ceiling_known(one, None) for one in ("standard", "")] == ["standard", ""]
    assert (ceiling_known("elevated", True), ceiling_known("elevated", False)) == ("elevated", "standard")
    for answer, shown_then in ((True, "≤ ELEVATED"), (False, "≤ STANDARD")):
        app = ConsoleApp(
            lambda: engine, engine.settings, host="web-03", user="deploy", becomes_root=None, start="tasks"
        )  # fmt: skip
        async with app.run_test(size=(160, 30)) as pilot:
            await started(pilot)
            await until(pilot, lambda: "running" in lines_of(pilot)[0])
            assert "≤" not in lines_of(pilot)[0] and "runs nothing" not in lines_of(pilot)[0]
            app.know_root(answer)
            await until(pilot, lambda shown_then=shown_then: shown_then in lines_of(pilot)[0])


async def test_sudo_that_refuses_lowers_it_and_a_read_only_console_runs_nothing(engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=(160, 30)) as pilot:
        await started(pilot)
        await until(pilot, lambda: "≤ ELEVATED" in lines_of(pilot)[0])
        app.know_root(False)
        await until(pilot, lambda: "≤ STANDARD" in lines_of(pilot)[0])
        app.know_root(True)
        await until(pilot, lambda: "≤ ELEVATED" in lines_of(pilot)[0])
    async with console(engine, read_only=True).run_test(size=(160, 30)) as pilot:
        await started(pilot)
        await until(pilot, lambda: "runs nothing" in lines_of(pilot)[0])
        assert "≤" not in lines_of(pilot)[0]


async def test_counts_give_up_as_few_words_as_they_must() -> None:
    head = replace(HEAD, running=1, queued=2, waiting=3, failed=4)
    async with Lined().run_test(size=(160, 1)) as pilot:
        line = pilot.app.query_one(HeaderLine)
        line.show(head)
        await until(pilot, lambda: "▶ 1 running  ◦ 2 queued, 3 waiting  ✗ 4 failed in 24 h" in lines_of(pilot)[0])
        for said, counts in ((36, "▶ 1 running  ◦ 5 waiting  ✗ 4 failed"), (40, "▶ 1 running  ◦ 5  ✗ 4 failed")):
            line.show(replace(head, alarm=Cell("‼ critical: " + "x" * said, "alarm")))
            await until(pilot, lambda counts=counts: f"{counts}   ≤ ELEVATED" in lines_of(pilot)[0])
        await pilot.resize_terminal(80, 1)
        await until(pilot, lambda: "▶ 1 ◦ 5 ✗ 4" in lines_of(pilot)[0])


LONG = "/tmp/of-somebody/run-2281/test_a_full_disk_is_lost0/mounts/disk-0"


@pytest.mark.parametrize("width", [200, 160, 120, 80])
async def test_a_long_path_gives_way_so_that_what_is_wrong_and_how_much_more_there_is_are_said(width: int) -> None:
    alarm = Cell(f"‼ {LONG} is 100 % full · and 7 more", "alarm")
    async with Lined().run_test(size=(width, 1)) as pilot:
        pilot.app.query_one(HeaderLine).show(replace(HEAD, running=1, queued=2, failed=4, alarm=alarm, whose=LONG))
        await until(pilot, lambda: "/disk-0 is 100 % full · and 7 more" in lines_of(pilot)[0])
        assert len(lines_of(pilot)[0]) == width


async def test_how_the_host_is_stays_in_a_word_whatever_gives_way() -> None:
    async with Lined().run_test(size=(120, 1)) as pilot:
        line = pilot.app.query_one(HeaderLine)
        line.show(replace(HEAD, state=Cell("ok: nothing is wrong", "good")))
        for width in (120, 100, 80):
            await pilot.resize_terminal(width, 1)
            await until(pilot, lambda width=width: len(lines_of(pilot)[0]) == width and " ok " in lines_of(pilot)[0])


async def test_what_changes_behind_wide_characters_is_drawn_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Lined()
    async with app.run_test(size=(120, 5)) as pilot:
        line = app.query_one(HeaderLine)
        head = replace(HEAD, alarm=Cell("▲ 日本語/é at 94 %", "bad"))
        line.show(head)
        await pilot.pause()
        before, told = line.render_line(0), list[Region]()
        monkeypatch.setattr(line, "refresh", lambda *regions, **_: told.extend(regions))
        line.show(replace(head, now_us=NOW + 60_000_000))
        (region,), after = told, line.render_line(0)
        for one in ((0, region.x), (region.right, 120)):
            assert before.crop(*one) == after.crop(*one)
        assert before != after
