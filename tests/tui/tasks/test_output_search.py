"""Searching all that a run printed, and reading it from anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.execution.outputs import Chunk
from opsconsole.execution.showing import Hiding
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.tui.output_find import Needle, Seeking
from opsconsole.tui.output_source import LAST_BYTES, OutputSource, Passed, before


def written(folder: Path, *pieces: tuple[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for stream, data in pieces:
        with open(folder / stream, "ab") as file:
            file.write(data)
        with open(folder / "timing", "ab") as file:
            file.write(b"%s 0.1 %d\n" % (b"o" if stream == "stdout" else b"e", len(data)))
    return folder


def numbered(first: int, last: int) -> bytes:
    return b"".join(b"line %06d\n" % n for n in range(first, last))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(
        tmp_path / "run",
        ("stdout", numbered(0, 50_000)), ("stderr", b"warning: one\n"), ("stdout", numbered(50_000, 100_000)),
        ("stderr", b"Warning: two\n"), ("stdout", b"the end without a newline"),
    )  # fmt: skip


def read_at(folder: Path, place: tuple[int, int]) -> bytes:
    """What a screen would show first."""
    source = OutputSource(folder, place)
    chunks = [piece for piece in source.read() if isinstance(piece, Chunk)]
    source.close()
    return b"".join(chunk.data[chunk.lead :] for chunk in chunks)


def test_the_first_line_further_down_is_found_and_can_be_read_from(folder: Path) -> None:
    found = Seeking(folder, Hiding(), Needle("line 07")).run()
    assert found is not None and read_at(folder, found).startswith(b"line 070000\nline 070001\n")


def test_after_a_place_what_stands_before_it_is_not_found(folder: Path) -> None:
    found = Seeking(folder, Hiding(), Needle("line 0"), after=(12 * 60_000, 13)).run()
    assert found is not None and read_at(folder, found).startswith(b"line 060000\n")


def test_the_last_line_before_a_place_is_found(folder: Path) -> None:
    found = Seeking(folder, Hiding(), Needle("9999"), until=(12 * 50_000, 26)).run()
    assert found is not None and read_at(folder, found).startswith(b"line 049999\n")


def test_a_capital_makes_case_count(folder: Path) -> None:
    assert Seeking(folder, Hiding(), Needle("warning"), only="stderr").run() == (0, 0)
    found = Seeking(folder, Hiding(), Needle("Warning"), only="stderr").run()
    assert found is not None and found[1] == len(b"warning: one\n")


def test_the_last_line_needs_no_end_and_what_is_not_there_is_not_found(folder: Path) -> None:
    assert Seeking(folder, Hiding(), Needle("without a newline")).run() is not None
    seeking = Seeking(folder, Hiding(), Needle("no such words"))
    assert seeking.run() is None and seeking.share == 1.0


def test_a_search_that_is_cancelled_finds_nothing(folder: Path) -> None:
    seeking = Seeking(folder, Hiding(), Needle("line"))
    seeking.cancelled = True
    assert seeking.run() is None


def test_colours_do_not_part_words(tmp_path: Path) -> None:
    run = written(tmp_path / "run", ("stdout", b"a\nchunk \x1b[32m611\x1b[0m of\n"))
    assert Seeking(run, Hiding(), Needle("chunk 611")).run() == (2, 0)


def test_a_secret_cannot_be_searched_for(tmp_path: Path) -> None:
    run = written(tmp_path / "run", ("stdout", b"token=hunter2hunter2\nelse\n"))
    redaction = Redaction.of({"MY_TOKEN": "hunter2hunter2"}, Settings().redaction)
    assert Seeking(run, Hiding(redaction), Needle("hunter2")).run() is None
    assert Seeking(run, Hiding(redaction), Needle("else")).run() is not None


def test_needles_say_where_they_stand() -> None:
    assert Needle("ab").spans("abAB ab") == [(0, 2), (2, 4), (5, 7)] and Needle("AB").spans("abAB") == [(2, 4)]


# -- reading from anywhere


def test_a_page_begins_where_it_was_asked_for_and_says_what_is_above(folder: Path) -> None:
    source = OutputSource(folder, (12 * 70_000, 13))
    first, *_ = source.read()
    assert first == Passed(12 * 70_000 + 13) and source.first == (12 * 70_000, 13)
    source.close()
    assert source.place > source.first


@pytest.mark.parametrize(
    ("place", "length", "expected"),
    [
        ((12 * 50_000, 0), 120, (12 * 50_000 - 120, 0)),
        ((12 * 50_000, 13), 5, (12 * 50_000, 8)),
        ((24, 0), 9999, (0, 0)),
    ],
)
def test_a_place_further_up(folder: Path, place: tuple[int, int], length: int, expected: tuple[int, int]) -> None:
    assert before(folder, place, length) == expected


def test_the_end_knows_where_it_begins(folder: Path) -> None:
    source = OutputSource(folder)
    while source.read():
        pass
    assert source.first == (1_200_025 - LAST_BYTES, 0) and source.place == (1_200_025, 26)
    source.close()
