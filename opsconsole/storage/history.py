"""Reads: a page of tasks, a result, a script, what changed since. Functions of a connection.

A page walks one narrow index (`task_facts`: every column a filter looks at) from the newest task down, so no
filter, however rare or deep, costs more than that walk: about 10 ms at 100,000 tasks. What is few by its status (the
queue, what failed) or parent does not need it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from opsconsole.errors import TaskNotFound
from opsconsole.models import OPEN, ExecutionResult, Status, Task
from opsconsole.paths import StatePaths
from opsconsole.storage import private_scripts, rows
from opsconsole.values import dataclass

# Forced: without statistics of the data the planner takes an index that fits one condition, and then looks up
# 95 of 100 rows in the table to find that they do not fit the others.
FACTS = "task INDEXED BY task_facts"

_FEW = 1500
_SAMPLE = 500
_LONGEST_GLOB = 1000
_MOST_WORDS = 32
_NEWEST = 2000
"""Where words are looked for first: a millisecond, and many words stand there as often as a page has lines."""
_INT64 = (1 << 63) - 1

Condition = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tasks; every field narrows, None or empty does not."""

    statuses: frozenset[Status] = frozenset()
    """Any of these."""
    name: str | None = None
    """A pattern of the whole name with `*`, `?` or `[…]`, in exact case. A plain word: the name contains it,
    in any (ASCII) case."""
    policy: str | None = None
    """The policy asked for: `safe`, `restricted`, `standard` or `elevated`."""
    since_us: int | None = None
    """Queued at this time or later, in microseconds since the epoch."""
    until_us: int | None = None
    """Queued before this time, in microseconds since the epoch."""
    exit_code: int | None = None
    """Exit code of the last attempt."""
    text: str | None = None
    """Words, each of which begins a word of the name, of the script's first 64 KiB, or of the end of what it printed
    (setting history.index_output). Only the first 32 count, and no signs between them."""
    host: str | None = None
    """Where it was submitted, exactly."""
    door: str | None = None
    """Through which door it came in: `tui`, `headless`, `api`, …"""
    actor: str | None = None
    """Who submitted it, exactly."""
    label: tuple[str, str | None] | None = None
    """A label's key and value; value None: any value."""
    parent_id: int | None = None
    """Retries and follow-ups of this task."""
    policies: frozenset[str] = frozenset()
    """Any of these policies."""
    host_part: str | None = None
    """In the name of the host where it was submitted, in any (ASCII) case."""
    actor_part: str | None = None
    """In the name of who submitted it, in any (ASCII) case."""
    ended_since_us: int | None = None
    """Ended at this time or later, in microseconds since the epoch."""
    ended_until_us: int | None = None
    """Ended before this time, in microseconds since the epoch."""
    longer_s: float | None = None
    """Its last attempt ran so many seconds or more."""
    shorter_s: float | None = None
    """Its last attempt ran less than so many seconds."""
    pinned: bool | None = None
    """Kept from clean-up, or not."""
    task_id: int | None = None
    """This one."""
    name_or_status: tuple[tuple[str, frozenset[Status]], ...] = ()
    """For each: the name contains the word (as `name`), or the status is one of these."""
    text_or_status: tuple[tuple[str, frozenset[Status]], ...] = ()
    """For each: a word begins so, where `text` looks, or the status is one of these."""
    before: int | None = None
    """Only ids below this one: the last id of the page before."""
    limit: int = 50
    """Tasks on a page, at the most."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The first rows of the full-text indexes that can be of tasks from some id on; what lies before is not read."""

    script: int
    output: int


def page(c: sqlite3.Connection, filter: Filter) -> list[Task]:
    """The tasks a filter lets through, newest (highest id) first."""
    if filter.limit <= 0:
        return []
    before = _INT64 if filter.before is None else _int64(filter.before)
    source = _few(c, filter)
    if source is None and looks_for_words(filter) and filter.limit <= _NEWEST // 4:
        first = c.execute(
            f"SELECT min(id) FROM (SELECT id FROM {FACTS} WHERE id < ? ORDER BY id DESC LIMIT {_NEWEST})", (before,)
        ).fetchone()[0]
        if first is not None:
            near = [("id >= ?", (first,)), *conditions(filter, reach(c, first))]
            found = _page(c, FACTS, before, near, filter.limit)
            if len(found) == filter.limit:  # a word that many have: most of them would be looked up for nothing
                return found
    narrow = list(conditions(filter))
    if source is None:
        source, narrow = FACTS, _rarest_first(c, narrow, before)
    return _page(c, source, before, narrow, filter.limit)


def _page(c: sqlite3.Connection, source: str, before: int, narrow: list[Condition], limit: int) -> list[Task]:
    where, values = where_all([("id < ?", (before,)), *narrow])
    found = c.execute(
        f"""{rows.TASK} WHERE t.id IN (SELECT id FROM {source} WHERE {where} ORDER BY id DESC LIMIT ?)
            ORDER BY t.id DESC""",
        (*values, _int64(limit)),
    )
    return [rows.task(row) for row in found]


def looks_for_words(filter: Filter) -> bool:
    """In the full-text indexes."""
    return bool(filter.text or filter.text_or_status)


def reach(c: sqlite3.Connection, first: int) -> Reach:
    """Of the tasks from this id on. Rows of output are written as runs end, so few that are older come after it."""
    script = c.execute(f"SELECT min(script_id) FROM {FACTS} WHERE id >= ?", (first,)).fetchone()[0]
    output = c.execute("SELECT min(id) FROM output INDEXED BY output_task WHERE task_id >= ?", (first,)).fetchone()[0]
    return Reach(_INT64 if script is None else script, _INT64 if output is None else output)


def _few(c: sqlite3.Connection, filter: Filter) -> str | None:
    """Where the tasks are few enough to look at each: the queue, what runs, what failed, a task's children."""
    if filter.parent_id is not None:
        return "task INDEXED BY task_parent"
    if filter.statuses:
        source = "task INDEXED BY task_status"
        status, values = next(conditions(filter))
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {status} LIMIT {_FEW})"
        if c.execute(sql, values).fetchone()[0] < _FEW:
            return source
    return None


# -- what a filter means in SQL


def conditions(filter: Filter, near: Reach | None = None) -> Iterator[Condition]:
    """Everything but `before` and `limit`, as SQL on the columns of `task_facts`, with its values. With a reach, it is
    true only of the tasks that have it.
    """
    if filter.statuses:
        marks = ", ".join("?" * len(filter.statuses))
        yield f"status IN ({marks})", tuple(sorted(status.value for status in filter.statuses))
    for column in ("policy", "host", "door", "actor"):
        text = getattr(filter, column)
        if text is not None:
            yield f"{column} = ?", (_storable(text),)
    for column in ("exit_code", "parent_id"):
        number = getattr(filter, column)
        if number is not None:
            yield f"{column} = ?", (_int64(number),)
    if filter.policies:
        yield f"policy IN ({', '.join('?' * len(filter.policies))})", tuple(sorted(map(str, filter.policies)))
    for column, part in (("host", filter.host_part), ("actor", filter.actor_part)):
        if part:
            yield f"instr(lower({column}), lower(?)) > 0", (_storable(part),)
    for test, number in (
        ("queued_at >= ?", filter.since_us), ("queued_at < ?", filter.until_us), ("id = ?", filter.task_id),
        ("finished_at >= ?", filter.ended_since_us), ("finished_at < ?", filter.ended_until_us),
    ):  # fmt: skip
        if number is not None:
            yield test, (_int64(number),)
    for test, seconds in (("duration_s >= ?", filter.longer_s), ("duration_s < ?", filter.shorter_s)):
        if seconds is not None:
            yield test, (seconds,)
    if filter.pinned is not None:
        yield f"id {'' if filter.pinned else 'NOT '}IN (SELECT id FROM task WHERE pinned)", ()
    if filter.label is not None:
        yield _labelled(*filter.label)
    if filter.name:
        yield _named(_storable(filter.name))
    if words := _storable(filter.text or "").replace("\0", " ").split():
        telling = [word for word in words if any(map(str.isalnum, word))]  # the others are no words to the index
        for word in (telling or words[:1])[:_MOST_WORDS]:
            yield _containing(word, near)
    for word, statuses in filter.name_or_status:
        yield _or_status(_named(_storable(word)), statuses)
    for word, statuses in filter.text_or_status:
        yield _or_status(_containing(_storable(word), near), statuses)


def _or_status(found: Condition, statuses: frozenset[Status]) -> Condition:
    sql, values = found
    marks = ", ".join("?" * len(statuses))
    return f"({sql} OR status IN ({marks}))", (*values, *sorted(status.value for status in statuses))


def where_all(narrow: Sequence[Condition]) -> tuple[str, tuple[object, ...]]:
    """All of them as one WHERE expression, with its values."""
    where = " AND ".join(sql for sql, _ in narrow) or "TRUE"
    return where, tuple(value for _, values in narrow for value in values)


def _named(name: str) -> Condition:
    """A task has the name of its script row, and there are fewer of those."""
    if not any(sign in name for sign in "*?["):
        test, value = "instr(lower(name), lower(?)) > 0", name
    elif len(name) <= _LONGEST_GLOB:
        test, value = "name GLOB ?", name.replace("[!", "[^")
    else:
        test, value = "FALSE AND ?", ""
    return f"script_id IN (SELECT id FROM script WHERE {test})", (value,)


def _containing(word: str, near: Reach | None) -> Condition:
    """It is quoted, so nothing in it is query syntax; a star after the quotes makes it a beginning.

    The lists of rows that have the word are made before the first task is looked at: of a word that all have, they
    take as long as all the rest together, unless only those within reach are asked for.
    """
    query = '"' + word.replace('"', '""') + '"*'
    beyond, script, output = ("", (), ()) if near is None else (" AND rowid >= ?", (near.script,), (near.output,))
    return (
        f"(script_id IN (SELECT rowid FROM script_text WHERE script_text MATCH ?{beyond}) OR id IN (SELECT task_id "
        f"FROM output WHERE id IN (SELECT rowid FROM output_text WHERE output_text MATCH ?{beyond})))",
        (query, *script, query, *output),
    )


def _labelled(key: str, value: str | None) -> Condition:
    """Labels are stored by json.dumps: the quick test is for its exact text, the true one reads the JSON."""
    key, needle = _storable(key), f"{json.dumps(_storable(key))}: "
    entry, values = "key = ?", [key]
    if value is not None:
        entry, values = "key = ? AND value = ?", [key, _storable(value)]
        needle += json.dumps(_storable(value))
    within = f"EXISTS (SELECT 1 FROM json_each(labels) WHERE {entry})"
    return f"(labels <> '{{}}' AND instr(labels, ?) > 0 AND {within})", (needle, *values)


def _rarest_first(c: sqlite3.Connection, narrow: list[Condition], before: int) -> list[Condition]:
    """Ordered by how few of the newest tasks pass: SQLite tests in this order, up to the first that fails."""
    if len(narrow) < 2:
        return narrow
    sums = ", ".join(f"total({sql})" for sql, _ in narrow)
    _, values = where_all(narrow)
    passed = c.execute(
        f"""SELECT {sums} FROM (
                SELECT id, script_id, status, policy, exit_code, queued_at, host, door, actor, parent_id, labels,
                    finished_at, duration_s
                FROM {FACTS} WHERE id < ? ORDER BY id DESC LIMIT {_SAMPLE})""",
        (*values, before),
    ).fetchone()
    order = sorted(range(len(narrow)), key=lambda index: passed[index])
    return [narrow[index] for index in order]


def _storable(text: str) -> str:
    """Without lone surrogates, which SQLite cannot take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _int64(number: int) -> int:
    """The nearest that SQLite can compare."""
    return max(-_INT64, min(number, _INT64))


# -- one task


def result(c: sqlite3.Connection, paths: StatePaths, id: int | str) -> ExecutionResult:
    """Of a task's newest attempt that exists, else of the task itself; of exactly one attempt for "17.2".

    Raises TaskNotFound.
    """
    task_id, attempt = _parse(id)
    row = c.execute(
        f"""{rows.RESULT}
            WHERE t.id = ? AND coalesce(e.attempt, t.attempt) = coalesce(?, e.attempt, t.attempt)
            ORDER BY e.attempt DESC LIMIT 1""",
        (task_id, attempt),
    ).fetchone()
    if row is None:
        raise _not_found(id)
    return rows.result(row, paths)


def attempts(c: sqlite3.Connection, paths: StatePaths, task_id: int) -> list[ExecutionResult]:
    """Of every attempt that exists, first to last; empty when there was none. Raises TaskNotFound."""
    found = c.execute(f"{rows.RESULT} WHERE t.id = ? ORDER BY e.attempt", (_int64(task_id),)).fetchall()
    if not found:
        raise _not_found(task_id)
    return [rows.result(row, paths) for row in found if row["e_id"] is not None]


def script(c: sqlite3.Connection, paths: StatePaths, task_id: int) -> bytes:
    """The exact bytes that were submitted. Raises TaskNotFound, ConsoleError."""
    row = c.execute(
        "SELECT s.body, s.sha256, s.private FROM task t JOIN script s ON s.id = t.script_id WHERE t.id = ?",
        (_int64(task_id),),
    ).fetchone()
    if row is None:
        raise _not_found(task_id)
    return private_scripts.read(paths.scripts, row["sha256"]) if row["private"] else bytes(row["body"])


def shown_script(c: sqlite3.Connection, task_id: int) -> bytes:
    """Without the secrets that were known when it was submitted. Raises TaskNotFound."""
    row = c.execute(
        "SELECT s.body FROM task t JOIN script s ON s.id = t.script_id WHERE t.id = ?", (_int64(task_id),)
    ).fetchone()
    if row is None:
        raise _not_found(task_id)
    return bytes(row["body"])


def _parse(id: int | str) -> tuple[int, int | None]:
    """Task id, and the attempt for "17.2"."""
    task, dot, attempt = str(id).partition(".")
    numbers = (task, attempt) if dot else (task,)
    if not all(number.isascii() and number.isdigit() and len(number) < 19 for number in numbers):
        raise _not_found(id)
    return int(task), int(attempt) if dot else None


def _not_found(id: int | str) -> TaskNotFound:
    kind = "execution" if "." in str(id) else "task"
    return TaskNotFound(f"there is no {kind} {id}", hint="`opsconsole history` lists them")


# -- the queue, and what changed


def open_counts(c: sqlite3.Connection) -> dict[Status, int]:
    """How many tasks are in each open status; one that has none is left out."""
    marks = ", ".join("?" * len(OPEN))
    found = c.execute(f"SELECT status, count(*) FROM task WHERE status IN ({marks}) GROUP BY status", [*map(str, OPEN)])
    return {Status(status): count for status, count in found}


def ended_counts(c: sqlite3.Connection, since_us: int) -> dict[Status, int]:
    """How many tasks ended after a time, by how they ended; a status that has none is left out."""
    found = c.execute(
        "SELECT status, count(*) FROM task INDEXED BY task_finished WHERE finished_at > ? GROUP BY status",
        (since_us,),
    )
    return {Status(status): count for status, count in found}


def changed_since(c: sqlite3.Connection, rev: int, limit: int = 1000) -> list[Task]:
    """Tasks whose row changed after `rev`, in order of `rev`: ask again with the last one's until none comes.

    A group of equal `rev` (one transaction) is never cut, so there can be more than `limit`.
    """
    last = c.execute(
        "SELECT rev FROM task WHERE rev > ? ORDER BY rev LIMIT 1 OFFSET ?", (rev, max(limit, 1) - 1)
    ).fetchone()
    found = c.execute(
        f"{rows.TASK} WHERE t.rev > ? AND t.rev <= ? ORDER BY t.rev, t.id", (rev, last[0] if last else _INT64)
    )
    return [rows.task(row) for row in found]
