"""Where a demo lives: a directory of its own, that goes with it, however it ends.

`opsconsole-demo-<uid>-*` below the directory for temporary files, 0700, with a file that is locked while its demo
lives; what a killed one left is removed by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from opsconsole.errors import StateDirError
from opsconsole.paths import config_file
from opsconsole.toml_files import MOST_BYTES

_LOCK = "lock"
_YOUNG_S = 60.0
"""A directory without a lock may be one that is just being made."""
_OWN = ("keymap.toml", "themes")
"""What a demo takes along of the operator's own: how the console looks and which keys it has."""


def _prefix() -> str:
    return f"opsconsole-demo-{os.geteuid()}-"


@contextlib.contextmanager
def place(environ: MutableMapping[str, str] = os.environ) -> Iterator[Path]:
    """A new one; home, configuration and state of this process are in it while it lasts. Raises StateDirError."""
    sweep()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_prefix()))
    except OSError as error:
        raise StateDirError(f"there is no place for a demo: {error.strerror}", hint="set TMPDIR to one") from error
    before = dict(environ)
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        _move_in(folder, environ)
        yield folder
    finally:
        environ.clear()
        environ.update(before)
        _remove(folder)


def _move_in(folder: Path, environ: MutableMapping[str, str]) -> None:
    theirs = config_file(dict(environ)).parent
    home = folder / "home"
    config = home / ".config" / "opsconsole"
    config.mkdir(mode=0o700, parents=True)
    for name in _OWN:
        with contextlib.suppress(OSError):
            if (theirs / name).is_dir():
                (config / name).mkdir(mode=0o700)
                for file in sorted((theirs / name).glob("*.toml")):
                    _copy(file, config / name)
            else:
                _copy(theirs / name, config)
    for name in [name for name in environ if name.startswith(("OPSCONSOLE_", "XDG_"))]:
        del environ[name]
    environ["HOME"] = str(home)
    environ["OPSCONSOLE_STATE_DIR"] = str(folder / "state")


def _copy(file: Path, folder: Path) -> None:
    """A file of reasonable size; a device has no end."""
    with contextlib.suppress(OSError):
        info = file.stat()
        if stat.S_ISREG(info.st_mode) and info.st_size <= MOST_BYTES:
            shutil.copy(file, folder)


def sweep() -> None:
    """Remove what demos left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        with contextlib.suppress(OSError):
            info = folder.lstat()
            if stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not _lives(folder, info.st_mtime):
                _remove(folder)


def _lives(folder: Path, changed_s: float) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - changed_s < _YOUNG_S
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
