"""Who watches: the lock, the FIFO, the look, across real processes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsconsole.monitoring import control
from opsconsole.monitoring.control import Ear, Files, Gaze, Lock, Watcher, holder, tell


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_one_monitor_holds_the_lock_and_says_who_it_is(files: Files) -> None:
    first, second = Lock(files), Lock(files)
    assert holder(files) is None
    assert first.take(17, "tui")
    assert not second.take(18, "work")
    found = holder(files)
    assert found is not None and (found.pid, found.started_at, found.door) == (os.getpid(), 17, "tui")
    first.release()
    assert holder(files) is None
    assert second.take(19, "work")
    second.release()


def test_the_lock_ends_with_the_process_that_held_it(files: Files) -> None:
    program = (
        "import sys, pathlib; from opsconsole.monitoring.control import Files, Lock; "
        f"lock = Lock(Files(pathlib.Path({str(files.lock.parent)!r}))); print(lock.take(1, 'tui'), flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        found = holder(files)
        assert found is not None and found.pid == other.pid
        assert not Lock(files).take(2, "tui")
        other.kill()
    assert holder(files) is None
    lock = Lock(files)
    assert lock.take(3, "tui")
    lock.release()


def test_a_word_wakes_the_monitor_at_once(files: Files) -> None:
    assert not tell(files, "stop")
    ear = Ear(files)
    assert ear.wait(0) == []
    assert tell(files, "look") and tell(files, "stop")
    assert ear.wait(3600) == ["look", "stop"]
    ear.say("wake")
    assert ear.wait(3600) == ["wake"]
    ear.close()
    assert not tell(files, "stop")


def test_a_file_in_place_of_the_fifo_is_replaced(files: Files) -> None:
    files.control.write_text("not a fifo")
    ear = Ear(files)
    assert tell(files, "look") and ear.wait(3600) == ["look"]
    ear.close()


def test_a_fifo_that_nobody_empties_does_not_block_the_teller(files: Files) -> None:
    ear = Ear(files)
    while tell(files, "x" * 1000):
        pass
    ear.close()


def test_whoever_looks_is_seen_until_it_looks_away(files: Files) -> None:
    watcher = Watcher(files)
    assert not watcher.anybody()
    one, two = Gaze(files), Gaze(files)
    one.begin()
    two.begin()
    assert watcher.anybody()
    one.end()
    assert watcher.anybody()
    two.end()
    assert not watcher.anybody()
    watcher.close()


def test_a_holder_that_has_not_said_its_name_yet_is_there_all_the_same(files: Files) -> None:
    lock = Lock(files)
    assert lock.take(1, "tui")
    files.lock.write_bytes(b"")
    assert holder(files) == control.Holder(0, 0, "unknown")
    assert not Lock(files).take(2, "work")
    lock.release()


def test_a_holder_that_is_about_to_say_its_name_is_waited_for(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(_: float) -> None:
        files.lock.write_text('{"pid": 7, "started_at": 3, "door": "tui"}')

    with files.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        monkeypatch.setattr(control.time, "sleep", meanwhile)
        monkeypatch.setattr(control, "_SAYING_S", 60.0)
        assert holder(files) == control.Holder(7, 3, "tui")


def test_a_word_to_a_monitor_that_has_just_ended_goes_nowhere(files: Files, tmp_path: Path) -> None:
    ear = Ear(files)
    number = ear._fd
    ear.close()
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    if other != number:
        os.dup2(other, number)  # another file gets the number that is free now
        os.close(other)
    ear.say("wake")
    os.close(number)
    assert (tmp_path / "other").read_bytes() == b""


def test_whoever_looks_knows_whether_somebody_else_does(files: Files) -> None:
    one, two, watcher = Gaze(files), Gaze(files), Watcher(files)
    assert not one.alone(), "it does not look"
    one.begin()
    assert one.alone() and watcher.anybody()
    two.begin()
    assert not one.alone() and not two.alone()
    one.end()
    assert two.alone() and watcher.anybody()
    two.end()
    assert not watcher.anybody()
    watcher.close()
