"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LINKED = "it is a link to another place, and is not followed"
_MOVED = "the folder was put elsewhere in the meantime"


def write_atomically(file: Path, data: bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Put `data` in the place of `file`, by a temporary file beside it, and on the disk before it returns.

    `owner` (uid, gid) is given to it where that is allowed; where not, bits that act for an owner are taken off.
    Raises OSErrors; then nothing has changed.
    """
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name[:100]}.", suffix=".new", dir=file.parent)
    try:
        with open(descriptor, "wb") as new:
            new.write(data)
            new.flush()
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(new.fileno(), *owner)
                except PermissionError:
                    mode &= 0o777
            os.fchmod(new.fileno(), mode)
            os.fsync(new.fileno())
        os.replace(beside, file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


class HeldFolder:
    """A folder by its descriptor: whatever its name leads to in the meantime, files go into this one."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def put(self, files: dict[str, bytes]) -> bool:
        """Write these, all or none, each readable by its owner only; False where one of the names is taken. Raises
        OSErrors, also when the folder is no longer where it was opened.
        """
        made: list[str] = []
        try:
            for name, data in files.items():
                self._write(_beside(name), data, made)
                if self._has(name):  # looked at behind the other, which nobody else can have: no two find it free
                    raise FileExistsError
            for name in files:
                os.rename(_beside(name), name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
                made.append(name)
            self._check_place()
        except BaseException as error:
            for name in made:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self._descriptor)
            if isinstance(error, FileExistsError):
                return False
            raise
        return True

    def _write(self, name: str, data: bytes, made: list[str]) -> None:
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(name, how, 0o600, dir_fd=self._descriptor), "wb") as new:
            made.append(name)
            new.write(data)
            new.flush()
            os.fsync(new.fileno())

    def _has(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _check_place(self) -> None:
        try:
            there = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            there = None
        if there is None or not os.path.samestat(there, os.fstat(self._descriptor)):
            raise OSError(errno.ESTALE, _MOVED)


def _beside(name: str) -> str:
    return f".{name}.new"


@contextmanager
def held_folder(path: Path) -> Iterator[HeldFolder]:
    """Make the folder, for its owner only, where there is none, and hold it. A link in its place is not followed: this
    raises an OSError then, as whenever it is no folder.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and path.is_symlink():
            raise OSError(errno.ELOOP, _LINKED) from error
        raise
    try:
        yield HeldFolder(path, descriptor)
    finally:
        os.close(descriptor)
