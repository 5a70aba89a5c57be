"""What Ctrl-C, SIGTERM and a lost terminal do to `--run` and to what it runs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from headless_console import Console, end, is_alive, read_line_with, terminal, wait_until

TREE = "sleep 120 & echo $! $$; wait"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_whole_tree_is_cancelled(console: Console, number: signal.Signals, code: int) -> None:
    running = console.start("-c", TREE)
    pids = [int(word) for word in running.stdout.readline().split()]  # type: ignore[union-attr]
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == code
    assert b"cancelling task 1" in err
    assert b"Traceback" not in err
    assert not any(is_alive(pid) for pid in pids)
    assert console.statuses() == [(1, "cancelled")]


def test_ctrl_c_on_a_terminal_reaches_only_the_console_which_cancels_in_order(console: Console) -> None:
    script = console.script(
        "polite.sh", "trap 'echo cleaned up; exit 0' TERM; trap 'echo INT' INT; echo ready; sleep 120 & wait"
    )
    with terminal(console, "--run", script) as screen:
        screen.read_until(b"ready")
        screen.type(b"\x03")
        seen = screen.read_to_end()
        assert screen.process.wait(20) == 130
    assert b"cleaned up" in seen
    assert b"INT\r\n" not in seen


def test_a_second_ctrl_c_leaves_nothing_behind_either(console: Console) -> None:
    stubborn = "trap '' TERM INT; echo $$; while :; do sleep 0.05; done"
    for grace_s in ("1.5", "6", "24"):  # on a busy host the first may be over before the second ctrl+c is heard
        running = console.start("-c", stubborn, OPSCONSOLE_EXECUTION__GRACE_S=grace_s)
        pid = int(running.stdout.readline())  # type: ignore[union-attr]
        running.send_signal(signal.SIGINT)
        read_line_with(running.stderr, b"cancelling task")
        running.send_signal(signal.SIGINT)
        heard = any(b"still cancelling task" in line for line in running.stderr or ()) and is_alive(pid)
        running.communicate(timeout=50)
        assert running.returncode == 130
        assert not is_alive(pid)
        if heard:
            break
    assert heard


def test_what_has_not_started_never_starts(console: Console) -> None:
    running = console.start("-c", "echo ready; sleep 120", "-c", "echo never")
    read_line_with(running.stdout, b"ready")
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, b"")
    assert console.statuses() == [(1, "cancelled")]


def test_a_waiting_task_is_cancelled_at_once(console: Console) -> None:
    console.add("true", hold=True)
    running = console.start("-c", "echo never", "--after", "1")
    assert b"task 1 must succeed first" in read_line_with(running.stderr, b"waits")
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=30)[0] == b""
    assert running.returncode == 130
    assert console.statuses()[0] == (2, "cancelled")


def test_a_reader_that_does_not_read_cannot_keep_ctrl_c_from_the_runs(console: Console) -> None:
    running = console.start("-c", "echo $$ >&2; exec yes")
    pid = int(running.stderr.readline())  # type: ignore[union-attr]
    folder = console.state / "runs" / "1.1" / "stdout"
    wait_until(lambda: folder.stat().st_size > 1 << 20, "more output than the pipe holds")
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 130
    assert not is_alive(pid)
    end(running)


def test_a_caller_that_ignores_interrupts_is_respected(console: Console) -> None:
    gate = console.fifo("gate")
    running = console.shell(
        f"trap '' INT; $OC -c 'echo ready; read < {gate}; echo done' > out & "
        f"until grep -q ready out; do sleep 0.02; done; kill -INT $!; echo go > {gate}; wait $!"
    )
    assert running.returncode == 0
    assert (console.folder / "out").read_bytes() == b"ready\ndone\n"


# -- the terminal goes


def test_when_the_terminal_goes_the_run_goes_on(console: Console) -> None:
    gate, file = console.fifo("gate"), console.folder / "finished"
    with terminal(console, "-c", f"echo ready; read < {gate}; echo still here; touch {file}; exit 6") as screen:
        screen.read_until(b"ready")
        screen.hang_up()
        assert screen.process.wait(30) == 129
    gate.open()
    wait_until(file.exists, "the script going on")
    wait_until(lambda: console.statuses() == [(1, "failed")], "the end in the record")
    assert console.result(1).exit_code == 6
    assert console.run("show", "1", "--output").stdout == b"ready\nstill here\n"


def test_when_the_terminal_goes_the_rest_is_queued(console: Console) -> None:
    gate = console.fifo("gate")
    running = console.start("-c", f"echo ready; read < {gate}", "-c", "echo second", "-c", "echo third")
    read_line_with(running.stdout, b"ready")
    wait_until(lambda: console.statuses() == [(1, "running")], "the record of the start")  # output may be seen before
    running.send_signal(signal.SIGHUP)
    running.communicate(timeout=30)
    assert running.returncode == 129
    assert console.statuses() == [(3, "queued"), (2, "queued"), (1, "running")]
    gate.open()
    assert console.run("work", "--until-empty").returncode == 0
    assert [status for _, status in console.statuses()] == ["completed"] * 3


def test_with_drain_a_worker_goes_on_with_the_rest(console: Console) -> None:
    gate, file = console.fifo("gate"), console.folder / "worked off"
    variables = {"OPSCONSOLE_ON_HANGUP": "drain"}
    running = console.start("-c", f"echo ready; read < {gate}", "-c", f"touch '{file}'", **variables)
    read_line_with(running.stdout, b"ready")
    running.send_signal(signal.SIGHUP)
    running.communicate(timeout=30)
    assert running.returncode == 129
    gate.open()
    wait_until(file.exists, "the queued script")
    wait_until(lambda: {status for _, status in console.statuses()} == {"completed"}, "an empty queue")


def test_nohup_is_respected(console: Console, tmp_path: Path) -> None:
    gate = console.fifo("gate")
    done = console.shell(
        f"nohup $OC -c 'echo ready; read < {gate}; echo done' > out 2> err & "
        f"until grep -q ready out; do sleep 0.02; done; kill -HUP $!; echo go > {gate}; wait $!"
    )
    assert done.returncode == 0
    assert (tmp_path / "out").read_bytes() == b"ready\ndone\n"
