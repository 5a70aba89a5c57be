"""Whatever a run becomes, cancel and timeout end all of it, or the record says what lives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsconsole.engine import Engine
from opsconsole.execution import slots
from opsconsole.execution.supervisor import kernel
from opsconsole.models import Status, TaskSpec
from tests.faults import processes
from tests.faults.console import environment, quick
from tests.faults.processes import NOTE, becomes, noted
from tests.faults.trees import stop_all

NOBODY = 65534
NOTHING_WRONG: dict[str, Any] = {"wrong": {}, "late": [], "left": []}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
needs_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is not here")
one_by_one = pytest.mark.xdist_group("nobody")
"""RLIMIT_NPROC counts what the other tests of that user run, too."""
needs_cgroup = pytest.mark.skipif(kernel.cgroup_base() is None, reason="no writable cgroup v2 here")


@pytest.mark.parametrize("how", ["cancel", "timeout"])
@needs_cgroup
async def test_a_stopped_tree_has_no_survivors_with_a_cgroup(state: Path, how: str) -> None:
    found = await stop_all(state, how, use_cgroup=True)
    assert found == {**NOTHING_WRONG, "kill": ["cgroup.kill+subreaper"]}


@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_a_stopped_tree_has_no_survivors_without_a_cgroup(state: Path, how: str) -> None:
    found = await stop_all(state, how, use_cgroup=False)
    assert found == {**NOTHING_WRONG, "kill": ["subreaper"]}


@one_by_one
@pytest.mark.parametrize("how", ["cancel", "timeout"])
@needs_root
@needs_setpriv
def test_a_stopped_tree_has_no_survivors_as_an_ordinary_user(nobodys: Path, how: str) -> None:
    assert as_nobody(how, nobodys / "state") == {**NOTHING_WRONG, "kill": ["subreaper"]}


@one_by_one
@needs_root
@needs_setpriv
def test_a_child_of_root_that_an_ordinary_user_cannot_kill_is_named(nobodys: Path) -> None:
    program = nobodys / "setpriv"
    shutil.copy(shutil.which("setpriv") or "", program)
    program.chmod(0o4755)
    if os.statvfs(nobodys).f_flag & os.ST_NOSUID:
        pytest.skip("the temporary directory is mounted nosuid")

    found = as_nobody("outlive", nobodys / "state", str(program))

    child = processes.process(found["child"])
    try:
        assert found["status"] == "abandoned"
        assert f"still alive: {child.pid}" in found["reason"]
        assert [entry["pid"] for entry in found["survivors"]] == [child.pid]
        assert found["survivors"][0]["start"] == child.start
        assert not found["leader_lives"]
        assert found["after"] == {"status": "completed", "processes": 1}
        assert not found["same_slot"]
    finally:
        child.kill()


async def test_a_tree_that_does_not_die_is_never_called_cancelled(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blunt = "from supervisor import tree;tree.Tree.kill=tree.Tree.terminate=lambda self,leader:None;main()"
    monkeypatch.setattr(slots, "_BOOT", slots._BOOT.removesuffix("main()") + blunt)
    file = tmp_path / "pids"
    async with Engine(quick(kill_wait_s=0.2), state_dir=state) as engine:
        script = NOTE + "sleep 300 & note $!; note $$; wait"
        task = await engine.submit(TaskSpec(script=script, env={"PIDS": str(file)}))
        pids = await becomes(lambda: noted(file), lambda found: len(found) == 2)
        await engine.cancel(task.id)
        result = await engine.wait(task.id)

    assert all(entry.alive for entry in pids)
    assert result.status is Status.ABANDONED
    assert {entry["pid"] for entry in result.supervision["survivors"]} == {entry.pid for entry in pids}
    assert all(str(entry.pid) in (result.reason or "") for entry in pids)
    for entry in pids:
        entry.kill()


AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
STARTS_ITSELF = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import opsconsole.engine'], check=True)"


def as_nobody(what: str, folder: Path, *rest: str) -> dict[str, Any]:
    done = subprocess.run(
        [*AS_NOBODY, nobodys_python(folder.parent), "-m", "tests.faults.trees", what, str(folder), *rest],
        env={**environment(), "HOME": str(folder.parent)},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def nobodys_python(folder: Path) -> str:
    """This Python, or the system's where ours lies in a home directory that nobody may enter."""
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*AS_NOBODY, python, "-c", STARTS_ITSELF]
        if subprocess.run(command, env=environment(), cwd=folder, capture_output=True).returncode == 0:
            return python
    pytest.skip("the user nobody can run neither this Python nor /usr/bin/python3 ≥ 3.11 with opsconsole")


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder of the user nobody, whom pytest's own folders keep out."""
    folder = Path(tempfile.mkdtemp(prefix="opsconsole-nobody-"))
    os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder
    finally:
        processes.end_all(folder / "state")
        shutil.rmtree(folder)
