"""ELEVATED: root runs as root; an ordinary user's supervisor is itself started through `sudo -n`.

A user's supervisor could not kill root's processes, so `sudo` inside of a script is no substitute.
"""

from __future__ import annotations

import os
import shutil


def needs_sudo() -> bool:
    return os.geteuid() != 0


def impossible() -> str | None:
    """Why this user cannot run elevated here, or None."""
    if not needs_sudo():
        return None
    sudo = shutil.which("sudo")
    if sudo is None:
        return "policy elevated: you are not root and there is no sudo on this host"
    import subprocess

    probe = subprocess.run([sudo, "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if probe.returncode == 0:
        return None
    said = probe.stderr.decode("utf-8", "replace").strip().splitlines()
    return (
        "policy elevated: the supervisor must be started through `sudo -n`, which answers: "
        f"{said[-1] if said else 'no'}; run `sudo -v` first, or allow it without a password"
    )


def command_prefix() -> list[str]:
    """What stands before the command line of an elevated supervisor."""
    if not needs_sudo():
        return []
    return [shutil.which("sudo") or "/usr/bin/sudo", "-n", "--"]


def owner() -> tuple[int, int] | None:
    """Whom the files of an elevated run shall belong to, where that is not root itself."""
    return (os.geteuid(), os.getegid()) if needs_sudo() else None
