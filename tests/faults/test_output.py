"""What a script writes: every byte or an exact account of what is missing, live and afterwards, whatever it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.execution.outputs import Chunk, Follower
from opsconsole.execution.supervisor.output import Timing
from opsconsole.models import ExecutionResult, ResourceLimits, Status, TaskSpec
from tests.faults.console import quick
from tests.faults.processes import becomes

KIB, MIB = 1 << 10, 1 << 20

COUNTER = """
import os, sys, time
def numbered(count):  # the byte at offset n can be told from n: lines of 16 bytes with their number
    full, rest = divmod(count, 16)
    step = 65536
    for first in range(0, full, step):
        yield b"".join(b"%015d\\n" % n for n in range(first, min(full, first + step)))
    yield (b"%015d\\n" % full)[:rest]
def put(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
def write(fd, count):
    for part in numbered(count):
        put(fd, part)
def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)
"""


def numbered(start: int, end: int) -> bytes:
    """Bytes `start` to `end` of what COUNTER writes."""
    lines = b"".join(b"%015d\n" % n for n in range(start // 16, end // 16 + 1))
    return lines[start % 16 : start % 16 + end - start]


def python(text: str, limit: int | None = None) -> TaskSpec:
    return TaskSpec(script=COUNTER + text, interpreter="python", limits=ResourceLimits(output=limit))


def everything(follower: Follower, most: int = 1 << 20) -> Iterator[Chunk]:
    while chunks := follower.read(most):
        yield from chunks


# -- the cap


@pytest.mark.parametrize(
    ("limit", "size"),
    [
        (MIB, 10 * MIB),
        (MIB, MIB + 1),
        (MIB, MIB),
        (MIB, MIB - 1),
        (100_001, 9 * MIB + 7),
        (1, 1000),
        (17 * MIB, 24 * MIB),
        (0, 10 * MIB),
    ],
)
async def test_the_cap_keeps_the_first_quarter_and_the_last_part_and_counts_the_rest(
    state: Path, limit: int, size: int
) -> None:
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.run(python(f"write(1, {size}); write(2, {size // 3})", limit))
    assert result.status is Status.COMPLETED
    for name, written, kept in (
        ("stdout", size, result.read_stdout()),
        ("stderr", size // 3, result.read_stderr()),
    ):
        assert result.output[f"{name}_bytes"] == written
        if limit == 0 or written <= limit:
            assert kept == numbered(0, written)
            assert result.output[f"{name}_gap"] is None
        else:
            head = min(4 * MIB, limit // 4)
            assert kept == numbered(0, head) + numbered(written - limit + head, written)
            assert result.output[f"{name}_gap"] == {"offset": head, "bytes": written - limit, "lost_at_end": 0}
        assert shown(state, result)[name] == (written, written - len(kept))
    assert result.output["truncated"] == (0 < limit < size)


async def test_the_disk_holds_no_more_than_the_cap_and_eight_mebibytes_during_the_run_and_after(
    state: Path, tmp_path: Path
) -> None:
    limit, size, go = 2 * MIB, 64 * MIB, tmp_path / "go"
    file, timing = state / "runs" / "1.1" / "stdout", state / "runs" / "1.1" / "timing"
    most = 0
    async with Engine(quick(), state_dir=state) as engine:
        task = await engine.submit(python(f"write(1, {size}); wait_for({str(go)!r})", limit))
        while engine.task(task.id).status.is_open:
            if file.exists():
                most = max(most, file.stat().st_blocks * 512)
            if timing.exists() and _indexed(timing) == size:
                go.touch()  # looked at while it ran, at least once with all of it written
            await asyncio.sleep(0.001)
    assert 0 < most <= limit + 8 * MIB
    assert file.stat().st_size == limit
    assert file.stat().st_blocks * 512 <= limit + 64 * KIB


async def test_one_line_of_a_hundred_megabytes_is_a_run_like_any_other(state: Path) -> None:
    size = 100_000_000
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.run(TaskSpec(script=f"head -c {size} /dev/zero | tr '\\0' x"))
    assert result.status is Status.COMPLETED
    assert result.output["stdout_bytes"] == size
    kept = result.read_stdout()
    assert len(kept) == 64 * MIB and kept.count(b"x") == len(kept)


# -- following


@pytest.mark.parametrize("late", [True, False], ids=["comes late", "from the start"])
async def test_a_reader_is_never_shown_a_byte_that_was_not_written_there(
    state: Path, tmp_path: Path, late: bool
) -> None:
    """Slow or late, through the gap's birth and its closing: bytes at their true offsets, and the missing counted."""
    go, size = tmp_path / "go", 40 * MIB
    async with Engine(quick(), state_dir=state) as engine:
        task = await engine.submit(python(f"write(1, {size}); wait_for({str(go)!r}); put(1, b'END')", MIB))
        file = state / "runs" / "1.1" / "stdout"
        if late:
            await becomes(lambda: file.exists() and file.stat().st_size, lambda length: length == size)
        follower = Follower(state / "runs" / "1.1")
        position = missing = 0
        while not follower.ended or position < size + 3:
            for chunk in follower.read(100 * KIB):
                position += chunk.missing
                missing += chunk.missing
                end = position + len(chunk.data)
                assert chunk.data == (numbered(position, min(end, size)) + b"END"[: max(0, end - size)])
                position = end
            if position >= size:
                go.touch()
            await asyncio.sleep(0)
        assert follower.read() == []
        follower.close()
        result = await engine.wait(task.id)
    assert position == result.output["stdout_bytes"] == size + 3
    assert missing > 0 or not late


async def test_both_streams_come_in_the_order_in_which_they_were_written(state: Path) -> None:
    """Each line waits until the one before is in the index, so their order is certain."""
    script = """
    T=$OPSCONSOLE_RUN_FOLDER/timing
    size() { stat -c %s "$T" 2>/dev/null || echo 0; }
    say() { before=$(size); echo "$2" >&"$1"; while [ "$(size)" = "$before" ]; do sleep 0.005; done; }
    for n in 1 2 3 4; do say 1 "out $n"; say 2 "err $n"; done; say 2 again; say 1 last
    """
    async with Engine(quick(), state_dir=state) as engine:
        task = await engine.submit(TaskSpec(script=script))
        follower = Follower(state / "runs" / "1.1")
        live: list[Chunk] = []
        while not follower.ended:
            live += follower.read()
            await asyncio.sleep(0.005)
        live += everything(follower)
        follower.close()
        await engine.wait(task.id)
    afterwards = Follower(state / "runs" / "1.1")
    replayed = list(everything(afterwards))
    afterwards.close()
    wanted = [(f"std{name}", f"{name} {n}\n".encode()) for n in range(1, 5) for name in ("out", "err")]
    wanted += [("stderr", b"again\n"), ("stdout", b"last\n")]
    for seen in (live, replayed):
        assert [(chunk.stream, chunk.data) for chunk in seen] == wanted
        times = [chunk.elapsed_s or 0.0 for chunk in seen]
        assert times == sorted(times)


def _indexed(timing: Path) -> int:
    return sum(int(line.split()[2]) for line in timing.read_text().splitlines(keepends=True) if line.endswith("\n"))


@pytest.mark.parametrize("limit", [0, 64 * KIB], ids=["whole", "with a gap"])
async def test_a_reader_may_begin_shortly_before_the_end_of_each_stream(
    state: Path, tmp_path: Path, limit: int
) -> None:
    go = tmp_path / "go"
    text = f"write(1, 10 * {MIB}); write(2, 50); wait_for({str(go)!r}); put(1, b'END')"
    async with Engine(quick(), state_dir=state) as engine:
        task = await engine.submit(python(text, limit))
        stderr = state / "runs" / "1.1" / "stderr"
        await becomes(lambda: stderr.exists() and stderr.stat().st_size == 50)
        timing = state / "runs" / "1.1" / "timing"
        await becomes(lambda: timing.exists() and _indexed(timing) == 10 * MIB + 50)
        follower = Follower(state / "runs" / "1.1", last=100)
        before = list(everything(follower))
        go.touch()
        await engine.wait(task.id)
        after = list(everything(follower))
        follower.close()
    afterwards = Follower(state / "runs" / "1.1", last=100)
    replayed = list(everything(afterwards))
    afterwards.close()

    end = 10 * MIB
    assert joined(before, "stdout") == numbered(end - 100, end)
    assert joined(before, "stderr") == numbered(0, 50)
    assert joined(after, "stdout") == b"END" and joined(after, "stderr") == b""
    assert joined(replayed, "stdout") == numbered(end - 97, end) + b"END"
    assert joined(replayed, "stderr") == numbered(0, 50)


def test_an_index_torn_by_a_full_disk_costs_the_order_and_no_byte(tmp_path: Path) -> None:
    (tmp_path / "stdout").write_bytes(b"aaabbbccc")
    (tmp_path / "stderr").write_bytes(b"xyz")
    (tmp_path / "timing").write_bytes(b"o 0.100000 3\no 0.2o 0.300000 3\ne 0.400000 1\n")
    follower = Follower(tmp_path)
    assert [(chunk.stream, chunk.data) for chunk in follower.read()] == [("stdout", b"aaa"), ("stderr", b"x")]
    (tmp_path / "result.json").write_text('{"output": {"stdout_bytes": 9, "stderr_bytes": 3}}')
    rest = list(everything(follower))
    follower.close()
    assert joined(rest, "stdout") == b"bbbccc" and joined(rest, "stderr") == b"yz"


@pytest.mark.unmeasured
def test_the_index_stays_small_however_often_the_streams_take_turns(tmp_path: Path) -> None:
    timing = Timing(str(tmp_path / "timing"), None)
    for number in range(600_000):
        timing.note(b"oe"[number % 2 :][:1], 1, number * 0.00001)
    timing.release()
    index = (tmp_path / "timing").read_bytes()
    assert len(index) < 5 * MIB
    counted = {b"o": 0, b"e": 0}
    for line in index.splitlines():
        letter, _, count = line.split()
        counted[letter] += int(count)
    assert counted == {b"o": 300_000, b"e": 300_000}


# -- any bytes


async def test_any_bytes_are_kept_as_they_are(state: Path) -> None:
    odd = bytes(range(256)) * 40 + b"\xff\xfe\x80 half a \xe2\x82 and \x00\x00 no newline at the end"
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.run(python(f"odd = {odd!r}; put(1, odd); put(2, odd[::-1])"))
    assert result.read_stdout() == odd
    assert result.read_stderr() == odd[::-1]
    assert shown(state, result) == {"stdout": (len(odd), 0), "stderr": (len(odd), 0)}


async def test_a_script_that_opens_its_stderr_anew_does_not_cut_the_record(state: Path) -> None:
    script = "echo 1 >&2; echo 2 > /dev/stderr; echo 3 >&2; echo 4 > /proc/self/fd/2; "
    script += "echo a; echo b > /dev/stdout; echo c"
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.run(TaskSpec(script=script))
    assert result.read_stderr() == b"1\n2\n3\n4\n"
    assert result.read_stdout() == b"a\nb\nc\n"


async def test_a_script_that_closes_its_output_ends_as_it_says(state: Path) -> None:
    async with Engine(quick(), state_dir=state) as engine:
        result = await engine.run(TaskSpec(script="echo before; exec >&- 2>&-; sleep 0.1; exit 9"))
    assert (result.exit_code, result.read_stdout(), result.read_stderr()) == (9, b"before\n", b"")


def joined(chunks: list[Chunk], stream: str) -> bytes:
    return b"".join(chunk.data for chunk in chunks if chunk.stream == stream)


def shown(state: Path, result: ExecutionResult) -> dict[str, tuple[int, int]]:
    """stream → (bytes in all, bytes missing) as a reader of the ended run sees them."""
    follower = Follower(state / "runs" / result.execution_id)
    seen = {"stdout": (0, 0), "stderr": (0, 0)}
    for chunk in everything(follower):
        total, missing = seen[chunk.stream]
        seen[chunk.stream] = total + chunk.missing + len(chunk.data), missing + chunk.missing
    follower.close()
    return seen
