"""`opsconsole work`: a console without a screen."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal

from opsconsole.cli import diagnostics, signals, wording
from opsconsole.cli.arguments import Parser
from opsconsole.cli.opened import engine_for, start_worker_if_draining
from opsconsole.engine import Engine
from opsconsole.events import Event, TaskChanged
from opsconsole.models import ACTIVE, ExecutionResult, Status, Task
from opsconsole.storage.history import Filter

_EXAMPLES = (
    ("opsconsole work", "run what is queued, until Ctrl-C"),
    ("opsconsole work --until-empty", "work the queue off, then leave"),
)


def build() -> Parser:
    parser = Parser(
        "opsconsole work",
        "Claim and run what is queued, without a screen. Tells each start and end on stderr.\n"
        "On Ctrl-C, SIGTERM and SIGHUP it leaves (130, 143, 129); what runs goes on, what is queued stays queued.",
        _EXAMPLES,
    )
    parser.add_argument("--until-empty", action="store_true", help="leave when nothing is queued, due or running")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    return asyncio.run(_work(until_empty=options.until_empty))


async def _work(*, until_empty: bool) -> int:
    loop = asyncio.get_running_loop()
    told_to_leave: asyncio.Future[signal.Signals] = loop.create_future()
    signals.listen(loop, lambda number: None if told_to_leave.done() else told_to_leave.set_result(number))
    async with engine_for("work", "all", watches=not until_empty) as engine:
        reporter = Reporter(engine)
        engine.subscribe(reporter.hear)
        work = asyncio.ensure_future(engine.drained() if until_empty else loop.create_future())
        await asyncio.wait([work, told_to_leave], return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
    if not told_to_leave.done():
        return 0
    number = told_to_leave.result()
    if number == signal.SIGHUP:
        start_worker_if_draining()
    return diagnostics.SIGNALLED + number


class Reporter:
    """Tells each start and end of what this console runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own = next((console.id for console in engine.consoles() if console.pid == os.getpid()), None)
        self._told: dict[int, tuple[int, int]] = {}
        for task in engine.tasks(Filter(statuses=ACTIVE, limit=1_000_000)):
            if task.console_id == self._own:
                diagnostics.tell(f"{task.id} {task.name}: taken over, it is {task.status}")
                self._told[task.id] = task.attempt, task.attempt - 1

    def hear(self, event: Event) -> None:
        if isinstance(event, TaskChanged) and (event.task.console_id == self._own or event.task.id in self._told):
            self._tell(event.task)

    def _tell(self, task: Task) -> None:
        """What has begun and ended since the last time, attempt by attempt."""
        started, ended = self._told.get(task.id, (task.attempt - 1, task.attempt - 1))
        last_ended = task.attempt - task.status.is_open
        begun = task.attempt if task.status in (Status.RUNNING, Status.PAUSED) else last_ended
        for attempt in range(ended + 1, last_ended + 1):
            result = self._engine.result(f"{task.id}.{attempt}")
            if attempt > started and result.started_at is not None:
                diagnostics.tell(f"{task.id} {task.name}: started")
            diagnostics.tell(_ending(result))
        if begun > max(started, last_ended):
            diagnostics.tell(f"{task.id} {task.name}: started")
        if task.status.is_open:
            self._told[task.id] = max(started, begun), last_ended
        else:
            self._told.pop(task.id, None)


def _ending(result: ExecutionResult) -> str:
    how = f"exit code {result.exit_code}" if result.exit_code else result.reason or ""
    words = [str(result.status), how, wording.duration(result.duration_s)]
    return f"{result.task_id} {result.name}: {', '.join(word for word in words if word)}"
