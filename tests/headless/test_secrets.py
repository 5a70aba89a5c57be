"""Sentinel secrets through every surface: they stay in the run's own files and in a byte-exact pipe."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from headless_console import Console, ndjson, terminal, wait_until
from textual.pilot import Pilot

from opsconsole.engine import Engine
from opsconsole.models import TaskSpec
from opsconsole.settings import ExecutionSettings, RedactionSettings, Settings
from opsconsole.tui.app import ConsoleApp
from tests.tui.waiting import output, shown, started, until

OURS = "sentinel/Ours+1a2b3c"  # in the console's environment, under a name that tells
GIVEN = "sentinel given & 4d5e6f"  # by --env, under one that does not
NAMED = "sentinelnamedplain"  # by the setting redaction.values_from
GUESSED = "ghp_" + "Sentinel0guessed9" * 2 + "ab"  # nobody told us: a rule finds it
WORD = "sentinelword77"  # behind --password
SENTINELS = (OURS, GIVEN, NAMED, GUESSED, WORD)

SPELT = {
    spelling.encode()
    for one in SENTINELS
    for spelling in (
        one,
        quote(one, safe=""),
        one.encode().hex(),
        json.dumps(one)[1:-1],
        *(base64.b64encode(b"x" * shift + one.encode())[4:-4].decode() for shift in range(3)),
    )
}

SCRIPT = f"""# a note with {GUESSED}
printf 'begin %s end\\n' "$DEPLOY_TOKEN"
for part in "${{PLAIN:0:5}}" "${{PLAIN:5:7}}" "${{PLAIN:12}}"; do printf %s "$part"; sleep 0.15; done; echo
printf %s "user:$DEPLOY_TOKEN" | base64
printf %s "x$PLAIN" | od -An -tx1 | tr -d ' \\n'; echo
echo "url: {quote(OURS, safe="")}" >&2
echo "oops: $NAMED_ONE and password={WORD}" >&2
echo "harmless words stay findable"
"""


@pytest.fixture
def secret_console(console: Console) -> Console:
    console.environment |= {"DEPLOY_TOKEN": OURS, "NAMED_ONE": NAMED}
    (console.folder / "config.toml").write_text('[redaction]\nvalues_from = ["NAMED_ONE"]\n')
    return console


def stranger(console: Console) -> Console:
    """Another console on the same record, which knows none of the values."""
    other = Console(console.folder)
    other.environment = {key: value for key, value in console.environment.items() if "sentinel" not in value}
    other.environment["OPSCONSOLE_CONFIG"] = os.devnull
    return other


def leaks(data: bytes) -> list[bytes]:
    folded = data.lower()
    return sorted(spelling for spelling in SPELT if spelling in data or spelling.lower() in folded)


def run_it(console: Console) -> subprocess.CompletedProcess[bytes]:
    name = console.script(f"{GUESSED}.sh", SCRIPT)
    return console.run(
        "--run",
        name,
        "--env",
        f"PLAIN={GIVEN}",
        "--label",
        f"note={OURS}",
        "--reason",
        f"because of {OURS}",
        "--",
        "--password",
        WORD,
        f"--with={OURS}",
    )


def test_only_the_runs_own_files_and_the_pipe_hold_a_secret(secret_console: Console) -> None:
    console = secret_console
    done = run_it(console)
    assert done.returncode == 0
    assert f"begin {OURS} end\n{GIVEN}\n".encode() in done.stdout, "a pipe is byte-exact"
    assert WORD.encode() in done.stderr

    holding = {
        str(path.relative_to(console.state))
        for path in console.state.rglob("*")
        if path.is_file() and leaks(path.read_bytes())
    }
    own = {name for name in holding if name.startswith(("runs/1.1/stdout", "runs/1.1/stderr", "runs/1.1/script"))}
    private = {name for name in holding if name.startswith("scripts/")}
    assert len(private) == 1
    assert holding == own | private
    assert all((console.state / name).stat().st_mode & 0o077 == 0 for name in holding)
    assert not list((console.state / "environments").iterdir())
    with closing(sqlite3.connect(console.state / "opsconsole.db")) as c:
        everything = "\n".join(c.iterdump())
    assert leaks(everything.encode()) == []


@pytest.mark.parametrize("who", ["the same console", "a stranger"])
def test_no_command_shows_one(secret_console: Console, who: str) -> None:
    run_it(secret_console)
    console = secret_console if who == "the same console" else stranger(secret_console)
    for words in (
        ["show", "1"],
        ["show", "1", "--json"],
        ["show", "1", "--timing"],
        ["history"],
        ["history", "--json"],
        ["history", "--grep", "findable"],
        ["queue", "list", "--json"],
    ):
        done = console.run(*words)
        assert done.returncode == 0, done.stderr
        assert leaks(done.stdout + done.stderr) == [], words
    for words in (["show", "1", "--output"], ["show", "1", "--script"], ["show", "1.1"]):
        with terminal(console, *words) as screen:
            seen = screen.read_to_end()
        assert leaks(seen.replace(b"\r\n", b"\n")) == [], words
        assert b"redacted:" in seen


def test_a_terminal_shows_a_run_without_them_while_it_runs(secret_console: Console) -> None:
    name = secret_console.script("live.sh", SCRIPT)
    with terminal(secret_console, "--run", name, "--env", f"PLAIN={GIVEN}", "--", "--password", WORD) as screen:
        seen = screen.read_to_end()
    assert leaks(seen.replace(b"\r\n", b"\n")) == []
    for mark in (
        b"begin [redacted:DEPLOY_TOKEN] end",
        b"[redacted:PLAIN]",
        b"[redacted:NAMED_ONE] and password=[redacted:",
    ):
        assert mark in seen
    assert b"harmless words stay findable" in seen


def test_what_was_printed_is_found_by_its_words_but_not_by_its_secrets(secret_console: Console) -> None:
    run_it(secret_console)
    assert [task["task_id"] for task in secret_console.objects("history", "--grep", "oops harmless")] == [1]
    for secret in ("sentinelword77", NAMED, "Sentinel0guessed9"):
        assert secret_console.objects("history", "--grep", secret) == []


def test_the_exact_bytes_run_and_can_run_again(secret_console: Console) -> None:
    console = secret_console
    first = console.run("-c", f"printf %s {GUESSED}", "--json")
    assert leaks(first.stdout) == []
    assert ndjson(first.stdout)[0]["name"] == "printf %s [redacted:github-token]"
    assert console.run("show", "1", "--stdout").stdout == GUESSED.encode()
    assert console.run("show", "1", "--script").stdout == f"printf %s {GUESSED}".encode()
    again = console.run("queue", "retry", "1")
    assert again.returncode == 0
    console.run("work", "--until-empty")
    assert console.run("show", "2", "--stdout").stdout == GUESSED.encode()


def test_words_that_held_a_secret_are_gone_after_the_end_and_a_retry_says_so(secret_console: Console) -> None:
    console = secret_console
    assert console.run("-c", 'printf %s "$2"', "--", "--password", WORD).stdout == WORD.encode()
    again = console.run("queue", "retry", "1")
    assert again.returncode == 2
    assert b"args of task 1 held a secret" in again.stderr


def test_messages_and_plans_do_not_show_one(secret_console: Console) -> None:
    console = secret_console
    for words in (
        ["--run", f"missing-{GUESSED}"],
        ["--run", f"x-{OURS}"],
        ["history", "--since", OURS],
        ["-c", f"echo {GUESSED}", "--dry-run", "--", "--password", WORD],
        ["-c", f"echo {GUESSED}", "--dry-run", "--json"],
        ["-c", "true", "--cwd", f"/{NAMED}"],
        ["-c", "true", "--env", f"PLAIN={GIVEN}", "--cwd", f"/{GIVEN}"],
    ):
        done = console.run(*words)
        assert leaks(done.stdout + done.stderr) == [], words
        assert b"redacted" in done.stdout + done.stderr, words


def test_a_process_that_carries_one_in_its_name_is_named_without_it(secret_console: Console) -> None:
    program = f"import ctypes, time; ctypes.CDLL(None).prctl(15, b'{NAMED}', 0, 0, 0); time.sleep(60)"
    script = (
        'python3 -c "$1" >/dev/null 2>&1 & '
        f"for i in $(seq 500); do grep -q {NAMED[:15]} /proc/$!/comm && exit; sleep 0.05; done"
    )
    done = secret_console.run("-c", script, "--kill-leftovers", "--json", "--", program)
    assert b"after its end" in done.stderr
    assert leaks(done.stdout + done.stderr) == []
    assert NAMED[:10].encode() not in done.stdout + done.stderr


def test_clean_up_takes_the_private_script_and_the_index_with_the_task(secret_console: Console) -> None:
    console = secret_console
    run_it(console)
    console.run("-c", "true")
    assert len(list((console.state / "scripts").iterdir())) == 1
    cleaned = console.run("history", "clean", OPSCONSOLE_HISTORY__KEEP_TASKS="1")
    assert b"1 tasks removed" in cleaned.stdout
    assert not list((console.state / "scripts").iterdir())
    with closing(sqlite3.connect(console.state / "opsconsole.db")) as c:
        assert c.execute("SELECT count(*) FROM output").fetchone()[0] == 0
        assert c.execute("SELECT count(*) FROM output_text WHERE output_text MATCH 'harmless'").fetchone()[0] == 0


def test_the_files_are_rewritten_without_secrets_when_that_is_asked_for(secret_console: Console) -> None:
    console = secret_console
    name = console.script("rest.sh", SCRIPT + "printf 'x%.0s' $(seq 1 50)\n")
    done = console.run("--run", name, "--env", f"PLAIN={GIVEN}", OPSCONSOLE_EXECUTION__REDACT_AT_REST="true")
    assert f"begin {OURS} end".encode() in done.stdout, "the pipe is byte-exact all the same"
    folder = console.state / "runs" / "1.1"
    wait_until(lambda: leaks((folder / "stdout").read_bytes()) == [], "stdout is rewritten")
    assert leaks((folder / "stderr").read_bytes()) == []
    shown = console.run("show", "1", "--output").stdout
    files = [(folder / name).read_bytes() for name in ("stdout", "stderr")]
    assert files[0].startswith(b"begin [redacted:DEPLOY_TOKEN] end\n") and files[0].endswith(b"\n" + b"x" * 50)
    assert sorted(shown) == sorted(b"".join(files)), "all of both; which pipe was read first is the machine's affair"
    result = console.objects("show", "1")[0]["output"]
    assert result["redacted"] and result["stdout_bytes"] == (folder / "stdout").stat().st_size


def test_what_is_cut_out_of_the_middle_shows_no_half_of_a_secret(secret_console: Console) -> None:
    script = f'for i in $(seq 400); do printf "%s\\n" "{GUESSED} {OURS}"; done'
    secret_console.run("-c", script, "--limit", "output=5000")
    with terminal(secret_console, "show", "1", "--output") as screen:
        seen = screen.read_to_end()
    for one in (GUESSED, OURS):
        assert one[:8].encode() not in seen and one[-8:].encode() not in seen


async def test_events_and_errors_of_the_engine_hold_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", OURS)
    heard: list[object] = []
    settings = Settings(redaction=RedactionSettings(), execution=ExecutionSettings(grace_s=0.2))
    async with Engine(settings, state_dir=tmp_path / "state") as engine:
        engine.subscribe(heard.append)
        await engine.run(TaskSpec(script=f"echo {OURS}; exit 3", reason=f"for {OURS}", labels={"k": OURS}))
        await engine.run(TaskSpec(argv=("/nowhere/" + GUESSED, OURS)))
    assert heard
    assert leaks(repr(heard).encode()) == []


async def test_the_screen_and_its_picture_show_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", OURS)
    monkeypatch.setenv("NAMED_ONE", NAMED)
    settings = Settings(redaction=RedactionSettings(values_from=("NAMED_ONE",)))
    state = tmp_path / "state"
    app = ConsoleApp(
        lambda: Engine(settings, state_dir=state, door="tui"), settings, host="here", user="me", start="tasks"
    )

    def look(pilot: Pilot[object]) -> None:
        assert leaks(shown(pilot).encode()) == []
        assert leaks(app.export_screenshot().replace("&#160;", " ").encode()) == []

    told: list[str] = []

    def about_the_file() -> str:
        told.extend(notification.message for notification in app._notifications)
        return next((message for message in told if message.startswith("cannot open")), "")

    try:
        async with app.run_test(size=(160, 40)) as pilot:
            await started(pilot)
            assert app.engine is not None
            task = await app.engine.submit(
                TaskSpec(script=SCRIPT, name=f"deploy {OURS}", env={"PLAIN": GIVEN}, labels={"note": NAMED})
            )
            await until(pilot, lambda: "begin" in shown(pilot))
            look(pilot)
            await app.engine.wait(task.id)
            await until(pilot, lambda: output(pilot).line_count >= 7)
            look(pilot)
            app.tell(f"cannot open /{OURS}: no such file", "error")
            await until(pilot, about_the_file)
            look(pilot)
            assert about_the_file() == "cannot open /[redacted:DEPLOY_TOKEN]: no such file"
            assert "redacted:" in shown(pilot)
    finally:
        await app.link.close()
