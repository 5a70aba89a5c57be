"""Tasks with everything that can be known of them, and how tests open and read the mode."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import sin
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from opsconsole.models import Status
from opsconsole.storage.asked import Asked
from opsconsole.storage.course import Course, TaskEvent
from opsconsole.storage.task_events import What
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.screens.tasks.looking import RunLooking
from opsconsole.tui.screens.tasks.page_view import PageView
from opsconsole.tui.screens.tasks.titles import TitleLine
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import MINUTE, console, mixed
from tests.tui.waiting import started, tasks_screen, until

RUNNING: dict[str, Any] = {"status": Status.RUNNING, "started_at": NOW - 5 * SECOND}
ENDED: dict[str, Any] = {
    "status": Status.COMPLETED, "started_at": NOW - 5 * SECOND, "finished_at": NOW, "duration_s": 5.0, "exit_code": 0,
}  # fmt: skip
SCRIPT = b"""#!/usr/bin/env bash
set -u
DIR=$1
rm -rf $DIR/*.log
curl -fsS https://repo.example.org/cache.tar.zst | tar -x -C /var/cache
journalctl --vacuum-size=200M
"""
FINDINGS = [
    {"rule": "rm-variable-may-be-empty", "severity": "error", "line": 4, "column": 8, "end_line": 4, "end_column": 12,
     "message": "DIR may be empty: then this removes /*.log"},
    {"rule": "pipefail-missing", "severity": "warning", "line": 2, "column": 1, "end_line": 2, "end_column": 7,
     "message": "a failed curl goes unnoticed in a pipe"},
]  # fmt: skip
EFFECTS = [
    {"kind": "delete", "target": "$DIR/*.log", "command": "rm", "line": 4, "column": 1},
    {"kind": "network", "target": "repo.example.org", "command": "curl", "line": 5, "column": 1},
    {"kind": "write", "target": "/var/cache", "command": "tar", "line": 5, "column": 54},
]
REINDEX, REFUSED, STUCK = 14, 5, 11


def busy(folder: Path) -> FakeEngine:
    """`mixed`, with reviews, attempts, what runs use, and what one of them left behind."""
    engine = mixed(folder)
    reviewed = {"verdict": "confirm", "findings": FINDINGS, "effects": EFFECTS}
    engine.scripts.update({REINDEX: SCRIPT, REFUSED: SCRIPT})
    engine.report(REFUSED, **{**reviewed, "verdict": "refuse"})
    engine.report(
        REINDEX,
        **{**reviewed, "verdict": "allow", "findings": FINDINGS[1:]},
        containment={
            "provider": "bubblewrap+cgroup2", "limits": {"timeout_s": 300.0, "cpu": 0.5, "memory": 500_000_000},
            "degraded": ["no user namespace of its own: the network is not cut off"],
        },
        supervision={"kill": "cgroup.kill+subreaper", "supervisor": 4700, "leader": 4711},
        older=[{
            "execution_id": f"{REINDEX}.1", "attempt": 1, "status": Status.FAILED, "exit_code": 3,
            "reason": "exit code 3", "started_at": NOW - 4 * MINUTE, "finished_at": NOW - 200 * SECOND,
            "duration_s": 40.0,
            "output": {"stdout_path": str(engine.paths.run_folder(f"{REINDEX}.1") / "stdout")},
        }],
    )  # fmt: skip
    engine.asking[REINDEX] = Asked(("--chunks", "1000"), "/srv/orders", ("PGHOST", "PGPASSWORD"), reason="slow queries")
    first = engine.paths.run_folder(f"{REINDEX}.1")
    first.mkdir(parents=True)
    (first / "stdout").write_bytes(b"connecting to orders\nchunk 1 of 1000 failed\n")
    (first / "timing").write_bytes(b"o 0.2 45\n")
    (first / "result.json").write_text(json.dumps({"output": {}}))
    folder_of = engine.paths.run_folder(f"{REINDEX}.2")
    claims = [{"supervisor": 4700, "start": 1}, {"leader": 4711}, {"status": "paused", "by": "deploy (tui)"},
              {"status": "running", "by": "deploy (tui)"}]  # fmt: skip
    (folder_of / "claim.1").write_text("".join(json.dumps(one) + "\n" for one in claims))
    engine.courses[REINDEX] = steered()
    measured(engine, f"{REINDEX}.2")
    survivors = [{"pid": 4711, "start": 1, "name": "nfs-write"}]
    left = [
        {"pid": 4800, "start": 3, "name": "php-fpm", "killed": False},
        {"pid": 4801, "name": "tail", "killed": True},
    ]
    engine.put(id=STUCK, reason="timeout: could not be killed, still alive: 4711")
    engine.report(STUCK, supervision={"survivors": survivors, "leftovers": left, "stopped_by": "deploy"})
    return engine


def steered() -> Course:
    """What people did to the task that rebuilds an index."""
    me, other, at = "deploy (tui)", "ines (headless)", NOW // SECOND
    done = (
        (at - 240, What.CLAIMED, 1, me, "console 3, pid 4120"), (at - 199, What.HELD, 2, other, None),
        (at - 197, What.PRIORITY, 2, other, "normal → high"), (at - 195, What.RELEASED, 2, other, None),
        (at - 193, What.CLAIMED, 2, me, "console 3, pid 4120"), (at - 95, What.PAUSE_ASKED, 2, me, None),
        (at - 95, What.PAUSED, 2, me, "cgroup.freeze"), (at - 71, What.RESUME_ASKED, 2, other, None),
        (at - 71, What.RESUMED, 2, other, None),
    )  # fmt: skip
    return Course(tuple(TaskEvent(when * SECOND, what, *more) for when, what, *more in done))


def measured(engine: FakeEngine, execution_id: str, seconds: int = 190) -> None:
    """A line a second in its usage file."""
    names = ["time_us", "cpu_percent", "rss_bytes", "processes", "threads", "read_bytes", "write_bytes", "connections"]
    folder = engine.paths.run_folder(execution_id)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"columns": names, "source": "cgroup"})]
    for at in range(seconds):
        values = [NOW - (seconds - at) * SECOND, 30 + 25 * sin(at / 9), 200_000_000 + at * 1_200_000, 2 + at // 60, 9,
                  at * 900_000, at * at * 20_000, 3]  # fmt: skip
        lines.append(json.dumps(values))
    (folder / "usage").write_text("\n".join(lines) + "\n")


@asynccontextmanager
async def opened(engine: FakeEngine, size: tuple[int, int] = (120, 36), **more: Any) -> AsyncIterator[Pilot[Any]]:
    async with console(engine, **more).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        yield pilot


def commands(engine: FakeEngine) -> list[tuple[Any, ...]]:
    return [call for call in engine.calls if call[0] not in ("start", "looked")]


def notices(pilot: Pilot[Any]) -> str:
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def in_dialog(pilot: Pilot[Any], kind: type) -> None:
    """It is there and, a dialog, was drawn: what is typed before, a grave one takes for no answer."""

    def seen() -> bool:
        top = pilot.app.screen
        drawn = not isinstance(top, Modal) or top._seen_at is not None
        return isinstance(top, kind) and top.focused is not None and drawn

    await until(pilot, seen)


def screen(pilot: Pilot[Any]) -> RunLooking:
    return tasks_screen(pilot)


def page(pilot: Pilot[Any]) -> str:
    """What the page says that is no output."""
    return tasks_screen(pilot).query_one(PageView).text


def title(pilot: Pilot[Any], name: str = "title") -> str:
    return tasks_screen(pilot).query_one(f"#{name}", TitleLine).text
