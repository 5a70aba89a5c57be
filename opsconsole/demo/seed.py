"""Fills a state directory with what the trace says had happened before: through the storage layer's own functions."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from opsconsole import host
from opsconsole.demo.host import PlayedHost
from opsconsole.demo.moment import DemoClock
from opsconsole.demo.play import Play
from opsconsole.demo.stage import Stage
from opsconsole.demo.trace import Ran, Trace
from opsconsole.demo.troubles import Troubles
from opsconsole.errors import StorageError
from opsconsole.execution import reconcile, submission
from opsconsole.execution.environment import EnvironmentStore
from opsconsole.models import ExecutionPolicy, Origin, Priority, Status, TaskSpec
from opsconsole.paths import StatePaths
from opsconsole.samples import series
from opsconsole.settings import RetrySettings, Settings
from opsconsole.storage import anomalies, consoles, database, endings, tasks
from opsconsole.storage.metrics import MetricsStore
from opsconsole.storage.tasks import NewTask

_ENDED = {
    "timed_out": ("timed_out", "ran longer than {timeout:g} s", "SIGTERM"),
    "killed": ("failed", "{why}", None),
    "cancelled": ("cancelled", "cancelled", "SIGTERM"),
    "abandoned": ("abandoned", "the supervisor died; nothing of its tree was found alive", None),
}
"""How else than by themselves runs end: status, reason, signal."""
_PROVIDERS = {"safe": "landlock+seccomp", "restricted": "bwrap+seccomp"}
"""What contained those that ran, by policy."""
_LONGEST_S = 3600.0
_PAST_STEP_S = 600
_JUST_NOW_S = 900
"""So much of the past is recorded each second; before, each second one."""
_POINTS, _POINTS_LONG_AGO = 60, 6
_FLUSH = 2000
_ACKNOWLEDGED_AFTER_S = 240.0
_QUEUED_LATER = frozenset({"queued"})
"""Tasks that no console may take while the past is told."""


@dataclass
class Seeding:
    """One directory's past. `executions`: (script, began, ended, execution id), for the episodes."""

    trace: Trace
    clock: DemoClock
    stage: Stage
    paths: StatePaths
    settings: Settings
    executions: list[tuple[str, float, float, str]] = field(default_factory=list)
    _built: dict[tuple[str, str], NewTask] = field(default_factory=dict)
    _ids: dict[str, int] = field(default_factory=dict)
    _later: dict[Path, list[bytes]] = field(default_factory=dict)
    stopped: bool = False
    """What is not filled yet need not be."""

    def run_of(self, name: str, second: float) -> str | None:
        """The execution of that script that was under way then, or had just ended."""
        found = [
            id
            for script, began, ended, id in self.executions
            if script == name and began - 900 <= second <= ended + 900
        ]
        return found[-1] if found else None

    def tasks(self) -> None:
        """The queue and its history. Raises OpsErrors."""
        self.paths.prepare()
        self._environments = EnvironmentStore(self.paths.environments)
        with self._console() as (c, console):
            for ran in self.trace.routine:
                self._ran(c, console, ran)
            for run in sorted(self.trace.runs, key=lambda run: run.get("as") in _QUEUED_LATER):
                self._run(c, console, run)

    @contextmanager
    def _console(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A transaction, and a console that has gone when it is over: what still runs is then taken over."""
        with closing(database.open_database(self.paths.database, lambda _: None)) as c:
            c.execute("BEGIN IMMEDIATE")
            origin = self._origin(self.trace.head["host"]["user"], "tui")
            gone = consoles.register(
                c, self.paths, origin, "all", pid=1 << 22, started=None, boot=host.boot_id(),
                now=self.clock.at(-self.trace.head["host"]["uptime_s"]),
            )  # fmt: skip
            try:
                yield c, gone.id
                consoles.sign_off(c, gone.id, self.clock.at(-60))
                c.execute("COMMIT")
            finally:
                gone.release()

    def _origin(self, actor: str, door: str) -> Origin:
        known = self.trace.head["host"]
        return Origin(known["name"], door, actor, known["ssh_client"] if door == "tui" else None)

    # -- one task

    def _task(self, name: str, policy: str) -> NewTask:
        """As the real submission builds it, judged and all; once for each script and policy."""
        found = self._built.get((name, policy))
        if found is None:
            spec = TaskSpec(
                script=self.trace.scripts[name]["body"], name=name, policy=ExecutionPolicy(policy), cwd="/",
                timeout_s=_LONGEST_S, confirmed=True, reason="in the scenario of the demo",
            )  # fmt: skip
            found = self._built[name, policy] = submission.build(
                spec, self.settings, self._origin("deploy", "tui"), self._environments, self.paths,
                environ={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            )  # fmt: skip
        return found

    def _insert(self, c: sqlite3.Connection, run: dict[str, Any], status: Status = Status.QUEUED) -> int:
        policy = run.get("policy", "standard")
        built = self._task(run["name"], policy)
        timeout, why = run.get("timeout", _LONGEST_S), run.get("why")
        new = replace(
            built, status=status, reason=built.reason if status is Status.REFUSED else None, exit_code=None,
            priority=Priority.parse(run.get("priority", "normal")), attempts=run.get("attempts", 1),
            origin=self._origin(run.get("by", "deploy"), run.get("door", "tui")), labels=run.get("labels"),
            spec={**built.spec, "timeout_s": timeout, "reason": why if policy == "elevated" else None},
            held=run.get("as") == "held", after=self._ids.get(run.get("after", "")),
            environment=built.environment or self._built_environment(),
        )  # fmt: skip
        (task_id,) = tasks.insert(c, [new], self.clock.at(run["at"]), self.settings.queue)
        self._ids[run["name"]] = task_id
        if run.get("pinned"):
            origin = new.origin
            tasks.pin(c, task_id, True, f"{origin.actor} ({origin.door})", self.clock.at(run["at"]))
        return task_id

    def _built_environment(self) -> str:
        return self._environments.keep({"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"})

    def _begin(self, c: sqlite3.Connection, console: int, run: dict[str, Any], at: float) -> Play:
        """Claim what was queued just now, and begin to play it at a second."""
        (claimed,) = tasks.claim(c, console, 1, 1 << 20, self.clock.at(at), host.boot_id(), own_only=False)
        script = self.trace.scripts[claimed.name]
        folder = self.paths.run_folder(claimed.execution_id)
        play = Play(
            folder, script, launch=claimed.launch, began_us=self.clock.at(at), body=claimed.body,
            takes=run.get("takes"), exit=run.get("exit"), timeout_s=run.get("timeout", _LONGEST_S),
            pid=self.stage.next_pid(), points=run.get("points", _POINTS),
            later=self._later if "points" in run else None, provider=_PROVIDERS.get(claimed.policy, ""),
        )  # fmt: skip
        self.executions.append((claimed.name, at, at + float(run.get("takes", script["takes"])), claimed.execution_id))
        return play

    def _end(self, c: sqlite3.Connection, play: Play, result: dict[str, Any], now: int, retry: RetrySettings) -> None:
        outcome = reconcile.outcome_of(play.execution_id, result, self.paths)
        found = replace(outcome, output_text=play.printed()[-self.settings.history.index_output :])
        endings.finish(c, [found], now, retry, random.Random(0))  # noqa: S311 - no delay is to stray

    def _ran(self, c: sqlite3.Connection, console: int, ran: Ran) -> None:
        run = {
            "name": ran.name, "at": ran.at, "takes": ran.took, "exit": ran.exit, "by": ran.actor, "door": ran.door,
            "policy": ran.policy, "points": _POINTS_LONG_AGO,
        }  # fmt: skip
        self._run(c, console, run)

    def _run(self, c: sqlite3.Connection, console: int, run: dict[str, Any]) -> None:
        kind = run.get("as", "")
        if kind == "refused":
            self._insert(c, run, Status.REFUSED)
            return
        self._insert(c, run)
        if kind in ("queued", "held", "after"):
            return
        at = float(run["at"]) + run.get("waited", 0.4)
        play = self._begin(c, console, run, at)
        if kind == "running":
            self._goes_on(c, play)
            return
        took = float(run.get("takes", self.trace.scripts[run["name"]]["takes"]))
        retry = replace(self.settings.retry, base_s=0.001, jitter=0.0)
        ended = self.clock.at(at + took)
        if kind in ("retry", "again"):
            wait = float(run["due"])
            retry = replace(retry, base_s=wait, max_s=wait)
            ended = self.clock.zero_us if kind == "retry" else ended
        self._end(c, play, self._result(play, run, kind, took), ended, retry)
        if kind == "again":
            begins = at + took + float(run["due"]) + 1
            tasks.queue_due(c, self.clock.at(begins), _LONGEST_S)
            again = {**run, "takes": self.trace.scripts[run["name"]]["takes"], "exit": 0}
            self._goes_on(c, self._begin(c, console, again, begins))

    def _result(self, play: Play, run: dict[str, Any], kind: str, took: float) -> dict[str, Any]:
        if kind in _ENDED:
            status, reason, signal = _ENDED[kind]
            text = reason.format(timeout=run.get("timeout", _LONGEST_S), why=run.get("why", ""))
            return play.end(took, status, reason=text, signal=run.get("signal", signal))
        code = run.get("exit", self.trace.scripts[run["name"]].get("exit", 0))
        if code:
            return play.end(took, "failed", reason=f"exit code {code}", exit_code=code)
        return play.end(took, "completed", exit_code=0)

    def _goes_on(self, c: sqlite3.Connection, play: Play) -> None:
        play.advance(self.clock.zero_us)
        report = {"leader": play.pid + 1, "leader_start": None, "started_at": play.began_us}
        tasks.mark_supervised(c, play.execution_id, (play.pid, None), report)
        self.stage.take(play)

    # -- the rest

    def episodes(self, troubles: Troubles) -> None:
        """What is or was wrong at second 0, and what people did about it. Raises OpsErrors."""
        with closing(database.open_database(self.paths.database, lambda _: None)) as c:
            c.execute("BEGIN IMMEDIATE")
            for number in troubles.numbers:
                found = troubles.at(number, 0.0)
                if found is None:
                    continue
                anomalies.save(c, found)
                by, notes = troubles.people(number)
                seen = found.opened_at + round(_ACKNOWLEDGED_AFTER_S * 1e6)
                if by is not None:
                    anomalies.acknowledge(c, number, by, seen)
                for who, text in notes:
                    anomalies.note(c, number, who, text, seen + 60_000_000)
            c.execute("COMMIT")

    def just_now(self, host: PlayedHost) -> None:
        """The last minutes, each second of them: what the first look draws. Raises OpsErrors."""
        self._record((second, series(host.sample(second))) for second in range(-_JUST_NOW_S, 0))

    def long_ago(self, host: PlayedHost) -> None:
        """The trace before them, the days before that, coarsely, and what runs of the weeks before have printed.
        Raises OpsErrors, OSError."""
        for file, parts in self._later.items():
            if self.stopped:
                return
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(b"".join(parts))
        self._record(self._days())
        begins = round(self.trace.begins)
        self._record((second, series(host.sample(second))) for second in range(begins, -_JUST_NOW_S, 2))

    def _record(self, samples: Iterable[tuple[float, dict[str, float]]]) -> None:
        store = MetricsStore(self.paths.root / "metrics.db", self.settings.monitor, self.clock, commit_s=_LONGEST_S)
        with closing(store):
            for count, (second, values) in enumerate(samples, 1):
                store.record(self.clock.at(second), values)
                if self.stopped:
                    return
                if count % _FLUSH == 0 and not store.flush():
                    break
            if not store.flush():
                raise StorageError("the past of the demo could not be written")

    def _days(self) -> Iterator[tuple[float, dict[str, float]]]:
        names = [_RECORDED.get(name, name) for name in self.trace.head["past"]]
        points = self.trace.past
        for (second, values), (after, following) in pairwise(points):
            at = second
            while at < after and at < self.trace.begins:
                share = (at - second) / (after - second)
                mixed = (old + (new - old) * share for old, new in zip(values, following, strict=True))
                yield at, dict(zip(names, mixed, strict=True))
                at += _PAST_STEP_S


_RECORDED = {
    "read": "drive_read:nvme1n1", "write": "drive_write:sdb", "rx": "net_rx:eth0", "tx": "net_tx:eth0",
    "psi_io": "pressure_io",
}  # fmt: skip
"""Series of the trace under the names they are recorded by."""
