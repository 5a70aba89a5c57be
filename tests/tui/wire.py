"""The console as it runs, on a pseudo-terminal that is emulated: what is sent, and what is then to be seen."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.tui.emulated import Terminal

_LATEST_S = 40


class Wire:
    """A process of its own, with a state directory and no configuration but `config`."""

    def __init__(
        self, folder: Path, *words: str, size: tuple[int, int] = (120, 36), config: str = "",
        program: Sequence[str] = ("-m", "opsconsole"), **variables: str,
    ):  # fmt: skip
        self.terminal = Terminal(*size)
        self.sent = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        file = folder / "config" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(config)
        dropped = ("OPSCONSOLE_", "SSH_", "NO_COLOR", "COLORTERM", "TEXTUAL", "LC_", "LANG")
        own = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        environ = {
            **own, "OPSCONSOLE_STATE_DIR": str(folder / "state"), "OPSCONSOLE_CONFIG": str(file), "HOME": str(folder),
            "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **variables,
        }  # fmt: skip
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *program, *words], stdin=follower, stdout=follower, stderr=follower,
            cwd=folder, env=environ, start_new_session=True,
        )  # fmt: skip
        os.close(follower)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._leader)

    @property
    def screen(self) -> str:
        return "\n".join(self.terminal.lines)

    def until(self, holds: Callable[[str], object] | str) -> str:
        """What is to be seen when the text is there, or the condition holds."""
        end = time.monotonic() + _LATEST_S
        while not (holds in self.screen if isinstance(holds, str) else holds(self.screen)):
            if not self._take() or time.monotonic() > end:
                raise AssertionError(f"{holds} never came:\n{self.screen}\n{self.sent[-500:]!r}")
        return self.screen

    def press(self, keys: str, until: Callable[[str], object] | str) -> str:
        os.write(self._leader, keys.encode())
        return self.until(until)

    def leave(self, keys: str = "q") -> int:
        """The exit code."""
        os.write(self._leader, keys.encode())
        while self._take():
            pass
        return self.process.wait(_LATEST_S)

    def _take(self) -> bool:
        if not select.select([self._leader], [], [], _LATEST_S)[0]:
            return False
        try:
            data = os.read(self._leader, 65536)
        except OSError:
            return False
        text = self._decode(data)
        self.sent += text
        self.terminal.feed(text)
        return bool(data)
