"""Every change is told once, to whoever listens or waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_table import QueueTable, new_task

from opsconsole.errors import TaskNotFound
from opsconsole.events import Event, EventBus, ExecutionFinished, TaskChanged
from opsconsole.execution.announcer import Announcer
from opsconsole.models import Status
from opsconsole.paths import StatePaths
from opsconsole.storage import tasks
from opsconsole.storage.reader import Reader

QUEUED, RUNNING, WAITING = Status.QUEUED, Status.RUNNING, Status.WAITING


class Ear:
    """Hears an announcer that begins now, and says in short what it heard since it was last asked."""

    def __init__(self, queue: QueueTable) -> None:
        self.bus = EventBus()
        self.announcer = Announcer(Reader(queue.c, StatePaths(Path("/nowhere"))), self.bus)
        self._heard: list[Event] = []
        self.bus.subscribe(self._heard.append)

    def look(self) -> list[object]:
        self.announcer.look()
        said = [
            (event.task.id, event.previous, event.task.status) if isinstance(event, TaskChanged)
            else event.result.execution_id if isinstance(event, ExecutionFinished) else event
            for event in self._heard
        ]  # fmt: skip
        self._heard.clear()
        return said


@pytest.fixture
def ear(queue: QueueTable) -> Iterator[Ear]:
    yield Ear(queue)


def test_a_new_task_has_no_previous_status_and_each_step_names_the_one_before(queue: QueueTable, ear: Ear) -> None:
    queue.add()
    assert ear.look() == [(1, None, QUEUED)]
    queue.claim()
    assert ear.look() == [(1, QUEUED, Status.PREPARING)]
    queue.start("1.1")
    assert ear.look() == [(1, Status.PREPARING, RUNNING)]
    queue.finish("1.1", Status.COMPLETED)
    assert ear.look() == [(1, RUNNING, Status.COMPLETED), "1.1"]
    assert ear.look() == []


def test_what_was_there_before_is_not_told_but_its_status_is_known(queue: QueueTable) -> None:
    queue.submit(new_task(), new_task())
    queue.run_to(Status.COMPLETED)
    ear = Ear(queue)
    assert ear.look() == []
    queue.hold(2)
    assert ear.look() == [(2, QUEUED, WAITING)]


def test_a_task_that_came_and_ended_between_two_looks_is_told_with_its_end(queue: QueueTable, ear: Ear) -> None:
    queue.add()
    queue.run_to(Status.FAILED)
    assert ear.look() == [(1, None, Status.FAILED), "1.1"]


def test_every_attempt_is_told_once_however_many_ended_between_two_looks(queue: QueueTable, ear: Ear) -> None:
    queue.add(retries=2)
    ear.look()
    for _ in range(2):
        queue.run_to(Status.FAILED)
        queue.advance(60)
        queue.queue_due()
    assert ear.look() == [(1, QUEUED, QUEUED), "1.1", "1.2"]
    queue.run_to(Status.COMPLETED)
    assert ear.look() == [(1, QUEUED, Status.COMPLETED), "1.3"]


def test_a_cancel_before_the_next_attempt_does_not_tell_the_last_one_again(queue: QueueTable, ear: Ear) -> None:
    queue.add(retries=1)
    queue.run_to(Status.FAILED)
    assert ear.look() == [(1, None, WAITING), "1.1"]
    queue.cancel(1)
    assert ear.look() == [(1, WAITING, Status.CANCELLED)]


def test_a_pin_on_a_task_that_has_ended_does_not_tell_its_end_again(queue: QueueTable, ear: Ear) -> None:
    queue.add()
    queue.run_to(Status.COMPLETED)
    ear.look()
    with queue.transaction() as c:
        tasks.pin(c, 1, True, "tester", 1)
    assert ear.look() == [(1, Status.COMPLETED, Status.COMPLETED)]


def test_tasks_of_one_look_are_all_new_in_whatever_order_they_changed(queue: QueueTable, ear: Ear) -> None:
    first = queue.add()
    second = queue.add()
    queue.cancel(first)
    assert ear.look() == [(second, None, QUEUED), (first, None, Status.CANCELLED)]


def test_more_changes_than_one_read_brings_are_all_told_as_new(queue: QueueTable, ear: Ear) -> None:
    ids = [queue.add() for _ in range(1100)]
    queue.cancel(ids[0])
    heard = ear.look()
    assert sorted(heard) == [(ids[0], None, Status.CANCELLED), *((id, None, QUEUED) for id in ids[1:])]


def test_a_refused_task_never_ran_and_tells_no_end(queue: QueueTable, ear: Ear) -> None:
    queue.add(status=Status.REFUSED)
    assert ear.look() == [(1, None, Status.REFUSED)]


async def test_who_waits_is_woken_by_the_end_and_not_before(queue: QueueTable, ear: Ear) -> None:
    queue.add()
    waiting = asyncio.ensure_future(ear.announcer.ended(1))
    await asyncio.sleep(0)
    queue.claim()
    ear.look()
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.finish("1.1", Status.FAILED)
    ear.look()
    await waiting


async def test_several_may_wait_for_the_same_task_and_one_may_give_up(queue: QueueTable, ear: Ear) -> None:
    queue.add()
    first, second = (asyncio.ensure_future(ear.announcer.ended(1)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    queue.cancel(1)
    ear.look()
    await second


async def test_who_waits_for_what_has_ended_does_not_wait(queue: QueueTable, ear: Ear) -> None:
    queue.add(status=Status.REFUSED)
    await ear.announcer.ended(1)
    with pytest.raises(TaskNotFound):
        await ear.announcer.ended(99)


async def test_closing_leaves_nobody_waiting(queue: QueueTable, ear: Ear) -> None:
    queue.add()
    waiting = asyncio.ensure_future(ear.announcer.ended(1))
    await asyncio.sleep(0)
    ear.announcer.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
