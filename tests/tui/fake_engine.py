"""An engine without processes: the same reads and commands as `opsconsole.engine.Engine`, on rows in memory.

Output is real files in a run folder, so that the console reads it as it reads a real run's.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from opsconsole.errors import OpsError, TaskNotFound
from opsconsole.events import Event, EventBus, TaskChanged
from opsconsole.execution.showing import Hiding
from opsconsole.models import ExecutionPolicy, ExecutionResult, Origin, Priority, Status, Task, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.safety.policy import Decision
from opsconsole.safety.redact import NOTHING, Redaction
from opsconsole.settings import Settings
from opsconsole.storage.anomalies import AnomalyFilter
from opsconsole.storage.asked import Asked
from opsconsole.storage.costs import Cost
from opsconsole.storage.course import Course
from opsconsole.storage.looks import LOUD, DeadConsole, Happened
from opsconsole.storage.running import Running
from tests.tui.fake_monitoring import FakeStation

NOW = 1_795_183_331_000_000  # 2026-11-20 14:02:11 UTC
SECOND = 1_000_000

_BLANK = Task(
    id=0, name="", status=Status.QUEUED, reason=None, priority=Priority.NORMAL, policy=ExecutionPolicy.STANDARD,
    interpreter="bash", attempt=1, attempts=1, queued_at=NOW, due_at=None, started_at=None, finished_at=None,
    duration_s=None, exit_code=None, signal=None, held=False, after_id=None, console_id=1, host="web-03", door="tui",
    actor="deploy", ssh_client="10.0.4.7", parent_id=None, parent_kind=None, labels={}, pinned=False,
    script_sha256="0" * 64, cancel_requested=False, rev=1,
)  # fmt: skip


class FakeEngine:
    """`calls` has every command; `refusal` is raised by the next one."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.origin = Origin("web-03", "tui", "deploy")
        self.paths = StatePaths(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "welcomed").touch()  # the first start's hint would lie over what is looked at
        self.bus = EventBus()
        self.calls: list[tuple[Any, ...]] = []
        self.specs: list[TaskSpec] = []
        self.refusal: OpsError | None = None
        self.closed = False
        self.unwritable: OpsError | None = None
        self.unread: OpsError | None = None
        self.cramped = False
        self.holds: asyncio.Event | None = None
        """If there is one, the start waits for it."""
        self.plans: dict[str, SimpleNamespace] = {}
        self.waiting: dict[int, str] = {}
        self.scripts: dict[int, bytes] = {}
        self.asking: dict[int, Asked] = {}
        self.courses: dict[int, Course] = {}
        self.looked_at: int | None = None
        self.running: list[Running] = []
        """Who supervises which run."""
        self.dead_consoles: list[DeadConsole] = []
        self.other_consoles: list[SimpleNamespace] = []
        self.monitoring = FakeStation(self.bus, NOW)
        self._tasks: dict[int, Task] = {}
        self._results: dict[int, dict[str, Any]] = {}
        self._rev = 1

    # -- for tests

    def put(self, **fields: Any) -> Task:
        """Add or change a task, and say so."""
        task_id = fields.get("id") or max(self._tasks, default=0) + 1
        self._rev += 1
        before = self._tasks.get(task_id)
        task = dataclasses.replace(before or _BLANK, **{**fields, "id": task_id, "rev": self._rev})
        self._tasks[task_id] = task
        self.bus.publish(TaskChanged(task, before.status if before else None))
        return task

    def report(self, task_id: int, **fields: Any) -> None:
        """What its result says: metrics, supervision, containment, output."""
        self._results.setdefault(task_id, {}).update(fields)

    def write(self, task_id: int, *pieces: tuple[str, bytes], ended: bool = False) -> Path:
        """Append output of the newest attempt, in order: ("stdout", b"…")."""
        folder = self.paths.run_folder(self._tasks[task_id].execution_id)
        folder.mkdir(parents=True, exist_ok=True)
        for stream, data in pieces:
            with open(folder / stream, "ab") as file:
                file.write(data)
            with open(folder / "timing", "ab") as file:
                file.write(b"%s 0.1 %d\n" % (b"o" if stream == "stdout" else b"e", len(data)))
        if ended:
            (folder / "result.json").write_text(json.dumps({"output": {}}))
        return folder

    def publish(self, event: Event) -> None:
        self.bus.publish(event)

    # -- life

    async def start(self) -> None:
        if self.holds is not None:
            await self.holds.wait()
        self._command("start", None)

    async def close(self) -> None:
        self.closed = True

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        return self.bus.subscribe(listener)

    # -- commands

    def plan(self, spec: TaskSpec, *, review_by: object = None) -> SimpleNamespace:
        name = _named(spec)
        planned = self.plans.get(name) or SimpleNamespace(
            name=name, decision=Decision("allow"), spec={"findings": []}, redaction=NOTHING
        )
        body = Path(spec.path).read_bytes() if spec.path is not None else spec.script
        return SimpleNamespace(**{"body": body, "interpreter": "bash", **vars(planned)})

    async def submitted(self, spec: TaskSpec) -> Task:
        return await self.submit(spec)

    async def submit(self, spec: TaskSpec) -> Task:
        self._command("submit", None)
        self.specs.append(spec)
        name = _named(spec)
        status = Status.WAITING if spec.hold else Status.QUEUED
        return self.put(
            name=name,
            status=status,
            held=spec.hold,
            policy=spec.policy,
            priority=spec.priority,
            attempts=spec.retries + 1,
        )

    async def cancel(self, task_id: int, reason: str | None = None) -> Task:
        self._command("cancel", task_id, *_given(reason))
        if self._tasks[task_id].status.is_active:
            return self.put(id=task_id, cancel_requested=True)
        return self.put(id=task_id, status=Status.CANCELLED, reason="cancelled by deploy", finished_at=NOW)

    async def pause(self, task_id: int, reason: str | None = None) -> Task:
        self._command("pause", task_id, *_given(reason))
        return self.put(id=task_id, status=Status.PAUSED, reason="frozen (cgroup.freeze)")

    async def resume(self, task_id: int, reason: str | None = None) -> Task:
        self._command("resume", task_id, *_given(reason))
        return self.put(id=task_id, status=Status.RUNNING, reason=None)

    async def hold(self, task_id: int, reason: str | None = None) -> Task:
        self._command("hold", task_id, *_given(reason))
        return self.put(id=task_id, status=Status.WAITING, held=True)

    async def release(self, task_id: int, reason: str | None = None) -> Task:
        self._command("release", task_id, *_given(reason))
        return self.put(id=task_id, status=Status.QUEUED, held=False)

    async def retry(self, task_id: int) -> Task:
        self._command("retry", task_id)
        return self.put(name=self._tasks[task_id].name, parent_id=task_id, parent_kind="retry")

    async def set_priority(self, task_id: int, priority: Priority, reason: str | None = None) -> Task:
        self._command("set_priority", task_id, priority, *_given(reason))
        return self.put(id=task_id, priority=priority)

    async def pin(self, task_id: int, pinned: bool = True, reason: str | None = None) -> Task:
        self._command("pin", task_id, pinned, *_given(reason))
        return self.put(id=task_id, pinned=pinned)

    def _command(self, name: str, task_id: int | None, *more: Any) -> None:
        self.calls.append((name, *([task_id] if task_id is not None else []), *more))
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal

    # -- reads

    def task(self, task_id: int) -> Task:
        if task_id not in self._tasks:
            raise TaskNotFound(f"there is no task {task_id}")
        return self._tasks[task_id]

    def tasks(self, filter: Any = None) -> list[Task]:
        found = sorted(self._tasks.values(), key=lambda task: -task.id)
        if filter is None:
            return found
        return [
            task
            for task in found
            if (not filter.statuses or task.status in filter.statuses)
            and (filter.name is None or filter.name.casefold() in task.name.casefold())
            and (filter.exit_code is None or task.exit_code == filter.exit_code)
        ][: filter.limit]

    def revision(self) -> object:
        """Rows of anomalies are changed behind its back."""
        return object()

    def counts(self) -> Mapping[Status, int]:
        return Counter(task.status for task in self._tasks.values())

    def waiting_reason(self, task_id: int) -> str | None:
        return self.waiting.get(task_id)

    def archive(self) -> Any:
        from tests.tui.history.fake_archive import FakeArchive

        return FakeArchive(self.tasks)

    def consoles(self) -> Sequence[Any]:
        return self.other_consoles

    def under_way(self) -> list[Running]:
        return self.running

    def last_look(self) -> int | None:
        return self.looked_at

    def looked(self, at_us: int) -> None:
        self._command("looked", None, at_us)
        self.looked_at = max(self.looked_at or 0, at_us)

    def happened(self, since_us: int) -> Happened:
        ended = [one for one in self._tasks.values() if (one.finished_at or 0) >= since_us and not one.status.is_open]
        loud = sorted((one for one in ended if one.status in LOUD), key=lambda one: -(one.finished_at or 0))
        episodes = self.monitoring.anomalies(AnomalyFilter(since_us=since_us, limit=500))
        told = [one for one in episodes if one.opened_at >= since_us or one.closed_at is not None]
        return Happened(loud, Counter(one.status for one in ended), told, self.dead_consoles)

    def next_queued(self) -> Task | None:
        queued = [one for one in self._tasks.values() if one.status is Status.QUEUED]
        return min(queued, key=lambda one: (-one.priority, one.id), default=None)

    def attempts(self, task_id: int) -> list[ExecutionResult]:
        """The newest one, if it began; `older` of what is reported are more of them."""
        task = self.task(task_id)
        said = self._results.get(task_id, {}).get("older", ())
        older = [dataclasses.replace(self.result(task_id), **one) for one in said]
        return [*older, *([self.result(task_id)] if task.started_at is not None else [])]

    def costs(self, task_ids: Sequence[int]) -> dict[int, Cost]:
        found = {task_id: self._results.get(task_id, {}).get("metrics") for task_id in task_ids}
        return {
            task_id: Cost(said.get("user_cpu_s", 0) + said.get("system_cpu_s", 0), said.get("max_rss_bytes"))
            for task_id, said in found.items()
            if said
        }

    def course(self, task_id: int) -> Course:
        return self.courses.get(task_id, Course())

    def asked(self, task_id: int) -> Asked:
        return self.asking.get(task_id, Asked())

    def script(self, task_id: int) -> bytes:
        return self.scripts.get(task_id, b"#!/bin/sh\ntrue\n")

    def shown_script(self, task_id: int) -> bytes:
        return self.script(task_id)

    def redaction_of(self, task_id: int | None = None) -> Redaction:
        return NOTHING

    def hiding_of(self, task_id: int, execution_id: str) -> Hiding:
        return Hiding()

    def result(self, id: int | str) -> ExecutionResult:
        task = self.task(int(str(id).partition(".")[0]))
        folder = self.paths.run_folder(task.execution_id)
        said = self._results.get(task.id, {})
        _, _, attempt = str(id).partition(".")
        for one in said.get("older", ()):
            if attempt and int(attempt) == one["attempt"]:
                return dataclasses.replace(self.result(task.id), **one)
        began = task.started_at is not None
        output = {"stdout_bytes": 0, "stderr_bytes": 0, "truncated": False, **said.get("output", {})}
        output["stdout_path"] = str(folder / "stdout") if began else None
        return ExecutionResult(
            execution_id=task.execution_id, task_id=task.id, name=task.name, status=task.status,
            exit_code=task.exit_code, signal=task.signal, reason=task.reason, policy=task.policy.value,
            containment={"limits": {"timeout_s": 300.0}, "degraded": [], **said.get("containment", {})},
            verdict=said.get("verdict"), findings=said.get("findings", []), effects=said.get("effects", []),
            attempt=task.attempt, attempts=task.attempts, queued_at=task.queued_at,
            started_at=task.started_at, finished_at=task.finished_at, duration_s=task.duration_s,
            metrics=said.get("metrics", {}), output=output, script_sha256=task.script_sha256, origin={},
            supervision={"leftovers": [], "survivors": [], **said.get("supervision", {})},
            invocation=said.get("invocation", {}),
        )  # fmt: skip


def _named(spec: TaskSpec) -> str:
    return spec.name or Path(str(spec.path)).name


def _given(reason: str | None) -> tuple[str, ...]:
    """A call is told with its reason only where there was one."""
    return () if reason is None else (reason,)
