"""Every action of the mode by its keys, as an operator presses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from textual.pilot import Pilot

from opsconsole.models import Status
from opsconsole.storage.running import Running
from opsconsole.tui.screens.processes.actions import ACTIONS
from opsconsole.tui.screens.tasks.screen import TasksScreen
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.overview.scene import said as notices
from tests.tui.processes.fake_processes import small_host
from tests.tui.processes.scene import Patch, asked, opened, pids, screen, selected, table, tagged
from tests.tui.waiting import lines_of, shown, tasks_screen, told, until


async def orders(pilot: Pilot[Any]) -> None:
    wanted = {
        "c": (None, "CPU%▴"),  # it is by CPU already: the other way round
        "m": (600, "RSS▾"), "N": (700, "by name"), "i": (1, "PID▴"), "u": (700, "USER▴"), "T": (400, "by CPU time"),
    }  # fmt: skip
    for key, (first, said) in wanted.items():
        await pilot.press(key)
        assert said in shown(pilot), key
        assert pids(pilot)[0] == first if first else pids(pilot)[-1] == 400
    await pilot.press("m", "S")
    assert pids(pilot)[0] == 701 and pids(pilot)[-1] == 600
    assert "RSS▴" in shown(pilot) and "the other way round" in shown(pilot)
    await pilot.press("m", "s")
    assert screen(pilot)._wish.sort == "name"
    x = lines_of(pilot)[2].index("CPU%")
    await pilot.click(table(pilot), offset=(x, 0))  # a heading
    assert screen(pilot)._wish.sort == "cpu" and "CPU%▾" in shown(pilot)


async def tree(pilot: Pilot[Any]) -> None:
    await pilot.press("minus")
    assert "Only the tree can be folded: t shows it." in told(pilot)
    await pilot.press("t", "g")
    text = shown(pilot)
    assert pids(pilot) == [1, 400, 600, 701, 500, 501, 502, 700] and "t list" in text
    assert "├ java" in text and "│ └ [helper]" in text and "  └ -bash" in text
    screen(pilot).go_to(502)
    await pilot.press("h")  # nothing to fold: to its parent
    assert selected(pilot) == 500
    await pilot.press("left")
    assert pids(pilot) == [1, 400, 600, 701, 500] and "▸ +3 nginx: master" in shown(pilot)
    await pilot.press("l")
    assert len(pids(pilot)) == 8
    await pilot.press("asterisk")
    assert pids(pilot) == [1] and "▸ +7 init" in shown(pilot)
    await pilot.press("plus")
    assert pids(pilot) == [1, 400, 600, 500]
    await pilot.press("asterisk")
    assert len(pids(pilot)) == 8
    await pilot.press("t")
    assert pids(pilot)[0] == 400


async def marks(pilot: Pilot[Any]) -> None:
    await pilot.press("g", "space", "space")
    assert tagged(pilot) == {400, 600}
    await pilot.press("U")
    assert not tagged(pilot) and "tagged" not in shown(pilot)
    await pilot.press("F")
    assert "following 501 nginx" in shown(pilot)
    await pilot.press("F")
    assert "following" not in shown(pilot)
    await pilot.press("p")
    assert "frozen" in shown(pilot)
    await pilot.press("p")
    assert "frozen" not in shown(pilot)


async def paths(pilot: Pilot[Any]) -> None:
    assert "/usr/sbin/postgres" not in shown_list(pilot) and "postgres --serve" in shown_list(pilot)
    await pilot.press("f")
    assert "/usr/sbin/postgres --serve" in shown_list(pilot)
    await pilot.press("f")
    assert "/usr/sbin/postgres" not in shown_list(pilot)


def shown_list(pilot: Pilot[Any]) -> str:
    return "\n".join(strip.text for strip in (table(pilot).render_line(y) for y in range(1, 9)))


async def closely(pilot: Pilot[Any]) -> None:
    await pilot.press("enter")
    assert screen(pilot).has_class("-zoomed")
    await pilot.press("escape")
    assert not screen(pilot).has_class("-zoomed")
    for key, words in (("K", "Send a signal?"), ("f9", "Send a signal?"), ("r", "Change its nice value?")):
        await asked(pilot, key)
        assert words in shown(pilot)
        await pilot.press("escape")


async def its_run(pilot: Pilot[Any]) -> None:
    screen(pilot).go_to(400)
    await pilot.press("o")
    assert "It belongs to none of the runs" in told(pilot) and "o its run" not in lines_of(pilot)[-1]
    screen(pilot).go_to(501)
    await until(pilot, lambda: "run 7.1" in shown(pilot) and "o its run" in lines_of(pilot)[-1])
    await until(pilot, lambda: "7.1  reindex" in shown(pilot))
    await pilot.press("o")
    await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen))
    await until(pilot, lambda: tasks_screen(pilot).selected is not None and tasks_screen(pilot).selected.id == 7)


async def as_in_htop(pilot: Pilot[Any]) -> None:
    wish = lambda: screen(pilot)._wish  # noqa: E731 - shorter than its name
    await pilot.press("g", "N", "P")
    assert wish().sort == "cpu"
    await pilot.press("M")
    assert wish().sort == "rss"
    await pilot.press("f6")
    assert wish().sort == "name"
    await pilot.press("f5")
    assert wish().tree
    await pilot.press("f5", "P")
    assert not wish().tree
    for key in ("f3", "f4"):
        await pilot.press(key, *"java")
        await until(pilot, lambda: pids(pilot) == [600])
        await pilot.press("escape")
        await until(pilot, lambda: len(pids(pilot)) == 8)


PROVES: dict[str, Callable[[Pilot[Any]], Awaitable[None]]] = {
    **dict.fromkeys(
        ("sort_cpu", "sort_memory", "sort_name", "sort_pid", "sort_user", "sort_time", "sort_next", "sort_reverse"),
        orders,
    ),
    **dict.fromkeys(("tree", "fold", "unfold", "fold_all"), tree),
    **dict.fromkeys(("tag", "untag", "follow_process", "freeze"), marks),
    **dict.fromkeys(("inspect", "signal", "renice"), closely),
    "filter_processes": as_in_htop,
    "full_paths": paths,
    "go_to_run": its_run,
}


async def test_every_action_by_its_keys(engine: FakeEngine, monkeypatch: Patch) -> None:
    assert set(PROVES) == {one.id for one in ACTIONS}
    engine.put(id=7, name="reindex", status=Status.RUNNING, started_at=NOW)
    engine.running = [Running("7.1", 1, 500, 5000, NOW)]
    async with opened(engine, small_host(), monkeypatch, (200, 40)) as pilot:
        for proof in dict.fromkeys(PROVES.values()):
            await proof(pilot)


async def test_a_read_only_console_changes_nothing_whoever_asks(engine: FakeEngine, monkeypatch: Patch) -> None:
    async with opened(engine, small_host(), monkeypatch, read_only=True) as pilot:
        for call in ("action_signal", "action_renice"):
            getattr(cast("Any", screen(pilot)), call)()
            await pilot.pause()
            assert pilot.app.screen is screen(pilot)
            await until(pilot, lambda: "This console is read-only." in notices(pilot))
