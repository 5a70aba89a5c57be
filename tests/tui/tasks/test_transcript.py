"""From bytes to lines: order, unfinished lines, colours, gaps, and bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text

from opsconsole.execution.outputs import Chunk
from opsconsole.tui.output_source import LAST_BYTES, SKIP_BYTES, OutputSource, Passed
from opsconsole.tui.transcript import Line, Lines, Transcript, fold


def out(data: bytes, missing: int = 0) -> Chunk:
    return Chunk("stdout", data, 0.0, missing)


def err(data: bytes) -> Chunk:
    return Chunk("stderr", data, 0.0)


def screen(*batches: list[Chunk | Passed], most: int = 5000) -> list[tuple[str, str]]:
    """The lines as a screen has them after these batches."""
    transcript, lines = Transcript(most), list[Line]()
    for batch in [transcript.add(batch) for batch in batches] + [transcript.finish()]:
        assert isinstance(batch, Lines)
        if batch.continues:
            lines.pop()
        lines += batch.added
    return [(line.kind, str(line.body)) for line in lines]


def test_streams_keep_their_order() -> None:
    assert screen([out(b"a\n"), err(b"b\n"), out(b"c\n")]) == [("stdout", "a"), ("stderr", "b"), ("stdout", "c")]


def test_an_unfinished_line_is_shown_and_goes_on() -> None:
    assert screen([out(b"50")]) == [("stdout", "50")]
    assert screen([out(b"50")], [out(b" %\nnext")], [out(b"!\n")]) == [("stdout", "50 %"), ("stdout", "next!")]


def test_an_unfinished_line_that_the_other_stream_interrupts_is_not_lost() -> None:
    assert screen([out(b"half")], [err(b"oops\n")], [out(b" more\n")]) == [
        ("stdout", "half"), ("stderr", "oops"), ("stdout", " more"),
    ]  # fmt: skip


def test_empty_lines_count() -> None:
    assert screen([out(b"\n\na\n\n")]) == [("stdout", ""), ("stdout", ""), ("stdout", "a"), ("stdout", "")]


def test_a_letter_split_between_two_reads_is_whole() -> None:
    assert screen([out("ü".encode()[:1])], [out("ü".encode()[1:] + b"\n")]) == [("stdout", "ü")]


def test_a_reset_after_the_last_newline_is_no_line() -> None:
    assert screen([out(b"\x1b[31mred\n\x1b[0m")]) == [("stdout", "red")]


def test_colours_go_on_over_lines_and_batches() -> None:
    transcript = Transcript(100)
    first = transcript.add([out(b"\x1b[31mred\n")]).added[0].body
    second = transcript.add([out(b"still\n\x1b[0m")]).added[0].body
    third = transcript.add([out(b"plain\n")]).added[0].body
    assert isinstance(first, Text) and isinstance(second, Text) and third == "plain"
    assert second.spans[0].style.color.number == 1  # type: ignore[union-attr]


def test_hidden_and_blinking_text_is_shown_plainly() -> None:
    body = Transcript(100).add([out(b"\x1b[8;5mhidden\x1b[0m\n")]).added[0].body
    assert isinstance(body, Text)
    style = body.get_style_at_offset(__import__("rich.console").console.Console(), 0)
    assert not style.conceal and not style.blink


def test_gaps_are_lines_of_their_own() -> None:
    assert screen([out(b"a\n"), out(b"z\n", missing=12_300_000)]) == [
        ("stdout", "a"), ("note", "⋯ 11.7 MiB not kept ⋯"), ("stdout", "z"),
    ]  # fmt: skip
    assert screen([Passed(1_500_000), out(b"z\n")])[0] == ("note", "⋯ 1.43 MiB not shown here ⋯")


def test_of_a_huge_batch_only_the_last_lines_are_kept() -> None:
    lines = screen([out(b"".join(b"%d\n" % n for n in range(50_000)))], most=100)
    assert [text for _, text in lines] == [str(n) for n in range(49_900, 50_000)]


@pytest.mark.parametrize("body", ["abcdefghij", Text("abcdefghij", "red")])
def test_long_lines_fold(body: str | Text) -> None:
    assert [str(piece) for piece in fold(body, 4)] == ["abcd", "efgh", "ij"]


def test_wide_letters_fold_by_cells() -> None:
    assert fold("日本語日本語", 5) == ["日本", "語日", "本語"]


def test_an_empty_line_is_one_row() -> None:
    assert fold("", 10) == [""]


# -- reading


def written(folder: Path, data: bytes) -> None:
    with open(folder / "stdout", "ab") as file:
        file.write(data)
    with open(folder / "timing", "ab") as file:
        file.write(b"o 0.1 %d\n" % len(data))


def test_a_large_record_is_begun_near_its_end(tmp_path: Path) -> None:
    written(tmp_path, b"x" * 3_000_000)
    first, *chunks = OutputSource(tmp_path).read()
    assert first == Passed(3_000_000 - LAST_BYTES)
    assert sum(len(chunk.data) - chunk.lead for chunk in chunks if isinstance(chunk, Chunk)) == LAST_BYTES


def test_a_screen_that_falls_behind_skips(tmp_path: Path) -> None:
    source = OutputSource(tmp_path)
    written(tmp_path, b"a" * 1000)
    source.read()
    written(tmp_path, b"b" * 5_000_000)
    first, *chunks = source.read()
    assert first == Passed(5_000_000 - SKIP_BYTES)
    assert sum(len(chunk.data) - chunk.lead for chunk in chunks if isinstance(chunk, Chunk)) == SKIP_BYTES
    source.close()


def test_nothing_there_yet_is_no_error(tmp_path: Path) -> None:
    assert OutputSource(tmp_path / "missing").read() == []
