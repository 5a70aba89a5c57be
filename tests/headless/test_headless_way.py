"""From a stream's bytes to what goes out, and runs side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.cli import diagnostics, live, output, way
from opsconsole.cli.channel import Channel, ReaderGone
from opsconsole.execution.outputs import Chunk


def chunk(data: bytes) -> Chunk:
    return Chunk("stdout", data, None)


class Pipe:
    """A pipe whose write end is a Channel."""

    def __init__(self) -> None:
        self.read_end, write_end = os.pipe()
        self.channel = Channel(write_end)

    def drain(self) -> bytes:
        """Everything written, once the writer's end is closed."""
        os.close(self.channel.fd)
        data = b""
        while part := os.read(self.read_end, 1 << 20):
            data += part
        return data


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Pipe, Pipe]]:
    out, err = Pipe(), Pipe()
    monkeypatch.setattr(output, "stdout", out.channel)
    monkeypatch.setattr(diagnostics, "stderr", err.channel)
    yield out, err
    for pipe in (out, err):
        os.close(pipe.read_end)


class Run:
    """A run folder with output in it, and no timing index: read when it has ended."""

    def __init__(self, folder: Path, stdout: bytes = b"", stderr: bytes = b"") -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "stdout").write_bytes(stdout)
        (folder / "stderr").write_bytes(stderr)
        (folder / "result.json").write_text("{}")


def copy(runs: list[Run], *, by_line: bool) -> None:
    copier = live.Copier(by_line=by_line)
    for run in runs:
        copier.ended(copier.follow(run.folder, prefix="name │ "), lambda _: None)
    closed = threading.Event()
    copier.close(closed.set)
    assert closed.wait(20)


def test_side_by_side_an_unfinished_line_never_runs_into_the_next(tmp_path: Path, pipes: tuple[Pipe, Pipe]) -> None:
    copy([Run(tmp_path / "a", b"one\ntwo"), Run(tmp_path / "b", b"three")], by_line=True)
    assert pipes[0].drain() == b"one\ntwo\nthree"
    os.close(pipes[1].channel.fd)


def test_one_after_the_other_nothing_is_added(tmp_path: Path, pipes: tuple[Pipe, Pipe]) -> None:
    copy([Run(tmp_path / "a", b"one", b"e"), Run(tmp_path / "b", b"two", b"f")], by_line=False)
    assert pipes[0].drain() == b"onetwo"
    assert pipes[1].drain() == b"ef"


def test_a_line_too_long_to_hold_is_still_not_cut_by_another_run(tmp_path: Path, pipes: tuple[Pipe, Pipe]) -> None:
    long_line = b"x" * (3 * way.HELD_BYTES) + b"\n"
    reader: list[bytes] = []
    thread = threading.Thread(target=lambda: reader.append(_read_all(pipes[0].read_end)))
    thread.start()
    copy([Run(tmp_path / "a", long_line), Run(tmp_path / "b", b"short\n" * 9)], by_line=True)
    os.close(pipes[0].channel.fd)
    thread.join(20)
    assert sorted(reader[0].splitlines(keepends=True)) == sorted([long_line, *[b"short\n"] * 9])
    os.close(pipes[1].channel.fd)


def _read_all(fd: int) -> bytes:
    data = b""
    while part := os.read(fd, 1 << 20):
        data += part
    return data


def test_a_defect_of_the_copier_is_said_and_nobody_waits_for_it_for_ever(
    tmp_path: Path, pipes: tuple[Pipe, Pipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("as a test")

    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path))
    copier = live.Copier()
    copier.ended(copier.follow(None), broken)
    closed = threading.Event()
    copier.close(closed.set)
    assert closed.wait(20)
    assert copier.failed
    assert b"ZeroDivisionError: as a test" in pipes[1].drain()
    os.close(pipes[0].channel.fd)


def test_on_a_terminal_every_line_has_the_prefix_and_ends_its_colours() -> None:
    terminal = Channel(1)
    terminal.terminal = terminal.colours = True
    line_by_line = way.Way(terminal, "name │ ", by_line=True)
    mark = "name │ ".encode()
    assert line_by_line.take(chunk(b"one\ntw")) == mark + b"one\n"
    assert line_by_line.take(chunk(b"o \x1b[31mred\n")) == mark + b"two \x1b[31mred\x1b[0m\n"
    assert line_by_line.take(chunk(b"\x1b[2Jlast")) == b""
    assert line_by_line.end() == mark + "␛last".encode() + b"\x1b[0m"


def test_a_non_blocking_descriptor_is_waited_for(pipes: tuple[Pipe, Pipe]) -> None:
    out = pipes[0]
    os.set_blocking(out.channel.fd, False)
    data = b"x" * (1 << 20)
    reader: list[bytes] = []
    thread = threading.Thread(target=lambda: reader.append(_read_all(out.read_end)))
    thread.start()
    out.channel.write(data)
    os.close(out.channel.fd)
    thread.join(20)
    assert reader == [data]
    os.close(pipes[1].channel.fd)


def test_a_reader_that_left_is_named_as_such() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with pytest.raises(ReaderGone):
        Channel(write_end).write(b"x")
    os.close(write_end)


def test_a_channel_without_a_terminal_has_no_width_and_no_colours() -> None:
    with open(os.devnull, "wb") as file:
        channel = Channel(file.fileno())
        assert (channel.columns(), channel.colours) == (None, False)
