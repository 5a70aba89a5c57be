# ruff: noqa: S608 - fragments of our own constants
"""No sequence of commands and faults leads to an illegal transition, or to a row that stays open for ever."""

from __future__ import annotations

import itertools
import os
import random
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from queue_table import QueueTable, in_memory, living_console, new_task, outcome

from opsconsole.errors import IllegalTransition, QueueFull, SpecError
from opsconsole.execution.lifecycle import BORN, TRANSITIONS
from opsconsole.models import ACTIVE, ENDED, OPEN, Priority, Status
from opsconsole.paths import StatePaths
from opsconsole.settings import QueueSettings, RetrySettings
from opsconsole.storage import consoles, endings, tasks
from opsconsole.storage.consoles import Registration
from opsconsole.storage.course import course

CONCURRENCY = 3
CAPACITY = 20
RESULTS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT, Status.ABANDONED)
ENDINGS = [*RESULTS, Status.FAILED, Status.FAILED, Status.ABANDONED]
COMMANDS = ["cancel", "hold", "release", "release", "low", "critical"]
ACTIVE_SQL = "('preparing', 'running', 'paused')"
ENDED_SQL = "('completed', 'failed', 'cancelled', 'timed_out', 'refused', 'abandoned')"

# Every change of every row, as SQLite itself sees it: none escapes within a transaction.
WATCH = f"""
CREATE TEMP TABLE step (kind TEXT, id TEXT, before TEXT, after TEXT);
CREATE TEMP TABLE wrong (what TEXT);
CREATE TEMP TRIGGER task_born AFTER INSERT ON main.task BEGIN
    INSERT INTO step VALUES ('task', new.id, NULL, new.status); END;
CREATE TEMP TRIGGER task_moved AFTER UPDATE OF status ON main.task WHEN old.status <> new.status BEGIN
    INSERT INTO step VALUES ('task', new.id, old.status, new.status); END;
CREATE TEMP TRIGGER execution_born AFTER INSERT ON main.execution BEGIN
    INSERT INTO step VALUES ('execution', new.id, NULL, new.status); END;
CREATE TEMP TRIGGER execution_moved AFTER UPDATE OF status ON main.execution WHEN old.status <> new.status BEGIN
    INSERT INTO step VALUES ('execution', new.id, old.status, new.status); END;
CREATE TEMP TRIGGER task_rewritten AFTER UPDATE ON main.task WHEN old.status IN {ENDED_SQL} AND (
        old.status, old.reason, old.exit_code, old.signal, old.finished_at, old.attempt, old.started_at) IS NOT
        (new.status, new.reason, new.exit_code, new.signal, new.finished_at, new.attempt, new.started_at) BEGIN
    INSERT INTO wrong VALUES ('the record of ended task ' || old.id || ' was rewritten'); END;
CREATE TEMP TRIGGER execution_rewritten AFTER UPDATE ON main.execution WHEN old.status IN {ENDED_SQL} BEGIN
    INSERT INTO wrong VALUES ('the record of ended execution ' || old.id || ' was rewritten'); END;
CREATE TEMP TRIGGER execution_lost AFTER DELETE ON main.execution WHEN old.status <> 'preparing' BEGIN
    INSERT INTO wrong VALUES ('execution ' || old.id || ' was deleted while ' || old.status); END;
CREATE TEMP TRIGGER rev_back AFTER UPDATE OF rev ON main.task WHEN new.rev < old.rev BEGIN
    INSERT INTO wrong VALUES ('the revision of task ' || old.id || ' went back'); END;
"""


PICK = st.integers(0, 999)
"""Which one, among those there are then."""

KINDS: list[dict[str, Any]] = [
    {},
    {"retries": 3},
    {"retries": 1, "priority": Priority.LOW, "retry_exit_codes": [2]},
    {"idempotent": True, "priority": Priority.CRITICAL},
    {"idempotent": True, "retries": 2, "held": True},
    {"held": True},
    {"status": Status.REFUSED},
    {"status": Status.FAILED, "held": True},
]


class Life(RuleBasedStateMachine):
    """Some consoles, their tasks, and a clock that jumps. What a supervisor would report is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.paths = StatePaths(Path(self.folder.name)).prepare()
        self.c = in_memory()
        self.c.executescript(WATCH)
        self.table = QueueTable(
            self.c, 1_790_000_000_000_000, CONCURRENCY, QueueSettings(capacity=CAPACITY, ageing_s=600),
            RetrySettings(base_s=1, max_s=8, jitter=0.25, exit_codes=()),
        )  # fmt: skip
        self.alive: dict[int, tuple[Registration, str]] = {}
        self.allowed: dict[int, int] = {}
        self.moments = itertools.count(1)

    # -- consoles come and go

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=4, max_size=10), pick=PICK)
    def a_day_begins(self, kinds: list[dict[str, Any]], pick: int) -> None:
        self.console_comes("all")
        self.console_comes("own")
        for number, kind in enumerate(kinds):
            self.submit(1, kind, pick + 3 * number)

    @precondition(lambda self: len(self.alive) < 3)
    @rule(claims=st.sampled_from(["all", "own"]))
    def console_comes(self, claims: str) -> None:
        with self.table.transaction() as c:
            registration = living_console(c, self.paths, claims, self.table.now)
            consoles.bury(c, self.paths, consoles.dead(c, self.paths, registration.id), self.table.now)
        self.alive[registration.id] = registration, claims

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, killed=st.booleans())
    def console_goes(self, pick: int, killed: bool) -> None:
        registration, _ = self.alive.pop(self._console(pick))
        if killed:
            os.close(registration._fd)  # what the kernel does: the lock goes, the file stays
            return
        with self.table.transaction() as c:
            consoles.sign_off(c, registration.id, self.table.now)
        registration.release()

    @rule(pick=PICK)
    def the_dead_are_buried_and_followed(self, pick: int) -> None:
        heirs = [number for number, (_, claims) in self.alive.items() if claims == "all"]
        with self.table.transaction() as c:
            consoles.bury(c, self.paths, consoles.dead(c, self.paths), self.table.now)
            if heirs:
                consoles.take_over(c, heirs[pick % len(heirs)], 1)

    # -- tasks come in

    @rule(count=st.integers(1, 4), kind=st.sampled_from(KINDS), pick=PICK)
    def submit(self, count: int, kind: dict[str, object], pick: int) -> None:
        before_it = [*self._ids(OPEN), *self._ids(ENDED)[-2:]]
        after = self._pick([None, *[None] * len(before_it), *before_it], pick)
        owner = self._pick([None, *self.alive], pick // 2)
        new = new_task(after=after, reserved_for=owner, **kind)
        status = new.status
        before, had = self.table.count(), len(self._ids(OPEN))
        try:
            ids = self.table.submit(*[new] * count)
        except QueueFull:
            assert status.is_open and had + count > CAPACITY
            assert self.table.count() == before
        except SpecError:
            assert after is not None and self.table.status(after) in ENDED - {Status.COMPLETED}
            assert self.table.count() == before
        else:
            assert not status.is_open or had + count <= CAPACITY
            self.allowed.update(dict.fromkeys(ids, max(new.attempts, 4 if new.spec["idempotent"] else 1)))

    # -- runs

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, want=st.integers(1, 4), started=st.booleans())
    def claim(self, pick: int, want: int, started: bool) -> None:
        console = self._console(pick)
        claimed = self.table.claim(want, console=console, own_only=self.alive[console][1] == "own")
        assert len(claimed) <= want
        if started:
            for each in claimed:
                assert self.table.start(each.execution_id)

    @rule(pick=PICK, what=st.sampled_from(["started", "paused", "resumed"]))
    def a_supervisor_reports(self, pick: int, what: str) -> None:
        execution = self._execution(pick)
        if what == "started":
            self.table.start(execution)
        else:
            with self.table.transaction() as c:
                tasks.mark_paused(c, execution, paused=what == "paused", how="", by=None, at=next(self.moments))

    @rule(
        pick=PICK,
        status=st.sampled_from(ENDINGS),
        code=st.sampled_from([None, 2]),
        started=st.sampled_from([True, True, False]),
        times=st.integers(1, 2),
    )
    def an_execution_ends(self, pick: int, status: Status, code: int | None, started: bool, times: int) -> None:
        """From anywhere, in any state, and told twice at times: by its slot and by who adopted it."""
        result = outcome(self._execution(pick), status, self.table.now, code=code, started=started)
        with self.table.transaction() as c:
            endings.finish(c, [result] * times, self.table.now, self.table.retry, self.table.luck)

    @rule(pick=PICK, off=st.sampled_from([0, 0, -1, 1]))
    def a_launch_never_started(self, pick: int, off: int) -> None:
        execution = self._execution(pick, "preparing")
        row = self.c.execute("SELECT launch, status FROM execution WHERE id = ?", (execution,)).fetchone()
        with self.table.transaction() as c:
            done = tasks.unclaim(c, execution, (row["launch"] if row else 1) + off)
        assert done == (row is not None and row["status"] == "preparing" and off == 0)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, status=st.sampled_from([Status.REFUSED, Status.FAILED]))
    def a_claimed_task_cannot_be_launched(self, pick: int, status: Status) -> None:
        console = self._console(pick)
        for claimed in self.table.claim(1, console=console, own_only=self.alive[console][1] == "own"):
            with self.table.transaction() as c:
                endings.refuse(c, claimed.task_id, claimed.execution_id, "no", status, 127, self.table.now)

    # -- commands

    @precondition(lambda self: self.allowed)
    @rule(pick=PICK, name=st.sampled_from(COMMANDS))
    def command(self, pick: int, name: str) -> None:
        task_id = self._pick([*self._ids(OPEN), *self._ids(ENDED)[-1:]], pick)
        before = self._row(task_id)
        try:
            if name in ("cancel", "hold", "release"):
                getattr(self.table, name)(task_id)
            else:
                with self.table.transaction() as c:
                    tasks.set_priority(c, task_id, Priority.parse(name), self.table.queue, "tester", 1)
        except IllegalTransition:
            assert self._row(task_id) == before

    # -- time

    @rule(seconds=st.one_of(st.floats(0, 20), st.sampled_from([-3600.0, 3600.0])))
    def time_moves(self, seconds: float) -> None:
        self.table.advance(seconds)
        self.table.queue_due()
        early = self.table.now - 1
        late = self.table.now + int(self.table.retry.max_s * (1 + self.table.retry.jitter) * 1_000_000)
        stuck = f"status = 'waiting' AND NOT held AND due_at NOT BETWEEN {early} AND {late}"
        assert self._number(f"SELECT count(*) FROM task WHERE {stuck}") == 0, "due, or due later than any retry can be"

    # -- what always holds

    @invariant()
    def all_is_well(self) -> None:
        self.only_transitions_of_the_table_happened()
        self.no_record_was_rewritten_or_lost()
        self.the_concurrency_limit_holds()
        self.a_task_and_its_execution_agree_and_have_one_owner()
        self.nobody_gets_more_attempts_than_allowed()
        self.who_waits_has_something_to_wait_for()
        self.nothing_is_reserved_for_a_console_that_left()
        self.what_has_ended_is_complete()
        self.nothing_runs_before_its_time()
        self.what_was_cancelled_does_not_come_again()
        self.what_people_did_is_written_down()

    def only_transitions_of_the_table_happened(self) -> None:
        for kind, id, before, after in self.c.execute("SELECT kind, id, before, after FROM step"):
            if before is None:
                assert after in (BORN if kind == "task" else {"preparing"}), f"{kind} {id} was born {after}"
            else:
                assert after in TRANSITIONS[Status(before)], f"{kind} {id}: {before} → {after}"
        self.c.execute("DELETE FROM step")

    def no_record_was_rewritten_or_lost(self) -> None:
        assert [row[0] for row in self.c.execute("SELECT what FROM wrong")] == []

    def the_concurrency_limit_holds(self) -> None:
        assert self._number(f"SELECT count(*) FROM execution WHERE status IN {ACTIVE_SQL}") <= CONCURRENCY

    def a_task_and_its_execution_agree_and_have_one_owner(self) -> None:
        """Each active task has exactly one open execution: its current attempt and launch, same status and owner."""
        matched = self._number(
            f"""SELECT count(*) FROM task t JOIN execution e ON e.task_id = t.id AND e.attempt = t.attempt
                    AND e.launch = t.launch AND e.status = t.status AND e.console_id = t.console_id
                WHERE t.status IN {ACTIVE_SQL}"""
        )
        assert matched == len(self._ids(ACTIVE))
        assert matched == self._number(f"SELECT count(*) FROM execution WHERE status IN {ACTIVE_SQL}")

    def nobody_gets_more_attempts_than_allowed(self) -> None:
        for row in self.c.execute("SELECT id, attempt, attempts FROM task"):
            assert row["attempt"] <= row["attempts"] <= self.allowed[row["id"]]

    def who_waits_has_something_to_wait_for(self) -> None:
        stuck = self._number(
            """SELECT count(*) FROM task t LEFT JOIN task a ON a.id = t.after_id
               WHERE t.status = 'waiting' AND NOT t.held AND t.due_at IS NULL
               AND coalesce(a.status NOT IN ('queued', 'waiting', 'preparing', 'running', 'paused'), 1)"""
        )
        assert stuck == 0

    def nothing_is_reserved_for_a_console_that_left(self) -> None:
        reserved = self._number(
            """SELECT count(*) FROM task t JOIN console k ON k.id = t.console_id
               WHERE t.reserved AND k.ended_at IS NOT NULL AND t.finished_at IS NULL"""
        )
        assert reserved == 0

    def what_has_ended_is_complete(self) -> None:
        loose = self._number(
            f"""SELECT count(*) FROM task WHERE status IN {ENDED_SQL} AND
                (finished_at IS NULL OR due_at IS NOT NULL OR environment IS NOT NULL)"""
        )
        assert loose == 0

    def nothing_runs_before_its_time(self) -> None:
        early = self._number(
            """SELECT count(*) FROM task t JOIN task a ON a.id = t.after_id WHERE a.status <> 'completed'
               AND t.status IN ('queued', 'preparing', 'running', 'paused', 'completed', 'timed_out', 'abandoned')"""
        )
        assert early == 0
        assert self._number("SELECT count(*) FROM task WHERE due_at IS NOT NULL AND status <> 'waiting'") == 0

    def what_was_cancelled_does_not_come_again(self) -> None:
        assert self._number("SELECT count(*) FROM task WHERE cancel_requested AND status IN ('queued', 'waiting')") == 0

    def what_people_did_is_written_down(self) -> None:
        """Whoever follows what is told of a task ends where the task is."""
        names = " ".join(f"WHEN {int(one)} THEN '{one.name.lower()}'" for one in Priority)
        untold = self._number(
            f"""SELECT count(*) FROM task t WHERE held <> (
                    SELECT coalesce(sum((what = 'held') - (what = 'released')), 0) FROM task_event WHERE task_id = t.id)
                OR (SELECT detail FROM task_event WHERE task_id = t.id AND what = 'priority'
                    ORDER BY id DESC LIMIT 1) NOT LIKE '%→ ' || CASE priority {names} END"""
        )
        assert untold == 0

    def every_claim_is_told_once(self) -> None:
        for row in self.c.execute("SELECT id FROM task").fetchall():
            told = [event.what for event in course(self.c, row["id"]).events]
            rows = self._number(f"SELECT count(*) FROM execution WHERE task_id = {row['id']}")
            turned_down = told.count("claimed") - rows - told.count("unclaimed")
            assert turned_down in (0, 1), "only the last claim can have been turned down"

    def teardown(self) -> None:
        """Whatever happened before: let everything end, and see that it does."""
        try:
            self.every_claim_is_told_once()
            self.drain()
            self.every_claim_is_told_once()
        finally:
            for registration, _ in self.alive.values():
                registration.release()
            self.c.close()
            self.folder.cleanup()

    def drain(self) -> None:
        self.console_comes("all")
        heir = max(self.alive)
        for _ in range(20 * CAPACITY):
            with self.table.transaction() as c:
                consoles.bury(c, self.paths, consoles.dead(c, self.paths), self.table.now)
                consoles.take_over(c, heir, 1)
            for row in self.c.execute("SELECT id FROM task WHERE held AND status = 'waiting'").fetchall():
                self.table.release(row[0])
            for number, (_, claims) in self.alive.items():
                self.table.claim(CAPACITY, console=number, own_only=claims == "own")
            for row in self.c.execute(f"SELECT id FROM execution WHERE status IN {ACTIVE_SQL}").fetchall():
                self.table.finish(row[0], Status.FAILED)
            self.table.advance(10)
            self.table.queue_due()
            self.all_is_well()
            if not self._ids(OPEN):
                return
        raise AssertionError(f"open for ever: {self._ids(OPEN)}")

    # -- drawing

    def _ids(self, statuses: frozenset[Status]) -> list[int]:
        return [row["id"] for row in self.c.execute("SELECT id, status FROM task") if row["status"] in statuses]

    @staticmethod
    def _pick(among: list[Any], pick: int) -> Any:
        return among[pick % len(among)]

    def _console(self, pick: int) -> int:
        return int(self._pick(sorted(self.alive), pick))

    def _execution(self, pick: int, *likely: str) -> str:
        """Mostly an open one; now and then one that has ended or never was."""
        rows = self.c.execute("SELECT id, status FROM execution ORDER BY rowid").fetchall()
        open_now = [row["id"] for row in rows if row["status"] in (likely or ACTIVE)]
        return str(self._pick([*open_now * 4, *(row["id"] for row in rows[-2:]), "99.1"], pick))

    def _row(self, task_id: int) -> tuple[object, ...]:
        return tuple(self.c.execute("SELECT * FROM task WHERE id = ?", (task_id,)).fetchone())

    def _number(self, query: str) -> int:
        return int(self.c.execute(query).fetchone()[0])


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestLife.pytestmark = [pytest.mark.timeout(240)]  # 3 s of work, on however busy a machine


@pytest.mark.timeout(240)
@pytest.mark.unmeasured
@pytest.mark.parametrize("seed", range(6))
def test_a_long_life_of_any_seed(seed: int) -> None:
    """The same rules without the search for the smallest example: ten times as many steps in the same time."""
    luck = random.Random(seed)
    life = Life()
    try:
        life.a_day_begins([luck.choice(KINDS) for _ in range(8)], luck.randrange(1000))
        for _ in range(800):
            _step(life, luck)
            life.all_is_well()
    finally:
        life.teardown()


def _step(life: Life, luck: random.Random) -> None:
    pick, yes = luck.randrange(1000), luck.random() < 0.5
    moves: list[tuple[int, Callable[[], object]]] = [
        (6, lambda: life.submit(luck.randint(1, 3), luck.choice(KINDS), pick)),
        (6, lambda: life.an_execution_ends(pick, luck.choice(ENDINGS), luck.choice([None, 2]), pick % 3 > 0, 1 + yes)),
        (3, lambda: life.a_supervisor_reports(pick, luck.choice(["started", "paused", "resumed"]))),
        (1, lambda: life.a_launch_never_started(pick, luck.choice([0, 0, -1, 1]))),
        (4, lambda: life.command(pick, luck.choice(COMMANDS))),
        (3, lambda: life.time_moves(luck.choice([0.0, 1.0, 5.0, 5.0, 20.0, -3600.0, 3600.0]))),
        (2, lambda: life.the_dead_are_buried_and_followed(pick)),
    ]
    if len(life.alive) < 3:
        moves.append((1, lambda: life.console_comes("all" if yes else "own")))
    if life.alive:
        moves.append((6, lambda: life.claim(pick, luck.randint(1, 4), yes)))
        moves.append((1, lambda: life.a_claimed_task_cannot_be_launched(pick, Status.REFUSED)))
        moves.append((1, lambda: life.console_goes(pick, yes)))
    weights, calls = zip(*moves, strict=True)
    luck.choices(calls, weights)[0]()


def test_the_table_names_every_status_and_leads_nowhere_from_the_end() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert all(TRANSITIONS[status] == frozenset() for status in ENDED)


def test_every_status_can_be_reached_from_the_birth_of_a_task() -> None:
    reached, fresh = set(BORN), set(BORN)
    while fresh:
        fresh = {target for status in fresh for target in TRANSITIONS[status]} - reached
        reached |= fresh
    assert reached == set(Status)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_from_every_open_status_an_end_can_be_reached(status: Status) -> None:
    reached, fresh = {status}, {status}
    while fresh:
        fresh = {target for each in fresh for target in TRANSITIONS[each]} - reached
        reached |= fresh
    assert reached & ENDED


def test_every_transition_of_the_table_is_made_by_some_command() -> None:
    """A line that nothing uses would let a mistake pass."""
    made: set[tuple[str, str]] = set()
    with closing(in_memory()) as c:
        c.executescript(WATCH)
        table = QueueTable(c, 1_790_000_000_000_000)
        _make_every_transition(table)
        made = {(row[0], row[1]) for row in c.execute("SELECT before, after FROM step WHERE before IS NOT NULL")}
    assert made == {(before, after) for before, targets in TRANSITIONS.items() for after in targets}


def _make_every_transition(table: QueueTable) -> None:
    for status in RESULTS:
        for steps in range(3):
            table.add()
            _bring(table, steps)
            table.finish(_newest(table), status)
    for steps in range(3):
        table.add(retries=1)
        _bring(table, steps)
        table.finish(_newest(table), Status.FAILED)
    table.cancel(table.add())
    table.cancel(table.hold(table.add()).id)
    table.release(table.add(held=True))
    (claimed,) = table.claim(1)
    with table.transaction() as c:
        tasks.unclaim(c, claimed.execution_id, claimed.launch)
        (again,) = tasks.claim(c, 1, 1, 8, table.now, "boot", own_only=False)
        endings.refuse(c, again.task_id, again.execution_id, "no", Status.REFUSED, None, table.now)
    table.add()
    _bring(table, 2)
    with table.transaction() as c:
        tasks.mark_paused(c, _newest(table), paused=False, how="", by=None, at=1)


def _bring(table: QueueTable, steps: int) -> None:
    """Claim one; then start it; then pause it."""
    (claimed,) = table.claim(1)
    if steps > 0:
        table.start(claimed.execution_id)
    if steps > 1:
        with table.transaction() as c:
            tasks.mark_paused(c, claimed.execution_id, paused=True, how="SIGSTOP", by=None, at=1)


def _newest(table: QueueTable) -> str:
    return str(table.c.execute("SELECT id FROM execution ORDER BY rowid DESC LIMIT 1").fetchone()[0])
