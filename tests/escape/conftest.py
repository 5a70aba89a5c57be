"""Every combination of policy and console is attacked once; the tests then ask what came of each attempt."""

from __future__ import annotations

import os

import pytest

from opsconsole.safety.containment import probe
from tests.escape import world

WHO = ("root", "user") if os.geteuid() == 0 else ("self",)
POLICIES = ("safe", "restricted")
USER = 12_321
"""An ordinary user without an account: the tests need none on the host."""
ALONE = 1_200_000_000 + os.getpid()
"""Another one, who has no process but this test process's: all of them are killed in the end."""


def uids(who: str) -> tuple[int, int]:
    """The console's and the run's."""
    if who == "root":
        return 0, world.NOBODY
    uid = USER if who == "user" else os.geteuid()
    return uid, uid


@pytest.fixture(scope="session", autouse=True)
def _what_it_takes() -> None:
    if world.system_python() is None:
        pytest.skip("python3.11 is not installed")
    if probe.no_bubblewrap():
        pytest.skip(f"{probe.no_bubblewrap()}: bubblewrap is not here")
    if probe.no_landlock():
        pytest.skip(f"{probe.no_landlock()}: Landlock is not here")
