"""Who watches a state directory: one monitor holds a lock, hears words through a FIFO, shows its last look in a file.

Files in the state directory: `monitor.lock` (held by the monitor, says who it is), `monitor.control` (a FIFO: "stop",
"look", "reload"), `monitor.look` (each console that looks holds it shared), `monitor.live` (the last sample, as JSON),
`monitor.off` (stopped by hand: no console starts it by itself), `monitor.next` (held by a background monitor that waits
for the console that watches to leave).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import stat
import threading
import time
from pathlib import Path

from opsconsole import host
from opsconsole.errors import StorageError
from opsconsole.storage import frozen
from opsconsole.values import dataclass

if os.name == "posix":
    import fcntl

READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Opening to look, also where nothing can be written; a FIFO that somebody has put there keeps nobody waiting."""
_WORDS_BYTES = 4096
_ASKING_S = 3.0
_SAYING_S = 0.5


@dataclass(frozen=True, slots=True)
class Holder:
    """The monitor that is alive: its process, since when (µs), and the door of its console."""

    pid: int
    started_at: int
    door: str


class Files:
    """The paths of one state directory's monitor."""

    def __init__(self, root: Path) -> None:
        self.lock = root / "monitor.lock"
        self.control = root / "monitor.control"
        self.look = root / "monitor.look"
        self.live = root / "monitor.live"
        self.off = root / "monitor.off"
        self.next = root / "monitor.next"


class Lock:
    """Held from `take` to `release`, or to the end of the process."""

    def __init__(self, files: Files, path: Path | None = None) -> None:
        self._path = path or files.lock
        self._fd: int | None = None

    def take(self, started_at: int, door: str) -> bool:
        """False: another monitor holds it. Raises StorageError."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be used: {error.strerror}") from error
        until = time.monotonic() + _ASKING_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not _only_asked(fd) or time.monotonic() > until:
                    os.close(fd)
                    return False
            time.sleep(0.001)
        who = {"pid": os.getpid(), "start": host.start_time(os.getpid()), "started_at": started_at, "door": door}
        with contextlib.suppress(OSError):  # a full disk: nobody learns who watches, but somebody does
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps(who).encode(), 0)
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def holder(files: Files, path: Path | None = None) -> Holder | None:
    """The living monitor, if there is one; with `path`, whoever holds that lock."""
    try:
        fd = os.open(path or files.lock, READING)
    except OSError:
        return None
    try:
        until = time.monotonic() + _SAYING_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            except OSError:
                found = _holder(os.pread(fd, _WORDS_BYTES, 0))
                if found.pid or time.monotonic() > until:
                    return found
            time.sleep(0.001)  # it has the lock, and is about to say who it is
    finally:
        os.close(fd)


def _only_asked(fd: int) -> bool:
    """Whether nobody watches who holds the lock: who asks shares it, for a moment, or longer on a busy host."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def _holder(data: bytes) -> Holder:
    try:
        said = json.loads(data)
        return Holder(int(said["pid"]), int(said["started_at"]), str(said["door"]))
    except (ValueError, KeyError, TypeError):
        return Holder(0, 0, "unknown")  # it holds the lock and has not said yet who it is


class Ear:
    """The monitor's end of the FIFO, and its own wake-up call; `wait` is where the monitor sleeps."""

    def __init__(self, files: Files) -> None:
        self._path = files.control
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISFIFO(os.lstat(self._path).st_mode):
                os.unlink(self._path)
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
        self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._closing = threading.Lock()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def wait(self, seconds: float) -> list[str]:
        """The words that came, at once when they come; empty when the time is over."""
        if not self._poll.poll(max(0, seconds * 1000)):
            return []
        with contextlib.suppress(BlockingIOError):
            return os.read(self._fd, _WORDS_BYTES).decode("ascii", "replace").split()
        return []

    def say(self, word: str) -> None:
        """To ourselves, from another thread; nothing once it is closed."""
        with self._closing, contextlib.suppress(BlockingIOError):
            if self._fd >= 0:
                os.write(self._fd, f"{word}\n".encode())

    def close(self) -> None:
        with self._closing:  # else a word might be written into whatever file got its number
            os.close(self._fd)
            self._fd = -1


def tell(files: Files, word: str) -> bool:
    """Say a word to the monitor, wherever it runs. False: nobody listens."""
    try:
        fd = os.open(files.control, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return False
        os.write(fd, f"{word}\n".encode())
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


class Gaze:
    """A console that looks; the monitor samples quickly while there is one."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._fd: int | None = None
        self._using = threading.Lock()

    def begin(self) -> None:
        with self._using:
            if self._fd is not None:
                return
            if frozen.needed(self._files.look):
                return  # a monitor that runs there goes on at its own pace
            try:
                self._fd = os.open(self._files.look, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return  # a full disk
            fcntl.flock(self._fd, fcntl.LOCK_SH)
        tell(self._files, "look")

    def end(self) -> None:
        with self._using:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def alone(self) -> bool:
        """This one looks, and no other does. From any thread."""
        with self._using:
            if self._fd is None:
                return False
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_SH)  # a change of the lock that fails has given the old one back
            return True


class Watcher:
    """The monitor's way to see whether anybody looks."""

    def __init__(self, files: Files) -> None:
        self._fd = os.open(files.look, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def anybody(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        os.close(self._fd)
