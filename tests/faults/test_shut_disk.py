"""A file system that the kernel takes nothing for any more, though it is mounted for writing: ext4 after an error."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.errors import StateDirError
from opsconsole.models import Status, TaskSpec
from opsconsole.paths import StatePaths
from tests.faults import processes
from tests.faults.console import quick
from tests.faults.processes import becomes
from tests.faults.test_unwritable import Look, look, seeded

__all__ = ["look"]

_BYTES = 48 << 20


class Disk:
    """`state` on an ext4 of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"

    def fails(self) -> None:
        """As after an error of the device (`errors=remount-ro`)."""
        subprocess.run(["mount", "-o", "remount,abort", self.folder], capture_output=True, check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder, image = tmp_path / "disk", tmp_path / "image"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(_BYTES)
    for command in (["mkfs.ext4", "-q", "-F", image], ["mount", "-o", "loop,errors=remount-ro", image, folder]):
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError as error:
            pytest.skip(f"no ext4 can be made here: {error}")
        if done.returncode:
            pytest.skip(f"no ext4 can be mounted here: {done.stderr.decode().strip()}")
    made = Disk(folder)
    yield made
    processes.end_all(made.state)
    subprocess.run(["umount", "-l", folder], check=True)


async def test_it_is_looked_at(disk: Disk, look: Look) -> None:
    await seeded(disk.state)
    assert processes.wait_until(lambda: not processes.supervisors(disk.state))
    disk.fails()
    engine = await look(disk.state)
    assert isinstance(engine.unwritable, StateDirError) and engine.unwritable.hint
    assert "Read-only file system" in engine.unwritable.message and str(disk.state) in engine.unwritable.message
    assert [task.status for task in engine.tasks()] == [Status.WAITING, Status.FAILED]
    with pytest.raises(StateDirError, match="Read-only file system"):
        await engine.submitted(TaskSpec(script="true"))


async def test_a_console_that_must_write_says_why_it_cannot(disk: Disk) -> None:
    await seeded(disk.state)
    disk.fails()
    with pytest.raises(StateDirError, match="Read-only file system") as raised:
        await Engine(quick(), state_dir=disk.state).start()
    assert "mount it" in raised.value.hint


async def test_a_console_that_does_nothing_notices(disk: Disk, look: Look) -> None:
    await seeded(disk.state)
    engine = await look(disk.state)
    assert engine.unwritable is None
    disk.fails()
    why = await becomes(lambda: engine.unwritable)
    assert isinstance(why, StateDirError) and "Read-only file system" in why.message


async def test_it_notices_by_a_try_alone(tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else says that the folder can be written."""
    refused, opened = False, os.open

    def open_or_refuse(path: str, flags: int, *more: int, **given: int) -> int:
        if refused and flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return opened(path, flags, *more, **given)

    monkeypatch.setattr(os, "open", open_or_refuse)
    engine = await look(tmp_path / "state")
    assert engine.unwritable is None
    refused = True
    assert isinstance(await becomes(lambda: engine.unwritable), StateDirError)
    refused = False
    await becomes(lambda: engine.unwritable is None)
    assert (await engine.run(TaskSpec(script="exit 4"))).exit_code == 4


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSPC, errno.EACCES])
def test_a_file_system_without_nameless_files_is_not_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    assert not StatePaths(tmp_path).shut()
