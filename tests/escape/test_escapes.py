"""Attempts to get out of SAFE and RESTRICTED, with root's console and an ordinary user's: none gets through."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pty
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opsconsole.execution.supervisor import kernel
from tests.escape.attempts import NAMES, script
from tests.escape.conftest import ALONE, POLICIES, WHO, uids
from tests.escape.world import SECRET, World, as_uid, system_python, world

PROVIDERS = ("landlock+seccomp", "bwrap+seccomp")
CONSOLES = [(policy, who, provider) for policy in POLICIES for who in WHO for provider in PROVIDERS]


@dataclass(frozen=True)
class Attack:
    """What all attempts together did. `outside`: what of it was seen from outside."""

    found: dict[str, dict[str, Any]]
    record: dict[str, Any]
    stderr: str
    outside: list[str]


@functools.cache
def attack(policy: str, who: str, provider: str) -> Attack:
    """One run of all attempts, with a terminal on its standard input."""
    with world(*uids(who), policy) as made:
        near, far = pty.openpty()
        run = {
            "body": script(),
            "interpreter": "python",
            "provider": provider,
            "env": {"WORLD": json.dumps(made.facts)},
            "timeout_s": 45,
        }
        (done,) = made.supervise([run], stdin=far)
        os.close(near)
        os.close(far)
        found = {line["name"]: line for line in map(json.loads, done["stdout"].splitlines())}
        return Attack(found, done["result"], done["stderr"], _seen_outside(made))


def _seen_outside(made: World) -> list[str]:
    seen = [f"{name} was reached" for name in made.heard]
    expected = {"file", "own", "removable", "empty", "to-the-key", ".s.PGSQL.5432", "docker.sock", "log"}
    seen += [f"{name!r} in the open folder" for name in {entry.name for entry in made.open.iterdir()} ^ expected]
    seen += [f"{name} was changed" for name in ("file", "own") if (made.open / name).read_text() != "as it was"]
    mark = made.facts["mark"]
    places = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/root", "/home")
    seen += [f"{place}/{mark} is there" for place in places if os.path.exists(f"{place}/{mark}")]
    seen += [f"process {name} lives" for name in _processes() if made.facts["daemon"] in name]
    seen += [f"process {name} lives" for name in _processes() if made.facts["sleeps"] in name]
    for name in ("victim", "console"):
        if not os.path.exists(f"/proc/{made.facts[name]}/stat"):
            seen.append(f"the {name} was killed")
    if os.getpriority(os.PRIO_PROCESS, made.facts["victim"]) != os.getpriority(os.PRIO_PROCESS, 0):
        seen.append("the victim was slowed down")
    seen += [f"{name} in the state directory" for name in os.listdir(made.state) if name == "planted"]
    return seen


def _processes() -> list[str]:
    names = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if kernel.start_ticks(int(pid)) is None:  # dead, and not collected yet by who inherited it
                continue
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            names.append(Path(f"/proc/{pid}/comm").read_text(errors="replace") + " " + command)
        except OSError:
            continue
    return names


@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize(("policy", "who", "provider"), CONSOLES)
def test_all_are_refused(policy: str, who: str, provider: str) -> None:
    tried = attack(policy, who, provider)
    never = [name for name in NAMES if name not in tried.found]
    assert never == [], f"the attempts ended before them: {tried.record}\n{tried.stderr}"
    assert {name: tried.found[name] for name in NAMES if tried.found[name]["escaped"] is not None} == {}


@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize(("policy", "who", "provider"), CONSOLES)
def test_nothing_is_seen_outside(policy: str, who: str, provider: str) -> None:
    assert attack(policy, who, provider).outside == []


@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize(("policy", "who", "provider"), CONSOLES)
def test_the_record_is_whole(policy: str, who: str, provider: str) -> None:
    record = attack(policy, who, provider).record
    assert (record["status"], record["exit_code"]) == ("completed", 0)
    assert record["provider"] == provider
    assert SECRET not in json.dumps(record)


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 60


NEEDS_ROOT_ANYWAY = 60
"""At most so many fail without any containment, too: they are there for the day somebody runs them as more."""


@pytest.mark.xdist_group("escapes")
@pytest.mark.skipif(os.geteuid() != 0, reason="attacks with an ordinary user's own rights: only as root, for another")
def test_the_attempts_are_real() -> None:
    """Without containment most of them get through, so a refusal says something."""
    with world(ALONE, ALONE, "none") as made, open(made.base / "inherited", "w") as inherited:
        python = system_python()
        assert python is not None
        environment = {**made.environment, "WORLD": json.dumps(made.facts), "OPSCONSOLE_RUN_FOLDER": str(made.state)}
        try:
            (made.base / "attempts.py").write_text(script())
            with open(made.base / "output", "w+") as output:
                subprocess.run(
                    [python, made.base / "attempts.py"],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    env=environment,
                    cwd="/",
                    check=True,
                    pass_fds=[inherited.fileno()],
                    **as_uid(ALONE),
                )
                output.seek(0)
                lines = [json.loads(line) for line in output]
        finally:
            _clean_up(made)
    failed = {line["name"] for line in lines if line["escaped"] is None}
    assert len(failed) <= NEEDS_ROOT_ANYWAY, sorted(failed)


def _clean_up(made: World) -> None:
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == made.run_uid and int(pid) != made.facts["victim"]:
                os.kill(int(pid), signal.SIGKILL)
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        Path(folder, made.facts["mark"]).unlink(missing_ok=True)
