"""What dead consoles leave: buried, taken over by a console that claims, or settled by one that only looks."""

from __future__ import annotations

import functools
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from opsconsole.clock import Clock
from opsconsole.execution import reconcile
from opsconsole.paths import StatePaths
from opsconsole.settings import RetrySettings
from opsconsole.storage import consoles, endings
from opsconsole.storage.writer import Job

Orphan = tuple[str, int, str]
"""Execution id, launch, boot id."""


class Submit(Protocol):
    """Hands a job to the writer."""

    def __call__(self, job: Job[Any]) -> Future[Any]: ...


def bury(c: sqlite3.Connection, paths: StatePaths, now: int) -> None:
    """Sign off the consoles that died."""
    consoles.bury(c, paths, consoles.dead(c, paths), now)


def inherit(c: sqlite3.Connection, paths: StatePaths, console_id: int, now: int) -> list[Orphan]:
    """Bury the dead and own what they left, in the caller's transaction: each row has one owner."""
    bury(c, paths, now)
    return consoles.take_over(c, console_id, now)


def anything_left(c: sqlite3.Connection, paths: StatePaths, console_id: int) -> bool:
    """Whether a console died or left open executions."""
    return bool(consoles.dead(c, paths, besides=console_id) or consoles.ownerless(c))


def settle(
    reads: sqlite3.Connection,
    submit: Submit,
    paths: StatePaths,
    clock: Clock,
    retry: RetrySettings,
    prepared: Callable[[endings.Outcome], endings.Outcome],
) -> bool:
    """Finish, requeue or abandon what dead consoles left; what is alive stays for a console to adopt.

    `prepared` makes an end fit for the record. True: something ended.
    """
    ended = False
    if consoles.dead(reads, paths):
        submit(lambda c: bury(c, paths, clock.now())).result()
    for execution_id, launch, boot in consoles.ownerless(reads):
        watched = reconcile.Watched(execution_id, launch, boot)
        found = reconcile.look_until_certain(watched, paths, clock)
        if isinstance(found, endings.Outcome):
            ended = True
            submit(functools.partial(_finish, prepared(found), watched.told, clock, retry)).result()
        elif found == "unclaimed":
            ended = bool(submit(functools.partial(_put_back, execution_id, launch, clock, retry)).result()) or ended
    return ended


def _finish(
    outcome: endings.Outcome, told: list[dict[str, Any]], clock: Clock, retry: RetrySettings, c: sqlite3.Connection
) -> None:
    reconcile.apply_told(c, outcome.execution_id, told, clock.now())
    endings.finish(c, [outcome], clock.now(), retry, random.Random())  # noqa: S311 - jitter of a delay


def _put_back(execution_id: str, launch: int, clock: Clock, retry: RetrySettings, c: sqlite3.Connection) -> list[int]:
    return reconcile.put_back(c, execution_id, launch, clock.now(), retry, random.Random())  # noqa: S311 - as above
