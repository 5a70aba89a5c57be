"""What this host lets us contain with: really tried, once in a process."""

from __future__ import annotations

import functools
import os
import shutil

from opsconsole.safety.containment import environment, seccomp
from opsconsole.safety.containment.model import NOBODY

_PROBE_S = 10
_APPARMOR = (
    "unprivileged user namespaces are closed by AppArmor; allow them to bubblewrap alone: apt-get install "
    "apparmor-profiles && cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && "
    "apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict"
)
_SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", _APPARMOR),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "unprivileged user namespaces are switched off: sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    ("user/max_user_namespaces", "0", "user namespaces are switched off: sysctl -w user.max_user_namespaces=15000"),
)
_CONTAINER = (
    "inside a container its own filter may refuse namespaces and mounts: start it with "
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
)
_SECCOMP_ACTIONS = "/proc/sys/kernel/seccomp/actions_avail"


@functools.cache
def no_filters() -> str | None:
    """Why there are no system call filters."""
    machine = os.uname().machine
    if not seccomp.supported(machine):
        return f"there is no system call filter for {machine} (x86_64 and aarch64 have one)"
    if not os.path.exists(_SECCOMP_ACTIONS):
        return "this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)"
    return None


@functools.cache
def landlock_abi() -> int:
    """The kernel's Landlock version, 0: it has none or it is switched off."""
    import ctypes

    version = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(444), None, ctypes.c_size_t(0), ctypes.c_uint32(1)
    )
    return max(0, int(version))


@functools.cache
def no_landlock() -> str | None:
    """Why there is no Landlock."""
    if landlock_abi() > 0:
        return None
    release = os.uname().release
    return (
        f"Linux {release} offers no Landlock (5.13 and later have it; where it is built in but off, boot with "
        "lsm=landlock,… in front of the modules that /sys/kernel/security/lsm names)"
    )


@functools.cache
def no_other_uid() -> str | None:
    """Why root cannot become the unprivileged uid here; None for an ordinary user, who stays himself."""
    if os.geteuid() != 0:
        return None
    if not _covers("/proc/self/uid_map", NOBODY) or not _covers("/proc/self/gid_map", NOBODY):
        return f"uid {NOBODY} does not exist in this user namespace: map it, or run as an ordinary user"
    if not _capability(6) or not _capability(7):
        return "this root may not change its uid (CAP_SETUID, CAP_SETGID): add them, or run as an ordinary user"
    return None


def bubblewrap() -> str:
    """Its absolute path; empty when it is not here."""
    return shutil.which("bwrap", path=environment.trusted_path()) or ""


def no_bubblewrap() -> str | None:
    """Why bubblewrap cannot be used, with what would change that. Starts it, as the uid that runs would have.

    Remembered, unless it only took too long: a host that stood still for a moment is no host without bubblewrap.
    """
    try:
        return _no_bubblewrap()
    except _TookTooLongError:
        return f"bubblewrap did not start within {_PROBE_S} s: the next run tries it again"


@functools.cache
def _no_bubblewrap() -> str | None:
    """As `no_bubblewrap`, remembered. Raises _TookTooLongError."""
    program = bubblewrap()
    if not program:
        return "bubblewrap is not installed: apt-get install bubblewrap"
    if os.geteuid() == 0 and not _capability(21):
        return f"this root has no CAP_SYS_ADMIN, which the mounts of a run's work folder need; {_CONTAINER}"
    from opsconsole.safety.containment.bubblewrap import COMMON, OWN_WORLD

    command = [program, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *COMMON, *OWN_WORLD]
    said = _try([*command, "--unshare-net", "--", "/bin/true"])
    return None if said is None else f"bubblewrap cannot start here ({said}); {_remedy()}"


class _TookTooLongError(Exception):
    """It had not ended within `_PROBE_S`."""


def _try(command: list[str]) -> str | None:
    """None, or what it said. Raises _TookTooLongError."""
    import subprocess

    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        tried = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_S,
            cwd="/",
            env={"PATH": environment.trusted_path()},
            check=False,
            **other,  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired as error:
        raise _TookTooLongError from error
    except OSError as error:
        return str(error)
    if tried.returncode == 0:
        return None
    lines: list[str] = tried.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {tried.returncode}"


def _remedy() -> str:
    for name, value, remedy in _SWITCHES:
        try:
            with open(f"/proc/sys/{name}") as file:
                if file.read().strip() == value:
                    return remedy
        except OSError:
            continue
    return _CONTAINER


def _covers(path: str, number: int) -> bool:
    try:
        with open(path) as file:
            ranges = [line.split() for line in file]
    except OSError:
        return False
    return any(int(start) <= number < int(start) + int(count) for start, _, count in ranges)


def _capability(number: int) -> bool:
    try:
        with open("/proc/self/status") as file:
            held = next(line for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return False
    return bool(int(held.split()[1], 16) >> number & 1)
