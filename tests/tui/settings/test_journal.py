"""The console's own log: bounded, collapsed, kept on disk, and never a reason to stop."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from opsconsole.tui.journal import CAPACITY, Entry, Journal, line_of, older, read_file

NOW = 1_795_183_331_123_000
LONG_S = 60.0
"""The thread that writes may have to wait for its turn."""


class Clock:
    now_us = NOW

    def __call__(self) -> int:
        self.now_us += 1000
        return self.now_us


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.log"


def test_what_is_said_again_is_one_entry_with_a_count() -> None:
    journal = Journal(Clock())
    heard: list[int] = []
    stop = journal.subscribe(lambda: heard.append(len(journal.entries)))
    for text in ("a", "a", "b", "a"):
        journal.add("warning", text)
    stop()
    journal.add("nonsense", "c")
    assert [(one.text, one.count, one.severity) for one in journal.entries] == [
        ("a", 2, "warning"), ("b", 1, "warning"), ("a", 1, "warning"), ("c", 1, "information"),
    ]  # fmt: skip
    assert journal.entries[0].time_us == NOW + 3000
    assert [number for number, _ in journal.numbered] == [0, 1, 2, 3]
    assert heard == [1, 1, 2, 3]


def test_memory_is_bounded_and_errors_are_unread_until_they_are_read() -> None:
    journal = Journal(Clock())
    for number in range(CAPACITY + 5):
        journal.add("error" if number % 2 else "information", str(number))
    assert (len(journal.entries), journal.entries[0].text) == (CAPACITY, "5")
    assert journal.numbered[0][0] == 5
    assert journal.unread_errors == (CAPACITY + 5) // 2
    journal.read()
    assert journal.unread_errors == 0


def test_the_file_has_what_came_before_it_too_and_is_nobody_elses(file: Path) -> None:
    journal = Journal(Clock())
    journal.add("information", "before")
    journal.keep_in(file)
    journal.add("error", "two\nlines")
    journal.add("error", "two\nlines")
    journal.add("warning", "after ✔")
    assert journal.flush(LONG_S)
    journal.close()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [(one.severity, one.text, one.count) for one in read_file(file)] == [
        ("information", "before", 1), ("error", "two\nlines", 2), ("warning", "after ✔", 1),
    ]  # fmt: skip
    assert [one.time_us for one in read_file(file)] == [one.time_us for one in journal.entries]


def test_a_full_file_is_turned_over(file: Path) -> None:
    journal = Journal(Clock(), rotate_bytes=2000)
    journal.keep_in(file)
    for number in range(60):
        journal.add("information", f"entry {number}")
    assert journal.flush(LONG_S)
    journal.close()
    assert 0 < file.stat().st_size <= 2000 and 0 < older(file).stat().st_size <= 2000
    found = [one.text for one in read_file(file)]
    assert found == [f"entry {number}" for number in range(60)][-len(found) :]
    assert older(file).stat().st_mode & 0o777 == 0o600


def test_two_consoles_share_a_file_and_no_line_is_torn(file: Path) -> None:
    journals = [Journal(Clock(), rotate_bytes=20_000) for _ in range(2)]

    def fill(journal: Journal, name: str) -> None:
        journal.keep_in(file)
        for number in range(300):
            journal.add("information", f"{name}{number} " + "x" * 20)
        journal.flush(LONG_S)
        journal.close()

    threads = [threading.Thread(target=fill, args=(one, name)) for one, name in zip(journals, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line for one in (older(file), file) for line in one.read_text().splitlines()]
    assert len(read_file(file)) == len(lines) > 300
    assert all(line.endswith("x" * 20) for line in lines)
    assert [journal.lost for journal in journals] == [0, 0]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is not here")
def test_a_full_disk_is_survived_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "journal.log"
    real = os.open

    def full(path: object, flags: int, mode: int = 0o777) -> int:
        if path == file:
            real(path, flags, mode)  # type: ignore[arg-type]
            raise OSError(28, "No space left on device")
        return real(path, flags, mode)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", full)
    journal = Journal(Clock())
    journal.keep_in(file)
    journal.add("error", "a")
    journal.add("error", "b")
    assert journal.flush(LONG_S)
    assert (journal.lost, journal.trouble) == (2, "No space left on device")
    monkeypatch.undo()
    journal.add("error", "c")
    assert journal.flush(LONG_S)
    assert (journal.lost, journal.trouble) == (2, "")
    journal.close()
    assert [one.text for one in read_file(file)] == ["c"]


def test_a_folder_that_is_not_there_and_a_link_in_its_place_are_survived(tmp_path: Path) -> None:
    gone = Journal(Clock())
    gone.keep_in(tmp_path / "nowhere" / "journal.log")
    gone.add("error", "a")
    assert gone.flush(LONG_S) and gone.lost == 1
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / "journal.log").symlink_to(target)
    linked = Journal(Clock())
    linked.keep_in(tmp_path / "journal.log")
    linked.add("error", "a")
    assert linked.flush(LONG_S) and linked.lost == 1 and target.read_text() == ""
    gone.close()
    linked.close()


def test_lines_that_are_none_are_left_out(file: Path) -> None:
    whole = line_of(Entry(NOW, "warning", "sound"))
    file.write_bytes(b"\xff\xfe rubbish\n9999-99-99T99:99:99.999Z error  x\n" + whole.encode() + b"2026-11-20T")
    assert read_file(file) == [Entry(NOW, "warning", "sound")]
    assert read_file(file.with_name("none")) == []
