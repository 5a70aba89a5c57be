"""Claims what is queued, launches it, records what comes back: one turn at a time, one transaction a turn.

A turn carries everything that has come in since the last one (ends, starts, pauses) and claims for the free slots, so
that a busy queue pays one commit for several runs. A failed turn loses nothing: what it carried goes into the next.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from opsconsole import host
from opsconsole.clock import Clock
from opsconsole.errors import ConsoleError, NotRunnable, OpsError, SecurityError, StorageError, SupervisorError
from opsconsole.events import EventBus, Notice
from opsconsole.execution import dispatch, ends, privacy, reconcile, runfolder
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.execution.pool import SlotPool
from opsconsole.execution.slots import Slot
from opsconsole.models import Status
from opsconsole.paths import StatePaths
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.storage import endings, tasks
from opsconsole.storage.tasks import Claimed
from opsconsole.storage.writer import Job, Writer

_log = logging.getLogger("opsconsole.executor")

TRY_AGAIN_S = 1.0
OVERDUE_US = 60_000_000
GATHER = 6
GATHER_S = 0.001
_CORES = os.cpu_count() or 1


@dataclass(slots=True)
class Turn:
    """What one transaction brings to the database, and what it brought back."""

    outcomes: list[endings.Outcome] = field(default_factory=list)
    reports: list[Job[Any]] = field(default_factory=list)
    want: int = 0
    changed: list[int] = field(default_factory=list)
    claimed: list[Claimed] = field(default_factory=list)

    @property
    def carries(self) -> bool:
        return bool(self.outcomes or self.reports)


class Executor:
    """The part of the engine that runs things. `on_changed` hears the ids of tasks whose execution ended."""

    def __init__(
        self,
        writer: Writer,
        console_id: int,
        paths: StatePaths,
        settings: Settings,
        environments: EnvironmentStore,
        pool: SlotPool,
        bus: EventBus,
        clock: Clock,
        *,
        claims: str,
        on_committed: Callable[[list[int]], None],
        redaction_of: Callable[[int | None], Redaction],
    ) -> None:
        self._writer = writer
        self._console_id = console_id
        self._paths = paths
        self._settings = settings
        self._environments = environments
        self._pool = pool
        self._bus = bus
        self._clock = clock
        self._claims = claims
        self._on_committed = on_committed
        self._redaction_of = redaction_of
        self._redactions: dict[str, Redaction] = {}
        self._preparing = 0
        self.rewriting: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._next = Turn()
        self._in_turn = False
        self._scheduled = False
        self._look_for_work = False
        self._closed = False
        self._boot = host.boot_id()
        self._luck = random.Random()  # noqa: S311 - jitter of a delay
        self._gathering: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._said = ""
        self._launches: dict[str, int] = {}
        self.watched: dict[str, reconcile.Watched] = {}
        self.descriptors: dict[int, int] = {}

    # -- what comes in

    def look_for_work(self) -> None:
        """Something may have been queued."""
        if self._claims != "none":
            self._look_for_work = True
            self._schedule()

    def ended(self, outcome: endings.Outcome) -> None:
        """An end is recorded without secrets; what was printed is looked through in a thread first."""
        redaction = self._redactions.get(outcome.execution_id) or self._redaction_of(_task_of(outcome.execution_id))
        if not ends.printed(outcome):
            self._redactions.pop(outcome.execution_id, None)
            self._written_down(ends.prepared(outcome, self._paths, self._settings, redaction))
            return
        self._redactions[outcome.execution_id] = redaction
        self._preparing += 1
        look = functools.partial(ends.prepared, outcome, self._paths, self._settings, redaction)
        self._loop.run_in_executor(None, look).add_done_callback(self._prepared)

    def _prepared(self, future: asyncio.Future[endings.Outcome]) -> None:
        self._preparing -= 1
        if not self._closed and not future.cancelled():
            self._written_down(future.result())

    def _written_down(self, outcome: endings.Outcome) -> None:
        """An end is written down with those that come within a millisecond, while others keep the cores busy."""
        self._next.outcomes.append(outcome)
        if len(self._next.outcomes) < GATHER and self._pool.busy >= _CORES:
            if self._gathering is None and not self._in_turn and not self._closed:
                self._gathering = self._loop.call_later(GATHER_S, self._schedule)
        else:
            self._schedule()

    def report(self, job: Job[Any]) -> None:
        """A smaller change of a row, to be brought along."""
        self._next.reports.append(job)
        self._schedule()

    def adopt(self, watched: reconcile.Watched) -> None:
        """An open execution that no slot of ours runs: it is looked at until it ends."""
        self.watched[watched.execution_id] = watched

    def stop(self) -> None:
        """No more claims, no more turns."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for fd in self.descriptors.values():
            os.close(fd)
        self.descriptors.clear()

    @property
    def idle(self) -> bool:
        return not (self._pool.busy or self._in_turn or self._preparing or self._next.carries or self.watched)

    # -- the turn

    def _schedule(self) -> None:
        if not self._scheduled and not self._in_turn and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        self._scheduled = False
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        if self._in_turn or self._closed:
            return
        turn, self._next = self._next, Turn()
        turn.want = self._free_slots() if turn.outcomes or self._look_for_work else 0
        self._look_for_work = False
        if not turn.carries and not turn.want:
            return
        self._in_turn = True
        future = self._writer.submit(functools.partial(self._commit, turn))
        future.add_done_callback(functools.partial(self._hand_back, turn))

    def _free_slots(self) -> int:
        if self._claims == "none":
            return 0
        free = host.free_bytes(self._paths.runs)
        if free < self._settings.execution.min_free:
            self._wait_for("nothing is started: the disk of the state directory is nearly full")
            return 0
        return self._settings.execution.concurrency - self._pool.busy

    def _commit(self, turn: Turn, c: sqlite3.Connection) -> None:
        """In the writer's thread."""
        turn.changed, turn.claimed = [], []
        for report in turn.reports:
            report(c)
        now = self._clock.now()  # what is queued again by a report is claimed after that
        if turn.outcomes:
            turn.changed = endings.finish(c, turn.outcomes, now, self._settings.retry, self._luck)
        if turn.want:
            turn.claimed = tasks.claim(
                c, self._console_id, turn.want, self._settings.execution.concurrency, now, self._boot,
                own_only=self._claims == "own",
            )  # fmt: skip

    def _hand_back(self, turn: Turn, future: Future[None]) -> None:
        error = future.exception()
        try:
            self._loop.call_soon_threadsafe(self._end_turn, turn, error)
        except RuntimeError:
            return  # the loop is closed; what was committed is found again by the next console

    def _end_turn(self, turn: Turn, error: BaseException | None) -> None:
        self._in_turn = False
        if self._closed:
            return  # what was committed, the next console finds
        if error is not None:
            self._carry_over(turn, error)
            return
        if turn.claimed or turn.changed:
            self._said = ""
        for claimed in turn.claimed:
            self._launch(claimed)
        for outcome in turn.outcomes:
            redaction = self._redactions.pop(outcome.execution_id, None)
            if outcome.at_rest_due:
                self._rewrite(outcome.execution_id, redaction or self._redaction_of(None))
        self._on_committed(turn.changed)
        if self._next.carries or self._look_for_work:
            self._schedule()

    def _carry_over(self, turn: Turn, error: BaseException) -> None:
        if not isinstance(error, StorageError):
            _log.error("a turn failed and is tried again", exc_info=error)
        self._next.outcomes[:0] = turn.outcomes
        self._next.reports[:0] = turn.reports
        self._wait_for(str(error), level="error")

    def _wait_for(self, message: str, level: str = "warning") -> None:
        if message != self._said:
            self._said = message
            self._bus.publish(Notice(level, self._redaction_of(None).text(message)))
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(TRY_AGAIN_S, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        self._look_for_work = True
        self._schedule()

    # -- launching

    def _launch(self, claimed: Claimed) -> None:
        try:
            environment = self._environments.get(claimed.environment or "")
            given = claimed.spec.get("environment_names") or ()
            redaction = Redaction.of(environment, self._settings.redaction, given).and_also(self._redaction_of(None))
            self._redactions[claimed.execution_id] = redaction
            claimed = privacy.restored(claimed, self._environments, self._paths)
            stdin_fd = self.descriptors.pop(claimed.task_id, None)
            launch = dispatch.prepare(claimed, environment, self._paths, self._settings.execution, stdin_fd)
            if stdin_fd is not None:
                os.close(stdin_fd)
        except (SecurityError, NotRunnable, ConsoleError) as error:
            self._turn_down(claimed, error)
            return
        self._launches[claimed.execution_id] = claimed.launch
        try:
            self._pool.launch(claimed.execution_id, launch, environment, elevated=claimed.policy == "elevated")
        except SupervisorError as error:
            self._turn_down(claimed, error)
        finally:
            launch.close()

    def _turn_down(self, claimed: Claimed, error: OpsError) -> None:
        """A claimed task that cannot be launched ends here, and says why."""
        refused = isinstance(error, SecurityError)
        status = Status.REFUSED if refused else Status.FAILED
        code = error.exit_code if isinstance(error, NotRunnable) else None
        redaction = self._redactions.pop(claimed.execution_id, None) or self._redaction_of(claimed.task_id)
        reason = redaction.text(str(error))

        def end(c: sqlite3.Connection) -> None:
            now = self._clock.now()
            changed = endings.refuse(c, claimed.task_id, claimed.execution_id, reason, status, code, now)
            self._loop.call_soon_threadsafe(self._on_committed, changed)

        self.report(end)
        self._look_for_work = True

    # -- what the slots say

    def on_message(self, execution_id: str, message: dict[str, Any], slot: Slot) -> None:
        kind = message["op"]
        if kind == "result":
            self._launches.pop(execution_id, None)
            self.ended(reconcile.outcome_of(execution_id, message, self._paths))
        elif kind == "started":
            who = (slot.pid or 0, slot.start)
            self.report(lambda c: tasks.mark_supervised(c, execution_id, who, message))
        elif kind == "status":
            self.report(functools.partial(_apply, execution_id, [message], self._clock.now()))
        elif kind == "failed":
            self._never_started(execution_id, message["reason"])
        elif kind == "lost":
            self.on_lost(execution_id)

    def _never_started(self, execution_id: str, reason: str) -> None:
        """The supervisor could not even claim (a full disk, say): the task ends, honestly."""
        self._launches.pop(execution_id, None)
        now = self._clock.now()
        self.ended(endings.Outcome(execution_id, Status.FAILED, reason, None, None, None, now, None, {"kill": None}))

    def on_lost(self, execution_id: str) -> None:
        """The slot died, or somebody else has the claim: the run's folder tells what is so."""
        launch = self._launches.pop(execution_id, None)
        if launch is not None:
            self.adopt(reconcile.Watched(execution_id, launch, self._boot))

    # -- at rest

    def rewrite_overdue(self, reads: sqlite3.Connection) -> None:
        """Files whose console died before it had rewritten them."""
        if self._claims != "all" or not self._settings.execution.redact_at_rest:
            return
        from opsconsole.execution import at_rest

        for execution_id in at_rest.overdue(reads, self._clock.now() - OVERDUE_US):
            self._rewrite(execution_id, self._redaction_of(None))

    def _rewrite(self, execution_id: str, redaction: Redaction) -> None:
        def work() -> None:
            job = ends.rewritten(self._paths, execution_id, redaction)
            if job is not None:
                self._writer.submit(job).result()

        future = self._loop.run_in_executor(None, work)
        self.rewriting.add(future)
        future.add_done_callback(self._rewritten)

    def _rewritten(self, future: asyncio.Future[None]) -> None:
        self.rewriting.discard(future)
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.warning("output was not rewritten without secrets: %s", error)

    # -- the adopted

    def look_at_adopted(self) -> None:
        """One look at each; called on every tick while there are any."""
        for watched in list(self.watched.values()):
            found = reconcile.look(watched, self._paths, self._clock.monotonic, self._clock.now())
            if watched.told and found != "unclaimed":
                told, watched.told = watched.told, []
                self.report(functools.partial(_apply, watched.execution_id, told, self._clock.now()))
            if isinstance(found, endings.Outcome):
                del self.watched[watched.execution_id]
                self.ended(found)
            elif found == "unclaimed" and self._has_paused(watched):
                del self.watched[watched.execution_id]
                self.report(functools.partial(self._put_back, watched.execution_id, watched.launch))
                self._look_for_work = True

    def _has_paused(self, watched: reconcile.Watched) -> bool:
        """Between two launches of the same attempt; who cancels it does not wait for that."""
        now, launch = self._clock.monotonic(), watched.launch
        if watched.again_at is None:
            last = launch >= reconcile.LAUNCHES
            pause = 0.0 if last else reconcile.pause_before_next(launch, self._settings.retry)
            watched.again_at = now + pause
            if pause:
                lost = f"launch {launch} of {reconcile.LAUNCHES} came to nothing before its script began"
                said = f"task {_task_of(watched.execution_id)}: {lost}; it is launched again in {pause:g} s"
                self._bus.publish(Notice("warning", said))
        return now >= watched.again_at or runfolder.is_told(self._paths.run_folder(watched.execution_id))

    def _put_back(self, execution_id: str, launch: int, c: sqlite3.Connection) -> None:
        ended = reconcile.put_back(c, execution_id, launch, self._clock.now(), self._settings.retry, self._luck)
        if ended:
            self._loop.call_soon_threadsafe(self._on_committed, ended)


def _task_of(execution_id: str) -> int:
    return int(execution_id.partition(".")[0])


def _apply(execution_id: str, told: list[dict[str, Any]], now: int, c: sqlite3.Connection) -> None:
    reconcile.apply_told(c, execution_id, told, now)
