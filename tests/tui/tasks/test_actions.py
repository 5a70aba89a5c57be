"""Every action on a task and on its output, by its key, as an operator presses it."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from opsconsole.errors import IllegalTransition
from opsconsole.events import TasksRemoved
from opsconsole.models import Priority, Status
from opsconsole.tui.actions import ACTIONS, Where
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.tasks.scene import (
    ENDED,
    REFUSED,
    REINDEX,
    RUNNING,
    STUCK,
    busy,
    commands,
    in_dialog,
    notices,
    opened,
    page,
    screen,
    title,
)  # fmt: skip
from tests.tui.waiting import lines_of, output, shown, table, tasks_screen, until


def test_every_action_has_a_test() -> None:
    tested = [name.removeprefix("test_") for name in globals() if name.startswith("test_")]
    mine = [one.id for one in ACTIONS if one.where in (Where.TASKS, Where.OUTPUT, Where.FOUND)]
    assert [name for name in mine if not any(name in test for test in tested)] == []


# -- the selected task


async def test_open_shows_the_run_on_the_whole_screen(engine: FakeEngine) -> None:
    task = engine.put(name="a", **RUNNING)
    engine.write(task.id, ("stdout", b"hello\n"))
    async with opened(engine, (80, 24)) as pilot:
        await until(pilot, lambda: "hello" in shown(pilot))
        await pilot.press("enter")
        assert pilot.app.focused is output(pilot)
        assert "hello" in shown(pilot) and "RESULT" not in shown(pilot)


@pytest.mark.parametrize("key", ["enter", "n", "escape"])
async def test_cancel_does_nothing_by_default(engine: FakeEngine, key: str) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press(key)
        await pilot.pause()
        assert pilot.app.screen is tasks_screen(pilot)
    assert commands(engine) == []


async def test_cancel_names_the_task_and_hits_it_even_when_the_list_moves(engine: FakeEngine) -> None:
    victim = engine.put(name="the-one", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        assert "Cancel task 1?" in shown(pilot) and "the-one" in shown(pilot)
        engine.put(name="newcomer", **RUNNING)
        engine.put(id=victim.id, status=Status.PAUSED)
        await until(pilot, lambda: len(table(pilot).tasks) == 2)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine))
    assert commands(engine) == [("cancel", victim.id)]


async def test_cancel_of_what_has_ended_is_refused_in_words(engine: FakeEngine) -> None:
    engine.put(name="a", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "Task 1 has already ended: completed." in notices(pilot))
        assert pilot.app.screen is tasks_screen(pilot)


async def test_cancel_that_comes_too_late_says_so(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        engine.refusal = IllegalTransition("task 1 has already ended: completed", hint="nothing is left to cancel")
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("y")
        await until(pilot, lambda: "nothing is left to cancel" in notices(pilot))


async def test_pause_and_resume_are_one_key(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        assert "p pause" in shown(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "p resume" in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "p pause" in shown(pilot))
    assert commands(engine) == [("pause", 1), ("resume", 1)]


async def test_retry_makes_a_new_task_and_goes_to_it(engine: FakeEngine) -> None:
    engine.put(name="a", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: table(pilot).selected.id == 2)
    assert commands(engine) == [("retry", 1)]


async def test_say_why_keeps_what_is_said_with_what_is_done(engine: FakeEngine) -> None:
    engine.put(name="a")
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).selected is not None)
        await pilot.press("W", *"freeze", "enter", "h")
        await until(pilot, lambda: commands(engine) == [("hold", 1, "freeze")])


async def test_hold_and_release_are_one_key(engine: FakeEngine) -> None:
    engine.put(name="a")
    async with opened(engine) as pilot:
        await pilot.press("H")
        await until(pilot, lambda: "H release" in shown(pilot))
        assert "held" in shown(pilot)
        await pilot.press("H")
        await until(pilot, lambda: "H hold" in shown(pilot))
    assert commands(engine) == [("hold", 1), ("release", 1)]


@pytest.mark.parametrize("key", ["plus", "equals_sign"])
async def test_raise_priority(engine: FakeEngine, key: str) -> None:
    engine.put(name="a")
    async with opened(engine) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: "HIGH" in shown(pilot))
    assert commands(engine) == [("set_priority", 1, Priority.HIGH)]


async def test_raise_priority_of_a_running_task_is_refused_in_words(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("plus")
        await until(pilot, lambda: "only a queued task" in notices(pilot))
    assert commands(engine) == []


async def test_lower_priority(engine: FakeEngine) -> None:
    engine.put(name="a")
    async with opened(engine) as pilot:
        await pilot.press("minus")
        await until(pilot, lambda: commands(engine) == [("set_priority", 1, Priority.LOW)])
        await until(pilot, lambda: table(pilot).selected.priority is Priority.LOW)
        await pilot.press("minus")
        await until(pilot, lambda: "is low already" in notices(pilot))


async def test_pin_and_unpin_are_one_key(engine: FakeEngine) -> None:
    engine.put(name="a", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("P")
        await until(pilot, lambda: "a ★" in shown(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "a ★" not in shown(pilot))
    assert commands(engine) == [("pin", 1, True), ("pin", 1, False)]


# -- its output


async def many_lines(engine: FakeEngine) -> None:
    task = engine.put(name="a", **RUNNING)
    engine.write(task.id, ("stdout", b"".join(b"line %d\n" % n for n in range(200))))


async def test_follow_goes_off_when_scrolled_up_and_on_by_its_key(engine: FakeEngine) -> None:
    await many_lines(engine)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "line 199" in shown(pilot))
        await pilot.press("tab", "up")
        assert not output(pilot).following and "f follows" in shown(pilot)
        engine.write(1, ("stdout", b"a new line\n"))
        await until(pilot, lambda: output(pilot).line_count == 201)
        assert "a new line" not in shown(pilot)
        await pilot.press("f")
        await until(pilot, lambda: "a new line" in shown(pilot))
        await pilot.press("f")
        assert not output(pilot).following


async def test_wrap_cuts_long_lines_and_folds_them_again(engine: FakeEngine) -> None:
    task = engine.put(name="a", **RUNNING)
    engine.write(task.id, ("stdout", b"x" * 300 + b"END\n"))
    async with opened(engine) as pilot:
        await until(pilot, lambda: "END" in shown(pilot))
        await pilot.press("w")
        await until(pilot, lambda: "END" not in shown(pilot))
        await pilot.press("w")
        await until(pilot, lambda: "END" in shown(pilot))


async def test_top_and_bottom_of_the_output(engine: FakeEngine) -> None:
    await many_lines(engine)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "line 199" in shown(pilot))
        await pilot.press("tab", "g")
        await until(pilot, lambda: "line 0 " in shown(pilot))
        await pilot.press("G")
        await until(pilot, lambda: "line 199" in shown(pilot) and output(pilot).following)


# -- several at once


async def test_tag_task_marks_it_and_goes_on_and_untag_tasks_drops_all(engine: FakeEngine) -> None:
    for name in ("a", "b", "c"):
        engine.put(name=name, **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("space", "space")
        assert screen(pilot).tagged == [2, 3] and table(pilot).selected.id == 1
        assert "2 tagged, U drops them" in title(pilot) and "●▶" in shown(pilot)
        await pilot.press("k", "space")
        assert screen(pilot).tagged == [3]
        await pilot.press("U")
        assert screen(pilot).tagged == [] and "tagged" not in title(pilot)
    assert commands(engine) == []


async def test_cancel_of_tagged_tasks_asks_once_and_names_them(engine: FakeEngine) -> None:
    engine.put(name="first", **RUNNING)
    engine.put(name="second", **RUNNING)
    engine.put(name="over", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("space", "space", "space", "c")
        await in_dialog(pilot, ConfirmScreen)
        assert "Cancel 2 tasks?" in shown(pilot) and "first" in shown(pilot) and "second" in shown(pilot)
        left_out = "1 tagged task is left out: task 3 has already ended"
        assert left_out in shown(pilot)
        pilot.app.screen._look()  # type: ignore[attr-defined]  # as each second
        await pilot.pause()
        assert left_out in shown(pilot), "it is not gone"
        await pilot.press("enter")
        await pilot.pause()
        assert commands(engine) == []
        await pilot.press("c")
        await in_dialog(pilot, ConfirmScreen)
        engine.put(name="newcomer", **RUNNING)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == [("cancel", 1), ("cancel", 2)])


@pytest.mark.parametrize(
    ("key", "fields", "expected"),
    [
        ("H", {}, [("hold", 1), ("hold", 2)]),
        ("H", {"status": Status.WAITING, "held": True}, [("release", 1), ("release", 2)]),
        ("P", ENDED, [("pin", 1, True), ("pin", 2, True)]),
        ("r", ENDED, [("retry", 1), ("retry", 2)]),
        ("p", RUNNING, [("pause", 1), ("pause", 2)]),
        ("plus", {}, [("set_priority", 1, Priority.HIGH), ("set_priority", 2, Priority.HIGH)]),
    ],
)
async def test_what_is_done_to_tagged_tasks_is_asked_once(
    engine: FakeEngine, key: str, fields: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    engine.put(name="a", **fields)
    engine.put(name="b", **fields)
    async with opened(engine) as pilot:
        await pilot.press("space", "space", key)
        await in_dialog(pilot, ConfirmScreen)
        await pilot.press("y")
        await until(pilot, lambda: commands(engine) == expected)


async def test_tagged_tasks_for_which_it_makes_no_sense_are_refused_in_words(engine: FakeEngine) -> None:
    engine.put(name="a", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("space", "c")
        await until(pilot, lambda: "Task 1 has already ended" in notices(pilot))
        engine._tasks.clear()
        await pilot.press("c")
        await until(pilot, lambda: "The tagged tasks are gone." in notices(pilot))


async def test_edit_task_opens_its_script_in_the_editor(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    task = engine.put(name="clean-up", interpreter="bash", **ENDED)
    engine.scripts[task.id] = b"echo one\n"
    opened_with: list[tuple[str, str, str, int]] = []
    async with opened(engine) as pilot:
        monkeypatch.setattr(
            type(pilot.app), "go", lambda *_: type("", (), {"open_text": lambda _, *given: opened_with.append(given)})()
        )
        await pilot.press("E")
        assert opened_with == [("echo one\n", "clean-up", "bash", task.id)]


# -- the pages of a run


async def test_show_review_says_the_verdict_the_findings_what_it_does_and_the_script(tmp_path: Path) -> None:
    async with opened(busy(tmp_path)) as pilot:
        table(pilot).select(REINDEX)
        await pilot.press("v")
        await until(pilot, lambda: "pipefail-missing" in page(pilot))
        text = page(pilot)
        assert text.startswith("✔ allowed under standard") and "2:1" in text
        assert "deletes $DIR/*.log (line 4)" in text and "4  rm -rf $DIR/*.log" in text


async def test_what_was_refused_shows_its_findings_at_once(tmp_path: Path) -> None:
    async with opened(busy(tmp_path)) as pilot:
        table(pilot).select(REFUSED)
        await until(pilot, lambda: "⊘ refused under safe" in page(pilot))
        assert "rm-variable-may-be-empty" in page(pilot) and "[review]" in title(pilot, "tabs")
        table(pilot).select(REINDEX)
        await until(pilot, lambda: "[output]" in title(pilot, "tabs"))


async def test_show_usage_draws_what_was_recorded_and_what_is_heard(tmp_path: Path) -> None:
    from opsconsole.events import RunSampled
    from opsconsole.samples import RunUsage

    engine = busy(tmp_path)
    async with opened(engine, (160, 45)) as pilot:
        table(pilot).select(REINDEX)
        await pilot.press("u")
        await until(pilot, lambda: "most 55 %" in page(pilot))
        assert (
            "limit 50 %" in page(pilot) and "limit 477 MiB" in page(pilot) and "measured by the cgroup" in page(pilot)
        )
        engine.publish(RunSampled(RunUsage("14.2", NOW + SECOND, 91.0, 480_000_000, 480_000_000, 7, 9)))
        await until(pilot, lambda: "CPU 91 %" in page(pilot) and "processes 7" in page(pilot))
        await until(pilot, lambda: "91%" in shown(pilot) and "458M" in shown(pilot))


async def test_show_events_tells_what_happened_attempt_by_attempt(tmp_path: Path) -> None:
    async with opened(busy(tmp_path), (160, 45)) as pilot:
        table(pilot).select(REINDEX)
        await pilot.press("e")
        words = ("queued", "Attempt 1 of 3", "started", "failed", "Attempt 2 of 3", "paused", "went on")
        await until(pilot, lambda: all(word in page(pilot) for word in words))
        places = [page(pilot).index(word) for word in words]
        assert places == sorted(places) and "by deploy on web-03 through tui" in page(pilot)
        table(pilot).select(STUCK)
        await until(pilot, lambda: "could not be killed" in page(pilot))
        assert "left running  php-fpm (4800)" in page(pilot) and "leftover killed  tail (4801)" in page(pilot)


async def test_show_info_says_how_it_is_contained_and_called_without_values(tmp_path: Path) -> None:
    async with opened(busy(tmp_path)) as pilot:
        table(pilot).select(REINDEX)
        await pilot.press("i")
        await until(pilot, lambda: "bubblewrap+cgroup2" in page(pilot))
        text = page(pilot)
        for said in ("no user namespace", "cpu 50 %", "PGPASSWORD (values are not shown)", "/srv/orders",
                     "--chunks 1000", "sha256", "runs/14.2", "ticket=OPS-1729"):  # fmt: skip
            assert said in text


async def test_next_page_and_previous_page_go_round_and_show_output_comes_back(tmp_path: Path) -> None:
    async with opened(busy(tmp_path)) as pilot:
        table(pilot).select(REINDEX)
        for expected in ("review", "usage", "events", "info", "output"):
            await pilot.press("right_square_bracket")
            assert f"[{expected}]" in title(pilot, "tabs")
        await pilot.press("left_square_bracket")
        assert "[info]" in title(pilot, "tabs")
        await pilot.press("o")
        assert "[output]" in title(pilot, "tabs") and output(pilot).display


async def test_the_page_stays_when_the_mode_is_left_and_the_focus_follows_it(tmp_path: Path) -> None:
    async with opened(busy(tmp_path)) as pilot:
        table(pilot).select(REINDEX)
        await pilot.press("enter", "e")
        await until(pilot, lambda: "Attempt 2" in page(pilot))
        assert pilot.app.focused is tasks_screen(pilot).detail.page_view
        await pilot.press("3", "2")
        await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))
        assert "[events]" in title(pilot, "tabs") and tasks_screen(pilot).has_class("-zoomed")


async def test_older_attempt_and_newer_attempt_show_their_output(tmp_path: Path) -> None:
    async with opened(busy(tmp_path)) as pilot:
        table(pilot).select(REINDEX)
        await until(pilot, lambda: "chunk 612" in output(pilot).text)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "chunk 1 of 1000 failed" in output(pilot).text)
        assert "attempt 1/3" in title(pilot, "tabs") and "failed 40s" in shown(pilot)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "no attempt before" in notices(pilot))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "chunk 612" in output(pilot).text)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "newest attempt" in notices(pilot))


# -- more of its output


async def test_times_says_when_each_line_came(engine: FakeEngine) -> None:
    task = engine.put(name="a", **RUNNING)
    folder = engine.write(task.id)
    (folder / "stdout").write_bytes(b"one\ntwo\n")
    (folder / "timing").write_bytes(b"o 0.5 4\no 2.25 4\n")
    async with opened(engine) as pilot:
        await until(pilot, lambda: "two" in shown(pilot))
        await pilot.press("T")
        await until(pilot, lambda: "14:02:06.5   one" in shown(pilot) and "14:02:08.2   two" in shown(pilot))
        await pilot.press("T")
        await until(pilot, lambda: "14:02:06.5" not in shown(pilot) and "two" in shown(pilot))


async def test_only_stderr_leaves_the_rest_out_and_says_so(engine: FakeEngine) -> None:
    task = engine.put(name="a", **RUNNING)
    engine.write(task.id, ("stdout", b"ordinary\n"), ("stderr", b"wrong\n"))
    async with opened(engine) as pilot:
        await until(pilot, lambda: "▌ wrong" in shown(pilot) and "ordinary" in shown(pilot))
        await pilot.press("S")
        await until(pilot, lambda: output(pilot).text == "wrong" and "stderr only" in shown(pilot))
        await pilot.press("S")
        await until(pilot, lambda: output(pilot).text == "ordinary\nwrong")


async def test_find_output_then_next_hit_and_previous_hit(engine: FakeEngine) -> None:
    await many_lines(engine)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "line 199" in shown(pilot))
        await pilot.press("s", *"line 15", "enter")
        view = output(pilot)
        await until(pilot, lambda: view.hit is not None)
        assert view.hit.line.body == "line 159" and "11 hits in all " in shown(pilot) and not view.following
        await pilot.press("N")
        assert view.hit.line.body == "line 158"
        await pilot.press("n")
        assert view.hit.line.body == "line 159" and "› line 159" in shown(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "There is no 'line 15' further down." in notices(pilot))
        await pilot.press("s", "enter")
        await until(pilot, lambda: view.needle is None and "hits" not in shown(pilot))


async def test_the_filters_key_searches_a_run_that_has_the_focus_and_filters_the_list_that_has_it(
    engine: FakeEngine,
) -> None:
    await many_lines(engine)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "line 199" in shown(pilot))
        assert "/ filter" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "/ search" in lines_of(pilot)[-1] and "/ filter" not in shown(pilot))
        await pilot.press("slash", *"line 15", "enter")
        await until(pilot, lambda: output(pilot).hit is not None and "11 hits in all " in shown(pilot))
        assert tasks_screen(pilot).has_class("-zoomed") and pilot.app.focused is output(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.focused is table(pilot))
        await pilot.press("slash", *"none")
        await until(pilot, lambda: len(table(pilot).tasks) == 0)


async def test_next_hit_is_new_again_where_nothing_is_searched_for(engine: FakeEngine, samples: Path) -> None:
    await many_lines(engine)
    async with opened(engine) as pilot:
        await until(pilot, lambda: "line 199" in shown(pilot))
        await pilot.press("s", *"line", "enter")
        await until(pilot, lambda: output(pilot).hit is not None)
        assert "n next" in shown(pilot) and "n new" not in shown(pilot)
        await pilot.press("escape")
        assert pilot.app.focused is table(pilot) and "n new" in shown(pilot)
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)


async def test_find_output_goes_back_to_what_was_left_out(engine: FakeEngine) -> None:
    """Far more than is held: it is found in the file, and read from there."""
    task = engine.put(name="a", **RUNNING)
    engine.write(task.id, ("stdout", b"the first needle\n" + b"".join(b"row %07d\n" % n for n in range(200_000))))
    async with opened(engine) as pilot:
        await until(pilot, lambda: "row 0199999" in shown(pilot))
        await pilot.press("s", *"needle", "enter")
        await until(pilot, lambda: "› the first needle" in shown(pilot))
        assert "row 0000005" in shown(pilot) and "further up" in shown(pilot)
        assert " 1 hit in part " in shown(pilot), "of the other lines nobody has counted hits"
        await pilot.resize_terminal(240, 45)
        await until(pilot, lambda: re.search(r" 1 hit in [\d,]+ lines ", shown(pilot)))
        await pilot.press("s", *"row 01000", "enter", "n")
        await until(pilot, lambda: "row 0100001" in shown(pilot))
        await pilot.press("f")
        await until(pilot, lambda: "row 0199999" in shown(pilot) and output(pilot).following)
        await pilot.press("g")
        await until(pilot, lambda: "the first needle" in shown(pilot))


async def test_open_pager_gives_it_harmless_text_without_secrets(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "reader").write_text(f"#!/bin/sh\ncat > {seen}.new && mv {seen}.new {seen}\n")
    (tmp_path / "reader").chmod(0o755)
    task = engine.put(name="a", **RUNNING)
    engine.write(task.id, ("stdout", b"hello \x1b]0;pwned\x07\x1b[31mred\x1b[0m\n"), ("stderr", b"oops\n"), ended=True)
    async with opened(engine) as pilot:
        monkeypatch.setattr(type(pilot.app), "suspend", lambda _: nullcontext())
        monkeypatch.setenv("PAGER", str(tmp_path / "reader"))
        await pilot.press("O")
        await until(pilot, seen.exists)
        assert seen.read_text() == "hello \u241b\x1b[31mred\x1b[0m\noops\n"
        monkeypatch.setenv("PAGER", "no-such-pager -x")
        await pilot.press("O")
        await until(pilot, lambda: "the pager no-such-pager is not there" in notices(pilot))


async def test_open_pager_where_there_is_nothing_to_page(engine: FakeEngine) -> None:
    engine.put(name="a")
    async with opened(engine) as pilot:
        await pilot.press("O")
        await until(pilot, lambda: "printed nothing" in notices(pilot))
    assert os.environ.get("PAGER") is None or commands(engine) == []


# -- the list


async def test_the_cursor_stays_on_its_task_when_rows_move(engine: FakeEngine) -> None:
    first = engine.put(name="first", **RUNNING)
    engine.put(name="second", **RUNNING)
    async with opened(engine) as pilot:
        table(pilot).select(first.id)
        engine.put(name="third", **RUNNING)
        engine.put(id=first.id, **ENDED)
        await until(pilot, lambda: [task.name for task in table(pilot).tasks] == ["third", "second", "first"])
        assert table(pilot).selected.id == first.id


async def test_removed_tasks_disappear(engine: FakeEngine) -> None:
    engine.put(name="a", **ENDED)
    async with opened(engine) as pilot:
        await until(pilot, lambda: table(pilot).tasks)
        engine._tasks.clear()
        engine.publish(TasksRemoved(1))
        await until(pilot, lambda: "No tasks yet" in shown(pilot))


async def test_a_burst_of_events_is_one_redraw(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        drawn = 0
        show = table(pilot).show

        def counted(tasks: Any) -> None:
            nonlocal drawn
            drawn += 1
            show(tasks)

        table(pilot).show = counted  # type: ignore[method-assign]
        for number in range(600):
            engine.put(name=f"job-{number}")
        await until(pilot, lambda: len(table(pilot).tasks) == 250)
        assert drawn <= 2
