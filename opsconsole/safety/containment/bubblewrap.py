"""bubblewrap with a seccomp filter: mounts, processes, network and IPC of the run's own, as an unprivileged uid.

First choice for RESTRICTED. For SAFE it stands in where there is no Landlock, degraded: its user namespace knows one
uid, and its mounts are all read-only, so that owners and mount options no longer show what is so outside.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterable
from typing import Any

from opsconsole.models import ExecutionPolicy
from opsconsole.safety.containment import probe, seccomp
from opsconsole.safety.containment.model import Request

TMP_BYTES = 256 << 20
SCRIPT = "/run/opsconsole/script"
_EMPTY = ("/run", "/home", "/root")
_PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108 - the run's own
_SMALL = str(1 << 20)

COMMON = (
    "--unshare-user", "--unshare-ipc", "--unshare-cgroup", "--disable-userns", "--die-with-parent", "--new-session",
    "--cap-drop", "ALL",
)  # fmt: skip
OWN_WORLD = ("--unshare-pid", "--unshare-uts")


class Bubblewrap:
    name = "bwrap+seccomp"

    def unavailable(self, policy: ExecutionPolicy) -> str | None:
        return probe.no_filters() or probe.no_other_uid() or probe.no_bubblewrap()

    def build(self, request: Request) -> tuple[dict[str, Any], list[str]]:
        words = _safe(request) if request.is_safe else _restricted(request)
        code = seccomp.program(
            writes=not request.is_safe,
            signals=not request.is_safe,
            thread_signals=not request.is_safe,
            inet=request.allow_network or not request.is_safe,
            listens=not request.is_safe,
            own_ipc=True,
        )
        program = probe.bubblewrap()
        contain: dict[str, Any] = {
            "uid": request.uid,
            "gid": request.gid,
            "groups": request.groups,
            "prefix": [program, *words, *COMMON, "--seccomp", "{fd:seccomp}", "--json-status-fd", "{fd:status}", "--"],
            "blobs": {"seccomp": base64.b64encode(code).decode()},
            "script": None if request.is_safe else SCRIPT,
            "work": None if request.is_safe else request.work,
            "chdir": None if request.is_safe else "/",
            "landlock": None,
            "seccomp": "",
            "reach": [request.work, *request.writable] if request.uid is not None and not request.is_safe else [],
        }
        return contain, _shortcomings(request)


def _safe(request: Request) -> list[str]:
    words = ["--ro-bind", "/", "/", "--dev", "/dev", "--chdir", request.cwd]
    return words + _masks([*request.hidden, *([request.state] if request.state else [])], request.uid)


def _restricted(request: Request) -> list[str]:
    empty = [folder for folder in _EMPTY if _is_folder(folder)]
    private = [folder for folder in _PRIVATE if _is_folder(folder)]
    words = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    for folder in (*private, "/dev/shm"):  # noqa: S108 - they are the run's own
        words += ["--size", str(TMP_BYTES), "--perms", "1777", "--tmpfs", folder]
    for folder in empty:
        words += ["--size", _SMALL, "--perms", "0755", "--tmpfs", folder]
    covered = [*private, *empty]
    words += _masks(_outside(request.hidden, covered), request.uid)
    state = _outside([request.state] if request.state else [], covered)
    if state:
        words += ["--size", _SMALL, "--perms", "0755", "--tmpfs", *state]
    for folder in (request.work, *request.writable):
        words += ["--bind", folder, folder]
    words += _masks([path for path in request.hidden if _outside([path], request.writable) == []], request.uid)
    words += ["--perms", "0444", "--ro-bind-data", "{fd:script}", SCRIPT]
    for folder in empty:
        words += ["--remount-ro", folder]
    if state:
        words += ["--remount-ro", *state]
    network = () if request.allow_network else ("--unshare-net",)
    return [*words, "--chdir", request.work, *OWN_WORLD, *network]


def _masks(hidden: Iterable[str], uid: int | None) -> list[str]:
    """Nothing in place of each; a path that the uid cannot get to needs none, and could not be covered by it."""
    words: list[str] = []
    for path in hidden:
        if _reaches(path, uid):
            if _is_folder(path):
                words += ["--size", _SMALL, "--perms", "0000", "--tmpfs", path, "--remount-ro", path]
            else:
                words += ["--ro-bind", "/dev/null", path]
    return words


def _reaches(path: str, uid: int | None) -> bool:
    if uid is None:
        return os.path.lexists(path)
    folder = os.path.dirname(path)
    while True:
        try:
            info = os.stat(folder)
        except OSError:
            return False
        if not info.st_mode & (stat.S_IXUSR if info.st_uid == uid else stat.S_IXOTH):
            return False
        if folder == "/":
            return True
        folder = os.path.dirname(folder)


def _outside(paths: Iterable[str], folders: Iterable[str]) -> list[str]:
    kept = tuple(folders)
    return [path for path in paths if not any(path == folder or path.startswith(folder + "/") for folder in kept)]


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _shortcomings(request: Request) -> list[str]:
    if not request.is_safe:
        return []
    return [
        f"bubblewrap in place of landlock ({probe.no_landlock()})",
        "bubblewrap: owners other than the run's uid show as nobody",
        "bubblewrap: mount shows every file system as read-only; /dev shows only the harmless devices",
    ]
