"""The parts of the supervisor one by one: claim, record, output, kernel. Whole runs are in tests/faults."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.execution import runfolder
from opsconsole.execution.outputs import Follower
from opsconsole.execution.supervisor import claim, kernel, record
from opsconsole.execution.supervisor.following import HOLD_S, Following
from opsconsole.execution.supervisor.output import Stream, Timing
from opsconsole.execution.supervisor.slot import BUSY, IDLE, Note

FIRST = {"supervisor": 1, "start": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.1").mkdir()
    return tmp_path / "1.1"


# -- who owns a launch


def test_a_claim_is_won_once(folder: Path) -> None:
    won = claim.take(f"{folder}/claim.1", None, FIRST)
    assert won is not None
    assert claim.take(f"{folder}/claim.1", None, FIRST) is None
    won.release()
    assert claim.take(f"{folder}/claim.1", None, FIRST) is None, "not even when its holder has ended"


def test_without_a_folder_there_is_no_claim_and_the_error_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        claim.take(f"{tmp_path}/none/claim.1", None, FIRST)


def test_a_run_is_alive_while_its_claim_is_held_and_dead_after_that(folder: Path) -> None:
    assert runfolder.inspect(folder, 1).standing == "unclaimed"
    won = claim.take(f"{folder}/claim.1", None, FIRST)
    assert won is not None
    won.write({"leader": 7, "start": 8, "at": 9})
    found = runfolder.inspect(folder, 1)
    assert (found.standing, found.entry("leader")["leader"], found.entry("supervisor")) == ("alive", 7, FIRST)
    won.release()
    found = runfolder.inspect(folder, 1)
    assert (found.standing, found.entry("leader")["leader"], found.entry("none")) == ("dead", 7, {})


def test_the_result_goes_before_everything_else(folder: Path) -> None:
    won = claim.take(f"{folder}/claim.1", None, FIRST)
    (folder / "result.json").write_text('{"launch": 1, "status": "completed"}')
    assert runfolder.inspect(folder, 1).standing == "result"
    assert won is not None
    won.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"launch": 2}'])
def test_a_result_that_is_broken_or_of_another_launch_is_none(folder: Path, text: str) -> None:
    (folder / "result.json").write_text(text)
    assert runfolder.read_result(folder, 1) is None
    assert runfolder.inspect(folder, 1).standing == "unclaimed"


def test_a_voided_launch_can_never_start(folder: Path) -> None:
    assert runfolder.void(folder, 1)
    assert claim.take(f"{folder}/claim.1", None, FIRST) is None
    assert runfolder.inspect(folder, 1).standing == "unclaimed"
    assert runfolder.void(folder, 1), "voiding again changes nothing"


def test_a_claimed_launch_cannot_be_voided(folder: Path) -> None:
    won = claim.take(f"{folder}/claim.1", None, FIRST)
    assert not runfolder.void(folder, 1)
    assert won is not None
    won.release()
    assert not runfolder.void(folder, 1), "nor one whose supervisor died: it may have run"


def test_a_claim_that_was_made_and_never_written_is_void_as_soon_as_somebody_looks(folder: Path) -> None:
    """Its supervisor died between the two, or is about to find that it lost."""
    (folder / "claim.1").touch()
    assert runfolder.inspect(folder, 1).standing == "unclaimed"
    assert (folder / "claim.1").read_text() == '{"void": true}\n'


def test_between_a_supervisor_and_a_reconciler_exactly_one_wins() -> None:
    with tempfile.TemporaryDirectory() as root:
        for number in range(200):
            folder = Path(root, str(number))
            folder.mkdir()
            barrier, won = threading.Barrier(2), []

            def supervise(folder: Path = folder, barrier: threading.Barrier = barrier, won: list[Any] = won) -> None:
                barrier.wait()
                if taken := claim.take(f"{folder}/claim.1", None, FIRST):
                    won.append(taken)

            thread = threading.Thread(target=supervise)
            thread.start()
            barrier.wait()
            voided = runfolder.void(folder, 1)
            thread.join()
            assert voided != bool(won)
            for each in won:
                each.release()


# -- commands


def test_commands_are_read_once_each_and_half_a_line_waits_for_its_rest(folder: Path) -> None:
    path = f"{folder}/commands"
    assert record.read_commands(path, 0) == ([], 0)
    runfolder.command(folder, 1, "pause", "jo")
    found, position = record.read_commands(path, 0)
    assert found == [{"op": "pause", "by": "jo"}]
    with open(path, "a") as file:
        file.write('nonsense\n{"op": "res')
    assert record.read_commands(path, position) == ([], position + len("nonsense\n"))
    with open(path, "a") as file:
        file.write('ume"}\n')
    assert record.read_commands(path, position)[0] == [{"op": "resume"}]


_HEARS = """
import signal
both = {signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
print(flush=True)
for _ in range(2):
    print(int(signal.sigwait(both)), flush=True)
"""
"""Of two that wait it hears SIGUSR1 first: it has the lower number."""


def test_a_command_wakes_exactly_the_supervisor_that_the_claim_names(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HEARS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        later = claim.take(f"{folder}/claim.2", None, {"supervisor": process.pid, "start": 1})
        runfolder.command(folder, 2, "cancel", "jo")  # the number was given out again: another process has it now
        process.send_signal(signal.SIGUSR2)
        assert int(process.stdout.readline()) == signal.SIGUSR2, "it heard nothing before"
        exactly = {"supervisor": process.pid, "start": kernel.start_ticks(process.pid)}
        taken = claim.take(f"{folder}/claim.1", None, exactly)
        runfolder.command(folder, 1, "cancel", "jo")
        assert int(process.stdout.readline()) == signal.SIGUSR1
        for each in (later, taken):
            assert each is not None
            each.release()


def test_a_command_before_the_claim_waits_in_the_folder(tmp_path: Path) -> None:
    runfolder.command(tmp_path / "9.1", 1, "cancel", "jo")
    assert record.read_commands(f"{tmp_path}/9.1/commands", 0)[0] == [{"op": "cancel", "by": "jo"}]


# -- the record


def status_of(program: str) -> int:
    process = subprocess.Popen(["sh", "-c", program])
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    return status


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("exit 0", (0, None)),
        ("exit 255", (255, None)),
        ("kill -TERM $$", (None, "SIGTERM")),
        ("kill -KILL $$", (None, "SIGKILL")),
        ("kill -40 $$", (None, "SIGRT40")),
    ],
)
def test_a_wait_status_is_an_exit_code_or_the_name_of_a_signal(program: str, expected: tuple[object, ...]) -> None:
    assert record._exit(status_of(program)) == expected


def test_a_leader_that_could_not_be_waited_for_has_neither() -> None:
    assert record._exit(None) == (None, None)


def run_like(**given: Any) -> Any:
    return SimpleNamespace(**{"survivors": [], "stop_reason": "", "launch": {"timeout_s": 5.0}, **given})


@pytest.mark.parametrize(
    ("run", "code", "sig", "expected"),
    [
        (run_like(), 0, None, ("completed", None)),
        (run_like(), 4, None, ("failed", "exit code 4")),
        (run_like(), None, "SIGSEGV", ("failed", "ended by SIGSEGV")),
        (run_like(stop_reason="cancelled"), None, "SIGTERM", ("cancelled", "cancelled")),
        (run_like(stop_reason="cancelled"), 0, None, ("cancelled", "cancelled")),
        (run_like(stop_reason="timeout"), None, "SIGKILL", ("timed_out", "ran longer than 5 s")),
        (run_like(stop_reason="told to end"), None, "SIGTERM", ("abandoned", "told to end")),
        (
            run_like(stop_reason="cancelled", survivors=[{"pid": 7}, {"pid": 8}]), None, None,
            ("abandoned", "cancelled: could not be killed, still alive: 7, 8"),
        ),
    ],
)  # fmt: skip
def test_the_status_says_how_it_ended_and_what_is_alive_is_never_called_cancelled(
    run: Any, code: int | None, sig: str | None, expected: tuple[str, str | None]
) -> None:
    assert record._status(run, code, sig) == expected


def usage(rss: int = 0) -> Any:
    return SimpleNamespace(ru_utime=1.5, ru_stime=0.25, ru_maxrss=rss, ru_inblock=2, ru_oublock=3)


def test_usage_adds_up_over_the_leader_and_the_orphans_but_memory_is_the_largest() -> None:
    total = record.Usage()
    for rss in (2000, 5000, 3000):
        total.add(usage(rss))
    metrics = total.as_metrics(floor=0)
    assert (metrics["user_cpu_s"], metrics["system_cpu_s"], metrics["processes"]) == (4.5, 0.75, 3)
    assert (metrics["max_rss_bytes"], metrics["max_rss_is_upper_bound"]) == (5000 * 1024, False)
    assert (metrics["read_bytes"], metrics["write_bytes"]) == (3 * 2 * 512, 3 * 3 * 512)


def test_memory_not_above_the_supervisor_s_own_is_only_a_bound() -> None:
    """A spawned child begins with its parent's peak in its ru_maxrss."""
    total = record.Usage()
    total.add(usage(2000))
    assert total.as_metrics(floor=2000 * 1024)["max_rss_is_upper_bound"]


def test_the_own_peak_is_what_the_kernel_says() -> None:
    unit = 1024 if sys.platform != "darwin" else 1
    assert record.own_peak_bytes() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_the_result_is_written_whole_and_for_its_owner_only(folder: Path) -> None:
    record.write_result(str(folder), {"status": "completed"}, [], None)
    assert json.loads((folder / "result.json").read_text()) == {"status": "completed"}
    assert (folder / "result.json").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in folder.iterdir()) == ["result.json"]


def test_a_folder_that_was_removed_keeps_nobody_waiting(tmp_path: Path) -> None:
    record.write_result(str(tmp_path / "gone"), {"status": "completed"}, [], None)


def test_a_full_disk_costs_output_and_never_the_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two writes find no room; each time the tail of a stream is given back."""
    streams = [Stream(letter, f"{folder}/{name}", 0, None) for letter, name in ((b"o", "stdout"), (b"e", "stderr"))]
    for stream in streams:
        os.write(stream.write_end, b"x" * 1000)
        stream.pump(memoryview(bytearray(1 << 20)))
    refused = iter([True, True])
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if next(refused, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(record.os, "write", full)
    result = {"status": "completed", **record._output(streams)}
    record.write_result(str(folder), result, streams, None)
    monkeypatch.undo()
    written = json.loads((folder / "result.json").read_text())
    assert written["output"]["truncated"] and written["output"]["stdout_gap"]["lost_at_end"] == 1000
    assert written["degraded"] == [
        f"the disk was full: 1000 bytes of {name} were not kept" for name in ("stdout", "stderr")
    ]
    for stream in streams:
        stream.release()


# -- output


@settings(max_examples=25, deadline=None)
@given(
    limit=st.sampled_from([0, 1, 5, 4000, 1 << 20, 9 << 20]),
    sizes=st.lists(st.sampled_from([1, 10, 4096, 70_000, 3 << 20]), max_size=8),
)
def test_a_stream_keeps_the_first_and_the_last_part_and_counts_the_rest(limit: int, sizes: list[int]) -> None:
    written = bytearray()
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(b"o", f"{folder}/stdout", limit, None)
        os.set_blocking(stream.write_end, False)  # beyond the user's quota a new pipe takes less than is written here
        buffer = memoryview(bytearray(kernel.PIPE_BYTES))
        for number, size in enumerate(sizes):
            data = bytes([number + 1]) * size
            written += data
            while data:
                data = data[os.write(stream.write_end, data[:60_000]) :]
                assert stream.pump(buffer) > 0
        assert stream.pump(buffer) == 0
        stream.close_write_end()
        assert stream.pump(buffer) == -1
        stream.finish()
        kept = Path(stream.path).read_bytes()
        assert stream.total == len(written)
        if limit == 0 or len(written) <= limit:
            assert (kept, stream.gap) == (bytes(written), 0)
        else:
            head = min(4 << 20, limit // 4)
            assert kept == written[:head] + written[len(written) - (limit - head) :]
            assert stream.gap == len(written) - limit
        assert stream.error == ""
        stream.release()


@given(st.lists(st.tuples(st.sampled_from([b"o", b"e"]), st.integers(1, 9), st.floats(0, 0.02)), max_size=40))
@settings(max_examples=40, deadline=None)
def test_the_timing_index_has_every_byte_and_the_order_of_the_streams(notes: list[tuple[bytes, int, float]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        timing, elapsed, written = Timing(f"{folder}/timing", None), 0.0, {b"o": b"", b"e": b""}
        order: list[tuple[str, bytes]] = []
        for number, (letter, count, step) in enumerate(notes):
            elapsed += step
            data = bytes([number + 1]) * count
            written[letter] += data
            timing.note(letter, count, elapsed)
            order.append(("stdout" if letter == b"o" else "stderr", data))
        timing.release()
        (folder / "stdout").write_bytes(written[b"o"])
        (folder / "stderr").write_bytes(written[b"e"])
        (folder / "result.json").write_text("{}")
        assert _joined(_followed(folder)) == _joined(order)


def _followed(folder: Path) -> list[tuple[str, bytes]]:
    follower = Follower(folder)
    try:
        return [(chunk.stream, chunk.data) for chunks in iter(follower.read, []) for chunk in chunks]
    finally:
        follower.close()


def _joined(pieces: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Neighbouring pieces of one stream as one."""
    joined: list[tuple[str, bytes]] = []
    for name, data in pieces:
        if joined and joined[-1][0] == name:
            joined[-1] = name, joined[-1][1] + data
        else:
            joined.append((name, data))
    return joined


# -- a reader that wants every byte


class Reads:
    """As `opsconsole --run` into a pipe: it holds the file's lock and says how far it has come."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def has_read(self, stdout: int, stderr: int) -> None:
        os.pwrite(self.fd, struct.pack("<QQ", stdout, stderr), 0)

    def leaves(self) -> None:
        os.close(self.fd)


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Reads]:
    reads = Reads(tmp_path / "following")
    yield reads
    with contextlib.suppress(OSError):
        reads.leaves()


def test_without_a_reader_nobody_is_waited_for(tmp_path: Path) -> None:
    following = Following(f"{tmp_path}/following", 0)
    assert following.position() is None
    assert not following.is_worth_waiting_for(0.0)
    (tmp_path / "following").touch()
    assert following.position() is None, "the file alone is no reader"
    following.release()


def test_a_reader_says_how_far_it_has_come_in_each_stream(tmp_path: Path, follower: Reads) -> None:
    out, err = (Following(f"{tmp_path}/following", index) for index in (0, 1))
    follower.has_read(1 << 40, 7)
    assert (out.position(), err.position()) == (1 << 40, 7)
    follower.leaves()
    assert (out.position(), err.position()) == (None, None)
    out.release()
    err.release()


def test_a_reader_that_moves_is_waited_for_and_one_that_stands_still_not_for_long(
    tmp_path: Path, follower: Reads
) -> None:
    following = Following(f"{tmp_path}/following", 0)
    follower.has_read(1, 0)
    assert following.is_worth_waiting_for(0.0)
    assert following.is_worth_waiting_for(HOLD_S)
    follower.has_read(2, 0)
    assert following.is_worth_waiting_for(HOLD_S + 1)
    assert not following.is_worth_waiting_for(2 * HOLD_S + 1.1)
    follower.has_read(3, 0)
    assert following.position() is None, "it had its chance"
    following.release()


# -- the slot's note to its parent


@pytest.mark.parametrize("text", ["", "/state/runs/1.1", "/caf\udce9/" + "x" * 1000])
def test_a_note_is_read_as_it_was_written(text: str) -> None:
    note = Note()
    note.set(BUSY, text)
    assert note.get() == (BUSY, text)
    note.set(IDLE)
    assert note.get() == (IDLE, "")


# -- the kernel


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A shell and the sleep it waits for: (parent, child)."""
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        yield process.pid, child
        os.kill(child, signal.SIGKILL)


def test_descendants_are_found_parents_first(family: tuple[int, int]) -> None:
    assert kernel.children(family[0]) == [family[1]]
    found = kernel.descendants(os.getpid())
    assert found.index(family[0]) < found.index(family[1])
    assert kernel.descendants(1 << 22) == []


def test_a_process_has_a_name_a_start_and_an_end(family: tuple[int, int]) -> None:
    assert kernel.process_name(family[1]) in ("sleep", "sh")
    assert kernel.start_ticks(family[1]) is not None
    assert (kernel.process_name(1 << 22), kernel.start_ticks(1 << 22)) == ("", None)


def test_a_signal_to_what_is_gone_is_no_error() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert not kernel.signal_process(process.pid, 0)
    assert kernel.signal_process(os.getpid(), 0)


def test_blocks_are_given_back_while_offsets_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 65536)
    with path.open("r+b") as file:
        if not kernel.punch_hole(file.fileno(), 4096, 61440):
            pytest.skip("this file system has no holes")
    assert path.read_bytes() == b"x" * 4096 + b"\0" * 57344 + b"x" * 4096
    assert path.stat().st_size == 65536


def test_a_pipe_can_be_widened() -> None:
    read_end, write_end = os.pipe()
    before = fcntl.fcntl(read_end, fcntl.F_GETPIPE_SZ)
    kernel.widen_pipe(write_end)
    assert fcntl.fcntl(read_end, fcntl.F_GETPIPE_SZ) in (kernel.PIPE_BYTES, before)  # the latter: the user's quota
    os.close(read_end)
    os.close(write_end)
    kernel.widen_pipe(read_end)  # closed: only costs more wake-ups
