"""Details of one process, real ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from opsconsole import host
from opsconsole.clock import SYSTEM
from opsconsole.monitoring.sampling import portable
from opsconsole.monitoring.sampling.processes import ProcessSampler
from opsconsole.monitoring.sampling.selected import LISTED, ProcessDetails, details

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")

_BUSY = """
import os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 31))
os.nice(3)
kept = bytearray(20_000_000); del kept
log = open("a log\\n", "wb")
log.write(b"x" * 1_000_000); log.flush(); os.fsync(log.fileno())
gone = open("gone", "wb"); os.unlink("gone")
four = socket.create_server(("127.0.0.1", 0))
out = socket.create_connection(four.getsockname())
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX); unix.bind("a socket"); unix.listen()
hidden = socket.socket(socket.AF_UNIX); hidden.bind(b"\\0name-of-" + str(os.getpid()).encode())
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
print(four.getsockname()[1], out.getsockname()[1], udp.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[int, list[str]]]:
    """The pid of one with files and sockets open, and the ports."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BUSY, "two\nlines"],
        cwd=tmp_path, env={"API_TOKEN": "s3cr3t", "EMPTY": ""}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().split()
        process.kill()


def of(pid: int) -> ProcessDetails:
    started = host.start_time(pid)
    assert started is not None
    found = details(pid, started)
    assert found is not None
    return found


def test_files_limits_sizes_and_surroundings(busy: tuple[int, list[str]], tmp_path: Path) -> None:
    found = of(busy[0])
    names = [one.name for one in found.files]
    assert f"{tmp_path}/a log\n" in names
    assert f"{tmp_path}/gone (deleted)" in names
    assert found.open_files == psutil.Process(busy[0]).num_fds() == len(found.files) + (found.sockets_open or 0)
    assert found.cwd == str(tmp_path)
    assert found.exe == psutil.Process(busy[0]).exe()
    assert found.cmdline[-1] == "two\nlines"
    assert found.environment == (("API_TOKEN", "s3cr3t"), ("EMPTY", ""))
    assert "s3cr3t" not in repr(found)
    limits = {one.name: one for one in found.limits}
    assert (limits["Max core file size"].soft, limits["Max core file size"].hard) == (0, 0)
    assert (limits["Max file size"].soft, limits["Max file size"].hard) == (1 << 30, 1 << 31)
    assert limits["Max file size"].unit == "bytes"
    assert limits["Max cpu time"].soft is None
    assert (found.peak_rss_bytes or 0) > 20_000_000
    assert found.swap_bytes is not None
    assert found.oom_score is not None
    assert (found.threads, found.nice) == (1, psutil.Process(busy[0]).nice())
    assert found.start_time == pytest.approx(psutil.Process(busy[0]).create_time(), abs=0.02)
    assert found.missing == {}


def test_sockets_are_named_as_the_kernel_knows_them(busy: tuple[int, list[str]]) -> None:
    found = of(busy[0])
    server, client, udp = busy[1]
    here = "127.0.0.1:"
    told = {(one.kind, one.local, one.remote, one.state) for one in found.sockets}
    assert found.sockets_open == len(found.sockets) == 6
    assert told == {
        ("tcp", here + server, "", "listen"),
        ("tcp", here + client, here + server, "established"),
        ("udp", here + udp, "", ""),
        ("unix", "a socket", "", "listen"),
        ("unix", f"@name-of-{busy[0]}", "", ""),
        ("other", "", "", ""),
    }


def test_addresses_of_version_6() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        found = of(os.getpid())
        assert f"[::1]:{server.getsockname()[1]}" in [one.local for one in found.sockets if one.kind == "tcp6"]


def test_what_was_written_counts(tmp_path: Path) -> None:
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        pytest.skip("a temporary directory in memory is no storage")
    before = of(os.getpid())
    with open(tmp_path / "data", "wb") as file:
        file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    after = of(os.getpid())
    assert after.written_bytes is not None
    assert before.written_bytes is not None
    assert after.written_bytes - before.written_bytes >= 1 << 20
    assert after.monotonic_s > before.monotonic_s


def test_many_files_are_counted_and_cut() -> None:
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(LISTED + 20)]
    try:
        found = of(os.getpid())
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert len(found.files) == LISTED
    assert (found.open_files or 0) >= LISTED + 20


def test_another_process_with_that_pid_is_none(busy: tuple[int, list[str]]) -> None:
    started = host.start_time(busy[0])
    assert started is not None
    assert details(busy[0], started + 1) is None
    assert details(2**22 + 1, started) is None


def test_one_that_ended_is_none_and_a_zombie_is_told() -> None:
    process = subprocess.Popen(["sleep", "600"])
    started = host.start_time(process.pid)
    assert started is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    zombie = details(process.pid, started)
    assert zombie is not None
    assert (zombie.state, zombie.name, zombie.cmdline) == ("Z", "sleep", ())
    process.wait()
    assert details(process.pid, started) is None


def test_what_is_not_permitted_is_said(busy: tuple[int, list[str]]) -> None:
    """Asked by another user, through a child that gives up root."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    code = f"""
import os
from opsconsole import host
from opsconsole.monitoring.sampling.selected import details
os.chdir("/"); os.setgid(12345); os.setuid(12345)
found = details({busy[0]}, host.start_time({busy[0]}))
assert found.open_files is None and found.read_bytes is None and found.environment == () and found.cwd is None
assert set(found.missing) >= {{"open_files", "read_bytes", "environment", "cwd", "exe"}}, found.missing
assert found.missing["open_files"] == "permission denied"
assert found.threads == 1 and found.limits or "limits" in found.missing
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr


def test_a_sample_leads_to_its_details() -> None:
    with ProcessSampler() as sampler:
        mine = next(one for one in sampler.sample() if one.pid == os.getpid())
    found = details(*mine.identity)
    assert found is not None
    assert (found.name, found.cgroup, found.start_time) == (mine.name, mine.cgroup, mine.start_time)


def test_psutil_tells_the_same_elsewhere(busy: tuple[int, list[str]], tmp_path: Path) -> None:
    started = int(psutil.Process(busy[0]).create_time() * 100)
    found, ours = portable.details(busy[0], started, SYSTEM), of(busy[0])
    assert found is not None
    for field in ("pid", "name", "threads", "nice", "cmdline", "exe", "cwd", "open_files", "environment"):
        assert getattr(found, field) == getattr(ours, field), field
    assert f"127.0.0.1:{busy[1][0]}" in [one.local for one in found.sockets]
    assert portable.details(busy[0], started + 100, SYSTEM) is None
    assert portable.details(2**22 + 1, started, SYSTEM) is None
