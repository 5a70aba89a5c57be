"""What is written down of what happens to a task, and what is read back of it."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from queue_table import BOOT, ORIGIN, QueueTable, in_memory, living_console

from opsconsole.errors import IllegalTransition, TaskNotFound
from opsconsole.execution import reconcile
from opsconsole.models import Origin, Priority, Status
from opsconsole.paths import StatePaths
from opsconsole.settings import HistorySettings, QueueSettings
from opsconsole.storage import cleanup, consoles, endings, tasks
from opsconsole.storage.course import OF_ROWS, Course, TaskEvent, course
from opsconsole.storage.database import MIGRATIONS, connect, migrate, open_database
from opsconsole.storage.task_events import What
from tests.faults import processes

NOW = 1_790_000_000_000_000


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[QueueTable]:
    """With a console of `ines` that claims."""
    paths = StatePaths(tmp_path).prepare()
    with closing(in_memory()) as c:
        table = QueueTable(c, NOW)
        with table.transaction():
            who = Origin("here", "tui", "ines")
            mine = consoles.register(c, paths, who, "all", pid=812, started=1, boot=BOOT, now=NOW)
        yield table
        mine.release()


def told(queue: QueueTable, task_id: int = 1) -> list[tuple[str, str | None, str | None]]:
    """What no object tells."""
    return [(event.what, event.actor, event.detail) for event in course(queue.c, task_id).noted]


def whole(queue: QueueTable, task_id: int = 1) -> list[str]:
    return [event.what for event in course(queue.c, task_id).events]


# -- each change


def test_the_course_of_a_plain_run_is_read_off_its_rows_and_costs_none_of_its_own(queue: QueueTable) -> None:
    queue.add()
    (claimed,) = queue.claim()
    queue.advance(1)
    queue.start(claimed.execution_id)
    queue.finish(claimed.execution_id, Status.FAILED, code=3)
    assert course(queue.c, 1) == Course(
        (
            TaskEvent(NOW, "queued", 1, "tester (api)", "on here"),
            TaskEvent(NOW, "claimed", 1, "ines (tui)", "console 1, pid 812"),
            TaskEvent(NOW + 1_000_000, "started", 1, None, "process 11"),
            TaskEvent(NOW + 1_000_000, "failed", 1, None, "exit code 3"),
        )
    )
    assert queue.count("task_event") == 0


Step = Callable[[QueueTable, sqlite3.Connection], object]
STEPS: dict[str, tuple[Step, tuple[str, str | None, str | None]]] = {
    "hold": (lambda q, c: tasks.hold(c, 1, "anna (tui)", q.now), ("held", "anna (tui)", None)),
    "priority": (
        lambda q, c: tasks.set_priority(c, 1, Priority.CRITICAL, q.queue, "anna (tui)", q.now),
        ("priority", "anna (tui)", "normal → critical"),
    ),
    "pin": (lambda q, c: tasks.pin(c, 1, True, "anna (tui)", q.now), ("pinned", "anna (tui)", None)),
    "cancel": (lambda q, c: tasks.cancel(c, 1, "anna (tui)", q.now), ("cancel_asked", "anna (tui)", None)),
    "pause": (
        lambda q, c: tasks.asked_of_run(c, 1, What.PAUSE_ASKED, "anna (tui)", q.now),
        ("pause_asked", "anna (tui)", None),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_is_done_is_told_with_its_time_and_who_did_it(queue: QueueTable, name: str) -> None:
    step, expected = STEPS[name]
    queue.add()
    queue.advance(3.000001)
    with queue.transaction() as c:
        step(queue, c)
    (event,) = course(queue.c, 1).noted
    assert (event.at, event.what, event.actor, event.detail) == (NOW + 3_000_001, *expected)


WHYS: dict[str, tuple[str, Callable[[sqlite3.Connection, int], object]]] = {
    "hold": ("held", lambda c, now: tasks.hold(c, 1, "anna (tui)", now, "freeze")),
    "cancel": ("cancel_asked", lambda c, now: tasks.cancel(c, 1, "anna (tui)", now, "freeze")),
    "pause": ("pause_asked", lambda c, now: tasks.asked_of_run(c, 1, What.PAUSE_ASKED, "anna (tui)", now, "freeze")),
    "pin": ("pinned", lambda c, now: tasks.pin(c, 1, True, "anna (tui)", now, "freeze")),
    "priority": (
        "priority", lambda c, now: tasks.set_priority(c, 1, Priority.LOW, QueueSettings(), "anna (tui)", now, "freeze")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHYS)
def test_why_it_was_done_is_told_where_somebody_said_so(queue: QueueTable, name: str) -> None:
    what, step = WHYS[name]
    queue.add()
    with queue.transaction() as c:
        step(c, queue.now)
    (event,) = course(queue.c, 1).noted
    assert (event.what, event.actor, event.reason) == (what, "anna (tui)", "freeze")
    assert event.to_json(1)["reason"] == "freeze"


def test_why_it_was_released_is_told_too(queue: QueueTable) -> None:
    queue.add(held=True)
    with queue.transaction() as c:
        tasks.release(c, 1, "anna (tui)", queue.now, "the mirror is back")
    assert [event.reason for event in course(queue.c, 1).noted] == [None, "the mirror is back"]


def test_a_retry_that_has_become_due_says_so_when_it_is_queued(queue: QueueTable) -> None:
    queue.add(retries=1)
    queue.run_to(Status.FAILED, code=3)
    assert "ready" not in whole(queue), "it is not due yet"
    queue.queue_due()
    assert "ready" not in whole(queue)
    queue.advance(3600)
    queue.queue_due()
    (event,) = [event for event in course(queue.c, 1).noted if event.what == What.READY]
    assert (event.attempt, event.detail, event.actor) == (2, "attempt 2 is due", None)
    assert event.at == queue.now and queue.task(1).status is Status.QUEUED
    queue.queue_due()
    assert whole(queue).count("ready") == 1


@pytest.mark.parametrize("name", STEPS)
def test_what_is_rolled_back_is_not_told(queue: QueueTable, name: str) -> None:
    queue.add()
    with pytest.raises(KeyboardInterrupt), queue.transaction() as c:
        STEPS[name][0](queue, c)
        raise KeyboardInterrupt
    assert told(queue) == []


def test_what_changes_nothing_is_not_told(queue: QueueTable) -> None:
    queue.add(held=True)
    before = told(queue)
    with queue.transaction() as c:
        tasks.hold(c, 1, "anna (tui)", queue.now)
        tasks.set_priority(c, 1, Priority.NORMAL, queue.queue, "anna (tui)", queue.now)
        tasks.pin(c, 1, False, "anna (tui)", queue.now)
    assert told(queue) == before == [("held", "tester (api)", "as it was submitted")]


def test_what_is_refused_is_not_told(queue: QueueTable) -> None:
    queue.add()
    queue.cancel(1)
    before = told(queue)
    with pytest.raises(IllegalTransition):
        queue.hold(1)
    with pytest.raises(IllegalTransition):
        queue.cancel(1)
    assert told(queue) == before == [("cancel_asked", "tester", None)]
    assert whole(queue) == ["queued", "cancel_asked", "cancelled"]


def test_a_pause_has_the_time_at_which_the_tree_stood_still(queue: QueueTable) -> None:
    queue.add()
    (claimed,) = queue.claim()
    queue.start(claimed.execution_id)
    with queue.transaction() as c:
        tasks.mark_paused(c, "1.1", paused=True, how="cgroup.freeze", by="anna (tui)", at=NOW + 5)
        tasks.mark_paused(c, "1.1", paused=True, how="cgroup.freeze", by="anna (tui)", at=NOW + 6)
        tasks.mark_paused(c, "1.1", paused=False, how="cgroup.freeze", by="ines (tui)", at=NOW + 7)
    found = course(queue.c, 1).noted[1:]
    assert [(one.at - NOW, one.what, one.actor, one.detail) for one in found] == [
        (5, "paused", "anna (tui)", "cgroup.freeze"), (7, "resumed", "ines (tui)", None),
    ]  # fmt: skip


def test_whoever_reads_anew_what_a_supervisor_wrote_tells_nothing_twice(queue: QueueTable) -> None:
    queue.add()
    (claimed,) = queue.claim()
    queue.start(claimed.execution_id)
    lines: list[dict[str, Any]] = [
        {"supervisor": 9, "start": 10}, {"leader": 11, "at": NOW},
        {"status": "paused", "how": "SIGSTOP", "by": "anna (tui)", "at": NOW + 5},
        {"status": "running", "how": "SIGSTOP", "by": "anna (tui)", "at": NOW + 6},
        {"status": "paused", "how": "SIGSTOP", "by": "anna (tui)", "at": NOW + 7},
    ]  # fmt: skip
    for heard in (lines[:3], lines, lines):
        with queue.transaction() as c:
            reconcile.apply_told(c, "1.1", heard, NOW + 99)
    assert queue.status(1) is Status.PAUSED
    found = [(one.at - NOW, one.what) for one in course(queue.c, 1).noted[1:]]
    assert found == [(5, "paused"), (6, "resumed"), (7, "paused")]


@pytest.mark.parametrize("junk", ["soon", None, [], -1, 1 << 80, 1.5])
def test_a_time_that_is_none_is_when_it_was_heard(queue: QueueTable, junk: Any) -> None:
    queue.add()
    (claimed,) = queue.claim()
    queue.start(claimed.execution_id)
    with queue.transaction() as c:
        reconcile.apply_told(c, "1.1", [{"status": "paused", "how": junk, "by": junk, "at": junk}], NOW + 99)
    assert course(queue.c, 1).noted[-1].at == NOW + 99


def test_a_name_that_is_no_text_is_spelt_out(queue: QueueTable) -> None:
    queue.add()
    with queue.transaction() as c:
        tasks.hold(c, 1, "\udcff", queue.now)
    assert told(queue) == [("held", "\\udcff", None)]


# -- who has it


def test_a_launch_that_never_began_leaves_its_claim_in_the_course(queue: QueueTable) -> None:
    queue.add()
    (first,) = queue.claim()
    with queue.transaction() as c:
        tasks.unclaim(c, first.execution_id, first.launch)
        assert not tasks.unclaim(c, first.execution_id, first.launch)
    assert told(queue) == [
        ("claimed", "ines (tui)", "console 1, pid 812"), ("unclaimed", None, "its launch never began"),
    ]  # fmt: skip


def test_a_claim_that_is_turned_down_stays_in_the_course(queue: QueueTable) -> None:
    queue.add()
    (claimed,) = queue.claim()
    with queue.transaction() as c:
        endings.refuse(c, 1, claimed.execution_id, "the policy changed", Status.REFUSED, None, queue.now)
    assert whole(queue) == ["queued", "claimed", "refused"]


def test_whoever_takes_over_is_told_beside_who_had_it(queue: QueueTable, tmp_path: Path) -> None:
    paths = StatePaths(tmp_path / "others").prepare()
    queue.add()
    queue.claim()
    heirs = []
    for owner in (1, 2):
        queue.advance(1)
        with queue.transaction() as c:
            consoles.sign_off(c, owner, queue.now)
            heirs.append(living_console(c, paths, "all", queue.now))
            consoles.take_over(c, heirs[-1].id, queue.now)
    assert told(queue) == [
        ("claimed", "ines (tui)", "console 1, pid 812"),
        ("taken_over", "tester (api)", "console 2, pid 1"),
        ("taken_over", "tester (api)", "console 3, pid 1"),
    ]
    for heir in heirs:
        heir.release()


# -- longer lives


def test_what_waited_for_another_is_told_when_that_has_succeeded(queue: QueueTable) -> None:
    queue.add()
    queue.add(after=1)
    queue.run_to(Status.COMPLETED)
    assert told(queue, 2) == [("ready", None, "task 1 has succeeded")]


def test_attempts_stand_in_order_and_a_cancel_between_them_is_an_end(queue: QueueTable) -> None:
    queue.add(retries=1)
    queue.run_to(Status.FAILED)
    queue.advance(0.5)
    queue.cancel(1)
    found = [(one.what, one.attempt) for one in course(queue.c, 1).events]
    assert found == [
        ("queued", 1), ("claimed", 1), ("started", 1), ("failed", 1), ("cancel_asked", 2), ("cancelled", 2),
    ]  # fmt: skip


def test_the_course_of_what_is_not_there(queue: QueueTable) -> None:
    with pytest.raises(TaskNotFound):
        course(queue.c, 99)


def test_as_json_it_has_its_time_to_the_microsecond() -> None:
    event = TaskEvent(NOW + 7, "held", 1, "anna (tui)", None)
    assert event.to_json(3) == {
        "task_id": 3, "attempt": 1, "time": "2026-09-21T14:13:20.000007Z", "event": "held", "actor": "anna (tui)",
        "detail": None, "reason": None,
    }  # fmt: skip
    assert What.CLAIMED not in OF_ROWS and What.STARTED in OF_ROWS


def test_what_is_cleaned_up_takes_its_course_along(queue: QueueTable, tmp_path: Path) -> None:
    for task_id in (1, 2):
        queue.add(held=True)
        queue.cancel(task_id)
    paths = StatePaths(tmp_path / "state").prepare()
    with queue.transaction() as c:
        cleanup.clean(c, paths, HistorySettings(keep_days=0, keep_tasks=1, keep_bytes=0), queue.now)
    assert [row[0] for row in queue.c.execute("SELECT DISTINCT task_id FROM task_event")] == [2]


# -- a database from before


def test_an_event_of_an_older_database_has_no_reason(tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for file in sorted(MIGRATIONS.glob("*.sql"))[:6]:
        shutil.copy(file, older)
    with closing(connect(tmp_path / "opsconsole.db")) as c:
        migrate(c, older)
        table = QueueTable(c, NOW)
        table.add()
        c.execute("INSERT INTO task_event (task_id, attempt, at, what, actor) VALUES (1, 1, ?, 'held', 'anna')", (NOW,))
        migrate(c)
        assert [(event.what, event.reason) for event in course(c, 1).events] == [("queued", None), ("held", None)]


def test_a_task_of_an_older_database_has_its_rows_and_says_that_the_rest_is_not_known(tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for file in sorted(MIGRATIONS.glob("*.sql"))[:5]:
        shutil.copy(file, older)
    with closing(connect(tmp_path / "opsconsole.db")) as c:
        migrate(c, older)
        assert c.execute("SELECT count(*) FROM sqlite_master WHERE name = 'task_event'").fetchone()[0] == 0
        table = QueueTable(c, NOW)
        with table.transaction():
            consoles.register(c, StatePaths(tmp_path).prepare(), ORIGIN, "all", pid=4, started=1, boot=BOOT, now=NOW)
        table.add()
        (claimed,) = table.claim()
        table.start(claimed.execution_id)
        migrate(c)
        table.finish(claimed.execution_id, Status.COMPLETED)
        table.add()
        old, new = course(c, 1), course(c, 2)
    assert [event.what for event in old.events] == ["queued", "claimed", "started", "completed"]
    assert (old.complete, new.complete) == (False, True)


# -- two consoles, and one that is killed

STEERING = """
import sys, time
from contextlib import closing
from pathlib import Path
from opsconsole.models import Priority
from opsconsole.settings import QueueSettings
from opsconsole.storage import tasks
from opsconsole.storage.database import open_database
from opsconsole.storage.writer import Writer
path, me = Path(sys.argv[1]), sys.argv[2]
writer = Writer(open_database(path, print), path)
turn = 0
print("ready", flush=True)
sys.stdin.readline()
while True:
    turn += 1
    now, task_id = time.time_ns() // 1000, 1 + turn % 3
    def steer(c):
        task = tasks.get(c, task_id)
        (tasks.release if task.held else tasks.hold)(c, task_id, me, now)
        tasks.set_priority(c, task_id, Priority(turn % 4), QueueSettings(), me, now)
        tasks.pin(c, task_id, not task.pinned, me, now)
    writer.run(steer)
    if turn == 10:
        print("at work", flush=True)
        sys.stdin.readline()
"""


def test_a_console_that_is_killed_leaves_no_change_without_its_event_and_no_event_without_its_change(
    tmp_path: Path,
) -> None:
    path = tmp_path / "opsconsole.db"
    with closing(open_database(path, print)) as c:
        table = QueueTable(c, NOW)
        for _ in range(3):
            table.add()
        running = [_steering(path, name) for name in ("anna", "ines")]
        for console in running:  # one after the other: of two at once, one might not get its turn for long
            assert console.stdin is not None and console.stdout is not None
            assert console.stdout.readline() == b"ready\n"
            _goes_on(console)
            assert console.stdout.readline() == b"at work\n"
        alone = table.count("task_event")
        for console in running:
            _goes_on(console)
        assert processes.wait_until(lambda: table.count("task_event") > alone + 60)
        for console in running:
            console.send_signal(signal.SIGKILL)
            console.communicate()
        for task_id in (1, 2, 3):
            task = table.task(task_id)
            events: list[Any] = c.execute(
                "SELECT what, actor, detail FROM task_event WHERE task_id = ? ORDER BY id", (task_id,)
            ).fetchall()
            assert {event["actor"] for event in events} == {"anna", "ines"}
            turns = [event["what"] for event in events if event["what"] in ("held", "released")]
            assert turns == ["held", "released"] * (len(turns) // 2) + ["held"] * task.held
            pins = [event["what"] for event in events if event["what"] in ("pinned", "unpinned")]
            assert pins == ["pinned", "unpinned"] * (len(pins) // 2) + ["pinned"] * task.pinned
            steps = [event["detail"].split(" → ") for event in events if event["what"] == "priority"]
            assert [step[0] for step in steps] == ["normal", *(step[1] for step in steps[:-1])]
            assert steps[-1][1] == task.priority.name.lower()


def _steering(path: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", STEERING, str(path), name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _goes_on(console: subprocess.Popen[bytes]) -> None:
    assert console.stdin is not None
    console.stdin.write(b"\n")
    console.stdin.flush()


# -- in the order in which it happened


def retried(queue: QueueTable) -> None:
    """An attempt that failed, a pause of two seconds, and the next one, claimed by the turn that made it ready."""
    queue.add(retries=1)
    (claimed,) = queue.claim()
    queue.start(claimed.execution_id)
    queue.advance(1)
    queue.finish(claimed.execution_id, Status.FAILED, code=3)
    queue.c.execute("UPDATE task SET due_at = ?", (queue.now + 2_000_000,))
    queue.advance(2)


def test_a_retry_is_ready_before_it_is_claimed_though_the_claim_s_time_was_taken_first(queue: QueueTable) -> None:
    retried(queue)
    began = queue.now
    queue.advance(0.001)
    queue.queue_due()
    queue.now = began
    queue.claim()
    events = [event for event in course(queue.c, 1).events if event.at >= began]
    assert [(event.what, event.at - began) for event in events] == [("ready", 0), ("claimed", 0)]


def test_the_pause_of_a_retry_is_told_with_how_long_it_was_and_while_it_lasts(queue: QueueTable) -> None:
    retried(queue)
    pause = ("retry_pause", None, "2 s until attempt 2")
    assert told(queue)[-1] == pause
    assert whole(queue)[-2:] == ["failed", "retry_pause"]
    queue.queue_due()
    queue.claim()
    assert [one for one in told(queue) if one[0] == "retry_pause"] == [pause]
    assert whole(queue)[-4:] == ["failed", "retry_pause", "ready", "claimed"]


def test_a_task_that_is_not_tried_again_has_no_pause(queue: QueueTable) -> None:
    queue.add()
    (claimed,) = queue.claim()
    queue.finish(claimed.execution_id, Status.FAILED, code=3)
    assert "retry_pause" not in whole(queue)
