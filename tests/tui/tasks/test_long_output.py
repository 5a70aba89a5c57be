"""Reading an output that is much longer than what is held: all of it can be reached, and what is said of it is true."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.fake_engine import FakeEngine
from tests.tui.tasks.scene import ENDED, RUNNING, opened
from tests.tui.waiting import output, shown, until


def numbered(first: int, last: int, form: bytes = b"%d\n") -> bytes:
    return b"".join(form % n for n in range(first, last))


def cut(engine: FakeEngine, lines: int, first: int, behind: int) -> None:
    """A run that has ended, of whose lines some in the middle were not kept."""
    task = engine.put(name="a", **ENDED)
    whole, head, tail = (numbered(*span, b"at %d\n") for span in ((0, lines), (0, first), (behind, lines)))
    folder = engine.write(task.id, ("stdout", whole), ended=True)
    (folder / "stdout").write_bytes(head + tail)
    gap = {"offset": len(head), "bytes": len(whole) - len(head) - len(tail), "lost_at_end": 0}
    output = {"stdout_bytes": len(whole), "stderr_bytes": 0, "stdout_gap": gap}
    (folder / "result.json").write_text(json.dumps({"output": output}))


def rows(pilot: Pilot[Any]) -> list[str]:
    """What is seen of the output."""
    view = output(pilot)
    top = view.scroll_offset.y
    return [str(row.piece) for row in list(view._rows)[top : top + view.size.height]]


async def to_the_output(pilot: Pilot[Any]) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.focused is output(pilot))


async def moved(pilot: Pilot[Any], key: str) -> list[str]:
    """The rows after a key that moves them."""
    before = rows(pilot)
    await pilot.press(key)
    await until(pilot, lambda: rows(pilot) not in (before, []))
    return rows(pilot)


async def test_the_first_line_of_a_long_output_can_be_reached(engine: FakeEngine) -> None:
    task = engine.put(name="a", **ENDED)
    engine.write(task.id, ("stdout", numbered(1, 300_001)), ended=True)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "300000" in rows(pilot))
        await to_the_output(pilot)
        await pilot.press("g")
        await until(pilot, lambda: rows(pilot)[:3] == ["1", "2", "3"])
        await until(pilot, lambda: "300,000 lines" in shown(pilot) and "≥" not in shown(pilot))


async def test_one_reads_on_without_a_line_missing_or_coming_twice(engine: FakeEngine) -> None:
    task = engine.put(name="a", **ENDED)
    engine.write(task.id, ("stdout", numbered(0, 60_000)), ended=True)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "59999" in rows(pilot))
        await to_the_output(pilot)
        await pilot.press("g")
        await until(pilot, lambda: rows(pilot)[:1] == ["0"])
        view = output(pilot)
        crossed = 0
        page_of = view.size.height - 1
        for key, step, times in (("j", 1, 3), ("pagedown", page_of, 3), ("k", -1, 2), ("pageup", -page_of, 2)):
            for _ in range(times):
                page = view._page
                await until(pilot, lambda: not view._may_read())
                edge = view.max_scroll_y if step > 0 else 0
                view.jump(y=edge)
                await pilot.pause()
                seen = int(next(row for row in rows(pilot) if row.isdigit()))  # a note stands for what is above
                after = await moved(pilot, key)
                assert after[0] == str(seen + step), (key, after[:3])
                assert after == [str(n) for n in range(seen + step, seen + step + len(after))]
                crossed += page != view._page
        assert crossed > 7


async def test_what_is_above_the_lines_that_are_held_comes_when_one_goes_there(engine: FakeEngine) -> None:
    """They were dropped while the run printed: coloured, so that their length says nothing."""
    task = engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        for begin in range(0, 40_000, 2_000):
            text = b"".join(b"\x1b[31;1mrow\x1b[0m %d\n" % n for n in range(begin, begin + 2_000))
            engine.write(task.id, ("stdout", text), ended=begin == 38_000)
            await until(pilot, lambda last=begin + 1_999: f"row {last}" in rows(pilot))  # type: ignore[misc]
        await to_the_output(pilot)
        view = output(pilot)
        assert view._dropped > 0
        await pilot.press("k")
        view.jump(y=0)
        await pilot.pause()
        first = int(rows(pilot)[0].split()[1])
        assert (await moved(pilot, "k"))[:2] == [f"row {first - 1}", f"row {first}"]


@pytest.mark.parametrize("wanted", ["at 9377", "at 351111"])
async def test_a_run_above_its_cap_is_searched_wherever_it_was_kept(engine: FakeEngine, wanted: str) -> None:
    cut(engine, 400_000, 10_000, 350_000)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "at 399999" in rows(pilot))
        view = output(pilot)
        await pilot.press("s", *wanted, "enter")
        await until(pilot, lambda: view.hit is not None and view.hit.line.body == wanted)
        assert f"› {wanted}" in shown(pilot)


async def test_the_pane_says_how_much_there_is_and_that_not_all_was_kept(engine: FakeEngine) -> None:
    cut(engine, 400_000, 10_000, 50_000)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "≥ 360,000 lines" in shown(pilot))
        await to_the_output(pilot)
        await pilot.press("g")
        await until(pilot, lambda: rows(pilot)[:1] == ["at 0"])
        view = output(pilot)
        while not any("not kept" in str(row.piece) for row in view._rows):
            await until(pilot, lambda: not view._may_read())
            if any("not kept" in str(row.piece) for row in view._rows):
                break
            view.jump(y=view.max_scroll_y)
            await moved(pilot, "pagedown")
        texts = [str(row.piece) for row in view._rows]
        at = next(number for number, text in enumerate(texts) if "not kept" in text)
        assert texts[at - 1 : at + 2] == ["at 9999", "⋯ 352 KiB not kept ⋯", "at 50000"]
        assert "≥ 360,000 lines" in shown(pilot)


async def test_a_hit_behind_many_secrets_is_shown(engine: FakeEngine) -> None:
    task = engine.put(name="a", **ENDED)
    secret = b"token = ghp_16C7e42F292c6912E7710c838347Ae178B4a and more\n"
    text = secret * 8000 + b"here it is\n" + secret * 20_000
    engine.write(task.id, ("stdout", text), ended=True)
    async with opened(engine) as pilot:
        await until(pilot, lambda: rows(pilot))
        await pilot.press("s", *"here it", "enter")
        await until(pilot, lambda: "› here it is" in shown(pilot))
