"""Every open row against reality: what a dead console left is finished, requeued, abandoned, or adopted.

result.json present → finish the row; lock held → alive, to be watched; never claimed → voided and queued again, after
so many launches ended as failed; else the supervisor died: its tree is killed, the row is abandoned, survivors named.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsconsole import host
from opsconsole.clock import Clock
from opsconsole.execution import runfolder
from opsconsole.models import Status
from opsconsole.paths import StatePaths
from opsconsole.settings import RetrySettings
from opsconsole.storage import endings, tasks

PARENT_KILLS_WITHIN_S = 1.2
"""The lean parent of a killed supervisor needs this long at most to kill the tree and write the result."""
KILL_WAIT_S = 1.0
KILLS_AT_LEAST = 10
LAUNCHES = 5
"""So many may come to nothing: one goes with a console that is killed, all of them only where no supervisor lives long
enough to begin. The number is in the task's row, so a restart goes on counting."""
_FAR_FUTURE_US = 1 << 62
"""No time is as late: a script of the operator's own can write into the file that is read here."""


@dataclass(slots=True)
class Watched:
    """An open execution without a socket of ours to its supervisor."""

    execution_id: str
    launch: int
    boot_id: str = ""
    dead_since: float | None = None
    again_at: float | None = None
    """Voided, it is queued again then."""
    seen_lines: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)


def outcome_of(execution_id: str, result: dict[str, Any], paths: StatePaths) -> endings.Outcome:
    """A supervisor's report as the storage records it."""
    return endings.Outcome(
        execution_id=execution_id,
        status=Status(result["status"]),
        reason=result.get("reason"),
        exit_code=result.get("exit_code"),
        signal=result.get("signal"),
        started_at=result.get("started_at"),
        finished_at=result["finished_at"],
        duration_s=result.get("duration_s"),
        report={key: value for key, value in result.items() if key not in _IN_COLUMNS},
        bytes_kept=_kept(execution_id, result, paths),
    )


_IN_COLUMNS = frozenset(
    {"op", "id", "launch", "status", "reason", "exit_code", "signal", "started_at", "finished_at", "duration_s",
     "retired"}
)  # fmt: skip


def _kept(execution_id: str, result: dict[str, Any], paths: StatePaths) -> int:
    output = result.get("output")
    if not output:
        return runfolder.stream_bytes(paths.run_folder(execution_id))
    kept = 0
    for name in ("stdout", "stderr"):
        gap = output.get(f"{name}_gap") or {}
        kept += output[f"{name}_bytes"] - gap.get("bytes", 0) - gap.get("lost_at_end", 0)
    return kept


def look(watched: Watched, paths: StatePaths, clock: Callable[[], float], now: int) -> endings.Outcome | str | None:
    """One look at a watched execution: its outcome, `unclaimed` (voided: queue it again), or None (goes on).

    New claim lines (leader, pauses) are left in `watched.told`.
    """
    folder = paths.run_folder(watched.execution_id)
    finding = runfolder.inspect(folder, watched.launch)
    if len(finding.lines) > watched.seen_lines:
        watched.told = finding.lines[:1] + finding.lines[max(1, watched.seen_lines) :]
        watched.seen_lines = len(finding.lines)
    if finding.standing == "result":
        return outcome_of(watched.execution_id, finding.result, paths)
    if finding.standing == "unclaimed":
        return "unclaimed" if runfolder.void(folder, watched.launch) else None
    if finding.standing == "alive":
        watched.dead_since = None
        return None
    if watched.dead_since is None:
        watched.dead_since = clock()
    restarted = watched.boot_id not in ("", host.boot_id())
    heir = finding.entry("supervisor").get("parent") or (None, None)
    if clock() - watched.dead_since < PARENT_KILLS_WITHIN_S and host.is_alive(*heir) and not restarted:
        return None
    return abandon(watched.execution_id, finding, folder, now, restarted=restarted)


def pause_before_next(launch: int, retry: RetrySettings) -> float:
    """Seconds after a launch that never began: none after the first, which may have gone with its console; then as
    before an attempt, so that a host that is short of memory for a while does not use up what is queued.
    """
    return 0.0 if launch < 2 else min(retry.max_s, retry.base_s * 2.0 ** (launch - 1))


def put_back(
    c: sqlite3.Connection, execution_id: str, launch: int, now: int, retry: RetrySettings, luck: random.Random
) -> list[int]:
    """A voided launch: its task is queued again, or ends as failed if it was the last of `LAUNCHES`. Ids of the tasks
    that ended.
    """
    task_id = int(execution_id.partition(".")[0])
    if launch < LAUNCHES or tasks.get(c, task_id).cancel_requested:
        tasks.unclaim(c, execution_id, launch)
        return []
    if not tasks.is_preparing(c, execution_id, launch):
        return []
    reason = (
        f"it was never run: {launch} launches in a row came to nothing, its supervisor or console being gone before it "
        "began; see `opsconsole doctor` and console.log in the state directory, then run it again"
    )
    outcome = endings.Outcome(execution_id, Status.FAILED, reason, None, None, None, now, None, {"kill": None})
    return endings.finish(c, [outcome], now, retry, luck)


def abandon(
    execution_id: str, finding: runfolder.Finding, folder: Path, now: int, *, restarted: bool = False
) -> endings.Outcome:
    """The supervisor died without a word: kill what is left of its tree, and say what is so."""
    survivors = [] if restarted else kill_remains(finding, folder)
    started = finding.entry("leader")
    reason = "the host was restarted while it ran" if restarted else "the supervisor died"
    if survivors:
        reason += f"; still alive: {', '.join(str(entry['pid']) for entry in survivors)}"
    elif not restarted and finding.entry("leader"):
        reason += "; nothing of its tree was found alive"
    return endings.Outcome(
        execution_id=execution_id,
        status=Status.ABANDONED,
        reason=reason,
        exit_code=None,
        signal=None,
        started_at=started.get("at"),
        finished_at=now,
        duration_s=None,
        report={
            "survivors": survivors,
            "supervisor": finding.entry("supervisor").get("supervisor"),
            "leader": started.get("leader"),
        },
        bytes_kept=runfolder.stream_bytes(folder),
    )


def kill_remains(finding: runfolder.Finding, folder: Path) -> list[dict[str, Any]]:
    """SIGKILL to every process of the run that can be found; those that live on, with pid and start time."""
    cgroup = finding.entry("cgroup").get("cgroup")
    leader = finding.entry("leader")
    until = time.monotonic() + KILL_WAIT_S
    turns = 0
    while True:
        turns += 1
        if cgroup:
            _cgroup_kill(cgroup)
        found = dict(host.processes_marked(folder))
        if leader.get("start") is not None:
            found.update(host.processes_of_session(leader["leader"], leader["start"]))
        for pid, started in found.items():
            _kill_exactly(pid, started)
        alive = {pid: started for pid, started in found.items() if host.is_alive(pid, started)}
        if not alive or (turns > KILLS_AT_LEAST and time.monotonic() >= until):
            return [_named(pid, started) for pid, started in alive.items()]
        time.sleep(0.005)


def _named(pid: int, started: int) -> dict[str, Any]:
    from opsconsole.execution.supervisor.kernel import process_name

    return {"pid": pid, "start": started, "name": process_name(pid)}


def _cgroup_kill(path: str) -> None:
    name = os.path.basename(os.path.dirname(path))
    if not name.startswith("opsconsole-"):
        return
    try:
        with open(f"{path}/cgroup.kill", "w") as file:
            file.write("1")
    except OSError:
        return  # gone with its last process, or not ours to write: the marked processes remain


def _kill_exactly(pid: int, started: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if host.is_alive(pid, started):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(fd)


def apply_told(c: sqlite3.Connection, execution_id: str, told: list[dict[str, Any]], now: int) -> None:
    """Bring a row up to what its supervisor says: started, paused, resumed. `now`: when it was heard, for a supervisor
    that does not say when it was.
    """
    supervisor = next((line for line in told if "supervisor" in line), {})
    for line in told:
        if "leader" in line:
            who = supervisor.get("supervisor") or 0, supervisor.get("start")
            report = {"leader": line["leader"], "leader_start": line.get("start"), "started_at": line.get("at")}
            tasks.mark_supervised(c, execution_id, who, report)
        elif "status" in line:
            at, by = line.get("at"), line.get("by")
            tasks.mark_paused(
                c,
                execution_id,
                paused=line["status"] == "paused",
                how=str(line.get("how") or ""),
                by=by if isinstance(by, str) else None,
                at=at if isinstance(at, int) and 0 < at < _FAR_FUTURE_US else now,
            )


def look_until_certain(watched: Watched, paths: StatePaths, clock: Clock) -> endings.Outcome | str | None:
    """`look`, waiting for a killed supervisor's parent to do its work: at most a second or two."""
    while True:
        found = look(watched, paths, clock.monotonic, clock.now())
        if found is not None or watched.dead_since is None:
            return found
        time.sleep(0.05)
