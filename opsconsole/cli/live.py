"""The output of runs while they run: from their folders to this process's stdout and stderr.

A thread copies, so that a reader who has stopped reading (a pager) never keeps Ctrl-C from the runs. Into a pipe or
file the bytes stay exactly what the script wrote; on a terminal they are made harmless. When stdout's reader leaves
(`| head`), the run goes on to its end and the rest is not copied: the record has it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics, output
from opsconsole.cli.channel import Channel, ReaderGone
from opsconsole.cli.way import Way
from opsconsole.execution.outputs import Follower, StreamName

if TYPE_CHECKING:
    from opsconsole.execution.showing import Hiding

FIRST_WAIT_S = 0.005
LONGEST_WAIT_S = 0.05
_MUCH = 64 * 1024  # more than this in one look: there is more, do not wait


class Copied:
    """One run on its way out; without a follower, only its end is. What a Copier's thread works on."""

    def __init__(
        self, follower: Follower | None, heading: str, prefix: str, *, by_line: bool, hiding: Hiding | None = None
    ) -> None:
        self.heading = heading
        self.follower = follower
        out, err = (None if hiding is None else hiding.stream(name) for name in ("stdout", "stderr"))
        self.ways: dict[StreamName, Way] = {
            "stdout": Way(output.stdout, prefix, by_line=by_line, shown=out),
            "stderr": Way(diagnostics.stderr, prefix, by_line=by_line, shown=err),
        }
        self.missing: dict[StreamName, int] = {"stdout": 0, "stderr": 0}
        """Bytes that the record had already lost when we came to read them."""
        self.then: Callable[[Copied], None] | None = None

    @property
    def inside_a_line(self) -> bool:
        return any(way.inside_a_line for way in self.ways.values())


class Copier:
    """The thread that copies. Its methods are called from one other thread, and return at once.

    Runs come out one after the other in the order of `follow`, or (`by_line`) line by line as they come, lines of
    different runs never mixed.
    """

    def __init__(self, *, by_line: bool = False) -> None:
        self._by_line = by_line
        self._runs: list[Copied] = []
        self._wake = threading.Event()
        self._on_closed: Callable[[], None] | None = None
        self.failed = False
        self._dead: set[int] = set()
        self._torn: dict[int, Copied] = {}
        self._thread = threading.Thread(target=self._work, name="opsconsole-copier", daemon=True)
        self._thread.start()

    def follow(
        self,
        folder: Path | None,
        *,
        live: bool = True,
        heading: str = "",
        prefix: str = "",
        hiding: Hiding | None = None,
    ) -> Copied:
        """Copy the output of the run in `folder`, until `ended` is called for it. `live`: it has not ended yet.

        `hiding`: what a terminal must not show.
        """
        every_byte = live and not output.stdout.terminal
        follower = Follower(folder, every_byte=every_byte) if folder is not None else None
        run = Copied(follower, heading, prefix, by_line=self._by_line, hiding=hiding)
        self._runs.append(run)
        self._wake.set()
        return run

    def ended(self, run: Copied, then: Callable[[Copied], None]) -> None:
        """The run is over; `then` is called in the thread when the last of its output is out."""
        run.then = then
        self._wake.set()

    def close(self, on_closed: Callable[[], None]) -> None:
        """No more to come; `on_closed` is called in the thread when everything is out."""
        self._on_closed = on_closed
        self._wake.set()

    def fresh_line(self) -> None:
        """For a `then`, before it says something: on a terminal, not behind the end of somebody's line."""
        if self._torn and diagnostics.stderr.terminal:
            self._torn.clear()
            self.send(diagnostics.stderr, b"\n")

    def send(self, channel: Channel, data: bytes) -> None:
        """Write, for a `then`. A channel that cannot be written is given up."""
        if channel.fd in self._dead:
            return
        try:
            channel.write(data)
        except ReaderGone:
            self._dead.add(channel.fd)
        except OSError as error:
            self._dead.add(channel.fd)
            name = "stdout" if channel is output.stdout else "stderr"
            diagnostics.tell(
                f"{name} cannot be written: {error.strerror}",
                hint="the runs go on, and their records have the output: `opsconsole show ID --output`",
            )

    # -- in the thread

    def _work(self) -> None:
        try:
            self._copy_until_closed()
        except Exception as error:  # noqa: BLE001 - the outermost frame of a thread; the runs go on without it
            self.failed = True
            diagnostics.internal(error)
        while self._on_closed is None:
            self._wake.wait()
            self._wake.clear()
        self._on_closed()

    def _copy_until_closed(self) -> None:
        wait = FIRST_WAIT_S
        while self._on_closed is None or self._runs:
            moved = self._look()
            wait = FIRST_WAIT_S if moved else min(wait * 1.5, LONGEST_WAIT_S)
            if moved < _MUCH:
                self._wake.wait(wait if any(run.follower for run in self._runs) else None)
            self._wake.clear()

    def _look(self) -> int:
        """Copy what is new of those whose turn it is; about how many bytes were moved."""
        moved = 0
        for run in self._turn():
            over = run.then is not None  # asked before the files are read: what comes later is then not missed
            count = self._copy(run)
            moved += count
            if over and not count:
                self._finish(run)
                moved += _MUCH
            if run.inside_a_line:
                break
        return moved

    def _turn(self) -> list[Copied]:
        """All, or the first, or the one in the middle of a line. Its output waits in its files meanwhile."""
        if not self._by_line:
            return self._runs[:1]
        return [run for run in self._runs if run.inside_a_line] or self._runs.copy()

    def _copy(self, run: Copied) -> int:
        if run.heading:
            self.send(diagnostics.stderr, run.heading.encode("utf-8", "replace"))
            run.heading = ""
        moved = 0
        for chunk in run.follower.read() if run.follower is not None else ():
            moved += len(chunk.data) + chunk.missing
            run.missing[chunk.stream] += chunk.missing
            way = run.ways[chunk.stream]
            self._pass(run, way, way.take(chunk))
        return moved

    def _finish(self, run: Copied) -> None:
        for way in run.ways.values():
            self._pass(run, way, way.end())
        if run.follower is not None:
            run.follower.close()
        self._runs.remove(run)
        if run.then is not None:
            run.then(run)

    def _pass(self, run: Copied, way: Way, data: bytes) -> None:
        """Send a run's bytes, on a new line if the last line of another run has no end."""
        if not data:
            return
        fd = way.channel.fd
        if way.by_line and self._torn.get(fd, run) is not run:
            data = b"\n" + data
        if data.endswith(b"\n"):
            self._torn.pop(fd, None)
        else:
            self._torn[fd] = run
        self.send(way.channel, data)
