"""Files of /proc and /sys that are read at every tick: opened once, read again from their beginning."""

from __future__ import annotations

import os


class KeptFile:
    """A file whose descriptor stays open. `whole`: the kernel makes the text in one piece, so that one read is enough;
    files that list records (diskstats, net/dev, vmstat, mountinfo) come a page at a time."""

    __slots__ = ("_descriptor", "_size", "_whole", "path")

    def __init__(self, path: str, *, whole: bool = False) -> None:
        self.path = path
        self._whole = whole
        self._descriptor = -1
        self._size = 4096

    def fileno(self) -> int:
        """The descriptor, opened if it is not. Raises OSError."""
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptor

    def read(self) -> bytes:
        """The text as it is now. Raises OSError; the next call then opens the file anew."""
        try:
            descriptor, size = self.fileno(), self._size
            data = os.pread(descriptor, size, 0)
            if not self._whole or len(data) == size:
                data = self._rest(descriptor, data)
        except OSError:
            self.close()
            raise
        return data

    def _rest(self, descriptor: int, data: bytes) -> bytes:
        while more := os.pread(descriptor, max(4096, self._size - len(data)), len(data)):
            data += more
        if len(data) >= self._size:
            self._size = 2 * len(data)
        return data

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def read_text(path: str) -> str | None:
    """The text of a file that is read seldom, without the newline at its end. None: not there or not ours."""
    try:
        with open(path, "rb") as file:
            return shown(file.read()).strip()
    except OSError:
        return None


def shown(name: bytes) -> str:
    """A name the kernel gives, as text that can be stored anywhere (no lone surrogates); different stays different."""
    return name.decode("utf-8", "backslashreplace")
