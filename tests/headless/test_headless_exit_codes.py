"""What `--run` exits with: every row of the contract, from a real process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from headless_console import Console, ndjson, read_line_with

from opsconsole.cli import diagnostics
from opsconsole.cli.main import main

USAGE = [
    ["--run"],
    ["--no-such-option"],
    ["--policy", "standard"],
    ["-c", "true", "--policy", "reckless"],
    ["-c", "true", "--priority", "urgent"],
    ["-c", "true", "--timeout", "soon"],
    ["-c", "true", "--timeout", "3601"],
    ["-c", "true", "--timeout", "0"],
    ["-c", "true", "--retries", "4"],
    ["-c", "true", "--jobs", "0"],
    ["-c", "true", "--jobs", "2", "--detach"],
    ["-c", "true", "--stdin", "-", "--detach"],
    ["-c", "true", "-c", "true", "--stdin", "-"],
    ["-c", "true", "--stdin", "-", "--retries", "1"],
    ["--run", "-", "--stdin", "-"],
    ["--run", "-", "--run", "-"],
    ["-c", "true", "-c", "true", "--name", "both"],
    ["-c", "true", "--limit", "speed=9"],
    ["-c", "true", "--limit", "output=lots"],
    ["-c", "true", "--limit", "pids=none"],
    ["-c", "true", "--limit", "cpu=0%"],
    ["-c", "true", "--limit", "output"],
    ["-c", "true", "--env", "NO_SUCH_VARIABLE_HERE"],
    ["-c", "true", "--label", "=x"],
    ["-c", "true", "--polic", "standard"],
    ["nonsense"],
    ["works"],
    ["work", "--for-ever"],
    ["work", "--", "x"],
    ["queue"],
    ["queue", "cancel"],
    ["queue", "cancel", "x"],
    ["queue", "add"],
    ["queue", "add", "-c", "true", "--stdin", "-"],
    ["queue", "priority", "sometimes", "1"],
    ["history", "--since", "long ago"],
    ["history", "--status", "fine"],
    ["show"],
]


@pytest.mark.parametrize("words", USAGE, ids=" ".join)
def test_what_makes_no_sense_is_2_with_one_message_and_nothing_on_stdout(
    words: list[str], capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path / "state"))
    code = main(words)
    out, err = capfdbinary.readouterr()
    assert (code, out) == (2, b"")
    assert err.startswith(b"opsconsole: ")
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("text", "options", "code", "told"),
    [
        ("exit 0", [], 0, b""),
        ("exit 7", [], 7, b""),
        ("exit 124", [], 124, b""),
        ("kill -KILL $$", [], 137, b"ended by SIGKILL"),
        ("kill -40 $$", [], 168, b"ended by SIGRT40"),
        ("sleep 30", ["--timeout", "0.2"], 124, b"ran longer than 0.2 s"),
        ("kill -KILL $PPID; sleep 30", [], 125, b"the supervisor died"),
        ("true", ["--policy", "safe", "--writable", "/srv"], 126, b"safe changes nothing"),
        ("true", ["--policy", "restricted", "--writable", "/"], 126, b"undo the containment"),
        ("true", ["--policy", "elevated"], 126, b"--yes --reason"),
        ("true", ["--limit", "memory=1"], 126, b"memory"),
        ("#!/opt/bin/cobol\n", [], 127, b"cobol"),
    ],
)
def test_each_ending_has_its_code(console: Console, text: str, options: list[str], code: int, told: bytes) -> None:
    done = console.run("-c", text, *options, OPSCONSOLE_EXECUTION__GRACE_S="0.2")
    assert done.returncode == code
    assert told in done.stderr
    assert b"Traceback" not in done.stderr
    assert bool(done.stderr) == bool(told)


@pytest.mark.skipif(shutil.which("pwsh") is not None, reason="this host has PowerShell")
def test_a_missing_interpreter_is_127_and_says_what_to_install(console: Console) -> None:
    done = console.run("--run", console.script("status.ps1", "Get-Date"))
    assert done.returncode == 127
    assert b"install PowerShell" in done.stderr


def test_of_several_scripts_none_runs_when_one_cannot_be_read(console: Console) -> None:
    done = console.run("-c", "echo ran", "--run", "absent.sh")
    assert (done.returncode, done.stdout) == (127, b"")
    assert b"absent.sh cannot be read: no such file" in done.stderr


def test_a_directory_is_no_script(console: Console) -> None:
    assert console.run("--run", console.folder).returncode == 127


@pytest.mark.skipif(os.geteuid() != 0, reason="elevated needs root here")
def test_elevated_runs_when_it_is_confirmed_with_a_reason(console: Console) -> None:
    done = console.run("-c", "id -u", "--policy", "elevated", "--yes", "--reason", "a test")
    assert (done.returncode, done.stdout) == (0, b"0\n")


def test_a_state_directory_that_cannot_be_used_is_125(console: Console) -> None:
    console.state.write_text("in the way")
    done = console.run("-c", "true")
    assert done.returncode == 125
    assert done.stderr.startswith(b"opsconsole: the state directory")
    assert b"\n  hint: " in done.stderr


def test_a_wrong_setting_is_2_and_names_the_nearest(console: Console) -> None:
    done = console.run("-c", "true", OPSCONSOLE_EXECUTION__TIMEOUTS="3")
    assert done.returncode == 2
    assert b"OPSCONSOLE_EXECUTION__TIMEOUT_S" in done.stderr


def test_of_several_the_first_that_is_not_0_in_the_order_given(console: Console) -> None:
    gate = console.fifo("gate")
    slow = f"read < {gate}; exit 3"
    quick = f"echo go > {gate}; exit 4"
    assert console.run("-c", "exit 0", "-c", slow, "-c", quick, "--jobs", "3").returncode == 3


def test_cancelled_from_another_terminal_is_130(console: Console) -> None:
    gate = console.fifo("gate")
    running = console.start("-c", f"echo ready; read < {gate}")
    read_line_with(running.stdout, b"ready")
    assert console.run("queue", "cancel", "1").returncode == 0
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"cancelled" in err


def test_a_failure_is_retried_and_the_last_attempt_counts(console: Console) -> None:
    text = 'echo "$OPSCONSOLE_EXEC_ID"; [ "$OPSCONSOLE_EXEC_ID" != 1.1 ] || exit 9'
    done = console.run("-c", text, "--retries", "1", OPSCONSOLE_RETRY__BASE_S="0.05")
    assert (done.returncode, done.stdout) == (0, b"1.1\n1.2\n")
    assert b"attempt 1: exit code 9; it will be tried again" in done.stderr
    assert [(o["attempt"], o["exit_code"]) for o in console.objects("show", "1", "--attempts")] == [(2, 0), (1, 9)]


def test_a_defect_of_ours_is_125_with_the_traceback_in_the_log_only(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError("as a test")

    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("opsconsole.cli.config.run", broken)
    assert main(["config"]) == 125
    err = capfdbinary.readouterr().err
    assert b"ZeroDivisionError: as a test" in err
    assert b"Traceback" not in err
    assert "Traceback" in (tmp_path / "console.log").read_text()


def test_windows_is_told_that_execution_is_not_supported(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert main(["--run", "x.ps1"]) == 125
    assert b"execution is not supported on Windows" in capfdbinary.readouterr().err


def test_signal_names_become_numbers() -> None:
    assert [diagnostics.signal_number(name) for name in ("SIGKILL", "SIGRT40", "SIGNONSENSE")] == [9, 40, 0]


def test_json_has_every_ending_as_one_object(console: Console) -> None:
    done = console.run("-c", "echo out; exit 3", "-c", "true", "--json")
    assert [(o["status"], o["exit_code"]) for o in ndjson(done.stdout)] == [("failed", 3), ("completed", 0)]
    assert (done.returncode, done.stderr) == (3, b"")
    refused = console.run("-c", "true", "--policy", "safe", "--writable", "/srv", "--json")
    assert [(o["status"], o["verdict"]) for o in ndjson(refused.stdout)] == [("refused", "refuse")]
    assert refused.returncode == 126
