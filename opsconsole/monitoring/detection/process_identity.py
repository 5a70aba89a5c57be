"""What a source says about a process: its subject, and who it is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample

if TYPE_CHECKING:
    from opsconsole.safety.redact import Redaction

NAME = 32
COMMAND = 200


def subject(process: ProcessSample) -> str:
    """ "name[pid]", harmless and short."""
    return f"{sanitise_name(process.name, limit=NAME)}[{process.pid}]"


def details(process: ProcessSample) -> dict[str, Any]:
    """Who it is, exactly enough to act on it later: {pid, start_time, start_ticks, name, cmdline, uid}.

    The command line is short, harmless and without the secrets that rules can find.
    """
    begun = process.cmdline[: 4 * COMMAND]
    return {
        "pid": process.pid,
        "start_time": process.start_time,
        "start_ticks": process.start_ticks,
        "name": sanitise_name(process.name, limit=NAME),
        "cmdline": sanitise_name(_redaction().text(begun, torn=len(begun) < len(process.cmdline)), limit=COMMAND),
        "uid": process.uid,
    }


@cache
def _redaction() -> Redaction:
    from opsconsole.safety.redact import Redaction, rule_set

    return Redaction(rules=rule_set())
