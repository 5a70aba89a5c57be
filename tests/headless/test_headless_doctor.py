"""`doctor`, `config` and `--dry-run`: what would be, without doing anything."""

from __future__ import annotations

import os
import shutil

from headless_console import Console, ndjson

from opsconsole.settings import documented


def test_doctor_names_what_is_there_and_what_is_missing(console: Console) -> None:
    [facts] = ndjson(console.run("doctor", "--json").stdout)
    assert facts["healthy"] is True
    topics = {"platform", "state", "interpreters", "killing", "limits", "tools", "policies", "redaction", "monitor"}
    assert set(facts) == {"healthy", *topics}
    runs = {fact["name"]: fact["state"] for fact in facts["policies"]}
    assert (runs["safe"], runs["restricted"], runs["standard"]) == ("ok", "ok", "ok")
    found = {fact["name"]: fact for fact in facts["interpreters"]}
    assert found["bash"]["state"] == "ok"
    assert (found["powershell"]["state"] == "ok") == (shutil.which("pwsh") is not None)
    assert all(fact["remedy"] for fact in facts["tools"] if fact["state"] == "missing")


def test_doctor_changes_nothing(console: Console) -> None:
    assert console.run("doctor").returncode == 0
    assert not console.state.exists()


def test_doctor_looks_at_the_state_directory(console: Console) -> None:
    console.run("-c", "true")
    people = console.run("doctor")
    assert people.returncode == 0
    assert b"check: ok" in people.stdout
    console.state.chmod(0o755)
    [facts] = ndjson(console.run("doctor", "--json").stdout)
    state = {fact["name"]: fact for fact in facts["state"]}
    assert state["directory"]["details"]["uid"] == os.geteuid()
    assert state["database"]["details"]["quick_check"] == "ok"


def test_doctor_says_when_something_keeps_scripts_from_running(console: Console) -> None:
    console.run("-c", "true")
    least = console.run("doctor", OPSCONSOLE_EXECUTION__MIN_FREE="900000T")
    assert least.returncode == 125
    assert b"nothing starts below" in least.stdout
    (console.state / "opsconsole.db").write_bytes(b"no database" * 1000)
    for side in ("opsconsole.db-wal", "opsconsole.db-shm"):
        (console.state / side).unlink(missing_ok=True)
    assert console.run("doctor").returncode == 125


def test_config_lists_every_setting_with_its_documentation(console: Console) -> None:
    (console.folder / "config.toml").write_text("[execution]\nconcurrency = 3\n")
    rows = console.objects("config")
    assert [row["setting"] for row in rows] == [name for name, _, _ in documented()]
    assert all(row["meaning"] for row in rows)
    [changed] = [row for row in rows if row["value"] != row["default"]]
    assert (changed["setting"], changed["value"]) == ("execution.concurrency", 3)
    assert b"* execution.concurrency = 3  (default 8)" in console.run("config").stdout


def test_a_dry_run_tells_and_runs_nothing(console: Console) -> None:
    file = console.folder / "touched"
    script = console.script("touch.sh", f"#!/bin/sh\ntouch {file}\n")
    done = console.run("--run", script, "--dry-run", "--timeout", "9")
    assert done.returncode == 0
    assert b"would run     yes" in done.stdout
    [told] = console.objects("--run", script, "--dry-run", "--timeout", "9")
    assert (told["interpreter"], told["containment"]["limits"]["timeout_s"]) == ("sh", 9.0)
    assert not file.exists()
    assert not console.state.exists()


def test_a_dry_run_exits_as_the_run_would(console: Console) -> None:
    refused = console.run("-c", "true", "--dry-run", "--policy", "safe", "--writable", "/srv", "--json")
    assert refused.returncode == 126
    assert ndjson(refused.stdout)[0]["verdict"] == "refuse"
    assert console.run("-c", "#!/opt/cobol\n", "--dry-run").returncode == 127
