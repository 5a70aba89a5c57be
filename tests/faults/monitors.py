"""`opsconsole monitor --json` in a process of its own, to be stopped, starved and killed; and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

from opsconsole.anomalies import Anomaly
from opsconsole.monitoring import control
from opsconsole.storage import anomalies, database
from tests.faults.console import ROOT, environment
from tests.faults.processes import DEADLINE_S, wait_until

QUICK = """
[monitor]
interval_s = 0.1
idle_interval_s = 0.1
max_share = 1.0
learning = false
smart = false
[alerts]
enabled = false
"""
CALM = 99.99
ALWAYS = 0.001
"""Percent of the memory that no host, and that every host uses."""


def memory(level: float, clear: float | None = None) -> str:
    """Thresholds by which memory is too full beyond `level`, at once, and well again at once."""
    clear = 0.9 * level if clear is None else clear
    return f"[monitor.thresholds.memory_high]\nmedium = {level}\nfor_s = 0\nclear = {clear}\nclear_for_s = 0\n"


class Host:
    """A state directory beside a configuration, and the commands on it."""

    def __init__(self, folder: Path, thresholds: str = "", *, state: Path | None = None) -> None:
        self.folder = folder
        self.state = state or folder / "state"
        self.files = control.Files(self.state)
        self.configure(thresholds)

    def configure(self, thresholds: str) -> None:
        """Other thresholds; a running monitor takes them when it is told to."""
        new = self.folder / "config.new"
        new.write_text(QUICK + thresholds)
        new.rename(self.folder / "config.toml")

    def reload(self, thresholds: str) -> None:
        self.configure(thresholds)
        assert control.tell(self.files, "reload")

    def popen(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        own = {key: value for key, value in environment().items() if not key.startswith("OPSCONSOLE_")}
        own |= {
            "OPSCONSOLE_STATE_DIR": str(self.state),
            "OPSCONSOLE_CONFIG": str(self.folder / "config.toml"),
            "LC_ALL": "C.UTF-8",
        }
        command = [sys.executable, "-m", "opsconsole", *words]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=own, cwd=ROOT, **options)

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code and everything it wrote."""
        with self.popen(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                said, _ = process.communicate(timeout=DEADLINE_S)
            finally:
                process.kill()
        return process.returncode, said.decode()

    def episodes(self, kind: str = "memory_high") -> list[Anomaly]:
        """On record, newest first."""
        if not self.state.joinpath("opsconsole.db").exists():
            return []
        with closing(database.connect(self.state / "opsconsole.db", read_only=True)) as c:
            return anomalies.find(c, anomalies.AnomalyFilter(kinds=frozenset({kind}), limit=100_000))

    def watched(self) -> control.Holder | None:
        return control.holder(self.files)

    def end(self) -> None:
        """Whatever watches in the background."""
        self.files.off.touch()
        for _ in range(2):
            if (found := self.watched()) is not None and found.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.pid, signal.SIGKILL)
            wait_until(lambda: self.watched() is None)


class Monitor:
    """`with Monitor(host) as monitor`; leaving the block kills it if it still lives."""

    def __init__(self, host: Host, *words: str) -> None:
        self._errors = host.folder / f"stderr-{len(list(host.folder.glob('stderr-*')))}"
        self._samples: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._errors.open("wb") as errors:
            self.process = host.popen("monitor", "--json", *words, stdout=subprocess.PIPE, stderr=errors)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                self._samples.put(json.loads(line))

    def sample(self) -> dict[str, Any]:
        """The next one. Raises AssertionError where none comes."""
        try:
            return self._samples.get(timeout=DEADLINE_S)
        except queue.Empty:
            raise AssertionError(f"no sample came; it said {self.said!r}") from None

    def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first sample of which that holds."""
        while not holds(found := self.sample()):
            pass
        return found

    def fresh(self) -> dict[str, Any]:
        """One that was taken after now."""
        while not self._samples.empty():
            self._samples.get()
        self.sample()
        return self.sample()

    @property
    def said(self) -> str:
        """On stderr so far: each anomaly as it opens and closes, and what is wrong with the watching itself."""
        return self._errors.read_text(errors="replace")

    def says(self, text: str) -> None:
        assert wait_until(lambda: text in self.said), f"never {text!r}, but {self.said!r}"

    def leave(self) -> int:
        """As at Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        """SIGKILL, and wait for its death."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
