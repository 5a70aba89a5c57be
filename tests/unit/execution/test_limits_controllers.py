"""Where groups of runs can be made, read off control files as the kernel writes them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opsconsole.execution.supervisor import controllers, kernel
from opsconsole.execution.supervisor.controllers import Place, Places
from tests.faults import processes

A_STRANGER = 1


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A group of cgroup v2 that is not the top."""
    folder = tmp_path / "scope"
    folder.mkdir()
    group(tmp_path, "cpu memory pids", type_file=False)
    return group(folder, "memory pids")


def group(folder: Path, offered: str, handed_down: str = "", *, type_file: bool = True, members: str = "") -> Path:
    (folder / "cgroup.controllers").write_text(offered)
    (folder / "cgroup.subtree_control").write_text(handed_down)
    (folder / "cgroup.procs").write_text(members)
    if type_file:
        (folder / "cgroup.type").write_text("domain")
    return folder


def second(base: Path, *, root: bool) -> tuple[frozenset[str], str, str]:
    return controllers._second(str(base.parent), str(base), None, os.getpid(), root=root)


def test_a_scope_of_our_own_is_divided(base: Path) -> None:
    (base / "cgroup.procs").write_text(f"{os.getpid()}\n")
    assert second(base, root=False) == ({"memory", "pids"}, str(base), "")


def test_a_scope_shared_with_others_is_left_alone(base: Path) -> None:
    (base / "cgroup.procs").write_text(f"{os.getpid()}\n{A_STRANGER}\n")
    assert second(base, root=False) == (frozenset(), str(base), "other programs live in your cgroup v2 group")


def test_what_a_shared_scope_hands_down_already_is_used(base: Path) -> None:
    group(base, "memory pids", "pids", members=f"{A_STRANGER}\n")
    assert second(base, root=False)[0] == {"pids"}


def test_root_goes_to_the_top_instead(base: Path) -> None:
    (base / "cgroup.procs").write_text(f"{A_STRANGER}\n")
    assert second(base, root=True) == ({"cpu", "memory", "pids"}, str(base.parent), "")


def test_a_group_without_controllers_says_so(base: Path) -> None:
    group(base, "")
    assert second(base, root=False)[2] == "cgroup v2 hands no controllers to your group"


def test_enabling_goes_from_the_scope_down_to_the_group_of_the_slots(base: Path) -> None:
    inner = base / "opsconsole-1-2"
    inner.mkdir()
    group(inner, "")
    controllers.enable(Place("cgroup2", str(inner)), "memory", os.getpid())
    assert (base / "cgroup.subtree_control").read_text() == "+memory"
    assert (inner / "cgroup.subtree_control").read_text() == "+memory"


def test_only_the_groups_of_dead_slots_are_taken_away(tmp_path: Path) -> None:
    mine = f"{controllers.RUN_PREFIX}-{os.getpid()}-{kernel.start_ticks(os.getpid())}-1"
    for name in (mine, f"{controllers.RUN_PREFIX}-{os.getpid()}-1-1", f"{controllers.RUN_PREFIX}-4194999-1-1", "other"):
        (tmp_path / name).mkdir()
    controllers.tidy(Places({"memory": Place("cgroup1", str(tmp_path))}))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([mine, "other"])


_STRANGE_MOUNT = """
import os, subprocess, sys
from opsconsole.execution.supervisor import controllers, kernel
before = kernel.cgroup_base()
folder = os.fsencode(sys.argv[1])
subprocess.run([b"mount", b"-t", b"tmpfs", b"tmpfs", folder], check=True)
number = os.stat(folder).st_dev
print(kernel.cgroup_base() == before, controllers.source_of(f"{os.major(number)}:{os.minor(number)}"))
controllers.find(os.getpid())
"""


@pytest.mark.parametrize("name", [b"\xff\xfe", "\r\f\x85\u2028a\xa0b".encode()])
def test_no_name_of_a_mount_is_in_the_way(tmp_path: Path, name: bytes) -> None:
    folder = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(folder)
    unshare = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a mount namespace is not to be had")
    seen = subprocess.run(
        [*unshare, sys.executable, "-c", _STRANGE_MOUNT, folder], capture_output=True, text=True, check=False
    )
    assert seen.stdout.split() == ["True", "tmpfs"], seen.stderr


_BORN = """
import os, sys
from opsconsole.execution.supervisor import clone
pid = clone.fork_into(sys.argv[1])
if pid == 0:
    os.write(1, open("/proc/self/cgroup", "rb").read())
    os._exit(0)
sys.exit(os.waitpid(pid, 0)[1])
"""
"""In a process with one thread, as a supervisor is; one with more may stand for ever in the child."""


@pytest.mark.skipif(kernel.cgroup_base() is None, reason="no writable cgroup v2 here")
def test_a_child_is_born_in_its_group() -> None:
    base = f"{kernel.cgroup_base()}/opsconsole.test-{os.getpid()}"
    os.mkdir(base)
    try:
        done = subprocess.run([sys.executable, "-c", _BORN, base], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert os.path.basename(base) in done.stdout
    finally:
        processes.wait_until(lambda: _is_removed(base))


def _is_removed(group: str) -> bool:
    """The kernel may still count a child that has been waited for."""
    with contextlib.suppress(OSError):
        os.rmdir(group)
    return not os.path.exists(group)
