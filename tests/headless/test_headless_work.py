"""`work`, and what is handed over to it."""

from __future__ import annotations

import re
import signal

from headless_console import Console, ndjson, read_line_with, wait_until


def test_detach_prints_the_id_and_somebody_runs_it(console: Console) -> None:
    gate, file = console.fifo("gate"), console.folder / "done"
    text = f"read < {gate}; touch {file}"
    handed_over = console.run("-c", text, "--detach")
    assert (handed_over.returncode, handed_over.stdout, handed_over.stderr) == (0, b"1\n", b"")
    gate.open()
    wait_until(file.exists, "the detached script")
    wait_until(lambda: (1, "completed") in console.statuses(), "its end in the record")


def test_detach_of_what_is_refused_is_said_at_once(console: Console) -> None:
    refused = ("-c", "true", "--policy", "safe", "--writable", "/srv", "--detach")
    done = console.run(*refused)
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"refused" in done.stderr
    assert ndjson(console.run(*refused, "--json").stdout)[0]["status"] == "refused"


def untimed(line: str) -> str:
    """Without how long it took: how long that is, is the machine's affair."""
    return re.sub(r", [0-9.]+m?s$", "", line)


def test_a_worker_leaves_when_all_is_done_and_tells_starts_and_ends(console: Console) -> None:
    console.add("echo one", name="first")
    console.add("exit 3", name="second")
    console.add("echo held", hold=True)
    done = console.run("work", "--until-empty")
    assert (done.returncode, done.stdout) == (0, b"")
    told = done.stderr.decode().splitlines()
    assert sorted(map(untimed, told)) == [
        "opsconsole: 1 first: completed",
        "opsconsole: 1 first: started",
        "opsconsole: 2 second: failed, exit code 3",
        "opsconsole: 2 second: started",
    ]
    assert (3, "waiting") in console.statuses()


def test_a_worker_waits_for_a_retry_that_is_due_later(console: Console) -> None:
    console.add('[ "$OPSCONSOLE_EXEC_ID" = 1.2 ]', retries=1, name="twice")
    done = console.run("work", "--until-empty", OPSCONSOLE_RETRY__BASE_S="0.3")
    assert done.returncode == 0
    assert [untimed(line.partition("twice: ")[2]) for line in done.stderr.decode().splitlines()] == [
        "started",
        "failed, exit code 1",
        "started",
        "completed",
    ]


def test_a_worker_that_is_told_to_leave_leaves_the_runs_running(console: Console) -> None:
    gate = console.fifo("gate")
    console.add(f"read < {gate}; exit 4")
    worker = console.start("work")
    read_line_with(worker.stderr, b"started")
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=20)
    assert worker.returncode == 143
    assert (1, "running") in console.statuses()
    successor = console.start("work", "--until-empty")
    assert b"1 read" in read_line_with(successor.stderr, b"taken over, it is running")
    gate.open()
    assert b"failed, exit code 4" in successor.communicate(timeout=20)[1]
    assert successor.returncode == 0


def test_a_worker_whose_terminal_goes_hands_on_when_it_shall_drain(console: Console) -> None:
    gate, file = console.fifo("gate"), console.folder / "done"
    console.add(f"read < {gate}; touch {file}")
    worker = console.start("work", OPSCONSOLE_ON_HANGUP="drain")
    read_line_with(worker.stderr, b"started")
    console.add("true", after=1)
    worker.send_signal(signal.SIGHUP)
    worker.communicate(timeout=20)
    assert worker.returncode == 129
    gate.open()
    wait_until(lambda: (2, "completed") in console.statuses(), "the worker that went on")
    assert file.exists()
