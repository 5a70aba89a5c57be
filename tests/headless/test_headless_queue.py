"""`queue` and `pin`: tasks added and steered from any terminal."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from headless_console import Console, ndjson, read_line_with, terminal, wait_until

from opsconsole.host import actor, host_name


def test_add_prints_the_id_and_says_when_nobody_is_there_to_run_it(console: Console) -> None:
    script = console.script("nightly.sh", 'echo "$1"')
    added = console.run("queue", "add", script, "--label", "kind=backup", "--priority", "low", "--", "argument")
    assert (added.returncode, added.stdout) == (0, b"1\n")
    assert b"no console is alive" in added.stderr
    [task] = console.objects("queue", "list")
    assert (task["name"], task["status"], task["priority"]) == ("nightly.sh", "queued", "low")
    assert task["origin"]["labels"] == {"kind": "backup"}
    console.run("work", "--until-empty")
    assert console.run("show", "1", "--output").stdout == b"argument\n"


def test_a_refused_task_is_stored_and_is_126(console: Console) -> None:
    added = console.run("queue", "add", "-c", "true", "--policy", "safe", "--writable", "/srv")
    assert (added.returncode, added.stdout) == (126, b"")
    assert console.statuses() == [(1, "refused")]


def test_hold_release_priority_and_cancel_of_what_waits(console: Console) -> None:
    for _ in range(3):
        console.add("true")
    assert console.run("queue", "hold", "1", "2").stdout == b"1 waiting\n2 waiting\n"
    assert console.run("queue", "release", "2").stdout == b"2 queued\n"
    assert console.run("queue", "priority", "critical", "2", "3").stdout == b"2 critical\n3 critical\n"
    assert console.run("queue", "cancel", "1", "3").stdout == b"1 cancelled\n3 cancelled\n"
    assert console.statuses() == [(3, "cancelled"), (2, "queued"), (1, "cancelled")]


def test_one_wrong_id_does_not_keep_the_others_from_being_served(console: Console) -> None:
    console.add("true")
    done = console.run("queue", "cancel", "99", "1")
    assert (done.returncode, done.stdout) == (2, b"1 cancelled\n")
    assert b"there is no task 99" in done.stderr
    again = console.run("queue", "cancel", "1")
    assert again.returncode == 2
    assert b"already ended" in again.stderr


def test_pause_and_resume_of_a_running_tree(console: Console) -> None:
    gate = console.fifo("gate")
    running = console.start("-c", f"echo ready; read < {gate}; echo done")
    read_line_with(running.stdout, b"ready")
    assert console.run("queue", "pause", "1").stdout == b"1 pause requested\n"
    wait_until(lambda: (1, "paused") in console.statuses(), "the pause")
    assert console.run("queue", "resume", "1").returncode == 0
    gate.open()
    assert running.communicate(timeout=20) == (b"done\n", b"")


def test_show_tells_what_was_done_to_a_task_when_and_by_whom(console: Console) -> None:
    task_id = str(console.add("true"))
    me = f"{actor()} (headless)"
    for words in (("hold",), ("priority", "high"), ("release",), ("cancel",)):
        console.run("queue", *words, task_id)
    events = console.objects("show", task_id, "--events")
    assert [(event["event"], event["actor"], event["detail"]) for event in reversed(events)] == [
        ("queued", me, f"on {host_name()}"), ("held", me, None), ("priority", me, "normal → high"),
        ("released", me, None), ("cancel_asked", me, None), ("cancelled", None, f"cancelled by {me}"),
    ]  # fmt: skip
    assert [event["time"] for event in events] == sorted((event["time"] for event in events), reverse=True)
    lines = console.run("show", task_id, "--events").stdout.decode().splitlines()
    assert [line[21:].split("  ")[0] for line in lines] == [
        "queued", "held", "priority", "released", "cancel asked", "cancelled",
    ]  # fmt: skip
    shown = console.run("show", task_id).stdout.decode()
    assert f"priority        normal → high, by {me}" in shown and "queued          " in shown
    wrong = console.run("show", task_id, "--events", "--output")
    assert (wrong.returncode, wrong.stdout) == (2, b"") and b"--events goes with --json" in wrong.stderr


def test_the_reason_that_was_given_is_in_the_record_and_in_the_report(console: Console) -> None:
    task_id = str(console.add("true"))
    held = console.run("queue", "hold", task_id, "--reason", "the mirror\n is \x1b[2Jdown", "--json")
    assert ndjson(held.stdout)[0]["status"] == "waiting"
    console.run("queue", "priority", "high", task_id)
    console.run("queue", "cancel", task_id, "--reason", "no token=ghp_0123456789abcdefghijABCDEFGHIJ012345")
    told = {event["event"]: event["reason"] for event in console.objects("show", task_id, "--events")}
    assert told["held"] == "the mirror is ␛down" and told["priority"] is None
    assert told["cancel_asked"].startswith("no token=") and "ghp_" not in told["cancel_asked"]
    me = f"{actor()} (headless)"
    for shown in (console.run("show", task_id, "--events"), console.run("show", task_id)):
        assert f"held            by {me}: the mirror is ␛down" in shown.stdout.decode()


def test_show_says_that_nobody_wrote_down_what_was_done_to_a_task_of_an_older_database(console: Console) -> None:
    task_id = str(console.add("true", hold=True))
    with closing(sqlite3.connect(console.state / "opsconsole.db")) as c, c:
        c.execute("UPDATE task_events_after SET task_id = 1")
        c.execute("DELETE FROM task_event")
    done = console.run("show", task_id, "--events", "--json")
    assert [event["event"] for event in ndjson(done.stdout)] == ["queued"]
    assert b"nobody wrote down who did what to task 1" in done.stderr
    assert "nobody wrote down who did what" in console.run("show", task_id).stdout.decode()


def test_retry_runs_an_ended_task_as_a_new_one(console: Console) -> None:
    console.run("-c", "echo once more", "--name", "again")
    assert console.run("queue", "retry", "1").stdout == b"2\n"
    wait_until(lambda: (2, "completed") in console.statuses(), "the retry")
    again = console.result(2)
    assert (again.name, again.origin["parent_id"], again.origin["parent_kind"]) == ("again", 1, "retry")


def test_after_runs_only_when_the_other_has_succeeded(console: Console) -> None:
    console.add("exit 1")
    assert console.run("queue", "add", "-c", "true", "--after", "1").stdout == b"2\n"
    console.run("work", "--until-empty")
    assert (2, "cancelled") in console.statuses()
    late = console.run("queue", "add", "-c", "true", "--after", "99")
    assert late.returncode == 2


def test_list_pages_newest_first(console: Console) -> None:
    for _ in range(3):
        console.add("true")
    assert [task["task_id"] for task in console.objects("queue", "list", "--limit", "2")] == [3, 2]
    assert [task["task_id"] for task in console.objects("queue", "list", "--limit", "2", "--before", "2")] == [1]


def test_the_list_for_people_fits_the_terminal_and_obeys_no_name(console: Console) -> None:
    console.add("true", name="evil\x1b[2J" + "long " * 30)
    console.add("true", hold=True)
    with terminal(console, "queue", "list", columns=90) as screen:
        seen = screen.read_to_end()
    lines = seen.decode().splitlines()
    assert max(len(line) for line in lines[:3]) <= 90
    assert "release it" in lines[1]
    assert "evil␛" in lines[2]
    assert b"\x1b[2J" not in seen
    piped = console.run("queue", "list").stdout
    assert b"\x1b" not in piped
    assert b"long long long" in piped


def test_pinned_tasks_survive_a_clean_up(console: Console) -> None:
    console.run("-c", "true", "-c", "true", "-c", "true")
    assert console.run("pin", "2", "3").stdout == b"2 pinned\n3 pinned\n"
    assert [task["pinned"] for task in console.objects("pin", "2", "3", "--off")] == [False, False]
    console.run("pin", "1", "--reason", "the audit\nwants it")
    why = {event["event"]: event["reason"] for event in console.objects("show", "1", "--events")}
    assert why["pinned"] == "the audit wants it"
    cleaned = console.run("history", "clean", OPSCONSOLE_HISTORY__KEEP_TASKS="1")
    assert cleaned.returncode == 0
    assert cleaned.stdout.startswith(b"1 tasks removed")
    assert console.statuses() == [(3, "completed"), (1, "completed")]
    assert console.run("pin", "99").returncode == 2
