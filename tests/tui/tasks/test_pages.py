"""What the pages of a run say, from records of the engine and from hostile ones; no app but where one must be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.errors import ConsoleError
from opsconsole.models import ExecutionPolicy, Priority, ResourceLimits, Status, Task, TaskSpec
from opsconsole.samples import RunUsage
from opsconsole.settings import Settings
from opsconsole.storage.asked import Asked
from opsconsole.storage.costs import Cost
from opsconsole.storage.course import Course, TaskEvent
from opsconsole.storage.task_events import What
from opsconsole.tui.facts import limits_of
from opsconsole.tui.glyphs import ASCII
from opsconsole.tui.keymap import clashes
from opsconsole.tui.screens.tasks import pager
from opsconsole.tui.screens.tasks.events_page import MOST, Noted, events_lines, noted
from opsconsole.tui.screens.tasks.info_page import info_lines
from opsconsole.tui.screens.tasks.page_view import wrapped
from opsconsole.tui.screens.tasks.titles import counts_cells
from opsconsole.tui.screens.tasks.usage_page import usage_lines
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import time_of_day
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.hostile import Seen
from tests.tui.scenes import HOSTILE
from tests.tui.tasks.scene import ENDED, FINDINGS, RUNNING, opened, page
from tests.tui.waiting import lines_of, shown, until


def test_a_key_of_a_pane_may_be_the_modes_too_but_not_the_consoles_nor_its_neighbours() -> None:
    assert clashes({"next_hit": "n", "submit": "n"}) == []
    assert [clash[1:] for clash in clashes({"next_hit": "q"})] == [("quit", "next_hit")]
    assert [clash[1:] for clash in clashes({"next_hit": "j"})] == [("next_hit", "down")]
    assert [clash[1:] for clash in clashes({"next_hit": "N"})] == [("next_hit", "previous_hit")]


def test_what_the_engine_keeps_of_a_run_is_there_for_the_list_and_the_pages(tmp_path: Path) -> None:
    spec = TaskSpec(script="echo hi", args=("a b",), env={"PGHOST": "db"}, cwd=tmp_path)
    with Engine(Settings(), state_dir=tmp_path / "state") as engine:
        result = engine.run_sync(spec)
        cost = engine.costs([result.task_id, 99])[result.task_id]
        asked = engine.asked(result.task_id)
        notes = noted(engine.paths.run_folder(result.execution_id))
    assert isinstance(cost, Cost) and cost.cpu_s is not None and cost.rss_bytes
    assert (asked.args, asked.cwd, asked.environment_names) == (("a b",), str(tmp_path), ("PGHOST",))
    assert notes.supervisor == result.supervision["supervisor"] and notes.commands == ()


def test_the_pages_say_the_limits_of_a_run_as_the_engine_records_them(tmp_path: Path) -> None:
    """With each of them stands who bears it."""
    wanted = ResourceLimits(file_size=64 << 20, open_files=128)
    with Engine(Settings(), state_dir=tmp_path / "state") as engine:
        result = engine.run_sync(TaskSpec(script="true", limits=wanted))
        task = engine.task(result.task_id)
    assert isinstance(result.containment["limits"]["file_size"], dict)
    lines = info_lines(task, result, Asked(), "", None, NOW, str)
    said = next(line[1].text for line in lines if line and line[0].text.startswith("limits"))
    assert "file size 64 MiB" in said and "open files 128" in said and "timeout 5m" in said
    limits = limits_of(result) | {"memory": 100 << 20, "cpu": 0.5, "pids": 64}
    usage = RunUsage("1.1", NOW, 50.0, 99 << 20, 99 << 20, 3, 3, 1000, 0)
    page = usage_lines([usage], limits, (NOW - SECOND, NOW), False, ASCII, 120, 20)
    assert "limit 100 MiB" in "".join(cell.text for line in page for cell in line)


def test_a_folder_that_is_not_there_has_nothing_noted(tmp_path: Path) -> None:
    assert noted(tmp_path / "missing") == noted(tmp_path)


def test_what_a_run_writes_into_its_own_folder_ends_no_console(tmp_path: Path) -> None:
    """A number that is no decimal one, and brackets without end."""
    (tmp_path / "claim.²").write_text('{"supervisor": 17}\n')
    (tmp_path / "commands").write_text("[" * 200_000 + '\n{"op": "cancel", "by": "deploy"}\n')
    assert noted(tmp_path).commands == (("cancel", "deploy"),)


def events_of(
    engine: FakeEngine, task: Task, course: Course, notes: dict[str, Noted] | None = None, later: int = 0
) -> list[str]:
    """The page, a line each: clock, age, glyph, what, and the rest; `later` in seconds."""
    made = events_lines(task, engine.attempts(task.id), course, notes or {}, task.attempt, NOW + later * SECOND)
    return ["".join(cell.text for cell in line).strip() for line in made]


def test_what_people_did_stands_where_it_was_done_with_clock_age_and_name(engine: FakeEngine) -> None:
    task = engine.put(attempt=2, attempts=2, started_at=NOW - 40 * SECOND, queued_at=NOW - 90 * SECOND,
                      status=Status.COMPLETED, finished_at=NOW - 5 * SECOND, duration_s=35.0)  # fmt: skip
    engine.report(task.id, older=[{
        "execution_id": f"{task.id}.1", "attempt": 1, "status": Status.FAILED, "reason": "exit code 3",
        "started_at": NOW - 80 * SECOND, "finished_at": NOW - 70 * SECOND, "duration_s": 10.0,
    }])  # fmt: skip
    done = [
        (85, What.PRIORITY, 1, "anna (tui)", "normal → high"), (81, What.CLAIMED, 1, "ines (tui)", "console 3, pid 9"),
        (75, What.PAUSE_ASKED, 1, "anna (tui)", None), (60, What.HELD, 2, "anna (headless)", None),
        (50, What.RELEASED, 2, "ines (tui)", None, "the mirror is back"),
        (41, What.CLAIMED, 2, "ines (tui)", "console 4, pid 12"),
        (30, What.CANCEL_ASKED, 2, "ines (tui)", None), (2, What.PINNED, 2, "ines (tui)", None),
    ]  # fmt: skip
    course = Course(tuple(TaskEvent(NOW - ago * SECOND, what, *more) for ago, what, *more in done))
    clock = [time_of_day(NOW - ago * SECOND, NOW) for ago in range(100)]
    lines = [line for line in events_of(engine, task, course, {f"{task.id}.2": Noted(supervisor=77)}) if line]
    assert lines[1:4] == [
        f"{clock[85]}   1m  ± priority  normal → high, by anna (tui)", "Attempt 1 of 2",
        f"{clock[81]}   1m  ▷ claimed  by ines (tui), console 3, pid 9",
    ]  # fmt: skip
    told = [line[15:].split("  ")[0] for line in lines if line[:2].isdigit()]
    assert told == [
        "◦ queued", "± priority", "▷ claimed", "▶ started", "‖ asked to pause", "✗ failed", "◌ held", "◦ released",
        "▷ claimed", "▶ started", "■ told to end", "✔ completed", "★ pinned",
    ]  # fmt: skip
    assert f"{clock[50]}  50s  ◦ released  by ines (tui): the mirror is back" in lines
    assert f"{clock[41]}  41s  ▷ claimed  by ines (tui), console 4, pid 12, supervisor 77" in lines
    assert any("3h  ★ pinned" in line for line in events_of(engine, task, course, later=3 * 3600))


def test_a_run_from_before_the_record_says_so_and_has_what_its_folder_tells(engine: FakeEngine) -> None:
    task = engine.put(status=Status.RUNNING, started_at=NOW - 40 * SECOND, queued_at=NOW - 90 * SECOND)
    notes = {task.execution_id: Noted(77, (("paused", "deploy (tui)"), ("running", "")), (("cancel", "deploy (tui)"),))}
    page = events_of(engine, task, Course(complete=False), notes)
    assert "? not recorded  who did what to it: it is older than that record" in page
    assert page[-3:] == ["‖ paused  by deploy (tui)", "▶ went on", "■ told to end  by deploy (tui)"]
    assert "▷ claimed  supervisor 77" in page
    known = events_of(engine, task, Course(), notes)
    assert not any("not recorded" in line or "paused" in line for line in known)


def test_the_review_stands_once_with_its_time_and_its_own_sign(engine: FakeEngine) -> None:
    task = engine.put(attempt=2, attempts=2, queued_at=NOW - 90 * SECOND, **RUNNING)
    older = {
        "execution_id": f"{task.id}.1", "attempt": 1, "status": Status.FAILED, "started_at": NOW - 80 * SECOND,
        "finished_at": NOW - 70 * SECOND, "verdict": "allow", "findings": FINDINGS[:1],
    }  # fmt: skip
    engine.report(task.id, verdict="allow", findings=FINDINGS[:1], older=[older])
    lines = events_of(engine, task, Course())
    queued = time_of_day(NOW - 90 * SECOND, NOW)
    assert lines[0] == f"{queued}   1m  § reviewed  allowed, 1 finding"
    assert [line for line in lines if "reviewed" in line] == lines[:1]


def test_between_two_attempts_stand_the_pause_and_what_ended_it(engine: FakeEngine) -> None:
    """Though one transaction made it ready and claimed it."""
    task = engine.put(attempt=2, attempts=2, queued_at=NOW - 90 * SECOND, **RUNNING)
    older = {
        "execution_id": f"{task.id}.1", "attempt": 1, "status": Status.FAILED, "reason": "exit code 3",
        "started_at": NOW - 80 * SECOND, "finished_at": NOW - 70 * SECOND,
    }  # fmt: skip
    engine.report(task.id, older=[older])
    done = [
        (81, What.CLAIMED, 1, "ines (tui)", None), (70, What.RETRY_PAUSE, 1, None, "1 s until attempt 2"),
        (69, What.READY, 2, None, "attempt 2 is due"), (69, What.CLAIMED, 2, "ines (tui)", None),
    ]  # fmt: skip
    course = Course(tuple(TaskEvent(NOW - ago * SECOND, what, *more) for ago, what, *more in done))
    lines = [line[15:] if line[:2].isdigit() else line for line in events_of(engine, task, course) if line]
    assert lines[1:] == [
        "Attempt 1 of 2", "▷ claimed  by ines (tui)", "▶ started", "✗ failed  exit code 3",
        "◌ waits  1 s until attempt 2", "◦ ready  attempt 2 is due",
        "› Attempt 2 of 2  its output is shown", "▷ claimed  by ines (tui)", "▶ started",
    ]  # fmt: skip


def test_a_task_made_ready_by_another_says_so_before_its_first_attempt(engine: FakeEngine) -> None:
    task = engine.put(queued_at=NOW - 90 * SECOND, after_id=1, **ENDED)
    done = [(81, What.READY, 1, None, "task 1 has succeeded"), (81, What.CLAIMED, 1, "ines (tui)", None)]
    course = Course(tuple(TaskEvent(NOW - ago * SECOND, what, *more) for ago, what, *more in done))
    lines = [line for line in events_of(engine, task, course) if line]
    ready = next(at for at, line in enumerate(lines) if "◦ ready  task 1 has succeeded" in line)
    assert lines[ready + 1].endswith("Attempt 1 of 1")


def test_of_very_many_events_the_last_are_shown(engine: FakeEngine) -> None:
    task = engine.put(status=Status.WAITING, held=True)
    swings = (What.HELD, What.RELEASED)
    course = Course(tuple(TaskEvent(NOW + at, swings[at % 2], 1, "a script (api)") for at in range(MOST + 70)))
    page = events_of(engine, task, course)
    assert f"⋯ 70 earlier events  opsconsole show {task.id} --events" in page
    assert sum("by a script (api)" in line for line in page) == MOST


async def test_the_events_page_is_of_the_engine_s_own_record(engine: FakeEngine) -> None:
    task = engine.put(status=Status.WAITING, held=True, queued_at=NOW - 60 * SECOND)
    engine.courses[task.id] = Course((TaskEvent(NOW - 30 * SECOND, What.HELD, 1, "anna (headless)"),))
    async with opened(engine, (160, 45)) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: "held  by anna (headless)" in page(pilot))
        done = TaskEvent(NOW, What.PRIORITY, 1, "ines (tui)", "normal → high")
        engine.courses[task.id] = Course((*engine.courses[task.id].events, done))
        engine.put(id=task.id, priority=Priority.HIGH)
        await until(pilot, lambda: "priority  normal → high, by ines (tui)" in page(pilot))


async def test_hostile_records_are_harmless_on_every_page(engine: FakeEngine) -> None:
    task = engine.put(
        name=HOSTILE, status=Status.FAILED, reason=HOSTILE, actor=HOSTILE, host=HOSTILE, door=HOSTILE,
        ssh_client=HOSTILE, labels={HOSTILE: HOSTILE}, interpreter=HOSTILE, started_at=NOW - SECOND, finished_at=NOW,
        duration_s=1.0, parent_id=1, parent_kind=HOSTILE,
    )  # fmt: skip
    engine.scripts[task.id] = HOSTILE.encode("utf-8", "surrogatepass") * 3
    engine.report(
        task.id, verdict="refuse", findings=[{**FINDINGS[0], "message": HOSTILE, "rule": HOSTILE}],
        effects=[{"kind": "read", "target": HOSTILE, "command": "x", "line": 1, "column": 1}],
        supervision={"leftovers": [{"pid": 4, "name": HOSTILE}], "survivors": [{"pid": 5, "name": HOSTILE}]},
        containment={"provider": HOSTILE, "degraded": [HOSTILE], "notes": [HOSTILE]},
    )  # fmt: skip
    engine.courses[task.id] = Course((TaskEvent(NOW, HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE),), complete=False)
    async with opened(engine, (160, 45)) as pilot:
        for key in "vuei":
            await pilot.press(key)
            await until(pilot, lambda: page(pilot))
            Seen().check(pilot, "here")


# -- parts


def test_usage_of_nothing_says_why() -> None:
    for live, word in ((True, "yet"), (False, "first second")):
        lines = usage_lines([], {}, (NOW, NOW), live, ASCII, 80, 20)
        assert word in "".join(cell.text for line in lines for cell in line)


@pytest.mark.parametrize(
    ("status", "said"), [(Status.WAITING, "It has not run yet."), (Status.CANCELLED, "It never ran.")]
)
async def test_usage_of_what_did_not_run_says_so(engine: FakeEngine, status: Status, said: str) -> None:
    engine.put(name="never", status=status, held=True)
    async with opened(engine, (160, 45)) as pilot:
        await pilot.press("u")
        await until(pilot, lambda: said in page(pilot))
        assert "measured" not in page(pilot)


def test_usage_has_a_scale_and_what_is_even_fills_no_wall() -> None:
    """4.6 MiB all along, for a minute: the graph has a figure at its top and bottom, and the time below where it is."""
    series = [RunUsage("1.1", NOW + at * SECOND, 1.0, 4_823_450, 4_823_450, 3, 3, 0, 0) for at in range(60)]
    drawn = usage_lines(series, {}, (NOW - SECOND, NOW + 59 * SECOND), False, ASCII, 200, 60)
    lines = ["".join(cell.text for cell in line) for line in drawn]
    top = next(at for at, line in enumerate(lines) if "memory most 4.6" in line)
    graph = [line[103:] for line in lines[top + 1 : top + 10]]
    assert graph[0].split() == ["8.0M"] and graph[-1].split()[0] == "0" and "10 %" in lines[top + 1]
    filled = sum(len(line.split()) > 0 for line in graph[1:])
    assert 4 <= filled <= 6, "about as much of it as 4.6 is of 8"
    axis = lines[top + 10][103:]
    assert axis.split() == ["0s", "1m00s"] and axis.index("0s") == graph[-1].index(graph[-1].split()[1])


def test_usage_is_never_wider_than_its_room() -> None:
    series = [RunUsage("1.1", NOW + at * SECOND, 50.0, 10**9, 10**9, 3, 3, at * 1000, 0) for at in range(300)]
    for width in (20, 60, 96, 200):
        span = (NOW, NOW + 300 * SECOND)
        lines = list(usage_lines(series, {"cpu": 0.25, "pids": 64}, span, False, ASCII, width, 40))
        assert all(sum(len(cell.text) for cell in line) <= max(width, 60) for line in lines)


def test_long_lines_go_on_below_their_last_cell() -> None:
    line = (Cell("label ", "faint"), Cell("one two three four", "plain"))
    assert ["".join(cell.text for cell in one) for one in wrapped([line], 16)] == [
        "label one two", "      three four",
    ]  # fmt: skip


def test_counts_in_the_title() -> None:
    counts = {Status.RUNNING: 2, Status.QUEUED: 4, Status.WAITING: 1, Status.FAILED: 2, Status.TIMED_OUT: 1}
    assert "".join(cell.text for cell in counts_cells(counts)) == "▶ 2 running · ◦ 4 queued · ◌ 1 waiting · ✗ 3 failed"


def test_the_pager_is_the_operators_or_less(tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    path = {"PATH": str(tmp_path)}
    assert pager.pager_of(path) == ["less", "-R"] and pager.pager_of({**path, "PAGER": "less"}) == ["less", "-R"]
    assert pager.pager_of({**path, "PAGER": "less -S"}) == ["less", "-S"]
    with pytest.raises(ConsoleError, match="most is not there"):
        pager.pager_of({**path, "PAGER": "most"})
    with pytest.raises(ConsoleError, match="no pager"):
        pager.pager_of({"PATH": str(tmp_path / "none")})


def test_a_pager_of_a_console_that_only_looks_is_less_that_runs_nothing(tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    given = {"PATH": str(tmp_path), "PAGER": "vim -", "LESS": "+!id", "LESSOPEN": "|id", "LESSSECURE": "0"}
    command, environ = pager.confined_pager_of(given)
    assert command == [str(less), "-R"] and environ["LESSSECURE"] == "1"
    assert "LESS" not in environ and "LESSOPEN" not in environ
    (tmp_path / "box").mkdir()
    (tmp_path / "busybox").write_text("#!/bin/sh\n")
    (tmp_path / "busybox").chmod(0o755)
    (tmp_path / "box" / "less").symlink_to(tmp_path / "busybox")
    for nothing in ("box", "none"):
        with pytest.raises(ConsoleError, match="kept from running commands"):
            pager.confined_pager_of({"PATH": str(tmp_path / nothing), "PAGER": "more"})


async def test_the_pages_of_a_run_have_their_names_however_much_is_said_of_its_output(engine: FakeEngine) -> None:
    task = engine.put(name="reindex-orders", attempt=2, attempts=3, **RUNNING)
    engine.write(task.id, ("stdout", b"".join(b"line %d\n" % at for at in range(466))))
    async with opened(engine, (132, 38)) as pilot:
        await until(pilot, lambda: "466 lines" in shown(pilot))
        text = shown(pilot)
        assert all(word in text for word in ("[output]", "v review", "u usage", "e events", "i info", "following"))


@pytest.mark.parametrize(("width", "said"), [(132, "elev "), (200, "elevated")])
async def test_the_list_says_under_which_policy(engine: FakeEngine, width: int, said: str) -> None:
    engine.put(name="nightly-backup", policy=ExecutionPolicy.ELEVATED, **RUNNING)
    async with opened(engine, (width, 38)) as pilot:
        await until(pilot, lambda: "nightly-backup" in shown(pilot))
        line = next(one for one in lines_of(pilot) if "nightly-backup" in one[:60])
        heading = next(one for one in lines_of(pilot) if "RESULT" in one)
        assert said in line and heading.count("POL") == 1


def test_a_pager_whose_output_cannot_be_read_on_is_not_left_behind(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"the beginning\n"
        raise OSError(5, "Input/output error")

    seen = tmp_path / "seen"
    look = pager.Pager(["sh", "-c", f"cat > {seen}"], pieces())
    with pytest.raises(ConsoleError, match="cannot be read on: Input/output error"):
        look.run()
    assert look._process is not None and look._process.returncode == 0
    assert seen.read_text() == "the beginning\n"
