"""What the mode says of a run: one figure in one way everywhere, and nothing of another run."""

from __future__ import annotations

import pytest

from opsconsole.models import Status
from opsconsole.samples import RunUsage
from opsconsole.storage.costs import _cost
from opsconsole.tui.facts import facts
from opsconsole.tui.glyphs import ASCII
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.history.table import cells as of_the_history
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.screens.tasks.rows import cells
from opsconsole.tui.screens.tasks.usage_page import usage_lines
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.wording import outcome
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.tasks.scene import ENDED, RUNNING, in_dialog, opened
from tests.tui.waiting import output, shown, table, told, until

WAIT4 = {"max_rss_bytes": 10_700_000, "max_rss_is_upper_bound": True}


@pytest.mark.parametrize(
    ("metrics", "in_table", "in_detail"),
    [
        (WAIT4, "≤10M", "≤ 10.2 MiB peak"),
        ({**WAIT4, "memory_peak_bytes": 3_400_000}, "3.2M", "3.24 MiB peak"),
        ({"max_rss_bytes": 3_400_000}, "3.2M", "3.24 MiB peak"),
    ],
)
def test_table_and_detail_have_the_same_peak(
    engine: FakeEngine, metrics: dict[str, float], in_table: str, in_detail: str
) -> None:
    task = engine.put(name="a", **ENDED)
    engine.report(task.id, metrics=metrics)
    assert cells(task, NOW, None, _cost(metrics))["rss"].text == in_table
    used = next(fact.text for fact in facts(task, engine.result(task.id), None, NOW) if fact.label == "used")
    assert used == in_detail


LIMITED: list[tuple[str, str, str, str]] = [
    ("memory_limit", "memory limit", "mem limit", "it reached its memory limit · exit code 137"),
    ("pids_limit", "pids limit", "pids limit", "it reached its pids limit · exit code 137"),
    ("file_size_limit", "size limit", "size limit", "it reached its size limit · exit code 137"),
    ("memory_limit_suspected", "exit 137", "exit 137", "it seems to have reached its memory limit · exit code 137"),
    ("exit code 137", "exit 137", "exit 137", "exit code 137"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "result", "short", "state"), LIMITED)
def test_a_limit_that_ended_a_run_is_said_in_words(
    engine: FakeEngine, reason: str, result: str, short: str, state: str
) -> None:
    task = engine.put(name="a", **{**ENDED, "status": Status.FAILED, "exit_code": 137, "reason": reason})
    for made in (cells(task, NOW, None, None), of_the_history(task, NOW)):
        assert (made["result"].text, made["ended"].text) == (result, short)
    assert next(fact.text for fact in facts(task, None, None, NOW) if fact.label == "state") == state


def test_a_limit_comes_before_the_signal_that_it_sent(engine: FakeEngine) -> None:
    ended = {**ENDED, "status": Status.FAILED, "exit_code": None, "signal": "SIGKILL", "reason": "memory_limit"}
    assert outcome(engine.put(name="a", **ended), NOW) == "memory limit"


@pytest.mark.parametrize(("source", "said"), [("sampled", "added up once a second"), ("cgroup", "by the cgroup")])
def test_usage_says_how_long_it_ran_and_how_it_was_measured(source: str, said: str) -> None:
    one = RunUsage("1.1", NOW, 50.0, 10**6, 10**6, 1, 1, 0, 0, source=source)
    lines = list(usage_lines([one], {}, (NOW - SECOND, NOW), False, ASCII, 120, 20, 0.2))
    foot = "".join(cell.text for cell in lines[-1])
    assert foot.startswith("200ms in all, ") and said in foot and "by sampled" not in foot


def test_what_came_of_an_earlier_attempt_is_said_to_be_of_that(engine: FakeEngine) -> None:
    task = engine.put(name="a", attempt=2, attempts=3, exit_code=2, **RUNNING)
    assert ("state", "attempt 1: exit code 2") in [fact[:2] for fact in facts(task, None, None, NOW)]
    task = engine.put(name="a", attempt=2, attempts=3, **{**ENDED, "status": Status.FAILED, "exit_code": 2})
    assert ("state", "exit code 2") in [fact[:2] for fact in facts(task, None, None, NOW)]


async def test_what_was_looked_for_is_forgotten_with_the_run(engine: FakeEngine) -> None:
    for name in ("never ran", "neither"):
        engine.put(name=name, status=Status.QUEUED)
    ran = engine.put(name="ran", **ENDED)
    engine.write(ran.id, ("stdout", b"line 1\nline 2\n"))
    async with opened(engine, (160, 45)) as pilot:
        for other in ("down", "up"):
            await until(pilot, lambda: table(pilot).selected is not None)
            await pilot.press("s", *"line", "enter")
            await until(pilot, lambda: "hits in" in shown(pilot) and output(pilot).needle is not None)
            await pilot.press("escape", other)
            await until(pilot, lambda: output(pilot).needle is None)
            assert "hits in" not in shown(pilot)


async def test_the_word_before_the_search_is_whole_also_after_the_editor(engine: FakeEngine) -> None:
    task = engine.put(name="a", **ENDED)
    engine.write(task.id, ("stdout", b"line 1\n"))
    async with opened(engine) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: pilot.app.screen.MODE == "editor")
        pilot.app.go("tasks")  # type: ignore[attr-defined]
        await until(pilot, lambda: "line 1" in shown(pilot))
        await pilot.press("s")
        await until(pilot, lambda: " search words of a line" in shown(pilot))


async def test_copy_takes_whole_values(engine: FakeEngine) -> None:
    name = "a name that is longer than its column has room for on a terminal of this width, by far.sh"
    engine.put(name=name, **ENDED)
    async with opened(engine, (80, 24)) as pilot:
        await until(pilot, lambda: "…" in shown(pilot))
        await pilot.press("y")
        await until(pilot, lambda: "clipboard" in told(pilot))
        values = pilot.app.clipboard.split("  ")
        assert values[:3] == ["✔", "1", name] and values[-1] == "ok"


async def test_what_is_chosen_can_be_told_without_colours(engine: FakeEngine, samples: object) -> None:
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter")
        await until(pilot, lambda: "[standard]" in shown(pilot) and "[normal]" in shown(pilot))
        pilot.app.screen.query_one("#policy", Choice).action_step(-1)
        await until(pilot, lambda: "[restricted]" in shown(pilot) and "[standard]" not in shown(pilot))


def test_how_a_run_is_ended_is_said_while_it_can_be(engine: FakeEngine) -> None:
    kill = {"kill": "cgroup.kill+subreaper"}
    for known, there in ((RUNNING, True), (ENDED, False)):
        task = engine.put(name="a", **known)
        engine.report(task.id, supervision=kill)
        assert ("cancel" in {fact.label for fact in facts(task, engine.result(task.id), None, NOW)}) is there


def test_what_is_being_cancelled_does_not_stand_still(engine: FakeEngine) -> None:
    paused = {"status": Status.PAUSED, "started_at": NOW - SECOND, "reason": "cgroup.freeze"}
    still = engine.put(name="a", **paused)
    assert "stands still" in next(fact.text for fact in facts(still, None, None, NOW) if fact.label == "state")
    ending = engine.put(name="a", **paused, cancel_requested=True)
    assert ("state", "being cancelled") in [fact[:2] for fact in facts(ending, None, None, NOW)]


async def test_a_question_about_tagged_tasks_is_english(engine: FakeEngine) -> None:
    engine.put(name="over", **ENDED)
    engine.put(name="one", status=Status.QUEUED)
    async with opened(engine) as pilot:
        await pilot.press("space", "space", "plus")
        await in_dialog(pilot, ConfirmScreen)
        await until(pilot, lambda: "Raise the priority of 1 task?" in shown(pilot) and "Yes, raise it" in shown(pilot))
        assert "1 tagged task is left out: task 1 is completed" in shown(pilot)
        await pilot.press("escape", "minus")
        await until(pilot, lambda: "Lower the priority of 1 task?" in shown(pilot))
