"""The console in tmux, as somebody works with it: write a script, be warned, fix it, run it, leave, return."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_LATEST_S = 40
_LOOK_S = 0.05
_AGAIN_S = 1.0
_DROPPED = ("OPSCONSOLE_", "SSH_", "NO_COLOR", "COLORTERM", "TEXTUAL", "LC_", "LANG", "TMUX", "XDG_")
CONFIG = '[console]\nstart = "overview"\n'
BEGIN = "DIR=$HOME", "ls -d $DIR"
"""What the operator writes; in the second line something is missing."""
THE_REST = "echo begun to look", 'while [ ! -e "$HOME/enough" ]; do sleep 0.1; done', "echo that was all"


class Tmux:
    """A server of its own, with one window of 120 × 36 and nothing of the user's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "tmux"
        own = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
        config = folder / "config" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(CONFIG)
        self.environ = {
            **own, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "share"), "TMUX_TMPDIR": str(folder),
            "OPSCONSOLE_STATE_DIR": str(folder / "state"), "OPSCONSOLE_CONFIG": str(config), "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color", "PS1": "", "ENV": "",
        }  # fmt: skip
        self.run("-f", os.devnull, "new-session", "-d", "-x", "120", "-y", "36", "env PS1='ready$ ' sh")

    def run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words], env=self.environ, cwd=self.folder, check=True,
            capture_output=True, timeout=_LATEST_S,
        )  # fmt: skip
        return done.stdout.decode()

    @property
    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-t", ":0")

    def until(self, holds: Callable[[str], object] | str) -> str:
        end = time.monotonic() + _LATEST_S
        while True:
            screen = self.screen
            if holds in screen if isinstance(holds, str) else holds(screen):
                return screen
            assert time.monotonic() < end, f"{holds!r} never came:\n{screen}"
            time.sleep(_LOOK_S)

    def press(self, *keys: str, until: Callable[[str], object] | str) -> str:
        """Keys as tmux calls them."""
        self.run("send-keys", "-t", ":0", *keys)
        return self.until(until)

    def press_till(self, key: str, holds: Callable[[str], bool]) -> str:
        """As often as it takes: a key that answers "not yet" is pressed again."""
        end = time.monotonic() + _LATEST_S
        while time.monotonic() < end:
            self.run("send-keys", "-t", ":0", key)
            again = time.monotonic() + _AGAIN_S
            while time.monotonic() < again:
                if holds(screen := self.screen):
                    return screen
                time.sleep(_LOOK_S)
        return self.until(holds)

    def type(self, text: str, until: Callable[[str], object] | str) -> str:
        self.run("send-keys", "-t", ":0", "-l", text)
        return self.until(until)

    def console(self, until: str) -> str:
        return self.type(f"{sys.executable} -m opsconsole\n", until)

    def close(self) -> None:
        self.run("kill-server")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    server = Tmux(tmp_path)
    try:
        server.until("ready$")
        yield server
    finally:
        (tmp_path / "enough").touch()  # what still runs ends
        server.close()


def gone(text: str) -> Callable[[str], bool]:
    return lambda screen: text not in screen


def test_from_an_empty_script_to_a_run_that_outlives_the_console(tmux: Tmux, tmp_path: Path) -> None:
    tmux.console("1 to 7 switch between modes")  # the first start says what one needs

    # a new script
    tmux.press("5", until="system_health.sh")
    tmux.press("n", until="in which language")
    tmux.press("Enter", until="Name of the new script")
    tmux.type("watch_folder", until="watch_folder ")
    tmux.press("Enter", until="set -euo pipefail")
    assert (tmp_path / "share/opsconsole/scripts/watch_folder.sh").exists()

    # it is typed, and what is wrong with it is said meanwhile
    for line in BEGIN:
        tmux.type(line, until=line)
        tmux.press("Enter", until="modified")
    tmux.until(" 9:1 ")
    tmux.until("unquoted-expansion")
    # that may still be said of the text before the last enter: then F8 says that the review is not there yet
    tmux.press_till("F8", lambda screen: "8:7" in screen and " 9:1 " not in screen)
    tmux.press("F9", until=lambda screen: 'ls -d "$DIR"' in screen and "unquoted" not in screen)
    tmux.press("C-End", until=" 9:1 ")
    for line in THE_REST:
        tmux.type(line, until=line)
        tmux.press("Enter", until="modified")
    tmux.until("no findings")

    # run it as it is here, and look at what it prints
    tmux.press("C-r", until="✔ it runs")
    tmux.press("Enter", until=gone("Queue it, held"))
    tmux.press("Escape", until="edit")
    tmux.press("2", until=lambda screen: "begun to look" in screen and "echo begun" not in screen)

    # another one, which is not wanted after all
    tmux.press("n", until="long_job.sh")
    tmux.type("long", until=gone("system_health.sh"))
    tmux.press("Enter", until="Run it")
    tmux.type("600", until="600")  # seconds, as it is a slow day: it must not end before it is cancelled
    tmux.press("Enter", until="2 running")
    tmux.until("▶ 2 long_job.sh")  # the newest is the one that is looked at
    tmux.press("c", until="Cancel task 2")
    tmux.press("y", until="cancelled")
    tmux.until("1 running")

    # a picture of it, and away; the first one goes on
    tmux.press("x", until="Picture:")
    (picture,) = (tmp_path / "state" / "pictures").glob("tasks-*.svg")
    said = "".join(ElementTree.fromstring(picture.read_text()).itertext())  # noqa: S314 - it is ours
    assert "watch_folder" in said.replace("\xa0", " ")
    assert "watch_folder" in picture.with_suffix(".txt").read_text()
    tmux.press("q", until="Leave it running")
    tmux.press("Enter", until=lambda screen: screen.rstrip().endswith("ready$"))

    # the day after
    tmux.console("watch_folder")
    (tmp_path / "enough").touch()
    tmux.press("2", until="that was all")
    tmux.until(lambda screen: "completed" in screen and "0 running" in screen)
    tmux.press("q", until=lambda screen: screen.rstrip().endswith("ready$"))
