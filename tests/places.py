"""A state directory that can be made unwritable for real: its file system is remounted, or its modes are taken away."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import processes

SIZE = 32 << 20


class Place:
    """`state` on a file system of its own where root tests, who is not held up by modes."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.state = folder / "state"
        self._folder = folder
        self._mounted = mounted
        self._beneath = False

    def freeze(self) -> dict[str, tuple[int, int]]:
        """From now on nothing can be written; what there is."""
        if self._mounted:
            assert processes.wait_until(lambda: not processes.supervisors(self.state))
            assert processes.wait_until(lambda: self._remount("ro"))  # whoever has left may not have closed all yet
        else:
            self._modes(lambda mode: mode & 0o555)
        return self.contents()

    def freeze_in_use(self) -> None:
        """From now on nothing can be opened to be written; what is open already would forbid a remount."""
        if self._mounted:
            # Read-only first, elsewhere, then over it: nobody opens a file to write in between, which would forbid it.
            aside = self._folder.with_name(f"{self._folder.name}-aside")
            aside.mkdir(exist_ok=True)
            for command in (
                ["mount", "--bind", self._folder, aside],
                ["mount", "-o", "remount,bind,ro", aside],
                ["mount", "--bind", aside, self._folder],
                ["umount", "-l", aside],
            ):
                subprocess.run(command, capture_output=True, check=True)
            self._beneath = True
        else:
            self._modes(lambda mode: mode & 0o555)

    def thaw(self) -> None:
        """It can be written again."""
        if self._beneath:
            subprocess.run(["umount", "-l", str(self._folder)], check=True)
            self._beneath = False
        elif self._mounted:
            assert self._remount("rw")
        else:
            self._modes(lambda mode: mode | 0o200)

    def contents(self) -> dict[str, tuple[int, int]]:
        """Every file with its size and time of change."""
        found = {}
        for file in sorted(self._folder.rglob("*")):
            info = file.stat()
            found[str(file)] = info.st_size, info.st_mtime_ns
        return found

    def _remount(self, how: str) -> bool:
        command = ["mount", "-o", f"remount,{how}", str(self._folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _modes(self, change: Callable[[int], int]) -> None:
        for file in (self._folder, *self._folder.rglob("*")):
            if not file.is_symlink():
                file.chmod(change(file.stat().st_mode & 0o777))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    mounted = os.geteuid() == 0
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"root here may not mount, and is not held up by modes: {done.stderr.decode().strip()}")
    found = Place(folder, mounted=mounted)
    yield found
    try:
        found.thaw()
        processes.end_all(found.state)
        if mounted:
            processes.wait_until(lambda: not processes.supervisors(found.state))
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def given_to_nobody(folder: Path) -> None:
    """It is another user's from now on, and everybody may read it. Skips where that cannot be done."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    for file in (folder, *folder.rglob("*")):
        os.chown(file, 65534, 65534)
