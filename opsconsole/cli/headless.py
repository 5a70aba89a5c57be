"""Scripts run from the command line: submit, copy their output while they run, wait for their ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.cli import diagnostics, output, signals, wording
from opsconsole.cli.live import Copied, Copier
from opsconsole.cli.opened import looking, start_worker_if_draining
from opsconsole.engine import Engine
from opsconsole.errors import IllegalTransition, OpsError
from opsconsole.events import Event, TaskChanged
from opsconsole.execution.outputs import gap_note
from opsconsole.models import ExecutionResult, Status, Task, TaskSpec

SAY_WHY_AFTER_S = 1.0
LAST_TURNS, LAST_TURN_S = 20, 0.05


@dataclass(slots=True)
class Watch:
    """A submitted task: which of its attempts is being copied, and how many have ended."""

    label: str
    """`[1/3] name`, where progress is shown."""
    copied: Copied | None = None
    following: int = 0
    ended: int = 0


class Headless:
    """One `opsconsole --run`, however many scripts it was given. `stdin_fd` is for the only one."""

    def __init__(
        self, engine: Engine, specs: Sequence[TaskSpec], *, jobs: int, json: bool, stdin_fd: int | None
    ) -> None:
        self._engine = engine
        self._specs = specs
        self._json = json
        self._stdin_fd = stdin_fd
        self._by_line = jobs > 1 and len(specs) > 1
        self._turns = asyncio.Semaphore(jobs)
        self._submitting = asyncio.Lock()
        self._copier = Copier(by_line=self._by_line and not json)
        self._watches: dict[int, Watch] = {}
        self._submitted: set[int] = set()
        self._background: set[asyncio.Task[Any]] = set()
        self._stopped_by: signal.Signals | None = None
        self._interrupted = asyncio.Event()
        self._hung_up = asyncio.Event()

    async def run(self) -> int:
        """The exit code: of the first script, in the order given, whose code is not 0. Raises OpsErrors."""
        signals.listen(asyncio.get_running_loop(), self._on_signal)
        self._engine.subscribe(self._hear)
        async with self._engine:
            work = asyncio.gather(*(self._one(index, spec) for index, spec in enumerate(self._specs)))
            if await self._unless(self._hung_up, work):
                codes = work.result()
                self._watches.clear()
                everything_out = self._everything_out()
                if self._stopped_by is None:
                    await self._unless(self._interrupted, everything_out)
                else:
                    await self._a_while(everything_out)
        if self._hung_up.is_set():
            self._leave_the_rest()
            return diagnostics.SIGNALLED + signal.SIGHUP
        if self._stopped_by is not None:
            return diagnostics.SIGNALLED + self._stopped_by
        if self._copier.failed:
            return diagnostics.FAILED
        return next((code for code in codes if code), 0)

    async def _unless(self, event: asyncio.Event, work: asyncio.Future[Any]) -> bool:
        """Wait for `work`; False if `event` came first, and `work` is then cancelled."""
        happened = asyncio.ensure_future(event.wait())
        await asyncio.wait([happened, work], return_when=asyncio.FIRST_COMPLETED)
        happened.cancel()
        if work.done():
            return True
        async with self._submitting:  # a submission under way is finished first
            work.cancel()
        return False

    # -- one script

    async def _one(self, index: int, spec: TaskSpec) -> int:
        async with self._turns:
            if self._stopping():
                return diagnostics.CANCELLED
            try:
                task = await self._submit(index, spec)
            except OpsError as error:
                return diagnostics.report(error)
            if self._stopping():
                await self._cancel(task.id)
            saying = self._in_background(self._say_what_it_waits_for(task))
            result = await self._engine.wait(task.id)
            saying.cancel()
            self._look(self._engine.task(task.id))
            return diagnostics.exit_code(result)

    def _stopping(self) -> bool:
        return self._stopped_by is not None

    async def _submit(self, index: int, spec: TaskSpec) -> Task:
        async with self._submitting:
            task = await self._engine.submit(spec, stdin_fd=self._stdin_fd)
            self._submitted.add(index)
            several = len(self._specs) > 1 and diagnostics.stderr.terminal
            name = diagnostics.harmless(task.name)
            self._watches[task.id] = Watch(f"[{index + 1}/{len(self._specs)}] {name}" if several else "")
        self._look(self._engine.task(task.id))
        return task

    async def _say_what_it_waits_for(self, task: Task) -> None:
        while True:
            await asyncio.sleep(SAY_WHY_AFTER_S)
            if why := self._engine.waiting_reason(task.id):
                diagnostics.tell(f"task {task.id} ({task.name}) waits: {why}")
                return

    # -- what the engine says

    def _hear(self, event: Event) -> None:
        if isinstance(event, TaskChanged):
            self._look(event.task)

    def _look(self, task: Task) -> None:
        """Follow what runs, finish with what has ended. Once too often does no harm."""
        watch = self._watches.get(task.id)
        if watch is None:
            return
        while watch.ended < task.attempt - task.status.is_open:
            watch.ended += 1
            self._attempt_ended(watch, task, f"{task.id}.{watch.ended}")
        if task.status.is_active and watch.following < task.attempt:
            self._follow(watch, task, task.execution_id)
            watch.following = task.attempt

    def _follow(self, watch: Watch, task: Task, execution_id: str) -> Copied:
        folder = None if self._json else self._engine.paths.run_folder(execution_id)
        heading = f"{watch.label}\n" if watch.label and watch.copied is None else ""
        prefix = f"{diagnostics.harmless(task.name)} │ " if self._by_line else ""
        on_terminal = folder is not None and (output.stdout.terminal or diagnostics.stderr.terminal)
        hiding = self._engine.hiding_of(task.id, execution_id) if on_terminal else None
        watch.copied = self._copier.follow(
            folder, live=task.status.is_active, heading=heading, prefix=prefix, hiding=hiding
        )
        return watch.copied

    def _attempt_ended(self, watch: Watch, task: Task, execution_id: str) -> None:
        result = self._engine.result(execution_id)
        copied = watch.copied if watch.following == watch.ended else None
        if copied is None:
            copied = self._follow(watch, task, execution_id)
            watch.following = watch.ended
        waits = task.reason if task.status is Status.WAITING else None
        self._copier.ended(copied, lambda run: self._say_how_it_ended(run, result, waits, watch.label))

    # -- in the copier's thread

    def _say_how_it_ended(self, run: Copied, result: ExecutionResult, waits: str | None, label: str) -> None:
        if self._json:
            self._copier.send(output.stdout, output.json_line(result.to_json()))
        messages = (
            *self._what_is_missing(run, result),
            f"{result.name}: {waits}; it will be tried again" if waits else diagnostics.ending(result),
            diagnostics.left_running(result),
        )
        if any(messages) or label:
            self._copier.fresh_line()
        for message in messages:
            if message:
                diagnostics.tell(message)
        if label and not waits:
            took = f", {wording.duration(result.duration_s)}" if result.duration_s is not None else ""
            self._copier.send(diagnostics.stderr, f"{label}: {result.status}{took}\n".encode("utf-8", "replace"))

    def _what_is_missing(self, run: Copied, result: ExecutionResult) -> list[str]:
        """What this copy or the record lacks of the output."""
        said = []
        for name, lost in run.missing.items():
            path = result.output.get(f"{name}_path")
            if lost:
                said.append(f"{result.name}: {lost} bytes of {name} are missing here, as in the record: {path}")
            elif note := gap_note(dict(result.output), name):
                said.append(f"{result.name}: in the record {note}: {path}")
        return said

    # -- signals

    def _on_signal(self, number: signal.Signals) -> None:
        self._interrupted.set()
        if number == signal.SIGHUP:
            self._hung_up.set()
            return
        again = self._stopped_by is not None
        self._stopped_by = self._stopped_by or number
        for task_id in list(self._watches):
            task = self._engine.task(task_id)
            if task.status.is_open:
                diagnostics.tell(f"{'still cancelling' if again else 'cancelling'} task {task_id} ({task.name})")
                self._in_background(self._cancel(task_id))

    async def _cancel(self, task_id: int) -> None:
        try:
            await self._engine.cancel(task_id)
        except IllegalTransition:
            return  # it ended meanwhile

    def _leave_the_rest(self) -> None:
        """After SIGHUP: what was not submitted yet is queued, and with `on_hangup = "drain"` somebody works it off."""
        with looking() as engine:
            for index, spec in enumerate(self._specs):
                if index not in self._submitted:
                    engine.add(spec)
        start_worker_if_draining()

    # -- small change

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _a_while(self, work: asyncio.Future[None]) -> None:
        """Wait for it a second, in many short turns: one in which the whole machine stood still uses up none other."""
        for _ in range(LAST_TURNS):
            if (await asyncio.wait([work], timeout=LAST_TURN_S))[0]:
                return

    def _everything_out(self) -> asyncio.Future[None]:
        """Done when the last byte has been written; a reader who does not read can delay that for ever."""
        loop = asyncio.get_running_loop()
        out: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not out.done():
                out.set_result(None)

        def tell_the_loop() -> None:
            try:
                loop.call_soon_threadsafe(tell)
            except RuntimeError:
                return  # nobody waits any more

        self._copier.close(tell_the_loop)
        return out
