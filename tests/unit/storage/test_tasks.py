"""The queue's rows: what comes in, what waits for what, what commands do; on the real schema."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from queue_table import BOOT, ORIGIN, QueueTable, living_console, new_task, on_disk, outcome

from opsconsole.errors import IllegalTransition, QueueFull, SpecError, TaskNotFound
from opsconsole.models import Origin, Priority, Status
from opsconsole.paths import StatePaths
from opsconsole.settings import QueueSettings
from opsconsole.storage import consoles, endings, tasks

# -- coming in


def test_a_task_is_stored_as_given(queue: QueueTable) -> None:
    origin = Origin("host-a", "tui", "jo", "192.0.2.7")
    task_id = queue.add(
        "backup", priority=Priority.HIGH, policy="elevated", interpreter="python", retries=2, origin=origin,
        parent_id=5, parent_kind="retry", labels={"team": "db", "ü": "✓"},
    )  # fmt: skip
    task = queue.task(task_id)
    assert (task.name, task.priority, task.policy, task.interpreter) == ("backup", Priority.HIGH, "elevated", "python")
    assert (task.attempt, task.attempts, task.queued_at) == (1, 3, queue.now)
    assert (task.host, task.door, task.actor, task.ssh_client) == ("host-a", "tui", "jo", "192.0.2.7")
    assert (task.parent_id, task.parent_kind, task.labels) == (5, "retry", {"team": "db", "ü": "✓"})
    assert task.script_sha256 == "b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b"
    assert not (task.held or task.pinned or task.cancel_requested)


def test_a_refused_task_is_a_row_that_has_ended(queue: QueueTable) -> None:
    task = queue.task(queue.add(status=Status.REFUSED, reason="policy safe"))
    assert (task.status, task.reason, task.finished_at) == (Status.REFUSED, "policy safe", queue.now)
    assert queue.c.execute("SELECT environment FROM task").fetchone()[0] is None
    assert queue.claim() == []


def test_the_same_script_is_stored_once_per_name(queue: QueueTable) -> None:
    queue.submit(new_task("a"), new_task("a"), new_task("b"))
    queue.add("a")
    assert queue.count("script") == 2


def test_names_and_reasons_that_are_no_utf8_are_stored_spelt_out(queue: QueueTable) -> None:
    name = os.fsdecode(b"caf\xe9.sh")
    task = queue.task(queue.add(name, status=Status.REFUSED, reason=f"{name} is odd"))
    assert (task.name, task.reason) == (r"caf\udce9.sh", r"caf\udce9.sh is odd")


def test_a_reason_that_is_no_utf8_does_not_keep_a_run_open(queue: QueueTable) -> None:
    task_id = queue.add()
    (claimed,) = queue.claim()
    odd = replace(outcome(claimed.execution_id, Status.ABANDONED, queue.now), reason=os.fsdecode(b"no \xe9"))
    with queue.transaction() as c:
        endings.finish(c, [odd], queue.now, queue.retry, queue.luck)
    assert queue.task(task_id).reason == r"no \udce9"


# -- capacity


def test_a_full_queue_says_so_and_what_to_do(queue: QueueTable) -> None:
    queue.queue = QueueSettings(capacity=2)
    queue.submit(new_task(), new_task())
    with pytest.raises(QueueFull, match=r"2 of 2 .*queue\.capacity"):
        queue.add()


def test_a_batch_that_does_not_fit_is_not_stored_in_part(queue: QueueTable) -> None:
    queue.queue = QueueSettings(capacity=2)
    queue.add()
    with pytest.raises(QueueFull):
        queue.submit(new_task(body=b"one"), new_task(body=b"two"))
    assert (queue.count(), queue.count("script")) == (1, 1)


def test_running_and_waiting_tasks_fill_the_queue_ended_and_refused_ones_do_not(queue: QueueTable) -> None:
    queue.queue = QueueSettings(capacity=2)
    queue.add(held=True)
    queue.add()
    queue.claim()
    with pytest.raises(QueueFull):
        queue.add()
    queue.add(status=Status.REFUSED)
    queue.finish("2.1", Status.COMPLETED)
    queue.add()


# -- after


def test_a_task_after_an_open_one_waits_and_is_not_claimed(queue: QueueTable) -> None:
    first = queue.add("first")
    task = queue.task(queue.add("second", after=first))
    assert (task.status, task.waits_for) == (Status.WAITING, f"after {first}")
    assert queue.claim_names() == ["first"]


def test_success_queues_what_waited_for_it(queue: QueueTable) -> None:
    second = queue.add("second", after=queue.add("first"))
    queue.run_to(Status.COMPLETED)
    assert queue.status(second) is Status.QUEUED


def test_a_task_after_one_that_succeeded_is_queued_at_once(queue: QueueTable) -> None:
    first = queue.add()
    queue.run_to(Status.COMPLETED)
    assert queue.status(queue.add(after=first)) is Status.QUEUED


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMED_OUT, Status.CANCELLED, Status.ABANDONED])
def test_what_waits_for_a_task_that_does_not_succeed_is_cancelled_down_the_whole_chain(
    queue: QueueTable, status: Status
) -> None:
    first = queue.add()
    second = queue.add(after=first)
    third, aside = queue.add(after=second), queue.add(after=second, held=True)
    queue.run_to(status)
    for task_id, because in ((second, first), (third, second), (aside, second)):
        task = queue.task(task_id)
        assert task.status is Status.CANCELLED
        assert task.reason.startswith(f"task {because} did not succeed")
        assert task.finished_at == queue.now


def test_every_task_that_changed_is_told_to_the_caller(queue: QueueTable) -> None:
    first = queue.add()
    second = queue.add(after=first)
    third = queue.add(after=second)
    (claimed,) = queue.claim()
    assert queue.finish(claimed.execution_id, Status.FAILED) == [first, second, third]


def test_a_retry_keeps_the_chain_waiting(queue: QueueTable) -> None:
    second = queue.add(after=queue.add(retries=1))
    queue.run_to(Status.FAILED)
    assert queue.status(second) is Status.WAITING


def test_a_cancelled_task_takes_the_chain_with_it(queue: QueueTable) -> None:
    first = queue.add()
    second = queue.add(after=first)
    queue.cancel(first)
    assert queue.status(second) is Status.CANCELLED


def test_a_task_that_could_not_be_launched_takes_the_chain_with_it(queue: QueueTable) -> None:
    second = queue.add(after=queue.add())
    (claimed,) = queue.claim()
    with queue.transaction() as c:
        changed = endings.refuse(c, claimed.task_id, claimed.execution_id, "no", Status.REFUSED, None, queue.now)
    assert changed == [claimed.task_id, second]
    assert queue.status(second) is Status.CANCELLED
    assert queue.count("execution") == 0


def test_a_dependency_that_does_not_exist_or_failed_is_an_error_and_nothing_is_stored(queue: QueueTable) -> None:
    queue.add()
    queue.run_to(Status.FAILED)
    with pytest.raises(TaskNotFound, match="no task 99"):
        queue.submit(new_task(), new_task(after=99))
    with pytest.raises(SpecError, match="ended as failed"):
        queue.submit(new_task(), new_task(after=1))
    assert queue.count() == 1


def test_a_task_that_was_held_while_its_dependency_ended_is_queued_on_release(queue: QueueTable) -> None:
    second = queue.add(after=queue.add(), held=True)
    queue.run_to(Status.COMPLETED)
    assert queue.status(second) is Status.WAITING
    assert queue.release(second).status is Status.QUEUED


def test_a_released_task_goes_on_waiting_for_its_dependency(queue: QueueTable) -> None:
    second = queue.add(after=queue.add(), held=True)
    task = queue.release(second)
    assert (task.status, task.waits_for) == (Status.WAITING, "after 1")


# -- commands


def test_hold_keeps_a_queued_task_from_being_claimed_until_released(queue: QueueTable) -> None:
    task_id = queue.add()
    assert queue.hold(task_id).waits_for == "held"
    assert queue.claim() == []
    queue.release(task_id)
    assert len(queue.claim()) == 1


def test_a_running_task_cannot_be_held_and_one_that_is_not_held_not_released(queue: QueueTable) -> None:
    task_id = queue.add()
    with pytest.raises(IllegalTransition, match="not held"):
        queue.release(task_id)
    queue.claim()
    with pytest.raises(IllegalTransition, match="only a queued or waiting one"):
        queue.hold(task_id)


def test_cancel_of_a_queued_task_ends_it_now_and_says_by_whom(queue: QueueTable) -> None:
    task = queue.cancel(queue.add())
    assert (task.status, task.reason, task.finished_at) == (Status.CANCELLED, "cancelled by tester", queue.now)
    assert queue.claim() == []


def test_cancel_of_a_running_task_marks_it_and_leaves_the_end_to_its_supervisor(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.claim()
    task = queue.cancel(task_id)
    assert (task.status, task.cancel_requested, task.finished_at) == (Status.PREPARING, True, None)


def test_what_has_ended_cannot_be_cancelled(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.run_to(Status.COMPLETED)
    with pytest.raises(IllegalTransition, match="already ended: completed"):
        queue.cancel(task_id)


@pytest.mark.parametrize("command", ["cancel", "hold", "release"])
def test_a_command_to_a_task_that_does_not_exist_says_so(queue: QueueTable, command: str) -> None:
    with pytest.raises(TaskNotFound, match="no task 99"):
        getattr(queue, command)(99)


def test_pin_and_unpin(queue: QueueTable) -> None:
    task_id = queue.add()
    with queue.transaction() as c:
        assert tasks.pin(c, task_id, True, "tester", 1).pinned
        assert not tasks.pin(c, task_id, False, "tester", 1).pinned
    with pytest.raises(TaskNotFound):
        tasks.pin(queue.c, 99, True, "tester", 1)


def test_every_change_raises_the_revision_of_exactly_its_row(queue: QueueTable) -> None:
    still, moved = queue.add(), queue.add()
    before = queue.task(still).rev
    last = queue.task(moved).rev
    for change in (queue.hold, queue.release, queue.cancel):
        change(moved)
        assert queue.task(moved).rev > last
        last = queue.task(moved).rev
    assert queue.task(still).rev == before


# -- a launch


def test_the_start_is_recorded_once_with_who_leads_and_who_supervises(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.claim()
    assert queue.start(f"{task_id}.1")
    row = queue.c.execute("SELECT supervisor_pid, supervisor_start, leader_pid, leader_start FROM execution").fetchone()
    assert tuple(row) == (9, 10, 11, 12)
    assert (queue.status(task_id), queue.task(task_id).started_at) == (Status.RUNNING, queue.now)
    assert not queue.start(f"{task_id}.1")


def test_pause_and_resume_show_in_the_row_with_the_mechanism(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.claim()
    queue.start(f"{task_id}.1")
    with queue.transaction() as c:
        assert tasks.mark_paused(c, f"{task_id}.1", paused=True, how="cgroup.freeze", by=None, at=1)
        assert not tasks.mark_paused(c, f"{task_id}.1", paused=True, how="again", by=None, at=1)
    assert (queue.status(task_id), queue.task(task_id).reason) == (Status.PAUSED, "cgroup.freeze")
    with queue.transaction() as c:
        assert tasks.mark_paused(c, f"{task_id}.1", paused=False, how="", by=None, at=1)
    assert (queue.status(task_id), queue.task(task_id).reason) == (Status.RUNNING, None)


def test_the_first_end_stays(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.claim()
    assert queue.finish(f"{task_id}.1", Status.COMPLETED) == [task_id]
    assert queue.finish(f"{task_id}.1", Status.ABANDONED) == []
    assert queue.status(task_id) is Status.COMPLETED


def test_an_end_that_was_seen_before_the_start_brings_the_start_along(queue: QueueTable) -> None:
    task_id = queue.add()
    queue.claim()
    queue.finish(f"{task_id}.1", Status.COMPLETED)
    assert queue.task(task_id).started_at == queue.now
    assert not queue.start(f"{task_id}.1")


def test_a_launch_that_never_started_is_queued_again_under_the_next_number(queue: QueueTable) -> None:
    queue.add()
    (first,) = queue.claim()
    with queue.transaction() as c:
        assert tasks.unclaim(c, first.execution_id, first.launch)
        assert not tasks.unclaim(c, first.execution_id, first.launch)
    (second,) = queue.claim()
    assert (second.execution_id, second.launch) == (first.execution_id, first.launch + 1)
    assert tasks.launch_of(queue.c, second.execution_id) == second.launch


def test_the_number_of_a_launch_that_is_not_there_is_an_error(queue: QueueTable) -> None:
    with pytest.raises(TaskNotFound, match=r"no execution 1\.1"):
        tasks.launch_of(queue.c, "1.1")


def test_a_late_word_about_an_older_launch_does_not_unclaim_the_newer(queue: QueueTable) -> None:
    queue.add()
    (first,) = queue.claim()
    with queue.transaction() as c:
        tasks.unclaim(c, first.execution_id, first.launch)
    queue.claim()
    with queue.transaction() as c:
        assert not tasks.unclaim(c, first.execution_id, first.launch)
    assert queue.status(first.task_id) is Status.PREPARING


def test_a_launch_that_was_cancelled_and_never_started_is_cancelled_with_its_chain(queue: QueueTable) -> None:
    first = queue.add()
    second = queue.add(after=first)
    (claimed,) = queue.claim()
    queue.cancel(first)
    with queue.transaction() as c:
        tasks.unclaim(c, claimed.execution_id, claimed.launch)
    assert (queue.status(first), queue.status(second)) == (Status.CANCELLED, Status.CANCELLED)


def test_the_environment_is_forgotten_with_the_end_and_only_then(queue: QueueTable) -> None:
    queue.add(environment="secret", retries=1)

    def environment() -> str | None:
        return queue.c.execute("SELECT environment FROM task").fetchone()[0]

    queue.run_to(Status.FAILED)
    assert environment() == "secret"
    queue.advance(60)
    queue.queue_due()
    queue.run_to(Status.FAILED)
    assert environment() is None


def test_the_report_of_the_supervisor_is_kept_word_for_word(queue: QueueTable) -> None:
    queue.add()
    queue.run_to(Status.COMPLETED)
    assert json.loads(queue.c.execute("SELECT result FROM execution").fetchone()[0]) == {"kill": "none"}


# -- consoles


class House:
    """A state directory with consoles that come, go and die."""

    def __init__(self, folder: Path, table: QueueTable) -> None:
        self.paths = StatePaths(folder).prepare()
        self.table = table
        self._open: list[consoles.Registration] = []

    def comes(self, claims: str = "all") -> consoles.Registration:
        with self.table.transaction() as c:
            registration = living_console(c, self.paths, claims, self.table.now)
        self._open.append(registration)
        return registration

    def dies(self, registration: consoles.Registration) -> None:
        self._open.remove(registration)
        os.close(registration._fd)

    def leaves(self, registration: consoles.Registration) -> None:
        with self.table.transaction() as c:
            consoles.sign_off(c, registration.id, self.table.now)
        self._open.remove(registration)
        registration.release()

    def buries(self) -> list[int]:
        with self.table.transaction() as c:
            dead = consoles.dead(c, self.paths)
            consoles.bury(c, self.paths, dead, self.table.now)
        return dead

    def close(self) -> None:
        for registration in self._open:
            registration.release()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(on_disk(tmp_path / "state")) as c:
        house = House(tmp_path / "state", QueueTable(c, 1_790_000_000_000_000))
        yield house
        house.close()


def test_a_console_is_alive_as_long_as_it_holds_its_lock(house: House) -> None:
    registration = house.comes()
    assert consoles.is_alive(house.paths, registration.id)
    assert [info.id for info in consoles.living(house.table.c, house.paths)] == [registration.id]
    house.dies(registration)
    assert not consoles.is_alive(house.paths, registration.id)
    assert consoles.living(house.table.c, house.paths) == []
    assert house.buries() == [registration.id]
    assert house.buries() == []


def test_a_console_that_signed_off_is_not_among_the_dead(house: House) -> None:
    house.leaves(house.comes())
    assert house.buries() == []
    assert list(house.paths.consoles.iterdir()) == []


def test_a_dead_console_s_runs_get_exactly_one_new_owner(house: House) -> None:
    first = house.comes()
    task_id = house.table.add()
    house.table.claim(console=first.id)
    house.dies(first)
    house.buries()
    heir, late = house.comes(), house.comes()
    with house.table.transaction() as c:
        assert consoles.take_over(c, heir.id, 1) == [(f"{task_id}.1", 1, BOOT)]
        assert consoles.take_over(c, late.id, 1) == []
    assert house.table.task(task_id).console_id == heir.id


def test_a_living_console_s_runs_are_not_taken(house: House) -> None:
    owner, other = house.comes(), house.comes()
    house.table.add()
    house.table.claim(console=owner.id)
    with house.table.transaction() as c:
        assert consoles.take_over(c, other.id, 1) == []


@pytest.mark.parametrize("goes", ["leaves", "dies"])
def test_what_was_reserved_for_a_console_is_anybody_s_when_it_goes(house: House, goes: str) -> None:
    owner, other = house.comes("own"), house.comes()
    house.table.add(reserved_for=owner.id)
    getattr(house, goes)(owner)
    house.buries()
    assert len(house.table.claim(console=other.id)) == 1


@pytest.mark.parametrize("how", ["retry", "unclaim"])
def test_what_ran_for_a_console_that_went_is_anybody_s_when_it_runs_again(house: House, how: str) -> None:
    """Found by the property test: a reservation that outlived its console kept the next attempt queued for ever."""
    owner, other = house.comes("own"), house.comes()
    house.table.add(reserved_for=owner.id, retries=1)
    (claimed,) = house.table.claim(console=owner.id, own_only=True)
    house.leaves(owner)
    if how == "retry":
        house.table.finish(claimed.execution_id, Status.FAILED)
        house.table.advance(60)
        house.table.queue_due()
    else:
        with house.table.transaction() as c:
            tasks.unclaim(c, claimed.execution_id, claimed.launch)
    assert len(house.table.claim(console=other.id)) == 1


def test_only_a_console_that_claims_everything_counts_as_one_that_claims(house: House) -> None:
    house.comes("own")
    house.comes("none")
    assert not consoles.anybody_claims(house.table.c, house.paths)
    house.dies(house.comes("all"))
    assert not consoles.anybody_claims(house.table.c, house.paths)
    house.comes("all")
    assert consoles.anybody_claims(house.table.c, house.paths)


def test_a_worker_leaves_only_when_nothing_is_left_for_it(house: House) -> None:
    worker = house.comes()
    table = house.table

    def may_leave() -> bool:
        with table.transaction() as c:
            return consoles.stop_claiming_if_drained(c, worker.id)

    table.add(retries=1)
    assert not may_leave(), "queued"
    (claimed,) = table.claim(console=worker.id)
    assert not may_leave(), "running"
    table.finish(claimed.execution_id, Status.FAILED)
    assert not may_leave(), "a retry is due"
    table.advance(60)
    table.queue_due()
    table.hold(claimed.task_id)
    assert may_leave(), "what is held is nobody's work"
    assert not consoles.anybody_claims(table.c, house.paths), "in the same step it claims no more"


def test_a_worker_does_not_wait_for_what_only_others_may_claim(house: House) -> None:
    worker, other = house.comes(), house.comes("own")
    house.table.add(reserved_for=other.id)
    with house.table.transaction() as c:
        assert consoles.stop_claiming_if_drained(c, worker.id)


def test_a_console_is_recorded_with_who_and_where_from(house: House) -> None:
    registration = house.comes("own")
    (info,) = consoles.living(house.table.c, house.paths)
    assert (info.id, info.door, info.actor, info.claims) == (registration.id, ORIGIN.door, ORIGIN.actor, "own")
