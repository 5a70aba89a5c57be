"""What many tests need: a state directory, engines that are closed in the end, and a clock that is moved by hand."""

from __future__ import annotations

import gc
import itertools
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from opsconsole import Engine
from opsconsole.clock import Clock
from opsconsole.execution import slots
from opsconsole.settings import ExecutionSettings, RetrySettings, Settings
from tests import measured

START_US = 1_790_000_000_000_000

# Whoever wants no bytecode beside the sources would compile everything once for each of the thousand processes here.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

QUICK = Settings(
    execution=ExecutionSettings(concurrency=4, grace_s=0.2, kill_wait_s=20.0),  # no process here outlives a kill
    retry=RetrySettings(base_s=0.01, max_s=0.05, jitter=0.0),
)

if measured.lighten():
    slots._BOOT = measured.boot(slots._BOOT)


# A shell's background job is started with ctrl+c ignored, nohup's with a hang-up: all that the tests start inherits it.
for number, handler in {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}.items():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

hypothesis.settings.register_profile(
    "no luck",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",  # new examples are looked for by developers, and by tests/fuzz
)
hypothesis.settings.load_profile("no luck")

OpenEngine = Callable[..., Awaitable[Engine]]


class HandClock(Clock):
    """Time stands still until a test moves it, to and fro."""

    def __init__(self, now_us: int = START_US) -> None:
        self.now_us = now_us

    def now(self) -> int:
        return self.now_us

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: tests of screens wait for about half of their time."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test whose system tool is missing skips on a user's machine; in CI, which installs them, it fails."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if reason.endswith(("is not here", "is not installed")):
            report.outcome, report.longrepr = "failed", f"{reason}: .ci/run must install it"
    return report


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end: the collector need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop() -> Iterator[None]:
    """Before coverage puts everything together."""
    result = yield
    measured.gather()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """`@pytest.mark.unmeasured`: coverage looks away while the test runs."""
    with measured.paused() if pyfuncitem.get_closest_marker("unmeasured") else nullcontext():
        return (yield)


_numbers = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pytest's own, numbered without a look at the folders of all the tests before: there are thousands."""
    name = re.sub(r"\W", "_", request.node.name)[:27]  # as long as pytest's: a socket's path is short
    return tmp_path_factory.mktemp(f"{name}{next(_numbers)}", numbered=False)


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the settings of whoever runs it, or writes into their state directory.

    Both are folders of the test's own, which nobody makes before something is written there.
    """
    own = f"{tmp_path_factory.getbasetemp()}/surroundings{next(_numbers)}"
    monkeypatch.setenv("XDG_STATE_HOME", f"{own}/state")
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{own}/config")
    for name in ("OPSCONSOLE_STATE_DIR", "OPSCONSOLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def quick() -> Settings:
    """The defaults, with short waits."""
    return QUICK


@pytest.fixture
async def open_engine(state_dir: Path) -> AsyncIterator[OpenEngine]:
    """`engine = await open_engine(settings, claims=…, …)`, on this test's state directory."""
    engines: list[Engine] = []

    async def start(settings: Settings = QUICK, **options: Any) -> Engine:
        engine = Engine(settings, **{"state_dir": state_dir, **options})
        engines.append(engine)
        await engine.start()
        return engine

    yield start
    for engine in reversed(engines):
        await engine.close()
