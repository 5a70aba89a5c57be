"""Output without secrets, from the first byte and before any cutting: places, leads, gaps, files at rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsconsole.execution import at_rest, showing
from opsconsole.execution.outputs import Chunk, Follower
from opsconsole.safety.redact import LEAD, Redaction, rule_set
from opsconsole.safety.redaction.names import Secret

SECRET = b"hunter2hunter2"
KNOWING = Redaction([Secret(SECRET, "VALUE")], rule_set())
STRANGER = Redaction((), rule_set())
MARK = b"[redacted:VALUE]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, *pieces: tuple[str, bytes], gap: tuple[int, int] | None = None) -> None:
    """A run that has ended; `gap`: (offset, bytes) that stdout lost."""
    files = {"stdout": b"", "stderr": b""}
    timing = ""
    for number, (name, data) in enumerate(pieces):
        files[name] += data
        timing += f"{name[3]} {number / 10:.6f} {len(data)}\n"
    output = {"stdout_bytes": len(files["stdout"]), "stderr_bytes": len(files["stderr"])}
    if gap:
        offset, length = gap
        files["stdout"] = files["stdout"][:offset] + files["stdout"][offset + length :]
        output["stdout_gap"] = {"offset": offset, "bytes": length, "lost_at_end": 0}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "timing").write_text(timing)
    (folder / "result.json").write_text(json.dumps({"launch": 1, "output": output}))


def shown(folder: Path, redaction: Redaction, **options: int) -> bytes:
    hiding = showing.hiding(folder, redaction)
    streams = {name: hiding.stream(name) for name in ("stdout", "stderr")}
    follower = Follower(folder, **options)
    out = b""
    while chunks := follower.read(1000):
        out += b"".join(streams[chunk.stream].feed(chunk) for chunk in chunks)
    follower.close()
    return out + b"".join(stream.finish() for stream in streams.values())


def test_who_does_not_know_a_value_hides_it_where_it_stood(folder: Path) -> None:
    write(folder, ("stdout", b"a hunter2"), ("stderr", b"!"), ("stdout", b"hunter2 b " + SECRET), ("stderr", SECRET))
    showing.note_places(folder, KNOWING)
    assert SECRET not in (folder / showing.HIDDEN).read_bytes()
    assert (folder / showing.HIDDEN).stat().st_mode & 0o777 == 0o600
    assert shown(folder, STRANGER) == b"a " + MARK + b"! b " + MARK + MARK


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_places_are_hidden_however_the_chunks_are_cut(folder: Path, size: int) -> None:
    data = b"one " + SECRET + b" two " + SECRET + b"\n"
    write(folder, ("stdout", data))
    showing.note_places(folder, KNOWING)
    stream = showing.hiding(folder, STRANGER).stream("stdout")
    pieces = [Chunk("stdout", data[at : at + size], None, 0, at) for at in range(0, len(data), size)]
    assert b"".join(map(stream.feed, pieces)) + stream.finish() == b"one " + MARK + b" two " + MARK + b"\n"


def test_nothing_is_noted_where_nothing_stood(folder: Path) -> None:
    write(folder, ("stdout", b"harmless\n"))
    showing.note_places(folder, KNOWING)
    assert not (folder / showing.HIDDEN).exists()


def test_a_broken_note_hides_nothing_and_breaks_nothing(folder: Path) -> None:
    write(folder, ("stdout", b"harmless\n"))
    (folder / showing.HIDDEN).write_text('{"stdout": [[1]]}')
    assert shown(folder, STRANGER) == b"harmless\n"


def test_the_end_of_a_long_output_does_not_begin_with_half_a_secret(folder: Path) -> None:
    last = 1000
    after = b"\n" + b"y" * (last - 6)
    write(folder, ("stdout", b"line\n" * 40_000 + SECRET + after))  # its last byte is within what is asked for
    text = showing.printed_end(folder, last, KNOWING)
    assert "nter2" not in text and text.endswith("yyy")
    assert len(text) < last + len(MARK)


def test_the_end_for_the_index_is_of_both_streams_and_harmless(folder: Path) -> None:
    write(folder, ("stdout", b"out \x1b]0;title\x07" + SECRET), ("stderr", b"err password=abcdef1\n"))
    text = showing.printed_end(folder, 1000, KNOWING)
    assert text == "out ␛[redacted:VALUE]\nerr password=[redacted:password]\n"


def test_a_lead_is_read_along_and_not_shown() -> None:
    stream = showing.Shown(KNOWING)
    assert stream.feed(Chunk("stdout", b"before hunter2hun", None, 0, 500, lead=17)) == b""
    assert stream.feed(Chunk("stdout", b"ter2 after\n", None, 0, 517)) == MARK + b" after\n"


def test_what_was_held_back_before_a_gap_is_not_shown() -> None:
    stream = showing.Shown(KNOWING)
    assert stream.feed(Chunk("stdout", b"x hunter2hun", None, 0, 0)) == b"x "
    assert stream.feed(Chunk("stdout", b"er2hunter2 y\n", None, 900, 912)) == b"[redacted:torn] y\n"


# -- at rest


def test_files_at_rest_hold_no_secret_and_are_read_in_the_same_order(folder: Path) -> None:
    write(folder, ("stdout", b"a hunter2"), ("stderr", b"e1 "), ("stdout", b"hunter2 b\n"), ("stderr", SECRET + b"\n"))
    showing.note_places(folder, KNOWING)
    output = at_rest.rewrite(folder, KNOWING)
    assert output is not None and output["redacted"]
    assert (folder / "stdout").read_bytes() == b"a " + MARK + b" b\n"
    assert output["stdout_bytes"] == len(b"a  b\n" + MARK)
    assert not (folder / showing.HIDDEN).exists()
    assert shown(folder, STRANGER) == b"a e1 " + MARK + b" b\n" + MARK + b"\n"
    assert {path.stat().st_mode & 0o777 for path in (folder / "stdout", folder / "stderr")} == {0o600}


def test_a_gap_stays_a_gap_and_has_no_half_secret_beside_it(folder: Path) -> None:
    data = b"one " + SECRET + b"\n" + b"x" * 500 + b" tail " + SECRET + b"\n"
    write(folder, ("stdout", data), gap=(10, 502))
    output = at_rest.rewrite(folder, KNOWING)
    assert output is not None
    kept = (folder / "stdout").read_bytes()
    assert b"hunt" not in kept and kept.endswith(b" " + MARK + b"\n")
    gap = output["stdout_gap"]
    assert gap["bytes"] == 502 and output["stdout_bytes"] == len(kept) + 502
    follower = Follower(folder)
    chunks = [chunk for _ in range(10) for chunk in follower.read()]
    follower.close()
    assert sum(chunk.missing for chunk in chunks) == 502
    assert b"".join(chunk.data for chunk in chunks) == kept


def test_files_that_a_process_still_writes_are_left_alone(folder: Path) -> None:
    write(folder, ("stdout", SECRET))
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "leftovers": [{"pid": 1, "name": "x"}]}))
    assert at_rest.rewrite(folder, KNOWING) is None
    assert (folder / "stdout").read_bytes() == SECRET


def test_a_lead_is_longer_than_anything_that_is_hidden_at_once() -> None:
    from opsconsole.safety.redaction import blocks, known, lines

    assert max(blocks.BOUND, 2 * known.LONGEST, lines.WINDOW) <= LEAD
