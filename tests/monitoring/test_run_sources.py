"""Runs that fail, take unusually long, or do nothing: from a real queue database and real run folders."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from opsconsole.anomalies import Change, Severity
from opsconsole.monitoring.detection import run_facts
from opsconsole.monitoring.detection.run_facts import RunFacts, Usual
from opsconsole.monitoring.detection.run_sources import (
    EVERY_S,
    OVERALL,
    ReadingFacts,
    RunSource,
    limit_s,
    times_longer,
    times_quicker,
)
from opsconsole.samples import RunUsage
from tests.monitoring.queue_rows import Queue, fill
from tests.monitoring.watched import START_US, Host
from tests.unit.queue_table import on_disk

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path)


@pytest.fixture
def host(queue: Queue) -> Host:
    return watch(queue)


def watch(queue: Queue) -> Host:
    return Host(
        lambda _, book: RunSource(queue.facts, queue.clock, book.following, start=lambda work: work()),
        clock=queue.clock,
    )


def usage(execution_id: str, cpu_s: float | None = 1.0, **given: Any) -> RunUsage:
    return RunUsage(execution_id, START_US, None, 1 << 20, 1 << 20, 1, 1, cpu_time_s=cpu_s, **given)


def changes(host: Host, seconds: float, *, step: float = 15.0, runs: list[RunUsage] | None = None) -> list[Change]:
    return [t.change for _ in range(int(seconds / step)) for t in host.tick(seconds=step, runs=runs or [])]


class TestFailures:
    def test_a_script_that_fails_often_is_told_and_over_when_it_works_again(self, queue: Queue, host: Host) -> None:
        for status in ("completed", "failed", "timed_out", "completed", "completed"):
            last = queue.ended("backup", status, ago_s=600)
        assert changes(host, 30) == [Change.OPENED]
        (found,) = host.open()
        assert (found.kind, found.subject, found.value) == ("run_failure_rate", "backup", 40.0)
        assert found.details == {"failed": 2, "of": 5, "last_failed_task": last - 2}
        for _ in range(8):
            queue.ended("backup")
        assert changes(host, 30) == [Change.CLOSED]

    def test_four_runs_say_nothing(self, queue: Queue, host: Host) -> None:
        for _ in range(4):
            queue.ended("backup", "failed")
        assert changes(host, 60) == []

    def test_cancelled_and_refused_runs_are_neither_good_nor_bad(self, queue: Queue, host: Host) -> None:
        for _ in range(20):
            queue.ended("a", "cancelled")
            queue.ended("b", "refused")
        for _ in range(5):
            queue.ended("a")
            queue.ended("b", "failed")
        assert changes(host, 30) == [Change.OPENED]
        (found,) = host.open()
        assert (found.subject, found.value) == ("b", 100.0)

    def test_what_ended_before_the_last_hour_does_not_count(self, queue: Queue, host: Host) -> None:
        for _ in range(20):
            queue.ended("backup", "failed", ago_s=1.5 * HOUR)
        for _ in range(5):
            queue.ended("backup")
        assert changes(host, 60) == []

    def test_an_episode_outlasts_the_hour_that_nothing_ran_and_ends_after_a_day(self, queue: Queue, host: Host) -> None:
        for _ in range(6):
            queue.ended("backup", "failed")
        assert changes(host, 30) == [Change.OPENED]
        assert changes(host, 23 * HOUR, step=300) == []
        assert changes(host, 2 * HOUR, step=300) == [Change.CLOSED]

    def test_over_few_runs_later_on_it_closes_when_they_are_good(self, queue: Queue, host: Host) -> None:
        for _ in range(6):
            queue.ended("backup", "failed")
        changes(host, 30)
        changes(host, 2 * HOUR, step=300)
        for _ in range(4):
            queue.ended("backup")
        assert changes(host, 60) == [Change.CLOSED]  # 1 of the last 5

    def test_several_failing_scripts_are_told_together_too(self, queue: Queue, host: Host) -> None:
        for name in ("a", "b", "c"):
            for _ in range(3):
                queue.ended(name, "abandoned")
        changes(host, 30)
        (found,) = host.open()
        assert (found.subject, found.severity) == (OVERALL, Severity.HIGH)
        assert found.details == {"failed": 9, "of": 9, "scripts": 3}

    def test_one_failing_script_is_told_once(self, queue: Queue, host: Host) -> None:
        for _ in range(20):
            queue.ended("a", "failed")
        changes(host, 30)
        assert [one.subject for one in host.open()] == ["a"]


class TestDurations:
    def history(self, queue: Queue, *took_s: float) -> None:
        for seconds in took_s:
            queue.ended("sync", took_s=seconds, ago_s=2 * HOUR)

    def test_a_run_that_takes_far_longer_is_told_while_it_runs(self, queue: Queue, host: Host) -> None:
        self.history(queue, 55, 60, 62, 58, 61, 60)
        execution_id = queue.begin("sync")
        assert changes(host, 135) == []
        assert changes(host, 15) == [Change.OPENED]
        (found,) = host.open()
        assert (found.kind, found.subject) == ("run_unusual_duration", "sync")
        assert f"{execution_id} has run for" in found.message
        queue.end(execution_id)
        assert changes(host, 150) == [Change.CLOSED]

    def test_one_that_ended_between_two_questions_is_told(self, queue: Queue, host: Host) -> None:
        self.history(queue, 20, 20, 21, 19, 20)
        host.tick()
        queue.ended("sync", took_s=300.0)
        assert Change.OPENED in changes(host, 30)

    def test_a_script_that_varies_must_vary_more(self, queue: Queue, host: Host) -> None:
        self.history(queue, 60, 10, 200, 120, 40, 150, 90)
        queue.begin("sync")
        assert changes(host, 300) == []

    @pytest.mark.parametrize("count", [0, 4])
    def test_without_enough_successes_nothing_is_unusual(self, queue: Queue, host: Host, count: int) -> None:
        self.history(queue, *[10.0] * count)
        for _ in range(10):
            queue.ended("sync", "failed", took_s=10.0, ago_s=2 * HOUR)
        queue.begin("sync")
        assert changes(host, 30 * MINUTE) == []

    def test_another_text_under_the_same_name_is_another_script(self, queue: Queue, host: Host) -> None:
        self.history(queue, *[10.0] * 8)
        queue.begin("sync", body="something else")
        assert changes(host, 30 * MINUTE) == []

    def test_half_a_minute_is_never_long(self, queue: Queue, host: Host) -> None:
        self.history(queue, *[0.1] * 8)
        queue.begin("sync")
        assert changes(host, 29, step=1.0) == []

    def test_a_paused_run_is_not_slow(self, queue: Queue, host: Host) -> None:
        self.history(queue, *[60.0] * 8)
        execution_id = queue.begin("sync")
        queue.c.execute("UPDATE execution SET status = 'paused' WHERE id = ?", (execution_id,))
        assert changes(host, 30 * MINUTE) == []

    def test_an_episode_from_before_a_restart_ends_when_its_run_has(self, queue: Queue, host: Host) -> None:
        self.history(queue, *[60.0] * 8)
        execution_id = queue.begin("sync")
        changes(host, 300)
        queue.end(execution_id)
        queue.clock.advance(600)
        again = watch(queue)
        again.book.restore(host.open(), queue.clock.now_us, queue.clock.at_s)
        assert changes(again, 30) == [Change.CLOSED]

    def test_limits(self) -> None:
        steady, varied, short = Usual(20, 60, 1, 55), Usual(20, 60, 20, 10), Usual(20, 1, 0, 1)
        assert (limit_s(steady), round(limit_s(varied)), limit_s(short)) == (120, 208, 30)
        assert times_longer(180, steady) == 3.0
        assert times_longer(180, varied) == 1.0
        assert times_longer(30, steady) == 0.5
        assert times_quicker(5, steady) == 12.0
        assert times_quicker(30, steady) == 1.0  # twice as quick is nothing
        assert times_quicker(8, varied) == 1.0  # it was about as quick before
        assert times_quicker(0.001, short) == 1.0  # of what is quick anyway, nothing is


class TestStuck:
    def test_a_run_that_does_nothing_is_told_and_gone_with_its_run(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        still = [usage(execution_id)]
        assert changes(host, 590, runs=still) == []
        assert changes(host, 60, runs=still) == [Change.OPENED]
        (found,) = host.open()
        assert (found.kind, found.subject, found.severity) == ("run_stuck", execution_id, Severity.MEDIUM)
        assert found.details == {"execution_id": execution_id, "task_id": int(execution_id[:-2]), "name": "etl"}
        assert "etl" in found.message
        assert changes(host, 3000, runs=still) == [Change.CHANGED]
        queue.end(execution_id)
        assert changes(host, 30) == [Change.CLOSED]

    @pytest.mark.parametrize("file", ["stdout", "stderr", "report.ndjson"])
    def test_writing_is_a_sign_of_life(self, queue: Queue, host: Host, file: str) -> None:
        execution_id = queue.begin("etl")
        for _ in range(6):
            assert changes(host, 300, runs=[usage(execution_id)]) == []
            queue.write(execution_id, file, b".")

    def test_a_sign_of_life_ends_it(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        changes(host, 900, runs=[usage(execution_id)])
        assert host.open()
        queue.write(execution_id, "stdout", b"done at last\n")
        assert changes(host, 30, runs=[usage(execution_id)]) == [Change.CLOSED]

    def test_using_the_cpu_is_a_sign_of_life(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        found = [c for n in range(200) for c in changes(host, 15, runs=[usage(execution_id, n * 15 * 0.02)])]
        assert found == []

    def test_looking_at_a_clock_is_not(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        found = [c for n in range(60) for c in changes(host, 15, runs=[usage(execution_id, n * 15 * 0.0005)])]
        assert found == [Change.OPENED]

    def test_reading_and_writing_is(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        found = []
        for n in range(100):
            found += changes(host, 15, runs=[usage(execution_id, 1.0, read_bytes=n << 20, write_bytes=0)])
        assert found == []

    def test_what_nobody_measured_is_not_known_to_be_stuck(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        assert changes(host, 3000) == []
        assert changes(host, 900, runs=[usage(execution_id, None)]) == []

    def test_a_paused_run_is_not_stuck(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        queue.c.execute("UPDATE execution SET status = 'paused' WHERE id = ?", (execution_id,))
        assert changes(host, 3000, runs=[usage(execution_id)]) == []

    def test_it_goes_on_after_a_restart(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        changes(host, 900, runs=[usage(execution_id)])
        again = watch(queue)
        again.book.restore(host.open(), queue.clock.now_us, queue.clock.at_s)
        assert Change.CLOSED not in changes(again, 600, runs=[usage(execution_id)])
        assert [one.subject for one in again.open()] == [execution_id]

    @pytest.mark.parametrize(
        ("moved_s", "gap"),
        [
            (2 * HOUR, {"gap": "clock", "clock_jump_s": 2 * HOUR}),
            (-2 * HOUR, {"gap": "clock", "clock_jump_s": -2 * HOUR}),
            (8 * HOUR, {"gap": "suspend", "interval_s": None}),
            (8 * HOUR, {"gap": "suspend", "interval_s": None, "clock_jump_s": HOUR}),
        ],
    )
    def test_neither_a_clock_that_was_set_nor_a_night_in_suspend_makes_a_run_stuck_or_long(
        self, queue: Queue, host: Host, moved_s: float, gap: dict[str, Any]
    ) -> None:
        for _ in range(6):
            queue.ended("etl", took_s=800.0, ago_s=2 * HOUR)
        execution_id, busy = queue.begin("etl"), 0.0
        found = []
        for number in range(80):
            if number == 40:
                queue.clock.now_us += int(moved_s * 1e6)
                late = queue.begin("etl")  # and nothing is odd with one that has just begun
            busy += 7.5
            runs = [usage(execution_id, busy)] + ([usage(late, busy)] if number >= 40 else [])
            found += host.tick(seconds=15.0, runs=runs, **(gap if number == 40 else {}))
        assert [t.anomaly.message for t in found] == []

    def test_what_began_while_the_clock_was_set_is_not_old(self, queue: Queue, host: Host) -> None:
        for _ in range(6):
            queue.ended("etl", took_s=60.0, ago_s=2 * HOUR)
        changes(host, 60)
        queue.begin("etl")
        queue.clock.now_us += int(2 * HOUR * 1e6)
        assert host.tick(seconds=15.0, gap="clock", clock_jump_s=2 * HOUR) == []
        assert changes(host, 120, step=15.0) == [Change.OPENED]  # with the time it really takes

    def test_time_in_which_nobody_looked_is_not_stillness(self, queue: Queue, host: Host) -> None:
        execution_id = queue.begin("etl")
        still = [usage(execution_id)]
        changes(host, 360, runs=still)
        assert host.tick(seconds=2 * HOUR, runs=still, gap="late", interval_s=None) == []
        assert changes(host, 120, runs=still) == []
        assert changes(host, 60, runs=still) == [Change.OPENED]


class TestAsking:
    def test_the_database_is_asked_every_so_many_seconds(self, queue: Queue, host: Host) -> None:
        changes(host, 150, step=1.0)
        assert queue.asked == 150 / EVERY_S

    def test_a_look_does_not_wait_for_a_slow_answer(self, queue: Queue) -> None:
        begun, done = threading.Event(), threading.Event()

        def slow() -> RunFacts:
            begun.set()
            assert done.wait(20)
            return RunFacts(queue.clock.now_us)

        host = Host(lambda _, book: RunSource(slow, queue.clock, book.following), clock=queue.clock)
        assert changes(host, 150, step=1.0) == []
        assert begun.wait(20)
        done.set()

    def test_no_answer_is_no_recovery(self, queue: Queue) -> None:
        for _ in range(5):
            queue.ended("backup", "failed")
        broken = [False]

        def query() -> RunFacts:
            if broken[0]:
                raise sqlite3.OperationalError("database is locked")
            return queue.facts()

        host = Host(
            lambda _, book: RunSource(query, queue.clock, book.following, start=lambda work: work()), clock=queue.clock
        )
        changes(host, 30)
        broken[0] = True
        assert Change.CLOSED not in changes(host, 1800)
        broken[0] = False
        for _ in range(20):
            queue.ended("backup")
        assert Change.CLOSED in changes(host, 30)

    def test_the_facts_are_read_from_a_state_directory(self, tmp_path: Path) -> None:
        queue = Queue(tmp_path, on_disk(tmp_path))
        execution_id = queue.begin("etl")
        queue.write(execution_id, "stdout", b"hello")
        reading = ReadingFacts(queue.paths, queue.clock)
        try:
            (run,) = reading().active
            assert (run.execution_id, run.name, run.written_bytes) == (execution_id, "etl", 5)
            assert run.written_at == queue.clock.now_us
        finally:
            reading.close()
            queue.c.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            reading()


STATEMENTS = {
    name: getattr(run_facts, name) for name in ("ENDS", "ENDED", "ACTIVE", "HISTORY")
}  # every one that looks at many rows


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_query_walks_an_index_and_sorts_nothing(queue: Queue, name: str) -> None:
    sql = STATEMENTS[name]
    plan = [row["detail"] for row in queue.c.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))]
    walks = [line for line in plan if re.match(r"(SCAN|SEARCH) (?!\(?subquery|\(subquery)", line)]
    assert walks
    assert all("USING INDEX" in line or "USING INTEGER PRIMARY KEY" in line for line in walks), plan
    assert not any("TEMP B-TREE" in line for line in plan), plan


@pytest.mark.unmeasured
def test_a_hundred_thousand_tasks_cost_what_ten_thousand_do(tmp_path: Path) -> None:
    steps = []
    for count in (10_000, 100_000):
        queue = Queue(tmp_path / str(count))
        fill(queue, count)
        for n in range(10):
            queue.begin(f"script {n}")
        queue.clock.advance(60)
        done = [0]

        def step(done: list[int] = done) -> int:
            done[0] += 1
            return 0

        queue.c.set_progress_handler(step, 100)  # called every 100 instructions of SQLite's machine
        found = queue.facts()
        assert len(found.active) == 10
        assert len(found.usual) >= 10
        assert sum(ends.ran for ends in found.ends) > 50
        steps.append(done[0])
        queue.c.close()
    assert steps[1] < 1.1 * steps[0], steps
