"""`history` and `show`: what the record says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from headless_console import Console, ndjson, terminal

from opsconsole.cli.main import main
from opsconsole.cli.wording import parse_moment
from opsconsole.errors import UsageError

HOUR_US = 3_600_000_000


pytestmark = pytest.mark.xdist_group("the record is made once")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Four tasks: completed, failed with 3 and labelled, refused, queued."""
    console = Console(tmp_path_factory.mktemp("record"))
    console.run("-c", "echo alpha; echo error >&2", "--name", "backup home")
    console.run("-c", "echo needle; exit 3", "--name", "backup etc", "--label", "team=ops", "--label", "x=1")
    console.run("-c", "true", "--policy", "safe", "--writable", "/srv", "--name", "looking")
    console.add("true", name="later")
    return console


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], [4, 3, 2, 1]),
        (["--limit", "2"], [4, 3]),
        (["--limit", "2", "--before", "3"], [2, 1]),
        (["--status", "failed"], [2]),
        (["--status", "failed,completed"], [2, 1]),
        (["--status", "failed", "--status", "refused"], [3, 2]),
        (["--name", "backup"], [2, 1]),
        (["--name", "backup*", "--exit-code", "0"], [1]),
        (["--exit-code", "3"], [2]),
        (["--policy", "safe"], [3]),
        (["--text", "needle"], [2]),
        (["--since", "1h"], [4, 3, 2, 1]),
        (["--until", "1h"], []),
        (["--since", "2020-01-01T00:00:00Z", "--until", "2021-01-01"], []),
        (["--label", "team=ops"], [2]),
        (["--label", "team"], [2]),
        (["--label", "team=dev"], []),
        (["--door", "tui"], []),
        (["--host", "elsewhere"], []),
        (["--actor", "nobody-we-know"], []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value and isinstance(value[0], str) else None,
)
def test_filters(
    record: Console,
    words: list[str],
    ids: list[int],
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(record.state))
    assert main(["history", "--json", *words]) == 0
    assert [task["task_id"] for task in ndjson(capfdbinary.readouterr().out)] == ids


def test_an_object_has_every_field_of_the_contract(record: Console) -> None:
    fields = re.findall(
        r"\w+",
        "execution_id task_id name status exit_code signal reason policy containment verdict findings attempt attempts "
        "queued_at started_at finished_at duration_s metrics output script_sha256",
    )
    for words in (["history"], ["show", "2"], ["show", "2.1"], ["queue", "list"]):
        assert all(set(fields) <= set(task) for task in record.objects(*words))


def test_the_table_for_people(record: Console) -> None:
    lines = record.run("history").stdout.decode().splitlines()
    assert lines[0].split() == ["ID", "STATUS", "CODE", "QUEUED", "TOOK", "NAME", "BY", "VIA"]
    assert lines[3].split()[:3] == ["2", "failed", "3"]
    assert "backup etc" in lines[3]


def test_colours_only_on_a_terminal_that_wants_them(record: Console) -> None:
    with terminal(record, "history") as screen:
        assert b"\x1b[31mfailed\x1b[0m" in screen.read_to_end()
    with terminal(record, "history", NO_COLOR="1") as screen:
        assert b"\x1b" not in screen.read_to_end()


def test_statistics(record: Console) -> None:
    [numbers] = ndjson(record.run("history", "--stats", "--json").stdout)
    assert numbers["total"] == 4
    assert numbers["by_status"] == {"completed": 1, "failed": 1, "refused": 1, "queued": 1}
    assert numbers["success_rate"] == 0.5
    people = record.run("history", "--stats", "--name", "backup").stdout.decode().splitlines()
    assert people[0].split() == ["tasks", "2"]
    assert ["success", "rate", "50.0%"] in [line.split() for line in people]


def test_show_for_people(record: Console) -> None:
    shown = record.run("show", "2").stdout.decode()
    facts = {line[:16].strip(): line[16:] for line in shown.splitlines()}
    assert facts["status"] == "failed"
    assert facts["exit code"] == "3"
    assert facts["labels"] == "team=ops, x=1"
    assert Path(facts["stdout"].rpartition(" in ")[2]).read_bytes() == b"needle\n"
    assert facts["means to kill"].endswith(" (not used)") and "killed by" not in facts
    assert facts["limits"].startswith("timeout 5 min") and facts["folder"] and "arguments" not in facts
    assert "waits for" not in record.run("show", "1").stdout.decode()


@pytest.mark.parametrize(("id", "why"), [("3", "it never ran"), ("4", "it has not run yet")])
def test_the_usage_of_what_did_not_run_says_so(record: Console, id: str, why: str) -> None:
    done = record.run("show", id, "--usage")
    assert (done.returncode, done.stdout) == (0, b"")
    assert f"no samples: {why}" in done.stderr.decode()


def test_show_script_and_streams(record: Console) -> None:
    assert record.run("show", "2", "--script").stdout == b"echo needle; exit 3"
    assert record.run("show", "1", "--stderr").stdout == b"error\n"
    assert record.run("show", "3", "--output").stdout == b""


@pytest.mark.parametrize("wrong", ["99", "2.9", "x", "-1", "2.", "99999999999999999999"])
def test_show_of_what_is_not_there_is_2(record: Console, wrong: str) -> None:
    done = record.run("show", "--", wrong) if wrong.startswith("-") else record.run("show", wrong)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr


def test_a_reader_that_leaves_a_listing_is_quiet(record: Console) -> None:
    done = record.shell(
        "for n in 1 2 3; do $OC history --json; done | head -c 1; echo; $OC config | head -1 > /dev/null"
    )
    assert done.stderr == b""


def test_history_of_a_state_directory_that_was_never_used_is_empty(console: Console) -> None:
    done = console.run("history", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_database_moved_aside_is_said(console: Console) -> None:
    console.state.mkdir(mode=0o700)
    (console.state / "opsconsole.db").write_bytes(b"this is no database at all" * 100)
    done = console.run("history", "--json")
    assert done.returncode == 0
    assert b"moved to" in done.stderr


def test_times_as_people_write_them() -> None:
    now = 1_000 * HOUR_US
    assert parse_moment("2h", now) == now - 2 * HOUR_US
    assert parse_moment("0.5d", now) == now - 12 * HOUR_US
    assert parse_moment("1970-01-01T01:00:00Z", now) == HOUR_US
    assert parse_moment("1970-01-01T01:00:00+01:00", now) == 0
    with pytest.raises(UsageError):
        parse_moment("yesterday", now)


def test_every_line_of_json_is_one_object_even_with_newlines_in_names(console: Console) -> None:
    console.run("-c", "true", "--name", "two\nlines")
    done = console.run("history", "--json")
    assert json.loads(done.stdout)["name"] == "two\nlines"
