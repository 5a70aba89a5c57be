"""How an end becomes fit for the record: no secret in its words, the end of the output for the index, hidden places."""

from __future__ import annotations

import dataclasses
import logging
import sqlite3

from opsconsole.execution import privacy
from opsconsole.paths import StatePaths
from opsconsole.safety.redact import Redaction
from opsconsole.settings import Settings
from opsconsole.storage.endings import Outcome
from opsconsole.storage.writer import Job

_log = logging.getLogger("opsconsole.ends")


def printed(outcome: Outcome) -> bool:
    """Whether there is output to look at, which takes a while: not on the event loop."""
    output = outcome.report.get("output")
    if output:
        return bool(output["stdout_bytes"] or output["stderr_bytes"])
    return outcome.bytes_kept > 0


def prepared(outcome: Outcome, paths: StatePaths, settings: Settings, redaction: Redaction) -> Outcome:
    """The end as it is recorded. Files that cannot be read are told in the log, and their run still ends."""
    outcome = privacy.concealed(outcome, redaction)
    if not printed(outcome):
        return outcome
    folder, last = paths.run_folder(outcome.execution_id), settings.history.index_output
    from opsconsole.execution import showing

    text = ""
    try:
        if last:
            text = showing.printed_end(folder, last, redaction)
        showing.note_places(folder, redaction)
    except OSError as error:
        _log.warning("the output of %s cannot be looked through: %s", outcome.execution_id, error.strerror)
    return dataclasses.replace(outcome, output_text=text, at_rest_due=settings.execution.redact_at_rest)


def rewritten(paths: StatePaths, execution_id: str, redaction: Redaction) -> Job[None] | None:
    """Rewrite the run's files without secrets; what then has to be recorded, or None: not now.

    Waits for a reader who needs every byte (`at_rest.WAIT_S`). On a thread.
    """
    from opsconsole.execution import at_rest

    try:
        output = at_rest.rewrite(paths.run_folder(execution_id), redaction)
    except OSError as error:
        _log.warning("the output of %s could not be rewritten without secrets: %s", execution_id, error.strerror)
        return None
    if output is None:
        return None

    def record(c: sqlite3.Connection) -> None:
        at_rest.record(c, execution_id, output)

    return record
