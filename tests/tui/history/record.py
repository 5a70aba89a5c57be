"""A record of what has ended, in a real database with real run folders; commands go to a stand-in."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from opsconsole.execution.showing import Hiding
from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.safety.redact import Redaction
from opsconsole.storage import output_index
from opsconsole.storage.archive import Archive
from opsconsole.storage.database import connect, open_database
from opsconsole.storage.history import Filter
from opsconsole.storage.reader import Reader
from opsconsole.storage.tasks import indexed_text
from tests.tui.fake_engine import NOW, SECOND, FakeEngine

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
HOSTILE = "\x1b]0;pwned\x07[bold]<script>alert(1)</script>\u202egnp.exe\x9b2J\x7f\u200b]"
SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"  # noqa: S105 - of nobody
_METRICS = {"user_cpu_s": 0.4, "system_cpu_s": 0.1, "max_rss_bytes": 9_400_000, "processes": 3}


class RecordEngine(FakeEngine):
    """Reads what is in its database; pins there, and answers other commands with the task they are of."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.paths.runs.mkdir(exist_ok=True)
        self.record = open_database(self.paths.database, tell=print)
        self._reader = Reader(connect(self.paths.database, read_only=True), self.paths)
        self._scripts: dict[tuple[str, bytes], int] = {}

    # -- filling

    def ran(
        self, name: str, status: Status = Status.COMPLETED, *, ago: int = HOUR, took: float | None = 1.0,
        script: bytes = b"#!/bin/bash\necho hello\n", output: bytes = b"", stderr: bytes = b"",
        exit_code: int | None = None, reason: str | None = None, policy: str = "standard", host: str = "web-03",
        actor: str = "deploy", door: str = "tui", attempts: int = 1, pinned: bool = False,
        metrics: dict[str, Any] | None = None, signal: str | None = None, index: bool = True,
    ) -> int:  # fmt: skip
        """A run that ended `ago` microseconds before now; its id."""
        import hashlib

        c = self.record
        code = 0 if status is Status.COMPLETED and exit_code is None else exit_code
        sha = hashlib.sha256(script).hexdigest()
        if (name, script) not in self._scripts:
            at = c.execute("INSERT INTO script (name, sha256, body) VALUES (?, ?, ?)", (name, sha, script)).lastrowid
            c.execute("INSERT INTO script_text (rowid, name, body) VALUES (?, ?, ?)", (at, name, indexed_text(script)))
            self._scripts[name, script] = at or 0
        ended = NOW - ago
        began = None if took is None else ended - int(took * SECOND)
        queued = (began or ended) - SECOND // 2
        spec = {"argv": ["bash", "{script}"], "cwd": "/srv", "timeout_s": 300.0, "output_limit": 1 << 26, "limits": {}}
        task_id = c.execute(
            """INSERT INTO task (rev, status, reason, name, priority, rank, policy, interpreter, script_id, spec,
                   queued_at, started_at, finished_at, duration_s, exit_code, signal, attempt, attempts, pinned, host,
                   door, actor, ssh_client)
               VALUES (1, ?, ?, ?, 1, 1, ?, 'bash', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '10.0.4.7')""",
            (
                status.value, reason, name, policy, self._scripts[name, script], json.dumps(spec), queued, began, ended,
                took, code, signal, attempts, attempts, int(pinned), host, door, actor,
            ),
        ).lastrowid  # fmt: skip
        assert task_id is not None
        for attempt in range(1, attempts + 1) if began is not None else ():
            last = attempt == attempts
            report = {
                "provider": "bwrap", "limits_tier": "cgroup2",
                "metrics": metrics or _METRICS,
                "output": {"stdout_bytes": len(output), "stderr_bytes": len(stderr), "truncated": False},
            }  # fmt: skip
            c.execute(
                """INSERT INTO execution (id, task_id, attempt, launch, status, reason, boot_id, claimed_at, started_at,
                       finished_at, duration_s, exit_code, signal, result, bytes)
                   VALUES (?, ?, ?, 1, ?, ?, 'boot', ?, ?, ?, ?, ?, ?, ?, 1)""",
                (
                    f"{task_id}.{attempt}", task_id, attempt, status.value if last else "failed",
                    reason if last else "exit code 7", queued, began, ended, took, code if last else 7, signal,
                    json.dumps(report),
                ),
            )  # fmt: skip
        if began is not None:
            self._write(f"{task_id}.{attempts}", output, stderr)
            if index and output:
                output_index.store(c, f"{task_id}.{attempts}", output[-4096:].decode("utf-8", "replace"))
        return task_id

    def _write(self, execution_id: str, output: bytes, stderr: bytes) -> None:
        folder = self.paths.run_folder(execution_id)
        folder.mkdir()
        (folder / "stdout").write_bytes(output)
        (folder / "stderr").write_bytes(stderr)
        (folder / "timing").write_bytes(b"o 0.1 %d\ne 0.2 %d\n" % (len(output), len(stderr)))
        (folder / "result.json").write_text(json.dumps({"output": {}}))

    # -- what is asked of an engine

    def archive(self) -> Archive:
        return Archive(self.paths)

    def task(self, task_id: int) -> Task:
        return self._reader.task(task_id)

    def tasks(self, filter: Any = None) -> list[Task]:
        return self._reader.tasks(filter or Filter())

    def result(self, id: int | str) -> ExecutionResult:
        return self._reader.result(id)

    def attempts(self, task_id: int) -> list[ExecutionResult]:
        return self._reader.attempts(task_id)

    def shown_script(self, task_id: int) -> bytes:
        return self._reader.shown_script(task_id)

    def redaction_of(self, task_id: int | None = None) -> Redaction:
        return Redaction.of({}, self.settings.redaction)

    def hiding_of(self, task_id: int, execution_id: str) -> Hiding:
        return Hiding(self.redaction_of(task_id))

    async def pin(self, task_id: int, pinned: bool = True, reason: str | None = None) -> Task:
        self._command("pin", task_id, pinned, *([reason] if reason else []))
        self.record.execute("UPDATE task SET pinned = ? WHERE id = ?", (int(pinned), task_id))
        return self.task(task_id)

    async def retry(self, task_id: int) -> Task:
        self._command("retry", task_id)
        return self.task(task_id)

    async def close(self) -> None:
        self.record.close()
        await super().close()


SYNC = b"#!/bin/bash\nset -euo pipefail\nrsync -a /srv/assets/ web-04:/srv/assets/\nsystemctl reload nginx\n"
SYNC_NEW = SYNC.replace(b"rsync -a", b"rsync -a --delete")


def believable(folder: Path) -> RecordEngine:
    """A fortnight of a small host's work: what one finds on a Friday at 14:02.

    Files of its runs are to be replaced, not written into: they are those of the next record too.
    """
    made, scripts = _believable()
    shutil.copytree(made / "runs", folder / "runs", copy_function=_linked)
    shutil.copy2(made / "opsconsole.db", folder)
    engine = RecordEngine(folder)
    engine._scripts.update(scripts)
    return engine


def _linked(file: str, to: str) -> None:
    try:
        os.link(file, to)
    except OSError:  # the folder for tests lies on another disk
        shutil.copy2(file, to)


@cache
def _believable() -> tuple[Path, dict[tuple[str, bytes], int]]:
    """Written once; its folder, and its scripts."""
    folder = Path(tempfile.mkdtemp(prefix="opsconsole-record-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = RecordEngine(folder)
    engine.record.execute("BEGIN")
    for number in range(160):
        ago = (160 - number) * 2 * HOUR + 7 * MINUTE
        bad = number % 23 == 11
        engine.ran(
            ("nightly-backup", "rotate-logs", "disk-report.sh", "certificate_expiry.py")[number % 4],
            Status.FAILED if bad else Status.COMPLETED, ago=ago, took=0.4 + (number * 37 % 90) / 10,
            exit_code=1 if bad else None, reason="exit code 1" if bad else None, output=b"done\n", index=False,
            host=("web-03", "db-07")[number % 3 == 0], policy=("standard", "restricted")[number % 5 == 0],
        )  # fmt: skip
    lines = b"".join(b"sent %d of 40 files\n" % count for count in range(1, 41))
    engine.ran("sync-assets", ago=5 * HOUR, took=6.8, script=SYNC, output=lines + b"reloaded nginx\n")
    engine.ran(
        "wipe-cache", Status.REFUSED, ago=3 * HOUR, took=None, policy="safe", reason="safe: it deletes /var/cache"
    )
    engine.ran("import-orders", Status.TIMED_OUT, ago=2 * HOUR, took=300.0, reason="ran longer than 300 s")
    engine.ran("vacuum-db", Status.CANCELLED, ago=70 * MINUTE, took=41.7, reason="cancelled by deploy")
    engine.ran(
        "resize-images", Status.FAILED, ago=55 * MINUTE, took=92.0, signal="SIGSEGV", reason="ended by SIGSEGV",
        output=b"resizing 812 images\n", stderr=b"libvips: out of memory\n",
    )  # fmt: skip
    engine.ran("restart-php", ago=31 * MINUTE, took=2.1, policy="elevated", pinned=True, output=b"php-fpm restarted\n")
    engine.ran(
        "sync-assets", Status.FAILED, ago=17 * MINUTE, took=14.2, exit_code=3, reason="exit code 3", script=SYNC_NEW,
        output=lines[:-40] + b"rsync: connection to web-04 lost\n", stderr=b"rsync error: code 3 (at main.c:1338)\n",
        attempts=3, metrics={"user_cpu_s": 2.1, "system_cpu_s": 0.9, "max_rss_bytes": 31_400_000, "processes": 5},
    )  # fmt: skip
    engine.record.execute("COMMIT")
    engine._reader.close()
    engine.record.close()  # the last one to close it takes its journal in
    return folder, engine._scripts
