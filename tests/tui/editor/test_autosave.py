"""Drafts outlive the process that wrote them, and consoles leave each other's alone."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opsconsole.tui.screens.editor import autosave
from opsconsole.tui.screens.editor.autosave import Autosave, Draft, DraftStore, left_behind

ONE = Draft("a" * 32, "fix.sh", "bash", 5, "/x/fix.sh", "f" * 64, 0o750, 3, 4, b"echo \xff\r\n\x1b\n{}\n")
TWO = Draft("b" * 32, "new.py", "python", 9, data=b"")
PROGRAM = """
import sys
from pathlib import Path
from opsconsole.tui.screens.editor.autosave import Draft, DraftStore
store = DraftStore(Path(sys.argv[1]))
for line in iter(sys.stdin.readline, ""):
    store.write(Draft(line.strip(), line.strip(), "bash", 1, data=line.encode()))
    print("written", flush=True)
"""


@contextmanager
def console(folder: Path, *drafts: str) -> Iterator[subprocess.Popen[str]]:
    """Another console that lives, and has written these drafts."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    with process:
        for draft in drafts:
            process.stdin.write(f"{draft}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


def test_a_draft_comes_back_byte_for_byte(tmp_path: Path) -> None:
    store = DraftStore(tmp_path / "drafts")
    store.write(ONE)
    store.write(TWO)
    assert store.drafts() == [TWO, ONE]
    assert stat.S_IMODE((tmp_path / "drafts").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "drafts").iterdir()} == {0o600}
    store.remove(ONE.id)
    assert store.drafts() == [TWO]
    store.close()


def test_a_console_that_leaves_leaves_its_drafts_to_the_next(tmp_path: Path) -> None:
    first = DraftStore(tmp_path)
    first.write(ONE)
    first.close()
    second = DraftStore(tmp_path)
    assert second.drafts() == [ONE]
    second.remove(ONE.id)
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_console_wrote_is_there(tmp_path: Path) -> None:
    with console(tmp_path, "lost", "also") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = DraftStore(tmp_path)
        assert {draft.name: draft.data for draft in store.drafts()} == {"lost": b"lost\n", "also": b"also\n"}
        store.close()


def test_the_drafts_of_a_living_console_are_its_own(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    with console(tmp_path, "theirs") as other:
        store.write(ONE)
        assert store.drafts() == [ONE]
        assert left_behind(tmp_path) == []
        other.kill()
        other.wait()
        assert left_behind(tmp_path) == ["theirs"]
        assert {draft.name for draft in store.drafts()} == {"fix.sh", "theirs"}
    store.close()


def test_who_only_asks_whether_it_lives_keeps_nobody_from_taking_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = DraftStore(tmp_path)
    dead.write(ONE)
    dead.close()
    asks = os.open(tmp_path / f"{dead.owner}.lock", os.O_RDWR)
    fcntl.flock(asks, fcntl.LOCK_SH)
    store = DraftStore(tmp_path)
    waits: list[float] = []

    def sleep(wait_s: float) -> None:
        """It stands still for a while, as any process may."""
        waits.append(wait_s)
        if len(waits) == 100:
            os.close(asks)

    monkeypatch.setattr(autosave, "time", SimpleNamespace(sleep=sleep))  # of this module: other threads sleep, too
    assert store.drafts() == [ONE] and len(waits) == 100
    store.close()


def test_a_console_that_is_taken_for_dead_before_it_holds_its_lock_takes_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = DraftStore(tmp_path)
    flock, begins = fcntl.flock, [True]

    def meanwhile(descriptor: int, operation: int) -> None:
        if begins:
            begins.clear()
            assert first.drafts() == []
        flock(descriptor, operation)

    monkeypatch.setattr(autosave, "fcntl", SimpleNamespace(**{**vars(fcntl), "flock": meanwhile}))
    second = DraftStore(tmp_path)
    second.write(ONE)
    assert first.drafts() == [] and second.drafts() == [ONE]
    assert {one.stem for one in tmp_path.glob("*.lock")} == {first.owner, second.owner}
    first.close()
    second.close()


def test_two_that_start_at_once_do_not_both_take_over(tmp_path: Path) -> None:
    dead = DraftStore(tmp_path)
    dead.write(ONE)
    dead.close()
    first, second = DraftStore(tmp_path), DraftStore(tmp_path)
    assert (first.drafts(), second.drafts()) == ([ONE], [])
    first.write(TWO)
    assert second.drafts() == []
    first.close()
    second.close()


def test_half_a_draft_and_what_is_none_are_passed_over(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    store.write(ONE)
    mine = next(tmp_path.glob("*.draft")).name.partition(".")[0]
    for number, raw in enumerate([b"", b"{", b"[]\n", b'{"id": 1}\n', b'{"other": 1}\nx']):
        (tmp_path / f"{mine}.{number}.draft").write_bytes(raw)
    (tmp_path / ".half.new").write_bytes(b"half")
    assert store.drafts() == [ONE]
    store.close()


def test_a_write_that_fails_leaves_the_draft_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DraftStore(tmp_path)
    store.write(ONE)
    failed: list[Exception] = []
    saving = Autosave(store, failed.append)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        saving.write(Draft(ONE.id, "fix.sh", "bash", 6, data=b"new")).result()
    assert [error.errno for error in failed if isinstance(error, OSError)] == [28]
    assert saving.read().result() == [ONE]
    saving.close()


def test_of_many_writes_of_one_text_the_last_one_stays(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    saving = Autosave(store, lambda error: pytest.fail(str(error)))
    for number in range(50):
        saving.write(Draft("one", "n", "bash", number, data=b"%d" % number))
    assert [draft.data for draft in saving.read().result()] == [b"49"]
    saving.write(TWO)
    saving.remove("one")
    assert saving.read().result() == [TWO]
    saving.close()


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/x/\0y"}, {"path": "/x/\ud800"}, {"id": "a\0b"}, {"id": "../b"}, {"name": "\udbff"},
        {"mode": 1 << 40}, {"row": -1}, {"at": 1 << 70}, {"id": "another"}, {"name": 7},
    ],
)  # fmt: skip
def test_a_bad_draft_is_set_aside_once(tmp_path: Path, change: dict[str, Any]) -> None:
    _set_aside(tmp_path, replace(ONE, **change).encoded())


def test_nothing_that_lies_there_stops_a_start(tmp_path: Path) -> None:
    _set_aside(tmp_path, b"[" * 200_000)


def _set_aside(folder: Path, raw: bytes) -> None:
    store = DraftStore(folder)
    store.write(TWO)
    file = folder / f"{store.owner}.{ONE.id}.draft"
    file.write_bytes(raw)
    assert store.drafts() == [TWO]
    assert store.bad == [f"{file.name}.bad"]
    assert (folder / store.bad[0]).read_bytes() == raw
    assert store.drafts() == [TWO]
    assert len(store.bad) == 1
    store.close()
    assert left_behind(folder) == ["new.py"]


def test_of_a_draft_that_was_left_a_start_tells_once_until_it_is_changed(tmp_path: Path) -> None:
    def leave(*drafts: Draft) -> None:
        store = DraftStore(tmp_path)
        store.drafts()
        for draft in drafts:
            store.write(draft)
        store.close()

    leave(ONE)
    assert left_behind(tmp_path) == ["fix.sh"]
    assert left_behind(tmp_path) == []
    leave(TWO)
    assert left_behind(tmp_path) == ["new.py"]
    leave(replace(ONE, at=6))
    assert left_behind(tmp_path) == ["fix.sh"]
    assert left_behind(tmp_path) == []


def test_what_cannot_be_noted_as_told_is_told_again(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    store.write(ONE)
    store.close()
    (tmp_path / "told").mkdir()
    assert left_behind(tmp_path) == left_behind(tmp_path) == ["fix.sh"]


def test_a_pipe_among_the_drafts_holds_nobody_up(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    store.write(ONE)
    os.mkfifo(tmp_path / f"{store.owner}.pipe.draft")
    assert store.drafts() == [ONE]
    assert store.bad == [f"{store.owner}.pipe.draft.bad"]
    store.close()


def test_whatever_goes_wrong_with_a_draft_is_told(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    failed: list[Exception] = []
    saving = Autosave(store, failed.append)
    saving.write(replace(ONE, id="a\0b")).result()
    saving.write(TWO).result()
    assert [type(error) for error in failed] == [ValueError]
    assert saving.read().result() == [TWO]
    saving.close()
