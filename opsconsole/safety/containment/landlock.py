"""Landlock, no_new_privs and seccomp, put on before the exec: the host stays exactly as it is, and cannot be changed.

No namespace and no mount: what a run sees of processes, mounts, interfaces and owners is what its uid would see
anyway. That makes it the first choice for SAFE. Under RESTRICTED it stands in for bubblewrap, degraded: it can close
folders, but it cannot give a run a /tmp, processes or a network of its own.
"""

from __future__ import annotations

import base64
import os
import stat
from typing import Any

from opsconsole.models import ExecutionPolicy
from opsconsole.safety.containment import probe, seccomp
from opsconsole.safety.containment.model import Request

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_HANDLED_NOW = (1 << 16) - 1
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_SOCKETS_AND_SIGNALS = 3

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/snap", "/nix/store", "/gnu/store")
_SINKS = ("/dev/null", "/dev/zero", "/dev/full")
_SOURCES = ("/dev/random", "/dev/urandom", "/dev/kmsg", "/dev/shm")  # noqa: S108 - read only
_PRIVATE = ("/tmp", "/var/tmp", "/run", "/home", "/root", "/dev")  # noqa: S108 - closed


class Landlock:
    name = "landlock+seccomp"

    def unavailable(self, policy: ExecutionPolicy) -> str | None:
        return probe.no_filters() or probe.no_landlock() or probe.no_other_uid()

    def build(self, request: Request) -> tuple[dict[str, Any], list[str]]:
        abi = probe.landlock_abi()
        handled = _HANDLED.get(abi, _HANDLED_NOW)
        rules = _safe(request) if request.is_safe else _restricted(request, handled)
        contain: dict[str, Any] = {
            "uid": request.uid,
            "gid": request.gid,
            "groups": request.groups,
            "prefix": [],
            "blobs": {},
            "script": None,
            "work": None if request.is_safe else request.work,
            "chdir": None if request.is_safe else request.work,
            "landlock": {
                "fs": handled,
                "net": _network(request, abi),
                "scoped": _SCOPE_SOCKETS_AND_SIGNALS if abi >= 6 else 0,
                "rules": [[path, rights & handled, exceptions] for path, rights, exceptions in rules],
            },
            "seccomp": base64.b64encode(_filter(request, abi)).decode(),
            "reach": [],
        }
        return contain, _shortcomings(request, abi)


def _network(request: Request, abi: int) -> int:
    if abi < 4:
        return 0
    if not request.allow_network:
        return _BIND_TCP | _CONNECT_TCP
    return _BIND_TCP if request.is_safe else 0


def _filter(request: Request, abi: int) -> bytes:
    scoped = abi >= 6
    return seccomp.program(
        writes=not request.is_safe,
        signals=scoped and not request.is_safe,
        thread_signals=scoped,
        inet=request.allow_network,
        listens=request.allow_network and not request.is_safe,
        attributes=False,
        old_landlock=abi < 3,
    )


def _safe(request: Request) -> list[tuple[str, int, list[str]]]:
    closed = [*request.hidden, *([request.state] if request.state else []), "/dev"]
    return [
        ("/", _READ_DIR, []),
        ("/", _READ_FILE, closed),
        *((folder, _EXECUTE, []) for folder in _PROGRAMS if _is_roots_own(folder)),
        *_devices(),
    ]


def _restricted(request: Request, handled: int) -> list[tuple[str, int, list[str]]]:
    closed = [*request.hidden, *([request.state] if request.state else []), *_PRIVATE]
    everything = handled & ~(_MAKE_CHAR | _MAKE_BLOCK)
    own = [request.work, *request.writable]
    return [
        ("/", _READ_DIR, []),
        ("/", _READ_FILE | _EXECUTE, closed),
        *((folder, everything, list(request.hidden)) for folder in own),
        *_devices(),
    ]


def _devices() -> list[tuple[str, int, list[str]]]:
    return [
        *((path, _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV, []) for path in _SINKS),
        *((path, _READ_FILE, []) for path in _SOURCES),
    ]


def _is_roots_own(folder: str) -> bool:
    try:
        info = os.lstat(folder)
    except OSError:
        return False
    return info.st_uid == 0 and stat.S_ISDIR(info.st_mode) and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _shortcomings(request: Request, abi: int) -> list[str]:
    found = []
    if request.uid is None:
        found.append("landlock: details of your own other processes (open files, environment) are not shown")
    if os.path.isdir("/var/lib/sss/pipes"):
        found.append("landlock: names of users that sssd knows may show as numbers, since its socket is closed")
    if request.is_safe:
        return found
    found += [
        f"landlock in place of bubblewrap ({probe.no_bubblewrap()})",
        "landlock: no processes and no /tmp of its own (TMPDIR is the work folder); other processes are seen",
    ]
    found.append("landlock: chmod, chown and touch are refused in the work folder too, since they cannot be elsewhere")
    if request.uid is not None:
        found.append("landlock: the work folder is reached by relative paths only")
    if abi < 6:
        found.append("landlock: this kernel cannot confine signals (Linux 6.12), so all are refused")
    return found
