"""What runs again by itself, when, and what does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_table import QueueTable, outcome

from opsconsole.models import Status
from opsconsole.settings import RetrySettings
from opsconsole.storage import endings, tasks


def test_a_failure_is_not_retried_unless_asked_for(queue: QueueTable) -> None:
    queue.add()
    task = queue.run_to(Status.FAILED)
    assert (task.status, task.attempt, task.exit_code) == (Status.FAILED, 1, 1)


def test_a_failure_waits_for_its_next_attempt_and_says_why(queue: QueueTable) -> None:
    queue.add(retries=1)
    task = queue.run_to(Status.FAILED, code=3)
    assert (task.status, task.attempt, task.attempts) == (Status.WAITING, 2, 2)
    assert task.waits_for == "retry"
    assert task.reason == "attempt 1: exit code 3"
    assert task.finished_at is None


def test_the_delay_doubles_up_to_the_longest(queue: QueueTable) -> None:
    queue.retry = RetrySettings(base_s=2, max_s=5, jitter=0)
    task_id = queue.add(retries=3)
    delays = []
    for _ in range(3):
        task = queue.run_to(Status.FAILED)
        delays.append((task.due_at - queue.now) / 1e6)
        queue.now = task.due_at
        queue.queue_due()
    assert delays == [2, 4, 5]
    queue.run_to(Status.FAILED)
    assert queue.status(task_id) is Status.FAILED


@given(st.floats(-1, 1), st.floats(0, 1))
def test_jitter_moves_the_delay_by_at_most_its_share(drawn: float, jitter: float) -> None:
    class Drawn(random.Random):
        def uniform(self, a: float, b: float) -> float:
            assert (a, b) == (-1, 1)
            return drawn

    row = {"spec": "{}", "cancel_requested": 0, "attempt": 1, "attempts": 2}
    failed = outcome("1.1", Status.FAILED, 1)
    delay = endings._retry_delay(row, failed, RetrySettings(base_s=4, max_s=60, jitter=jitter), Drawn())
    assert delay == pytest.approx(4 * (1 + jitter * drawn))


def test_two_tasks_that_fail_together_do_not_come_back_in_step(queue: QueueTable) -> None:
    queue.retry = RetrySettings(base_s=10, max_s=60, jitter=0.5)
    queue.add(retries=1)
    queue.add(retries=1)
    first, second = queue.run_to(Status.FAILED), queue.run_to(Status.FAILED)
    assert first.due_at != second.due_at


def test_the_last_attempt_ends_the_task_with_its_own_result(queue: QueueTable) -> None:
    task_id = queue.add(retries=1)
    queue.run_to(Status.FAILED, code=3)
    queue.advance(1)
    queue.queue_due()
    queue.run_to(Status.FAILED, code=4)
    task = queue.task(task_id)
    assert (task.status, task.exit_code, task.attempt, task.due_at) == (Status.FAILED, 4, 2, None)
    found = queue.c.execute("SELECT id, exit_code FROM execution ORDER BY id").fetchall()
    assert [tuple(row) for row in found] == [(f"{task_id}.1", 3), (f"{task_id}.2", 4)]


def test_success_on_a_later_attempt_completes_the_task(queue: QueueTable) -> None:
    task_id = queue.add(retries=3)
    queue.run_to(Status.FAILED)
    queue.advance(1)
    queue.queue_due()
    queue.run_to(Status.COMPLETED)
    task = queue.task(task_id)
    assert (task.status, task.attempt, task.reason, task.exit_code) == (Status.COMPLETED, 2, None, 0)


@pytest.mark.parametrize("status", [Status.TIMED_OUT, Status.CANCELLED, Status.ABANDONED])
def test_only_failures_are_retried(queue: QueueTable, status: Status) -> None:
    queue.add(retries=3)
    assert queue.run_to(status).status is status


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FAILED])
def test_what_could_not_be_launched_is_not_retried(queue: QueueTable, status: Status) -> None:
    task_id = queue.add(retries=3)
    (claimed,) = queue.claim()
    with queue.transaction() as c:
        endings.refuse(c, claimed.task_id, claimed.execution_id, "policy changed", status, 127, queue.now)
    task = queue.task(task_id)
    assert (task.status, task.reason, task.exit_code) == (status, "policy changed", 127)


def test_what_never_started_is_not_retried(queue: QueueTable) -> None:
    queue.add(retries=3)
    (claimed,) = queue.claim()
    queue.finish(claimed.execution_id, Status.FAILED, started=False)
    assert queue.status(claimed.task_id) is Status.FAILED


# -- which exit codes


@pytest.mark.parametrize(
    ("of_the_task", "of_the_settings", "code", "again"),
    [
        (None, (), 7, True),
        (None, (7, 8), 7, True),
        (None, (7, 8), 9, False),
        ([9], (7, 8), 9, True),
        ([9], (7, 8), 7, False),
        ([], (7, 8), 9, True),
    ],
)
def test_the_list_of_the_task_goes_before_that_of_the_settings_and_an_empty_one_means_all(
    queue: QueueTable, of_the_task: list[int] | None, of_the_settings: tuple[int, ...], code: int, again: bool
) -> None:
    queue.retry = RetrySettings(exit_codes=of_the_settings)
    queue.add(retries=1, retry_exit_codes=of_the_task)
    assert (queue.run_to(Status.FAILED, code=code).status is Status.WAITING) is again


# -- when


def test_a_retry_is_queued_when_it_is_due_and_not_before(queue: QueueTable) -> None:
    queue.add(retries=1)
    due = queue.run_to(Status.FAILED).due_at
    queue.now = due - 1
    assert queue.queue_due() == 0
    queue.now = due
    assert queue.queue_due() == 1
    task = queue.task(1)
    assert (task.status, task.due_at) == (Status.QUEUED, None)


def test_the_next_due_time_is_that_of_the_first_retry(queue: QueueTable) -> None:
    assert tasks.next_due(queue.c) is None
    queue.retry = RetrySettings(base_s=5, max_s=60, jitter=0)
    queue.add(retries=1)
    first = queue.run_to(Status.FAILED).due_at
    queue.advance(1)
    queue.add(retries=1)
    queue.run_to(Status.FAILED)
    assert tasks.next_due(queue.c) == first


def test_a_clock_that_is_set_back_does_not_keep_a_retry_waiting(queue: QueueTable) -> None:
    queue.add(retries=1)
    queue.run_to(Status.FAILED)
    queue.advance(-3600)
    assert queue.queue_due() == 1


def test_a_retry_keeps_its_place_by_the_age_of_its_task(queue: QueueTable) -> None:
    queue.add("old", retries=1)
    queue.run_to(Status.FAILED)
    queue.advance(5)
    queue.add("new")
    queue.queue_due()
    assert queue.claim_names() == ["old", "new"]


def test_a_retry_is_a_new_execution_with_a_launch_of_its_own(queue: QueueTable) -> None:
    task_id = queue.add(retries=1)
    queue.run_to(Status.FAILED)
    queue.advance(1)
    queue.queue_due()
    (claimed,) = queue.claim()
    assert (claimed.execution_id, claimed.launch) == (f"{task_id}.2", 1)


# -- commands during the backoff


def test_cancel_during_the_backoff_ends_the_task_now(queue: QueueTable) -> None:
    task_id = queue.add(retries=1)
    queue.run_to(Status.FAILED)
    task = queue.cancel(task_id)
    assert (task.status, task.due_at, task.finished_at) == (Status.CANCELLED, None, queue.now)
    queue.advance(3600)
    assert queue.queue_due() == 0


def test_a_failure_after_a_cancel_was_asked_for_is_not_retried(queue: QueueTable) -> None:
    task_id = queue.add(retries=3)
    (claimed,) = queue.claim()
    queue.start(claimed.execution_id)
    assert queue.cancel(task_id).cancel_requested
    queue.finish(claimed.execution_id, Status.FAILED)
    assert queue.status(task_id) is Status.FAILED


def test_a_held_retry_waits_past_its_time_and_comes_at_once_when_released(queue: QueueTable) -> None:
    task_id = queue.add(retries=1)
    queue.run_to(Status.FAILED)
    queue.hold(task_id)
    queue.advance(60)
    assert queue.queue_due() == 0
    assert tasks.next_due(queue.c) is None
    queue.release(task_id)
    assert queue.queue_due() == 1


# -- abandoned


def test_an_abandoned_run_goes_again_only_if_it_was_declared_idempotent(queue: QueueTable) -> None:
    queue.add(idempotent=True)
    assert queue.run_to(Status.ABANDONED).status is Status.WAITING


def test_an_idempotent_task_is_run_four_times_at_the_most(queue: QueueTable) -> None:
    task_id = queue.add(idempotent=True)
    for attempt in (2, 3, 4):
        task = queue.run_to(Status.ABANDONED)
        assert (task.status, task.attempt, task.attempts) == (Status.WAITING, attempt, attempt)
        queue.advance(60)
        queue.queue_due()
    queue.run_to(Status.ABANDONED)
    assert queue.status(task_id) is Status.ABANDONED


def test_an_idempotent_task_that_fails_has_no_more_attempts_than_it_asked_for(queue: QueueTable) -> None:
    task_id = queue.add(idempotent=True)
    queue.run_to(Status.ABANDONED)
    queue.advance(60)
    queue.queue_due()
    queue.run_to(Status.FAILED)
    assert queue.status(task_id) is Status.FAILED
