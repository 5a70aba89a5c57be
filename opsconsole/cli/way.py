"""What a stream's bytes become on their way out: themselves, or harmless lines with the run's name before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.cli.channel import Channel

if TYPE_CHECKING:
    from opsconsole.execution.outputs import Chunk
    from opsconsole.execution.showing import Shown
    from opsconsole.safety.sanitise import Sanitiser

HELD_BYTES = 256 * 1024
"""A longer piece of a line goes out before its end; the other runs then wait for that end."""

_RESET = b"\x1b[0m"


class Way:
    """From one stream of one run to a descriptor: as it comes, or (`by_line`) in whole lines only.

    `prefix` stands before each line, and `shown` takes the secrets out, on a terminal only.
    """

    def __init__(self, channel: Channel, prefix: str, *, by_line: bool, shown: Shown | None = None) -> None:
        self.channel = channel
        self.by_line = by_line
        self._prefix = prefix.encode("utf-8", "replace") if channel.terminal and by_line else b""
        self._clean: Sanitiser | None = None
        self._shown = shown if channel.terminal else None
        self._held = bytearray()
        self._inside = False
        if channel.terminal:
            from opsconsole.safety.sanitise import Sanitiser

            self._clean = Sanitiser(colours=channel.colours)

    @property
    def inside_a_line(self) -> bool:
        """Part of a line is out already: nobody else may write until it ends."""
        return self.by_line and self._inside

    def take(self, chunk: Chunk) -> bytes:
        """What goes out now that `chunk` has come."""
        data = chunk.data if self._shown is None else self._shown.feed(chunk)
        if self._clean is not None:
            data = self._clean.feed(data).encode("utf-8", "replace")
        return self._lines(data) if self.by_line else data

    def end(self) -> bytes:
        """What was still held back."""
        data = b""
        if self._clean is not None:
            rest = self._shown.finish() if self._shown is not None else b""
            data = (self._clean.feed(rest) + self._clean.finish()).encode("utf-8", "replace")
        if self.by_line:
            data = self._lines(data)
            data += self._mark(bytes(self._held))
            self._held.clear()
            self._inside = False
        return data

    def _lines(self, data: bytes) -> bytes:
        self._held += data
        cut = self._held.rfind(b"\n") + 1
        if not cut and len(self._held) > HELD_BYTES:
            cut = len(self._held)
        if not cut:
            return b""
        ready = self._mark(bytes(self._held[:cut]))
        del self._held[:cut]
        self._inside = not ready.endswith(b"\n")
        return ready

    def _mark(self, data: bytes) -> bytes:
        """The prefix before each line, and the colours ended where the line ends."""
        if not self._prefix:
            return data
        marked = []
        for number, line in enumerate(data.splitlines(keepends=True)):
            begun = self._inside and number == 0
            if b"\x1b" in line and line.endswith(b"\n"):
                line = line[:-1] + _RESET + b"\n"
            marked.append(line if begun else self._prefix + line)
        return b"".join(marked)
