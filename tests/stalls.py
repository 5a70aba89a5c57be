"""A busy machine on demand: loop, threads, and the parents and slots of runs stand still at random moments.

    python -m pytest -p tests.stalls tests/faults

A test that needs luck falls out; one that waits for what implies what it asserts only takes longer. How often and how
long at most: `STALL_SHARE` (of the turns of a loop, 0 to 1; 0.02 by default) and `STALL_S` (seconds; 0.5 by default).
`STALL_AGAIN=20` repeats each test.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import thread
from typing import Any

import pytest

from opsconsole.execution import slots

SHARE = float(os.environ.get("STALL_SHARE", "0.02"))
MOST_S = float(os.environ.get("STALL_S", "0.5"))
AGAIN = int(os.environ.get("STALL_AGAIN", "1"))

_RANDOM = random.Random()
_THREADS = 0.3
"""The share of jobs for a thread that begin or end late: there are far fewer of them than turns of a loop."""
_IN_SLOTS = f"""
import os, random, time
_random = random.Random(os.getpid() ^ time.time_ns())
def _stalling(real):
    def one(*arguments, **named):
        for before in (True, False):
            if _random.random() < {SHARE}: time.sleep(_random.random() * {MOST_S})
            if before: answer = real(*arguments, **named)
        return answer
    return one
for _name in "open write read close rename mkdir rmdir listdir waitpid wait4 kill killpg posix_spawn".split():
    setattr(os, _name, _stalling(getattr(os, _name)))
_fork = os.fork
def _stalling_fork():
    pid = _fork()
    if pid == 0: _random.seed(os.getpid() ^ time.time_ns())
    if _random.random() < {_THREADS}: time.sleep(_random.random() * {MOST_S})
    return pid
os.fork = _stalling_fork
"""
"""For the lean processes that start runs, which have nothing of this process but what they are sent."""


def _stall(share: float) -> None:
    if _RANDOM.random() < share:
        time.sleep(_RANDOM.random() * MOST_S)


def _stalling(real: Callable[..., Any], before: float, after: float) -> Callable[..., Any]:
    def one(*arguments: Any, **named: Any) -> Any:
        _stall(before)
        answer = real(*arguments, **named)
        _stall(after)
        return answer

    return one


def pytest_configure() -> None:
    asyncio.BaseEventLoop._run_once = _stalling(asyncio.BaseEventLoop._run_once, SHARE, 0)  # type: ignore[attr-defined]
    thread._WorkItem.run = _stalling(thread._WorkItem.run, _THREADS, _THREADS)  # type: ignore[method-assign]
    beginning = slots._BOOT.removesuffix("main()")
    assert beginning != slots._BOOT, "the lean parent begins in another way: nothing would stand still in it"
    slots._BOOT = f"{beginning}exec({_IN_SLOTS!r});main()"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if AGAIN > 1:
        metafunc.fixturenames.append("_again")
        metafunc.parametrize("_again", range(AGAIN))
