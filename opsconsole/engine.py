"""Engine: builds and starts the parts; the one object every door talks to.

Commands go down as method calls, facts come up as events. Nothing here draws, parses arguments or prints.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsconsole import host
from opsconsole.clock import SYSTEM, Clock
from opsconsole.errors import ConsoleError, OpsError, SpecError
from opsconsole.events import EventBus, Notice, TasksRemoved
from opsconsole.execution import inheritance, reconcile, submission
from opsconsole.execution.announcer import Announcer
from opsconsole.execution.background import BackgroundLoop
from opsconsole.execution.clockwork import LIVENESS_S, TICK_S, Clockwork
from opsconsole.execution.commands import Commands
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.execution.executor import Executor
from opsconsole.execution.pool import SlotPool
from opsconsole.execution.submission import Submission
from opsconsole.execution.worker import ensure_worker
from opsconsole.looking import Claims as Claims
from opsconsole.looking import Looking
from opsconsole.models import ExecutionResult, Origin, Task, TaskSpec
from opsconsole.paths import StatePaths, state_root
from opsconsole.settings import Settings, load_settings
from opsconsole.storage import consoles, private_scripts, tasks
from opsconsole.storage.consoles import Registration

if TYPE_CHECKING:
    from opsconsole.execution.judging import MakesReview
    from opsconsole.storage.cleanup import Cleaned

_log = logging.getLogger("opsconsole.engine")


class Engine(Looking):
    """A console's engine. `claims`: `all` runs whatever is queued, `own` only what it submits, `none` nothing. One that
    `watches` starts the monitor, unless another console has it or the settings forbid it; if not `records`, only this
    console sees what its monitor sees, and nothing of it is written.

    Where nothing can be written, one that is `content_to_look` starts all the same: `unwritable` says why, what is on
    record is read, and whatever would change something fails with that.

    `async with Engine() as engine` starts and closes it; `with Engine.look() as engine` reads and commands without a
    loop. Closing leaves runs going and queued work queued.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        state_dir: str | Path | None = None,
        door: str = "api",
        claims: Claims = "all",
        clock: Clock = SYSTEM,
        watches: bool = False,
        records: bool = True,
        content_to_look: bool = False,
        origin: Origin | None = None,
    ) -> None:
        self.settings = settings if settings is not None else load_settings()
        self.paths = StatePaths(Path(state_dir).absolute() if state_dir is not None else state_root())
        self.bus = EventBus()
        self.origin = origin or Origin(host.host_name(), door, host.actor(), host.ssh_client())
        self._claims: Claims = claims
        self._clock = clock
        self._environments = EnvironmentStore(self.paths.environments)
        self._commands = Commands(self.paths, self.settings.queue, self.origin, clock)
        self._registration: Registration | None = None
        self._executor: Executor | None = None
        self._pool: SlotPool | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._announcer: Announcer | None = None
        self._next_due: int | None = None
        self._background: BackgroundLoop | None = None
        self._to_tidy = False
        self._watches = watches
        self._records = records
        self._content_to_look = content_to_look

    # -- life

    async def __aenter__(self) -> Engine:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the database, register, take over what dead consoles left, begin to claim. Raises OpsErrors."""
        host.require_execution()
        self._loop, self._lives = asyncio.get_running_loop(), True
        try:
            await self._start_working()
        except (OpsError, OSError) as error:
            await asyncio.to_thread(self._look_only, self._could_look(error))
            self._announcer = Announcer(self._reads, self.bus)
        self._watches = self._watches and self.settings.monitor.autostart
        self._watch()
        self._ticking = self._loop.create_task(self._tick_for_ever())

    async def _start_working(self) -> None:
        self.paths.prepare()
        self._pool = self._new_pool()
        if self._claims != "none":
            self._pool.warm()
        try:
            self._open_whole()
            orphans = await asyncio.wrap_future(self._job(self._register))
        except BaseException:
            self._pool.close()
            self._pool = None
            self._close_store()
            if self._registration is not None:  # its transaction may have failed: the next console gets the same id
                self._registration.release()
                self._registration = None
            raise
        assert self._registration is not None and self._writer is not None  # noqa: S101 - just made
        self._executor = Executor(
            self._writer, self._registration.id, self.paths, self.settings, self._environments, self._pool, self.bus,
            self._clock, claims=self._claims, on_committed=self._on_committed, redaction_of=self.redaction_of,
        )  # fmt: skip
        self._announcer = Announcer(self._reads, self.bus)
        self._adopt(orphans)
        self._next_due = tasks.next_due(self._reads.connection)
        if self._claims == "all":
            self._pool.prefork()
        self._to_tidy = True
        self._executor.rewrite_overdue(self._reads.connection)
        self._executor.look_for_work()

    def _new_pool(self) -> SlotPool:
        """Who runs what is claimed; the demo has it played."""
        return SlotPool(
            self.paths.log, self._on_slot_message, self._on_slot_lost, use_cgroup=self.settings.execution.use_cgroup
        )

    async def close(self) -> None:
        """Leave: runs go on, queued work stays queued. Can be called twice."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
            self._ticking = None
        if self._station is not None:
            await asyncio.to_thread(self._stop_watching)
        self._lives = False
        if self._executor is not None:
            await asyncio.gather(*self._executor.rewriting, return_exceptions=True)
            self._executor.stop()
            self._executor = None
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        if self._registration is not None:
            await asyncio.gather(asyncio.wrap_future(self._job(self._sign_off)), return_exceptions=True)
            self._registration.release()
            self._registration = None
        self._close_store()
        if self._announcer is not None:
            self._announcer.close()
            self._announcer = None

    @classmethod
    def look(
        cls, settings: Settings | None = None, *, state_dir: str | Path | None = None, door: str = "headless"
    ) -> Engine:
        """An engine that reads and commands without a loop: `with Engine.look() as engine`."""
        return cls(settings, state_dir=state_dir, door=door, claims="none")

    def __enter__(self) -> Engine:
        """Opens the store, and brings rows of dead consoles up to date."""
        self._open()
        if self.unwritable is None:
            ended = inheritance.settle(
                self._reads.connection, self._job, self.paths, self._clock, self.settings.retry, self._prepared
            )
            self._to_tidy = self._to_tidy or ended
        return self

    def __exit__(self, *_: object) -> None:
        if self._background is not None:
            self._background.call(self.close())
            self._background.close()
            self._background = None
        self._stop_watching()
        if self._writer is not None and self._to_tidy:
            self._job(self._environments.forget_unused)
        self._close_store()

    def _register(self, c: sqlite3.Connection) -> list[inheritance.Orphan]:
        """In one transaction: our row and lock, the burial of the dead, and what they left to us."""
        now = self._clock.now()
        dead = consoles.dead(c, self.paths)
        self._registration = consoles.register(
            c, self.paths, self.origin, self._claims, pid=os.getpid(), started=host.start_time(os.getpid()),
            boot=host.boot_id(), now=now,
        )  # fmt: skip
        consoles.bury(c, self.paths, dead, now)
        return consoles.take_over(c, self._registration.id, now) if self._claims == "all" else []

    def _sign_off(self, c: sqlite3.Connection) -> None:
        assert self._registration is not None  # noqa: S101 - the caller looked
        consoles.sign_off(c, self._registration.id, self._clock.now())
        self._environments.forget_unused(c)

    # -- submitting

    def submit(self, spec: TaskSpec, *, stdin_fd: int | None = None) -> Submission:
        """Queue a task. A refused one is stored too, as refused.

        `stdin_fd` becomes the script's standard input; only this console can then run it. The returned Submission
        raises QueueFull, TaskNotFound (of `after`), DatabaseLocked, …; SpecError and ScriptNotFound come at once.
        """
        self._open()
        if stdin_fd is not None:
            self._check_stdin(spec)
        new = self._build(spec, stdin_fd is not None)
        stored = self._insert([new])
        if stdin_fd is not None:
            stored.add_done_callback(functools.partial(self._hand_on, os.dup(stdin_fd)))
        return Submission(stored, self.task)

    async def submit_many(self, specs: Sequence[TaskSpec]) -> list[Task]:
        """Queue several in one transaction: all or none."""
        self._open()
        environ = dict(os.environ)  # once: reading it costs more than the rest of a submission
        new = [self._build(spec, False, environ) for spec in specs]
        ids = await asyncio.wrap_future(self._insert(new))
        return [self.task(task_id) for task_id in ids]

    def add(self, spec: TaskSpec) -> Task:
        """`submit` and wait, without a loop."""
        return self.submit(spec).task

    def add_detached(self, spec: TaskSpec) -> Task:
        """`add`, and make sure that somebody runs it: a background worker is started if no console claims."""

        def and_worker(c: sqlite3.Connection) -> None:
            if new.status.is_open:
                ensure_worker(c, self.paths)

        self._open()
        new = self._build(spec, False)
        return self.task(self._insert([new], also=and_worker).result()[0])

    def plan(self, spec: TaskSpec, *, review_by: MakesReview | None = None) -> submission.Plan:
        """What would run; changes nothing. `review_by`: see `judging.judge`. Raises SpecError, ScriptNotFound."""
        return submission.plan(spec, self.settings, origin=self.origin, review_by=review_by)

    def _build(self, spec: TaskSpec, keeps_descriptor: bool, environ: Mapping[str, str] | None = None) -> tasks.NewTask:
        self._refuse_unwritable()
        own = self._claims == "own" or keeps_descriptor
        return submission.build(
            spec, self.settings, self.origin, self._environments, self.paths,
            reserved_for=self._registration.id if own and self._registration else None,
            keeps_descriptor=keeps_descriptor, environ=environ,
        )  # fmt: skip

    def _insert(
        self, new: list[tasks.NewTask], also: Callable[[sqlite3.Connection], None] = lambda c: None
    ) -> Future[list[int]]:
        keys = [task.environment for task in new]

        per_minute = self.settings.doors.of(self.origin.door).submissions_per_minute

        def job(c: sqlite3.Connection) -> list[int]:
            ids = tasks.insert(c, new, self._clock.now(), self.settings.queue, per_minute)
            self._environments.restore(keys)
            for task in new:
                if task.shown is not None:
                    private_scripts.keep(self.paths.scripts, task.body)
            also(c)
            return ids

        stored = self._job(job)
        stored.add_done_callback(lambda _: self._environments.let_go(keys))
        stored.add_done_callback(lambda _: self._from_any_thread(self._on_submitted))
        return stored

    def _check_stdin(self, spec: TaskSpec) -> None:
        if spec.retries:
            raise SpecError("standard input can be read only once: no retries with it", hint="stdin=FILE allows them")
        if self._executor is None:
            raise ConsoleError("only a started engine can hand its standard input on")

    def _hand_on(self, stdin_fd: int, stored: Future[list[int]]) -> None:
        """After the commit of the submission, and before that of any claim: the writer's thread does both."""
        if stored.cancelled() or stored.exception() is not None or self._executor is None:
            os.close(stdin_fd)
        else:
            self._executor.descriptors[stored.result()[0]] = stdin_fd

    def _on_submitted(self) -> None:
        if self._executor is not None:
            self._executor.look_for_work()
        self._announce()

    # -- running

    async def run(self, spec: TaskSpec) -> ExecutionResult:
        """Submit and wait for the end."""
        return await self.wait((await self.submit(spec)).id)

    async def wait(self, task_id: int) -> ExecutionResult:
        """The result of the last attempt, when the task has ended. Raises TaskNotFound."""
        if self._announcer is None:
            raise ConsoleError("only a started engine can wait")
        await self._announcer.ended(task_id)
        return self.result(task_id)

    def run_sync(self, spec: TaskSpec) -> ExecutionResult:
        """`run` for code without a loop; the engine lives in a thread until `with` ends, or the process."""
        if self._background is None and self._executor is not None:
            raise ConsoleError("this engine was started in an event loop", hint="`await engine.run(spec)` there")
        if self._background is None:
            background = BackgroundLoop()
            try:
                background.call(self.start())
            except BaseException:
                background.close()
                raise
            self._background = background
        return self._background.call(self.run(spec))

    async def drained(self) -> None:
        """Return when nothing is queued, due or running here, and this console claims no more."""
        while True:
            executor, registration = self._executor, self._registration
            if executor is None or registration is None:
                return
            if executor.idle and self._claims == "all":  # a console that has just died leaves its rows to us
                self._adopt(await asyncio.wrap_future(self._job(self._inherit)))
            if executor.idle and await asyncio.wrap_future(
                self._job(functools.partial(consoles.stop_claiming_if_drained, console_id=registration.id))
            ):
                return
            await asyncio.sleep(TICK_S)

    async def clean_up(self) -> Cleaned:
        """Remove ended tasks beyond the history settings; never an open or pinned one."""
        from opsconsole.storage import cleanup

        cleaned = await asyncio.to_thread(
            cleanup.clean_all, self._job, self.paths, self.settings.history, self._clock.now()
        )
        if cleaned.tasks:
            self.bus.publish(TasksRemoved(cleaned.tasks))
        return cleaned

    # -- events

    def _on_committed(self, changed: list[int]) -> None:
        if self._reader is None:
            return
        if changed:
            self._to_tidy = True
            self._next_due = tasks.next_due(self._reads.connection)
        self._announce()

    def _announce(self) -> None:
        if self._announcer is not None:
            self._announcer.look()

    # -- the clockwork

    async def _tick_for_ever(self) -> None:
        clockwork = Clockwork(self.paths.database)
        try:
            while True:
                liveness = await clockwork.tick(self._rest_s())
                self._tick_safely(liveness=liveness)
        finally:
            clockwork.close()

    def _rest_s(self) -> float:
        """So long nothing needs a tick, unless somebody commits."""
        if self._executor is None or self._executor.watched or self._to_tidy:
            return 0.0
        return LIVENESS_S if self._next_due is None else (self._next_due - self._clock.now()) / 1e6

    def _tick_safely(self, *, liveness: bool) -> None:
        try:
            self._tick(liveness=liveness)
        except (OpsError, sqlite3.Error, OSError) as error:
            _log.warning("a tick failed: %s", error)
            self.bus.publish(Notice("warning", self.redaction_of().text(str(error))))

    def _tick(self, *, liveness: bool) -> None:
        executor, reads = self._executor, self._reads
        if executor is None:
            self._look_on(liveness=liveness)
            return
        if liveness:
            self._see_whether_writable()
        if executor.watched:
            executor.look_at_adopted()
        if reads.moved_on():
            self._next_due = tasks.next_due(reads.connection)
            self._announce()
            executor.look_for_work()
        if self._next_due is not None and self._is_due(self._next_due):
            longest = self.settings.retry.max_s * (1 + self.settings.retry.jitter)
            executor.report(lambda c: tasks.queue_due(c, self._clock.now(), longest))
            executor.look_for_work()
        if self._to_tidy:
            self._to_tidy = False
            executor.report(self._environments.forget_unused)
        if liveness and self._claims == "all":
            self._look_after_the_dead()
        if liveness and (executor.watched or (self._pool is not None and self._pool.busy)):
            self._look_at_runs()
        if liveness:
            self._watch()

    def _is_due(self, due: int) -> bool:
        now, retry = self._clock.now(), self.settings.retry
        return due <= now or due - now > int(retry.max_s * (1 + retry.jitter) * 1_000_000)

    def _look_after_the_dead(self) -> None:
        c = self._reads.connection
        if self._registration and inheritance.anything_left(c, self.paths, self._registration.id):
            self._job(self._inherit).add_done_callback(self._inherited)

    def _inherit(self, c: sqlite3.Connection) -> list[inheritance.Orphan]:
        if self._registration is None:
            return []
        return inheritance.inherit(c, self.paths, self._registration.id, self._clock.now())

    def _inherited(self, future: Future[list[inheritance.Orphan]]) -> None:
        if future.exception() is None:
            self._from_any_thread(functools.partial(self._adopt, future.result()))

    def _adopt(self, orphans: list[inheritance.Orphan]) -> None:
        if self._executor is None:
            return
        for orphan in orphans:
            self._executor.adopt(reconcile.Watched(*orphan))
        if orphans:
            self._executor.look_at_adopted()

    def _on_slot_message(self, execution_id: str, message: dict[str, Any], slot: Any) -> None:
        if self._executor is not None:
            self._executor.on_message(execution_id, message, slot)

    def _on_slot_lost(self, execution_id: str) -> None:
        if self._executor is not None:
            self._executor.on_lost(execution_id)
