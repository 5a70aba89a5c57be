"""Policies as a user meets them: exit codes, what is said, what is recorded."""

from __future__ import annotations

import json

import pytest
from headless_console import Console

SANDBOXED = ["--policy", "restricted"]


def test_a_hidden_command_is_refused_at_its_place(console: Console) -> None:
    ended = console.run("-c", "echo $(rm -rf /)", "--policy", "safe")
    assert ended.returncode == 126 and ended.stdout == b""
    assert b"line 1, column 8" in ended.stderr


def test_a_refusal_is_recorded_with_its_findings(console: Console) -> None:
    ended = console.run("-c", "ls > out", "--policy", "safe", "--json")
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["status"], told["verdict"]) == (126, "refused", "refuse")
    assert told["findings"][0]["rule"] == "writes-a-file"
    assert {"kind": "write", "target": "out"}.items() <= told["effects"][0].items()
    shown = json.loads(console.run("history", "--json").stdout)
    assert (shown["id"] if "id" in shown else shown["task_id"]) == told["task_id"]


@pytest.mark.parametrize("policy", ["standard", "restricted"])
def test_a_catastrophe_is_refused_until_it_is_named(console: Console, policy: str) -> None:
    script = "true || mkfs.ext4 /dev/sdz9"
    assert console.run("-c", script, "--policy", policy, "--yes").returncode == 126
    ended = console.run("-c", script, "--policy", policy, "--allow", "disk-format", "--dry-run")
    assert ended.returncode == 0


def test_an_error_needs_yes_and_a_warning_nothing(console: Console) -> None:
    dangerous = 'X=$(true); true || rm -rf "$X/"'
    assert console.run("-c", dangerous).returncode == 126
    assert console.run("-c", dangerous, "--yes").returncode == 0
    assert console.run("-c", "cd /tmp; echo *").returncode == 0


def test_a_dry_run_says_what_the_script_does(console: Console) -> None:
    told = json.loads(console.run("-c", "cat /etc/hosts; rm -r ./build", "--dry-run", "--json").stdout)
    assert any(phrase.startswith("deletes ./build") for phrase in told["summary"])
    assert b"reads /etc/hosts" in console.run("-c", "cat /etc/hosts", "--dry-run").stdout


def test_a_door_has_a_ceiling(console: Console) -> None:
    (console.folder / "config.toml").write_text('[doors.headless]\nmax_policy = "safe"\n')
    ended = console.run("-c", "true")
    assert ended.returncode == 126 and b"doors.headless.max_policy" in ended.stderr


def test_a_door_takes_so_many_a_minute(console: Console) -> None:
    (console.folder / "config.toml").write_text("[doors.headless]\nsubmissions_per_minute = 2\n")
    assert [console.run("-c", "true").returncode for _ in range(2)] == [0, 0]
    third = console.run("-c", "true")
    assert third.returncode == 125 and b"submissions_per_minute" in third.stderr


def test_a_site_teaches_a_command(console: Console) -> None:
    folder = console.folder / "commands.d"
    folder.mkdir()
    (folder / "own.toml").write_text('[uptime-of-ours]\nabout = "shows"\n')
    assert console.run("-c", "uptime-of-ours", "--policy", "safe", "--dry-run").returncode in (0, 126)
    allowed = json.loads(console.run("-c", "uptime-of-ours", "--policy", "safe", "--dry-run", "--json").stdout)
    assert "uptime-of-ours" not in (allowed["reason"] or "")
