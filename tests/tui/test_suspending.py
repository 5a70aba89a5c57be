"""^Z, in a terminal of a shell that has jobs and in one that has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.wire import Wire

SHELL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-m", "opsconsole"])
while True:
    _, status = os.waitpid(job, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
    print("STOPPED", termios.tcgetattr(0)[3] & termios.ECHO != 0, flush=True)
    sys.stdin.readline()
    os.tcsetpgrp(0, job)
    os.killpg(job, signal.SIGCONT)
"""
"""What a shell does with one job."""
HELP = "All commands, by name"


def test_it_stops_and_comes_back(tmp_path: Path) -> None:
    with Wire(tmp_path, program=("-c", SHELL), config='[console]\nstart = "tasks"\n') as wire:
        wire.until("No tasks yet")
        wire.press("\x1a", "STOPPED True")
        assert wire.sent.count("\x1b[?1049l") == 1, "the terminal is as it was before the console"
        wire.press("\r", lambda screen: "STOPPED" not in screen and "No tasks yet" in screen)
        wire.press("3", "COMMAND")
        wire.press("?", HELP)  # over a page, too
        wire.press("\x1a", "STOPPED True")
        wire.press("\r", lambda screen: "STOPPED" not in screen and HELP in screen)
        wire.press("\x1b", lambda screen: HELP not in screen and "COMMAND" in screen)
        assert wire.leave("q") == 0


@pytest.mark.parametrize("where", ["a list", "a text"])
def test_where_nobody_would_bring_it_back_that_is_said(tmp_path: Path, where: str) -> None:
    with Wire(tmp_path, config='[console]\nstart = "tasks"\n') as wire:
        wire.until("No tasks yet")
        if where == "a text":
            wire.press("/a", "keep the")
        wire.press("\x1a", "it stays")
        if where == "a text":
            wire.press("\x1b", "q quit")
        assert wire.leave("q") == 0
