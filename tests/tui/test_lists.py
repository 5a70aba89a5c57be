"""Filter language, order of the list, scripts to choose from, themes, and words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsconsole.events import TaskChanged
from opsconsole.models import Priority, Status
from opsconsole.tui.filters import EVERYTHING, FilterError, parse
from opsconsole.tui.screens.tasks.board import PAGE, TaskBoard
from opsconsole.tui.scripts import matching, samples
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.wording import seconds_of, span
from tests.tui.fake_engine import NOW, SECOND, FakeEngine


def names(engine: FakeEngine, text: str = "") -> list[str]:
    board = TaskBoard()
    board.narrow(parse(text))
    return [task.name for task in board.rows(engine)]  # type: ignore[arg-type]


@pytest.fixture
def some(engine: FakeEngine) -> FakeEngine:
    engine.put(name="old-fail", status=Status.FAILED, exit_code=3, finished_at=NOW - 9 * SECOND)
    engine.put(name="new-ok", status=Status.COMPLETED, exit_code=0, finished_at=NOW, actor="Root")
    engine.put(name="queued-low", priority=Priority.LOW)
    engine.put(name="queued-high", priority=Priority.HIGH)
    engine.put(name="held", status=Status.WAITING, held=True)
    engine.put(name="running", status=Status.RUNNING)
    return engine


def test_active_first_then_the_queue_in_its_order_then_what_ended_last(some: FakeEngine) -> None:
    assert names(some) == ["running", "queued-high", "queued-low", "held", "new-ok", "old-fail"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("QUEUED high", ["queued-high"]),
        ("state:failed", ["old-fail"]),
        ("state=failed", ["old-fail"]),
        ("exit=3 state=ended", ["old-fail"]),
        ("state:run,wait", ["running", "held"]),
        ("state:bad", ["old-fail"]),
        ("failed", ["old-fail"]),
        ("queued", ["queued-high", "queued-low"]),
        ("completed OK", ["new-ok"]),
        ("running", ["running"]),
        ("timeout", []),
        ("state:ended", ["new-ok", "old-fail"]),
        ("exit:3", ["old-fail"]),
        ("by:root", ["new-ok"]),
        ("policy:elev", []),
        ("#2", ["new-ok"]),
        ("#99", []),
        ("name[", []),
        ("state:", ["running", "queued-high", "queued-low", "held", "new-ok", "old-fail"]),
    ],
)
def test_filters(some: FakeEngine, text: str, expected: list[str]) -> None:
    assert names(some, text) == expected


@pytest.mark.parametrize(
    "text",
    ["state:late", "state=late", "exit:three", "exit=three", "nonsense:1", "nonsense=1", "#x", "#9999999999999999999"],
)
def test_filters_that_make_no_sense_say_so(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


def test_no_words_is_everything() -> None:
    assert parse("  ") == EVERYTHING and not parse("")


def test_what_begins_or_ends_while_the_record_is_read_is_in_the_list(some: FakeEngine) -> None:
    """Three reads are three looks: what moves on from one to the next must not fall between them."""
    read = some.tasks
    moves = iter((("queued-high", Status.RUNNING), ("running", Status.COMPLETED)))

    def look(wanted: Any = None) -> Any:
        found = read(wanted)
        if (move := next(moves, None)) is not None:
            task = next(one for one in read() if one.name == move[0])
            some.put(id=task.id, status=move[1])
        return found

    some.tasks = look  # type: ignore[method-assign]
    assert {"queued-high", "running"} <= set(names(some)) and len(set(names(some))) == len(names(some)) == 6


def test_an_older_state_of_a_task_changes_nothing(some: FakeEngine) -> None:
    board = TaskBoard()
    board.rows(some)  # type: ignore[arg-type]
    old = some.task(6)
    some.put(id=6, status=Status.COMPLETED)
    board.hear(TaskChanged(some.task(6), None))
    assert not board.hear(TaskChanged(old, None))
    task = board.get(6)
    assert task is not None and task.status is Status.COMPLETED


def test_a_task_that_no_longer_passes_the_filter_leaves_the_list(some: FakeEngine) -> None:
    board = TaskBoard()
    board.narrow(parse("state:running"))
    board.rows(some)  # type: ignore[arg-type]
    some.put(id=6, status=Status.COMPLETED)
    assert board.hear(TaskChanged(some.task(6), None)) and board.rows(some) == []  # type: ignore[arg-type]


def test_a_long_queue_does_not_push_the_history_off_the_page(engine: FakeEngine) -> None:
    for _ in range(300):
        engine.put(name="ended", status=Status.COMPLETED, finished_at=NOW)
    for _ in range(900):
        engine.put(name="queued")
    found = names(engine)
    assert len(found) <= PAGE and found.count("queued") == PAGE // 2 and found.count("ended") == PAGE // 2


# -- scripts


def test_the_shipped_samples_say_what_they_do() -> None:
    found = samples()
    assert len(found) >= 8 and all(script.summary for script in found)


def test_samples_are_found_by_what_they_do(samples: Path) -> None:
    from opsconsole.tui import scripts

    assert [s.shown for s in matching("ports listens", scripts.samples(), Path.cwd())] == ["ports.py"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("./", ["ops/", "fix.sh"]), ("./o", ["ops/"]), ("ops/", ["run.py"]), ("./.h", [".hidden.sh"]), ("/no/such/", [])],
)
def test_paths_complete(tmp_path: Path, typed: str, expected: list[str]) -> None:
    (tmp_path / "ops").mkdir()
    for name in ("fix.sh", ".hidden.sh", "ops/run.py"):
        (tmp_path / name).write_text("")
    assert [
        script.shown.rpartition("/")[2] or script.path.name + "/" for script in matching(typed, [], tmp_path)
    ] == expected


# -- words


@pytest.mark.parametrize("text", ["90s", "5m", "1h", "0.5s"])
def test_a_span_reads_back(text: str) -> None:
    assert span(seconds_of(text)) == text


def test_a_filter_that_is_not_there_yet_is_empty() -> None:
    """A thread may have read the list before the line of its filter has been made."""
    assert FilterLine().text == ""
