"""The only module that writes to stderr, and the one that knows the exit codes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from opsconsole.cli.channel import Channel, ReaderGone
from opsconsole.errors import OpsError
from opsconsole.models import ExecutionResult, Status
from opsconsole.paths import StatePaths, state_root

if TYPE_CHECKING:
    from opsconsole.safety.redact import Redaction

USAGE = 2
TIMED_OUT = 124
FAILED = 125
REFUSED = 126
NOT_FOUND = 127
SIGNALLED = 128
CANCELLED = SIGNALLED + signal.SIGINT
TERMINATED = SIGNALLED + signal.SIGTERM
READER_GONE = SIGNALLED + 13  # SIGPIPE, as a shell reports it

PIDS_LIMIT = "pids_limit"
_NAMED = 8

stderr = Channel(2)
_redaction: Redaction | None = None

_BY_STATUS = {
    Status.CANCELLED: CANCELLED,
    Status.TIMED_OUT: TIMED_OUT,
    Status.REFUSED: REFUSED,
    Status.ABANDONED: FAILED,
}


def write(data: bytes) -> None:
    """A script's own bytes. Raises ReaderGone, OSError."""
    stderr.write(data)


def tell(message: str, *, hint: str = "", within_a_line: bool = False) -> None:
    """A message of the console, made harmless. A stderr that cannot be written is nobody's concern.

    `within_a_line`: what went to stdout last is no whole line; the message begins one of its own where both are seen.
    """
    lines = [f"opsconsole: {harmless(message)}\n"]
    if within_a_line and stderr.is_where(1):
        lines.insert(0, "\n")
    if hint:
        lines.append(f"  hint: {harmless(hint)}\n")
    try:
        stderr.write("".join(lines).encode("utf-8", "replace"))
    except (ReaderGone, OSError):
        return


def report(error: OpsError) -> int:
    """Tell what went wrong; returns the exit code that goes with it."""
    tell(error.message, hint=error.hint)
    return error.exit_code


def internal(error: BaseException) -> int:
    """A defect of ours: one line for the operator, the traceback into the log."""
    import traceback

    hint = "this is a defect of opsconsole; please report it"
    try:
        log = StatePaths(state_root()).log
        with open(log, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(own_redaction().text("".join(traceback.format_exception(error))))
        hint += f" with the traceback in {log}"
    except (OSError, OpsError):
        pass  # no state directory yet: the message alone must do
    tell(f"{type(error).__name__}: {error}", hint=hint)
    return FAILED


def hide(redaction: Redaction) -> None:
    """From now on these secrets are taken out of every message, besides those of this process's environment."""
    global _redaction
    _redaction = redaction.and_also(own_redaction())


def own_redaction() -> Redaction:
    """What no message of the console may show."""
    global _redaction
    if _redaction is None:
        from opsconsole.safety.redact import Redaction
        from opsconsole.settings import RedactionSettings

        _redaction = Redaction.of(os.environ, RedactionSettings())
    return _redaction


def harmless(text: str) -> str:
    """One line that no terminal obeys, without secrets."""
    text = own_redaction().text(text)
    if text.isascii() and text.isprintable():
        return text
    from opsconsole.safety.sanitise import sanitise_name

    return sanitise_name(text, limit=4000)


def exit_code(result: ExecutionResult) -> int:
    """What `--run` exits with for this result: the script's own code, or the contract's."""
    if result.status is Status.COMPLETED:
        return result.exit_code or 0
    if result.status in _BY_STATUS:
        return _BY_STATUS[result.status]
    if result.exit_code == 0 and (result.reason or "").startswith(PIDS_LIMIT):
        return SIGNALLED + signal.SIGKILL  # what the script left running bred, and was killed
    if result.exit_code is not None:
        return result.exit_code or FAILED
    if result.signal is not None:
        return SIGNALLED + signal_number(result.signal)
    return FAILED


def signal_number(name: str) -> int:
    """`SIGKILL` → 9; a real-time signal is named by its number, `SIGRT40`."""
    if name.startswith("SIGRT") and name[5:].isdigit():
        return int(name[5:])
    return int(getattr(signal, name, 0))


def ending(result: ExecutionResult) -> str | None:
    """How the run ended, where the script's own exit code does not say it."""
    notes = "; ".join(result.containment.get("limit_notes") or ())
    told: str | None
    if notes:
        told = f"{result.reason}: {notes}" if result.reason else notes
    elif result.status is Status.COMPLETED or (result.status is Status.FAILED and result.exit_code is not None):
        told = result.reason if result.exit_code == NOT_FOUND and result.started_at is None else None
    elif result.status is Status.REFUSED:
        told = f"refused: {result.reason}"
    else:
        told = result.reason or str(result.status)
    return f"{result.name}: {told}" if told else None


def left_running(result: ExecutionResult) -> str | None:
    """What the script left behind alive, or what had to be killed after it."""
    leftovers = result.supervision.get("leftovers") or []
    if not leftovers:
        return None
    named = ", ".join(f"{entry['name'] or '?'} ({entry['pid']})" for entry in leftovers[:_NAMED])
    if len(leftovers) > _NAMED:
        named += f" and {len(leftovers) - _NAMED} more"
    killed = all(entry.get("killed") for entry in leftovers)
    return f"{result.name}: {'killed' if killed else 'left running'} after its end: {named}"
