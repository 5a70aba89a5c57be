"""Where runs are played: in the place of the supervisors, so that nothing that is claimed is ever started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opsconsole.demo.moment import DemoClock
from opsconsole.demo.play import Play, Role, script_of_nobody
from opsconsole.demo.trace import Trace
from opsconsole.execution.dispatch import Launch
from opsconsole.execution.pool import SlotPool
from opsconsole.samples import RunUsage

_FIRST_PID = 31_000


class Stage:
    """The runs that are being played. `advance` on one thread; `usages` from any."""

    def __init__(self, trace: Trace, clock: DemoClock) -> None:
        self._scripts = {script["body"].encode(): script for script in trace.scripts.values()}
        self._clock = clock
        self._plays: list[Play] = []
        self._pid = _FIRST_PID

    def script_of(self, body: bytes) -> Mapping[str, Any]:
        """What a script does here."""
        return self._scripts.get(body) or script_of_nobody(len(body.splitlines()))

    def next_pid(self) -> int:
        """A number that looks like a process."""
        self._pid += 3 + self._pid % 7
        return self._pid

    def take(self, play: Play) -> None:
        """Play it from now on."""
        self._plays = [*self._plays, play]

    @property
    def busy(self) -> int:
        return len(self._plays)

    def cast(self) -> list[Role]:
        """Who is on: from any thread."""
        return [play.role for play in self._plays]

    def advance(self) -> None:
        now = self._clock.now()
        for play in self._plays:
            play.advance(now)
        self._plays = [play for play in self._plays if not play.ended]

    def usages(self) -> list[RunUsage]:
        """What each uses now."""
        now = self._clock.now()
        return [play.usage(now) for play in self._plays]

    def close(self) -> None:
        """What still plays is left where it is."""
        for play in self._plays:
            play.close()
        self._plays = []


class PlayedPool(SlotPool):
    """Takes launches like the slots of a console, and has them played. The engine learns of each as it learns of a
    run that another console started: from its folder."""

    def __init__(self, stage: Stage, clock: DemoClock, log: Path, on_lost: Callable[[str], None]) -> None:
        super().__init__(log, lambda *_: None, on_lost)
        self._stage = stage
        self._clock = clock
        self._hand_over = on_lost

    @property
    def busy(self) -> int:
        return self._stage.busy

    def warm(self) -> None:
        """There is no process to warm."""

    def prefork(self) -> None:
        """There is no process to fork."""

    def launch(self, execution_id: str, launch: Launch, environment: Mapping[str, str], *, elevated: bool) -> None:
        message = launch.message
        text = message["script"]
        body = os.pread(launch.fds[0], 1 << 24, 0) if text is None else text.encode("utf-8", "surrogateescape")
        play = Play(
            Path(message["folder"]), self._stage.script_of(body), launch=message["launch"],
            began_us=self._clock.now(), body=body, timeout_s=message["timeout_s"], pid=self._stage.next_pid(),
        )  # fmt: skip
        self._stage.take(play)
        asyncio.get_running_loop().call_soon(self._hand_over, execution_id)

    def close(self) -> None:
        """Nothing of it goes on without this console."""
        self._stage.close()
