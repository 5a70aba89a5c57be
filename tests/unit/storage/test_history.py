"""Pages of the record: what a filter lets through, in which order, and that nothing typed into one can raise."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.errors import TaskNotFound
from opsconsole.models import OPEN, Origin, Priority, Status, Task
from opsconsole.paths import StatePaths
from opsconsole.settings import QueueSettings, RetrySettings
from opsconsole.storage import endings, history, tasks
from opsconsole.storage.database import open_database
from opsconsole.storage.endings import Outcome
from opsconsole.storage.history import Filter
from opsconsole.storage.revision import next_rev
from opsconsole.storage.tasks import NewTask

SPEC = {"timeout_s": 300.0, "output_limit": 1024}
QUEUE = QueueSettings()
quick = settings(deadline=None, max_examples=60)


def never(message: str) -> None:
    raise AssertionError(message)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database; a copy costs less than each test making its own."""
    path = tmp_path_factory.mktemp("template") / "opsconsole.db"
    open_database(path, never).close()
    return path


@pytest.fixture
def c(tmp_path: Path, template: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(Path(shutil.copy(template, tmp_path)), never)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path)


def add(
    c: sqlite3.Connection,
    name: str = "job",
    status: Status = Status.COMPLETED,
    *,
    body: bytes = b"echo hello",
    policy: str = "standard",
    queued_at: int = 1000,
    origin: Origin | None = None,
    labels: dict[str, str] | None = None,
    parent_id: int | None = None,
    attempts: int = 1,
    **columns: Any,
) -> int:
    """A stored task; `columns` are set on its row."""
    new = NewTask(
        name, status, None, Priority.NORMAL, policy, "bash", body, SPEC, None, attempts,
        origin or Origin("web-01", "tui", "root"), labels=labels, parent_id=parent_id,
    )  # fmt: skip
    (task_id,) = tasks.insert(c, [new], queued_at, QUEUE)
    for column, value in columns.items():
        c.execute(f"UPDATE task SET {column} = ? WHERE id = ?", (value, task_id))  # noqa: S608
    return task_id


def run(c: sqlite3.Connection, status: Status, code: int | None, now: int = 2000, *, retries: bool = False) -> str:
    """Claim the next task and let it end."""
    (claimed,) = tasks.claim(c, 1, 1, 8, now, "boot", own_only=False)
    outcome = Outcome(claimed.execution_id, status, None, code, None, now, now + 10, 1.5, {}, 77)
    retry = RetrySettings(jitter=0) if retries else RetrySettings(exit_codes=(255,))
    endings.finish(c, [outcome], now, retry, random.Random(1))
    return claimed.execution_id


def ids(c: sqlite3.Connection, **fields: Any) -> list[int]:
    return [task.id for task in history.page(c, Filter(**fields))]


# -- order and paging


def test_a_page_is_newest_first_and_no_longer_than_asked(c: sqlite3.Connection) -> None:
    stored = [add(c) for _ in range(7)]
    assert ids(c, limit=3) == stored[:-4:-1]
    assert ids(c) == stored[::-1]
    assert ids(c, limit=0) == ids(c, limit=-5) == []


def test_pages_by_before_follow_each_other_without_gap_or_repetition(c: sqlite3.Connection) -> None:
    stored = [add(c, status=random.Random(n).choice([Status.FAILED, Status.COMPLETED])) for n in range(40)]
    seen: list[int] = []
    page = Filter(statuses=frozenset({Status.FAILED}), limit=3)
    while found := history.page(c, page):
        seen += [task.id for task in found]
        page = replace(page, before=found[-1].id)
    failed = [id for id in stored if tasks.get(c, id).status is Status.FAILED]
    assert seen == failed[::-1]


def test_a_page_holds_the_same_task_as_the_queue_sees(c: sqlite3.Connection) -> None:
    id = add(c, labels={"ticket": "OPS-1"}, exit_code=3, duration_s=1.5)
    assert history.page(c, Filter()) == [tasks.get(c, id)]


# -- each field of the filter


def test_statuses_are_alternatives(c: sqlite3.Connection) -> None:
    failed, cancelled = add(c, status=Status.FAILED), add(c, status=Status.CANCELLED)
    add(c)
    assert ids(c, statuses=frozenset({Status.FAILED, Status.CANCELLED})) == [cancelled, failed]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("back*", {"backup-db", "backup"}),
        ("backup", {"backup-db", "backup", "nightly Backup"}),
        ("UP-D", {"backup-db"}),
        ("*-d?", {"backup-db"}),
        ("[bn]*", {"backup-db", "backup", "nightly Backup"}),
        ("[!bn]*", {"100%_done"}),
        ("Back*", set()),
        ("%", {"100%_done"}),
        ("_", {"100%_done"}),
        ("", {"backup-db", "backup", "nightly Backup", "100%_done"}),
        ("*" * 2000, set()),
    ],
)
def test_a_name_is_a_glob_or_a_part_of_the_name(c: sqlite3.Connection, pattern: str, expected: set[str]) -> None:
    for name in ("backup-db", "backup", "nightly Backup", "100%_done"):
        add(c, name)
    assert {task.name for task in history.page(c, Filter(name=pattern))} == expected


def test_a_glob_full_of_stars_does_not_take_for_ever(c: sqlite3.Connection) -> None:
    add(c, "a" * 200)
    assert ids(c, name="*a" * 100 + "*b") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rsync", True),
        ("rsy", True),
        ("RSYNC", True),
        ("sync", False),
        ("rsync nightly", True),
        ("rsync missing", False),
        ("--delete", True),
        ("rsync -a --delete", True),
        ("/srv/data", True),
        ("&& rsync", True),
        ("straße", True),
        ("&&", False),
        ("  \t ", True),
        ("\0", True),
        ("rsync\0missing", False),
    ],
)
def test_text_looks_for_the_beginnings_of_words_in_name_and_script(
    c: sqlite3.Connection, text: str, found: bool
) -> None:
    add(c, "nightly", body="#!/bin/sh\nrsync -a --delete /srv/data host: # Straße\n".encode())
    assert bool(ids(c, text=text)) is found


def test_text_and_name_narrow_together(c: sqlite3.Connection) -> None:
    both = add(c, "backup", body=b"tar")
    add(c, "backup", body=b"cpio")
    add(c, "deploy", body=b"tar")
    assert ids(c, name="back*", text="tar") == [both]


@pytest.mark.parametrize(
    ("key", "value"),
    [("ticket", "OPS-1"), ('a"b', 'c"d'), ("a.b", "$"), ("schlüssel", "wärt\n"), ("", ""), ("k\\", "\\"), ("😀", "x")],
)
def test_a_label_is_found_by_key_and_by_key_and_value(c: sqlite3.Connection, key: str, value: str) -> None:
    id = add(c, labels={"first": "1", key: value, "last": "2"})
    add(c, labels={"first": value, "other": key})
    assert ids(c, label=(key, value)) == [id]
    assert ids(c, label=(key, None)) == [id]
    assert ids(c, label=(key, value + "x")) == []


def test_text_that_only_looks_like_a_label_is_none(c: sqlite3.Connection) -> None:
    add(c, labels={"foo, ": ": ", "bar": ", "})
    assert ids(c, label=(": ", ", ")) == []
    add(c, labels={'x"k': "v"})
    assert ids(c, label=("k", "v")) == []


def test_times_include_the_first_and_not_the_last_moment(c: sqlite3.Connection) -> None:
    at = {moment: add(c, queued_at=moment) for moment in (10, 20, 30)}
    assert ids(c, since_us=20) == [at[30], at[20]]
    assert ids(c, until_us=20) == [at[10]]


def test_origin_policy_exit_code_and_parent_narrow(c: sqlite3.Connection) -> None:
    parent = add(c)
    child = add(c, policy="safe", origin=Origin("db-07", "api", "alice"), parent_id=parent, exit_code=3)
    for fields in (
        {"policy": "safe"}, {"host": "db-07"}, {"door": "api"}, {"actor": "alice"}, {"exit_code": 3},
        {"parent_id": parent},
    ):  # fmt: skip
        assert ids(c, **fields) == [child], fields
        assert ids(c, **{key: 99 if isinstance(value, int) else "else" for key, value in fields.items()}) == []


# -- against a reference, and against hostility

NAMES = ("backup-db", "backup-web", "deploy", "Rotate logs")
WORDS = ("disk", "kernel", "tar", "rsync")


def matches(task: Task, body: str, f: Filter) -> bool:
    """What `Filter` says, in Python."""
    glob = f.name is not None and any(sign in f.name for sign in "*?[")
    words = f"{task.name} {body}".lower().replace("-", " ").split()
    return all(
        (
            not f.statuses or task.status in f.statuses,
            f.name is None or (fnmatchcase(task.name, f.name) if glob else f.name.lower() in task.name.lower()),
            f.policy is None or task.policy == f.policy,
            f.since_us is None or task.queued_at >= f.since_us,
            f.until_us is None or task.queued_at < f.until_us,
            f.exit_code is None or task.exit_code == f.exit_code,
            f.text is None or all(any(word.startswith(t) for word in words) for t in f.text.split()),
            f.host is None or task.host == f.host,
            f.door is None or task.door == f.door,
            f.label is None or (f.label[0] in task.labels and f.label[1] in (None, task.labels[f.label[0]])),
            f.parent_id is None or task.parent_id == f.parent_id,
            f.before is None or task.id < f.before,
        )
    )


class Record:
    """A database with tasks in it, and each task with its script, newest first."""

    def __init__(self, c: sqlite3.Connection, stored: list[tuple[Task, str]]) -> None:
        self.c = c
        self.stored = stored


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    luck = random.Random(7)
    with closing(open_database(tmp_path_factory.mktemp("record") / "opsconsole.db", never)) as c:
        c.execute("PRAGMA synchronous = OFF")
        stored = []
        for n in range(120):
            body = " ".join(luck.sample(WORDS, k=2))
            id = add(
                c, luck.choice(NAMES), luck.choice(list(Status)), body=body.encode(), queued_at=luck.randrange(50),
                policy=luck.choice(["safe", "standard"]), exit_code=luck.choice([0, 1, None]),
                origin=Origin(luck.choice(["web", "db"]), luck.choice(["tui", "api"]), "root"),
                labels=luck.choice([{}, {"team": "db"}, {"team": "web", "x": "1"}]),
                parent_id=luck.choice([None, None, n // 2]),
            )  # fmt: skip
            stored.append((tasks.get(c, id), body))
        yield Record(c, stored[::-1])


filters = st.builds(
    Filter,
    statuses=st.frozensets(st.sampled_from(list(Status)), max_size=3),
    name=st.none() | st.sampled_from(["back*", "up", "*-[dw]*", "ROT", "nothing", "?eploy"]),
    policy=st.none() | st.sampled_from(["safe", "standard", "elevated"]),
    since_us=st.none() | st.integers(0, 50),
    until_us=st.none() | st.integers(0, 50),
    exit_code=st.none() | st.sampled_from([0, 1, 9]),
    text=st.none() | st.sampled_from(["tar", "dis", "disk kern", "nothing"]),
    host=st.none() | st.sampled_from(["web", "db", "else"]),
    door=st.none() | st.sampled_from(["tui", "else"]),
    label=st.none() | st.sampled_from([("team", None), ("team", "db"), ("x", "1"), ("x", "2")]),
    parent_id=st.none() | st.integers(0, 60),
    before=st.none() | st.integers(-1, 130),
    limit=st.integers(0, 130),
)


@settings(deadline=None, max_examples=150)
@given(wanted=filters, few=st.sampled_from([0, 40, 1500]))
def test_any_filter_lets_through_what_its_fields_say(record: Record, wanted: Filter, few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "_FEW", few)
        found = history.page(record.c, wanted)
    expected = [task for task, body in record.stored if matches(task, body, wanted)]
    assert found == expected[: wanted.limit]


hostile = st.text(st.characters() | st.sampled_from("\"'*()^:+-{}[]\\\0 \ud800%_?,;"), max_size=40) | st.sampled_from(
    ['"', "NOT", "a AND", "NEAR(", "name:", "-", "^x", '"a" OR "b', "{a b}:c", "\0"]
)
numbers = st.integers() | st.sampled_from([2**63, -(2**63) - 1, 10**30])


@quick
@given(text=hostile, name=hostile, host=hostile, key=hostile, value=st.none() | hostile, number=numbers)
def test_nothing_that_is_typed_into_a_filter_raises(
    record: Record,
    text: str, name: str, host: str, key: str, value: str | None, number: int,
) -> None:  # fmt: skip
    c = record.c
    for wanted in (
        Filter(text=text), Filter(name=name), Filter(host=host, actor=host, door=host, policy=host),
        Filter(label=(key, value)), Filter(before=number), Filter(parent_id=number, exit_code=number),
        Filter(since_us=number, until_us=number), Filter(limit=number),
        Filter(text=text, name=name, label=(key, value)),
    ):  # fmt: skip
        history.page(c, wanted)


@pytest.mark.parametrize("unit", ["x", "w ", "a-b ", '"', "*", "[", "?a", "[a"])
def test_nothing_is_too_long_for_a_filter(c: sqlite3.Connection, unit: str) -> None:
    add(c)
    long = unit * 100_000
    for wanted in (Filter(text=long), Filter(name=long), Filter(label=(long, long)), Filter(host=long)):
        history.page(c, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(before=5),
        Filter(statuses=frozenset({Status.COMPLETED})),
        Filter(exit_code=7, since_us=1, until_us=2, door="d", actor="a"),
        Filter(name="b*", text="tar", label=("a", "b"), policy="safe", host="h"),
    ],
)
def test_a_filter_is_answered_from_the_narrow_index_alone(
    record: Record, wanted: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_FEW", 1)
    plan = planned(record.c, wanted)
    assert any("COVERING INDEX task_facts (id<?)" in step for step in plan)
    assert not any(step.startswith("SCAN t") and "COVERING INDEX" not in step for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(statuses=frozenset({Status.RUNNING})), "task_status (status=? AND id<?)"),
        (Filter(statuses=OPEN, name="b*"), "task_status (status=? AND id<?)"),
        (Filter(parent_id=1), "task_parent (parent_id=? AND rowid<?)"),
    ],
)
def test_what_is_few_is_found_by_its_own_index(c: sqlite3.Connection, wanted: Filter, index: str) -> None:
    assert any(index in step for step in planned(c, wanted))


def planned(c: sqlite3.Connection, wanted: Filter) -> list[str]:
    """The query plan of the page's last statement."""
    seen: list[str] = []
    c.set_trace_callback(seen.append)
    history.page(c, wanted)
    c.set_trace_callback(None)
    return [row[3] for row in c.execute(f"EXPLAIN QUERY PLAN {seen[-1]}")]


# -- one task


def test_the_result_of_a_task_is_that_of_its_newest_attempt(c: sqlite3.Connection, paths: StatePaths) -> None:
    id = add(c, status=Status.QUEUED, attempts=2)
    run(c, Status.FAILED, 7, retries=True)
    tasks.queue_due(c, 10**9, 60)
    run(c, Status.COMPLETED, 0)
    found = history.result(c, paths, id)
    assert (found.execution_id, found.status, found.exit_code) == (f"{id}.2", Status.COMPLETED, 0)
    assert history.result(c, paths, str(id)) == found
    assert history.result(c, paths, f"{id}.2") == found
    assert history.result(c, paths, f"{id}.1").exit_code == 7
    assert [attempt.attempt for attempt in history.attempts(c, paths, id)] == [1, 2]


def test_while_a_retry_waits_the_attempt_that_ran_is_the_newest(c: sqlite3.Connection, paths: StatePaths) -> None:
    id = add(c, status=Status.QUEUED, attempts=2)
    run(c, Status.FAILED, 7, retries=True)
    assert tasks.get(c, id).status is Status.WAITING
    assert history.result(c, paths, id).execution_id == f"{id}.1"
    with pytest.raises(TaskNotFound):
        history.result(c, paths, f"{id}.2")


def test_a_task_that_never_ran_is_its_own_result(c: sqlite3.Connection, paths: StatePaths) -> None:
    id = add(c, status=Status.REFUSED)
    found = history.result(c, paths, id)
    assert (found.execution_id, found.status, found.output["stdout_path"]) == (f"{id}.1", Status.REFUSED, None)
    assert history.result(c, paths, f"{id}.1") == found
    assert history.attempts(c, paths, id) == []


@pytest.mark.parametrize(
    "id", [99, -1, 0, 2**64, "99", "1.2", "1.", ".1", "1.1.1", "1.x", "", "x", "١", "²", "1\0", "9" * 30, "1.1e0"]
)
def test_what_is_not_there_is_told_by_its_name(c: sqlite3.Connection, paths: StatePaths, id: int | str) -> None:
    add(c)
    with pytest.raises(TaskNotFound, match="there is no"):
        history.result(c, paths, id)


@pytest.mark.parametrize("id", [99, -1, 2**64])
def test_attempts_and_script_of_no_task_are_told(c: sqlite3.Connection, paths: StatePaths, id: int) -> None:
    with pytest.raises(TaskNotFound):
        history.attempts(c, paths, id)
    with pytest.raises(TaskNotFound):
        history.script(c, paths, id)


@quick
@given(body=st.binary(max_size=200))
def test_a_script_comes_back_to_the_byte(record: Record, body: bytes) -> None:
    c = record.c
    c.execute("BEGIN")
    assert history.script(c, StatePaths(Path("/nowhere")), add(c, body=body)) == body
    c.execute("ROLLBACK")


# -- the queue, and what changed


def test_open_counts_count_what_is_open_and_ended_counts_what_ended_since(c: sqlite3.Connection) -> None:
    for status in (Status.QUEUED, Status.QUEUED, Status.WAITING, Status.COMPLETED, Status.FAILED):
        add(c, status=status, queued_at=100)
    add(c, status=Status.COMPLETED, queued_at=50)
    assert history.open_counts(c) == {Status.QUEUED: 2, Status.WAITING: 1}
    assert history.ended_counts(c, 50) == {Status.COMPLETED: 1, Status.FAILED: 1}
    assert history.ended_counts(c, 0) == {Status.COMPLETED: 2, Status.FAILED: 1}


def test_what_changed_comes_in_the_order_of_its_change(c: sqlite3.Connection) -> None:
    first, second, third = add(c), add(c), add(c)
    seen = next_rev(c) - 1
    assert history.changed_since(c, seen) == []
    tasks.pin(c, third, True, "tester", 1)
    tasks.pin(c, first, True, "tester", 1)
    assert [task.id for task in history.changed_since(c, seen)] == [third, first]
    assert [task.id for task in history.changed_since(c, 0)] == [second, third, first]


def test_a_transaction_is_never_cut_by_the_limit_so_that_none_is_missed(c: sqlite3.Connection) -> None:
    new = NewTask(
        "job", Status.QUEUED, None, Priority.NORMAL, "safe", "sh", b"", SPEC, None, 1, Origin("h", "tui", "root")
    )
    stored = [*tasks.insert(c, [new] * 5, 1, QUEUE), *tasks.insert(c, [new] * 7, 1, QUEUE), add(c)]
    seen: list[int] = []
    rev = 0
    while found := history.changed_since(c, rev, limit=2):
        seen += [task.id for task in found]
        rev = found[-1].rev
    assert seen == stored


def test_labels_are_stored_as_the_quick_test_for_them_expects(c: sqlite3.Connection) -> None:
    id = add(c, labels={"a": "b", "é": '"'})
    stored = c.execute("SELECT labels FROM task WHERE id = ?", (id,)).fetchone()[0]
    assert stored == json.dumps({"a": "b", "é": '"'})
