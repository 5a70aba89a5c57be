"""SAFE shows the host as the same uid sees it outside, or fails; never an emptier world."""

from __future__ import annotations

import functools
import grp
import os
import shutil
import subprocess

import pytest

from tests.escape.conftest import WHO, uids
from tests.escape.world import as_uid, world

SAME = (
    "ss -Htln", "ss -Huln", "ss -Hxl", "ip -br addr", "ip route", "df -hP", "mount", "findmnt -n", "ls -la /home",
    "ls -a /", "ls -la /etc", "ls -a /run", "ls -a /dev", "ls -ld /tmp/.", "cat /proc/mounts", "cat /proc/cpuinfo",
    "ls /proc/sys/kernel", "getent passwd", "hostname", "uname -a", "lsblk", "id", "sysctl -n kernel.core_pattern",
    "cat /proc/net/dev_mcast", "ls /sys/class/net", "readlink /proc/self/ns/net", "readlink /proc/self/ns/pid",
    "readlink /proc/self/ns/mnt", "cat /etc/os-release",
)  # fmt: skip
REFUSED = ("systemctl list-units", "docker ps", "sudo -n true", "mount -o remount,ro /")
_MARK = "== "
_PROCESSES = "ps -eo pid,user"
LOOKS = 20
"""So often a command is tried again of which the host itself says something else a moment later: the tests beside this
one mount, listen, and fill disks.
"""

Said = dict[str, str]


def look(who: str, commands: tuple[str, ...]) -> tuple[Said, Said, Said]:
    """What each command says inside, outside before, and outside afterwards."""
    console, run = uids(who)
    outside = ["bash", "-c", _script(tuple(text for text in commands if text not in REFUSED))]
    with world(console, run, "safe") as made:
        before = _run(outside, run)
        (done,) = made.supervise([{"body": _script(commands), "provider": "landlock+seccomp"}])
        return _split(done["stdout"]), _split(before), _split(_run(outside, run))


@functools.cache
def first_look(who: str) -> tuple[Said, Said, Said]:
    return look(who, (*SAME, *REFUSED, _PROCESSES))


def _script(commands: tuple[str, ...]) -> str:
    return "".join(f"echo '{_MARK}{text}'; {text} 2>&1; echo \"rc $?\"\n" for text in commands)


def _run(command: list[str], uid: int) -> str:
    options = as_uid(uid)
    if options and os.geteuid() == 0 and uid == uids("root")[1]:
        options["extra_groups"] = [
            group.gr_gid for group in grp.getgrall() if group.gr_name in ("adm", "systemd-journal")
        ]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/srv", check=False, **options)
    return done.stdout


def _split(text: str) -> dict[str, str]:
    parts = text.split(_MARK)[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


@pytest.mark.xdist_group("truth")
@pytest.mark.parametrize("text", SAME)
@pytest.mark.parametrize("who", WHO)
def test_the_same_inside_as_outside(who: str, text: str) -> None:
    if shutil.which(text.split()[0], path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        pytest.skip(f"{text.split()[0]} is not installed")
    inside, before, after = first_look(who)
    for _ in range(LOOKS):
        if inside[text] in (before[text], after[text]):
            return
        inside, before, after = look(who, (text,))
    assert inside[text] == before[text]


@pytest.mark.xdist_group("truth")
@pytest.mark.parametrize("who", WHO)
def test_every_process_with_its_owner(who: str) -> None:
    inside, before, after = (set(said[_PROCESSES].splitlines()) for said in first_look(who))
    lasting = before & after
    assert lasting - inside == set()
    assert len(lasting) > 1


@pytest.mark.xdist_group("truth")
@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("who", WHO)
def test_what_cannot_be_shown_fails_aloud(who: str, text: str) -> None:
    inside, _, _ = first_look(who)
    assert "rc 0" not in inside[text]
    assert len(inside[text].splitlines()) > 1, "a reason"
