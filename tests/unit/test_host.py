"""The seam to the operating system, on real processes."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole import host
from opsconsole.errors import PlatformUnsupported

only_linux = pytest.mark.skipif(not host.LINUX, reason="asks /proc")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_living_process_is_known_by_its_pid_and_its_start(sleeper: subprocess.Popen[bytes]) -> None:
    started = host.start_time(sleeper.pid)
    assert started is not None
    assert host.start_time(sleeper.pid) == started
    assert host.is_alive(sleeper.pid, started)


def test_a_later_process_with_the_same_pid_is_not_taken_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    started = host.start_time(sleeper.pid)
    assert started is not None
    assert not host.is_alive(sleeper.pid, started - 1)
    assert not host.is_alive(sleeper.pid, None)
    assert not host.is_alive(None, started)


def test_a_process_started_later_has_the_later_start(sleeper: subprocess.Popen[bytes]) -> None:
    ours, theirs = host.start_time(os.getpid()), host.start_time(sleeper.pid)
    assert ours is not None and theirs is not None and ours <= theirs


def test_a_zombie_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    started = host.start_time(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # dead now, and not yet reaped
    assert not host.is_alive(sleeper.pid, started)
    sleeper.wait()
    assert host.start_time(sleeper.pid) is None


@only_linux
def test_a_process_whose_name_looks_like_its_state_is_read_right(tmp_path: Path) -> None:
    """The name stands in /proc/PID/stat unquoted; this one has a bracket and a Z in it."""
    odd = tmp_path / "a) Z 1"
    odd.symlink_to("/bin/sh")
    with subprocess.Popen([odd, "-c", "echo; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # by now it has its name
        assert Path(f"/proc/{process.pid}/comm").read_text() == "a) Z 1\n"
        assert host.is_alive(process.pid, host.start_time(process.pid))


@only_linux
def test_processes_of_a_run_are_found_by_their_mark_and_no_others(tmp_path: Path) -> None:
    def start(folder: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OPSCONSOLE_RUN_FOLDER": str(folder)}
        words = ["sh", "-c", "echo; read line"]
        process = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # the program runs: its environment is the marked one, and there to be read
        return process

    with start(tmp_path / "1.1") as ours, start(tmp_path / "1.10") as other:
        try:
            assert dict(host.processes_marked(tmp_path / "1.1")) == {ours.pid: host.start_time(ours.pid)}
        finally:
            ours.kill()
            other.kill()


@only_linux
def test_processes_of_a_session_are_found_though_their_leader_has_ended() -> None:
    leader = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!"], stdout=subprocess.PIPE, start_new_session=True)
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    started = host.start_time(child)
    try:
        leader.wait()
        assert dict(host.processes_of_session(leader.pid, 1)) == {child: started}
    finally:
        os.kill(child, 9)
        leader.stdout.close()


@only_linux
def test_a_session_of_somebody_else_under_that_number_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    started = host.start_time(sleeper.pid)
    assert started is not None
    assert list(host.processes_of_session(sleeper.pid, started - 1)) == []


def test_the_boot_has_a_name_that_stays() -> None:
    assert host.boot_id() == host.boot_id() != ""


def test_the_actor_is_the_user_and_through_sudo_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    own = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert host.actor() == own
    monkeypatch.setenv("SUDO_USER", "jo")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert host.actor() == "jo as root"
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    assert host.actor() == "uid 4000000", "SUDO_USER means something for root only"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"SSH_CONNECTION": "192.0.2.7 50000 10.0.0.1 22"}, "192.0.2.7"),
        ({"SSH_CLIENT": "2001:db8::1 50000 22"}, "2001:db8::1"),
        ({"SSH_CONNECTION": " "}, None),
        ({}, None),
    ],
)
def test_the_ssh_client_is_known_from_the_session(
    environ: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSH_CONNECTION", "SSH_CLIENT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert host.ssh_client() == expected


def test_the_host_has_its_own_name_and_some_room(tmp_path: Path) -> None:
    assert host.host_name() == socket.gethostname()
    assert host.free_bytes(tmp_path) > 0


# -- other platforms: what is said there


def test_windows_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    host.require_execution()
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(PlatformUnsupported, match=r"not supported on Windows .*WSL") as raised:
        host.require_execution()
    assert raised.value.exit_code == 125


def test_each_platform_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "LINUX", True)
    assert host.lacking() == []
    monkeypatch.setattr(host, "LINUX", False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert any("subreaper" in text for text in host.lacking())
    monkeypatch.setattr(sys, "platform", "win32")
    assert host.lacking() == ["execution is not supported on Windows"]


def test_without_proc_a_process_is_known_all_the_same(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LINUX", False)
    assert host.is_alive(sleeper.pid, host.start_time(sleeper.pid))
    sleeper.kill()
    sleeper.wait()
    assert host.start_time(sleeper.pid) is None
    assert list(host.processes_marked(Path("/x"))) == list(host.processes_of_session(1, 1)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web-03", "web-03"), ("großrechner", "großrechner"), ("[b]x[/b]<&>", "[b]x[/b]<&>"), ("", ""),
        (os.fsdecode(b"bad\xffhost"), r"bad\xffhost"), ("A\x1b]0;x\x07\n", r"A\x1b]0;x\x07\n"),
        ("A\u202eB", r"A\u202eB"), ("\U000e0041", r"\U000e0041"),
    ],
)  # fmt: skip
def test_names_that_others_give_become_text(name: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.harmless_name(name) == expected
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert host.host_name() == expected
    host.host_name().encode()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", name)
    monkeypatch.setenv("SSH_CLIENT", f"{name} 1 22")
    assert host.actor().startswith(expected)
    (host.actor() + (host.ssh_client() or "")).encode()
