"""What is committed is heard of, whoever commits; and an engine looks around when it is, and seldom else."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from opsconsole.execution import clockwork
from opsconsole.execution.clockwork import LIVENESS_S, TICK_S, Clockwork
from opsconsole.storage.commits import Commits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of files on Linux only")

_LONG_S = 60.0


def opened(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "state.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
    return connection


async def test_a_commit_of_another_connection_is_heard(tmp_path: Path) -> None:
    own, other = opened(tmp_path), opened(tmp_path)
    commits = Commits(tmp_path / "state.db")
    try:
        waiting = asyncio.create_task(commits.wait(_LONG_S))
        await asyncio.sleep(0)
        other.execute("INSERT INTO t VALUES (1)")
        assert await waiting is True
        assert await commits.wait(0.0) is False, "it is told once"
        other.execute("INSERT INTO t VALUES (2)")
        assert await commits.wait(_LONG_S) is True, "also what came while nobody waited"
    finally:
        commits.close()
        commits.close()
        own.close()
        other.close()


async def test_reading_is_no_commit(tmp_path: Path) -> None:
    own = opened(tmp_path)
    commits = Commits(tmp_path / "state.db")
    own.execute("SELECT * FROM t").fetchall()
    own.execute("PRAGMA data_version").fetchone()
    assert await commits.wait(0.05) is False
    commits.close()
    own.close()


async def test_where_nothing_is_heard_one_has_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No such file"):
        Commits(tmp_path / "state.db")
    monkeypatch.setattr(clockwork, "_LISTENS_AFTER_S", 0.0)
    slept = naps(monkeypatch)
    work = Clockwork(tmp_path / "state.db")
    for _ in range(4):
        await work.tick(LIVENESS_S)
    assert slept == [TICK_S] * 4
    work.close()


async def test_once_it_hears_it_rests_until_somebody_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = opened(tmp_path)
    monkeypatch.setattr(clockwork, "_LISTENS_AFTER_S", 0.0)
    now = [100.0]
    monkeypatch.setattr(clockwork, "monotonic", lambda: now[0])
    slept = naps(monkeypatch)
    work = Clockwork(tmp_path / "state.db")
    now[0] += TICK_S
    assert await work.tick(LIVENESS_S) is False and slept == [TICK_S], "the first time it sleeps, and then it listens"
    asked: list[float] = []
    commits = work._commits
    assert commits is not None

    async def wait(seconds: float) -> bool:
        asked.append(round(seconds, 3))
        now[0] += seconds
        return len(asked) == 3

    monkeypatch.setattr(commits, "wait", wait)
    assert await work.tick(LIVENESS_S) is True and asked[-1] == pytest.approx(LIVENESS_S - TICK_S)
    assert await work.tick(0.0) is False and asked[-1] == TICK_S, "something is due"
    assert await work.tick(LIVENESS_S) is True, "it heard a commit"
    assert await work.tick(LIVENESS_S) is False and asked[-1] == TICK_S, "commits are seen a little later"
    assert await work.tick(LIVENESS_S) is True and asked[-1] == pytest.approx(LIVENESS_S - TICK_S)
    work.close()
    own.close()


def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept for; it takes no time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(clockwork.asyncio, "sleep", sleep)
    return slept
