"""Whether a supervisor starts on this host: one is started, says who it is, and leaves."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from opsconsole.checkup.fact import Fact
from opsconsole.errors import SupervisorError
from opsconsole.execution.slots import LeanParent

ANSWERS_WITHIN_S = 20.0
_LONGEST = 300


def supervisor_fact() -> Fact:
    """Tried, since nothing runs without one."""
    why_not, said = _heard()
    if why_not is None:
        return Fact("platform", "supervisor", "ok", "starts")
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), why_not)
    return Fact(
        "platform", "supervisor", "broken", f"does not start: {last[:_LONGEST]}", "no script can be run",
        "install opsconsole anew if files of it are missing; else see what the words above name",
    )  # fmt: skip


def _heard() -> tuple[str | None, str]:
    """Why it does not start, or None; and what it said, where that can be written anywhere."""
    try:
        log = tempfile.NamedTemporaryFile(prefix="opsconsole-")  # noqa: SIM115 - closed below
    except OSError:
        return _tried(Path(os.devnull)), ""
    with log:
        return _tried(Path(log.name)), log.read().decode("utf-8", "replace")


def _tried(log: Path) -> str | None:
    """Why it does not start, or None."""
    try:
        parent = LeanParent(log, use_cgroup=False)
    except SupervisorError as error:
        return error.message
    try:
        with parent.fork_slot() as slot:
            slot.settimeout(ANSWERS_WITHIN_S)
            return None if slot.recv(1) else "it ended at once"
    except TimeoutError:
        return f"it did not answer within {ANSWERS_WITHIN_S:g} s"
    except (SupervisorError, OSError) as error:
        return str(error)
    finally:
        parent.close()
