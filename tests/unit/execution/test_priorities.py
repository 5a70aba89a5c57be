"""Which task is claimed next: by priority, then by age; an old LOW is not starved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_table import QueueTable, in_memory, new_task, on_disk

from opsconsole.errors import IllegalTransition, TaskNotFound
from opsconsole.models import Priority, Status
from opsconsole.settings import QueueSettings
from opsconsole.storage import tasks

LOW, NORMAL, HIGH, CRITICAL = Priority


def test_a_higher_priority_is_claimed_first(queue: QueueTable) -> None:
    for priority in (NORMAL, LOW, CRITICAL, HIGH):
        queue.add(priority.name, priority=priority)
    assert queue.claim_names() == ["CRITICAL", "HIGH", "NORMAL", "LOW"]


def test_within_a_priority_the_oldest_is_claimed_first(queue: QueueTable) -> None:
    for name in ("first", "second", "third"):
        queue.add(name)
        queue.advance(1)
    assert queue.claim_names() == ["first", "second", "third"]


def test_tasks_submitted_together_are_claimed_in_the_order_given(queue: QueueTable) -> None:
    queue.submit(*[new_task(name) for name in ("a", "b", "c")])
    assert queue.claim_names() == ["a", "b", "c"]


@pytest.mark.parametrize(("later_s", "first"), [(599.0, "normal"), (601.0, "low")])
def test_a_level_of_priority_is_worth_the_head_start_of_the_setting(
    queue: QueueTable, later_s: float, first: str
) -> None:
    queue.queue = QueueSettings(ageing_s=600)
    queue.add("low", priority=LOW)
    queue.advance(later_s)
    queue.add("normal", priority=NORMAL)
    assert queue.claim_names()[0] == first


def test_low_is_not_starved_by_a_stream_of_critical_ones(queue: QueueTable) -> None:
    queue.queue = QueueSettings(ageing_s=60)
    queue.add("low", priority=LOW)
    claimed: list[str] = []
    for _ in range(40):
        queue.add("critical", priority=CRITICAL)
        queue.advance(10)
        claimed += queue.claim_names(1)
        queue.c.execute("UPDATE execution SET status = 'completed'")
    assert claimed.index("low") == 18, "three levels of 60 s, one claim in 10 s"


@given(st.lists(st.tuples(st.sampled_from(Priority), st.floats(0, 2000)), min_size=2, max_size=8))
def test_the_order_is_that_of_the_age_plus_the_head_start(coming: list[tuple[Priority, float]]) -> None:
    with closing(in_memory()) as c:
        queue = QueueTable(c, 1_790_000_000_000_000, concurrency=100)
        expected = []
        for number, (priority, wait) in enumerate(coming):
            queue.advance(wait)
            queue.add(str(number), priority=priority)
            expected.append((queue.now - priority * 600_000_000, number))
        assert queue.claim_names() == [str(number) for _, number in sorted(expected)]


def test_a_clock_that_was_set_back_lets_no_newcomer_overtake(queue: QueueTable) -> None:
    queue.add("before")
    queue.advance(-3600)
    queue.add("after the jump")
    assert queue.claim_names() == ["before", "after the jump"]


def test_a_change_of_priority_is_as_if_submitted_with_it(queue: QueueTable) -> None:
    raised = queue.add("raised", priority=LOW)
    queue.advance(1)
    queue.add("normal")
    with queue.transaction() as c:
        task = tasks.set_priority(c, raised, HIGH, queue.queue, "tester", 1)
    assert task.priority is HIGH
    assert queue.claim_names() == ["raised", "normal"]


def test_priority_there_and_back_leaves_the_place_in_the_queue(queue: QueueTable) -> None:
    queue.add("a")
    middle = queue.add("b")
    queue.add("c")
    with queue.transaction() as c:
        tasks.set_priority(c, middle, CRITICAL, queue.queue, "tester", 1)
        tasks.set_priority(c, middle, NORMAL, queue.queue, "tester", 1)
    assert queue.claim_names() == ["a", "b", "c"]


def test_the_priority_of_a_running_task_cannot_be_changed(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.claim()
    with pytest.raises(IllegalTransition, match="only while it is queued"):
        tasks.set_priority(queue.c, task_id, HIGH, queue.queue, "tester", 1)
    with pytest.raises(TaskNotFound):
        tasks.set_priority(queue.c, 99, HIGH, queue.queue, "tester", 1)


# -- how many, and by whom


def test_no_more_are_claimed_than_asked_for(queue: QueueTable) -> None:
    queue.submit(*[new_task()] * 5)
    assert len(queue.claim(2)) == 2
    assert queue.claim(0) == []


def test_the_concurrency_limit_is_that_of_all_consoles_together(queue: QueueTable) -> None:
    queue.concurrency = 3
    queue.submit(*[new_task()] * 5)
    assert len(queue.claim(2, console=1)) == 2
    assert len(queue.claim(2, console=2)) == 1
    assert queue.claim(2, console=1) == []


def test_an_end_makes_room_for_the_next(queue: QueueTable) -> None:
    queue.concurrency = 1
    queue.submit(new_task("a"), new_task("b"))
    (first,) = queue.claim()
    assert queue.claim() == []
    queue.finish(first.execution_id, Status.COMPLETED)
    assert queue.claim_names() == ["b"]


def test_a_paused_run_counts_as_running(queue: QueueTable) -> None:
    queue.concurrency = 1
    queue.submit(new_task(), new_task())
    (first,) = queue.claim()
    queue.start(first.execution_id)
    with queue.transaction() as c:
        assert tasks.mark_paused(c, first.execution_id, paused=True, how="SIGSTOP", by=None, at=1)
    assert queue.claim() == []


def test_a_reserved_task_is_only_for_its_console(queue: QueueTable) -> None:
    queue.add("mine", reserved_for=7)
    assert queue.claim(console=8) == []
    assert [claimed.name for claimed in queue.claim(console=7)] == ["mine"]


def test_a_console_that_claims_its_own_leaves_the_others(queue: QueueTable) -> None:
    queue.submit(new_task("anybody's"), new_task("mine", reserved_for=7))
    assert [claimed.name for claimed in queue.claim(console=7, own_only=True)] == ["mine"]


def test_a_claim_carries_what_the_launch_needs(queue: QueueTable) -> None:
    task_id = queue.add("job", body=b"echo hi", environment="key")
    (claimed,) = queue.claim()
    assert (claimed.task_id, claimed.execution_id, claimed.launch) == (task_id, f"{task_id}.1", 1)
    assert (claimed.body, claimed.environment, claimed.interpreter) == (b"echo hi", "key", "bash")
    assert claimed.spec["timeout_s"] == 300.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with closing(on_disk(tmp_path)):
        yield tmp_path


def test_two_consoles_that_claim_at_once_never_get_the_same_task(folder: Path) -> None:
    """Two threads with a connection each, claiming one by one from the same queue until it is empty."""
    with closing(on_disk(folder)) as c:
        QueueTable(c, 1).submit(*[new_task() for _ in range(60)])
    got: dict[int, list[int]] = {1: [], 2: []}
    barrier = threading.Barrier(2)

    def console(number: int) -> None:
        with closing(on_disk(folder)) as c:
            table = QueueTable(c, 1, concurrency=1000, me=number)
            barrier.wait()
            while claimed := table.claim(1):
                got[number].append(claimed[0].task_id)

    threads = [threading.Thread(target=console, args=(number,)) for number in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got[1] + got[2]) == list(range(1, 61))
    with closing(on_disk(folder)) as c:
        owners = c.execute("SELECT console_id, count(*) FROM execution GROUP BY 1").fetchall()
    assert {row[0]: row[1] for row in owners} == {number: len(ids) for number, ids in got.items() if ids}


def test_two_consoles_together_stay_within_the_limit_at_once(folder: Path) -> None:
    with closing(on_disk(folder)) as c:
        QueueTable(c, 1).submit(*[new_task() for _ in range(20)])
    barrier = threading.Barrier(3)
    got: list[int] = []

    def console(number: int) -> None:
        with closing(on_disk(folder)) as c:
            table = QueueTable(c, 1, concurrency=5, me=number)
            barrier.wait()
            got.append(len(table.claim(4)))

    threads = [threading.Thread(target=console, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [0, 1, 4]
