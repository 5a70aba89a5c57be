"""Staying after the end."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.escape.attempts.common import WORLD, attempt, call, libc, put


@attempt
def leave_a_daemon() -> object:
    """Proven from outside: the name is looked for after the run."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            for fd in range(3):
                os.close(fd)
            with open("/proc/self/comm", "w") if WORLD["policy"] == "none" else open(os.devnull, "w") as file:
                file.write("x")
            libc.prctl(15, WORLD["daemon"].encode(), 0, 0, 0)
            signal.pause()
        os._exit(0)
    os.wait()
    raise OSError("to be looked at from outside")


@attempt
def leave_a_sibling() -> object:
    """A child of the supervisor's own."""
    if call("clone", 0x8000 | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        libc.prctl(15, WORLD["daemon"].encode(), 0, 0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pause()
        os._exit(0)
    raise OSError("to be looked at from outside")


@attempt
def leave_a_nohup() -> object:
    subprocess.Popen(
        ["nohup", "setsid", "sleep", WORLD["sleeps"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    raise OSError("to be looked at from outside")


@attempt
def leave_a_cron_job() -> object:
    subprocess.run(["crontab", "-"], input=b"* * * * * true\n", check=True, capture_output=True)
    return "left"


@attempt
def leave_a_unit() -> object:
    subprocess.run(["systemd-run", "true"], check=True, capture_output=True)
    return "left"


@attempt
def files_in_shared_places() -> object:
    """Proven from outside: private places may be written to."""
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/root", "/home"):
        try:
            put(f"{folder}/{WORLD['mark']}")
        except OSError:
            continue
    raise OSError("to be looked at from outside")
