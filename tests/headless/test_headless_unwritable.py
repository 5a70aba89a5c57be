"""Commands where nothing can be written: those that read do, those that change say why not and change nothing."""

from __future__ import annotations

import json

import pytest
from headless_console import Console

from opsconsole.engine import Engine
from opsconsole.models import TaskSpec
from tests.monitoring.test_station import Heard
from tests.monitoring.test_station import settings as watching
from tests.places import Place, place

__all__ = ["place"]

READING = [
    ("history",), ("history", "--json"), ("history", "--stats"), ("show", "1"), ("show", "1", "--output"),
    ("show", "1", "--events"), ("show", "1", "--json"), ("queue", "list"), ("anomalies",), ("anomalies", "show", "1"),
    ("anomalies", "--counts"), ("alerts",), ("alerts", "open"), ("alerts", "silences"), ("alerts", "maintenance"),
    ("monitor", "status"), ("monitor", "history", "memory"),
]  # fmt: skip
CHANGING = [
    ("history", "clean"), ("queue", "add", "-c", "true"), ("queue", "cancel", "2"), ("queue", "hold", "2"),
    ("queue", "release", "2"), ("queue", "pause", "2"), ("queue", "resume", "2"), ("queue", "retry", "1"),
    ("queue", "priority", "high", "2"), ("pin", "1"), ("anomalies", "ack", "1"), ("anomalies", "note", "1", "seen"),
    ("anomalies", "silence", "1", "--for", "1h"), ("anomalies", "clear"), ("alerts", "test"), ("alerts", "retry", "1"),
    ("alerts", "silences", "--remove", "1"), ("alerts", "maintenance", "start", "--for", "1h"), ("monitor", "start"),
    ("monitor", "stop"), ("monitor", "clear"), ("monitor", "reload"), ("-c", "true"), ("-c", "true", "--detach"),
    ("work", "--until-empty"),
]  # fmt: skip


@pytest.fixture
async def frozen(console: Console, place: Place) -> Place:
    """A failed run, a held task and an open anomaly on a file system that became read-only."""
    async with Engine(watching(), state_dir=place.state) as engine:
        await engine.run(TaskSpec(script="echo said; exit 3", name="ran"))
        await engine.submit(TaskSpec(script="true", name="waits", hold=True))
        heard = Heard(engine)
        engine.monitoring.start()
        while not engine.monitoring.anomalies():
            await heard.sample()
    place.freeze()
    console.state = place.state
    console.environment["OPSCONSOLE_STATE_DIR"] = str(place.state)
    return place


async def test_what_reads_reads_and_says_so_on_stderr(console: Console, frozen: Place) -> None:
    before = frozen.contents()
    for words in READING:
        done = console.run(*words)
        assert done.returncode == 0, (words, done)
        assert b"only looking: the state directory" in done.stderr and b"only looking" not in done.stdout, words
        assert b"hint: " in done.stderr
    assert frozen.contents() == before
    assert console.run("show", "1", "--output").stdout == b"said\n"
    names = [json.loads(line)["name"] for line in console.run("history", "--json").stdout.splitlines()]
    assert names == ["waits", "ran"]
    assert b"memory_high" in console.run("anomalies").stdout


async def test_what_changes_fails_with_the_reason(console: Console, frozen: Place) -> None:
    before = frozen.contents()
    for words in CHANGING:
        done = console.run(*words)
        assert done.returncode == 125, (words, done)
        assert done.stdout == b"" and b"the state directory" in done.stderr and b"hint: " in done.stderr, words
        assert done.stderr.count(b"opsconsole: ") == 1, (words, done.stderr)
    assert frozen.contents() == before
    frozen.thaw()
    [held, ran] = [json.loads(line) for line in console.run("history", "--json").stdout.splitlines()]
    assert (held["status"], ran["status"]) == ("waiting", "failed")


async def test_the_host_is_looked_at_all_the_same(console: Console, frozen: Place) -> None:
    before = frozen.contents()
    done = console.run("monitor", "--once", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["memory"]["percent"] > 0
    assert b"only looking" in done.stderr
    for seconds in ("2", "8", "24"):  # on a busy host the second look may come late
        lines = console.run("monitor", "--duration", seconds, "--interval", "0.5", "--json").stdout.splitlines()
        if len(lines) >= 2:
            break
    assert len(lines) >= 2
    assert console.run("analyze").returncode == 0
    assert frozen.contents() == before


async def test_the_check_up_says_what_it_means(console: Console, frozen: Place) -> None:
    done = console.run("doctor", "--json")
    assert done.returncode == 125
    found = json.loads(done.stdout)
    state = {fact["name"]: fact for fact in found["state"]}
    assert state["directory"]["state"] == "broken" and "only looks" in state["directory"]["effect"]
    assert state["database"]["state"] == "ok"


def test_a_record_that_cannot_be_read_is_an_error_and_no_empty_list(console: Console, place: Place) -> None:
    place.state.mkdir(mode=0o700)
    (place.state / "opsconsole.db").write_bytes(b"no database at all" * 500)
    place.freeze()
    for words in (("history",), ("queue", "list"), ("show", "1"), ("anomalies",), ("alerts",), ("monitor", "status")):
        done = console.run(*words, OPSCONSOLE_STATE_DIR=str(place.state))
        assert done.returncode == 125 and done.stdout == b"", (words, done)
        assert b"is damaged" in done.stderr


def test_where_there_is_no_record_the_list_is_empty(console: Console, place: Place) -> None:
    place.state.mkdir(mode=0o700)
    place.freeze()
    done = console.run("history", "--json", OPSCONSOLE_STATE_DIR=str(place.state / "none"))
    assert done.returncode == 0 and done.stdout == b"" and b"only looking" in done.stderr
