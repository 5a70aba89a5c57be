"""Kill the console at a random point of a mixed load, start again, and hold the record against what really ran.

`python -m tests.faults.kill_rounds --rounds 200` plays all of them; the suite plays a sample. A round is known by its
seed. Every script appends a line to a common log when it starts and one when it ends, with the id of its execution: the
log is what happened, the rows are what opsconsole says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from opsconsole.engine import Engine
from opsconsole.errors import OpsError
from opsconsole.models import Priority, TaskSpec
from tests.faults import processes
from tests.faults.console import environment, quick

CONCURRENCY = 4
SETTLE_S = 90.0
SHM = "/dev/shm"  # thousands of small files that live for seconds

BEGIN = """
echo "start $OPSCONSOLE_EXEC_ID" >> "$LOG"
echo "$OPSCONSOLE_EXEC_ID says hello"
n=${OPSCONSOLE_EXEC_ID#*.}
"""
END = """
echo "end $OPSCONSOLE_EXEC_ID $code" >> "$LOG"
exit $code
"""


@dataclass(frozen=True)
class Kind:
    """What a task does, and how it must end: (status, attempts)."""

    script: str
    ends: str
    attempts: int = 1
    spec: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "short": Kind("code=0", "completed"),
    "long": Kind("sleep 0.$((RANDOM % 8 + 2)); code=0", "completed"),
    "chatty": Kind("for i in 1 2 3 4 5 6 7 8; do echo $i; echo $i >&2; sleep 0.05; done; code=0", "completed"),
    "fails": Kind("code=3", "failed"),
    "second": Kind("code=$((n < 2))", "completed", 2, {"retries": 2}),
    "third": Kind("code=$((n < 3))", "completed", 3, {"retries": 2}),
    "never": Kind("code=5", "failed", 2, {"retries": 1}),
    "cancel": Kind("trap '' TERM; sleep 300; code=1", "cancelled"),
    "cancel-retry": Kind("sleep 0.1; code=1", "cancelled", 0, {"retries": 3}),
    "timeout": Kind("sleep 300; code=1", "timed_out", 1, {"timeout_s": 0.3}),
    "litter": Kind("sleep 300 & code=0", "completed", 1, {"kill_leftovers": True}),
}
LOAD = [*KINDS, "short", "short", "short", "long", "cancel"]


# -- the console that is killed


async def console(state: Path, seed: int, tasks: int) -> None:
    """Submit a mixed load, cancel a part of it, run until killed. What was confirmed goes into the file `acked`."""
    luck = random.Random(seed)
    acked = os.open(state.parent / "acked", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    kinds = luck.sample(LOAD, tasks)
    async with Engine(quick(concurrency=CONCURRENCY), state_dir=state) as engine:
        os.write(acked, b"ready\n")

        async def one(name: str, after: int | None = None) -> int:
            spec = TaskSpec(
                script=BEGIN + KINDS[name].script + END, name=name, after=after, env={"LOG": str(state.parent / "log")},
                priority=Priority(luck.randrange(4)), **KINDS[name].spec,
            )  # fmt: skip
            task = await engine.submit(spec)
            os.write(acked, b"%d\n" % task.id)
            if name.startswith("cancel") and luck.random() < 0.7:
                asyncio.get_running_loop().call_later(luck.uniform(0, 0.6), cancel, task.id)
            return task.id

        cancels = set()

        def cancel(task_id: int) -> None:
            work = asyncio.ensure_future(engine.cancel(task_id))
            cancels.add(work)
            work.add_done_callback(lambda done: done.exception() and None)

        submitted = []
        for name in kinds:
            submitted.append(asyncio.ensure_future(one(name)))
            if luck.random() < 0.5:
                await asyncio.sleep(luck.uniform(0, 0.03))
        ids = await asyncio.gather(*submitted)
        first = next((task_id for task_id, name in zip(ids, kinds, strict=True) if name == "short"), None)
        if first is not None:
            with contextlib.suppress(OpsError):
                await one("short", after=first)
        await asyncio.Event().wait()


# -- a round


@dataclass
class Tally:
    """What one round or many have seen. `wrong`: one sentence for each broken promise."""

    rounds: int = 0
    second_consoles: int = 0
    killed_before_ready: int = 0
    supervisors: int = 0
    acknowledged: int = 0
    tasks: int = 0
    executions: int = 0
    requeued: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for item in fields(self):
            if isinstance(number := getattr(other, item.name), int):
                setattr(self, item.name, getattr(self, item.name) + number)
        self.statuses += other.statuses
        self.wrong += other.wrong

    def summary(self) -> str:
        ends = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.rounds} rounds ({self.second_consoles} with a second console, {self.killed_before_ready} killed "
            f"before ready, {self.supervisors} with a supervisor killed too): {self.acknowledged} submissions "
            f"confirmed, {self.tasks} tasks, {self.executions} executions ({ends}; {self.requeued} launches voided "
            f"and queued again): {len(self.wrong)} promises broken"
        )


def play(seed: int, folder: Path, *, supervisors: bool = False) -> Tally:
    """One round in an empty folder. `supervisors`: one of them, or a parent of them, is killed too."""
    luck = random.Random(seed)
    state = folder / "state"
    tally = Tally(rounds=1)
    first = _start(state, seed, 12)
    living = [first]
    try:
        if luck.random() < 0.6:
            processes.wait_until(lambda: (folder / "acked").exists(), 20)
        time.sleep(luck.uniform(0, 0.9))  # the random point
        if luck.random() < 0.4:
            tally.second_consoles = 1
            living.append(_start(state, seed + 1_000_000, 5))
            time.sleep(luck.choice((0.0, luck.uniform(0, 0.5))))
        tally.killed_before_ready = int(not (folder / "acked").exists())
        _kill(first)
        if supervisors and (victims := processes.supervisors(state)):
            tally.supervisors = 1
            time.sleep(luck.uniform(0, 0.3))
            luck.choice(victims).kill()
        if luck.random() < 0.3:
            _look(state, luck)
        if len(living) == 2 and luck.random() < 0.5:
            time.sleep(luck.uniform(0, 0.7))
            _kill(living[1])
        asyncio.run(_settle(state, living, tally))
    finally:
        for entry in living:
            _kill(entry)
    _compare(state, seed, tally)
    _nobody_left(state, tally)
    tally.wrong = [f"round {seed}: {text}" for text in tally.wrong]
    return tally


def _start(state: Path, seed: int, tasks: int) -> subprocess.Popen[bytes]:
    arguments = json.dumps({"state": str(state), "seed": seed, "tasks": tasks})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.kill_rounds", "--console", arguments],
        env=environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()


def _look(state: Path, luck: random.Random) -> None:
    """Another command line, between the death of one console and the start of the next."""
    with Engine.look(quick(), state_dir=state) as engine:
        for task in engine.tasks():
            if task.name == "cancel" and task.status.is_open and luck.random() < 0.5:
                with contextlib.suppress(OpsError):
                    engine.command("cancel", task.id)


async def _settle(state: Path, living: list[subprocess.Popen[bytes]], tally: Tally) -> None:
    """The restart: a new console works off everything, beside the second one and then without it."""
    async with Engine(quick(concurrency=CONCURRENCY), state_dir=state) as engine:
        await _work_off(engine, tally)
        for entry in living:
            _kill(entry)
        await _work_off(engine, tally)
        await engine.drained()


async def _work_off(engine: Engine, tally: Tally) -> None:
    """Until no row is open; what only waits for its cancel gets it."""
    until = time.monotonic() + SETTLE_S
    asked: set[int] = set()
    while open_tasks := [task for task in engine.tasks() if task.status.is_open]:
        for task in open_tasks:
            if task.name.startswith("cancel") and task.id not in asked:
                asked.add(task.id)
                with contextlib.suppress(OpsError):
                    await engine.cancel(task.id)
        if time.monotonic() > until:
            tally.wrong += [f"task {task.id} ({task.name}) is still {task.status}" for task in open_tasks]
            return
        await asyncio.sleep(0.02)


# -- the record against the log


def _compare(state: Path, seed: int, tally: Tally) -> None:
    acked = [int(line) for line in _lines(state.parent / "acked") if line != "ready"]
    starts: Counter[str] = Counter()
    ends: dict[str, list[int]] = {}
    for line in _lines(state.parent / "log"):
        word, execution_id, *code = line.split()
        if word == "start":
            starts[execution_id] += 1
        else:
            ends.setdefault(execution_id, []).append(int(code[0]))
    with contextlib.closing(sqlite3.connect(state / "opsconsole.db")) as c:
        c.row_factory = sqlite3.Row
        tasks = {row["id"]: row for row in c.execute("SELECT * FROM task")}
        executions = {row["id"]: row for row in c.execute("SELECT * FROM execution ORDER BY task_id, attempt")}
    tally.acknowledged = len(acked)
    tally.tasks = len(tasks)
    tally.executions = len(executions)
    tally.requeued = sum(row["launch"] - 1 for row in executions.values())
    tally.statuses.update(row["status"] for row in executions.values())
    tally.wrong += [f"task {task_id} was confirmed and is lost" for task_id in acked if task_id not in tasks]
    tally.wrong += [f"{run} started {count} times" for run, count in starts.items() if count > 1]
    tally.wrong += [f"{run} started without a row" for run in starts if run not in executions]
    for run, row in executions.items():
        tally.wrong += _execution_problems(state, run, row, starts[run], ends.get(run, []))
    for task_id, row in tasks.items():
        attempts = [entry for entry in executions.values() if entry["task_id"] == task_id]
        tally.wrong += _task_problems(row, attempts)


def _execution_problems(state: Path, run: str, row: sqlite3.Row, starts: int, ends: list[int]) -> Iterator[str]:
    status, code = row["status"], row["exit_code"]
    if status == "completed" and (starts, ends, code) != (1, [0], 0):
        yield f"{run} is completed with code {code}, but started {starts} times and ended with {ends}"
    elif status == "failed" and (starts != 1 or ends != [code]):
        yield f"{run} failed ({row['reason']}) with code {code}, but started {starts} times and ended with {ends}"
    elif status not in ("completed", "failed", "cancelled", "timed_out", "abandoned"):
        yield f"{run} is {status}: {row['reason']}"
    if status in ("completed", "failed"):
        said = (state / "runs" / run / "stdout").read_bytes().splitlines()[:1]
        if said != [f"{run} says hello".encode()]:
            yield f"{run} wrote {said!r}"


def _task_problems(row: sqlite3.Row, attempts: list[sqlite3.Row]) -> Iterator[str]:
    name, kind = f"task {row['id']} ({row['name']})", KINDS[row["name"]]
    if [entry["attempt"] for entry in attempts] != list(range(1, len(attempts) + 1)):
        yield f"{name} has the attempts {[entry['attempt'] for entry in attempts]}"
    if any(entry["status"] == "abandoned" for entry in attempts):
        if row["status"] != "abandoned":
            yield f"{name} is {row['status']} after an abandoned attempt"
        return
    if attempts and row["status"] != attempts[-1]["status"] and row["status"] != "cancelled":
        yield f"{name} is {row['status']}, its last attempt {attempts[-1]['status']}"
    if row["status"] != kind.ends:
        too_late = row["cancel_requested"] or len(attempts) == 4
        if row["name"] == "cancel-retry" and row["status"] == "failed" and too_late:
            return  # the cancel came when the last attempt had ended, or when this one just did
        yield f"{name} ended as {row['status']} ({row['reason']}) in place of {kind.ends}"
    elif kind.attempts and row["status"] != "cancelled" and len(attempts) != kind.attempts:
        yield f"{name} took {len(attempts)} attempts in place of {kind.attempts}"


def _nobody_left(state: Path, tally: Tally) -> None:
    left = processes.marked(state)
    tally.wrong += [f"process {entry.pid} is left of a run" for entry in left]
    if not processes.wait_until(lambda: not processes.supervisors(state), 20):
        tally.wrong += [f"supervisor {entry.pid} is left" for entry in processes.supervisors(state)]
    processes.end_all(state)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


# -- many rounds


def _play_in(base: str, seed: int, supervisors: bool) -> Tally:
    folder = Path(tempfile.mkdtemp(prefix=f"round-{seed}-", dir=base))
    tally = play(seed, folder, supervisors=supervisors)
    if not tally.wrong:
        shutil.rmtree(folder)  # what went wrong stays for a look
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill_rounds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--jobs", type=int, default=2, help="rounds at the same time")
    parser.add_argument("--dir", default=SHM if os.path.isdir(SHM) else None, help="where they are played")
    parser.add_argument("--supervisors", action="store_true", help="kill a supervisor in each round, too")
    parser.add_argument("--console", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.console:
        arguments = json.loads(options.console)
        asyncio.run(console(Path(arguments["state"]), arguments["seed"], arguments["tasks"]))
        return 0
    base = tempfile.mkdtemp(prefix="opsconsole-rounds-", dir=options.dir)
    total = Tally()
    began = time.monotonic()
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        seeds = range(options.seed, options.seed + options.rounds)
        waiting = [pool.submit(_play_in, base, seed, options.supervisors) for seed in seeds]
        for done in waiting:
            tally = done.result()
            total.add(tally)
            for text in tally.wrong:
                print(text, flush=True)
    print(f"{total.summary()} in {time.monotonic() - began:.0f} s")
    if total.wrong:
        print(f"the broken rounds are in {base}")
        return 1
    shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
