"""Contained runs of a real console: what they may, what the record says, what is left of them."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opsconsole.execution.supervisor import kernel
from opsconsole.models import ExecutionPolicy, ExecutionResult, ResourceLimits, Status, TaskSpec
from opsconsole.safety import containment
from tests.conftest import QUICK, OpenEngine
from tests.escape.conftest import WHO, uids
from tests.escape.world import world
from tests.faults.processes import becomes

SAFE, RESTRICTED = ExecutionPolicy.SAFE, ExecutionPolicy.RESTRICTED
STATUS = "cat /proc/self/status"


def text(result: ExecutionResult) -> str:
    return (result.read_stdout() + result.read_stderr()).decode("utf-8", "replace")


@pytest.fixture
def mounts(tmp_path: Path) -> Callable[[], set[bytes]]:
    """The mount table, but for the folders of the tests that run beside this one, which mount disks of their own."""
    beside, own = f"{tmp_path.parents[1]}/".encode(), f"{tmp_path}/".encode()

    def found() -> set[bytes]:
        lines = Path("/proc/self/mountinfo").read_bytes().split(b"\n")
        return {line for line in lines if beside not in line or own in line}

    return found


@pytest.mark.parametrize("policy", [SAFE, RESTRICTED])
async def test_a_contained_run_has_no_rights(open_engine: OpenEngine, policy: ExecutionPolicy) -> None:
    engine = await open_engine()
    result = await engine.run(TaskSpec(script=STATUS, policy=policy, cwd="/"))
    said = text(result)
    assert result.status is Status.COMPLETED, said
    fields = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    assert {fields[name] for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")} == {"0" * 16} or os.geteuid()
    assert (fields["CapEff"], fields["NoNewPrivs"], fields["Seccomp"]) == ("0" * 16, "1", "2")
    expected = str(containment.NOBODY if os.geteuid() == 0 else os.geteuid())
    assert fields["Uid"].split() == [expected] * 4
    assert result.containment["provider"].startswith(containment.provider_of(policy).name)


async def test_nothing_of_a_containment_reaches_the_slots_next_run(open_engine: OpenEngine) -> None:
    engine = await open_engine(settings=QUICK)
    plain = await engine.run(
        TaskSpec(script=f"{STATUS} | grep -E '^(Uid|Gid|Groups|Cap|NoNew|Secc)'; umask; pwd", cwd="/")
    )
    for policy in (SAFE, RESTRICTED, SAFE):
        contained = await engine.run(TaskSpec(script="true", policy=policy, cwd="/usr"))
        assert contained.status is Status.COMPLETED
        again = await engine.run(TaskSpec(script=plain_script(), cwd="/"))
        assert text(again) == text(plain)
        assert again.supervision["supervisor"] == plain.supervision["supervisor"]


def plain_script() -> str:
    return f"{STATUS} | grep -E '^(Uid|Gid|Groups|Cap|NoNew|Secc)'; umask; pwd"


async def test_the_work_folder_stays_with_the_run_and_its_files_are_in_the_record(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    script = "pwd; mkdir -p a; echo hello > a/b; printf x > $'0\\nx00'; ln -s /etc/passwd link; ln -s . loop"
    result = await engine.run(TaskSpec(script=script, policy=RESTRICTED))
    assert result.status is Status.COMPLETED, text(result)
    work = result.containment["work"]
    assert work["path"] == text(result).strip()
    assert {entry["path"]: entry["bytes"] for entry in work["files"]} == {"a/b": 6, "0\nx00": 1, "link": 0, "loop": 0}
    assert Path(work["path"], "a/b").read_text() == "hello\n"


async def test_links_planted_until_the_very_end_are_not_followed(open_engine: OpenEngine, tmp_path: Path) -> None:
    """A race on the work folder: what looks at it as the console must not be led elsewhere."""
    engine = await open_engine()
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o711)
    (secret / "inside").write_text("x")
    script = f"""
        (trap '' TERM; while :; do rm -rf d; mkdir d; rm -rf d; ln -s {secret} d; done) >/dev/null 2>&1 &
        mkdir -m 0 closed; ln -s {secret} to; rmdir "$PWD"; mv "$PWD" /tmp/w; sleep 0.2
    """
    result = await engine.run(TaskSpec(script=script, policy=RESTRICTED))
    paths = {entry["path"] for entry in result.containment["work"]["files"]}
    assert paths <= {"to", "d"}
    assert (secret.stat().st_mode & 0o777, os.listdir(secret)) == (0o711, ["inside"])


async def test_nothing_is_left_running_or_mounted(open_engine: OpenEngine, mounts: Callable[[], set[bytes]]) -> None:
    engine = await open_engine()
    before = mounts()
    for policy in (SAFE, RESTRICTED):
        result = await engine.run(TaskSpec(script="sleep 300 & setsid sleep 300 & sleep 0.1", policy=policy, cwd="/"))
        assert result.status is Status.COMPLETED
        assert all(kernel.start_ticks(entry["pid"]) is None for entry in result.supervision["leftovers"])
        assert result.supervision["survivors"] == []
        assert not kernel.descendants(result.supervision["supervisor"])
    await becomes(lambda: mounts() - before, lambda left: not left)


@pytest.mark.parametrize("policy", [SAFE, RESTRICTED])
async def test_the_run_dies_with_its_supervisor(
    open_engine: OpenEngine, policy: ExecutionPolicy, mounts: Callable[[], set[bytes]]
) -> None:
    engine = await open_engine()
    before = mounts()
    task = await engine.submit(TaskSpec(script="sleep 300 & sleep 300", policy=policy, cwd="/"))
    supervisor = await becomes(lambda: engine.result(task.id).supervision["supervisor"])
    tree = kernel.descendants(supervisor)
    os.kill(supervisor, signal.SIGKILL)
    result = await engine.wait(task.id)
    assert result.status is Status.ABANDONED
    await becomes(lambda: [pid for pid in tree if kernel.start_ticks(pid) is not None], lambda alive: not alive)
    await becomes(lambda: mounts() - before, lambda left: not left)


async def test_a_cancel_ends_all_of_it(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    for policy in (SAFE, RESTRICTED):
        result = await engine.run(TaskSpec(script="sleep 300 & sleep 300", policy=policy, timeout_s=0.3, cwd="/"))
        assert (result.status, result.supervision["survivors"]) == (Status.TIMED_OUT, [])


async def test_a_file_cannot_grow_beyond_its_limit_nor_the_private_tmp_beyond_its_size(open_engine: OpenEngine) -> None:
    engine = await open_engine()
    script = "head -c 3M /dev/zero > big; stat -c %s big; truncate -s 900M /tmp/sparse; df -B1M --output=size /tmp"
    result = await engine.run(
        TaskSpec(script=script, policy=RESTRICTED, limits=ResourceLimits(file_size=1 << 20, memory=1 << 30))
    )
    assert result.containment["work"]["files"] == [{"path": "big", "bytes": 1 << 20}]
    assert "256" in text(result).split()


# -- grants


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of somebody who accepts."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


CONNECT = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2); print('connected')"
LISTEN = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('listening')"


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("provider", ["landlock+seccomp", "bwrap+seccomp"])
@pytest.mark.parametrize("policy", ["safe", "restricted"])
def test_the_network_is_there_when_it_is_granted(policy: str, provider: str, who: str, listener: int) -> None:
    with world(*uids(who), policy) as made:
        body = f"import sys; sys.argv.append('{listener}')\n{CONNECT}"
        run = {"body": body, "interpreter": "python", "provider": provider}
        asked, granted, service = made.supervise(
            [run, {**run, "allow_network": True}, {**run, "body": LISTEN, "allow_network": True}]
        )
    assert "connected" not in asked["stdout"]
    assert "connected" in granted["stdout"], granted["stderr"]
    assert ("listening" in service["stdout"]) == (policy == "restricted")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("provider", ["landlock+seccomp", "bwrap+seccomp"])
def test_a_granted_folder_can_be_written_and_no_other(provider: str, who: str) -> None:
    with world(*uids(who), "restricted") as made:
        other = made.base / "other"
        other.mkdir(mode=0o777)
        other.chmod(0o777)
        body = f"echo x > {made.open}/granted; echo x > {other}/not-granted; echo x > work; cat work"
        (done,) = made.supervise([{"body": body, "writable": [str(made.open)], "provider": provider}])
        assert (made.open / "granted").exists(), done["stderr"]
        assert os.listdir(other) == []
        assert done["stdout"] == "x\n"


def test_a_sandbox_that_does_not_start_is_told_from_a_script_that_fails() -> None:
    with world(*uids(WHO[0]), "restricted") as made:
        run = {"provider": "bwrap+seccomp"}
        refused, failed = made.supervise([{**run, "argv": ["/does/not/exist"]}, {**run, "body": "exit 1"}])
    assert (refused["result"]["status"], refused["result"]["exit_code"]) == ("failed", None)
    assert "the sandbox did not start" in refused["result"]["reason"]
    assert (failed["result"]["exit_code"], failed["result"]["reason"]) == (1, "exit code 1")
