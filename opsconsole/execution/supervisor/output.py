"""Two pipes, two files, one timing index: the bytes of a run on their way to disk.

A stream over its limit keeps the first `head` bytes and the last `limit - head`; what lies between is given back to
the file system while the run goes on (offsets stay true for whoever tails), and closed up when the stream ends.
The script is never blocked by any of it, a full disk included: then bytes are counted in place of kept.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from . import kernel
from .following import Following

SLACK = 2 << 20
MOST_SLACK = 6 << 20
_CHUNK = 1 << 20
_SMALL_PIPE = 1 << 16
_BLOCK = 4096
_FINE_INDEX = 4 << 20


class Stream:
    """One of stdout and stderr. `total` counts every byte the script wrote, kept or not."""

    def __init__(self, letter: bytes, path: str, limit: int, owner: tuple[int, int] | None) -> None:
        self.letter = letter
        self.path = path
        self.limit = limit
        self.head = min(4 << 20, limit // 4)
        self.following = Following(os.path.dirname(path) + "/following", 0 if letter == b"o" else 1)
        self.total = 0
        self.unkept = 0  # bytes lost to a full disk or a file system without holes
        self.punched = self.head
        self._closed_gap: int | None = None
        self.wide = False
        self.error = ""
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        if owner:
            os.fchown(self.file, *owner)
        self.pipe, self.write_end = os.pipe()
        os.set_blocking(self.pipe, False)

    @property
    def open(self) -> bool:
        return self.pipe >= 0

    @property
    def gap(self) -> int:
        """Bytes missing between the first and the last part."""
        if self._closed_gap is not None:
            return self._closed_gap
        return max(0, self.total - self.unkept - self.limit) if self.limit else 0

    def pump(self, buffer: memoryview) -> int:
        """Move what is there, at most one buffer. Bytes moved; 0: nothing now; -1: the end."""
        try:
            count = os.readv(self.pipe, [buffer])
        except BlockingIOError:
            return 0
        except OSError:
            count = 0
        if count == 0:
            self.close_pipe()
            return -1
        if count >= _SMALL_PIPE and not self.wide:
            self.wide = True
            kernel.widen_pipe(self.pipe)
        self.total += count
        self._keep(buffer[:count])
        return count

    def _keep(self, data: memoryview) -> None:
        while data and not self.error:
            try:
                data = data[os.write(self.file, data) :]
            except OSError as error:
                self.error = errno.errorcode.get(error.errno or 0, "EIO")
        self.unkept += len(data)
        if self.limit and self.total - self.unkept - self.limit >= SLACK:
            self._punch()

    def _punch(self) -> None:
        """Give the middle back; always from block border to block border, so that a reader sees bytes or a hole."""
        start = (self.punched + _BLOCK - 1) & -_BLOCK
        end = self.total - self.unkept - (self.limit - self.head)
        read = self.following.position()
        end = (end if read is None else min(end, read)) & -_BLOCK
        if end - start >= SLACK:
            if kernel.punch_hole(self.file, start, end):
                self.punched = end
            else:
                self.error = "EOPNOTSUPP"

    def must_wait(self) -> bool:
        """The file has all the slack it may have, because a reader of every byte is behind: leave the pipe alone."""
        if not self.limit or self._surplus() < MOST_SLACK:
            return False
        self._punch()
        return self._surplus() >= MOST_SLACK and self.following.is_worth_waiting_for(time.monotonic())

    def _surplus(self) -> int:
        """Bytes on disk beyond the limit."""
        return self.total - self.unkept - self.limit - (self.punched - self.head)

    def close_pipe(self) -> None:
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
        self.close_write_end()

    def close_write_end(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def finish(self) -> None:
        """Close up the gap, so that the file is exactly the first part and the last part.

        Readers are locked out from here to `let_readers_in`, which must not come before the result is written: they
        map what they read by the gap that it names.
        """
        if self.gap:
            self._wait_for_follower()
            self._wait_for_readers()
            try:
                self._close_gap()
            except OSError as error:
                self.error = self.error or errno.errorcode.get(error.errno or 0, "EIO")
        self._closed_gap = self.gap

    def _wait_for_follower(self) -> None:
        """It may still be reading what is about to go."""
        end = self.total - self.unkept - (self.limit - self.head)
        while (read := self.following.position()) is not None and read < end:
            if not self.following.is_worth_waiting_for(time.monotonic()):
                return
            time.sleep(0.002)

    def _wait_for_readers(self) -> None:
        """Readers hold a shared lock for the length of one read; a stuck one is not waited for."""
        for _ in range(100):
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(0.005)
            else:
                return

    def let_readers_in(self) -> None:
        if self._closed_gap:
            fcntl.flock(self.file, fcntl.LOCK_UN)

    def _close_gap(self) -> None:
        source, target = self.total - self.unkept - (self.limit - self.head), self.head
        end = self.total - self.unkept
        while source < end:
            data = os.pread(self.file, min(_CHUNK, end - source), source)
            if not data:
                break
            os.pwrite(self.file, data, target)
            source, target = source + len(data), target + len(data)
            hole = max(source - len(data), target)
            if source > hole:
                kernel.punch_hole(self.file, hole, source)
        os.ftruncate(self.file, target)

    def release(self) -> None:
        """Close all descriptors. Can be called twice."""
        self.close_pipe()
        self.following.release()
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def give_back(self, count: int) -> None:
        """Drop the last `count` kept bytes, to make room for the result on a full disk."""
        size = os.fstat(self.file).st_size
        cut = min(count, size)
        os.ftruncate(self.file, size - cut)
        self.unkept += cut
        self.error = self.error or "ENOSPC"


class Timing:
    """Which stream wrote when: lines `o 1.234567 512` (stream, seconds since start, bytes), in order.

    Reads of one stream within the window are one line; past 4 MiB of index the window grows, and both streams are
    counted in it side by side, so that the index stays small whatever a script does.
    """

    def __init__(self, path: str, owner: tuple[int, int] | None) -> None:
        self._path = path
        self._owner = owner
        self._file = -1
        self._size = 0
        self.since = 0.0
        self._bytes: dict[bytes, int] = {}

    def note(self, letter: bytes, count: int, elapsed: float) -> None:
        fine = self._size < _FINE_INDEX
        window = 0.01 if fine else 1.0
        if self._bytes and (elapsed - self.since > window or (fine and letter not in self._bytes)):
            self.flush()
        if not self._bytes:
            self.since = elapsed
        self._bytes[letter] = self._bytes.get(letter, 0) + count

    @property
    def pending(self) -> bool:
        return bool(self._bytes)

    def flush(self) -> None:
        if not self._bytes:
            return
        line = b"".join(b"%s %.6f %d\n" % (letter, self.since, count) for letter, count in self._bytes.items())
        self._bytes.clear()
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                if self._owner:
                    os.fchown(self._file, *self._owner)
            self._size += os.write(self._file, line)
        except OSError:
            pass  # a full disk: the streams say so; the order is then lost, the bytes are not

    def release(self) -> None:
        self.flush()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
