"""Searching all that a run printed, and reading it from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsconsole.execution.output_lines import LineCounter
from opsconsole.execution.outputs import Chunk
from opsconsole.execution.showing import Hiding
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.tui.output_find import Needle, Seeking
from opsconsole.tui.output_source import LAST_BYTES, WINDOW_BYTES, OutputSource, Passed, before, held_from


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


def cut(folder: Path, offset: int, length: int) -> Path:
    """What the supervisor leaves of a run that has ended: so much of stdout was not kept."""
    data = (folder / "stdout").read_bytes()
    (folder / "stdout").write_bytes(data[:offset] + data[offset + length :])
    gap = {"offset": offset, "bytes": length, "lost_at_end": 0}
    output = {"stdout_bytes": len(data), "stderr_bytes": 0, "stdout_gap": gap}
    (folder / "result.json").write_text(json.dumps({"output": output}))
    return folder


@pytest.fixture
def gapped(tmp_path: Path) -> Path:
    """40,000 lines, of which 10,000 to 25,000 were not kept; a line of stderr came in the middle of those."""
    return cut(
        written(
            tmp_path / "gapped", ("stdout", numbered(0, 20_000)), ("stderr", b"meanwhile\n"),
            ("stdout", numbered(20_000, 40_000)),
        ),
        12 * 10_000, 12 * 15_000,
    )  # fmt: skip


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
    assert Seeking(folder, Hiding(), Needle("warning"), only="stderr").run() == (600_000, 0)
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
    first = source.first
    assert first[0] % 12 == 0 and first[1] == 13, "a line begins there, and the first line of stderr came long before"
    assert 0 <= 1_200_025 + 13 - LAST_BYTES - first[0] + 12 <= 12 and source.place == (1_200_025, 26)
    source.close()


# -- where the middle was not kept


def test_the_end_of_what_was_cut_is_where_its_last_line_is(gapped: Path) -> None:
    source = OutputSource(gapped, None)
    assert read_all(source).endswith(b"line 039999\n")
    assert source.place == (480_000, 10) and source.first[0] == 120_000 - (LAST_BYTES - 180_000 - 10) // 12 * 12
    source.close()


def read_all(source: OutputSource) -> bytes:
    data = b""
    while pieces := source.read():
        data += b"".join(piece.data[piece.lead :] for piece in pieces if isinstance(piece, Chunk))
    return data


@pytest.mark.parametrize("wanted", ["line 000007", "line 009999", "line 025000", "line 031000", "line 039998"])
def test_what_was_kept_is_found_before_and_behind_the_gap(gapped: Path, wanted: str) -> None:
    source = OutputSource(gapped)
    read_all(source)
    source.close()
    for span in ({"until": source.place}, {"after": (0, 0)}):
        found = Seeking(gapped, Hiding(), Needle(wanted), **span).run()
        assert found is not None and read_at(gapped, found).startswith(wanted.encode() + b"\n")


def test_what_was_not_kept_is_not_found(gapped: Path) -> None:
    assert Seeking(gapped, Hiding(), Needle("line 015000")).run() is None


def test_further_up_goes_over_the_gap_and_ends_at_the_beginning(gapped: Path) -> None:
    """Each step shows the lines right before those that were shown, and none of it is in the gap."""
    place, seen = (480_000, 10), b""
    for _ in range(1000):
        if place == (0, 0):
            break
        up = before(gapped, place, WINDOW_BYTES)
        assert sum(up) < sum(place) and not 120_000 < up[0] < 300_000
        source = OutputSource(gapped, up, place)
        pieces = [piece for piece in source.read() if isinstance(piece, Chunk)]
        assert {piece.missing for piece in pieces} <= {0, 180_000}
        seen = b"".join(piece.data[piece.lead :] for piece in pieces if piece.stream == "stdout") + seen
        source.close()
        place = up
    assert seen == numbered(0, 10_000) + numbered(25_000, 40_000)


def test_what_was_passed_is_told_apart_from_what_was_not_kept(gapped: Path) -> None:
    source = OutputSource(gapped, (12 * 30_000, 10))
    passed, *chunks = source.read()
    assert passed == Passed(120_000 + 12 * 5_000 + 10, 180_000)
    assert not any(chunk.missing for chunk in chunks if isinstance(chunk, Chunk)), "not told twice"
    source.close()


def test_the_first_of_the_last_lines_is_found_in_the_order_of_writing(folder: Path, gapped: Path) -> None:
    assert held_from(folder, (1_200_000, 13), "stdout", 50_001) == (12 * 49_999, 0)
    assert held_from(folder, (1_200_000, 13), "stdout", 50_000) == (12 * 50_000, 13)
    assert held_from(folder, (1_200_025, 26), "stdout", 1) == (1_200_000, 26)
    assert held_from(gapped, (480_000, 10), "stdout", 20_000) == (300_000, 10), "behind the gap"


# -- counting


def test_lines_are_counted_as_far_as_they_are_there(folder: Path, gapped: Path) -> None:
    counter = LineCounter(folder)
    counter.look(600_000)
    assert 0 < counter.lines() <= 50_002 and not counter.caught_up
    counter.look(1 << 20)
    assert counter.lines() == 100_003 and counter.lines("stderr") == 2 and counter.missing() == 0
    assert counter.caught_up and not counter.complete, "it still runs"
    written(folder, ("stdout", b"\nmore\nand"))
    (folder / "result.json").write_text('{"output": {}}')
    while not counter.complete:
        counter.look(1 << 20)
    assert counter.lines() == 100_005
    counter.close()
    counter = LineCounter(gapped)
    while not counter.complete:
        counter.look(1 << 20)
    assert counter.lines() == 25_001 and counter.missing() == 180_000
    counter.close()


def test_a_secret_that_is_shown_shorter_does_not_lead_the_search_astray(tmp_path: Path) -> None:
    long = "x" + "0123456789abcdef" * 30
    line = f"token {long} ok\n".encode()
    run = written(tmp_path / "run", ("stdout", line * 3000 + b"here it is\n" + line * 3000))
    redaction = Redaction.of({"MY_TOKEN": long}, Settings().redaction)
    found = Seeking(run, Hiding(redaction), Needle("here it is")).run()
    assert found is not None and found[0] % len(line) == 0, "a line begins there"
    assert 0 <= 3000 * len(line) - found[0] < 512 * 1024, "never behind it"


def test_a_stream_without_an_end_is_searched_too_where_the_other_one_goes_on(tmp_path: Path) -> None:
    folder = written(tmp_path / "asking", ("stderr", b"password: "), ("stdout", numbered(0, 50_000)))
    assert Seeking(folder, Hiding(), Needle("password"), until=(12 * 49_000, 10)).run() == (0, 0)
