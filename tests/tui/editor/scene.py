"""The editor with believable scripts: samples, own ones, and those of recent tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opsconsole.models import Status
from opsconsole.tui.app import ConsoleApp
from tests.tui.fake_engine import NOW, SECOND, FakeEngine

CLEAN = """#!/usr/bin/env bash
# Remove logs that are older than a week.
# Usage: clean_old_logs.sh FOLDER
set -u

DIR=$1
for file in $(ls $DIR); do
  echo "looking at ${file}: $(stat -c %y "$file")"
done
rm -rf $DIR/*.log
journalctl --vacuum-size=200M
"""
REPORT = '''#!/usr/bin/env python3
"""Say which folders are large."""

import shutil
import sys

LIMIT = 10_000


def main(folder: str = "/tmp/cache") -> int:
    if len(sys.argv) > 1:
        shutil.rmtree(folder)  # it is made again
    print(f"{folder}: removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''
SERVICES = """#!/usr/bin/env pwsh
# Stop what nobody needs.
param([string]$Name = "Spooler", [int]$Wait = 5)

foreach ($service in Get-Service -Name $Name | Where-Object { $_.Status -eq 'Running' }) {
    Write-Host "stopping $($service.Name)"
    Stop-Service -InputObject $service -Force
}
Remove-Item -Recurse -Force "$env:TEMP/*"
"""
OWN = {"clean_old_logs.sh": CLEAN, "report.py": REPORT, "services.ps1": SERVICES}


class ScriptedEngine(FakeEngine):
    """An engine that knows the scripts of its tasks."""

    scripts: dict[int, bytes]

    def shown_script(self, task_id: int) -> bytes:
        return self.scripts[task_id]


def scripted(folder: Path) -> ScriptedEngine:
    engine = ScriptedEngine(folder)
    engine.paths.prepare()
    engine.scripts = {}
    for name, status in (("rotate-logs", Status.COMPLETED), ("reindex-orders", Status.RUNNING)):
        task = engine.put(name=name, status=status, queued_at=NOW - 90 * SECOND, script_sha256=name.ljust(64, "0"))
        engine.scripts[task.id] = f"#!/bin/sh\necho {name}\n".encode()
    return engine


def own_scripts(home: Path, scripts: dict[str, str] | None = None) -> Path:
    """The folder of own scripts, filled."""
    folder = home / ".local/share/opsconsole/scripts"
    folder.mkdir(parents=True, mode=0o700)
    for name, text in (OWN if scripts is None else scripts).items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o700)
    return folder


def editor_console(
    engine: Any, *, theme: str | None = None, read_only: bool = False, start: str = "editor"
) -> ConsoleApp:
    """The app as it runs, but for the engine, the clock and the names."""
    return ConsoleApp(
        lambda: engine, engine.settings, host="web-03", user="deploy", clock=lambda: NOW, theme=theme,
        read_only=read_only, load=lambda: 0.42, start=start,
    )  # fmt: skip
