"""What is said while the database is held by another program: a command waits for it, and no key does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from opsconsole.storage import database

T = TypeVar("T")

PATIENCE_S = 1.0
"""A command that takes longer is looked into."""
WAITS = f"The database is held by another program: this waits for it, {database.BUSY_S:g} s at most."


async def saying_so(path: Path, work: Awaitable[T], say: Callable[[], object]) -> T:
    """Await it; `say` is called once if it takes long because somebody holds the database at `path`.

    Cancelled, it cancels the work, and returns what the work returns nevertheless.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        if not done and await asyncio.to_thread(database.held, path) and not task.done():
            say()
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        return await task
